"""Which defects are held against all checks, where the time does not allow it for every one of them.

Each other one is held against the check alone that is to catch it. MODELSERVE_TEST_ZOO says which: `all`, as by
default, or `spread`, by which the defects of each check that all checks see are of as many species as may be.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Protocol

from pytest_modelserve.settings import Settings

from .animal import Species
from .visit import UNSERVED

VARIABLE: Final = "MODELSERVE_TEST_ZOO"
SPREAD: Final = "spread"
A_CHECK: Final = 2  # defects


class Defect(Protocol):
    """A model or server with a defect."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    @property
    def species(self) -> Species:
        """Return the healthy model."""
        ...

    @property
    def check(self) -> str:
        """Return the check that is expected to catch it."""
        ...


def seen_by_all(defects: Iterable[Defect], *, most: int = A_CHECK) -> frozenset[str]:
    """Return the names of the defects that all checks see: so many of each check, of the species seen least so far."""
    left: dict[str, list[Defect]] = {}
    for defect in defects:
        left.setdefault(defect.check, []).append(defect)
    times: Counter[str] = Counter()
    kept = []
    for some in sorted(left.values(), key=len):  # those with the least choice first
        for _ in range(min(most, len(some))):
            best = min(some, key=lambda one: times[one.species.name])
            some.remove(best)
            times[best.species.name] += 1
            kept.append(best.name)
    return frozenset(kept)


def settings_for(defect: Defect, among: Iterable[Defect], settings: Settings) -> Settings:
    """Return the settings under which a defect is looked for: the defaults, or those of its own check alone.

    Raises:
        ValueError: The environment variable names no selection.
    """
    said = os.environ.get(VARIABLE) or "all"
    if said not in {"all", SPREAD}:
        raise ValueError(f"{VARIABLE} is {said!r}: say all or {SPREAD}")
    if said == "all" or defect.check in UNSERVED.values() or defect.name in seen_by_all(among):
        return settings
    return replace(settings, checks=(defect.check,))
