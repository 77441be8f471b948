"""What a model answered, typed by its output schema."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import pandas as pd

from ..errors import DecodeError
from ..signature.datatypes import Array, DataType, Map, Object, ValueType
from ..signature.specs import ColumnSchema, Schema, TensorSchema, TensorSpec
from .breach import Breach, BreachKind
from .breaches import Reading, breaches, cells_of, read_table
from .scalars import read_base64, read_moment
from .values import show_value

_TOLERATED: Final = frozenset({BreachKind.NULL, BreachKind.EXTRA})  # they lose nothing that is asked for
# NumPy's own text and bytes lose trailing NULs: bytes are objects, and text is where that would happen.
_TENSOR_DTYPES: Final[Mapping[str, str]] = {"str": "U", "bytes": "O"}
_DTYPES: Final[Mapping[DataType, tuple[str, str]]] = {  # without nulls, with nulls
    DataType.BOOLEAN: ("bool", "boolean"),
    DataType.INTEGER: ("int32", "Int32"),
    DataType.LONG: ("int64", "Int64"),
    DataType.FLOAT: ("float32", "float32"),
    DataType.DOUBLE: ("float64", "float64"),
    DataType.DATETIME: ("datetime64[ns]", "datetime64[ns]"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """The predictions of one answer.

    Attributes:
        raw: The decoded JSON value under `predictions`, untouched.
        schema: The model's output schema; without one, values stay as JSON has them.
    """

    raw: object
    schema: Schema | None = None

    def to_list(self) -> list[object]:
        """Return one plain value a row.

        A row of a table is a dict by column name, of an unnamed one-column table or a tensor its bare value; named
        tensors give one dict a row. Dates are numpy.datetime64 in nanoseconds, binary values bytes, null None.

        Raises:
            DecodeError: The answer is not what the output schema says; the first place is told.
        """
        if self.schema is None:
            return list(self.raw) if isinstance(self.raw, list) else [self.raw]
        if isinstance(self.schema, TensorSchema):
            arrays = self._arrays(self.schema)
            if None in arrays:
                only = arrays[None]
                return list(only) if only.dtype.kind == "M" else np.atleast_1d(only).tolist()
            rows = zip(*map(np.atleast_1d, arrays.values()), strict=True)
            return [dict(zip(arrays, row, strict=True)) for row in rows]
        columns = self._columns(self.schema)
        if not self.schema.is_named and len(columns) == 1:
            return list(columns[0])
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_numpy(self) -> np.ndarray | dict[str, np.ndarray]:
        """Return one array of the declared dtype, or a dict of them for named tensors.

        One column gives `(rows,)`, several `(rows, columns)` of their common dtype, or of objects where they have
        none. A null becomes NaN or NaT; in integers, booleans and text, which have neither, None in an array of
        objects.

        Raises:
            DecodeError: The answer is not what the output schema says; the first place is told.
        """
        if self.schema is None:
            return np.asarray(self.raw) if _is_regular(self.raw) else _as_objects(self.to_list())
        if isinstance(self.schema, TensorSchema):
            arrays = self._arrays(self.schema)
            return arrays[None] if None in arrays else {str(name): array for name, array in arrays.items()}
        columns = self._columns(self.schema)
        typed = [_as_array(cells, spec.type) for cells, spec in zip(columns.values(), self.schema.columns, strict=True)]
        if len(typed) == 1:
            return typed[0]
        if len({array.dtype for array in typed}) > 1:
            typed = [array.astype(object) for array in typed]
        return np.stack(typed, axis=1)

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame with the declared columns in their order, typed by the schema.

        Integers and booleans with nulls get pandas' nullable types. Tensors of one dimension are columns of
        scalars, others columns of arrays; an unnamed one is the column 0.

        Raises:
            DecodeError: The answer is not what the output schema says; the first place is told.
        """
        if self.schema is None:
            return _as_plain_frame(self.to_list())
        if isinstance(self.schema, TensorSchema):
            arrays = {0 if name is None else name: array for name, array in self._arrays(self.schema).items()}
            return _as_frame({name: _as_tensor_series(np.atleast_1d(array)) for name, array in arrays.items()})
        columns = self._columns(self.schema)
        specs = zip(columns.items(), self.schema.columns, strict=True)
        return _as_frame({name: _as_series(cells, spec.type) for (name, cells), spec in specs})

    def _columns(self, schema: ColumnSchema) -> dict[str | int, list[object]]:
        reading, found = read_table(self.raw, schema)
        _require_none(found)
        if reading is Reading.COLUMNS:
            columns = cast("dict[str, list[object]]", self.raw)
            absent = [None] * len(next(iter(columns.values())))
            cells = [columns.get(str(name), absent) for name in schema.names]
        else:
            rows = cast("list[object]", self.raw) if reading is Reading.ROWS else [self.raw]
            table = [cells_of(row, schema) for row in rows]
            cells = [[row[place] for row in table] for place in range(len(schema.columns))]
        return {
            name: [_decoded(value, spec.type) for value in column]
            for name, spec, column in zip(schema.names, schema.columns, cells, strict=True)
        }

    def _arrays(self, schema: TensorSchema) -> dict[str | None, np.ndarray]:
        _require_none(breaches(self.raw, schema))
        document = self.raw
        only = schema.tensors[0]
        is_bare = len(schema.tensors) == 1 and not isinstance(document, dict) and not _is_records(document)
        if only.name is None or is_bare:
            return {only.name: _as_tensor(document, only)}
        arrays: dict[str | None, np.ndarray] = {}
        for spec in schema.tensors:
            name = cast("str", spec.name)
            if isinstance(document, dict):
                arrays[name] = _as_tensor(document[name], spec)
            else:
                arrays[name] = _as_tensor([row[name] for row in cast("list[dict[str, object]]", document)], spec)
        return arrays


