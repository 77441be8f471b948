"""Answers: strict JSON equal to what the model returned to the last bit, or an error that names the place."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from pytest_modelserve.runtime.frames import (
    ColumnValue,
    Missing,
    OpaqueValue,
    SeriesValue,
    Storage,
    TableValue,
    TimestampValue,
)
from pytest_modelserve.scoring.encode import _is_exact_in, encode_predictions
from pytest_modelserve.scoring.errors import NotEncodable


def refuse_token(token: str) -> Any:
    raise AssertionError(f"{token} is no JSON")


def decoded(value: object) -> Any:
    body = encode_predictions(value).body
    return json.loads(body, parse_constant=refuse_token)["predictions"]


def array(*values: Any, dtype: str | None = None) -> ColumnValue:
    return ColumnValue("x", Storage.ARRAY, np.array(values, dtype=dtype))


def nested(n_levels: int, inmost: Any, name: str = "") -> Any:
    """Return lists in lists, or objects in objects where a name is given."""
    value = inmost
    for _ in range(n_levels):
        value = {name: value} if name else [value]
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (10**30, 10**30),
        (-(2**63), -(2**63)),
        (-0.0, -0.0),
        (0.1, 0.1),
        ("é\0😀", "é\0😀"),
        ("\ud800", "\ud800"),
        ((1, [2.5, None]), [1, [2.5, None]]),
        ({"a": {"b": b"hi"}}, {"a": {"b": "aGk="}}),
        (b"x" * 100, ("eHh4" * 33) + "eA=="),
        ({1: "a", None: 2, False: 3, 2.5: 4}, {"1": "a", "null": 2, "false": 3, "2.5": 4}),
        ({np.int64(7): 1}, {"7": 1}),
        ({TimestampValue("2024-01-02T00:00:00", 0): 1}, {"2024-01-02T00:00:00": 1}),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (dt.datetime.fromisoformat("2024-01-02T03:04:05.000006"), "2024-01-02T03:04:05.000006"),
        (TimestampValue("2024-01-02T03:04:05.123456789", 0), "2024-01-02T03:04:05.123456789"),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int8(-1), -1),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"hi"), "aGk="),
        (np.datetime64("2024-01-02T03:04:05", "ns"), "2024-01-02T03:04:05"),
        (np.datetime64("2024-01-02", "D"), "2024-01-02T00:00:00"),
        (np.datetime64(-(2**63) + 1, "ns"), "1677-09-21T00:12:43.145224193"),  # its second is beyond nanoseconds
        (np.datetime64(2**63 - 1, "ns"), "2262-04-11T23:47:16.854775807"),
        (np.array(5), 5),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.zeros((0, 3)), []),
        (np.zeros((2, 0, 3)), [[], []]),
        (np.array([0.1, 2], dtype=">f4"), [float(np.float32(0.1)), 2.0]),
        (np.array([2**64 - 1], dtype="uint64"), [2**64 - 1]),
        (np.array(["a", "bc"]), ["a", "bc"]),
        (np.array([b"hi", b""]), ["aGk=", ""]),
        (
            np.array(["2024-01-02T03:04:05.5", "2024-01-02"], dtype="M8[ns]"),
            ["2024-01-02T03:04:05.500", "2024-01-02T00:00:00.000"],
        ),
        (np.array(["2024-01-02T03:04:05.000001"], dtype="M8[ns]"), ["2024-01-02T03:04:05.000001"]),
        (np.array(["2024-01-02T03:04:05.000000001"], dtype="M8[ns]"), ["2024-01-02T03:04:05.000000001"]),
        (np.array([1, "a", None, [2]], dtype=object), [1, "a", None, [2]]),
        ({"a": np.array([1.5]), "b": [np.array([2])]}, {"a": [1.5], "b": [[2]]}),
    ],
)
def test_what_json_can_carry_is_carried(value: object, expected: object) -> None:
    assert decoded(value) == expected
    assert encode_predictions(value).lost == ()


@pytest.mark.parametrize(
    ("value", "expected", "lost"),
    [
        (math.nan, None, ("NaN",)),
        ([1.5, -math.inf], [1.5, None], ("Infinity",)),
        (np.array([[math.nan, 1], [math.inf, 2]]), [[None, 1.0], [None, 2.0]], ("Infinity", "NaN")),
        ([math.nan, None, True, 1, "a"], [None, None, True, 1, "a"], ("NaN",)),
        (np.array([math.inf, 1]), [None, 1.0], ("Infinity",)),
        (np.float32("nan"), None, ("NaN",)),
        (np.array(["NaT", "2024-01-02"], dtype="M8[ns]"), [None, "2024-01-02T00:00:00"], ("NaT",)),
        (np.datetime64("NaT", "ns"), None, ("NaT",)),
        ([Missing.NA, Missing.NAT], [None, None], ("NA", "NaT")),
    ],
)
def test_what_json_has_no_word_for_is_null_and_told(value: object, expected: object, lost: tuple[str, ...]) -> None:
    assert decoded(value) == expected
    assert encode_predictions(value).lost == lost


def test_a_frame_is_a_list_of_records() -> None:
    columns = (
        ColumnValue("i", Storage.ARRAY, np.array([1, 2]), np.array([False, True])),
        ColumnValue(0, Storage.ARRAY, np.array([0.5, 1.5], dtype="float32")),
        ColumnValue("d", Storage.ARRAY, np.array(["2024-01-02", "NaT"], dtype="M8[ns]")),
        ColumnValue("t", Storage.TEXT, ["a", None]),
        ColumnValue("b", Storage.BYTES, [b"hi", None]),
        ColumnValue("n", Storage.NESTED, [[1], {"k": np.float64(2)}]),
    )
    assert decoded(TableValue(columns, 2, ("r", "s"))) == [
        {"i": 1, "0": 0.5, "d": "2024-01-02T00:00:00", "t": "a", "b": "aGk=", "n": [1]},
        {"i": None, "0": 1.5, "d": None, "t": None, "b": None, "n": {"k": 2.0}},
    ]


def test_frames_without_rows_or_columns() -> None:
    assert decoded(TableValue((array(dtype="float64"),), 0)) == []
    assert decoded(TableValue((), 2)) == [{}, {}]


def test_a_series_is_a_list_of_records_as_mlflow_has_it() -> None:
    assert decoded(SeriesValue(array(1, 2))) == [{"x": 1}, {"x": 2}]
    assert decoded(SeriesValue(ColumnValue(None, Storage.ARRAY, np.array([1])))) == [{"0": 1}]


def test_frames_may_stand_inside() -> None:
    assert decoded({"a": [SeriesValue(array(1.5))]}) == {"a": [[{"x": 1.5}]]}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (OpaqueValue("decimal.Decimal", "1.1"), "predictions"),
        ({"a": [1, OpaqueValue("builtins.set", "{1}")]}, "predictions.a[1]"),
        (np.array([1j]), "predictions"),
        (np.array([1], dtype="m8[s]"), "predictions"),
        (np.array([1], dtype=np.longdouble), "predictions"),
        (TableValue((array(1, dtype="m8[ns]"),), 1), "predictions.x"),
        ({(1, 2): 3}, "predictions"),
        ({1: "a", "1": "b"}, "predictions"),
        (TableValue((array(1), array(2)), 1), "predictions"),
        (TableValue((ColumnValue(1, Storage.TEXT, ["a"]), ColumnValue("1", Storage.TEXT, ["b"])), 1), "predictions"),
        ({"k" * 41: 1j}, f"predictions.{'k' * 40}"),
        (TableValue((ColumnValue("k" * 41, Storage.NESTED, [1j]),), 1), f"predictions.{'k' * 40}[0]"),
        ([[[1j]]], "predictions[0][0][0]"),
        (np.array([1, 1j], dtype=object), "predictions[1]"),
        (nested(5, 1j, "k" * 40), ("predictions" + f".{'k' * 40}" * 5)[:200]),
    ],
)
def test_what_json_has_no_form_for_is_an_error_with_its_place(value: object, place: str) -> None:
    with pytest.raises(NotEncodable) as refused:
        encode_predictions(value)
    assert f"at {place} " in refused.value.message
    assert refused.value.code.status == 500


def test_depth_is_an_error_and_no_crash() -> None:
    with pytest.raises(NotEncodable):
        encode_predictions(nested(100_000, []))


@pytest.mark.parametrize("n_levels", [252, 253, 254, 255])
def test_more_levels_than_the_quick_writer_knows_are_written(n_levels: int) -> None:
    assert decoded(nested(n_levels, 1.5)) == nested(n_levels, 1.5)


def test_a_second_beyond_the_range_of_nanoseconds_is_not_exact() -> None:
    class Early:
        """Instants as NumPy 2.5 has them, below the first second that is within nanoseconds."""

        dtype = np.dtype("M8[ns]")

        def astype(self, _dtype: object) -> Any:
            raise OverflowError

    instants: Any = Early()
    assert _is_exact_in("s", instants) is False


def test_a_bare_answer_has_no_wrapper() -> None:
    assert encode_predictions({"choices": []}, is_bare=True).body == b'{"choices":[]}'


@given(stn.arrays(stn.floating_dtypes(sizes=(32, 64), endianness="="), stn.array_shapes(min_side=0)))
def test_floats_come_back_to_the_last_bit(sent: np.ndarray[Any, np.dtype[Any]]) -> None:
    back = decoded(sent)
    flat = np.array(back, dtype=object).ravel() if sent.size else np.array([])
    for wire, value in zip(flat, sent.ravel(), strict=True):
        assert wire == value if math.isfinite(value) else wire is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
        max_leaves=20,
    )
)
def test_json_comes_back_as_it_was(value: Any) -> None:
    assert decoded(value) == value


def test_an_answer_with_a_name_twice_tells_which() -> None:
    with pytest.raises(NotEncodable) as refused:
        encode_predictions({"a": 1, 1: 2, "1": 3})
    assert "the name '1' twice" in refused.value.message


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (2**70, b'{"predictions":1180591620717411303424}'),
        ("\ud800", b'{"predictions":"\\ud800"}'),
        ({True: 1, False: 2, None: 3}, b'{"predictions":{"true":1,"false":2,"null":3}}'),
        (
            np.array(["2024-01-02T03:04:05.120", "2024-01-02"], "M8[ns]"),
            b'{"predictions":["2024-01-02T03:04:05.120","2024-01-02T00:00:00.000"]}',
        ),
    ],
)
def test_an_answer_is_written(value: Any, body: bytes) -> None:
    assert encode_predictions(value).body == body


@pytest.mark.parametrize(
    ("value", "kind"), [(OpaqueValue("decimal.Decimal", "1"), "'decimal.Decimal'"), (1j, "'builtins.complex'")]
)
def test_a_value_that_json_cannot_carry_is_told_by_its_type(value: Any, kind: str) -> None:
    with pytest.raises(NotEncodable) as refused:
        encode_predictions([value])
    assert kind in refused.value.message
