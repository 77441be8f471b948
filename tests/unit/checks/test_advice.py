"""What a reader is told of a column: what to do about it, and no more than needs saying."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.cases import Case, Level, Table
from pytest_modelserve.checks.advice import as_advice
from pytest_modelserve.checks.columns import ColumnNotes
from pytest_modelserve.checks.judge import judge_outcome
from pytest_modelserve.results import Advice
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="a", type=DataType.DOUBLE), ColumnSpec(name="b", type=DataType.DOUBLE, required=False))
    )
)
TEXTS = Signature(
    inputs=ColumnSchema(columns=tuple(ColumnSpec(name=name, type=DataType.STRING) for name in ("a", "b")))
)
Tell = Callable[..., list[Advice]]


def rows_of(*rows: tuple[float | str | bytes | None, ...]) -> Case:
    return Case(payload=Table(columns=("a", "b")[: len(rows[0])], rows=rows), level=Level.EXTREME)


@pytest.fixture
def tell(exchanged: Callable[..., Any], raised: Callable[..., Any]) -> Tell:
    """Return the advice on what a model took and refused, its example being 1 and 2 unless told."""

    def told(
        *,
        taken: list[Case],
        refused: list[Case],
        message: str = "no",
        example: tuple[float | str, float | str] = (1.0, 2.0),
    ) -> list[Advice]:
        notes = ColumnNotes.of(TEXTS if isinstance(example[0], str) else SIGNATURE, rows_of(example))
        for case in taken:
            notes.note(exchanged(case), None)
        for case in refused:
            exchange = exchanged(case, raised=raised(ValueError(message), deliberate=True))
            notes.note(exchange, judge_outcome(exchange))
        return list(as_advice(notes))

    return told


def test_a_refused_absence_is_told_as_what_it_is(tell: Tell) -> None:
    (advice,) = tell(taken=[rows_of((1.0, None))], refused=[rows_of((1.0,))])
    assert (advice.column, advice.kind, advice.domain) == ("b", "left_out", "")
    assert "required" in advice.text


def test_absence_and_values_are_two_pieces_of_advice(tell: Tell) -> None:
    told = tell(taken=[rows_of((1.0, 50.0))], refused=[rows_of((1.0,)), rows_of((1.0, 1e39))])
    assert [(one.kind, one.domain) for one in told] == [("left_out", ""), ("refused", '"b" = { max = 50.0 }')]


@pytest.mark.parametrize(
    ("taken", "refused", "limits"),
    [
        (9007199254740992.0, 1e39, "max = 9000000000000000.0"),
        (-623412306082308.0, -1e39, "min = -600000000000000.0"),
        (1e39, 1e308, "max = 1e+39"),
        (1.7, 5.0, "max = 1.0"),
    ],
)
def test_limits_are_plain_numbers_that_were_accepted(taken: float, refused: float, limits: str, tell: Tell) -> None:
    (advice,) = tell(taken=[rows_of((taken, 2.0))], refused=[rows_of((refused, 2.0))])
    assert advice.domain == f'"a" = {{ {limits} }}'


def test_a_limit_never_leaves_the_example_out(tell: Tell) -> None:
    (advice,) = tell(taken=[rows_of((1.5, 2.0))], refused=[rows_of((5.0, 2.0))], example=(1.5, 2.0))
    assert advice.domain == '"a" = { max = 1.5 }'


def test_no_number_between_accepted_ones_is_blamed_for_its_neighbour(tell: Tell) -> None:
    taken = [rows_of((1e39, 2.0)), rows_of((1.0, -5.0)), rows_of((1.0, 5.0))]
    (advice,) = tell(taken=taken, refused=[rows_of((1e300, 1e-313))])
    assert advice.column == "a"


def test_a_number_beyond_a_refused_one_needs_no_advice_of_its_own(tell: Tell) -> None:
    told = tell(taken=[], refused=[rows_of((1e39, 2.0)), rows_of((1e40, 3e16))])
    assert [one.column for one in told] == ["a"]


def test_a_missing_number_is_no_limit(tell: Tell) -> None:
    (advice,) = tell(taken=[rows_of((math.nan, 2.0)), rows_of((3.0, 2.0))], refused=[rows_of((1e39, 2.0))])
    assert advice.domain == '"a" = { max = 3.0 }'


def test_what_the_model_said_is_cut_at_a_mark(tell: Tell) -> None:
    (short,) = tell(taken=[], refused=[rows_of((1e39, 2.0))], message="Too large.")
    assert "(ValueError: Too large)" in short.text
    (long,) = tell(taken=[], refused=[rows_of((1e39, 2.0))], message="x" * 500)
    assert f"{'x' * 99}…)" in long.text


def test_the_time_of_day_makes_no_other_advice(tell: Tell) -> None:
    """XGBoost puts it into the message of each of its errors."""
    texts = {
        tell(taken=[], refused=[rows_of((1e39, 2.0))], message=f"[{clock}] /src/data.cc:42: Check failed")[0].text
        for clock in ("09:59:59", "10:00:00")
    }
    (text,) = texts
    assert "(ValueError: /src/data.cc:42: Check failed)" in text


def test_a_row_of_unseen_categories_needs_no_advice_beside_that_of_its_columns(tell: Tell) -> None:
    alone = [rows_of(("new", "sea")), rows_of(("land", "new"))]
    told = tell(taken=[], refused=[*alone, rows_of(("newer", "newer"))], example=("land", "sea"))
    assert [(one.column, one.kind) for one in told] == [("a", "refused"), ("b", "refused")]


def test_a_row_that_no_category_explains_is_told(tell: Tell) -> None:
    told = tell(taken=[rows_of(("known", "known"))], refused=[rows_of(("new", "new"))], example=("land", "sea"))
    assert [one.column for one in told] == [""]


def test_bytes_of_a_format_are_told_as_such(exchanged: Callable[..., Any], raised: Callable[..., Any]) -> None:
    signature = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.BINARY),)))
    notes = ColumnNotes.of(signature, rows_of((b"png one",), (b"png two",)))
    exchange = exchanged(rows_of((b"",)), raised=raised(ValueError("no image"), deliberate=True))
    notes.note(exchange, judge_outcome(exchange))
    (advice,) = as_advice(notes)
    assert (advice.column, advice.kind) == ("a", "refused")
    assert "of one format" in advice.text