def as_predictions(document: object, schema: Schema | None = None, *, is_bare: bool = False) -> Predictions:
    """Return the predictions in a decoded answer.

    Args:
        document: The decoded body.
        schema: The model's output schema.
        is_bare: Whether the predictions are the whole body, as in the answer to a unified request.

    Raises:
        DecodeError: It is no object with `predictions`.
    """
    if is_bare:
        return Predictions(raw=document, schema=schema)
    if isinstance(document, dict) and "predictions" in document:
        return Predictions(raw=document["predictions"], schema=schema)
    raise DecodeError(
        'the answer is no object with "predictions"',
        facts={"received": show_value(document)},
        fix="Read Invocation.json() where the model answers in a form of its own, as chat models do.",
    )


def _require_none(found: tuple[Breach, ...]) -> None:
    for breach in found:
        if breach.kind not in _TOLERATED:
            raise _mismatch(breach)


def _mismatch(breach: Breach) -> DecodeError:
    facts: dict[str, object] = {"expected": breach.expected, "received": breach.received}
    if breach.row is not None:
        facts["row"] = breach.row
    if breach.column is not None:
        facts["column"] = show_value(breach.column)
    return DecodeError(
        f"{breach.path} is not what the output schema says ({breach.kind.value}): {breach.received}",
        facts=facts,
        fix="Read .raw for the untyped predictions, or correct the signature.",
    )


def _is_records(document: object) -> bool:
    return isinstance(document, list) and bool(document) and all(isinstance(row, dict) for row in document)


