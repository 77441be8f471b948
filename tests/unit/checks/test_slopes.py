"""Growth is told from noise: sawteeth, single steps and warm-ups are none."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pytest_modelserve.checks.slopes import Limit, is_growing, slope_of

AT = tuple(range(0, 121, 10))
LIMIT = Limit(a_request=8.0, in_all=500.0)


@pytest.mark.parametrize(
    ("reading", "slope"),
    [
        (lambda _at: 7.0, 0.0),
        (lambda at: 3.0 * at, 3.0),
        (lambda at: 3.0 * at + (1e9 if at == 60 else 0), 3.0),  # one reading far off changes nothing
        (lambda at: 1e6 if at >= 110 else 0.0, 0.0),
    ],
)
def test_the_slope_is_that_of_most_pairs(reading: Callable[[int], float], slope: float) -> None:
    assert slope_of(AT, [reading(at) for at in AT]) == pytest.approx(slope, rel=0.2, abs=1e-9)


@pytest.mark.parametrize(
    ("reading", "is_growth"),
    [
        (lambda at: 10.0 * at, True),
        (lambda at: 7.0 * at, False),  # too slow to be told from noise
        (lambda at: 10.0 * at + 400 * (at % 20 == 0), True),
        (lambda at: 400.0 * (at % 30 == 0), False),  # a sawtooth
        (lambda at: 5000.0 * (at >= 60), False),  # one step
        (lambda at: 100.0 * min(at, 40), False),  # a pool that fills in the beginning
        (lambda at: -10.0 * at, False),
    ],
)
def test_growth_is_steady(reading: Callable[[int], float], is_growth: bool) -> None:
    assert is_growing(AT, [reading(at) for at in AT], LIMIT) is is_growth


@pytest.mark.parametrize("seed", range(20))
def test_noise_does_not_grow(seed: int) -> None:
    drawn = random.Random(seed)
    assert not is_growing(AT, [drawn.gauss(0, 300) for _ in AT], LIMIT)
    assert is_growing(AT, [20.0 * at + drawn.gauss(0, 100) for at in AT], LIMIT)
