"""One JSON value of an input example as the Python value of its declared type."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..signature.datatypes import Array, DataType, Map, Object, ValueType

_ZONE: Final = re.compile(r"[T ].*(Z|[+-]\d\d:?\d\d)$")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")  # NumPy also reads "today", and "20240102" as a year
_FIRST_SECOND: Final = np.datetime64("1677-09-21T00:12:44")  # the whole seconds that nanoseconds in 64 bits can hold
_LAST_SECOND: Final = np.datetime64("2262-04-11T23:47:15")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A value that its declared type cannot hold, as it stands, with the reason."""

    value: object
    reason: str


def typed_cell(value: object, kind: ValueType) -> object:
    """Return a JSON value as a cell of a Table, or an Unfit that says why the type cannot hold it; null is None."""
    if value is None:
        return None
    if isinstance(kind, DataType):
        return _SCALARS[kind](value)
    if isinstance(kind, Array):
        return _array(value, kind)
    if isinstance(kind, Map | Object):
        return _record(value, kind)
    return value


def as_bytes(value: object) -> bytes | Unfit:
    """Decode base64 as MLflow writes it, in lines of 76 characters."""
    if not isinstance(value, str):
        return Unfit(value=value, reason=f"{value!r} is no base64 text")
    try:
        return base64.b64decode(value)
    except ValueError as error:  # binascii.Error, or text that is not ASCII
        return Unfit(value=value, reason=f"{value!r} is no base64 ({error})")


def _array(value: object, kind: Array) -> object:
    if not isinstance(value, list):
        return Unfit(value=value, reason=f"{value!r} is no list")
    items = [typed_cell(item, kind.items) for item in value]
    return _whole_or_unfit(value, items, items)


def _record(value: object, kind: Map | Object) -> object:
    if not isinstance(value, dict):
        return Unfit(value=value, reason=f"{value!r} is no mapping")
    if isinstance(kind, Map):
        entries = {name: typed_cell(item, kind.values) for name, item in value.items()}
    else:
        types = {item.name: item.type for item in kind.properties}
        entries = {name: typed_cell(item, types[name]) if name in types else item for name, item in value.items()}
    return _whole_or_unfit(value, entries, list(entries.values()))


def _whole_or_unfit(value: object, typed: object, parts: list[object]) -> object:
    """Return the typed value; where a part of it does not fit, the value as it stands with that part's reason."""
    reason = next((part.reason for part in parts if isinstance(part, Unfit)), None)
    return typed if reason is None else Unfit(value=value, reason=reason)


def _boolean(value: object) -> object:
    return value if isinstance(value, bool) else Unfit(value=value, reason=f"{value!r} is no boolean")


def _integer(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a column of integers with a gap is saved as floats
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return Unfit(value=value, reason=f"{value!r} is no integer")


def _number(value: object) -> object:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return Unfit(value=value, reason=f"{value!r} is no number")
    try:
        return float(value)
    except OverflowError:
        return Unfit(value=value, reason=f"{value!r} is beyond the largest double")


def _text(value: object) -> object:
    return value if isinstance(value, str) else Unfit(value=value, reason=f"{value!r} is no text")


def _moment(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return np.datetime64(value, "ns")  # what a NumPy array of nanoseconds is saved as
    if not isinstance(value, str):
        return Unfit(value=value, reason=f"{value!r} is no date")
    if _ZONE.search(value):
        return Unfit(value=value, reason=f"{value!r} has a time zone, which the type datetime cannot hold")
    return _naive_moment(value)


def _naive_moment(text: str) -> object:
    if text in {"", "NaT"}:
        return None
    try:
        second = np.datetime64(text, "s") if _DAY.match(text) else None
    except ValueError:
        second = None
    if second is None:
        return Unfit(value=text, reason=f"{text!r} is no date")
    if not _FIRST_SECOND <= second <= _LAST_SECOND:
        return Unfit(value=text, reason=f"{text!r} is outside 1677 to 2262, which nanoseconds can hold")
    return np.datetime64(text, "ns")


_SCALARS: Final[Mapping[DataType, Callable[[object], object]]] = {
    DataType.BOOLEAN: _boolean,
    DataType.INTEGER: _integer,
    DataType.LONG: _integer,
    DataType.FLOAT: _number,
    DataType.DOUBLE: _number,
    DataType.STRING: _text,
    DataType.BINARY: as_bytes,
    DataType.DATETIME: _moment,
}
