"""Whole columns of JSON values of any declared type as cells that can travel to the worker, nested types included.

What null means, by where it stands:

| where | integer, long | boolean | float, double | datetime | string | binary | Array, Object, Map | AnyType |
|---|---|---|---|---|---|---|---|---|
| required column | refused | refused | NaN | NaT | None | refused | refused | None |
| optional column | refused | None | NaN | NaT | None | None | None | None |
| element of a list | refused | refused | NaN | NaT | None | None | refused | None |
| map value, required property | refused | refused | refused | refused | refused | refused | refused | None |
| optional property | None | None | None | None | None | None | None | None |

A column's cell may be missing where its type has a word for that, which is how MLflow reads `required`, and so may an
element of a list; other parts of a nested value are of their type, and null is not. An optional column of booleans with
nulls arrives as Python objects, as the data of such a model has them. A property left out stays out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np

from ..runtime.frames import ColumnValue, Storage
from ..signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector, ValueType
from .errors import excerpt
from .scalars import SCALAR_READERS, Misfit, read_booleans, require_kinds


def read_column(name: str | int, kind: ValueType, values: Sequence[Any], *, required: bool) -> ColumnValue:
    """Return the typed cells of one column.

    Raises:
        Misfit: A value is not of the column's type.
    """
    if isinstance(kind, DataType):
        if kind is DataType.BINARY and required and None in values:
            raise Misfit(values.index(None), "is null, which a required binary column does not take")
        if kind is DataType.BOOLEAN and not required and None in values:
            return _read_some_booleans(name, values)
        cells = SCALAR_READERS[kind](values)
        if isinstance(cells, np.ndarray):
            return ColumnValue(name, Storage.ARRAY, cells)
        return ColumnValue(name, Storage.BYTES if kind is DataType.BINARY else Storage.TEXT, cells)
    nested = read_parts(kind, values) if required else read_where(kind, values, lambda value: value is not None)
    return ColumnValue(name, Storage.NESTED, nested)


def _read_some_booleans(name: str | int, values: Sequence[Any]) -> ColumnValue:
    is_null = np.array([value is None for value in values], dtype=np.bool_)
    cells = np.asarray(read_booleans([False if value is None else value for value in values]))
    return ColumnValue(name, Storage.ARRAY, cells, is_null)


def read_parts(kind: ValueType, values: Sequence[Any]) -> list[Any]:
    """Return values of one type as Python values; dates as `numpy.datetime64` in nanoseconds, binaries as bytes.

    Raises:
        Misfit: A value is not of that type, or a part of it is not of the part's.
    """
    if isinstance(kind, DataType):
        return _read_scalars(kind, values)
    if isinstance(kind, Array):
        return _read_arrays(kind.items, values, may_be_null=True)
    if isinstance(kind, SparkMLVector):
        return _read_arrays(DataType.DOUBLE, values)
    if isinstance(kind, Map):
        return _read_maps(kind.values, values)
    if isinstance(kind, Object):
        return _read_objects(kind, values)
    return list(values)


def read_where(kind: ValueType, values: Sequence[Any], is_there: Callable[[Any], bool]) -> list[Any]:
    """Return values of one type, passing over those that are not there.

    Raises:
        Misfit: A value that is there is not of that type.
    """
    places = [at for at, value in enumerate(values) if is_there(value)]
    cells = list(values)
    try:
        read = read_parts(kind, [values[at] for at in places])
    except Misfit as misfit:
        raise Misfit(places[misfit.at], misfit.reason, misfit.path) from None
    for at, cell in zip(places, read, strict=True):
        cells[at] = cell
    return cells


def has_any(kind: ValueType) -> bool:
    """Tell whether values of a type hold JSON of any form somewhere."""
    if isinstance(kind, Array):
        return has_any(kind.items)
    if isinstance(kind, Map):
        return has_any(kind.values)
    if isinstance(kind, Object):
        return any(has_any(part.type) for part in kind.properties)
    return isinstance(kind, AnyType)


def _read_scalars(kind: DataType, values: Sequence[Any], *, may_be_null: bool = False) -> list[Any]:
    if not may_be_null and None in values:
        raise Misfit(values.index(None), f"is null, not {kind.value}")
    cells = SCALAR_READERS[kind](values)
    if kind is DataType.DATETIME:
        return list(cells)
    return cells.tolist() if isinstance(cells, np.ndarray) else cells


def _read_arrays(kind: ValueType, values: Sequence[Any], *, may_be_null: bool = False) -> list[Any]:
    require_kinds(values, frozenset({list}), "a list")
    ends = list(accumulate(map(len, values)))
    elements = list(chain.from_iterable(values))
    try:
        if isinstance(kind, DataType):
            flat = _read_scalars(kind, elements, may_be_null=may_be_null)
        else:
            flat = read_parts(kind, elements)
    except Misfit as misfit:
        at = next(at for at, end in enumerate(ends) if misfit.at < end)
        place = misfit.at - (ends[at - 1] if at else 0)
        raise Misfit(at, misfit.reason, f"[{place}]{misfit.path}") from None
    return [flat[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _read_maps(kind: ValueType, values: Sequence[Any]) -> list[Any]:
    require_kinds(values, frozenset({dict}), "an object")
    try:
        parts = _read_arrays(kind, [list(value.values()) for value in values])
    except Misfit as misfit:
        place, _, deeper = misfit.path[1:].partition("]")
        key = list(values[misfit.at])[int(place)]
        raise Misfit(misfit.at, misfit.reason, f"[{excerpt(key)}]{deeper}") from None
    return [dict(zip(value, read, strict=True)) for value, read in zip(values, parts, strict=True)]


def _read_objects(kind: Object, values: Sequence[Any]) -> list[Any]:
    require_kinds(values, frozenset({dict}), "an object")
    known = {part.name for part in kind.properties}
    for at, value in enumerate(values):
        if not value.keys() <= known:
            unknown = next(name for name in value if name not in known)
            raise Misfit(at, f"has the unknown property {excerpt(unknown)}")
    cells: list[dict[str, Any]] = [{} for _ in values]
    for part in kind.properties:
        _read_property(part, values, cells)
    return cells


def _read_property(part: Property, values: Sequence[dict[str, Any]], cells: list[dict[str, Any]]) -> None:
    places = [at for at, value in enumerate(values) if part.name in value]
    if part.required and len(places) < len(values):
        at = next(at for at, value in enumerate(values) if part.name not in value)
        raise Misfit(at, f"lacks the required property {excerpt(part.name)}")
    found = [values[at][part.name] for at in places]
    try:
        read = read_parts(part.type, found) if part.required else _read_optional(part.type, found)
    except Misfit as misfit:
        raise Misfit(places[misfit.at], misfit.reason, f".{part.name[:40]}{misfit.path}") from None
    for at, cell in zip(places, read, strict=True):
        cells[at][part.name] = cell


def _read_optional(kind: ValueType, values: list[Any]) -> list[Any]:
    return read_where(kind, values, lambda value: value is not None)
