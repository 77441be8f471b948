"""Whether the model can be served at all: its environment, its server, its own input example."""

from __future__ import annotations

import time
from dataclasses import replace

from ..cases import Case, Envelope, RawBody
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome, notes
from ..search.loop import Breach
from ..wire.capacity import is_unified
from .conclusion import concluded, left_out
from .context import CheckContext
from .deviations import is_deviation
from .exchanges import Exchanges
from .failures import as_failure
from .judge import Exchange, Judgement, judge_outcome
from .outputs import OutputJudge
from .parity import LOCAL, UNPROVEN_BY_LOCAL


def environment_restores(context: CheckContext, _: str) -> CheckResult:
    """Pass, since the environment is there when a check runs; its notes are advice."""
    environment = context.environment
    return CheckResult(
        name="environment_restores",
        judges=Judges.ENVIRONMENT,
        outcome=Outcome.PASSED,
        elapsed_s=environment.elapsed_s,
        advice=notes([*environment.notes, *([UNPROVEN_BY_LOCAL] if environment.manager == LOCAL else [])]),
    )


def server_starts(context: CheckContext, _: str) -> CheckResult:
    """Pass where the server is alive and says so by `/ping`."""
    started = time.monotonic()
    is_ready = context.served.client.ping()
    return CheckResult(
        name="server_starts",
        judges=Judges.SERVER,
        outcome=Outcome.PASSED if is_ready else Outcome.ERROR,
        requests=1,
        elapsed_s=time.monotonic() - started,
        reason="" if is_ready else "/ping does not answer 200 although the server was ready before",
    )


def why_no_example(model: Model) -> str:
    """Return why a check of the input example does not apply, or nothing."""
    if model.told_by:
        return "the model is known by its server alone, which tells no input example"
    return "" if model.example_info else "the model was saved without an input example"


def predicts_input_example(context: CheckContext, _: str) -> CheckResult:
    """Send the exact request that MLflow wrote for the input example."""
    started = time.monotonic()
    example = context.example
    if example is None:
        return CheckResult(
            name="predicts_input_example",
            judges=Judges.MODEL,
            outcome=Outcome.SKIPPED,
            reason=why_no_example(context.model),
        )
    envelope = Envelope.UNIFIED if is_unified(example.document) else Envelope.DATAFRAME_SPLIT
    case = Case(payload=RawBody(body=example.body), envelope=envelope, rule="input_example", label="the input example")
    with Exchanges.of(context) as exchanges:
        exchange = exchanges.send(case)
    judge = context.deviations.over(lambda one: judge_outcome(one) or _judge_rows(context, one))
    judgement = judge(exchange)
    if is_deviation(judgement) and not exchanges.accepted:
        reason = f"the server does not take it: {context.deviations.reason}"
        left = left_out("predicts_input_example", Judges.MODEL, reason)
        return replace(left, requests=exchanges.requests, elapsed_s=time.monotonic() - started)
    failure = None
    if judgement is not None and judgement.is_breach:
        breach = Breach(case=exchange.case, finding=judgement, found_at=1, tries=0)
        failure = as_failure(context, "predicts_input_example", [breach])
    return concluded(
        "predicts_input_example",
        Judges.MODEL,
        exchanges,
        started=started,
        failure=failure,
        reason=exchanges.doubt,
        advice=notes(example.notes),
    )


def _judge_rows(context: CheckContext, exchange: Exchange) -> Judgement | None:
    rows = context.example_case
    n_rows = rows.n_rows if rows else None
    return OutputJudge(context.model.signature, rows)(exchange, n_rows=n_rows)