def _decoded(value: object, declared: ValueType) -> object:
    if value is None:
        return None
    if isinstance(declared, DataType):
        return _SCALARS[declared](value)
    if isinstance(declared, Array):
        return [_decoded(item, declared.items) for item in cast("list[object]", value)]
    if isinstance(declared, Map):
        return {key: _decoded(item, declared.values) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(declared, Object):
        types = {member.name: member.type for member in declared.properties}
        members = cast("dict[str, object]", value).items()
        return {key: _decoded(item, types[key]) if key in types else item for key, item in members}
    return value


def _as_is(value: object) -> object:
    return value


def _as_int(value: object) -> object:
    return int(cast("float", value))


def _as_float(value: object) -> object:
    return float(cast("float", value))


def _as_float32(value: object) -> object:
    return float(np.float32(cast("float", value)))


_SCALARS: Final[Mapping[DataType, Callable[[object], object]]] = {
    DataType.BOOLEAN: _as_is,
    DataType.INTEGER: _as_int,
    DataType.LONG: _as_int,
    DataType.FLOAT: _as_float32,
    DataType.DOUBLE: _as_float,
    DataType.STRING: _as_is,
    DataType.BINARY: lambda value: read_base64(cast("str", value)),
    DataType.DATETIME: lambda value: read_moment(cast("str", value)),
}


def _as_array(cells: list[object], declared: ValueType) -> np.ndarray:
    if isinstance(declared, DataType) and declared in _DTYPES:
        dtype = _DTYPES[declared][0]
        if not any(cell is None for cell in cells) or dtype.startswith(("float", "datetime")):
            return np.array(cells, dtype=dtype)
    return _as_objects(cells)


def _as_series(cells: list[object], declared: ValueType) -> pd.Series:
    if isinstance(declared, DataType) and declared in _DTYPES:
        return pd.Series(cells, dtype=_DTYPES[declared][any(cell is None for cell in cells)])
    return pd.Series(cells, dtype=object)


def _as_plain_frame(rows: list[object]) -> pd.DataFrame:
    """Return rows without a schema: records and rows of one length by column, all else as one column."""
    if _is_records(rows):
        records = cast("list[dict[str, object]]", rows)
        names = dict.fromkeys(name for record in records for name in record)
        return _as_frame({name: _as_plain_series([record.get(name) for record in records]) for name in names})
    if all(isinstance(row, list) for row in rows) and len(set(map(len, cast("list[list[object]]", rows)))) == 1:
        columns = zip(*cast("list[list[object]]", rows), strict=True)
        return _as_frame({at: _as_plain_series(list(column)) for at, column in enumerate(columns)})
    return _as_frame({0: _as_plain_series(rows)})


def _as_plain_series(cells: list[object]) -> pd.Series:
    is_number = bool(cells) and all(cell is None or _is_plain_number(cell) for cell in cells)
    # Left to itself, pandas makes Arrow text of strings, which cannot hold lone surrogates.
    series: pd.Series = pd.Series(cells) if is_number else pd.Series(_as_objects(cells), dtype=object)
    return series


def _is_plain_number(cell: object) -> bool:
    """Tell whether pandas reads a cell as a number; it fails on integers beyond the largest float."""
    return isinstance(cell, float) or (isinstance(cell, int) and abs(cell) <= sys.float_info.max)


def _as_frame(content: dict[str | int, object]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(content)
    return frame


def _as_tensor_series(array: np.ndarray) -> pd.Series:
    is_plain = array.ndim == 1 and array.dtype.kind not in "UO"
    series: pd.Series = pd.Series(array) if is_plain else pd.Series(_as_objects(list(array)), dtype=object)
    return series


def _as_objects(cells: list[object]) -> np.ndarray:
    array = np.empty(len(cells), dtype=object)
    for at, cell in enumerate(cells):
        array[at] = cell
    return array


def _as_tensor(document: object, spec: TensorSpec) -> np.ndarray:
    shape = _shape_of(document, spec)
    leaves = _leaves(document, len(spec.shape))
    dtype = np.dtype(_TENSOR_DTYPES.get(spec.dtype, spec.dtype))
    if spec.dtype == "bytes":
        leaves = [_decoded(leaf, DataType.BINARY) for leaf in leaves]
    elif dtype.kind == "M":
        leaves = [_decoded(leaf, DataType.DATETIME) for leaf in leaves]
    elif dtype.kind in "iu":
        leaves = [leaf if leaf is None else _as_int(leaf) for leaf in leaves]
    cut = dtype.kind == "U" and any(isinstance(leaf, str) and leaf.endswith("\0") for leaf in leaves)
    if cut or dtype.kind == "O" or (None in leaves and dtype.kind not in "fM"):
        return _as_objects(leaves).reshape(shape)
    return np.array(leaves, dtype=dtype).reshape(shape)


def _shape_of(document: object, spec: TensorSpec) -> tuple[int, ...]:
    """Return the shape on the wire; the dimensions behind an empty one, which JSON loses, are the declared ones."""
    shape: list[int] = []
    part = document
    for declared in spec.shape:
        shape.append(len(part) if isinstance(part, list) else max(declared, 0))
        part = part[0] if isinstance(part, list) and part else None
    return tuple(shape)


def _leaves(document: object, depth: int) -> list[object]:
    parts = [document]
    for _ in range(depth):
        parts = [item for part in parts for item in cast("list[object]", part)]
    return parts


def _is_regular(document: object) -> bool:
    try:
        return np.asarray(document).dtype.kind != "O"
    except ValueError:  # ragged
        return False
