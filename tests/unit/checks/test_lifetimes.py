"""How a server got ready, what it loaded and how it ended is judged from what was seen of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.checks.deviations import DeviationWatch
from pytest_modelserve.checks.lifetimes import starts_and_stops
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.server.deviations import Deviation, Example
from pytest_modelserve.server.family import Ending
from pytest_modelserve.server.readiness import EarlyAnswer, FirstAnswer

Live = Callable[..., Any]
READY: dict[str, Any] = {"loaded_s": 0.5, "pid": 7}


def early(*answers: tuple[str, int]) -> tuple[EarlyAnswer, ...]:
    return tuple(EarlyAnswer(request=request, status=status, elapsed_s=0.1) for request, status in answers)


def opening(call: int, by: str = "m.py:load") -> dict[str, Any]:
    return {"file": "weights.bin", "call": call, "by": by}


def checked(live: Live, lines: Sequence[dict[str, Any]] = (opening(0), READY), **told: Any) -> CheckResult:
    context, served = live()
    context = replace(context, deviations=told.pop("watch", context.deviations))
    (served.folder / "weights.bin").write_bytes(b"w" * 1000)
    served.loads_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, value in told.items():
        setattr(served, name, value)
    return starts_and_stops(context, "")


def test_a_server_that_starts_and_stops_passes(live: Live) -> None:
    answers = early(("GET /ping", 503), ("POST /invocations", 503), ("POST /invocations", 200))
    result = checked(live, early=answers)
    assert (result.outcome, result.failure, result.advice) == (Outcome.PASSED, None, ())
    assert result.requests == 5


def ending(**changes: Any) -> Ending:
    return Ending(**{"elapsed_s": 0.2, "allowed_s": 10.0, "returncode": -signal.SIGTERM, **changes})


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (
            {"early": early(("POST /invocations", 500))},
            "a server that is not ready answers 500 to a prediction",
        ),
        (
            {"first": FirstAnswer(status=503, body=b"loading", elapsed_s=0.1)},
            "the server said that it was ready and answered 503 to its first prediction",
        ),
        (
            {"lines": [opening(0), READY, READY]},
            "the server loaded the model 2 times",
        ),
        (
            {"lines": [opening(0), opening(0), READY]},
            "weights.bin was loaded 2 times before the model was ready",
        ),
        (
            {"lines": [READY, opening(1)]},
            "weights.bin was loaded by the first prediction, after the server had said that it was ready",
        ),
        ({"ending": ending(elapsed_s=10.1)}, "the server did not stop on SIGTERM"),
        ({"ending": ending(returncode=-signal.SIGKILL)}, "the server did not stop on SIGTERM"),
        ({"ending": ending(returncode=1)}, "the server ended with exit code 1 on SIGTERM"),
        ({"ending": ending(left=("sleep 60",))}, "the server left 1 process behind"),
        ({"ending": ending(left=("sleep 60", "sleep 61"))}, "the server left 2 processes behind"),
        ({"ending": ending(is_port_free=False)}, "the port of the server is still taken after it stopped"),
    ],
)
def test_each_breach_is_told(told: dict[str, Any], title: str, live: Live) -> None:
    result = checked(live, **told)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.title == title


@pytest.mark.parametrize(("status", "outcome"), [(404, Outcome.PASSED), (500, Outcome.FAILED)])
def test_what_a_starting_server_is_known_to_answer_is_told(status: int, outcome: Outcome, live: Live) -> None:
    known = Deviation(
        id="not_found",
        server="mlserver",
        versions="==1.7.1",
        rules=("starts_and_stops",),
        kinds=frozenset({"rejected"}),
        what="It is known.",
        link="https://example.org",
        answer="^404 ",
        label="^before it is ready$",
        example=Example(model="m", status=404),
    )
    watch = DeviationWatch([known])
    result = checked(live, early=early(("POST /invocations", status)), watch=watch)
    assert result.outcome is outcome
    shown = watch.noted(result, is_whole=True).deviations
    assert [one.rule for one in shown] == ["starts_and_stops"] * (outcome is Outcome.PASSED)


@pytest.mark.parametrize("code", [0, -15, 143])
def test_each_clean_way_to_end_is_fine(code: int, live: Live) -> None:
    assert checked(live, ending=ending(returncode=code)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("told", "advice"),
    [
        (
            {"lines": [opening(0), READY, opening(1), opening(2), opening(3)]},
            "weights.bin is opened by predictions: in 3 calls, the first of them number 1",
        ),
        (
            {"lines": [READY, opening(3)]},
            "weights.bin is opened by predictions: in 1 calls, the first of them number 3",
        ),
        (
            {"first": FirstAnswer(status=200, body=b"", elapsed_s=30.0)},
            "the first prediction took 30 s",
        ),
        ({"ending": ending(elapsed_s=6.0)}, "the server took 6.0 s to stop on SIGTERM"),
        ({"files": ("a", "b", "c", "d")}, "the server left 4 temporary files behind: a, b, c and 1 more"),
    ],
)
def test_what_is_no_breach_is_advice(told: dict[str, Any], advice: str, live: Live) -> None:
    result = checked(live, **told)
    assert result.outcome is Outcome.PASSED
    (said,) = result.advice
    assert said.text.startswith(advice)


def test_without_later_answers_nobody_says_that_the_first_alone_loaded(live: Live) -> None:
    context, served = live(lambda _m, path, _b: (500, "{}") if path == "/invocations" else None)
    (served.folder / "weights.bin").write_bytes(b"w")
    served.loads_path.write_text(json.dumps(opening(1)) + "\n")
    assert starts_and_stops(context, "").failure is None
