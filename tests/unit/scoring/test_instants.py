"""The forms of ISO 8601 that are read, and their neighbours that are not."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_modelserve.scoring.scalars import Misfit, read_datetimes, read_instant

READ = {
    "2024-01-02": "2024-01-02",
    "2024-01-02T03": "2024-01-02T03",
    "2024-01-02 03": "2024-01-02T03",
    "2024-01-02T03:04": "2024-01-02T03:04",
    "2024-01-02T03:04:05": "2024-01-02T03:04:05",
    "2024-01-02T03:04:05.1": "2024-01-02T03:04:05.1",
    "2024-01-02T03:04:05.123456789": "2024-01-02T03:04:05.123456789",
    "2024-01-02T03Z": "2024-01-02T03",
    "2024-01-02T03:04Z": "2024-01-02T03:04",
    "2024-01-02T03:04:05.5Z": "2024-01-02T03:04:05.5",
    "2024-01-02T03:04+02": "2024-01-02T01:04",
    "2024-01-02T03:04+0230": "2024-01-02T00:34",
    "2024-01-02T03:04+02:30": "2024-01-02T00:34",
    "2024-01-02T03:04-02:30": "2024-01-02T05:34",
    "2024-01-02T03:04-19:59": "2024-01-02T23:03",
    "2024-01-02T03:04+23:00": "2024-01-01T04:04",
    "1677-09-21T00:12:43.145224193": "1677-09-21T00:12:43.145224193",
    "2262-04-11T23:47:16.854775807": "2262-04-11T23:47:16.854775807",
    "1969-12-31T23:59:59.999999999": "1969-12-31T23:59:59.999999999",
    "1678-01-01": "1678-01-01",
    "1677-12-31T23:59:59": "1677-12-31T23:59:59",
    "2262-01-01": "2262-01-01",
    "2261-12-31T23:59:59.9": "2261-12-31T23:59:59.9",
}
NOT_READ = (
    *("", "2024", "2024-01", "24-01-02", "20240102", "2024-1-2", "2024-01-02T", "2024-01-02Z", "2024-01-02+02:00"),
    *("2024-01-02t03:04", "2024-01-02T03:04z", "2024-01-02T3", "2024-01-02T03:4", "2024-01-02T03:04:5"),
    *("2024-01-02T03.5", "2024-01-02T03:04.5", "2024-01-02T03:04:05.", "2024-01-02T03:04:05.1234567890"),
    *("2024-01-02T03:04+24:00", "2024-01-02T03:04+02:60", "2024-01-02T03:04+2", "2024-01-02T03:04+020"),
    *("2024-01-02T03:04:05,5", "2024-01-02  03:04", " 2024-01-02", "2024-01-02 ", "2024-01-02\n", "+2024-01-02"),
    *("٢٠٢٤-01-02", "2024-13-01", "2024-02-30", "2024-00-01", "2024-01-00", "2024-01-02T24", "2024-01-02T03:60"),
    *("2024-01-02T03:04:60", "2262-04-11T23:47:16.854775808", "1677-09-21T00:12:43.145224192", "0000-01-01"),
)


@pytest.mark.parametrize(("text", "instant"), READ.items())
@pytest.mark.parametrize("beside", [[], ["2024-05-06"], [None], ["2024-05-06T07Z"]])
def test_a_form_is_read_whatever_stands_beside_it(text: str, instant: str, beside: list[str | None]) -> None:
    found = np.asarray(read_datetimes([text, *beside]))
    assert found.dtype == np.dtype("M8[ns]")
    assert found[0] == np.datetime64(instant, "ns")
    assert np.isnat(found[1:]).tolist() == [value is None for value in beside]


@pytest.mark.parametrize("text", NOT_READ)
@pytest.mark.parametrize("before", [[], ["2024-05-06"], [None], ["2024-05-06T07Z"]])
def test_a_neighbour_is_refused_with_its_place(text: str, before: list[str | None]) -> None:
    with pytest.raises(Misfit) as refused:
        read_datetimes([*before, text])
    assert refused.value.at == len(before)
    assert str(refused.value) == refused.value.reason


@pytest.mark.parametrize(
    ("text", "seconds", "nanoseconds", "is_date_alone"),
    [
        ("1970-01-02", 86400, 0, True),
        ("1970-01-02T00", 86400, 0, False),
        ("1970-01-01T00:00:00.000000001", 0, 1, False),
        ("1970-01-01T00:00:00.5+00:01", -60, 500_000_000, False),
        ("9999-12-31T23:59:59", 253402300799, 0, False),
    ],
)
def test_a_moment_of_the_calendar(text: str, seconds: int, nanoseconds: int, is_date_alone: bool) -> None:
    found = read_instant(0, text)
    assert (found.seconds, found.nanoseconds, found.is_date_alone) == (seconds, nanoseconds, is_date_alone)
