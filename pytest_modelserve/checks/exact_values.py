"""Tells whether two values are the same exactly: to the last digit, the sign of zero and the nanosecond."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..wire.breach import Told
from ..wire.values import show_value
from .recorded import Missing, RecordedOpaque, RecordedTimestamp

_NANOSECONDS: Final = {
    "W": 7 * 86_400 * 10**9,
    "D": 86_400 * 10**9,
    "h": 3_600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 # moments without zone
_EPOCH_UTC: Final = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_DAY: Final = 86_400 * 10**9
_ISO: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:?\d\d(?::\d\d)?)?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A point in time.

    Attributes:
        unix_ns: Nanoseconds since 1970, in UTC where it has a zone.
        is_aware: Whether it has a zone.
    """

    unix_ns: int
    is_aware: bool = False


def plain(value: object) -> object:
    """Return a scalar of numpy as Python's own, without loss; dates, durations and everything else as they are."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        return value.item()
    return None if value is np.ma.masked else value


def is_missing(value: object) -> bool:
    """Tell whether a value stands for none: None, NaN, NaT or pandas' NA."""
    if value is None or isinstance(value, Missing) or value is np.ma.masked:
        return True
    return isinstance(value, float | np.floating | np.datetime64 | np.timedelta64) and bool(value != value)  # noqa: PLR0124 # NaN and NaT


def is_same_number(one: object, other: object) -> bool:
    """Tell whether two values are numbers, no booleans, and equal to the last digit and in the sign of zero."""
    first, second = plain(one), plain(other)
    if not _is_number(first) or not _is_number(second):
        return False
    return first == second and _is_negative_zero(first) == _is_negative_zero(second)  # Python compares exactly


def moment_of(value: object) -> Moment | None:
    """Return the point in time that a value is; None where it is none."""
    if isinstance(value, RecordedTimestamp):
        return Moment(unix_ns=value.unix_ns, is_aware=value.zone is not None)
    if isinstance(value, np.datetime64):
        return _of_numpy(value)
    if isinstance(value, dt.datetime):
        since = value - (_EPOCH if value.tzinfo is None else _EPOCH_UTC)
        return Moment(unix_ns=since // dt.timedelta(microseconds=1) * 1000, is_aware=value.tzinfo is not None)
    if isinstance(value, dt.date):
        return Moment(unix_ns=(value - _EPOCH.date()).days * _DAY)
    return None


def read_moment(text: str) -> Moment | None:
    """Return the point in time of an ISO 8601 text of any year of four digits; None where it is no such text."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    try:
        whole = dt.datetime.fromisoformat(f"{found['date']}T{found['time'] or '00:00'}")
    except ValueError:
        return None
    unix_ns = (whole - _EPOCH) // dt.timedelta(seconds=1) * 10**9 + int((found["fraction"] or "0").ljust(9, "0"))
    return Moment(unix_ns=unix_ns - _offset_s(found["zone"]) * 10**9, is_aware=found["zone"] is not None)


def shown(value: object) -> str:
    """Return a value as a person tells it from its neighbours, with its type where JSON's spelling hides that."""
    if isinstance(value, Missing | Told):
        return value.value if isinstance(value, Missing) else str(value)
    if isinstance(value, RecordedTimestamp):
        return f"{value.text} (Timestamp{f' in {value.zone}' if value.zone else ''})"
    if isinstance(value, RecordedOpaque):
        return f"{value.text} ({value.type_name})"
    if isinstance(value, np.generic) and not isinstance(value, np.str_ | np.bytes_):
        return f"{show_value(value)} ({value.dtype.name})"
    if isinstance(value, dt.date | dt.time):
        return f"{value.isoformat()} ({type(value).__name__})"
    return show_value(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_negative_zero(value: object) -> bool:
    return isinstance(value, float) and value == 0 and math.copysign(1.0, value) < 0


def _of_numpy(value: np.datetime64) -> Moment | None:
    if np.isnat(value):
        return None
    unit, step = np.datetime_data(value.dtype)
    if unit in {"Y", "M"}:
        value, unit, step = value.astype("datetime64[D]"), "D", 1
    factor = _NANOSECONDS.get(unit)
    return None if factor is None else Moment(unix_ns=int(value.astype(np.int64)) * step * factor)


def _offset_s(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    offset = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    return -offset if zone[0] == "-" else offset
