"""Values are told apart to the last digit, the sign of zero and the nanosecond."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.checks.exact_values import (
    Moment,
    is_missing,
    is_same_number,
    moment_of,
    plain,
    read_moment,
    shown,
)
from pytest_modelserve.checks.recorded import Missing, RecordedOpaque, RecordedTimestamp

NOON_NS = 1704196800 * 10**9  # 2024-01-02T12:00
UTC = dt.timezone.utc
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        np.float32("nan"),
        np.datetime64("NaT", "ns"),
        np.timedelta64("NaT", "ns"),
        Missing.NA,
        Missing.NAT,
    ],
    ids=repr,
)
def test_what_stands_for_no_value(value: object) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, "", "nan", "None", b"", False, [], float("inf"), np.float32(0)], ids=repr)
def test_what_is_a_value(value: object) -> None:
    assert not is_missing(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (np.int64(2**53 + 1), 2**53 + 1),
        (np.float32(0.5), 0.5),
        (0.1, np.float64(0.1)),
        (-0.0, -0.0),
        (2**70, 2**70),
        (0, 0.0),
        (float("inf"), np.float64("inf")),
    ],
)
def test_equal_numbers(one: object, other: object) -> None:
    assert is_same_number(one, other)
    assert is_same_number(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (2**53 + 1, float(2**53)),
        (0.1, np.float32(0.1)),
        (0.0, -0.0),
        (0, -0.0),
        (1, True),
        (1, "1"),
        (1.0, None),
        (0.1, np.nextafter(0.1, 1)),
        (2**63, 2**63 - 1),
    ],
)
def test_other_numbers(one: object, other: object) -> None:
    assert not is_same_number(one, other)
    assert not is_same_number(other, one)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.datetime64("2024-01-02T12:00:00.000000001"), Moment(unix_ns=NOON_NS + 1)),
        (np.datetime64("2024-01-02", "D"), Moment(unix_ns=NOON_NS - 43_200 * 10**9)),
        (np.datetime64("2024-01", "M"), Moment(unix_ns=1704067200 * 10**9)),
        (np.datetime64("1066-10-14", "s"), Moment(unix_ns=-28502755200 * 10**9)),
        (dt.datetime(2024, 1, 2, 12, 0, 0, 1), Moment(unix_ns=NOON_NS + 1000)),  # noqa: DTZ001 # without zone on purpose
        (dt.datetime(2024, 1, 2, 17, 30, tzinfo=INDIA), Moment(unix_ns=NOON_NS, is_aware=True)),
        (dt.date(2024, 1, 2), Moment(unix_ns=NOON_NS - 43_200 * 10**9)),
        (RecordedTimestamp(text="", unix_ns=NOON_NS), Moment(unix_ns=NOON_NS)),
        (RecordedTimestamp(text="", unix_ns=NOON_NS, zone="UTC"), Moment(unix_ns=NOON_NS, is_aware=True)),
        (np.datetime64("NaT", "ns"), None),
        ("2024-01-02", None),
        (NOON_NS, None),
    ],
    ids=str,
)
def test_moments(value: object, expected: Moment | None) -> None:
    assert moment_of(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T12:00:00.000000001", Moment(unix_ns=NOON_NS + 1)),
        ("2024-01-02 12:00", Moment(unix_ns=NOON_NS)),
        ("2024-01-02T12:00:00Z", Moment(unix_ns=NOON_NS, is_aware=True)),
        ("2024-01-02T17:30:00+05:30", Moment(unix_ns=NOON_NS, is_aware=True)),
        ("2024-01-02T05:00:00-0700", Moment(unix_ns=NOON_NS, is_aware=True)),
        ("1066-10-14", Moment(unix_ns=-28502755200 * 10**9)),
        ("2024-02-30", None),
        ("2024-01-02T25:00", None),
        ("NaT", None),
    ],
)
def test_moments_in_text(text: str, expected: Moment | None) -> None:
    assert read_moment(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.float32(0.5), 0.5), (np.bool_(1), True), (np.str_("a"), "a"), (np.ma.masked, None), ([1], [1])],
    ids=repr,
)
def test_numpy_scalars_become_pythons_own(value: object, expected: object) -> None:
    found: Any = plain(value)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(9007199254740992.0), "9007199254740992.0 (float64)"),
        (np.int32(7), "7 (int32)"),
        (-0.0, "-0.0"),
        ("\u200b", '"\\u200b"'),
        (np.str_("a"), '"a"'),
        (b"\x00", "b'\\x00'"),
        (Missing.NA, "NA"),
        (dt.date(2024, 1, 2), "2024-01-02 (date)"),
        (dt.datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00 (datetime)"),
        (RecordedTimestamp(text="2024-01-02T00:00:00", unix_ns=0), "2024-01-02T00:00:00 (Timestamp)"),
        (RecordedTimestamp(text="2024", unix_ns=0, zone="UTC"), "2024 (Timestamp in UTC)"),
        (RecordedOpaque(type_name="decimal.Decimal", text="Decimal('1')"), "Decimal('1') (decimal.Decimal)"),
    ],
    ids=str,
)
def test_values_are_shown_with_what_tells_them_apart(value: object, expected: str) -> None:
    assert shown(value) == expected
