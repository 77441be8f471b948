"""Requests at the same time, against models whose threads meet where a race would be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.cases import Table
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.exchanges import Exchanges
from pytest_modelserve.checks.outcome import RequestOutcome
from pytest_modelserve.checks.samples import ordinary_cases
from pytest_modelserve.checks.statelessness import stateless
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Serve = Callable[..., CheckContext]

SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="age", type=DataType.LONG), ColumnSpec(name="plan", type=DataType.STRING))
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Table(columns=("age", "plan"), rows=((30, "basic"), (40, "pro")))
THREADS = 4


def answers(rows: list[Any]) -> list[Any]:
    return [{"y": row["age"] * 0.25 + len(row["plan"])} for row in rows]


def is_alone() -> bool:
    """Tell whether a request came from the test's own thread, which sends one after the other."""
    return threading.current_thread() is threading.main_thread()


class Sharing:
    """Keeps the rows of a request on itself while others come: each thread waits there for all others."""

    def __init__(self, *, meets: Callable[[int], bool] = lambda _: True) -> None:
        self.rows: list[Any] = []
        self.meeting = threading.Barrier(THREADS)
        self.lock = threading.Lock()
        self.n_together = 0
        self.meets = meets

    def __call__(self, rows: list[Any]) -> object:
        if is_alone():
            return answers(rows)
        with self.lock:
            self.n_together += 1
            meets = self.meets((self.n_together - 1) // (3 * THREADS))  # by the round
        if not meets:
            return answers(rows)
        self.rows = rows
        self.meeting.wait(timeout=30)
        mixed = answers(self.rows)
        self.meeting.wait(timeout=30)  # nobody goes on to the next request before all have read
        return mixed


def checked(serve: Serve, predict: Callable[[list[Any]], object]) -> CheckResult:
    return stateless(serve(predict, SIGNATURE, example=EXAMPLE, concurrency=THREADS), "concurrent")


def test_another_callers_answer_is_told_to_be_theirs(serve: Serve) -> None:
    result = checked(serve, Sharing())
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.title.startswith("a request got the answer of request ")
    assert "together with 3 others" in result.failure.title
    assert "5/5 rounds showed it" in result.failure.text
    assert "its own answer 5/5 times" in result.failure.text
    assert "of 12 answers of one round" in result.failure.text


def test_a_race_that_shows_once_is_a_breach_and_said_to_be_flaky(serve: Serve) -> None:
    result = checked(serve, Sharing(meets=lambda at: at == 1))
    assert result.failure is not None
    assert "0/5 rounds showed it: it is flaky, as a race is, and a breach all the same" in result.failure.text


def test_an_answer_of_nobody_is_told_as_it_is(serve: Serve) -> None:
    def summing(rows: list[Any]) -> object:
        return answers(rows) if is_alone() else [{"y": one["y"] + 0.125} for one in answers(rows)]

    result = checked(serve, summing)
    assert result.failure is not None
    assert result.failure.title.startswith("a request got another answer when others came at the same time")


def test_a_state_that_stays_broken_is_told(serve: Serve) -> None:
    broken: list[int] = []

    def breaking(rows: list[Any]) -> object:
        if not is_alone():
            broken.append(1)
        return [{"y": one["y"] + bool(broken)} for one in answers(rows)]

    result = checked(serve, breaking)
    assert result.failure is not None
    assert "its answer has changed for good" in result.failure.text


def test_a_crash_that_takes_others_fails(serve: Serve) -> None:
    def crashing(rows: list[Any]) -> object:
        if not is_alone():
            raise KeyError("shared session closed")
        return answers(rows)

    result = checked(serve, crashing)
    assert result.failure is not None
    assert "the outcome is predicted alone, but model_crashed together with 3 others" in result.failure.title
    assert "traceback" in result.failure.text


def test_a_server_that_is_lost_under_load_fails_with_the_loss_first(serve: Serve) -> None:
    def dying(rows: list[Any]) -> object:
        if not is_alone():
            raise ConnectionResetError("gone")
        return answers(rows)

    result = checked(serve, dying)
    assert result.failure is not None
    assert result.failure.title.startswith("the connection was lost")
    assert "sent together with 3 others; alone it is predicted" in result.failure.title


def test_a_model_that_keeps_state_one_after_the_other_is_not_blamed_on_threads(serve: Serve) -> None:
    last = [0.0]

    def remembering(rows: list[Any]) -> object:
        before, last[0] = last[0], float(rows[0]["age"] % 7)
        return [{"y": one["y"] + before} for one in answers(rows)]

    result = checked(serve, remembering)
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "before stateless[repeat] passes" in result.reason


def test_every_round_sends_what_can_be_told_apart_over_as_many_threads(serve: Serve) -> None:
    seen: dict[str, set[float]] = {}

    def noting(rows: list[Any]) -> object:
        if not is_alone():
            seen.setdefault(threading.current_thread().name, set()).update(row["age"] for row in rows)
        return answers(rows)

    result = checked(serve, noting)
    assert result.outcome is Outcome.PASSED
    assert len({name.rpartition("_")[2] for name in seen}) == THREADS
    assert len(set().union(*seen.values())) > 5


def test_lanes_are_sent_in_order_and_each_answer_is_its_own(serve: Serve) -> None:
    context = serve(answers, SIGNATURE, example=EXAMPLE)
    cases = list(ordinary_cases(context, n_edges=6, n_drawn=0))
    with Exchanges.of(context) as exchanges:
        found = exchanges.send_together([cases, cases[::-1]])
        assert exchanges.requests == exchanges.accepted == 2 * len(cases)
    assert [[exchange.case for exchange in lane] for lane in found] == [cases, cases[::-1]]
    for exchange in found[1]:
        (first, *_) = exchange.invocation.predictions().to_list()
        assert isinstance(exchange.case.payload, Table)
        assert first == answers([dict(zip(("age", "plan"), exchange.case.payload.rows[0], strict=True))])[0]


@pytest.mark.parametrize(("losses", "lost_once", "restarts"), [(1, 1, 1), (2, 0, 2)])
def test_lanes_that_cost_the_server_are_sent_once_more(
    losses: int, lost_once: int, restarts: int, serve: Serve
) -> None:
    def dying(rows: list[Any]) -> object:
        if context.served.restarts < losses:  # type: ignore[attr-defined]
            raise ConnectionResetError("gone")
        return answers(rows)

    context = serve(dying, SIGNATURE, example=EXAMPLE)
    cases = list(ordinary_cases(context, n_edges=2, n_drawn=0))
    with Exchanges.of(context) as exchanges:
        found = exchanges.send_together([cases])
        assert exchanges.lost_once == lost_once
    assert context.served.restarts == restarts  # type: ignore[attr-defined]
    outcomes = {exchange.outcome for lane in found for exchange in lane}
    assert outcomes == {RequestOutcome.PREDICTED if lost_once else RequestOutcome.DISCONNECTED}
