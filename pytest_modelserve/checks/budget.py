"""The time that all checks of a model have together, and what is said where it does not do.

A check may take what is left, but for the time that the requests of the checks still to come need, so that a slow model
is looked at from every side before the time is up. What is sent beyond what every model gets, such as rows drawn at
random, may use half of that. Starts of servers do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from .check import Check
from .context import CheckContext

LEAST_PART: Final = 1 / 60  # of the time, for any check while there is some left
NEEDED: Final[Mapping[str, int]] = {
    "environment_restores": 0,
    "server_starts": 0,
    "signature_lint": 0,
    "predicts_input_example": 0,
    "accepts_valid": 75,
    "matches_output_schema": 80,
    "round_trip_input": 75,
    "round_trip_output": 80,
    "envelopes_agree": 75,
    "params_enforced": 20,
    "stateless": 90,
    "batch_invariant": 75,
    "environment_parity": 0,
    "bounded": 40,
    "latency": 90,
    "survives": 60,
    "leaks_nothing": 60,
    "starts_and_stops": 0,
}
"""About how many predictions a check, or one variant of it, costs in any case; 0 is that it runs whatever is left."""
_MORE_TIME: Final = "raise --model-budget, or ask for fewer checks by --model-checks"
NEEDED_BY_OTHERS: Final = 3  # which mostly send what no model gets to see


def needed_by(check: Check) -> int:
    """Return about how many predictions a check, or one variant of it, costs in any case."""
    return NEEDED.get(check.name, NEEDED_BY_OTHERS)


def needed_later(context: CheckContext, later: Iterable[tuple[Check, str]]) -> int:
    """Return about how many predictions the checks, and their variants, cost that are still to come."""
    is_managed, skipped = context.served.is_managed, context.settings.skip
    made = (
        check
        for check, variant in later
        if check.name not in skipped and (is_managed or variant not in check.own_server_for)
    )
    return sum(map(needed_by, made))


def is_too_late(context: CheckContext, check: Check) -> bool:
    """Tell whether no time is left for a check; what is replayed, and what compares servers, is not held to it."""
    return bool(needed_by(check)) and not check.compares_servers and not context.cases and context.left_s <= 0


@contextmanager
def timed(context: CheckContext, check: Check) -> Iterator[CheckContext]:
    """Hand out the context with the share of the time that a check may take, and count what it takes.

    What is replayed has the time of the check that replays it; a comparison of servers has a whole time to itself.
    """
    if context.cases:
        yield context
    elif check.compares_servers:
        yield replace(context, share_s=context.settings.budget_s, further_s=context.settings.budget_s / 2)
    else:
        history, started_s = context.history, context.history.now_s()
        try:
            yield _shared(context, needed_by(check))
        finally:
            history.spent_s += history.now_s() - started_s


def _shared(context: CheckContext, needed: int) -> CheckContext:
    left_s, n_later = context.left_s, context.n_later
    fair_s = left_s * needed / (needed + n_later) if needed else left_s
    usual_s = context.history.usual_s
    spare_s = left_s - n_later * usual_s if usual_s else fair_s
    least_s = min(left_s, LEAST_PART * context.settings.budget_s)
    return replace(context, share_s=max(spare_s, fair_s, least_s), further_s=max(spare_s / 2, fair_s, least_s))


def ran_out(context: CheckContext, when: str) -> str:
    """Return why a check proves nothing whose time ran out, and what to do.

    Args:
        context: The model.
        when: What was done by then, or what was not.
    """
    return f"its share of {_total(context)} ran out {when}: {_MORE_TIME}"


def ran_out_before(context: CheckContext) -> str:
    """Return why a check was not run for which nothing was left, and what to do."""
    return f"{_total(context)} were spent before this check: {_MORE_TIME}"


def _total(context: CheckContext) -> str:
    return f"the {context.settings.budget_s:g} s for this model"
