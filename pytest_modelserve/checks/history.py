"""What the checks of one served model have learned that the next ones need not pay for again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ..cases import Case
from ..errors import ModelServeError
from ..strategies.edge_cases import case_fingerprint
from .agreement import Difference
from .drawn import Drawn
from .judge import Exchange
from .outcome import RequestOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One request of a model, repeated with nothing between: whether answers of this model can be compared at all.

    Attributes:
        exchanges: The repetitions.
        difference: The worst difference between two of its answers; None where they agree.
        other: Which repetition it is of; it is told against the first.
        columns: The output columns that differ.
        agreeing: The output columns that do not.
    """

    exchanges: tuple[Exchange, ...]
    difference: Difference | None = None
    other: int = 0
    columns: tuple[str, ...] = ()
    agreeing: tuple[str, ...] = ()


FIRST_ANSWERS: Final = 5  # predictions that tell how long one takes
MOST_LOST: Final = 12  # different requests that cost a server; each costs two restarts
MOST_LOST_AT_FIRST: Final = 4  # where not one was answered with a prediction
HANG_WEIGHT: Final = 4  # a request that hangs costs its whole time, too, and counts for so many
MOST_LOST_BY_ONE: Final = 6  # of one check, which makes the first of them small before it ends


class TooManyLost(ModelServeError):
    """Tell a check that servers of the model are lost by so many requests that more of them prove nothing."""


class History:
    """Remembers how long the model takes, whether it repeats itself, and the requests that cost a server.

    Attributes:
        timeout_s: How long a request may take; None until it was measured.
        anchor: What repeating one request came to; None until it was sent.
        n_fresh: How many checks had a server started to confirm what they found.
        n_predicted: How many requests were answered with a prediction.
        spent_s: How many seconds the checks that have ended took, but for the starts of servers.
        starts_s: How many seconds servers took to start meanwhile.
        drawn: What was drawn at random, and how it was answered.
        last: What became of the last request, whichever server got it.
    """

    def __init__(self) -> None:
        self.timeout_s: float | None = None
        self.anchor: Anchor | None = None
        self.n_fresh: int = 0
        self.n_predicted: int = 0
        self.spent_s: float = 0.0
        self.starts_s: float = 0.0
        self._answered_s: list[float] = []
        self.drawn: Drawn = Drawn()
        self.last: Exchange | None = None
        self._lost: dict[Hashable, Exchange] = {}
        self._told: dict[str, str] = {}

    @property
    def usual_s(self) -> float:
        """Return how long a prediction takes, by the first of them; 0 where there was none yet.

        The first of all may be slow, whatever comes after it.
        """
        if len(self._answered_s) <= FIRST_ANSWERS // 2:
            return min(self._answered_s, default=0.0)
        return statistics.median(self._answered_s)

    def now_s(self) -> float:
        """Return the time of a clock that stands still while a server starts, in seconds."""
        return time.monotonic() - self.starts_s

    def note_time(self, elapsed_s: float) -> None:
        """Take in how long a request took that was answered."""
        if len(self._answered_s) < FIRST_ANSWERS:
            self._answered_s.append(elapsed_s)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Count the time that a server takes to start."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.starts_s += time.monotonic() - started

    def first_told(self, key: str, check: str) -> str:
        """Return the check that told a failure of the model first, which is this one where none did before."""
        return self._told.setdefault(key, check)

    def find_loss(self, case: Case) -> Exchange | None:
        """Return how the same request cost a server before, or None."""
        return self._lost.get(_key(case)) if self._lost else None  # the key of a large body takes long to make

    def note_loss(self, exchange: Exchange) -> None:
        """Take in a request that costs every server that gets it."""
        self._lost[_key(exchange.case)] = exchange

    def require_hope(self, *, lost_here: int | None = None) -> None:
        """Make sure that the next request has a chance to be answered.

        Args:
            lost_here: How many requests of a check that has begun have cost a server; None before it begins.

        Raises:
            TooManyLost: It has hardly one.
        """
        n_lost = len(self._lost)
        n_hung = sum(exchange.outcome is RequestOutcome.TIMED_OUT for exchange in self._lost.values())
        if n_lost + (HANG_WEIGHT - 1) * n_hung < (MOST_LOST if self.n_predicted else MOST_LOST_AT_FIRST):
            return
        if lost_here is None or lost_here >= MOST_LOST_BY_ONE:
            none = "" if self.n_predicted else ", and not one was answered with a prediction"
            raise TooManyLost(
                f"{n_lost} different requests have cost the server{none}: mend what other checks tell first"
            )

    def has_lost(self, *outcomes: RequestOutcome) -> bool:
        """Tell whether a request ended in one of these ways before, or in any way that costs a server."""
        return any(not outcomes or exchange.outcome in outcomes for exchange in self._lost.values())


def is_same_request(case: Case, other: Case) -> bool:
    """Tell whether two cases send the same, whatever is expected of each."""
    return case is other or _key(case) == _key(other)


def _key(case: Case) -> Hashable:
    return case.envelope, case_fingerprint(case)
