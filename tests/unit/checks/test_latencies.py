"""Latency is told without a budget, judged by one, and left alone where the machine is shared."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.checks.good_request import NOT_PREDICTED
from pytest_modelserve.checks.latencies import BUDGET_REQUESTS, FEWEST_JUDGED, TOLD_S, latency
from pytest_modelserve.client.open_loop import HIGHEST_RATE
from pytest_modelserve.results import Judges, Outcome

Live = Callable[..., Any]


def slow(seconds: float) -> Callable[[str, str, bytes], None]:
    def answer(_method: str, path: str, _body: bytes) -> None:
        if path == "/invocations":
            time.sleep(seconds)

    return answer


def test_it_is_told_and_never_fails_without_a_budget(live: Live) -> None:
    context, served = live(slow(0.02))
    result = latency(context, "")
    measured = result.latency
    assert (result.judges, result.outcome, result.failure) == (Judges.MODEL, Outcome.PASSED, None)
    assert measured is not None
    assert 0.02 <= measured.p50_s <= measured.p95_s <= measured.p99_s <= measured.max_s
    assert sum(bucket.count for bucket in measured.buckets) == measured.n == result.requests
    assert measured.n_failed == 0
    assert not any("X-Modelserve-Request-Id" in headers for headers in served.headers)  # the spy stays off


@pytest.mark.parametrize(
    ("budget", "is_kept"),
    [
        ({"max_p50_s": 0.001}, False),
        ({"max_p95_s": 0.001}, False),
        ({"max_p99_s": 0.001}, False),
        ({"max_p50_s": 9.0}, True),
    ],
)
def test_a_budget_is_kept_or_not(budget: dict[str, float], is_kept: bool, live: Live) -> None:
    result = latency(live(slow(0.02), budget_s=1.0, **budget)[0], "")
    assert result.outcome is (Outcome.PASSED if is_kept else Outcome.FAILED)
    if result.failure is not None:
        (name,) = (setting.split("_")[1] for setting in budget)
        assert result.failure.title.startswith(f"{name} of the latency is ")
        assert result.failure.title.endswith("the budget 1 ms")


@pytest.mark.parametrize(("budget", "applies"), [({}, False), ({"max_p99_s": 1.0}, True)])
def test_beside_other_workers_it_says_nothing(budget: dict[str, float], applies: bool, live: Live) -> None:
    context, served = live(**budget)
    result = latency(replace(context, is_crowded=True), "")
    assert (result.outcome, result.applies, result.latency) == (Outcome.SKIPPED, applies, None)
    assert "-n" in result.reason
    assert served.requests == []


def test_a_model_that_never_predicts_proves_nothing(live: Live) -> None:
    context, _ = live(lambda _m, path, _b: (500, "{}") if path == "/invocations" else None)
    result = latency(context, "")
    assert (result.outcome, result.reason, result.accepted) == (Outcome.INCONCLUSIVE, NOT_PREDICTED, 0)


def test_a_budget_is_held_against_more_requests_than_a_report(live: Live) -> None:
    told, judged = (latency(live(**settings)[0], "").requests for settings in ({}, {"max_p99_s": 60.0}))
    assert 20 <= told <= 1.05 * HIGHEST_RATE * TOLD_S
    assert told < judged
    assert judged >= BUDGET_REQUESTS


def test_a_budget_is_not_held_against_a_handful_of_requests(live: Live) -> None:
    def slow(_method: str, path: str, _body: bytes) -> None:
        if path == "/invocations":
            time.sleep(0.2)

    result = latency(live(slow, max_p99_s=60.0, budget_s=1e-3)[0], "")
    assert result.requests < FEWEST_JUDGED
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "too few to hold a budget against: raise --model-budget" in result.reason
