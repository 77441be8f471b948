"""Each type has its boundary values, valid, named and in a fixed order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from pytest_modelserve.cases import Level
from pytest_modelserve.signature.datatypes import Array, DataType, Map, Object, Property, SparkMLVector, ValueType
from pytest_modelserve.strategies import Edge, edges
from pytest_modelserve.strategies.edges import ROLES, base_value
from pytest_modelserve.strategies.levels import level_of
from pytest_modelserve.strategies.values import fingerprint, shown

FLOAT32_MAX = float(np.finfo(np.float32).max)


def named(kind: ValueType) -> dict[str, Edge]:
    return {edge.name: edge for edge in edges(kind)}


def test_edges_are_valid_named_and_stand_once(
    kind: ValueType, valid_value: Callable[[ValueType, object], bool]
) -> None:
    found = edges(kind)
    assert found
    assert all(valid_value(kind, edge.value) for edge in found)
    assert len({fingerprint(edge.value) for edge in found}) == len(found)
    assert all(edge.name for edge in found)


def test_edges_come_plausible_first_and_always_alike(kind: ValueType) -> None:
    found = edges(kind)
    assert [edge.level for edge in found] == sorted(edge.level for edge in found)
    assert repr(edges(kind)) == repr(found)
    assert Level.EXAMPLE not in {edge.level for edge in found}


def test_the_plainest_value_is_valid(kind: ValueType, valid_value: Callable[[ValueType, object], bool]) -> None:
    assert valid_value(kind, base_value(kind))


@pytest.mark.parametrize(
    ("kind", "value", "level"),
    [
        (DataType.INTEGER, 2**31 - 1, Level.EXTREME),
        (DataType.INTEGER, -(2**31), Level.EXTREME),
        (DataType.INTEGER, 2**24 + 1, Level.PLAUSIBLE),
        (DataType.LONG, 2**31, Level.PLAUSIBLE),
        (DataType.LONG, 2**53 + 1, Level.PLAUSIBLE),
        (DataType.LONG, 2**63 - 1, Level.EXTREME),
        (DataType.LONG, -(2**63), Level.EXTREME),
        (DataType.FLOAT, -0.0, Level.PLAUSIBLE),
        (DataType.FLOAT, FLOAT32_MAX, Level.EXTREME),
        (DataType.FLOAT, float(np.finfo(np.float32).smallest_subnormal), Level.EXTREME),
        (DataType.DOUBLE, 1, Level.PLAUSIBLE),
        (DataType.DOUBLE, 1e39, Level.EXTREME),
        (DataType.DOUBLE, 1.7976931348623157e308, Level.EXTREME),
        (DataType.DOUBLE, 5e-324, Level.EXTREME),
        (DataType.STRING, "", Level.PLAUSIBLE),
        (DataType.STRING, "001", Level.PLAUSIBLE),
        (DataType.STRING, "NaN", Level.PLAUSIBLE),
        (DataType.STRING, "null", Level.PLAUSIBLE),
        (DataType.STRING, "x" * 200, Level.PLAUSIBLE),
        (DataType.STRING, "x" * 100_000, Level.EXTREME),
        (DataType.STRING, "a\x00b", Level.EXTREME),
        (DataType.BINARY, b"", Level.PLAUSIBLE),
        (DataType.BINARY, bytes(range(256)), Level.PLAUSIBLE),
        (DataType.DATETIME, np.datetime64("1969-12-31T23:59:59.999999999", "ns"), Level.PLAUSIBLE),
        (DataType.DATETIME, np.datetime64("2000-02-29T12:00:00", "ns"), Level.PLAUSIBLE),
        (DataType.DATETIME, np.datetime64("1677-09-21T00:12:43.145224193", "ns"), Level.EXTREME),
        (DataType.DATETIME, np.datetime64("2262-04-11T23:47:16.854775807", "ns"), Level.EXTREME),
        (Array(items=DataType.LONG), [], Level.PLAUSIBLE),
        (Map(values=DataType.LONG), {}, Level.PLAUSIBLE),
        (Map(values=DataType.LONG), {"": 1}, Level.PLAUSIBLE),
        (Array(items=DataType.LONG), [2**63 - 1], Level.EXTREME),
    ],
    ids=map(str, count()),  # the values themselves are too long
)
def test_what_the_contract_demands_is_there(kind: ValueType, value: object, level: Level) -> None:
    levels = {fingerprint(edge.value): edge.level for edge in edges(kind)}
    assert levels[fingerprint(value)] is level


@pytest.mark.parametrize("part", ["://", "\u200b", "\u0301", "\U0001f469"])
def test_text_holds_what_breaks_readers(part: str) -> None:
    assert any(part in str(edge.value) for edge in edges(DataType.STRING))


def test_optional_properties_are_absent_alone() -> None:
    kind = Object(
        properties=(Property(name="a", type=DataType.LONG), Property(name="b", type=DataType.LONG, required=False))
    )
    with_base = edges(kind, base={"a": 5, "b": 6})
    assert {"a": 5} in [edge.value for edge in with_base]
    assert all(
        isinstance(edge.value, dict) and ("b" not in edge.value or edge.value["a"] == 5 or edge.value["b"] == 6)
        for edge in with_base
    )


def test_a_chat_keeps_to_roles_that_models_know() -> None:
    message = Object(
        properties=(Property(name="content", type=DataType.STRING), Property(name="role", type=DataType.STRING))
    )
    for edge in edges(Array(items=message)):
        assert isinstance(edge.value, list)
        assert all(part["role"] in ROLES for part in edge.value)


def test_a_vector_keeps_its_length() -> None:
    found = edges(SparkMLVector(), base=[1.0, 2.0, 3.0])
    assert {len(edge.value) for edge in found if isinstance(edge.value, list)} == {3}


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (None, Level.PLAUSIBLE),
        (True, Level.PLAUSIBLE),
        (10**18, Level.PLAUSIBLE),
        (10**18 + 1, Level.EXTREME),
        (1e15, Level.PLAUSIBLE),
        (1.1e15, Level.EXTREME),
        (0.0, Level.PLAUSIBLE),
        (1e-16, Level.EXTREME),
        ("a" * 200, Level.PLAUSIBLE),
        ("a" * 201, Level.EXTREME),
        ("\t\n", Level.PLAUSIBLE),
        ("\x00", Level.EXTREME),
        (np.datetime64("1899-12-31", "ns"), Level.EXTREME),
        (np.datetime64("2100-12-31", "ns"), Level.PLAUSIBLE),
        ([[1, [10**19]]], Level.EXTREME),
        ({"k": 1e300}, Level.EXTREME),
        ({"\x00": 1}, Level.EXTREME),
        ([], Level.PLAUSIBLE),
        ([1] * 101, Level.EXTREME),
    ],
)
def test_levels(value: object, level: Level) -> None:
    assert level_of(value) is level


@pytest.mark.parametrize(("left", "right"), [(True, 1), (1, 1.0), (0.0, -0.0), ("1", 1), (b"a", "a"), ([1], [True])])
def test_values_sent_differently_are_not_the_same(left: object, right: object) -> None:
    assert fingerprint(left) != fingerprint(right)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ('a"\n', '"a\\"\\n"'),
        (np.datetime64("2024-01-01", "ns"), "2024-01-01T00:00:00"),
        pytest.param(10**5000, "an integer of 16610 bits", id="huge"),
        ([1] * 100, "100 elements"),
        (1.5, "1.5"),
    ],
)
def test_values_read_well_in_labels(value: object, text: str) -> None:
    assert shown(value) == text


def test_long_text_is_cut_and_told_its_length() -> None:
    assert shown("x" * 100_000).endswith("(100,000 long)")
    assert len(shown("x" * 100_000)) < 70


def test_names_tell_edges_apart() -> None:
    for kind in DataType:
        assert len(named(kind)) == len(edges(kind))
