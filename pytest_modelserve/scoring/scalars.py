"""Whole columns of JSON values as typed cells, one reader a scalar type; what a type cannot hold exactly is refused."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from ..signature.datatypes import DataType
from .errors import excerpt, name_kind

Cells: TypeAlias = "np.ndarray[Any, np.dtype[Any]] | list[Any]"
Reader: TypeAlias = Callable[[Sequence[Any]], Cells]

WIDEST_EXACT: Final = 2**53  # up to it every integer is a float64
_INSTANT: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d(?::\d\d(?::\d\d)?)?)(?P<fraction>(?<=:\d\d:\d\d)\.\d{1,9})?"
    r"(?P<zone>Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?",
    re.ASCII,
)
_FIRST_WHOLE_YEAR: Final = "1678"  # int64 nanoseconds begin on 1677-09-21
_LAST_YEAR: Final = "2262"  # and end on 2262-04-11
_INT64: Final = np.iinfo(np.int64)
_NO_TIMES: Final = (None, "NaT")


class Misfit(Exception):
    """Report a value that its type cannot hold.

    Attributes:
        at: Its position among the values read.
        reason: What is wrong, as the rest of a sentence that names the value's place.
        path: Where it lies inside a nested value, such as `[2].name`.
    """

    def __init__(self, at: int, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason
        self.path = path


def require_kinds(values: Sequence[Any], allowed: frozenset[type], wanted: str) -> set[type]:
    """Return the Python types of the values.

    Raises:
        Misfit: One is of a type that is not allowed.
    """
    kinds = set(map(type, values))
    if not kinds <= allowed:
        at = next(at for at, value in enumerate(values) if type(value) not in allowed)
        raise Misfit(at, f"is {name_kind(values[at])} ({excerpt(values[at])}), not {wanted}")
    return kinds


def read_booleans(values: Sequence[Any]) -> Cells:
    """Return true and false; nothing else is one of them.

    Raises:
        Misfit: A value is anything else.
    """
    require_kinds(values, frozenset({bool}), "true or false")
    return np.array(values, dtype=np.bool_)


def read_integers(values: Sequence[Any], dtype: str) -> Cells:
    """Return integers of a NumPy type; an integral number such as 3.0 is one below 2**53.

    Raises:
        Misfit: A value is no number, has a fraction, or is out of the type's range.
    """
    kinds = require_kinds(values, frozenset({int, float}), "an integer")
    if float in kinds:
        values = [value if type(value) is int else _as_integer(at, value) for at, value in enumerate(values)]
    limits = np.iinfo(dtype)
    if values:
        for extreme in (min(values), max(values)):
            if not limits.min <= extreme <= limits.max:
                at = values.index(extreme)
                raise Misfit(at, f"is {excerpt(extreme)}, out of the range {limits.min} to {limits.max}")
    return np.array(values, dtype=dtype)


def _as_integer(at: int, value: float) -> int:
    if not value.is_integer():
        raise Misfit(at, f"is {excerpt(value)}, not an integer")
    if abs(value) >= WIDEST_EXACT:  # it itself may have been 9007199254740993.0, which a float64 rounds to it
        raise Misfit(at, f"is {excerpt(value)}, which does not say which integer it stands for")
    return int(value)


def read_numbers(values: Sequence[Any], dtype: str) -> Cells:
    """Return the nearest floating-point numbers of a NumPy type; null becomes NaN.

    Raises:
        Misfit: A value is no number, or beyond the type's largest.
    """
    require_kinds(values, frozenset({int, float, type(None)}), "a number")
    wide = np.array(values, dtype=np.float64)
    if dtype == "float64":
        return wide
    with np.errstate(over="ignore"):
        cells = wide.astype(dtype)
    beyond = np.isinf(cells) & ~np.isinf(wide)
    if beyond.any():
        at = int(beyond.argmax())
        raise Misfit(at, f"is {excerpt(values[at])}, beyond the largest {dtype} {np.finfo(dtype).max}")
    return cells


def read_strings(values: Sequence[Any]) -> Cells:
    """Return texts as they are; null stays null.

    Raises:
        Misfit: A value is no string.
    """
    require_kinds(values, frozenset({str, type(None)}), "a string")
    return list(values)


def read_binaries(values: Sequence[Any]) -> Cells:
    """Return the bytes that base64 texts stand for; null stays null.

    The standard alphabet with padding (RFC 4648, 4), broken into lines or not, as MLflow breaks it in the examples that
    it saves; lenient decoders read "!!!!" as no bytes.

    Raises:
        Misfit: A value is no string, or not the base64 text of any bytes.
    """
    require_kinds(values, frozenset({str, type(None)}), "a string of base64")
    return [None if value is None else _decode(at, value) for at, value in enumerate(values)]


def _decode(at: int, text: str) -> bytes:
    joined = text.replace("\n", "").replace("\r", "")
    try:
        raw = binascii.a2b_base64(joined)
    except ValueError:
        raise Misfit(at, f"is {excerpt(text)}, not base64") from None
    if binascii.b2a_base64(raw, newline=False) != joined.encode():
        raise Misfit(at, f"is {excerpt(text)}, not base64 with its padding in the standard alphabet")
    return raw


def read_datetimes(values: Sequence[Any]) -> Cells:
    """Return instants in nanoseconds; null becomes NaT, a zone is converted to UTC.

    ISO 8601 in its extended form, from a date alone to nine decimals of a second. The text `NaT` is NaT: so MLflow
    writes it in the examples that it saves.

    Raises:
        Misfit: A value is no such text, no date of the calendar, or beyond int64 nanoseconds.
    """
    require_kinds(values, frozenset({str, type(None)}), "a date and time as a string")
    texts: Sequence[str] = [value for value in values if value not in _NO_TIMES]
    for text, found in zip(texts, map(_INSTANT.fullmatch, texts), strict=True):
        if found is None:
            raise Misfit(values.index(text), f"is {excerpt(text)}, not an ISO 8601 date and time")
        if found["zone"] or not _FIRST_WHOLE_YEAR <= text < _LAST_YEAR:
            return _read_one_by_one(values)
    try:
        return np.array(values, dtype="M8[ns]")  # NumPy makes NaT of what is no time, too
    except ValueError:
        return _read_one_by_one(values)


def _read_one_by_one(values: Sequence[Any]) -> Cells:
    cells = [_INT64.min if value in _NO_TIMES else _as_nanoseconds(at, value) for at, value in enumerate(values)]
    return np.array(cells, dtype=np.int64).view("M8[ns]")


def _as_nanoseconds(at: int, text: str) -> int:
    read = read_instant(at, text)
    instant = read.seconds * 10**9 + read.nanoseconds
    if not _INT64.min < instant <= _INT64.max:  # the smallest stands for NaT
        raise Misfit(at, f"is {excerpt(text)}, beyond the nanoseconds of 1677-09-21 to 2262-04-11")
    return instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A moment of the calendar without zone.

    Attributes:
        seconds: Since 1970, rounded down.
        nanoseconds: Of the second.
        is_date_alone: Whether the text has no time of day.
    """

    seconds: int
    nanoseconds: int
    is_date_alone: bool


