"""What a caller hands over as data (frames, arrays, lists, dicts) as the payload that a signature asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from ..errors import EncodeError
from ..signature.datatypes import Array, DataType, Map, Object, SparkMLVector, ValueType
from ..signature.specs import ColumnSchema, Signature, TensorSchema, TensorSpec
from .payloads import Table, Tensors
from .values import show_value

_FLOATS = frozenset({DataType.FLOAT, DataType.DOUBLE, None})


def as_payload(data: object, signature: Signature | None = None) -> Table | Tensors:
    """Return data as the table or the tensors that the signature takes.

    Frames, series, dicts of columns, one dict of cells, lists of records or of rows, arrays and scalars are read;
    columns keep their order, and a frame's index is left out. Values become plain Python without loss: what the
    declared type does not hold is kept as it is, for the server to judge. A missing value is None, in float columns
    NaN. A Table or Tensors is returned as it is.

    Raises:
        EncodeError: The data has no reading under this signature, or holds a datetime with a zone.
    """
    if isinstance(data, Table | Tensors):
        return data
    schema = None if signature is None else signature.inputs
    if isinstance(schema, TensorSchema):
        return _tensors(data, schema)
    if schema is None and not isinstance(data, pd.DataFrame | pd.Series | Mapping) and not _is_records(data):
        return Tensors(arrays={None: np.asarray(data) if not isinstance(data, list) else data})
    columns, rows = _read(data, schema)
    types = {} if schema is None else dict(zip(schema.names, (spec.type for spec in schema.columns), strict=True))
    typed = tuple(
        tuple(_cell(value, types.get(name), at, name) for name, value in zip(columns, row, strict=True))
        for at, row in enumerate(rows)
    )
    return Table(columns=columns, rows=typed)


def _read(data: object, schema: ColumnSchema | None) -> tuple[tuple[str | int, ...], list[Sequence[object]]]:
    only = schema.columns[0] if schema is not None and len(schema.columns) == 1 else None
    names = () if schema is None else schema.names
    if isinstance(data, pd.DataFrame):
        labels = names if schema and not schema.is_named and data.shape[1] == len(names) else _labels(data.columns)
        return labels, _transposed([data.iloc[:, at].tolist() for at in range(data.shape[1])], len(data))
    if isinstance(data, pd.Series):
        return _series(data, schema)
    if isinstance(data, Mapping) and not (only is not None and only.name is None):
        return _mapping(data, dict(zip(names, (spec.type for spec in schema.columns), strict=True)) if schema else {})
    if _is_records(data) and (only is None or _names_a_column(data, names)):
        return _records(cast("Sequence[Mapping[object, object]]", data))
    if only is not None:
        values = data.tolist() if isinstance(data, np.ndarray) and data.dtype.kind != "M" else data
        return names, [[value] for value in _column(values, only.type)]
    rows = list(data) if isinstance(data, list | tuple | np.ndarray) else []
    if not rows or any(not isinstance(row, list | tuple | np.ndarray) or len(row) != len(names) for row in rows):
        raise _unread(data, names)
    return names, [list(row) for row in rows]


def _series(data: pd.Series, schema: ColumnSchema | None) -> tuple[tuple[str | int, ...], list[Sequence[object]]]:
    names = () if schema is None else schema.names
    if schema is not None and len(schema.columns) > 1 and data.name not in names:
        labels = _labels(data.index)
        if not {spec.name for spec in schema.columns if spec.required} <= set(labels):
            raise _unread(data, names)
        return labels, [data.tolist()]  # one row, as `frame.iloc[0]` gives it
    name = names[0] if len(names) == 1 else data.name if isinstance(data.name, str | int) else 0
    return (name,), [[value] for value in data.tolist()]


def _mapping(
    data: Mapping[object, object], types: Mapping[str | int, ValueType]
) -> tuple[tuple[str | int, ...], list[Sequence[object]]]:
    labels = _labels(data)
    are_columns = {_is_column(value, types.get(name)) for name, value in zip(labels, data.values(), strict=True)}
    if are_columns == {False}:
        return labels, [list(data.values())]
    columns = [list(_items(value)) for value in data.values() if _is_sequence(value)]
    lengths = {len(column) for column in columns}
    if are_columns != {True} or len(lengths) != 1:
        sizes = {
            name: len(list(_items(v))) if _is_sequence(v) else v for name, v in zip(labels, data.values(), strict=True)
        }
        raise EncodeError(
            "the columns of the data differ in length",
            facts={"lengths": show_value(sizes)},
            fix="Give every column one value a row, or one dict of cells for a single row.",
        )
    return labels, _transposed(columns, lengths.pop())


def _records(data: Sequence[Mapping[object, object]]) -> tuple[tuple[str | int, ...], list[Sequence[object]]]:
    keys = tuple(dict.fromkeys(key for row in data for key in row))
    for at, row in enumerate(data):
        absent = [key for key in keys if key not in row]
        if absent:
            raise EncodeError(
                f"row {at} of the data has no {show_value(absent[0])}, which other rows have",
                facts={"row": at, "has": show_value(list(row))},
                fix="Give every record the same keys, with None for what is missing.",
            )
    return _labels(keys), [[row[key] for key in keys] for row in data]


def _column(data: object, declared: ValueType) -> list[object]:
    """Return the rows of a one-column table: data itself is one of them where it is no list of such values."""
    return list(_items(data)) if _is_column(data, declared) else [data]


def _is_column(value: object, declared: ValueType | None) -> bool:
    """Tell whether a value is a column of cells rather than one cell of this type."""
    return _is_sequence(value) and not (isinstance(declared, Array | SparkMLVector) and _is_cell(value, declared))


def _is_cell(value: object, declared: ValueType) -> bool:
    if not isinstance(declared, Array | SparkMLVector):
        return not _is_sequence(value)
    items = declared.items if isinstance(declared, Array) else DataType.DOUBLE
    return _is_sequence(value) and all(_is_cell(item, items) for item in _items(value))


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple | pd.Series | pd.Index) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _items(value: object) -> Iterable[object]:
    return cast("Iterable[object]", value.tolist() if isinstance(value, pd.Series | pd.Index) else value)


def _is_records(data: object) -> bool:
    return isinstance(data, list | tuple) and bool(data) and all(isinstance(row, Mapping) for row in data)


def _names_a_column(data: object, names: tuple[str | int, ...]) -> bool:
    return any(key in names for row in cast("Sequence[Mapping[object, object]]", data) for key in row)


def _transposed(columns: list[list[object]], n_rows: int) -> list[Sequence[object]]:
    return list(zip(*columns, strict=True)) if columns else [() for _ in range(n_rows)]


def _labels(labels: Iterable[object]) -> tuple[str | int, ...]:
    read: list[str | int] = []
    for label in labels:
        if isinstance(label, str):
            read.append(str(label))
        elif isinstance(label, int | np.integer) and not isinstance(label, bool):
            read.append(int(label))
        else:
            raise EncodeError(
                f"the column label {show_value(label)} is neither text nor an integer",
                fix="Rename the columns to those of the signature.",
            )
    return tuple(read)


def _cell(value: object, declared: ValueType | None, row: int, column: str | int) -> object:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        raise EncodeError(
            f"row {row} of {show_value(column)} is {value.isoformat()}, and a datetime column has no zone",
            facts={"row": row, "column": show_value(column)},
            fix='Convert it first, as in frame[column].dt.tz_convert("UTC").dt.tz_localize(None).',
        )
    if isinstance(value, list | tuple | np.ndarray):
        items = declared.items if isinstance(declared, Array) else None
        return [_cell(item, items, row, column) for item in value]
    if isinstance(value, Mapping):
        types = {member.name: member.type for member in declared.properties} if isinstance(declared, Object) else {}
        every = declared.values if isinstance(declared, Map) else None
        return {key: _cell(item, types.get(str(key), every), row, column) for key, item in value.items()}
    return _scalar(value, declared)


def _scalar(value: object, declared: ValueType | None) -> object:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        return float(value) if value == value or declared in _FLOATS else None  # noqa: PLR0124 # NaN test
    if isinstance(value, np.datetime64 | dt.date):
        return _moment(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.timedelta64) else value


def _moment(value: np.datetime64 | dt.date) -> object:
    exact = value.to_datetime64() if isinstance(value, pd.Timestamp) else np.datetime64(value)
    if np.isnat(exact):
        return None
    # Beyond 1677 and 2262 nanoseconds wrap around, or overflow from NumPy 2.5 on; the coarser unit has the moment.
    try:
        fine = exact.astype("datetime64[ns]")
    except OverflowError:
        return exact
    return fine if fine.astype(exact.dtype) == exact else exact


def _tensors(data: object, schema: TensorSchema) -> Tensors:
    if not schema.is_named:
        return Tensors(arrays={None: _tensor(data, schema.tensors[0])})
    names = [cast("str", spec.name) for spec in schema.tensors]
    if isinstance(data, pd.DataFrame) and set(names) <= set(data.columns):
        data = {name: data[name].to_numpy() for name in names}
    if not isinstance(data, Mapping):
        if len(names) > 1:
            raise _unread(data, tuple(names))
        data = {names[0]: data}
    specs = {spec.name: spec for spec in schema.tensors}
    return Tensors(arrays={name: _tensor(array, specs.get(name)) for name, array in data.items()})


def _tensor(data: object, spec: TensorSpec | None) -> np.ndarray | list[object]:
    if isinstance(data, pd.DataFrame | pd.Series):
        data = data.to_numpy()
    try:
        array = np.asarray(data)
    except ValueError:  # ragged: sent as it stands, for the server to judge
        return cast("list[object]", data)
    if spec is None or spec.dtype in {"str", "bytes", "object"} or array.dtype.kind in "OUS":
        return array if isinstance(data, np.ndarray) or array.ndim == 0 else cast("list[object]", data)
    if not isinstance(data, np.ndarray) and _is_changed(data, array, np.dtype(spec.dtype)):
        return cast("list[object]", data)
    return _typed(array, np.dtype(spec.dtype))


def _is_changed(data: object, array: np.ndarray, dtype: np.dtype) -> bool:
    """Tell whether NumPy made numbers of booleans, or rounded integers that stand beside floats."""
    if array.ndim == 0 or array.dtype.kind not in "iuf":
        return False
    leaves = list(np.asarray(data, dtype=object).ravel())
    if any(isinstance(leaf, bool | np.bool_) for leaf in leaves):
        return True
    is_exact = dtype.kind in "iu" and array.dtype.kind == "f"
    return is_exact and any(isinstance(leaf, int) and float(leaf) != leaf for leaf in leaves)


def _typed(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an array in its declared dtype where that keeps every value; floats may round, as they do on the wire."""
    if array.dtype.kind not in "biuf" or dtype.kind not in "biuf" or (array.dtype.kind == "b") != (dtype.kind == "b"):
        return array
    with np.errstate(invalid="ignore", over="ignore"):
        cast_array = array.astype(dtype)
    kept = np.isfinite(cast_array).all() if dtype.kind == "f" else np.array_equal(cast_array, array)
    return cast_array if kept else array


def _unread(data: object, names: tuple[object, ...]) -> EncodeError:
    return EncodeError(
        f"a {type(data).__name__} has no reading as rows of {len(names)} columns",
        facts={"columns": show_value(list(names)), "data": show_value(data)},
        fix="Give a frame, a dict of columns, or a list of records.",
    )
