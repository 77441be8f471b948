"""What a column is tried with beside the boundaries of its type: values that its example suggests."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from pytest_modelserve.cases import Level
from pytest_modelserve.signature.datatypes import DataType, ValueType
from pytest_modelserve.strategies.pools import Entry, value_entries


def by_name(kind: ValueType, *examples: object) -> Mapping[str, Entry]:
    return {entry.name: entry for entry in value_entries(kind, examples, None)}


@pytest.mark.parametrize(
    ("kind", "examples", "middle"),
    [
        (DataType.LONG, [1990, 2020, 2009], 2005),
        (DataType.LONG, [-3, -8], -6),
        (DataType.LONG, [-(2**63), 2**63 - 1], -1),
        (DataType.INTEGER, [7, None], 7),
        (DataType.DOUBLE, [36.5, 41.5], 39.0),
        (DataType.DOUBLE, [math.nan, 1, 2.0], 1.5),
        (DataType.DOUBLE, [-1.6e308, 1.6e308], 0.0),
        (DataType.DATETIME, [np.datetime64("2013-03-05", "ns"), np.datetime64("2013-03-01", "ns")], "2013-03-03"),
        (DataType.DATETIME, [np.datetime64("NaT", "ns"), np.datetime64("2013-03-01", "ns")], "2013-03-01"),
    ],
)
def test_the_middle_of_the_example_is_tried(kind: DataType, examples: list[object], middle: object) -> None:
    entry = by_name(kind, *examples)["between the example's"]
    assert entry.value == (np.datetime64(middle, "ns") if isinstance(middle, str) else middle)
    assert entry.level is Level.PLAUSIBLE
    assert type(entry.value) is (int if kind in {DataType.LONG, DataType.INTEGER} else type(entry.value))


@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        (DataType.STRING, ["a", "c"]),
        (DataType.BINARY, [b"a", b"c"]),
        (DataType.BOOLEAN, [True, False]),
        (DataType.DOUBLE, [math.nan, None]),
        (DataType.DATETIME, [np.datetime64("NaT", "ns")]),
        (DataType.LONG, []),
    ],
)
def test_what_has_no_order_or_no_value_has_no_middle(kind: DataType, examples: list[object]) -> None:
    assert "between the example's" not in by_name(kind, *examples)


def test_ten_times_the_example_keeps_within_the_type() -> None:
    assert by_name(DataType.LONG, 3, -20)["ten times the example"].value == -200
    assert "ten times the example" not in by_name(DataType.LONG, 2**62)
