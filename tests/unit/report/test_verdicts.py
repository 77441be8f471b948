"""What the results of checks mean together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from pytest_modelserve.report.verdicts import verdict_of, worst
from pytest_modelserve.results import CheckResult, Judges, Outcome, Verdict


def checks(**outcomes: Outcome) -> tuple[CheckResult, ...]:
    return tuple(CheckResult(name=name, judges=Judges.MODEL, outcome=outcome) for name, outcome in outcomes.items())


P, F, S, E, I = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.ERROR, Outcome.INCONCLUSIVE  # noqa: E741


@pytest.mark.parametrize(
    ("outcomes", "expected", "verdict"),
    [
        ({}, (), Verdict.NONE),
        ({}, ("a",), Verdict.NONE),
        ({"a": P}, ("a",), Verdict.PASS),
        ({"a": P, "b": P}, ("a", "b"), Verdict.PASS),
        ({"a": P, "b": P}, ("a",), Verdict.PASS),
        ({"a": P}, ("a", "b"), Verdict.PARTIAL),
        ({"a": P, "b": S}, ("a", "b"), Verdict.PARTIAL),
        ({"a": P, "b": S}, ("a",), Verdict.PASS),
        ({"a": S, "b": S}, ("a", "b"), Verdict.NONE),
        ({"a": P, "b": F}, ("a", "b"), Verdict.FAIL),
        ({"a": F}, ("a", "b"), Verdict.FAIL),
        ({"a": P, "b": E}, ("a", "b"), Verdict.ERROR),
        ({"a": S, "b": E}, ("a", "b"), Verdict.ERROR),
        ({"a": P, "b": I}, ("a", "b"), Verdict.INCONCLUSIVE),
        ({"a": P, "b": I}, ("a", "b", "c"), Verdict.INCONCLUSIVE),
    ],
)
def test_the_verdict_of_a_model(outcomes: Mapping[str, Outcome], expected: tuple[str, ...], verdict: Verdict) -> None:
    assert verdict_of(checks(**outcomes), expected) is verdict


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations((F, E, I, P), 2)))
def test_the_heavier_outcome_wins_in_any_order(first: Outcome, second: Outcome) -> None:
    weights = {F: Verdict.FAIL, E: Verdict.ERROR, I: Verdict.INCONCLUSIVE}
    assert verdict_of(checks(a=first, b=second), ("a", "b")) is weights[first]
    assert verdict_of(checks(a=second, b=first), ("a", "b")) is weights[first]


def test_a_check_that_finds_out_that_it_does_not_apply_takes_nothing_away() -> None:
    idle = CheckResult(name="b", judges=Judges.SERVER, outcome=S, reason="nothing to show", applies=False)
    assert verdict_of((*checks(a=P), idle), ("a", "b")) is Verdict.PASS
    assert verdict_of((idle,), ("b",)) is Verdict.NONE


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), Verdict.NONE),
        ((Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.NONE), Verdict.NONE),
        ((Verdict.NONE, Verdict.PARTIAL), Verdict.PARTIAL),
        ((Verdict.PARTIAL, Verdict.INCONCLUSIVE), Verdict.INCONCLUSIVE),
        ((Verdict.INCONCLUSIVE, Verdict.ERROR), Verdict.ERROR),
        ((Verdict.ERROR, Verdict.FAIL), Verdict.FAIL),
    ],
)
def test_a_run_is_as_its_worst_model(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    assert worst(verdicts) is expected
    assert worst(reversed(verdicts)) is expected


def test_every_verdict_has_a_place() -> None:
    assert all(worst((verdict,)) is verdict for verdict in Verdict)
