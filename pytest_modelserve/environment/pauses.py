"""Processes of ours that are stopped for a while, and go on at once where somebody needs what they hold.

One that is stopped while it builds holds the lock of an environment, and its installer those of its own cache: whoever
builds meanwhile would wait for ever. What is stopped here is known to the whole process, since whoever asks for an
environment, in any thread and any event loop, knows nothing of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import psutil

_HELD: Final[list[dict[int, psutil.Process]]] = []


@contextmanager
def paused(family: Callable[[], Sequence[psutil.Process]]) -> Iterator[None]:
    """Stop processes for as long as the block lasts, or until `end_pauses` is called.

    Args:
        family: Gives those that run now; asked again until it gives none that is new.
    """
    stopped: dict[int, psutil.Process] = {}
    _HELD.append(stopped)
    try:
        while new := [each for each in family() if each.pid not in stopped]:  # they may start others meanwhile
            for each in new:
                stopped[each.pid] = each
                with suppress(psutil.NoSuchProcess):
                    each.suspend()
        yield
    finally:
        _HELD[:] = [each for each in _HELD if each is not stopped]
        _resume(stopped)


def end_pauses() -> None:
    """Let everything go on that this process has stopped; call it before waiting for what others may hold."""
    for stopped in tuple(_HELD):
        _resume(stopped)


def _resume(stopped: dict[int, psutil.Process]) -> None:
    while stopped:
        _, process = stopped.popitem()
        with suppress(psutil.NoSuchProcess):
            process.resume()
