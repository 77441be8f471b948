"""What the checks of one served model have learned that the next ones need not pay for again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from ..cases import Case
from ..strategies.edge_cases import case_fingerprint
from .judge import Exchange
from .outcome import RequestOutcome

MOST_RAISED: Final = 3  # requests, of perhaps thousands: they are only sent again


class History:
    """Remembers how long the model takes, and the requests that cost a server.

    Attributes:
        timeout_s: How long a request may take; None until it was measured.
        raised: A few requests on which the model raised, and after which its server went on.
    """

    def __init__(self) -> None:
        self.timeout_s: float | None = None
        self.raised: list[Case] = []
        self._lost: dict[Hashable, Exchange] = {}

    def find_loss(self, case: Case) -> Exchange | None:
        """Return how the same request cost a server before, or None."""
        return self._lost.get(_key(case)) if self._lost else None  # the key of a large body takes long to make

    def note_loss(self, exchange: Exchange) -> None:
        """Take in a request that costs every server that gets it."""
        self._lost[_key(exchange.case)] = exchange

    def note_raised(self, case: Case) -> None:
        """Take in a request on which the model raised."""
        if len(self.raised) < MOST_RAISED:
            self.raised.append(case)

    def has_lost(self, *outcomes: RequestOutcome) -> bool:
        """Tell whether a request ended in one of these ways before, or in any way that costs a server."""
        return any(not outcomes or exchange.outcome in outcomes for exchange in self._lost.values())


def _key(case: Case) -> Hashable:
    return case.envelope, case_fingerprint(case)
