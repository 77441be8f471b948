"""Two answers of one model: what differs, and what is only arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.checks.agreement import Agreement, Difference
from pytest_modelserve.settings import Settings
from pytest_modelserve.signature.datatypes import Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, TensorSchema, TensorSpec


def columns(**types: Any) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name, kind in types.items()))


def tensors(*specs: tuple[str | None, str, tuple[int, ...]]) -> TensorSchema:
    return TensorSchema(tensors=tuple(TensorSpec(name=name, dtype=kind, shape=shape) for name, kind, shape in specs))


def differing(one: object, other: object, outputs: Schema | None = None, **said: Any) -> list[Difference]:
    agreement = Agreement(outputs=outputs, **said)
    return agreement.differences(agreement.read(one), agreement.read(other))


DOUBLES = columns(y=DataType.DOUBLE)
FLOATS = columns(y=DataType.FLOAT)
SCORED = columns(label=DataType.STRING, a=DataType.DOUBLE, b=DataType.DOUBLE)
RATED = columns(late=DataType.BOOLEAN, probability=DataType.DOUBLE)
VECTOR = tensors(("label", "int64", (-1,)), ("scores", "float32", (-1, 2)))


@pytest.mark.parametrize(
    ("one", "other", "outputs"),
    [
        ([{"y": 0.1}], [{"y": 0.1 * (1 + 1e-10)}], DOUBLES),
        ([{"y": None}], [{"y": None}], DOUBLES),
        ([{"y": 3}], [{"y": 3.0}], DOUBLES),
        ([0.1, 0.2], [0.1, 0.2 * (1 - 1e-10)], tensors((None, "float64", (-1,)))),
        ([{"y": 0.1}], [{"y": 0.1 * (1 + 5e-5)}], FLOATS),
        ([[1.0, 1e-9]], [[1.0, 1e-6]], tensors((None, "float32", (-1, 2)))),  # 1e-5 of the spread
        ([[0.5, 0.25]], [[0.504, 0.25]], tensors((None, "float16", (-1, 2)))),
        ([float(np.float32(0.1))], [float(np.float32(0.1) * np.float32(1.00002))], None),  # what 32 bits hold
        ([float(np.float32(0.1))], [float(np.float32(0.1) * np.float32(1.00002))], tensors((None, "float64", (-1,)))),
        ([1e-17, 2.5, -1.3], [-3e-17, 2.5, -1.3], tensors((None, "float64", (-1,)))),  # zero but for cancellation
        ([{"label": "x", "a": 0.5, "b": 0.5}], [{"label": "z", "a": 0.5, "b": 0.5 + 1e-12}], SCORED),
        ([{"late": True, "probability": 0.5}], [{"late": False, "probability": 0.5 - 1e-12}], RATED),
        ({"label": [1], "scores": [[0.5, 0.5]]}, {"label": [2], "scores": [[0.5, 0.50001]]}, VECTOR),
        ([{"label": 1, "p": [0.1, 0.45, 0.45]}], [{"label": 2, "p": [0.1, 0.45, 0.45]}], None),
        ([{"at": "2026-01-01T00:00:00"}], [{"at": "2026-01-01T00:00:00"}], columns(at=DataType.DATETIME)),
        ([{"m": {"k": 0.1}}], [{"m": {"k": 0.1 + 1e-12}}], columns(m=Map(values=DataType.DOUBLE))),
        (np.array([math.nan, 1.0]), np.array([math.nan, 1.0]), None),
        ({"x": np.array([1.0])}, {"x": [1.0]}, tensors(("x", "float64", (-1,)))),
        (10**400, 10**400, None),
    ],
)
def test_what_agrees(one: object, other: object, outputs: Schema | None) -> None:
    assert differing(one, other, outputs) == []
    assert differing(other, one, outputs) == []


@pytest.mark.parametrize(
    ("one", "other", "outputs", "path", "distance"),
    [
        ([{"y": 0.1}], [{"y": 0.1 * (1 + 1e-8)}], DOUBLES, 'predictions[0]["y"]', 1e-8),
        ([{"y": 0.1}, {"y": 1.0}], [{"y": 0.1}, {"y": 1.001}], FLOATS, 'predictions[1]["y"]', 1e-3),
        ([{"y": 100001.0}], [{"y": 100002.0}], DOUBLES, 'predictions[0]["y"]', 1e-5),  # whole numbers are no noise
        ([{"y": None}], [{"y": 1.0}], DOUBLES, 'predictions[0]["y"]', math.inf),
        ([{"y": 1.0}], [{"y": 1.0}, {"y": 1.0}], DOUBLES, "predictions", math.inf),
        ([{"y": 1.0}], [{"z": 1.0}], None, "predictions", math.inf),
        ([{"y": 1.0}], 1.0, None, "predictions", math.inf),
        ([1, 2], [1, 3], None, "predictions[1]", math.inf),
        ([True], [1], None, "predictions[0]", math.inf),
        ([1.0], ["1.0"], None, "predictions[0]", math.inf),
        ({"x": 1.0, "note": "a"}, {"x": 1.0, "note": "b"}, None, 'predictions["note"]', math.inf),
        ([{"label": "x", "a": 0.5, "b": 0.4}], [{"label": "z", "a": 0.5, "b": 0.4}], SCORED, "label", math.inf),
        ([{"late": True, "probability": 0.7}], [{"late": False, "probability": 0.7}], RATED, "late", math.inf),
        ({"label": [1], "scores": [[0.4, 0.6]]}, {"label": [2], "scores": [[0.4, 0.6]]}, VECTOR, "label", math.inf),
        ([{"a": [1.0, 2.0]}], [{"a": [1.0]}], columns(a=Array(items=DataType.DOUBLE)), 'predictions[0]["a"]', math.inf),
        (
            [{"o": {"n": 1, "x": 0.5}}],
            [{"o": {"n": 2, "x": 0.5}}],
            columns(
                o=Object(properties=(Property(name="n", type=DataType.LONG), Property(name="x", type=DataType.DOUBLE)))
            ),
            'predictions[0]["o"]["n"]',
            math.inf,
        ),
        ([[1.0, 2.0]], [[1.0, 2.1]], tensors((None, "float64", (1, 2))), "predictions[0][1]", 0.0476),
        ([10**400], [1.5], None, "predictions[0]", math.inf),
    ],
)
def test_what_differs(one: object, other: object, outputs: Schema | None, path: str, distance: float) -> None:
    (difference,) = differing(one, other, outputs)
    assert path in difference.path
    assert difference.distance == pytest.approx(distance, rel=0.01)


@pytest.mark.parametrize(
    ("one", "other", "kind", "agree"),
    [
        ("2023-01-03T00:00:00", "2023-01-03T00:00:00.000", DataType.DATETIME, True),
        ("2023-01-03T00:00:00.120", "2023-01-03T00:00:00.12", DataType.DATETIME, True),
        ("2023-01-03T00:00:00Z", "2023-01-03T00:00:00.0Z", None, True),
        ("2023-01-03T00:00:00.001", "2023-01-03T00:00:00.01", DataType.DATETIME, False),
        ("2023-01-03T00:00:00Z", "2023-01-03T00:00:00", DataType.DATETIME, False),
        ("2023-01-03T00:00:00", "2023-01-04T00:00:00", DataType.DATETIME, False),
        ("2023-01-03T00:00:00", "2023-01-03T00:00:00.000", DataType.STRING, False),
        ("2023-01-03T00:00:00", "no date", DataType.DATETIME, False),
    ],
)
def test_a_date_is_the_moment_and_not_its_digits(one: str, other: str, kind: DataType | None, agree: bool) -> None:
    outputs = None if kind is None else columns(until=kind)
    assert (differing([{"until": one}], [{"until": other}], outputs) == []) is agree


def test_a_null_or_a_length_is_no_label_that_a_tie_excuses() -> None:
    tied = {"a": 0.5, "b": 0.5}
    assert differing([{"label": "x", **tied}], [{"label": None, **tied}], SCORED)[0].path == 'predictions[0]["label"]'


def test_the_worst_difference_comes_first_with_both_values() -> None:
    first, second = differing([1.5, 1.25], [1.51, 2.5], tensors((None, "float64", (-1,))))
    assert (first.path, first.one, first.other, first.row, first.column) == ("predictions[1]", 1.25, 2.5, 1, "0")
    assert first.distance == 0.5
    assert second.row == 0
    assert first.told("alone", "with others") == (
        "predictions[1] is 1.25 alone, but 2.5 with others (5.0e-01 apart, relative)"
    )


def test_the_spread_is_that_of_ordinary_answers() -> None:
    agreement = Agreement(outputs=FLOATS)
    tiny, other = (agreement.read([{"y": 1e-6 * scale}]) for scale in (1.0, 1.001))
    assert not agreement.agree(tiny, other)
    agreement.learn(agreement.read([{"y": 1.0}, {"y": 3.0}]))
    assert agreement.agree(tiny, other)
    assert not agreement.agree(agreement.read([{"y": 0.5}]), agreement.read([{"y": 0.5003}]))


def test_a_tolerance_of_the_user_holds_for_every_type() -> None:
    assert differing([{"y": 0.1}], [{"y": 0.1001}], DOUBLES, tolerance=1e-2) == []
    assert differing([{"y": 0.1}], [{"y": 0.1 * (1 + 5e-5)}], FLOATS, tolerance=1e-6)


def test_ignored_outputs_are_left_out() -> None:
    outputs = columns(id=DataType.STRING, y=DataType.DOUBLE)
    one, other = [{"id": "a", "y": 1.0}], [{"id": "b", "y": 1.0}]
    assert [difference.column for difference in differing(one, other, outputs)] == ["id"]
    agreement = Agreement.of(outputs, Settings(ignored_outputs=("id",)))
    assert agreement.agree(agreement.read(one), agreement.read(other))
    assert agreement.agree(agreement.read(one), agreement.read([{"y": 1.0}]))


@given(
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(-2, 2)), min_size=1, max_size=20),
    bias=st.floats(-1e3, 1e3),
)
def test_one_unit_in_the_last_place_is_no_difference(rows: list[tuple[float, int]], bias: float) -> None:
    exact = [value * 0.731 + bias for value, _ in rows]
    noisy = [value + steps * float(np.spacing(value)) for value, (_, steps) in zip(exact, rows, strict=True)]
    for outputs in (None, tensors((None, "float64", (-1,)))):
        agreement = Agreement(outputs=outputs)
        agreement.learn(agreement.read([0.25, 1.0]))  # beside which 5e-324 is nothing
        assert agreement.differences(agreement.read(exact), agreement.read(noisy)) == []


@given(rows=st.lists(st.tuples(st.floats(-1e3, 1e3, width=32), st.floats(-1, 1)), min_size=1, max_size=20))
def test_the_noise_of_32_bits_is_no_difference(rows: list[tuple[float, float]]) -> None:
    exact = [float(np.float32(value)) for value, _ in rows]
    noisy = [float(np.float32(value * (1 + 1e-6 * share))) for value, (_, share) in zip(exact, rows, strict=True)]
    assert differing(exact, noisy, tensors((None, "float32", (-1,)))) == []


@given(st.floats(0.001, 1e6), st.floats(1e-7, 1.0))
def test_what_is_more_than_noise_differs_in_64_bits(value: float, share: float) -> None:
    agreement = Agreement(outputs=DOUBLES)
    one, other = ([{"y": number + math.pi}] for number in (value, value * (1 + share) + 1e-4))
    assert not agreement.agree(agreement.read(one), agreement.read(other))
