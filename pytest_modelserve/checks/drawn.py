"""What checks draw at random, drawn once for two that draw the same, and the answers that both of them judge."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final

from ..cases import Case
from .judge import Exchange

MOST_BYTES: Final = 8 * 1024 * 1024  # of requests and answers that are kept: of images it would be a gigabyte


class Drawn:
    """Remembers drawn cases until a second check has taken them, and how each was answered."""

    def __init__(self) -> None:
        self._cases: dict[Hashable, tuple[Case, ...]] = {}
        self._waiting: set[int] = set()  # of the cases above, by identity
        self._answered: dict[int, Exchange] = {}  # likewise; the exchange keeps its case alive
        self._n_bytes = 0

    def cases(self, key: Hashable, draw: Callable[[], Iterable[Case]]) -> Iterator[Case]:
        """Yield the cases of a key, drawn where no other check has left them, and not before the first is due.

        Args:
            key: All that decides what is drawn from one model.
            draw: Draws them.
        """
        found = self._cases.pop(key, None)
        if found is None:
            found = self._cases[key] = tuple(draw())
            self._waiting.update(map(id, found))
        else:
            self._waiting.difference_update(map(id, found))
        yield from found

    def note(self, exchange: Exchange) -> None:
        """Keep the answer to a drawn case that a second check will take; one that was lost is no answer."""
        invocation = exchange.invocation
        size = len(invocation.request.body) + len(invocation.body)
        if id(exchange.case) in self._waiting and not exchange.is_lost and self._n_bytes + size <= MOST_BYTES:
            self._n_bytes += size
            self._answered[id(exchange.case)] = exchange

    def take(self, case: Case) -> Exchange | None:
        """Return the answer to this very case, once; None where it was not sent or not kept."""
        return self._answered.pop(id(case), None)
