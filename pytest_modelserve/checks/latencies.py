"""How long the model takes at a steady rate of requests, and whether that keeps the budget that the user gave."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..client.bare import BareConnection
from ..client.open_loop import OpenLoop, measure_latency
from ..results import CheckResult, Judges, Latency, Outcome, as_duration
from ..settings import Settings
from .budget import ran_out
from .conclusion import left_out
from .context import CheckContext
from .evidence import Evidence, as_failure_of, name_of
from .exchanges import SHORTEST_TIMEOUT_S
from .good_request import NO_REQUEST, NOT_PREDICTED, GoodRequest, good_request_of

NAME: Final = "latency"
TOLD_S: Final = 1.0  # where no budget is given: 160 requests to a quick model, among which one stall of 200 ms shows
JUDGED_S: Final = 2.0  # 320 of them, enough for three stalls of one in a hundred
FULL_S: Final = 10.0
FEWEST_JUDGED: Final = 30  # fewer say nothing of what is rare
BUDGET_REQUESTS: Final = 200  # so that a 99th percentile rests on more than one request
WARM_UP: Final = 5
_LIMITS: Final[Mapping[str, str]] = {"p50": "max_p50_s", "p95": "max_p95_s", "p99": "max_p99_s"}


def latency(context: CheckContext, _: str) -> CheckResult:
    """Send the good request at half the rate that one caller can get, and rank how long each waited for its answer."""
    started = time.monotonic()
    good = good_request_of(context)
    if good is None:
        return left_out(NAME, Judges.MODEL, NO_REQUEST)
    if context.is_crowded:
        reason = "other workers use this machine at the same time: times would be theirs, too; run it without -n"
        skipped = left_out(NAME, Judges.MODEL, reason)
        return replace(skipped, applies=has_budget(context.settings))  # a budget that nobody held it to is not kept
    measured = _measured(context, good)
    failure = as_failure_of(context, NAME, [*_breaches(measured, context, good)])
    accepted = measured.n - measured.n_failed
    reason = "" if failure else _few(measured, context) if accepted else NOT_PREDICTED
    return CheckResult(
        name=NAME,
        judges=Judges.MODEL,
        outcome=Outcome.FAILED if failure else Outcome.INCONCLUSIVE if reason else Outcome.PASSED,
        reason=reason,
        requests=measured.n,
        accepted=accepted,
        elapsed_s=time.monotonic() - started,
        failure=failure,
        latency=measured,
    )


def _few(measured: Latency, context: CheckContext) -> str:
    """Return why too few requests were sent to tell that a budget is kept, or nothing."""
    if not has_budget(context.settings) or measured.n >= FEWEST_JUDGED:
        return ""
    return ran_out(context, f"after {measured.n} requests, too few to hold a budget against")


def has_budget(settings: Settings) -> bool:
    """Tell whether the user has said how long requests may take."""
    return any(getattr(settings, name) is not None for name in _LIMITS.values())


def _measured(context: CheckContext, good: GoodRequest) -> Latency:
    settings = context.settings
    is_judged = has_budget(settings)
    plan = OpenLoop(
        duration_s=FULL_S if "full" in settings.checks else JUDGED_S if is_judged else TOLD_S,
        fewest=BUDGET_REQUESTS if is_judged else OpenLoop().fewest,
        longest_s=context.left_s if is_judged else OpenLoop().longest_s,
    )
    timeout_s = settings.request_timeout_s or context.history.timeout_s or SHORTEST_TIMEOUT_S * 6
    url = context.served.private().server.base_url
    with BareConnection(url, good.body, good.content_type, timeout_s=timeout_s) as connection:
        for _ in range(WARM_UP):
            connection.send()
        return measure_latency(connection.send, plan)


def _breaches(measured: Latency, context: CheckContext, good: GoodRequest) -> Iterator[Evidence]:
    for name, setting in _LIMITS.items():
        budget_s: float | None = getattr(context.settings, setting)
        found_s: float = getattr(measured, f"{name}_s")
        if budget_s is not None and found_s > budget_s:
            yield Evidence(
                title=f"{name} of the latency is {as_duration(found_s)}, the budget {as_duration(budget_s)}",
                rule=NAME,
                expected=f"at most {as_duration(budget_s)}, by --model-max-{name}",
                received=str(measured),
                request=name_of(context, good.case),
            )
