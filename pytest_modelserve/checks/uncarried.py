"""What JSON has no form for, in what a model returned: the reason of a server that could not encode it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..wire.breach import Place
from .departure import as_key, repeated
from .recorded import RecordedOpaque, RecordedSeries, RecordedTable, RecordedTimestamp


def uncarried(returned: object) -> tuple[str, str] | None:
    """Return the first part of what a model returned that JSON has no form for: its place and what it is.

    Those are what no dict, list, text, number, date or bytes stands for, and names that one object cannot hold twice.
    """
    return next(_parts(returned, Place()), None)


def _parts(value: object, place: Place) -> Iterator[tuple[str, str]]:
    match value:
        case RecordedTable():
            yield from _names([column.name for column in value.columns], place, "column")
            for column in value.columns:
                yield from _items(column.values, place.key(as_key(column.name)))
        case RecordedSeries():
            yield from _items(value.column.values, place)
        case dict():
            yield from _names(list(value), place, "key")
            for key, part in value.items():
                yield from _parts(part, place.key(as_key(key)))
        case list() | tuple():
            yield from _items(value, place)
        case np.ndarray():
            yield from _array(value, place)
        case _:
            yield from _scalar(value, place)


def _items(values: Sequence[object], place: Place) -> Iterator[tuple[str, str]]:
    for at, part in enumerate(values):
        yield from _parts(part, place.at(at))


def _array(array: np.ndarray, place: Place) -> Iterator[tuple[str, str]]:
    if array.dtype.kind in "OV" and array.ndim:
        yield from _items(list(array), place)
    elif _is_foreign(array.dtype):
        yield place.path, f"numbers of type {array.dtype.name}"


def _scalar(value: object, place: Place) -> Iterator[tuple[str, str]]:
    if isinstance(value, RecordedOpaque):
        yield place.path, f"{value.text}, a {value.type_name}"
    elif isinstance(value, complex) or (isinstance(value, np.generic) and _is_foreign(value.dtype)):
        yield place.path, f"{value!s}, a {type(value).__name__}"


def _is_foreign(dtype: np.dtype) -> bool:
    return dtype.kind in "cm" or (dtype.kind == "f" and dtype.itemsize > 8)


def _names(names: Sequence[object], place: Place, what: str) -> Iterator[tuple[str, str]]:
    for name in names:
        if not (name is None or isinstance(name, str | int | float | np.integer | RecordedTimestamp)):
            yield place.path, f"the {what} {name!r}, a {type(name).__name__}"
    twice = repeated([as_key(name) for name in names])
    if twice is not None:
        yield place.path, f"the {what} {twice!r} twice"
