"""What the results of checks mean together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..results import CheckResult, Outcome, Verdict

_BY_WEIGHT: Final = (
    (Outcome.FAILED, Verdict.FAIL),
    (Outcome.ERROR, Verdict.ERROR),
    (Outcome.INCONCLUSIVE, Verdict.INCONCLUSIVE),
)


def verdict_of(checks: Iterable[CheckResult], expected: Iterable[str]) -> Verdict:
    """Return what the checks of one model mean together.

    Args:
        checks: Their results; one that was skipped has proven nothing.
        expected: The names of all that apply to the model; one that did not run makes a pass partial, unless it
            found out itself that it does not apply.
    """
    told = tuple(checks)
    outcomes = {check.outcome for check in told}
    for outcome, verdict in _BY_WEIGHT:
        if outcome in outcomes:
            return verdict
    if Outcome.PASSED not in outcomes:
        return Verdict.NONE
    missing = set(expected) - {check.name for check in told if check.outcome is Outcome.PASSED or not check.applies}
    return Verdict.PARTIAL if missing else Verdict.PASS


_WORST_FIRST: Final = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.PARTIAL,
    Verdict.NONE,
    Verdict.PASS,
)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a run from those of its models; `none` where there were none."""
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.NONE)
