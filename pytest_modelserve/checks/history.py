"""What the checks of one served model have learned that the next ones need not pay for again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from ..cases import Case
from ..strategies.edge_cases import case_fingerprint
from .agreement import Difference
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


class History:
    """Remembers how long the model takes, whether it repeats itself, and the requests that cost a server.

    Attributes:
        timeout_s: How long a request may take; None until it was measured.
        anchor: What repeating one request came to; None until it was sent.
        n_fresh: How many checks had a server started to confirm what they found.
    """

    def __init__(self) -> None:
        self.timeout_s: float | None = None
        self.anchor: Anchor | None = None
        self.n_fresh: int = 0
        self._lost: dict[Hashable, Exchange] = {}
        self._told: dict[str, str] = {}

    def first_told(self, key: str, check: str) -> str:
        """Return the check that told a failure of the model first, which is this one where none did before."""
        return self._told.setdefault(key, check)

    def find_loss(self, case: Case) -> Exchange | None:
        """Return how the same request cost a server before, or None."""
        return self._lost.get(_key(case)) if self._lost else None  # the key of a large body takes long to make

    def note_loss(self, exchange: Exchange) -> None:
        """Take in a request that costs every server that gets it."""
        self._lost[_key(exchange.case)] = exchange

    def has_lost(self, *outcomes: RequestOutcome) -> bool:
        """Tell whether a request ended in one of these ways before, or in any way that costs a server."""
        return any(not outcomes or exchange.outcome in outcomes for exchange in self._lost.values())


def _key(case: Case) -> Hashable:
    return case.envelope, case_fingerprint(case)
