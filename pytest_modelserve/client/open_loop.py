"""Measures latency under a fixed rate of arrivals, so that a stall shows in every request that had to wait for it.

A client that sends the next request when the last was answered leaves out the requests that would have come during a
stall ("coordinated omission"): each latency counts from the moment at which its request was due.
"""

from __future__ import annotations

import bisect
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..results import Latency, LatencyBucket

LOAD: Final = 0.5  # of what one caller can get from the server: with more, the queue says more than the server
HIGHEST_RATE: Final = 160.0  # a second; a stall of 200 ms in each 100 requests then leaves the server half idle
LOWEST_RATE: Final = 0.2
_TRIALS: Final = 20  # to measure the capacity by
_TRIALS_S: Final = 0.5  # or as many as this time allows, but three
_FEWEST_TRIALS: Final = 3
_OVERTIME: Final = 2.0  # a server that falls behind is given so many times the planned duration
_EDGES_S: Final = tuple(base * 10.0**power for power in range(-4, 2) for base in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))

Send = Callable[[], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time and waits; tests have their own."""

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """How long, and how often.

    Attributes:
        duration_s: How long requests arrive.
        fewest: So many requests in any case, as far as `longest_s` allows.
        longest_s: The longest duration for that.
        rate: Arrivals a second; None takes half of what the server can do for one caller.
    """

    duration_s: float = 3.0
    fewest: int = 20
    longest_s: float = 6.0
    rate: float | None = None


def measure_latency(send: Send, plan: OpenLoop, clock: Clock | None = None) -> Latency:
    """Send requests at a fixed rate, one caller for all, and return their latencies.

    Args:
        send: Sends one request and waits for its answer; returns the status, None where none came.
        plan: How long, and how often.
        clock: In place of the real one.
    """
    clock = clock or Clock()
    rate = plan.rate or _rate_for(send, clock)
    wanted_s = min(max(plan.duration_s, plan.fewest / rate), max(plan.duration_s, plan.longest_s))
    n_planned = max(round(wanted_s * rate), 1)
    started = clock.now()
    latencies: list[float] = []
    n_failed = 0
    for at in range(n_planned):
        due = started + at / rate
        wait_s = due - clock.now()
        if wait_s > 0:
            clock.sleep(wait_s)
        elif -wait_s > _OVERTIME * wanted_s:
            break
        status = send()
        n_failed += status is None or status >= 400
        latencies.append(clock.now() - due)
    return as_latency(latencies, rate=rate, n_failed=n_failed)


def as_latency(latencies: Sequence[float], *, rate: float, n_failed: int = 0) -> Latency:
    """Return what measured latencies come to."""
    ranked = sorted(latencies)
    return Latency(
        n=len(ranked),
        n_failed=n_failed,
        rate=rate,
        p50_s=percentile(ranked, 0.50),
        p95_s=percentile(ranked, 0.95),
        p99_s=percentile(ranked, 0.99),
        max_s=ranked[-1],
        buckets=tuple(_buckets(ranked)),
    )


def percentile(ranked: Sequence[float], share: float) -> float:
    """Return the smallest of sorted values that more than this share of them does not exceed."""
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)]


def _rate_for(send: Send, clock: Clock) -> float:
    """Return half of what the server usually can do for one caller."""
    seconds: list[float] = []
    started = clock.now()
    while len(seconds) < _FEWEST_TRIALS or (len(seconds) < _TRIALS and clock.now() - started < _TRIALS_S):
        begun = clock.now()
        send()
        seconds.append(clock.now() - begun)
    usual_s = statistics.median(seconds)
    return min(max(LOAD / max(usual_s, 1e-6), LOWEST_RATE), HIGHEST_RATE)


def _buckets(ranked: Sequence[float]) -> Iterable[LatencyBucket]:
    below = 0
    for edge_s in _EDGES_S:
        upto = bisect.bisect_right(ranked, edge_s)
        if upto > below:
            yield LatencyBucket(upto_s=round(edge_s, 9), count=upto - below)
        below = upto
    if len(ranked) > below:
        yield LatencyBucket(upto_s=ranked[-1], count=len(ranked) - below)
