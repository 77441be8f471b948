"""A JSON value becomes the Python value of its declared type, or says why it cannot."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.model.cells import Unfit, as_bytes, typed_cell
from pytest_modelserve.signature.datatypes import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    ValueType,
)

TAGS = Array(items=DataType.STRING)
CALL = Object(properties=(Property(name="at", type=DataType.DATETIME), Property(name="photo", type=DataType.BINARY)))


def moment(text: str) -> np.datetime64:
    return np.datetime64(text, "ns")


@pytest.mark.parametrize(
    ("value", "kind", "cell"),
    [
        (True, DataType.BOOLEAN, True),
        (5, DataType.INTEGER, 5),
        (2**53 + 1, DataType.LONG, 2**53 + 1),
        (3.0, DataType.LONG, 3),
        (1.5, DataType.FLOAT, 1.5),
        (2, DataType.DOUBLE, 2.0),
        ("001", DataType.STRING, "001"),
        ("AP8=\n", DataType.BINARY, b"\x00\xff"),
        ("2024-01-02T03:04:05.123456789", DataType.DATETIME, moment("2024-01-02T03:04:05.123456789")),
        ("2024-01-02 03:04:05", DataType.DATETIME, moment("2024-01-02T03:04:05")),
        ("1969-12-31", DataType.DATETIME, moment("1969-12-31")),
        (1_704_164_645_000_000_001, DataType.DATETIME, moment("2024-01-02T03:04:05.000000001")),
        ("NaT", DataType.DATETIME, None),
        ("", DataType.DATETIME, None),
        (["a", None], TAGS, ["a", None]),
        ([[1], []], Array(items=Array(items=DataType.DOUBLE)), [[1.0], []]),
        ({"a": 1}, Map(values=DataType.DOUBLE), {"a": 1.0}),
        ({"at": "2024-01-02", "new": 1}, CALL, {"at": moment("2024-01-02"), "new": 1}),
        ({"a": [1]}, AnyType(), {"a": [1]}),
        ([1.0, 2.0], SparkMLVector(), [1.0, 2.0]),
    ],
)
def test_a_value_is_typed(value: object, kind: ValueType, cell: object) -> None:
    typed = typed_cell(value, kind)
    assert typed == cell
    assert type(typed) is type(cell)


@pytest.mark.parametrize("kind", [*DataType, TAGS, CALL, AnyType()])
def test_null_is_none_in_every_type(kind: ValueType) -> None:
    assert typed_cell(None, kind) is None


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        (1, DataType.BOOLEAN, "1 is no boolean"),
        ("true", DataType.BOOLEAN, "'true' is no boolean"),
        (True, DataType.LONG, "True is no integer"),
        (1.5, DataType.LONG, "1.5 is no integer"),
        (math.inf, DataType.LONG, "inf is no integer"),
        (True, DataType.DOUBLE, "True is no number"),
        ("1.5", DataType.DOUBLE, "'1.5' is no number"),
        (5, DataType.STRING, "5 is no text"),
        (5, DataType.BINARY, "5 is no base64 text"),
        (True, DataType.DATETIME, "True is no date"),
        ("today", DataType.DATETIME, "'today' is no date"),
        ("20240102", DataType.DATETIME, "'20240102' is no date"),
        ("2024-13-01", DataType.DATETIME, "'2024-13-01' is no date"),
        ("yesterday", DataType.DATETIME, "'yesterday' is no date"),
        ("2024-01-02T03:04:05Z", DataType.DATETIME, "has a time zone"),
        ("2024-01-02 03:04:05+02:00", DataType.DATETIME, "has a time zone"),
        ("9999-12-31", DataType.DATETIME, "is outside 1677 to 2262"),
        ("1600-01-01", DataType.DATETIME, "is outside 1677 to 2262"),
        ("a", TAGS, "'a' is no list"),
        (["a", 5], TAGS, "5 is no text"),
        ([1], CALL, "[1] is no mapping"),
        ({"at": "soon"}, CALL, "'soon' is no date"),
        ({"a": "x"}, Map(values=DataType.DOUBLE), "'x' is no number"),
        ("a", Map(values=DataType.DOUBLE), "'a' is no mapping"),
    ],
)
def test_a_value_that_does_not_fit_stays_with_the_reason(value: object, kind: ValueType, reason: str) -> None:
    typed = typed_cell(value, kind)
    assert isinstance(typed, Unfit)
    assert typed.value == value
    assert reason in typed.reason


def test_an_integer_beyond_a_double_does_not_fit() -> None:
    typed = typed_cell(10**400, DataType.DOUBLE)
    assert isinstance(typed, Unfit)
    assert "beyond the largest double" in typed.reason


@pytest.mark.parametrize("text", ["abc", "ü"])
def test_bad_base64_does_not_fit(text: str) -> None:
    typed = as_bytes(text)
    assert isinstance(typed, Unfit)
    assert "no base64" in typed.reason


@given(st.binary())
def test_bytes_come_back_as_mlflow_writes_them(content: bytes) -> None:
    assert as_bytes(base64.encodebytes(content).decode("ascii")) == content


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_every_nanosecond_comes_back_from_its_text(nanoseconds: int) -> None:
    exact = np.datetime64(nanoseconds, "ns")
    inside = moment("1677-09-21T00:12:44") <= exact < moment("2262-04-11T23:47:16")
    typed = typed_cell(str(exact), DataType.DATETIME)
    assert typed == exact if inside else isinstance(typed, Unfit)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.sampled_from([*DataType, TAGS, CALL, Map(values=DataType.LONG), AnyType()]))
def test_any_value_is_typed_or_unfit_in_any_type(value: object, kind: ValueType) -> None:
    typed = typed_cell(value, kind)
    if isinstance(typed, Unfit):
        assert typed.value == value
        assert typed.reason
    if isinstance(kind, AnyType):
        assert typed == value
