"""Where predictions differ from the output schema, judged by wire value and never by dtype."""

from __future__ import annotations

import enum
from itertools import islice
from typing import cast

from ..signature.datatypes import AnyType, Array, DataType, Map, Object, SparkMLVector, ValueType
from ..signature.specs import ColumnSchema, ColumnSpec, Schema, TensorSchema
from .breach import Breach, BreachKind, Found, Place, Told
from .scalars import expectation, misfit
from .tensor_breaches import tensor_breaches
from .values import show_value


def breaches(
    document: object, schema: Schema, n_rows: int | None = None, *, limit: int | None = None
) -> tuple[Breach, ...]:
    """Return every place where the predictions differ from the output schema, in reading order.

    A table may come as a list of records (what a DataFrame becomes), as an object of columns, as one record for one
    row, as bare values for one column, and as lists of cells where the columns have no names. A number is judged by
    its value: 3.0 is a long and 3 a double, 3.5 is no long. Where a document can be read in two ways, the reading
    with the fewest breaches counts.

    Args:
        document: The decoded value under `predictions`.
        schema: The output schema.
        n_rows: How many rows were sent; None where the output is not by row.
        limit: How many breaches to look for at most; None for all.
    """
    if isinstance(schema, TensorSchema):
        return tuple(islice(tensor_breaches(document, schema, n_rows), limit))
    return read_table(document, schema, n_rows)[1][:limit]


class Reading(enum.Enum):
    """How a document holds the rows of a table."""

    ROWS = "rows"
    COLUMNS = "columns"
    ONE_ROW = "one_row"


def read_table(document: object, schema: ColumnSchema, n_rows: int | None = None) -> tuple[Reading, tuple[Breach, ...]]:
    """Return the reading of a document that differs least from its schema, with the breaches that are left."""
    readings: list[tuple[Reading, tuple[Breach, ...]]] = []
    if isinstance(document, list):
        readings.append((Reading.ROWS, tuple(_list_of_rows(document, schema, n_rows))))
    if isinstance(document, dict) and document and all(isinstance(cells, list) for cells in document.values()):
        readings.append((Reading.COLUMNS, tuple(_columns(document, schema, n_rows))))
    if not isinstance(document, list) or _is_one_row(schema):
        readings.append((Reading.ONE_ROW, tuple(_one_row(document, schema, n_rows))))
    return min(readings, key=lambda reading: len(reading[1]))


def cells_of(row: object, schema: ColumnSchema) -> tuple[object, ...]:
    """Return the cells of one row on the wire in the order of the schema, None for what is absent."""
    if len(schema.columns) == 1 and not _is_record_of(row, schema):
        return (row,)
    if isinstance(row, dict):
        return tuple(row.get(key) for key in _keys(row, schema))
    return tuple(cast("list[object]", row))


def _is_one_row(schema: ColumnSchema) -> bool:
    """Tell whether a list may itself be the value of the one row: a model from a type hint that returns a list."""
    return len(schema.columns) == 1 and not isinstance(schema.columns[0].type, DataType)


def _list_of_rows(rows: list[object], schema: ColumnSchema, n_rows: int | None) -> Found:
    yield from _row_count(len(rows), n_rows)
    for at, row in enumerate(rows):
        yield from _row(row, schema, Place().in_row(at))


def _one_row(value: object, schema: ColumnSchema, n_rows: int | None) -> Found:
    if n_rows not in {None, 1}:
        yield Place().breach(BreachKind.ROWS, f"{n_rows} rows", value)
    yield from _row(value, schema, Place())


def _row_count(received: int, n_rows: int | None) -> Found:
    if n_rows is not None and received != n_rows:
        yield Place().breach(BreachKind.ROWS, f"{n_rows} rows", Told(f"{received} rows"))


def _row(row: object, schema: ColumnSchema, place: Place) -> Found:
    if len(schema.columns) == 1 and not _is_record_of(row, schema):
        spec = schema.columns[0]
        named = place if spec.name is None else Place(path=place.path, row=place.row, column=spec.name)
        yield from _cell(row, spec, named)
    elif isinstance(row, dict):
        yield from _record(row, schema, place)
    elif isinstance(row, list) and not schema.is_named:
        if len(row) != len(schema.columns):
            yield place.breach(BreachKind.FORM, f"{len(schema.columns)} cells", row)
            return
        for at, (value, spec) in enumerate(zip(row, schema.columns, strict=True)):
            yield from _cell(value, spec, Place(path=f"{place.path}[{at}]", row=place.row, column=at))
    else:
        yield place.breach(BreachKind.FORM, f"an object with {_names(schema)}", row)


