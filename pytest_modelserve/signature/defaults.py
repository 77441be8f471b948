"""Checks the default of a parameter against its type and turns it into the Python value that it stands for."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Final

import numpy as np

from .datatypes import FLOAT32_LIMIT, AnyType, Array, DataType, Map, Object, SparkMLVector, ValueType
from .located import Located, kind_of, shown

_DATETIME: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d(?::\d\d(?::\d\d(?:\.\d{1,6})?)?)?)(?P<zone>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_EXPECTED: Final = {
    DataType.BOOLEAN: "true or false",
    DataType.INTEGER: "an integer",
    DataType.LONG: "an integer",
    DataType.FLOAT: "a number",
    DataType.DOUBLE: "a number",
    DataType.STRING: "a string",
    DataType.BINARY: "a base64 string",
    DataType.DATETIME: "an ISO 8601 date or time",
}
_WIDER: Final = {
    DataType.INTEGER: "Declare it as 'long'.",
    DataType.LONG: "Declare it as 'double' or 'string'.",
    DataType.FLOAT: "Declare it as 'double'.",
    DataType.DOUBLE: "Declare it as 'string'.",
}


def parse_default(at: Located, kind: DataType | Object, shape: tuple[int, ...] | None) -> object:
    """Return the Python value of a default, as `ParamSpec.default` describes it.

    Raises:
        SignatureError: The default is not a value of the type, or no list where the shape asks for one.
    """
    if isinstance(kind, Object):
        _check_object(at, kind)
        return at.value
    if shape is None:
        return _parse_scalar(at, kind)
    if not isinstance(at.value, list):
        raise at.error(f"the default must be a list, found {kind_of(at.value)}", "Write a list, or set shape to null.")
    return tuple(_parse_scalar(element, kind) for element in at.elements())


def _parse_scalar(at: Located, kind: DataType) -> object:
    if at.value is None:
        return None
    if kind is DataType.DATETIME:
        return _parse_datetime(at)
    _check_scalar(at, kind)
    if kind.is_floating and isinstance(at.value, int):
        return float(at.value)
    return at.value


def _check_scalar(at: Located, kind: DataType) -> None:
    if not _is_python_value(at.value, kind):
        raise at.error(f"{shown(at.value)} is no {kind.value}", f"Write {_EXPECTED[kind]}.")
    if isinstance(at.value, int) and kind.is_integer:
        low, high = kind.integer_bounds
        if not low <= at.value <= high:
            raise at.error(f"{at.value} is outside the range of {kind.value}, {low} to {high}", _WIDER[kind])
    if kind.is_floating and isinstance(at.value, int | float) and not _fits(at.value, kind):
        raise at.error(f"{shown(at.value)} is outside the range of {kind.value}", _WIDER[kind])


def _is_python_value(value: object, kind: DataType) -> bool:
    if kind is DataType.BOOLEAN:
        return isinstance(value, bool)
    if kind.is_integer:
        return type(value) is int
    if kind.is_floating:
        return type(value) in {int, float}
    return isinstance(value, str)


def _fits(value: float, kind: DataType) -> bool:
    try:
        as_double = float(value)
    except OverflowError:
        return False
    return kind is DataType.DOUBLE or not math.isfinite(as_double) or abs(as_double) < FLOAT32_LIMIT


def _parse_datetime(at: Located) -> np.datetime64 | None:
    if isinstance(at.value, str) and at.value in {"", "NaT"}:  # MLflow gives the model None for both
        return None
    try:
        return _read_datetime(at.value if isinstance(at.value, str) else shown(at.value))
    except ValueError as error:
        raise at.error(
            f"{shown(at.value)} is no datetime ({error})",
            'Write ISO 8601 with at most microseconds, such as "2024-01-31T23:59:59".',
        ) from error


def _read_datetime(text: str) -> np.datetime64:
    match = _DATETIME.fullmatch(text)
    if match is None:
        raise ValueError("not in the form YYYY-MM-DDTHH:MM:SS.ffffff")
    if match["time"] is None:
        return _in_calendar(np.datetime64(match["date"], "D"))
    moment = np.datetime64(f"{match['date']}T{match['time']}", "us")
    return _in_calendar(moment - np.timedelta64(_offset(match["zone"])))


def _in_calendar(moment: np.datetime64) -> np.datetime64:
    if isinstance(moment.item(), int):  # NumPy's answer where datetime.date and datetime.datetime end
        raise ValueError("the year is not within 1 to 9999")  # noqa: TRY004 - the text is wrong, not its type
    return moment


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"the offset {zone} does not exist")
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _check_object(at: Located, kind: Object) -> None:
    entries = at.record()
    known = {prop.name: prop for prop in kind.properties}
    if unknown := sorted(entries.keys() - known.keys()):
        raise at.error(f"the default has the unknown property {unknown[0]!r}", f"Known: {', '.join(known)}.")
    for name, prop in known.items():
        if name in entries:
            _check_value(entries[name], prop.type, is_nullable=not prop.required)
        elif prop.required:
            raise at.error(f"the default lacks the required property {name!r}", f"Add {name!r}.")


def _check_value(at: Located, kind: ValueType, *, is_nullable: bool) -> None:
    if isinstance(kind, AnyType) or (at.value is None and is_nullable):
        return
    if isinstance(kind, SparkMLVector):
        kind = Array(items=DataType.DOUBLE)
    if isinstance(kind, Object):
        _check_object(at, kind)
    elif isinstance(kind, Array):
        for element in at.elements():
            _check_value(element, kind.items, is_nullable=is_nullable)
    elif isinstance(kind, Map):
        for entry in at.record().values():
            _check_value(entry, kind.values, is_nullable=is_nullable)
    elif kind is DataType.DATETIME and at.value is not None:
        _parse_datetime(at)
    else:
        _check_scalar(at, kind)
        if kind is DataType.BINARY and not _BASE64.fullmatch(str(at.value)):
            raise at.error(f"{shown(at.value)} is no base64", "Write standard base64 with padding.")
