"""Whether the model takes what its signature allows, in every envelope, and answers as it declares."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ..cases import Case, Envelope, Table, Tensors
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome
from ..search.loop import Findings, Plan, search
from ..signature import ColumnSchema
from ..strategies.edge_cases import edge_cases
from ..strategies.payloads import cases
from ..wire.capacity import can_carry
from .context import CheckContext
from .coverage import ColumnCoverage
from .exchanges import COSTLY_TRIES, Exchanges, has_cost_a_server, is_lost
from .failures import as_failure
from .judge import Exchange, Judgement, judge_outcome
from .outputs import OutputJudge

RAISED: Final = 10.0  # params are never raised beyond so many times their default: on an LLM, tokens cost money
OTHER_ENVELOPES_SHARE: Final = (
    5  # the envelopes after the first draw so many times fewer cases: the model sees the same
)

Judge = Callable[[Exchange], Judgement | None]


def why_no_inputs(model: Model) -> str:
    """Return why there is nothing to draw from, or nothing."""
    return "" if model.is_signed else "the model has no signature with inputs, so valid requests are not known"


def envelopes_by_signature(model: Model) -> tuple[str, ...]:
    """Return the envelopes that a signature allows, the first the one that is searched in full."""
    signature = model.signature
    if signature is None or signature.inputs is None:
        return ()
    if signature.is_from_type_hint:
        return (Envelope.INPUTS.value,)
    if not isinstance(signature.inputs, ColumnSchema):
        return (Envelope.INPUTS.value, Envelope.INSTANCES.value)
    columns = signature.inputs.columns
    json = (Envelope.DATAFRAME_SPLIT, Envelope.DATAFRAME_RECORDS, Envelope.INPUTS, Envelope.INSTANCES)
    is_flat = all(hasattr(spec.type, "value") for spec in columns)
    return tuple(envelope.value for envelope in (*json, *((Envelope.CSV,) if is_flat else ())))


def accepts_valid(context: CheckContext, variant: str) -> CheckResult:
    """Send what the signature allows in one envelope: each edge value alone, then drawn rows; all must be accepted."""
    is_first = variant == envelopes_by_signature(context.model)[0]
    coverage = ColumnCoverage(context.model.signature, context.example_case, context.domain)

    def judge(exchange: Exchange) -> Judgement | None:
        coverage.note(exchange)
        return judge_outcome(exchange)

    result = _searched(context, f"accepts_valid[{variant}]", Envelope(variant), judge)
    untested = coverage.untested() if is_first else ()
    advice = (*result.advice, *(coverage.categorical() if is_first else ()))
    if untested and result.outcome is Outcome.PASSED:
        return replace(result, outcome=Outcome.INCONCLUSIVE, reason="; ".join(untested), advice=advice)
    return replace(result, advice=advice)


def matches_output_schema(context: CheckContext, _: str) -> CheckResult:
    """Send what the signature allows and hold every answer against the output schema."""
    first = Envelope(envelopes_by_signature(context.model)[0])
    outputs = OutputJudge(context.model.signature, context.example_case)

    def judge(exchange: Exchange) -> Judgement | None:
        return judge_outcome(exchange) if is_lost(exchange) else outputs(exchange)

    return _searched(context, "matches_output_schema", first, judge)


def _searched(context: CheckContext, name: str, envelope: Envelope, judge: Judge) -> CheckResult:
    started = time.monotonic()
    settings = context.settings
    with Exchanges.of(context, context.example_case) as exchanges:
        found = search(
            _plan(context, envelope),
            lambda case: _strict(context, judge(exchanges.send(case))),
            is_costly=has_cost_a_server,
        )
    failure = as_failure(context, name, found.breaches) if found.breaches else None
    advice = [judgement.title for judgement in found.advice.values()]
    if found.is_cut_short:
        advice.append(f"the time of {settings.budget_s:g} s ran out after {found.requests} requests: --model-budget")
    return CheckResult(
        name=name,
        judges=Judges.MODEL,
        outcome=_outcome(found, n_accepted=exchanges.accepted),
        requests=exchanges.requests,
        accepted=exchanges.accepted,
        elapsed_s=time.monotonic() - started,
        reason="" if exchanges.accepted or failure else "not one request was accepted",
        advice=tuple(advice),
        failure=failure,
    )


def _outcome(found: Findings[Judgement], *, n_accepted: int) -> Outcome:
    if found.breaches:
        return Outcome.FAILED
    return Outcome.PASSED if n_accepted else Outcome.INCONCLUSIVE


def _strict(context: CheckContext, judgement: Judgement | None) -> Judgement | None:
    """Return the judgement, advice turned into a breach where the user asked for that."""
    if judgement is None or not context.settings.strict:
        return judgement
    return replace(judgement, is_breach=True)


def _plan(context: CheckContext, envelope: Envelope) -> Plan:
    signature = context.model.signature
    if signature is None:
        raise ValueError("a model without a signature has no valid requests to draw")
    example = context.example_case
    rows = example.payload if example and isinstance(example.payload, Table | Tensors) else None
    is_first = envelope.value == envelopes_by_signature(context.model)[0]
    share = 1 if is_first else OTHER_ENVELOPES_SHARE
    drawn = cases(signature, example=rows, domain=context.domain, envelopes=(envelope,), raised=RAISED)
    edges = edge_cases(signature, example=rows, domain=context.domain, envelopes=(envelope,), raised=RAISED)
    return Plan(
        cases=(case for case in edges if _fits(case, context)),
        drawn=drawn.filter(lambda case: _fits(case, context)),
        n_drawn=context.settings.examples // share,
        seed=context.seed,
        budget_s=context.settings.budget_s,
        example=replace(example, envelope=envelope) if example else None,
        costly_tries=0 if context.history.has_lost() else COSTLY_TRIES,
    )


def _fits(case: Case, context: CheckContext) -> bool:
    return can_carry(case.payload, case.envelope, context.model.signature, has_params=bool(case.params))
