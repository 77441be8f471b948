"""What an accepted request must be answered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Expectation, Level, RawBody, Table, Tensors
from pytest_modelserve.checks.judge import Exchange, Judgement
from pytest_modelserve.checks.outputs import OutputJudge, input_ranges, numbers_in
from pytest_modelserve.signature.datatypes import Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

Exchanged = Callable[..., Exchange]
SIGNATURE = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.DOUBLE),)),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Case(payload=Table(columns=("a",), rows=((5.0,), (-20.0,))))


def case_of(*cells: object, level: Level = Level.EXAMPLE, expectation: Expectation = Expectation.ACCEPT) -> Case:
    rows = tuple((cell,) for cell in cells)
    return Case(payload=Table(columns=("a",), rows=rows), level=level, expectation=expectation)


def answer(predictions: object) -> bytes:
    return json.dumps({"predictions": predictions}).encode()


@pytest.fixture
def judged(exchanged: Exchanged) -> Callable[..., Judgement | None]:
    def judge(case: Case, predictions: object, *, example: Case | None = EXAMPLE, **kwargs: Any) -> Judgement | None:
        return OutputJudge(SIGNATURE, example)(exchanged(case, body=answer(predictions)), **kwargs)

    return judge


Judged = Callable[..., "Judgement | None"]


def test_the_declared_form_is_right(judged: Judged) -> None:
    assert judged(case_of(1.0, 2.0), [{"y": 1.5}, {"y": 2}]) is None


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(
    ("predictions", "kind"),
    [([{"y": 1.0}], "rows"), ([{"y": "x"}, {"y": 1.0}], "type"), ([{"z": 1.0}, {"z": 1.0}], "missing")],
)
def test_wrong_rows_types_and_names_are_breaches_at_every_level(
    level: Level, predictions: object, kind: str, judged: Judged
) -> None:
    judgement = judged(case_of(1.0, 2.0, level=level), predictions)
    assert judgement is not None
    assert judgement.is_breach
    assert kind in judgement.key or kind != "rows"


@pytest.mark.parametrize(
    ("level", "cell", "is_breach"),
    [
        (Level.EXAMPLE, 1e300, True),
        (Level.PLAUSIBLE, 0.0, True),
        (Level.PLAUSIBLE, 50.0, True),  # ten times the example's range
        (Level.PLAUSIBLE, -200.0, True),
        (Level.PLAUSIBLE, 51.0, False),
        (Level.PLAUSIBLE, -201.0, False),
        (Level.PLAUSIBLE, 10**400, False),
        (Level.PLAUSIBLE, -(10**400), False),
        (Level.PLAUSIBLE, None, True),
        (Level.EXTREME, 0.0, False),
    ],
)
def test_a_missing_output_by_level(level: Level, cell: object, is_breach: bool, judged: Judged) -> None:
    judgement = judged(case_of(cell, level=level), [{"y": None}])
    assert judgement is not None
    assert judgement.is_breach is is_breach


@pytest.mark.parametrize(("cell", "is_breach"), [(100.0, True), (-101.0, False)])
def test_a_missing_output_without_an_example(cell: float, is_breach: bool, judged: Judged) -> None:
    judgement = judged(case_of(cell, level=Level.PLAUSIBLE), [{"y": None}], example=None)
    assert judgement is not None
    assert judgement.is_breach is is_breach


def test_each_row_answers_for_its_own_inputs(judged: Judged) -> None:
    case = case_of(1e9, 1.0, level=Level.PLAUSIBLE)
    far = judged(case, [{"y": None}, {"y": 1.0}])
    near = judged(case, [{"y": 1.0}, {"y": None}])
    both = judged(case, [{"y": None}, {"y": None}])
    assert far is not None
    assert near is not None
    assert both is not None
    assert [far.is_breach, near.is_breach, both.is_breach] == [False, True, True]


def test_a_missing_output_where_the_request_is_open(judged: Judged) -> None:
    assert judged(case_of(None, expectation=Expectation.EITHER), [{"y": None}]) is None


def test_what_is_open_must_be_right_once_it_is_accepted(judged: Judged) -> None:
    judgement = judged(case_of(None, expectation=Expectation.EITHER), [{"y": "x"}])
    assert judgement is not None
    assert judgement.is_breach


def test_many_missing_values_do_not_hide_a_wrong_one(judged: Judged) -> None:
    predictions = [{"y": None}] * 300 + [{"y": "x"}]
    judgement = judged(case_of(*[1e12] * 301, level=Level.EXTREME), predictions)
    assert judgement is not None
    assert judgement.is_breach


def test_rows_are_counted_by_what_was_sent(judged: Judged, exchanged: Exchanged) -> None:
    raw = Case(payload=RawBody(body=b"{}"))
    assert judged(raw, [{"y": 1.0}] * 3) is None
    assert judged(raw, [{"y": 1.0}] * 3, n_rows=3) is None
    assert judged(raw, [{"y": 1.0}] * 3, n_rows=2) is not None
    assert judged(case_of(1.0), [{"y": 1.0}], n_rows=0) is not None


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"predictions": [NaN]}', None),
        (b'{"predictions": [Infinity]}', None),
        (b"[1]", None),
        (b'{"answers": [1]}', None),
        (b'{"predictions": [{"y": 1.0}]}', {"content-type": "text/html"}),
        (b'{"predictions": [{"y": 1.0}]}', {}),
    ],
)
@pytest.mark.parametrize("level", Level)
def test_an_answer_that_is_not_strict_json_is_a_breach_at_every_level(
    body: bytes, headers: dict[str, str] | None, level: Level, exchanged: Exchanged
) -> None:
    judgement = OutputJudge(SIGNATURE, EXAMPLE)(exchanged(case_of(1.0, level=level), body=body, headers=headers))
    assert judgement is not None
    assert judgement.is_breach
    assert judgement.key.startswith("form:")


def test_the_form_of_an_answer_is_the_same_finding_wherever_it_breaks(exchanged: Exchanged) -> None:
    judge = OutputJudge(SIGNATURE, EXAMPLE)
    bodies = (b'{"predictions": [1, }', b'{"predictions": [1, 2, 3, }')
    found = [judge(exchanged(case_of(1.0), body=body)) for body in bodies]
    assert len({judgement.key for judgement in found if judgement}) == 1


def test_without_declared_outputs_only_the_form_counts(exchanged: Exchanged) -> None:
    judge = OutputJudge(None, None)
    assert judge(exchanged(case_of(1.0), body=answer("anything"))) is None
    assert judge(exchanged(case_of(1.0), body=b"anything")) is not None


def test_what_was_not_predicted_is_not_judged(exchanged: Exchanged) -> None:
    assert OutputJudge(SIGNATURE, EXAMPLE)(exchanged(case_of(1.0), status=400)) is None


@pytest.mark.parametrize(("shape", "is_right"), [((-1, 2), False), ((3, 2), True)])
def test_tensors_are_by_row_only_where_their_first_axis_is_open(
    shape: tuple[int, ...], is_right: bool, exchanged: Exchanged
) -> None:
    outputs = TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=shape),))
    judge = OutputJudge(Signature(inputs=SIGNATURE.inputs, outputs=outputs), EXAMPLE)
    found = judge(exchanged(case_of(1.0), body=answer([[1.0, 2.0]] * 3)))
    assert (found is None) is is_right


@pytest.mark.parametrize(("cell", "is_breach"), [(-0.5, False), (0.0, True), (70.0, True)])
def test_the_logarithm_of_a_column_that_is_positive_is_healthy(
    cell: float, is_breach: bool, exchanged: Exchanged
) -> None:
    judge = OutputJudge(SIGNATURE, Case(payload=Table(columns=("a",), rows=((5.0,), (7.0,)))))
    found = judge(exchanged(case_of(cell, level=Level.PLAUSIBLE), body=answer([{"y": None}])))
    assert found is not None
    assert found.is_breach is is_breach


def test_ranges_reach_from_the_lowest_to_the_highest_of_the_example_and_zero() -> None:
    table = Table(columns=("a", "b", "c", "d", "e"), rows=((1, 0, "x", True, 3), (-7.5, 0, "y", False, 4)))
    assert input_ranges(Case(payload=table)) == {"a": (-7.5, 1.0), "b": (-1.0, 1.0), "e": (0.0, 4.0)}
    assert input_ranges(None) == {}


def test_numbers_are_found_inside_lists_records_and_tensors() -> None:
    nested = Case(payload=Table(columns=("a",), rows=(([1, {"b": 2.5}, "x", None, float("nan")],), (np.float32(4),))))
    assert list(numbers_in(nested)) == [("a", 1.0), ("a", 2.5), ("a", 4.0)]
    arrays: dict[str | None, Any] = {
        None: np.array([[1.0, -9.0], [np.nan, 2.0]]),
        "text": np.array(["x"]),
        "scalar": np.array(3),
        "list": [1],
    }
    tensors = Case(payload=Tensors(arrays=arrays))
    assert list(numbers_in(tensors)) == [(None, -9.0), (None, 2.0), ("scalar", 3.0), ("scalar", 3.0)]
    assert list(numbers_in(tensors, row=1)) == [(None, 2.0), (None, 2.0), ("scalar", 3.0), ("scalar", 3.0)]
    assert list(numbers_in(Case(payload=RawBody(body=b"1")))) == []


def test_a_nested_number_beyond_the_range_excuses(exchanged: Exchanged) -> None:
    inputs = ColumnSchema(columns=(ColumnSpec(name="a", type=Array(items=DataType.DOUBLE)),))
    judge = OutputJudge(Signature(inputs=inputs, outputs=SIGNATURE.outputs), EXAMPLE)
    found = judge(exchanged(case_of([1e9], level=Level.PLAUSIBLE), body=answer([{"y": None}])))
    assert found is not None
    assert not found.is_breach
