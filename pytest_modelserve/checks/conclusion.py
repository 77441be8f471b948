"""How a check that sent requests ends: failed with a breach, inconclusive with a reason, else passed."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..results import Advice, CheckResult, FailureDetail, Judges, Outcome
from .exchanges import Exchanges


def concluded(
    check: str,
    judges: Judges,
    exchanges: Exchanges,
    *,
    started: float,
    failure: FailureDetail | None = None,
    reason: str = "",
    advice: Iterable[Advice] = (),
) -> CheckResult:
    """Return the result of a check.

    Args:
        check: Its name, with its variant in brackets where it has one.
        judges: Whom it speaks about.
        exchanges: What it sent.
        started: When it began, by `time.monotonic`.
        failure: The breach that it found.
        reason: Why nothing is proven although nothing failed; a breach outweighs it.
        advice: What is no breach but worth knowing.
    """
    doubt = "" if failure else reason
    return CheckResult(
        name=check,
        judges=judges,
        outcome=Outcome.FAILED if failure else Outcome.INCONCLUSIVE if doubt else Outcome.PASSED,
        requests=exchanges.requests,
        accepted=exchanges.accepted,
        elapsed_s=time.monotonic() - started,
        reason=doubt,
        advice=tuple(advice),
        failure=failure,
    )


def left_out(check: str, judges: Judges, reason: str) -> CheckResult:
    """Return the result of a check that cannot say anything about this model."""
    return CheckResult(name=check, judges=judges, outcome=Outcome.SKIPPED, reason=reason, applies=False)
