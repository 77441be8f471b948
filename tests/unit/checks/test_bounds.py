"""What the processes of a server hold is judged by its growth with equal requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.checks import bounds
from pytest_modelserve.checks.bounds import READINGS, Reading, bounded, growing, run_length
from pytest_modelserve.checks.good_request import NOT_PREDICTED
from pytest_modelserve.checks.leaks import leaks_nothing
from pytest_modelserve.checks.survival import survives
from pytest_modelserve.results import Judges, Outcome
from pytest_modelserve.server.family import Held

Live = Callable[..., Any]
MIB = 2**20
IDLE = Held(memory_bytes=80 * MIB, threads=20, descriptors=30)


def made(change: Callable[[int], Held], *, files: Callable[[int], int] = lambda _: 0, n: int = 300) -> list[Reading]:
    requests = [n * at // (READINGS - 1) for at in range(READINGS)]
    return [Reading(requests=at, held={1: IDLE, 2: change(at)}, files=files(at)) for at in requests]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda _: IDLE, ()),
        (lambda at: replace(IDLE, memory_bytes=80 * MIB + 100_000 * at), ("memory",)),
        (lambda at: replace(IDLE, memory_bytes=80 * MIB + 4_000 * at), ()),
        (lambda at: replace(IDLE, memory_bytes=80 * MIB + (8 * MIB if at > 40 else 0)), ()),
        (lambda at: replace(IDLE, descriptors=30 + at), ("file descriptors",)),
        (lambda at: replace(IDLE, threads=20 + at // 10), ("threads",)),
        (lambda at: replace(IDLE, threads=20 + min(at, 30)), ()),
        (lambda at: replace(IDLE, threads=20 + at, memory_bytes=80 * MIB + 20_000 * at), ("threads", "memory")),
    ],
)
def test_what_grows_is_named_the_cause_first(change: Callable[[int], Held], kinds: tuple[str, ...]) -> None:
    assert growing(made(change)) == kinds


def test_temporary_files_count() -> None:
    assert growing(made(lambda _: IDLE, files=lambda at: at)) == ("temporary files",)


def test_few_requests_need_more_growth() -> None:
    heavy = made(lambda at: replace(IDLE, memory_bytes=80 * MIB + 100_000 * at), n=11)
    assert growing(heavy) == ()  # a MiB over eleven requests may be an allocator's
    heavier = made(lambda at: replace(IDLE, memory_bytes=80 * MIB + 1_000_000 * at), n=11)
    assert growing(heavier) == ("memory",)


@pytest.mark.parametrize(
    ("usual_s", "longer", "n_requests"),
    [
        (0.001, 1, 300),
        (0.004, 1, 200),
        (0.02, 1, 150),  # a busy machine: as many as show 100 kB each
        (0.1, 1, 50),
        (2.0, 1, 11),
        (0.001, 5, 1500),
        (0.1, 5, 250),
        (2.0, 5, 11),
    ],
)
def test_a_busy_machine_is_sent_enough_requests(usual_s: float, longer: int, n_requests: int) -> None:
    assert run_length(usual_s, longer) == n_requests


def test_readings_that_broke_off_prove_nothing() -> None:
    assert growing(made(lambda at: replace(IDLE, descriptors=30 + at))[:5]) == ()


class Holder:
    """What a server holds, by the number of readings before."""

    def __init__(self, change: Callable[[int], Held]) -> None:
        self.change = change
        self.readings = 0

    def __call__(self, _family: object) -> dict[int, Held]:
        self.readings += 1
        return {1: self.change(self.readings - 1)}


@pytest.fixture
def holding(live: Live, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the check on a server whose processes hold what is told."""

    def run(change: Callable[[int], Held]) -> Any:
        holder = Holder(change)
        monkeypatch.setattr(bounds, "family_of", lambda _server: [])
        monkeypatch.setattr(bounds, "holdings", holder)
        return bounded(live()[0], "")

    return run


def test_growth_is_confirmed_by_a_longer_run_and_told(holding: Callable[..., Any]) -> None:
    result = holding(lambda reading: replace(IDLE, descriptors=30 + 100 * reading))
    assert (result.judges, result.outcome) == (Judges.MODEL, Outcome.FAILED)
    assert result.failure.title.startswith("file descriptors grow by ")
    assert result.failure.received == f"{30 + 100 * READINGS:.3g} before, {30 + 100 * (2 * READINGS - 1):.3g} after"
    assert result.requests > 30
    assert "readings" in result.failure.text


def test_what_stops_growing_is_no_breach(holding: Callable[..., Any]) -> None:
    result = holding(lambda reading: replace(IDLE, descriptors=30 + 100 * min(reading, READINGS)))
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)


def test_a_model_that_never_predicts_proves_nothing(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "family_of", lambda _server: [])
    context, _ = live(lambda _m, path, _b: (500, "{}") if path == "/invocations" else None)
    result = bounded(context, "")
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, NOT_PREDICTED)


def test_a_server_that_took_large_requests_is_replaced_first(live: Live) -> None:
    context, served = live()
    bounded(context, "")
    assert served.restarts == 0
    served.is_worn = True
    bounded(context, "")
    assert served.restarts == 1


@pytest.mark.parametrize("check", [survives, leaks_nothing])
def test_a_server_is_worn_by_large_requests(check: Any, live: Live) -> None:
    context, served = live()
    check(context, "")
    assert served.is_worn


def test_a_slow_model_is_not_worn_out_beyond_the_budget(live: Live) -> None:
    context, served = live(budget_s=1e-6)
    result = bounded(context, "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert result.reason.startswith("its share of the 1e-06 s for this model ran out before ")
    assert len(served.requests) < 50