def _is_record_of(row: object, schema: ColumnSchema) -> bool:
    """Tell whether a row of a one-column table is a record that holds the cell, and not the cell itself."""
    if not isinstance(row, dict):
        return False
    spec = schema.columns[0]
    if isinstance(spec.type, DataType | Array | SparkMLVector):
        return True
    name = str(schema.names[0])
    if spec.name is not None:
        return name in row or (not row and not spec.required and any(_cell(row, spec, Place())))
    wrapped = len(row) == 1 and name in row
    return wrapped and not any(_cell(row[name], spec, Place())) and any(_cell(row, spec, Place()))


def _record(row: dict[str, object], schema: ColumnSchema, place: Place) -> Found:
    names = _keys(row, schema)
    for key, name, spec in zip(names, schema.names, schema.columns, strict=True):
        inside = place.key(key)
        here = Place(path=inside.path, row=place.row, column=name)
        if key in row:
            yield from _cell(row[key], spec, here)
        elif spec.required:
            yield here.breach(
                BreachKind.MISSING, expectation(spec.type), Told(f"no such column, only {show_value(list(row))}")
            )
    for key, value in row.items():
        if key not in names:
            yield place.in_column(key).breach(BreachKind.EXTRA, f"only {_names(schema)}", value)


def _keys(row: dict[str, object], schema: ColumnSchema) -> list[str]:
    names = [str(name) for name in schema.names]
    if not schema.is_named and len(row) == len(names) and not set(row) <= set(names):
        return list(row)  # a Series or a frame whose labels the signature did not keep
    return names


def _columns(columns: dict[str, list[object]], schema: ColumnSchema, n_rows: int | None) -> Found:
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        sizes = ", ".join(f"{show_value(name)} has {len(cells)}" for name, cells in columns.items())
        yield Place().breach(BreachKind.ROWS, "columns of one length", Told(sizes))
    else:
        yield from _row_count(lengths.pop(), n_rows)
    names = [str(name) for name in schema.names]
    for key, name, spec in zip(names, schema.names, schema.columns, strict=True):
        here = Place(path=Place().key(key).path, column=name)
        if key in columns:
            for at, value in enumerate(columns[key]):
                yield from _cell(value, spec, here.in_row(at))
        elif spec.required:
            seen = Told(f"no such column, only {show_value(list(columns))}")
            yield here.breach(BreachKind.MISSING, expectation(spec.type), seen)
    for key, cells in columns.items():
        if key not in names:
            yield Place().in_column(key).breach(BreachKind.EXTRA, f"only {_names(schema)}", cells)


def _cell(value: object, spec: ColumnSpec, place: Place) -> Found:
    if value is None and not spec.required:
        return
    yield from _value(value, spec.type, place)


def _value(value: object, declared: ValueType, place: Place) -> Found:
    if isinstance(declared, AnyType):
        return
    if value is None:
        yield place.breach(BreachKind.NULL, expectation(declared), value)
    elif isinstance(declared, DataType):
        wrong = misfit(value, declared)
        if wrong:
            yield place.breach(wrong, expectation(declared), value)
    elif isinstance(declared, Array | SparkMLVector):
        yield from _array(value, declared, place)
    elif isinstance(declared, Map):
        yield from _map(value, declared, place)
    else:
        yield from _object(value, declared, place)


def _array(value: object, declared: Array | SparkMLVector, place: Place) -> Found:
    if not isinstance(value, list):
        yield place.breach(BreachKind.TYPE, expectation(declared), value)
        return
    items = declared.items if isinstance(declared, Array) else DataType.DOUBLE
    for at, item in enumerate(value):
        yield from _value(item, items, place.at(at))


def _map(value: object, declared: Map, place: Place) -> Found:
    if not isinstance(value, dict):
        yield place.breach(BreachKind.TYPE, expectation(declared), value)
        return
    for key, item in value.items():
        yield from _value(item, declared.values, place.key(key))


def _object(value: object, declared: Object, place: Place) -> Found:
    if not isinstance(value, dict):
        yield place.breach(BreachKind.TYPE, expectation(declared), value)
        return
    known = {member.name: member for member in declared.properties}
    for name, member in known.items():
        inside = place.key(name)
        if name in value:
            if value[name] is not None or member.required:
                yield from _value(value[name], member.type, inside)
        elif member.required:
            seen = Told(f"no such property, only {show_value(list(value))}")
            yield inside.breach(BreachKind.MISSING, expectation(member.type), seen)
    for name, item in value.items():
        if name not in known:
            yield place.key(name).breach(BreachKind.EXTRA, f"only {show_value(sorted(known))}", item)


def _names(schema: ColumnSchema) -> str:
    return show_value([str(name) for name in schema.names])
