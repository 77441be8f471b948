"""Tells growth from noise: the slope of readings over requests, by the median of all pairs (Theil and Sen).

One garbage collection, or an allocator that takes a large piece at once, moves a line through the first and the last
reading, and hardly moves this one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """From when on growth is no noise.

    Attributes:
        a_request: At least so much with each request.
        in_all: And at least so much over all readings.
    """

    a_request: float
    in_all: float


def slope_of(requests: Sequence[int], readings: Sequence[float]) -> float:
    """Return by how much a reading grows with one request: the median of the slopes of all pairs."""
    pairs = combinations(zip(requests, readings, strict=True), 2)
    return statistics.median((right - left) / (then - now) for (now, left), (then, right) in pairs)


def is_growing(requests: Sequence[int], readings: Sequence[float], limit: Limit) -> bool:
    """Tell whether readings grow by more than a limit, and in both halves of the run: a warm-up grows in the first."""
    middle = len(readings) // 2
    if readings[-1] - readings[0] < limit.in_all or slope_of(requests, readings) < limit.a_request:
        return False
    halves = ((requests[: middle + 1], readings[: middle + 1]), (requests[middle:], readings[middle:]))
    return all(slope_of(*half) >= limit.a_request / 2 for half in halves)
