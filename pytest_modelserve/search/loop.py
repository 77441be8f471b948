"""Sends cases until they run out, the time runs out or enough has broken, and makes each breach small.

It knows neither the contract nor the wire: what sends a case and what judges the answer is given to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy

from ..cases import Case
from .minimizer import minimize

MAX_BREACHES: Final = 3  # as many different ones as a reader takes in; each costs a minimization


class Finding(Protocol):
    """What a judge says of an answer that is not simply right."""

    @property
    def key(self) -> str:
        """Return what makes two findings the same one: held fixed while a case is made small."""
        ...

    @property
    def is_breach(self) -> bool:
        """Tell whether the contract is broken; advice otherwise."""
        ...


FindingT = TypeVar("FindingT", bound=Finding)

Probe = Callable[[Case], "FindingT | None"]
"""Sends a case, judges the answer, and returns what is not simply right about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to send.

    Attributes:
        cases: In fixed order, each sent once.
        drawn: Draws further cases, or None.
        n_drawn: How many to draw.
        seed: Of the drawing.
        budget_s: No new case is sent after so many seconds.
        example: The known-good case that cells go back to.
    """

    cases: Iterable[Case]
    drawn: SearchStrategy[Case] | None = None
    n_drawn: int = 0
    seed: int = 0
    budget_s: float = 60.0
    example: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach(Generic[FindingT]):
    """One way in which the contract is broken, with the smallest case found for it."""

    case: Case
    finding: FindingT
    found_at: int  # the number of the request that showed it first, from 1
    tries: int


@dataclass(slots=True, kw_only=True)
class Findings(Generic[FindingT]):
    """What a search came to.

    Attributes:
        requests: How many cases were sent, those of the minimizer included.
        breaches: One for each key, in the order they were found.
        advice: One finding for each key.
        is_cut_short: Whether the time ran out before every case was sent.
    """

    requests: int = 0
    breaches: list[Breach[FindingT]] = field(default_factory=list)
    advice: dict[str, FindingT] = field(default_factory=dict)
    is_cut_short: bool = False


def search(plan: Plan, probe: Probe[FindingT]) -> Findings[FindingT]:
    """Send the cases of a plan and return what was found.

    The search ends early when `MAX_BREACHES` different breaches have been found or the time is up.
    """
    return _Search(plan, probe).run()


class _Search(Generic[FindingT]):
    def __init__(self, plan: Plan, probe: Probe[FindingT]) -> None:
        self._plan = plan
        self._probe = probe
        self._ends_at = time.monotonic() + plan.budget_s
        self._found = Findings[FindingT]()

    def run(self) -> Findings[FindingT]:
        for case in self._plan.cases:
            if not self._goes_on(case):
                return self._found
        for case in self._drawn():
            if not self._goes_on(case):
                break
        return self._found

    def _goes_on(self, case: Case) -> bool:
        if time.monotonic() > self._ends_at:
            self._found.is_cut_short = True
            return False
        finding = self._sent(case)
        if finding is not None and finding.is_breach:
            if all(breach.finding.key != finding.key for breach in self._found.breaches):
                self._found.breaches.append(self._smallest(case, finding))
        elif finding is not None:
            self._found.advice.setdefault(finding.key, finding)
        return len(self._found.breaches) < MAX_BREACHES

    def _sent(self, case: Case) -> FindingT | None:
        self._found.requests += 1
        return self._probe(case)

    def _smallest(self, case: Case, finding: FindingT) -> Breach[FindingT]:
        found_at = self._found.requests
        last = finding

        def fails(smaller: Case) -> bool:
            nonlocal last
            if time.monotonic() > self._ends_at:
                return False
            again = self._sent(smaller)
            is_same = again is not None and again.is_breach and again.key == finding.key
            if again is not None and is_same:
                last = again
            return is_same

        small = minimize(case, self._plan.example, fails)
        return Breach(case=small.case, finding=last, found_at=found_at, tries=small.tries)

    def _drawn(self) -> Iterator[Case]:
        if self._plan.drawn is None or self._plan.n_drawn == 0:
            return iter(())
        return draw(self._plan.drawn, self._plan.n_drawn, self._plan.seed)


def draw(strategy: SearchStrategy[Case], count: int, seed: int) -> Iterator[Case]:
    """Return cases drawn by Hypothesis, the same ones for the same seed.

    All are drawn before the first is handed out: drawing costs about a millisecond a case, and no request then runs
    inside Hypothesis, whose own shrinking and bookkeeping would repeat it.
    """
    cases: list[Case] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=tuple(HealthCheck),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(strategy)
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    return iter(cases[:count])
