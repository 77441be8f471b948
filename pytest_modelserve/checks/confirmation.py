"""Confirms that a model answered one request differently after others: sends it again, and finds what it takes.

A difference that does not come back is no failure; one that does is told with how often it did, and made small where
it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..cases import Case
from ..search.loop import REPLAYS, Breach
from ..search.minimizer import minimize
from .agreement import Difference
from .context import CheckContext
from .exchanges import Exchanges, is_lost
from .failures import curl_of, describe
from .judge import Exchange, Judgement, answer_of, judge_outcome
from .samples import Sample, Samples

MAX_TRIES: Final = 15  # of each of the two requests; a try is four requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one way of repeating requests came to.

    Attributes:
        breach: The failure, or None.
        doubt: Why nothing is proven although nothing failed.
        advice: What is no breach but worth knowing.
    """

    breach: Breach[Judgement] | None = None
    doubt: str = ""
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A request that got another answer than before.

    Attributes:
        known: The request with its answer before.
        again: The later exchange.
        difference: How they differ.
        before: The requests between, in order.
        first_after: The request before the first answer, where one came.
        found_at: The number of the request that showed it, from 1.
    """

    known: Sample
    again: Exchange
    difference: Difference
    before: Sequence[Case]
    found_at: int
    first_after: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """What replaying came to.

    Attributes:
        why: When the answer differs, in words.
        seen: How many of how many replays showed it.
        suspect: The request and its two answers, of the last replay that showed it.
        after: The request before it, where that may be what makes it differ.
        tries: How many cases it took to make it small.
        is_for_good: Whether the request has another answer now, whatever comes before it.
    """

    why: str
    seen: str
    suspect: Suspect
    after: Case | None = None
    tries: int = 0
    is_for_good: bool = False


class Replays:
    """Confirms suspects of one check of a model."""

    def __init__(self, context: CheckContext, exchanges: Exchanges, samples: Samples) -> None:
        self._context = context
        self._exchanges = exchanges
        self._samples = samples

    def confirmed(self, suspect: Suspect, known: Sequence[Sample]) -> Breach[Judgement] | None:
        """Return the breach that a suspect is, or None where it did not come back.

        Args:
            suspect: What was seen.
            known: Other requests with their answers, one of which it may have got.
        """
        if is_lost(suspect.again):
            return self._lost(suspect)
        finding = self._alone(suspect)
        if finding is None or finding.is_for_good:  # the first answer may have been the odd one
            finding = self._after_one(suspect) or finding
        finding = finding or self._after_all(suspect)
        return None if finding is None else self._breach(finding, known)

    def _lost(self, suspect: Suspect) -> Breach[Judgement] | None:
        judgement = judge_outcome(suspect.again)
        if judgement is None:
            return None
        told = replace(judgement, title=f"{judgement.title}, which was predicted before")
        return Breach(case=suspect.again.case, finding=told, found_at=suspect.found_at, tries=0)

    def _alone(self, suspect: Suspect) -> _Finding | None:
        """Send the request several times more: its answer may have changed for good, or differ by chance."""
        again = [self._exchanges.send(suspect.known.case) for _ in range(REPLAYS)]
        found = [(one, difference) for one in again if (difference := self._samples.difference(suspect.known, one))]
        if not found:
            return None
        exchange, difference = found[-1]
        last = replace(suspect, again=exchange, difference=difference)
        is_for_good = len(found) == REPLAYS
        why = "since other requests came" if is_for_good else "when repeated, with nothing between"
        after = suspect.before[-1] if is_for_good and suspect.before else None
        seen = _of(len(found), REPLAYS)
        return _Finding(why=why, seen=seen, suspect=last, after=after, is_for_good=is_for_good)

    def _after_one(self, suspect: Suspect) -> _Finding | None:
        """Send the request that came before it and the request itself, several times."""
        for before in (*suspect.before[-1:], suspect.first_after):
            if before is not None and (found := self._after(suspect, before)):
                return found
        return None

    def _after(self, suspect: Suspect, before: Case) -> _Finding | None:
        first, last = suspect.known.case, before
        shown = [one for one in (self._changed(first, last) for _ in range(REPLAYS)) if one is not None]
        if not shown:
            return None
        seen, tries = _of(len(shown), REPLAYS), 0
        found = shown[-1]
        if len(shown) == REPLAYS:
            found, last, tries = self._smallest(found, last)
        small = replace(found, found_at=suspect.found_at)
        return _Finding(why="right after another request", seen=seen, suspect=small, after=last, tries=tries)

    def _after_all(self, suspect: Suspect) -> _Finding | None:
        """Send all that came between once more: it may take several requests, or a certain number of them."""
        for case in suspect.before[:-1]:
            self._exchanges.send(case)
        found = self._changed(suspect.known.case, suspect.before[-1]) if suspect.before else None
        if found is None:
            return None
        why = f"after the same {len(suspect.before)} requests"
        return _Finding(why=why, seen=_of(1, 1), suspect=replace(found, found_at=suspect.found_at))

    def _changed(self, first: Case, between: Case) -> Suspect | None:
        """Send a request twice, another one, and the first again; return it where its last answer differs."""
        self._exchanges.send(first)  # so that the answer that counts was not got after some other request
        known = self._samples.ask(first)
        self._exchanges.send(between)
        again = self._exchanges.send(first)
        difference = None if known is None else self._samples.difference(known, again)
        if known is None or difference is None:
            return None
        return Suspect(known=known, again=again, difference=difference, before=(between,), found_at=0)

    def _smallest(self, found: Suspect, between: Case) -> tuple[Suspect, Case, int]:
        last, example = found, self._context.example_case

        def fails(make: Callable[[Case], tuple[Case, Case]]) -> Callable[[Case], bool]:
            def tried(smaller: Case) -> bool:
                nonlocal last
                if self._samples.is_over():
                    return False
                changed = self._changed(*make(smaller))
                last = changed or last
                return changed is not None

            return tried

        one = minimize(found.known.case, example, fails(lambda case: (case, between)), max_tries=MAX_TRIES)
        other = minimize(between, example, fails(lambda case: (one.case, case)), max_tries=MAX_TRIES)
        return last, other.case, one.tries + other.tries

    def _breach(self, finding: _Finding, known: Sequence[Sample]) -> Breach[Judgement]:
        suspect = finding.suspect
        facts = {"replayed": f"{finding.seen} showed it"}
        if finding.after is not None:
            example = self._context.example_case
            facts["before it"] = "\n".join(describe(finding.after, example))
            facts["sent so"] = curl_of(self._exchanges.send(finding.after))
        owner = self._samples.owner(suspect.again, suspect.known, known)
        whose = f"; that is the answer to {shown(owner.case)}" if owner is not None else ""
        judgement = Judgement(
            key="stateless",
            is_breach=True,
            title=f"the same request got another answer: {suspect.difference.told('at first', finding.why)}{whose}",
            expected=answer_of(suspect.known.exchange),
            received=answer_of(suspect.again),
            exchange=suspect.again,
            facts=facts,
            plainly=f"the same request got another answer {finding.why}",
        )
        return Breach(case=suspect.known.case, finding=judgement, found_at=suspect.found_at, tries=finding.tries)


def shown(case: Case) -> str:
    """Return a request in a few words."""
    return case.label or "the input example"


def _of(count: int, most: int) -> str:
    return f"{count}/{most}" if count == most else f"flaky: {count}/{most}"
