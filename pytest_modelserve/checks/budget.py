"""The time that all checks of a model have together, and what is said where it does not do.

What every model gets is sent as long as there is any time. What is drawn at random comes on top and may use half of the
time, so that the search of an early check takes nothing from the cases of the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from .context import CheckContext

KEPT_PART: Final = 0.5  # of the time, for what every model gets
MORE_TIME: Final = "raise --model-budget, or ask for fewer checks by --model-checks"


@contextmanager
def spending(context: CheckContext) -> Iterator[None]:
    """Count the time that a check takes."""
    started = monotonic()
    try:
        yield
    finally:
        context.history.spent_s += monotonic() - started


def further_s(context: CheckContext) -> float:
    """Return how many seconds of a check that begins now may go into what is drawn at random; none where negative."""
    return context.left_s - KEPT_PART * context.settings.budget_s


def time_is_up(context: CheckContext) -> str:
    """Return the beginning of a sentence that says what the time did not do for."""
    return f"the time of {context.settings.budget_s:g} s for this model ran out"