def read_instant(at: int, text: str) -> Instant:
    """Return the moment that an ISO 8601 text means, of any year of four digits.

    Raises:
        Misfit: It is no such text, or no date of the calendar.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Misfit(at, f"is {excerpt(text)}, not an ISO 8601 date and time")
    try:
        seconds = int(np.datetime64(f"{found['date']}T{found['time'] or '00'}", "s").astype(np.int64))
    except ValueError:
        raise Misfit(at, f"is {excerpt(text)}, not a date and time of the calendar") from None
    return Instant(
        seconds=seconds - _offset_s(found["zone"]),
        nanoseconds=int((found["fraction"] or ".")[1:].ljust(9, "0")),
        is_date_alone=found["time"] is None,
    )


def _offset_s(zone: str | None) -> int:
    if zone is None:
        return 0
    digits = zone[1:].replace(":", "")  # of Z none are left, of hours alone no minutes
    offset = int(digits[:2] or 0) * 3600 + int(digits[2:] or 0) * 60
    return -offset if zone[0] == "-" else offset


SCALAR_READERS: Final[Mapping[DataType, Reader]] = {
    DataType.BOOLEAN: read_booleans,
    DataType.INTEGER: lambda values: read_integers(values, "int32"),
    DataType.LONG: lambda values: read_integers(values, "int64"),
    DataType.FLOAT: lambda values: read_numbers(values, "float32"),
    DataType.DOUBLE: lambda values: read_numbers(values, "float64"),
    DataType.STRING: read_strings,
    DataType.BINARY: read_binaries,
    DataType.DATETIME: read_datetimes,
}
