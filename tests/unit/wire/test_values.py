"""One value on the wire and one for a person."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import EncodeError
from pytest_modelserve.wire.values import as_base64, as_digits, as_iso_text, as_json_value, read_int, show_value


class Colour(enum.IntEnum):
    RED = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.bool_(1), True),
        (np.int64(2**63 - 1), 2**63 - 1),
        (np.uint8(255), 255),
        (np.float32(0.1), 0.10000000149011612),
        (np.float16(0.5), 0.5),
        (np.str_("é"), "é"),
        (np.bytes_(b"hi"), "aGk="),
        (bytearray(b"hi"), "aGk="),
        (memoryview(b"hi"), "aGk="),
        (Colour.RED, 3),
        ((1, [2.5, None]), [1, [2.5, None]]),
        ({"k": b"\0", 1: np.float64("nan")}, {"k": "AA==", "1": None}),
        (np.datetime64("NaT", "ns"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (float("nan"), None),
        (np.array([[1, 2], [3, 4]], dtype=np.uint8), [[1, 2], [3, 4]]),
        (np.array([1.5, np.nan]), [1.5, None]),
        (np.array(2.5), 2.5),
        (np.array(np.nan), None),
        (np.array([b"a\0"], dtype=object), ["YQA="]),
        (np.array(["2024-01-02", "NaT"], dtype="datetime64[ns]"), ["2024-01-02T00:00:00", None]),
        (np.zeros((2, 0)), [[], []]),
    ],
)
def test_a_value_becomes_the_json_value_that_carries_it(value: object, expected: object) -> None:
    converted = as_json_value(value)

    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (np.datetime64("2024-01-02", "ns"), "2024-01-02T00:00:00"),
        (np.datetime64("2024-01-02"), "2024-01-02T00:00:00"),
        (np.datetime64("2024-01-02T03:04:05.120", "ns"), "2024-01-02T03:04:05.12"),
        (np.datetime64("1969-12-31T23:59:59.999999999"), "1969-12-31T23:59:59.999999999"),
        (np.datetime64(-(2**63) + 1, "ns"), "1677-09-21T00:12:43.145224193"),
        (pd.Timestamp("2024-01-02T03:04:05.000000001"), "2024-01-02T03:04:05.000000001"),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 600), "2024-01-02T03:04:05.0006"),  # noqa: DTZ001 # zoneless on purpose
        (dt.date(2024, 1, 2), "2024-01-02T00:00:00"),
        (dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc), "2024-01-02T00:00:00+00:00"),
    ],
)
def test_a_date_has_just_the_digits_it_needs(moment: object, text: str) -> None:
    assert as_json_value(moment) == text


def test_the_sign_of_zero_and_infinities_stay() -> None:
    assert math.copysign(1, as_json_value(-0.0)) == -1.0  # type: ignore[arg-type]  # a float by construction
    assert as_json_value(np.float32("-inf")) == -math.inf


def test_nan_stays_where_it_is_wanted() -> None:
    kept = as_json_value([float("nan"), np.array([np.nan])], strict=False)

    assert isinstance(kept, list)
    assert math.isnan(kept[0])  # type: ignore[arg-type]  # a float by construction
    assert math.isnan(kept[1][0])  # type: ignore[arg-type, index]  # the same, one deeper


@pytest.mark.parametrize(
    "value", [decimal.Decimal(1), 1j, object(), {1, 2}, np.timedelta64(1, "s"), {(1, 2): 3}, {True: 1}]
)
def test_what_json_has_no_form_for_is_refused_with_its_value(value: object) -> None:
    with pytest.raises(EncodeError) as caught:
        as_json_value([value])

    assert caught.value.facts["type"]


@given(st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1)), st.integers(0, 999))  # noqa: DTZ001
def test_iso_text_reads_back_to_the_same_nanosecond(day: dt.datetime, nanoseconds: int) -> None:
    moment = np.datetime64(day, "ns") + np.timedelta64(nanoseconds, "ns")

    text = as_iso_text(moment)

    assert text is not None
    assert np.datetime64(text, "ns") == moment
    assert not text.partition(".")[2].endswith("0")


@given(st.binary())
def test_base64_is_one_line_that_reads_back(content: bytes) -> None:
    assert "\n" not in as_base64(content)
    assert base64.b64decode(as_base64(content), validate=True) == content


@pytest.mark.parametrize("exponent", [0, 1, 4299, 4300, 9000])
def test_digits_of_any_number_read_back(exponent: int) -> None:
    number = -(10**exponent) + 1

    assert read_int(as_digits(number)) == number


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-0.0, "-0.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (np.float32(0.1), "0.10000000149011612"),
        (float("nan"), "NaN"),
        (-math.inf, "-Infinity"),
        (2**63, "9223372036854775808"),
        (True, "true"),
        (None, "null"),
        ("1", '"1"'),
        ('a"\\', '"a\\"\\\\"'),
        ("\u200b\x00\n", '"\\u200b\\u0000\\n"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("\ud800", '"\\ud800"'),
        ("é", '"é"'),
        ("e\u0301", '"e\\u0301"'),
        (b"\x00hi", "b'\\x00hi'"),
        (np.datetime64("2024-01-02T00:00:00.5", "ns"), "2024-01-02T00:00:00.5"),
        (np.datetime64("NaT", "ns"), "NaT"),
        ([1, {"k": "v"}], '[1, {"k": "v"}]'),
        (np.zeros((2, 3)), "array(shape=(2, 3), dtype=float64)"),
    ],
)
def test_a_person_can_tell_a_value_from_its_neighbours(value: object, shown: str) -> None:
    assert show_value(value) == shown


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("x" * 1000, "1,000 characters"),
        (b"x" * 1000, "1,000 bytes"),
        (10**5000, "5,001 digits"),
        ([1] * 500, "500 items"),
    ],
    ids=["text", "bytes", "integer", "list"],
)
def test_what_is_long_is_cut_and_tells_its_length(value: object, size: str) -> None:
    shown = show_value(value)

    assert shown.endswith(f"({size})")
    assert len(shown) < 120


@given(st.text(max_size=30), st.text(max_size=30))
def test_different_texts_are_shown_differently(one: str, other: str) -> None:
    assert (show_value(one, longest=1000) == show_value(other, longest=1000)) == (one == other)
