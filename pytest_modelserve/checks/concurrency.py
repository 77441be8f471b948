"""Sends requests at the same time and holds each answer against the one that the request gets alone.

A server predicts in threads, and a model that keeps what belongs to one request where all see it answers with another
caller's data. The time in which that can happen may be microseconds, so there are many small rounds, and in each every
thread sends several requests one right after the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..cases import Case
from ..search.loop import REPLAYS, Breach
from .agreement import Difference
from .confirmation import Trial, shown
from .context import CheckContext
from .exchanges import Exchanges, is_lost
from .failures import describe
from .judge import Exchange, Judgement, answer_of, judge_outcome
from .samples import Sample, Samples, edges, ordinary_cases

ROUNDS: Final = 5
BURST: Final = 3  # requests of one thread in a round
MOST: Final = 12  # different requests
UNSTEADY: Final = (
    "a request got another answer when it was sent again, with nothing at the same time: nothing can be said of those "
    "that are, before stateless[repeat] passes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """A request that got another answer than it gets alone."""

    known: Sample
    exchange: Exchange
    difference: Difference


def concurrent(context: CheckContext, exchanges: Exchanges) -> Trial:
    """Send requests over as many connections as the settings say, in rounds that all threads begin together."""
    samples = Samples(context, exchanges)
    known = samples.taken(_cases(context), MOST)
    if not known:
        return Trial(doubt="not one request was accepted, so that none could be sent together with others")
    apart = samples.told_apart(known)
    order = random.Random(context.seed)  # noqa: S311 # an order, no secret
    for sample in order.sample(apart, len(apart)):
        if samples.difference(sample, exchanges.send(sample.case)) is not None:
            return Trial(doubt=UNSTEADY)
    rounds = _Rounds(exchanges, samples, known)
    for at, lanes in enumerate(_lanes(context, apart)):
        if at and samples.is_over():
            break
        if wrong := rounds.wrong_in(lanes):
            return Trial(breach=rounds.breach(lanes, wrong))
    advice = () if len(apart) > 1 else (f"all {len(known)} requests got one answer: another caller's would not show",)
    return Trial(advice=advice)


def _cases(context: CheckContext) -> Iterator[Case]:
    """Yield single rows, among which answers mix without a trace but for their values, then requests of any size."""
    yield from edges(context, MOST // 2, n_rows=1)
    yield from ordinary_cases(context, n_edges=MOST, n_drawn=MOST // 4)


def _lanes(context: CheckContext, apart: Sequence[Sample]) -> Iterator[list[list[Sample]]]:
    """Yield what each thread sends in each round: in every other one only requests of one number of rows."""
    order = random.Random(context.seed)  # noqa: S311 # an order, no secret
    threads = context.settings.concurrency
    rows = [sample.case.n_rows for sample in apart]
    usual = max(set(rows), key=rows.count)
    alike = [sample for sample in apart if sample.case.n_rows == usual]
    for at in range(ROUNDS):
        some = alike if at % 2 == 0 and len(alike) > 1 else apart
        shuffled = order.sample(list(some), len(some))
        yield [[shuffled[(lane + step * threads) % len(some)] for step in range(BURST)] for lane in range(threads)]


class _Rounds:
    """Sends rounds and tells what went wrong in one.

    Args:
        exchanges: By which requests are sent.
        samples: By which answers are compared.
        known: All requests with the answers that they get alone.
    """

    def __init__(self, exchanges: Exchanges, samples: Samples, known: Sequence[Sample]) -> None:
        self._exchanges = exchanges
        self._samples = samples
        self._known = known
        self._n_sent = 0

    def wrong_in(self, lanes: Sequence[Sequence[Sample]]) -> list[_Wrong]:
        """Send one round, and return each request that got another answer than alone."""
        answers = self._exchanges.send_together([[sample.case for sample in lane] for lane in lanes])
        wrong = []
        for known, exchange in (
            (*pair,) for lane in zip(lanes, answers, strict=True) for pair in zip(*lane, strict=True)
        ):
            self._n_sent += 1
            difference = self._samples.difference(known, exchange)
            if difference is not None:
                wrong.append(_Wrong(known=known, exchange=exchange, difference=difference))
        return wrong

    def breach(self, lanes: Sequence[Sequence[Sample]], wrong: Sequence[_Wrong]) -> Breach[Judgement]:
        """Return the breach that the wrong answers of a round are, the same round replayed."""
        found_at, n_wrong = self._n_sent, len(wrong)
        worst = min(wrong, key=self._rank)
        lost = judge_outcome(worst.exchange) if is_lost(worst.exchange) else None
        if lost is not None:
            title = f"{lost.title}, sent together with {len(lanes) - 1} others; alone it is predicted"
            return Breach(case=worst.known.case, finding=replace(lost, title=title), found_at=found_at, tries=0)
        alone = [self._exchanges.send(worst.known.case) for _ in range(REPLAYS)]
        differs = any(self._samples.difference(worst.known, exchange) for exchange in alone)
        shows = sum(bool(self.wrong_in(lanes)) for _ in range(REPLAYS))
        rate = f"{shows}/{REPLAYS} rounds showed it"
        facts = {
            "wrong": f"{n_wrong} of {sum(map(len, lanes))} answers of one round",
            "alone": "its answer has changed for good" if differs else f"its own answer {REPLAYS}/{REPLAYS} times",
            "replayed": rate if shows == REPLAYS else f"{rate}: it is flaky, as a race is, and a breach all the same",
        }
        return Breach(case=worst.known.case, finding=self._judged(worst, len(lanes), facts), found_at=found_at, tries=0)

    def _rank(self, one: _Wrong) -> tuple[bool, bool]:
        """Put first what was lost, then what can be told to be another request's answer."""
        return not is_lost(one.exchange), self._owner(one) is None

    def _owner(self, one: _Wrong) -> Sample | None:
        return self._samples.owner(one.exchange, one.known, self._known)

    def _judged(self, worst: _Wrong, n_lanes: int, facts: Mapping[str, str]) -> Judgement:
        owner = self._owner(worst)
        told = worst.difference.told("alone", f"together with {n_lanes - 1} others")
        if owner is None:
            what = "a request got another answer when others came at the same time"
            whose: Mapping[str, str] = {}
        else:
            what = f"a request got the answer of request {self._known.index(owner) + 1} ({shown(owner.case)})"
            whose = {"whose": "\n".join(describe(owner.case, None))}
        return Judgement(
            key="concurrent",
            is_breach=True,
            title=f"{what}: {told}",
            expected=answer_of(worst.known.exchange),
            received=answer_of(worst.exchange),
            exchange=worst.exchange,
            facts={**whose, **facts},
            plainly=f"a request got another answer together with {n_lanes - 1} others than alone",
        )
