"""What a payload is in a test's own terms: a data frame typed by the signature, or arrays."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final, TypeAlias

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
_HOLD_NULL: Final = frozenset({"f", "M"})  # kinds of dtypes with a NaN or NaT
_FIRST: Final = pd.Timestamp.min.ceil("us").to_pydatetime()  # of what nanoseconds in 64 bits can say
_LAST: Final = pd.Timestamp.max.floor("us").to_pydatetime()


def as_frame(payload: Table | Tensors, signature: Signature | None = None) -> Frame:
    """Return a table as a data frame with the dtypes that the signature declares, and tensors as arrays.

    A null becomes NaN or NaT where the dtype has one. A column with a cell that its dtype cannot hold, such as a null
    among integers or what a test drew on purpose, holds objects: nothing is changed. The only tensor of an unnamed
    schema comes bare, named ones in a dict.
    """
    if isinstance(payload, Tensors):
        only = payload.arrays.get(None)
        return only if isinstance(only, np.ndarray) else dict(payload.arrays)
    declared = _declared(signature)
    cells = zip(*payload.rows, strict=True) if payload.rows else [()] * len(payload.columns)
    series = [_series(list(column), declared.get(name)) for name, column in zip(payload.columns, cells, strict=True)]
    frame: pd.DataFrame = pd.DataFrame(dict(enumerate(series)), index=pd.RangeIndex(len(payload.rows)))
    frame.columns = pd.Index(payload.columns, dtype=object)  # set afterwards, since a broken table may repeat one
    return frame


def _declared(signature: Signature | None) -> dict[str | int, ValueType]:
    schema = signature.inputs if signature is not None else None
    if not isinstance(schema, ColumnSchema):
        return {}
    return dict(zip(schema.names, (spec.type for spec in schema.columns), strict=True))


def _series(cells: list[object], declared: ValueType | None) -> pd.Series:
    dtype = _DTYPES.get(declared) if isinstance(declared, DataType) else None
    if dtype is None or not all(_holds(np.dtype(dtype), cell) for cell in cells):
        objects: pd.Series = pd.Series(cells, dtype=object)
        return objects
    if declared is DataType.DATETIME:
        moments = [np.datetime64("NaT", "ns") if cell is None else cell for cell in cells]
        series: pd.Series = pd.Series(np.array(moments, dtype=dtype))
    else:
        series = pd.Series([np.nan if cell is None else cell for cell in cells], dtype=dtype)
    return series


def _holds(dtype: np.dtype[Any], cell: object) -> bool:
    """Tell whether a dtype holds a cell; a float may become the nearest that it has."""
    if cell is None:
        return dtype.kind in _HOLD_NULL
    match dtype.kind:
        case "b":
            return isinstance(cell, bool | np.bool_)
        case "f":
            return _holds_number(dtype, cell)
        case "M":
            return _holds_moment(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | np.integer):
        return False
    return bool(np.iinfo(dtype).min <= int(cell) <= np.iinfo(dtype).max)


def _holds_number(dtype: np.dtype[Any], cell: object) -> bool:
    largest = float(np.finfo(dtype).max)  # as Python compares: exactly, and without a warning
    if isinstance(cell, bool):
        return False
    if isinstance(cell, int | np.integer):
        return abs(int(cell)) <= largest and int(dtype.type(cell)) == int(cell)
    return isinstance(cell, float | np.floating) and (not math.isfinite(cell) or abs(float(cell)) <= largest)


def _holds_moment(cell: object) -> bool:
    if isinstance(cell, np.datetime64):
        try:
            return bool(np.isnat(cell) or cell.astype("datetime64[ns]").astype(cell.dtype) == cell)
        except OverflowError:  # from NumPy 2.5 on; before, it wraps around
            return False
    return isinstance(cell, datetime) and cell.tzinfo is None and _FIRST <= cell <= _LAST
