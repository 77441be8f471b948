"""The checks of a model share one time; what does not fit is never taken for proven."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.cases import Case, Envelope, Table
from pytest_modelserve.checks.budget import NEEDED, timed
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.exchanges import Exchanges
from pytest_modelserve.checks.history import History
from pytest_modelserve.checks.samples import Samples
from pytest_modelserve.checks.table import BY_NAME, run_check, run_titled
from pytest_modelserve.checks.validity import accepts_valid
from pytest_modelserve.results import Outcome
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Serve = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="n", type=DataType.LONG),)),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Table(columns=("n",), rows=((1,), (2,)))
BEYOND = "did not do for all that is sent beyond what every model gets"
CASE = Case(payload=EXAMPLE, envelope=Envelope.INPUTS, rule="valid")


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
    ("usual_s", "n_later", "share_s", "further_s"),
    [
        (0.5, 0, 60.0, 60.0),
        (0.0, 225, 15.0, 15.0),  # nothing is known yet
        (0.1, 200, 40.0, 20.0),  # what the later ones need is kept, and half of the rest may go beyond the fixed cases
        (0.2, 300, 12.0, 12.0),  # where it does not do for all, each has its part
        (9.0, 75, 30.0, 30.0),
        (9.0, 10**6, 100.0 / 60, 100.0 / 60),
    ],
)
def test_a_check_leaves_the_later_ones_their_part(
    usual_s: float, n_later: int, share_s: float, further_s: float, context: CheckContext
) -> None:
    if usual_s:
        context.history.note_time(usual_s)
    context.history.spent_s = 40.0
    with timed(replace(context, n_later=n_later), BY_NAME["accepts_valid"]) as shared:
        assert shared.left_s == pytest.approx(share_s)
        assert shared.further_s == pytest.approx(further_s)


def test_a_slow_model_is_looked_at_by_the_later_checks_too(serve: Serve) -> None:
    def slow(rows: list[Any]) -> object:
        time.sleep(0.01)
        return healthy(rows)

    context = serve(slow, SIGNATURE, example=EXAMPLE, budget_s=0.5)
    context.history.note_time(0.01)  # of the input example, as a check before tells
    first = run_check(replace(context, n_later=1000), BY_NAME["accepts_valid"], "inputs")
    assert first.outcome is Outcome.INCONCLUSIVE
    assert first.reason == (
        "its share of the 0.5 s for this model ran out before every fixed case was sent: "
        "raise --model-budget, or ask for fewer checks by --model-checks"
    )
    assert context.left_s > 0.2


def test_predictions_tell_how_long_one_takes(context: CheckContext) -> None:
    run_titled(context, "accepts_valid[inputs]")
    assert context.history.usual_s > 0


def test_one_slow_answer_at_first_tells_nothing(context: CheckContext) -> None:
    for elapsed_s in (9.0, 0.1):
        context.history.note_time(elapsed_s)
    assert context.history.usual_s == 0.1
    for elapsed_s in (0.3, 0.2, 0.2, 50.0):
        context.history.note_time(elapsed_s)
    assert context.history.usual_s == 0.2  # the median of the first five


def test_a_check_that_starts_a_server_has_its_time_afterwards(context: CheckContext) -> None:
    samples = Samples(replace(context, share_s=0.04), Exchanges(context.served))
    with context.history.starting():
        time.sleep(0.05)
    assert not samples.is_over()


def test_starts_of_servers_are_not_counted(context: CheckContext) -> None:
    with timed(context, BY_NAME["bounded"]), context.history.starting():
        time.sleep(0.05)
    assert context.history.spent_s < 0.05 <= context.history.starts_s


@pytest.mark.parametrize(
    "title", ["stateless[repeat]", "stateless[interleave]", "stateless[concurrent]", "batch_invariant"]
)
def test_what_was_compared_in_part_is_not_proven(title: str, serve: Serve) -> None:
    context = serve(lambda rows: [{"y": float(row["n"] or 0)} for row in rows], SIGNATURE, example=EXAMPLE)
    assert run_titled(context, title).outcome is Outcome.PASSED
    result = run_titled(replace(context, settings=replace(context.settings, budget_s=1e-6), history=History()), title)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "ran out before" in result.reason


def test_what_is_replayed_is_sent_whatever_was_spent(context: CheckContext) -> None:
    context.history.spent_s = 100.0
    result = run_check(replace(context, cases=(CASE,), share_s=5.0), BY_NAME["accepts_valid"], "inputs")
    assert (result.outcome, context.history.spent_s) == (Outcome.PASSED, 100.0)


def test_what_compares_servers_has_a_time_of_its_own(context: CheckContext) -> None:
    context.history.spent_s = 100.0
    with timed(context, BY_NAME["servers_agree"]) as shared:
        assert (shared.left_s, shared.further_s) == (100.0, 50.0)
    assert context.history.spent_s == 100.0


def test_every_need_is_that_of_a_check() -> None:
    assert set(NEEDED) <= set(BY_NAME)


@pytest.mark.parametrize("further_s", [60.0, -1.0])
def test_what_comes_beyond_the_fixed_cases_is_told_where_it_was_cut(further_s: float, context: CheckContext) -> None:
    result = accepts_valid(replace(context, further_s=further_s), "dataframe_split")
    assert result.outcome is Outcome.PASSED
    assert any(BEYOND in advice.text for advice in result.advice) is (further_s < 0)


def test_what_runs_whatever_time_is_left_searches_nothing() -> None:
    assert {name for name, needed in NEEDED.items() if not needed} == {
        "environment_restores",
        "server_starts",
        "signature_lint",
        "predicts_input_example",
        "environment_parity",
        "starts_and_stops",
    }
