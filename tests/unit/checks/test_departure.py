"""An answer is compared with what the model returned: what JSON carries has to be in it, and what it loses is told."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import math
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from pytest_modelserve.checks.departure import DepartureJudge
from pytest_modelserve.checks.record_reader import read_contents
from pytest_modelserve.checks.uncarried import uncarried
from pytest_modelserve.runtime.exact import encode_contents
from pytest_modelserve.runtime.frames import Predictions, read_message
from pytest_modelserve.runtime.outgoing import encode_predictions as encode_message
from pytest_modelserve.scoring.encode import encode_predictions
from pytest_modelserve.scoring.errors import NotEncodable
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec
from pytest_modelserve.wire.json_text import parse_json

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOW = np.datetime64("2024-01-02T03:04:05.123456789")
UNNAMED = ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.DOUBLE),))


def recorded(value: object) -> Any:
    return read_contents(encode_contents({"value": value}))["value"]


def answered(value: object) -> Any:
    """Return the predictions that our server would have sent, by way of the worker's own message."""
    message = read_message(io.BytesIO(encode_message(1, value, 0.1)))
    assert isinstance(message, Predictions)
    document = parse_json(encode_predictions(message.value).body)
    assert isinstance(document, dict)
    return document["predictions"]


def difference(value: object, raw: object, outputs: Any = None) -> Any:
    found = DepartureJudge(outputs).difference(recorded(value), raw)
    return None if found is None else found[1]


