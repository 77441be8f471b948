"""What a payload is in a test's own terms: a data frame typed by the signature, or arrays."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import pandas as pd

from ..signature.datatypes import DataType, ValueType
from ..signature.specs import ColumnSchema, Signature
from .payloads import Table, Tensors

Frame: TypeAlias = "pd.DataFrame | np.ndarray | dict[str | None, np.ndarray | list[object]]"

_DTYPES: Final = {
    DataType.BOOLEAN: "bool",
    DataType.INTEGER: "int32",
    DataType.LONG: "int64",
    DataType.FLOAT: "float32",
    DataType.DOUBLE: "float64",
    DataType.DATETIME: "datetime64[ns]",
}
_HOLDS_NULL: Final = frozenset({DataType.FLOAT, DataType.DOUBLE, DataType.DATETIME})


def as_frame(payload: Table | Tensors, signature: Signature | None = None) -> Frame:
    """Return a table as a data frame with the dtypes that the signature declares, and tensors as arrays.

    A null becomes NaN or NaT where the dtype has one; a column of integers or booleans with nulls holds objects. The
    only tensor of an unnamed schema comes bare, named ones in a dict.
    """
    if isinstance(payload, Tensors):
        only = payload.arrays.get(None)
        return only if isinstance(only, np.ndarray) else dict(payload.arrays)
    declared = _declared(signature)
    cells = zip(*payload.rows, strict=True) if payload.rows else [()] * len(payload.columns)
    series = {
        name: _series(list(column), declared.get(name)) for name, column in zip(payload.columns, cells, strict=True)
    }
    frame: pd.DataFrame = pd.DataFrame(series, columns=list(payload.columns))
    return frame


def _declared(signature: Signature | None) -> dict[str | int, ValueType]:
    schema = signature.inputs if signature is not None else None
    if not isinstance(schema, ColumnSchema):
        return {}
    return dict(zip(schema.names, (spec.type for spec in schema.columns), strict=True))


def _series(cells: list[object], declared: ValueType | None) -> pd.Series:
    dtype = _DTYPES.get(declared) if isinstance(declared, DataType) else None
    if dtype is None or (declared not in _HOLDS_NULL and any(cell is None for cell in cells)):
        series: pd.Series = pd.Series(cells, dtype=object)
    elif declared is DataType.DATETIME:
        moments = [np.datetime64("NaT", "ns") if cell is None else cell for cell in cells]
        series = pd.Series(np.array(moments, dtype=dtype))
    else:
        series = pd.Series([np.nan if cell is None else cell for cell in cells], dtype=dtype)
    return series
