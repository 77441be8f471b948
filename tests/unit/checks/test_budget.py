"""The checks of a model share one time; what does not fit is never taken for proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.cases import Table
from pytest_modelserve.checks.budget import spending
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.table import BY_NAME, CHECKS, run_check, run_titled
from pytest_modelserve.results import Outcome
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Serve = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="n", type=DataType.LONG),)),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Table(columns=("n",), rows=((1,), (2,)))
DRAWN = "did not do for every request that was to be drawn at random"


def healthy(rows: list[Any]) -> object:
    return [{"y": 1.0} for _ in rows]


@pytest.fixture
def context(serve: Serve) -> CheckContext:
    return serve(healthy, SIGNATURE, example=EXAMPLE, budget_s=100.0)


def test_what_a_check_took_the_next_one_does_not_have(context: CheckContext) -> None:
    result = run_titled(context, "accepts_valid[inputs]")
    assert result.outcome is Outcome.PASSED
    assert context.history.spent_s >= result.elapsed_s > 0
    assert context.left_s == 100.0 - context.history.spent_s


def test_the_time_counts_of_a_check_that_breaks_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)

    def breaks_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_modelserve.checks.searches.search", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        run_titled(context, "accepts_valid[inputs]")
    assert context.history.spent_s > 0


def test_when_it_is_spent_only_what_is_brief_still_runs(context: CheckContext) -> None:
    context.history.spent_s = 100.0
    result = run_titled(context, "accepts_valid[inputs]")
    assert (result.outcome, result.requests) == (Outcome.INCONCLUSIVE, 0)
    assert result.reason == (
        "the 100 s for this model were spent before this check: "
        "raise --model-budget, or ask for fewer checks by --model-checks"
    )
    other = run_titled(context, "round_trip_output")
    assert (other.outcome, other.applies) == (Outcome.SKIPPED, True)  # so that no verdict takes it for proven
    assert other.reason == "no time was left for it either, as accepts_valid[inputs] tells"
    assert run_titled(context, "signature_lint").outcome is not Outcome.INCONCLUSIVE
    assert run_titled(context, "predicts_input_example").outcome is not Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("usual_s", "n_later", "share_s"),
    [
        (0.5, 0, 60.0),
        (0.0, 100, 60.0),
        (0.1, 100, 40.0),  # two requests of each of the hundred that come are kept
        (0.4, 100, 60.0 / 101),
        (40.0, 1, 30.0),
    ],
)
def test_a_check_leaves_each_later_one_its_part(
    usual_s: float, n_later: int, share_s: float, context: CheckContext
) -> None:
    context.history.usual_s, context.history.spent_s = usual_s, 40.0
    with spending(replace(context, n_later=n_later)) as shared:
        assert shared.left_s == pytest.approx(share_s)


def test_a_check_with_many_to_come_after_it_keeps_to_its_share(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE, budget_s=1.0)
    context.history.usual_s, context.history.timeout_s = 1.0, 60.0
    result = run_check(replace(context, n_later=10_000), BY_NAME["accepts_valid"], "inputs")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reason == (
        "its share of the 1 s for this model ran out before every fixed case was sent: "
        "raise --model-budget, or ask for fewer checks by --model-checks"
    )


@pytest.mark.parametrize(("spent_s", "is_told"), [(0.0, False), (60.0, True)])
def test_drawing_leaves_half_of_it_for_what_every_model_gets(
    spent_s: float, is_told: bool, context: CheckContext
) -> None:
    context.history.spent_s = spent_s
    result = run_titled(context, "accepts_valid[dataframe_split]")
    assert result.outcome is Outcome.PASSED
    assert any(DRAWN in advice.text for advice in result.advice) is is_told


def test_what_runs_whatever_time_is_left_searches_nothing() -> None:
    assert {check.name for check in CHECKS if check.is_brief} == {
        "environment_restores",
        "server_starts",
        "signature_lint",
        "predicts_input_example",
        "environment_parity",
        "starts_and_stops",
    }