FRAME = pd.DataFrame(
    {
        "i": pd.Series([1, 2**53 + 1], dtype="int64"),
        "f": pd.Series([0.1, -0.0]),
        "f32": pd.Series([0.1, 1e-45], dtype="float32"),
        "null": pd.Series([None, 3], dtype="Int64"),
        "b": [True, False],
        "s": ["001", None],
        "raw": [b"\x00\xff", b""],
        "t": pd.Series([NOW, np.datetime64("NaT", "ns")]),
        "z": pd.to_datetime(["2024-07-02T03:04:05", "2024-01-02T03:04:05"]).tz_localize("Europe/Berlin"),
        "c": pd.Categorical(["x", "y"]),
        "nested": [{"a": [1, None]}, {"a": []}],
        3: [1, 2],
    }
)
ANSWERS: dict[str, object] = {
    "none": None,
    "bool": True,
    "int": 2**70,
    "float": 5e-324,
    "text": "NaN\u200b\x00",
    "surrogate": "\ud800",
    "bytes": b"\x00\xff",
    "nan": float("nan"),
    "NaT": pd.NaT,
    "NA": pd.NA,
    "list": [1, [2.5, "x"], (True, None)],
    "dict": {"a": 1, 2: "b", None: 3, True: 4, 1.5: 5},
    "datetime": dt.datetime(2024, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001 # without zone on purpose
    "aware datetime": dt.datetime(2024, 7, 2, tzinfo=BERLIN),
    "date": dt.date(2024, 1, 2),
    "time": dt.time(3, 4, 5),
    "timestamp": pd.Timestamp(NOW),
    "aware timestamp": pd.Timestamp(NOW, tz="Asia/Kolkata"),
    "numpy int": np.int8(-3),
    "numpy float32": np.float32(0.1),
    "numpy float16": np.float16(0.1),
    "numpy bool": np.bool_(False),
    "numpy text": np.str_("x"),
    "numpy datetime": NOW,
    "numpy date": np.datetime64("2024-01-02", "D"),
    "array": np.arange(6.0).reshape(2, 3),
    "float32 array": np.array([0.1, np.nan, -0.0], dtype="float32"),
    "uint64 array": np.array([2**64 - 1], dtype="uint64"),
    "bool array": np.array([True, False]),
    "text array": np.array(["a", "bc"]),
    "bytes array": np.array([b"a", b"bc"]),
    "date array": np.array([NOW, np.datetime64("NaT", "ns")]),
    "month array": np.array(["2024-01", "2025-02"], dtype="datetime64[M]"),
    "object array": np.array([1, "a", None, [2]], dtype=object),
    "array of no dimensions": np.array(3.5),
    "empty array": np.empty((0, 3)),
    "masked array": np.ma.MaskedArray([1, 2], mask=[False, True]),
    "structured array": np.array([(1, 2.5), (2, 3.5)], dtype=[("a", "i8"), ("b", "f4")]),
    "dict of arrays": {"a": np.arange(3), "b": np.array([0.5])},
    "frame": FRAME,
    "frame with labels of its own": FRAME.set_axis([7, 7]),
    "empty frame": FRAME.iloc[:0],
    "frame without columns": pd.DataFrame(index=range(2)),
    "frame of numbers for names": pd.DataFrame(np.eye(2)),
    "series": pd.Series([1, 2]),
    "named series": pd.Series(["a", None], name="label"),
    "empty series": pd.Series([], dtype="float64"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_our_server_answers_is_what_the_model_returned(name: str) -> None:
    assert difference(ANSWERS[name], answered(ANSWERS[name])) is None


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_infinity=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.none() | st.just(BERLIN))
    | st.dates()
    | st.floats(width=32, allow_infinity=False).map(np.float32)
    | st.integers(-(2**63) + 1, 2**63 - 1).map(lambda count: np.datetime64(count, "ns"))
)
ARRAYS = stn.arrays(
    st.sampled_from(["bool", "int32", "int64", "uint8", "float16", "float32", "float64"]),
    stn.array_shapes(max_dims=3, max_side=3),
    elements={"allow_infinity": False},
)
RETURNED = st.recursive(
    LEAVES | ARRAYS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(RETURNED)
def test_whatever_our_server_can_answer_is_what_the_model_returned(value: object) -> None:
    assert difference(value, answered(value)) is None


@settings(max_examples=50, deadline=None)
@given(RETURNED, RETURNED)
def test_another_answer_is_found(value: object, other: object) -> None:
    first, second = answered(value), answered(other)
    if repr(first) != repr(second) and not (isinstance(value, dt.date) or isinstance(other, dt.date)):
        as_whole = isinstance(first, float | int) and isinstance(second, float | int) and first == second
        assert as_whole or difference([value], [second]) is not None


WRONG: dict[str, tuple[object, object, str, str]] = {
    "an ulp": (0.1, math.nextafter(0.1, 1), "value", "predictions"),
    "the sign of zero": (-0.0, 0, "value", "predictions"),
    "an integer through float": (2**53 + 1, float(2**53), "value", "predictions"),
    "six digits": ([0.1234567], [0.123457], "value", "predictions[0]"),
    "a float32 cut": (np.float32(0.1), 0.1001, "value", "predictions"),
    "a boolean as a number": ([True], [1], "type", "predictions[0]"),
    "a number as a boolean": (1, True, "type", "predictions"),
    "a number as text": (1.5, "1.5", "type", "predictions"),
    "text as a number": ("1", 1, "type", "predictions"),
    "text stripped": (" a", "a", "value", "predictions"),
    "NaN as text": (float("nan"), "NaN", "invented", "predictions"),
    "NaN filled": ([float("nan")], [0.0], "invented", "predictions[0]"),
    "NaT as text": (pd.NaT, "NaT", "invented", "predictions"),
    "a value lost": ([1], [None], "lost", "predictions[0]"),
    "bytes as they are": (b"hi", "hi", "value", "predictions"),
    "bytes of others": (b"hi", "aGo=", "value", "predictions"),
    "microseconds": (NOW, "2024-01-02T03:04:05.123456", "value", "predictions"),
    "a zone forgotten": (pd.Timestamp(NOW, tz="Asia/Kolkata"), str(NOW), "value", "predictions"),
    "a date as a number": (NOW, 1704164645, "value", "predictions"),
    "a time": (dt.time(3, 4, 5, 6), "03:04:05", "value", "predictions"),
    "flattened": (np.eye(2), [1.0, 0.0, 0.0, 1.0], "length", "predictions"),
    "a row lost": ([1, 2, 3], [1, 2], "length", "predictions"),
    "rows swapped": ([1, 2], [2, 1], "value", "predictions[0]"),
    "a list as a value": ([1], 1, "type", "predictions"),
    "a key lost": ({"a": 1, "b": 2}, {"a": 1}, "keys", "predictions"),
    "a key twice": ({1: "a", "1": "b"}, {"1": "b"}, "twice", "predictions"),
    "a member": ({"a": {"b": [1]}}, {"a": {"b": [2]}}, "value", 'predictions["a"]["b"][0]'),
    "a column": (pd.DataFrame({"x": [1], "y": [2]}), [{"x": 1, "y": 3}], "value", 'predictions[0]["y"]'),
    "a column lost": (pd.DataFrame({"x": [1], "y": [2]}), [{"x": 1}], "keys", "predictions[0]"),
    "a column twice": (pd.DataFrame([[1, 2]], columns=["x", "x"]), [{"x": 2}], "twice", "predictions"),
    "a frame by columns": (pd.DataFrame({"x": [1]}), {"x": [1]}, "type", "predictions"),
    "a frame of lists": (pd.DataFrame({"x": [1]}), [[1]], "type", "predictions[0]"),
    "a frame shorter": (pd.DataFrame({"x": [1, 2]}), [{"x": 1}], "length", "predictions"),
    "a series": (pd.Series([1, 2], name="p"), [{"p": 1}, {"p": 3}], "value", 'predictions[1]["p"]'),
    "a masked value filled": (np.ma.MaskedArray([1, 2], mask=[False, True]), [1, 2], "invented", "predictions[1]"),
    "infinity": ([1.0, float("-inf")], [1.0, None], "infinity", "predictions[1]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_lost_on_the_way_is_told_with_its_place(name: str) -> None:
    returned, raw, kind, path = WRONG[name]
    wrong = difference(returned, raw)
    assert wrong is not None
    assert (wrong.kind, wrong.path) == (kind, path)


def test_a_changed_value_outweighs_an_infinity() -> None:
    wrong = difference([float("inf"), 1.0], [None, 2.0])
    assert (wrong.kind, wrong.path, wrong.before, wrong.after) == ("value", "predictions[1]", "1.0", "2.0")


@pytest.mark.parametrize(
    ("returned", "raw"),
    [
        (np.float32(0.1), 0.1),
        (np.float32(0.1), 0.10000000149011612),
        (3, 3.0),
        (3.0, 3),
        (NOW, int(NOW.astype("int64"))),
        (dt.date(2024, 1, 2), "2024-01-02T00:00:00"),
        (b"\x00" * 60, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAA\n"),
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series([1], name="p"), [{"p": 1}]),
        (pd.Timestamp("2024-07-02T12:00", tz="Europe/Berlin"), "2024-07-02T10:00:00Z"),
    ],
    ids=str,
)
def test_forms_that_other_servers_give_lose_nothing(returned: object, raw: object) -> None:
    assert difference(returned, raw) is None


TEXTS = ColumnSchema(columns=(ColumnSpec(name="t", type=DataType.STRING), ColumnSpec(name="b", type=DataType.BINARY)))


@pytest.mark.parametrize(
    ("outputs", "returned", "raw", "kind"),
    [
        (TEXTS, pd.DataFrame({"t": ["x"], "b": [b"hi"]}), [{"t": "x", "b": "aGk="}], None),
        (TEXTS, pd.DataFrame({"t": [b"hi"], "b": [b"hi"]}), [{"t": "aGk=", "b": "aGk="}], "bytes"),
        (ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.STRING),)), [b"hi"], ["aGk="], "bytes"),
        (
            TensorSchema(tensors=(TensorSpec(name=None, dtype="str", shape=(-1,)),)),
            np.array([b"hi"]),
            ["aGk="],
            "bytes",
        ),
        (TensorSchema(tensors=(TensorSpec(name=None, dtype="bytes", shape=(-1,)),)), np.array([b"hi"]), ["aGk="], None),
        (None, [b"hi"], ["aGk="], None),
    ],
)
def test_bytes_in_a_column_of_text_reach_the_client_as_base64(
    outputs: Any, returned: object, raw: object, kind: str | None
) -> None:
    wrong = difference(returned, raw, outputs)
    assert (None if wrong is None else wrong.kind) == kind


UNCARRIED: dict[str, tuple[object, str, str]] = {
    "a Decimal": ({"a": [decimal.Decimal("1.1")]}, 'predictions["a"][0]', "Decimal('1.1'), a decimal.Decimal"),
    "a set": ([{1}], "predictions[0]", "{1}, a set"),
    "a complex number": (1j, "predictions", "1j, a complex"),
    "a duration": ([dt.timedelta(days=1)], "predictions[0]", "datetime.timedelta(days=1), a datetime.timedelta"),
    "numpy durations": (np.array([1], dtype="timedelta64[s]"), "predictions", "numbers of type timedelta64[s]"),
    "complex numbers": (np.array([1j]), "predictions", "numbers of type complex128"),
    "a column of them": (pd.DataFrame({"a": [decimal.Decimal(1)]}), 'predictions["a"][0]', "a decimal.Decimal"),
    "a series of them": (pd.Series([decimal.Decimal(1)]), "predictions[0]", "a decimal.Decimal"),
    "an array of them": (np.array([decimal.Decimal(1)], dtype=object), "predictions[0]", "a decimal.Decimal"),
    "columns of one name": (pd.DataFrame([[1, 2]], columns=["x", "x"]), "predictions", "the column 'x' twice"),
    "columns of two levels": (pd.DataFrame({("a", "b"): [1]}), "predictions", "the column ('a', 'b'), a tuple"),
    "keys of one text": ({1: 1, "1": 2}, "predictions", "the key '1' twice"),
}


@pytest.mark.parametrize("name", UNCARRIED)
def test_what_json_has_no_form_for_is_named(name: str) -> None:
    returned, path, what = UNCARRIED[name]
    found = uncarried(recorded(returned))
    assert found is not None
    assert (found[0], found[1].endswith(what)) == (path, True), found
    with pytest.raises((NotEncodable, AssertionError)):  # our server finds no form either
        answered(returned)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_our_server_answers_has_a_form(name: str) -> None:
    assert uncarried(recorded(ANSWERS[name])) is None
