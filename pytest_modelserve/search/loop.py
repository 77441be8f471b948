"""Sends cases until they run out, the time runs out or enough has broken, and makes each breach small.

It knows neither the contract nor the wire: what sends a case and what judges the answer is given to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy

from ..cases import Case
from ..strategies.edge_cases import Batch
from .minimizer import minimize

REPLAYS: Final = 5  # of the smallest case, before a breach is told: a person who repeats it must see it
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
        cases: In fixed order, each sent once. Where a batch is not simply right, its parts are sent, too, and what
            they show counts in its place.
        further: The same, as far as the time goes.
        time_s: No new case is sent after so many seconds.
        further_s: No new one of `further` is sent after so many; None is as long as `time_s`.
        clock: Tells the time, in seconds; None is the usual one.
        example: The known-good case that cells go back to.
        costly_tries: How many tries that cost as much as the breach itself may be spent on making a costly one small.
        replays: How often the smallest case is sent again; a costly one is not.
    """

    cases: Iterable[Case | Batch]
    further: Iterable[Case | Batch] = ()
    time_s: float = 60.0
    further_s: float | None = None
    clock: Callable[[], float] | None = None
    example: Case | None = None
    costly_tries: int = 3
    replays: int = REPLAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach(Generic[FindingT]):
    """One way in which the contract is broken, with the smallest case found for it.

    Attributes:
        case: The smallest case.
        finding: What it shows.
        found_at: The number of the request that showed it first, from 1.
        tries: How many requests it took to make it small.
        replays: How often it was sent again.
        reproduced: How often it showed the same again.
        is_fresh: Whether it showed the same on a server that was asked nothing before; None where that was not tried.
    """

    case: Case
    finding: FindingT
    found_at: int
    tries: int
    replays: int = 0
    reproduced: int = 0
    is_fresh: bool | None = None

    @property
    def is_flaky(self) -> bool:
        """Tell whether the same request did not always show the same."""
        return self.reproduced < self.replays


@dataclass(slots=True, kw_only=True)
class Findings(Generic[FindingT]):
    """What a search came to.

    Attributes:
        requests: How many cases were sent, those of the minimizer included.
        breaches: One for each key, in the order they were found.
        advice: One finding for each key.
        is_cut_short: Whether the time ran out before every case was sent.
        is_complete: Whether at least every case of fixed order was sent.
    """

    requests: int = 0
    breaches: list[Breach[FindingT]] = field(default_factory=list)
    advice: dict[str, FindingT] = field(default_factory=dict)
    is_cut_short: bool = False
    is_complete: bool = False


def _never(_: object) -> bool:
    return False


def search(plan: Plan, probe: Probe[FindingT], *, is_costly: Callable[[FindingT], bool] = _never) -> Findings[FindingT]:
    """Send the cases of a plan and return what was found.

    The search ends early when `MAX_BREACHES` different breaches have been found, with the first costly one, or when
    the time is up.

    Args:
        plan: What to send.
        probe: Sends a case and judges the answer.
        is_costly: Tells whether a breach cost so much, such as a server or a long wait, that further ones are not
            looked for.
    """
    return _Search(plan, probe, is_costly).run()


class _Search(Generic[FindingT]):
    def __init__(self, plan: Plan, probe: Probe[FindingT], is_costly: Callable[[FindingT], bool]) -> None:
        self._plan = plan
        self._probe = probe
        self._is_costly = is_costly
        self._started = self._now_s()
        self._ends_at = self._started + plan.time_s
        self._new_until = self._ends_at
        self._found = Findings[FindingT]()
        self._n_findings = 0

    def _now_s(self) -> float:
        return time.monotonic() if self._plan.clock is None else self._plan.clock()

    def run(self) -> Findings[FindingT]:
        if not self._goes_through(self._plan.cases):
            return self._found
        self._found.is_complete = True
        if self._plan.further_s is not None:
            self._new_until = min(self._ends_at, self._started + self._plan.further_s)
        self._goes_through(self._plan.further)
        return self._found

    def _goes_through(self, cases: Iterable[Case | Batch]) -> bool:
        """Send cases in order, and tell whether the search goes on after the last."""
        return all(self._goes_on(case) if isinstance(case, Case) else self._goes_on_after(case) for case in cases)

    def _goes_on(self, case: Case) -> bool:
        if self._is_over():
            return False
        return self._takes(case, self._sent(case))

    def _goes_on_after(self, batch: Batch) -> bool:
        """Send a batch, and its parts where it is not simply right; it stands for itself where they all are."""
        if self._is_over():
            return False
        finding = self._sent(batch.case)
        n_before = self._n_findings
        if finding is not None and not all(self._goes_on(part) for part in batch.parts):
            return False
        return self._n_findings > n_before or self._takes(batch.case, finding)

    def _is_over(self) -> bool:
        self._found.is_cut_short = self._now_s() >= self._new_until
        return self._found.is_cut_short

    def _takes(self, case: Case, finding: FindingT | None) -> bool:
        """Take in what a case showed, and tell whether the search goes on."""
        self._n_findings += finding is not None
        if finding is not None and finding.is_breach:
            if all(breach.finding.key != finding.key for breach in self._found.breaches):
                self._found.breaches.append(self._smallest(case, finding))
        elif finding is not None:
            self._found.advice.setdefault(finding.key, finding)
        if finding is not None and self._is_costly(finding):
            return False
        return len(self._found.breaches) < MAX_BREACHES

    def _sent(self, case: Case) -> FindingT | None:
        self._found.requests += 1
        return self._probe(case)

    def _smallest(self, case: Case, finding: FindingT) -> Breach[FindingT]:
        found_at = self._found.requests
        last = finding
        left = self._plan.costly_tries if self._is_costly(finding) else None

        def fails(smaller: Case) -> bool:
            nonlocal last, left
            if self._now_s() > self._ends_at or left == 0:
                return False
            again = self._sent(smaller)
            is_same = again is not None and again.is_breach and again.key == finding.key
            if again is not None and is_same:
                last = again
            if left is not None and again is not None and self._is_costly(again):
                left -= 1
            return is_same

        small = minimize(case, self._plan.example, fails)
        shown = [] if self._is_costly(finding) else list(self._replayed(small.case, finding.key))
        return Breach(
            case=small.case,
            finding=last,
            found_at=found_at,
            tries=small.tries,
            replays=len(shown),
            reproduced=sum(shown),
        )

    def _replayed(self, case: Case, key: str) -> Iterator[bool]:
        """Send a case again and again while there is time, and tell each time whether it shows the same."""
        for _ in range(self._plan.replays):
            if self._now_s() > self._ends_at:
                return
            again = self._sent(case)
            yield again is not None and again.is_breach and again.key == key


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

    with suppress(Unsatisfiable):  # an envelope that can carry nothing of what is drawn has no cases
        collect()
    return iter(cases[:count])
