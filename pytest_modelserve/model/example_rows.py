"""An input example as typed rows: from the JSON that MLflow keeps to what the signature describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..signature.datatypes import DataType, ValueType
from ..signature.specs import ColumnSchema, Schema, TensorSchema, TensorSpec
from ..wire.payloads import Table, Tensors
from .cells import Unfit, as_bytes, typed_cell


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRows:
    """The typed rows, None where there are none; and what does not fit, each a sentence."""

    payload: Table | Tensors | None
    notes: tuple[str, ...] = ()


class _NoRows(Exception):
    """The example cannot be told as a table or as tensors."""


def payload_of(data: object, kind: str, schema: Schema | None) -> ExampleRows:
    """Return an example's data as what the schema describes.

    A value that does not fit its type stays as it is, with a note: whether the model takes its own example is for a
    check to say, not for the reader. NaN is null.

    Args:
        data: The example as JSON data, a sparse matrix as a list of rows.
        kind: The `type` of the example that MLflow recorded.
        schema: What the model takes; None where it does not say.
    """
    try:
        if isinstance(schema, TensorSchema):
            return _tensors(data, kind, schema)
        if isinstance(schema, ColumnSchema):
            return _typed(_table(data, kind, schema), schema)
        return ExampleRows(payload=_unsigned(data, kind))
    except _NoRows as reason:
        return ExampleRows(payload=None, notes=(f"the input example gives no rows: {reason}",))


def _unsigned(data: object, kind: str) -> Table | Tensors | None:
    if kind == "dataframe":
        return _split(data)
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        return _records(data)
    if kind == "json_object" and not isinstance(data, list):
        return None  # a bare value or one free document: only its exact body says what it is
    arrays = data if isinstance(data, dict) else {None: data}
    return Tensors(arrays={name: _natural(value) for name, value in arrays.items()})


def _natural(value: object) -> np.ndarray:
    try:
        array = np.array(value)
    except (ValueError, OverflowError) as error:
        raise _NoRows(f"ragged or mixed ({error})") from error
    if array.dtype.kind == "O":
        raise _NoRows("nulls or mixed types without a signature that names a type")
    return array


def _table(data: object, kind: str, schema: ColumnSchema) -> Table:
    if kind == "dataframe":
        table = _split(data)
        if schema.is_named:
            return table
        return Table(columns=tuple(range(len(table.columns))), rows=table.rows)
    if isinstance(data, dict) and schema.is_named:
        return _columns(data) if kind == "ndarray" or _are_columns(data, schema) else _record(data)
    if isinstance(data, list) and schema.is_named and data and all(isinstance(row, dict) for row in data):
        return _records(data)
    return _by_position(data if isinstance(data, list) else [data], schema)


def _split(data: object) -> Table:
    rows = data.get("data") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _NoRows("a dataframe without `data`, a list of rows")
    n_columns = max((len(row) for row in rows), default=0)
    names = data.get("columns", list(range(n_columns))) if isinstance(data, dict) else []
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise _NoRows(f"its columns are not names: {names!r}")
    if any(len(row) != len(names) for row in rows):
        raise _NoRows(f"rows of other lengths than its {len(names)} columns")
    return Table(columns=tuple(names), rows=tuple(tuple(row) for row in rows))


def _records(records: Sequence[Mapping[str, object]]) -> Table:
    names = tuple(dict.fromkeys(name for record in records for name in record))
    return Table(columns=names, rows=tuple(tuple(record.get(name) for name in names) for record in records))


def _record(record: Mapping[str, object]) -> Table:
    return _records([record])


def _columns(data: Mapping[str, object]) -> Table:
    lists = [column for column in data.values() if isinstance(column, list)]
    if len(lists) != len(data) or len({len(column) for column in lists}) != 1:
        raise _NoRows("columns of different lengths")
    return Table(columns=tuple(data), rows=tuple(zip(*lists, strict=True)))


def _are_columns(data: Mapping[str, object], schema: ColumnSchema) -> bool:
    """Tell whether a dict of lists holds columns of scalars, and not one row of arrays."""
    types = {spec.name: spec.type for spec in schema.columns}
    return all(isinstance(value, list) and isinstance(types.get(name), DataType) for name, value in data.items())


def _by_position(values: list[object], schema: ColumnSchema) -> Table:
    n_columns = len(schema.columns)
    is_cell = n_columns == 1 and not isinstance(schema.columns[0].type, DataType)
    rows = [row if isinstance(row, list) and not is_cell else [row] for row in values]
    if any(len(row) != n_columns for row in rows):
        raise _NoRows(f"its rows do not have the {n_columns} columns of the signature")
    return Table(columns=schema.names, rows=tuple(tuple(row) for row in rows))


def _typed(table: Table, schema: ColumnSchema) -> ExampleRows:
    types: Mapping[str | int, ValueType] = {
        name: spec.type for name, spec in zip(schema.names, schema.columns, strict=True)
    }
    known = [(at, name, types[name]) for at, name in enumerate(table.columns) if name in types]
    notes = [
        f"column {name!r} of the input example is not in the signature" for name in table.columns if name not in types
    ]
    columns = [[typed_cell(row[at], kind) for row in table.rows] for at, _, kind in known]
    for (_, name, _), column in zip(known, columns, strict=True):
        unfit = [cell for cell in column if isinstance(cell, Unfit)]
        if unfit:
            notes.append(f"column {name!r} of the input example: {unfit[0].reason}")
    cells = [[cell.value if isinstance(cell, Unfit) else cell for cell in column] for column in columns]
    rows = tuple(zip(*cells, strict=True)) if cells else tuple(() for _ in table.rows)
    return ExampleRows(payload=Table(columns=tuple(name for _, name, _ in known), rows=rows), notes=tuple(notes))


def _tensors(data: object, kind: str, schema: TensorSchema) -> ExampleRows:
    given = _named_values(data, kind, schema)
    missing = [spec.name for spec in schema.tensors if spec.name not in given]
    if missing:
        raise _NoRows(f"it lacks the tensors {', '.join(repr(name) for name in missing)}")
    arrays = {spec.name: _array(given[spec.name], spec) for spec in schema.tensors}
    notes = [
        f"tensor {spec.name!r} of the input example has the shape {arrays[spec.name].shape}, not {spec.shape}"
        for spec in schema.tensors
        if not _has_shape(arrays[spec.name].shape, spec.shape)
    ]
    return ExampleRows(payload=Tensors(arrays=arrays), notes=tuple(notes))


def _named_values(data: object, kind: str, schema: TensorSchema) -> Mapping[str | None, object]:
    if kind == "dataframe":
        table = _split(data)
        if not schema.is_named:
            return {None: [list(row) for row in table.rows]}
        return {str(name): [row[at] for row in table.rows] for at, name in enumerate(table.columns)}
    if isinstance(data, dict) and schema.is_named:
        return data
    if len(schema.tensors) == 1 and not isinstance(data, dict):
        return {schema.tensors[0].name: data}
    raise _NoRows("its form is not the one of the signature's tensors")


def _array(value: object, spec: TensorSpec) -> np.ndarray:
    try:
        array = np.array(_decoded(value), dtype=bytes) if spec.dtype == "bytes" else _cast(value, np.dtype(spec.dtype))
    except (ValueError, TypeError, OverflowError) as error:
        raise _NoRows(f"tensor {spec.name!r} is no array of {spec.dtype} ({error})") from error
    return array


def _cast(value: object, dtype: np.dtype) -> np.ndarray:
    """Return the values as an array of that dtype, which must hold each of them."""
    with np.errstate(over="ignore", invalid="ignore"):  # what they would warn of is an error below
        if dtype.kind in "iu":
            plain = np.array(value)
            array = plain.astype(dtype)
            holds_all = plain.dtype.kind in "iuf" and np.array_equal(plain, array)
        else:
            array = np.array(value, dtype=dtype)
            holds_all = dtype.kind != "f" or not np.isinf(array).any()
    if not holds_all:
        raise ValueError(f"values that {dtype} cannot hold")
    return array


def _decoded(value: object) -> object:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    decoded = as_bytes(value)
    if isinstance(decoded, Unfit):
        raise TypeError(decoded.reason)
    return decoded


def _has_shape(shape: tuple[int, ...], declared: tuple[int, ...]) -> bool:
    return len(shape) == len(declared) and all(want in {-1, size} for size, want in zip(shape, declared, strict=True))
