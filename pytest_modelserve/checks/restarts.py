"""Asks another process of the same model what the first was asked.

A model may agree with itself for as long as it runs and yet answer by its process: by `hash` of a text, which each
process salts, by what was asked first, by what was drawn while it was loaded. Where several processes serve it, or one
is replaced, its callers see answers change.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

from ..cases import Case
from ..search.loop import Breach
from ..search.minimizer import minimize
from .agreement import Difference
from .confirmation import Trial
from .context import CheckContext
from .exchanges import Exchanges, is_lost
from .judge import Exchange, Judgement, answer_of
from .samples import Sample, Samples, ordinary_cases, param_edges

MOST: Final = 9  # different requests, each sent once to either process
N_DRAWN: Final = 3
WITH_PARAMS: Final = 2
REPLAYS: Final = 3
MAX_TRIES: Final = 15  # each is a request to either process
NOTHING_TAKEN: Final = "not one request was accepted, so that none could be sent to another process"
UNSTEADY: Final = (
    "a request got another answer from another process, but either of them answers it differently when asked again: "
    "see stateless[repeat]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Apart:
    """A request that two processes answer differently."""

    one: Sample
    other: Exchange
    difference: Difference


def from_another_process(context: CheckContext, exchanges: Exchanges) -> Trial:
    """Send requests to the server that all share, then to a private one in reverse order, and compare the answers."""
    samples = Samples(context, exchanges)
    cases = itertools.chain(param_edges(context, WITH_PARAMS), ordinary_cases(context, n_edges=MOST, n_drawn=N_DRAWN))
    known = samples.taken(cases, MOST)
    if not known:
        return Trial(doubt=NOTHING_TAKEN)
    with Exchanges.of_private(context) as others:
        trial = _Processes(context, exchanges, others, samples).compared(known)
    exchanges.count_in(others)
    return trial


class _Processes:
    def __init__(self, context: CheckContext, exchanges: Exchanges, others: Exchanges, samples: Samples) -> None:
        self._context = context
        self._exchanges = exchanges
        self._others = others
        self._samples = samples

    def compared(self, known: list[Sample]) -> Trial:
        """Return what it came to; in reverse order, so that a cache that keeps what came first shows."""
        for at, sample in enumerate(reversed(known)):
            if at and self._samples.is_over():
                break
            if apart := self._apart(sample):
                breach = self._breach(apart)
                return Trial(breach=breach) if breach else Trial(doubt=UNSTEADY)
        return Trial()

    def _apart(self, sample: Sample) -> _Apart | None:
        other = self._others.send(sample.case)
        difference = self._samples.difference(sample, other)
        return None if difference is None else _Apart(one=sample, other=other, difference=difference)

    def _breach(self, found: _Apart) -> Breach[Judgement] | None:
        """Return the breach, made small, where either process keeps to its own answer."""
        found_at, last = self._exchanges.requests + self._others.requests, found
        if not is_lost(found.other) and not all(self._keeps_to(found) for _ in range(REPLAYS)):
            return None

        def fails(smaller: Case) -> bool:
            nonlocal last
            sample = None if self._samples.is_over() else self._samples.ask(smaller)
            apart = None if sample is None else self._apart(sample)
            last = apart or last
            return apart is not None

        tries = 0
        if not is_lost(found.other):
            tries = minimize(found.one.case, self._context.example_case, fails, max_tries=MAX_TRIES).tries
        return Breach(case=last.one.case, finding=_judged(last), found_at=found_at, tries=tries)

    def _keeps_to(self, found: _Apart) -> bool:
        case = found.one.case
        if self._samples.difference(found.one, self._exchanges.send(case)) is not None:
            return False
        return self._samples.difference(found.one, self._others.send(case)) is not None


def _judged(found: _Apart) -> Judgement:
    told = found.difference.told("from one", "from another")
    return Judgement(
        key="restart",
        is_breach=True,
        title=f"the same request gets another answer from another process of the same model: {told}",
        expected=answer_of(found.one.exchange),
        received=answer_of(found.other),
        exchange=found.other,
        facts={"replayed": f"{REPLAYS}/{REPLAYS} showed it"},
        fix="Answer by the request and the model's files alone: no hash() of a text, no cache of what came first, and "
        "a seed for what is drawn while the model is loaded.",
    )
