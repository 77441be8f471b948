"""Latency counts from when a request was due, so that one stall shows in all that had to wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from pytest_modelserve.client.open_loop import HIGHEST_RATE, Clock, OpenLoop, as_latency, measure_latency, percentile
from pytest_modelserve.results import Latency


class Simulation:
    """A server in a time of its own, where a request takes as long as is told by its number."""

    def __init__(self, takes: Callable[[int], float], status: Callable[[int], int | None] = lambda _: 200) -> None:
        self.now = 100.0
        self.takes = takes
        self.status = status
        self.sent: list[float] = []

    def send(self) -> int | None:
        self.sent.append(self.now)
        self.now += self.takes(len(self.sent))
        return self.status(len(self.sent))

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def measure(self, plan: OpenLoop | None = None) -> Latency:
        return measure_latency(self.send, plan or OpenLoop(), Clock(now=lambda: self.now, sleep=self.sleep))


@pytest.mark.parametrize("phase", range(0, 100, 7))
def test_a_stall_in_each_hundred_requests_shows_in_the_99th_percentile(phase: int) -> None:
    found = Simulation(lambda n: 0.2 if n % 100 == phase else 0.001).measure(OpenLoop(duration_s=2.0))
    assert found.p50_s == pytest.approx(0.001)
    assert found.p99_s > 0.15
    assert found.max_s == pytest.approx(0.2, abs=0.01)


def test_without_stalls_there_is_nothing_to_see() -> None:
    found = Simulation(lambda _: 0.001).measure()
    assert (found.p50_s, found.p99_s, found.max_s) == pytest.approx((0.001, 0.001, 0.001))
    assert (found.rate, found.n, found.n_failed) == (HIGHEST_RATE, 3 * HIGHEST_RATE, 0)


def test_who_waits_for_a_stall_is_counted() -> None:
    """A closed loop would see one slow request of a hundred; those that were due meanwhile waited, too."""
    found = Simulation(lambda n: 1.0 if n == 50 else 0.001).measure(OpenLoop(rate=100.0, duration_s=1.0))
    slow = sum(bucket.count for bucket in found.buckets if bucket.upto_s > 0.1)
    assert 50 < slow < 60


@pytest.mark.parametrize(
    ("takes_s", "rate", "n"),
    [(0.001, HIGHEST_RATE, 480), (0.01, 50.0, 150), (0.1, 5.0, 20), (1.0, 0.5, 3), (30.0, 0.2, 1)],
)
def test_the_rate_is_half_of_what_one_caller_can_get(takes_s: float, rate: float, n: int) -> None:
    found = Simulation(lambda _: takes_s).measure()
    assert found.rate == pytest.approx(rate)
    assert found.n == n


def test_a_server_that_falls_behind_is_not_measured_for_ever() -> None:
    server = Simulation(lambda n: 0.001 if n < 25 else 0.5)
    found = server.measure()
    assert server.now - 100.0 < 12
    assert found.max_s > 5.0


def test_failures_are_counted() -> None:
    found = Simulation(lambda _: 0.001, lambda n: 500 if n % 2 else None if n % 4 else 200).measure()
    assert found.n_failed == found.n * 3 // 4
    assert "failed" in str(found)


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([1.0], 0.99, 1.0), ([1.0, 2.0], 0.5, 2.0), (range(100), 0.99, 99), (range(1000), 0.99, 990), (range(10), 0.5, 5)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, found: float) -> None:
    assert percentile(values, share) == found


def test_the_histogram_has_every_request_once() -> None:
    drawn: Iterator[int] = count(1)
    latencies = [next(drawn) * 0.0007 for _ in range(500)] + [200.0]
    found = as_latency(latencies, rate=1.0)
    assert sum(bucket.count for bucket in found.buckets) == found.n == 501
    edges = [bucket.upto_s for bucket in found.buckets]
    assert edges == sorted(set(edges))
    assert edges[-1] == 200.0
    for bucket, before in zip(found.buckets[1:], edges, strict=False):
        assert sum(before < each <= bucket.upto_s for each in latencies) == bucket.count
