"""The time that all checks of a model have together, and what is said where it does not do.

A check may take what is left, but for two requests of each check that is still to come, so that a slow model is looked
at from every side before the time is up. What is drawn at random comes on top of what every model gets, and uses no
more than half of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Final

from .context import CheckContext

KEPT_PART: Final = 0.5  # of the time, for what every model gets
KEPT_REQUESTS: Final = 2  # for each check that is still to come
MORE_TIME: Final = "raise --model-budget, or ask for fewer checks by --model-checks"


@contextmanager
def spending(context: CheckContext) -> Iterator[CheckContext]:
    """Hand out the context with the share of the time that the next check may take, and count what it takes."""
    started, left_s, n_later = monotonic(), context.left_s, context.n_later
    kept_s = n_later * KEPT_REQUESTS * context.history.usual_s
    try:
        yield replace(context, share_s=max(left_s - kept_s, left_s / (n_later + 1)))
    finally:
        context.history.spent_s += monotonic() - started


def further_s(context: CheckContext) -> float:
    """Return how many seconds of a check that begins now may go into what is drawn at random; none where negative."""
    settings, spent_s = context.settings, context.history.spent_s
    return min(context.left_s, (1 - KEPT_PART) * settings.budget_s - spent_s)


def time_is_up(context: CheckContext) -> str:
    """Return the beginning of a sentence that says what the time did not do for."""
    return f"its share of the {context.settings.budget_s:g} s for this model ran out"


def all_time_is_up(context: CheckContext) -> str:
    """Return the beginning of a sentence that says for which check nothing is left."""
    return f"the {context.settings.budget_s:g} s for this model were spent"
