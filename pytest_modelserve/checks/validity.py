"""Whether the model takes what its signature allows, in every envelope, and answers as it declares."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..cases import Case, Envelope, Expectation, Table, Tensors
from ..errors import SignatureError
from ..model.mlmodel import Model
from ..results import Advice, CheckResult, Judges, Outcome
from ..search.loop import Findings, Plan, search
from ..signature import ColumnSchema
from ..strategies.carriers import envelopes_for, plain_payload
from ..strategies.edge_cases import as_batches, edge_cases
from ..strategies.payloads import cases
from ..wire.capacity import can_carry
from ..wire.values import show_value
from .advice import NO_PREDICTION, as_advice
from .columns import ABSENT, ColumnNotes, Name, cells_of
from .context import CheckContext
from .coverage import untested
from .data_rows import row_cases
from .exchanges import COSTLY_TRIES, Exchanges, has_cost_a_server, is_lost
from .failures import as_failure
from .judge import Exchange, Judgement, judge_outcome
from .outcome import RequestOutcome
from .outputs import OutputJudge

RAISED: Final = 10.0  # params are never raised beyond so many times their default: on an LLM, tokens cost money
OTHER_ENVELOPES_SHARE: Final = (
    5  # the envelopes after the first draw so many times fewer cases: the model sees the same
)

OF_COLUMNS: Final = (
    Envelope.DATAFRAME_SPLIT,
    Envelope.DATAFRAME_RECORDS,
    Envelope.INPUTS,
    Envelope.INSTANCES,
    Envelope.CSV,
    Envelope.UNIFIED,
)
UNSUPPORTED: Final = 415  # by which a server says that it does not read a media type (RFC 9110)
OF_TENSORS: Final = (Envelope.INPUTS, Envelope.INSTANCES)

Judge = Callable[[Exchange], Judgement | None]


def why_no_inputs(model: Model) -> str:
    """Return why there is nothing to draw from, or nothing."""
    return "" if model.is_signed else "the model has no signature with inputs, so valid requests are not known"


def envelopes_by_signature(model: Model) -> tuple[str, ...]:
    """Return the envelopes that carry what a signature allows, the first the one that is searched in full."""
    signature = model.signature
    if signature is None or signature.inputs is None:
        return ()
    if signature.is_from_type_hint:
        return (Envelope.INPUTS.value,)
    among = OF_COLUMNS if isinstance(signature.inputs, ColumnSchema) else OF_TENSORS
    try:
        carrying = envelopes_for(signature, among)
    except SignatureError:  # a tensor that JSON cannot carry, which each check tells
        carrying = among
    return tuple(envelope.value for envelope in carrying)


def valid_envelopes(model: Model) -> tuple[str, ...]:
    """Return the envelopes that valid requests are sent in: Parquet, too, where this process can write it."""
    usual = envelopes_by_signature(model)
    signature = model.signature
    if not usual or signature is None or not isinstance(signature.inputs, ColumnSchema):
        return usual
    can_write = importlib.util.find_spec("pyarrow") is not None
    return (*usual, *(one.value for one in envelopes_for(signature, [Envelope.PARQUET]) if can_write))


def accepts_valid(context: CheckContext, variant: str) -> CheckResult:
    """Send what the signature allows in one envelope: each edge value, then drawn rows; all must be accepted.

    In the first envelope each value is sent alone; in the others, by which the same values reach the same model, many
    rows share a request, and are sent alone where it is not accepted. A server that does not take Parquet says so by
    415 to a first request.
    """
    if variant == Envelope.PARQUET.value and not _takes_parquet(context):
        return CheckResult(
            name=f"accepts_valid[{variant}]",
            judges=Judges.MODEL,
            outcome=Outcome.SKIPPED,
            reason="the server says that it does not take Parquet (415)",
            applies=False,
        )
    is_first = variant == envelopes_by_signature(context.model)[0]

    def judge(exchange: Exchange) -> Judgement | None:
        return _strict(context, judge_outcome(exchange))

    result, notes = _searched(context, f"accepts_valid[{variant}]", judge, is_batched=not is_first)
    gaps = (*_unreached(context), *untested(notes, context.domain)) if is_first else ()
    if gaps and result.outcome is Outcome.PASSED:
        return replace(result, outcome=Outcome.INCONCLUSIVE, reason="; ".join(gaps))
    return result


def _takes_parquet(context: CheckContext) -> bool:
    plain = None if context.model.signature is None else plain_payload(context.model.signature)
    if plain is None:
        return False
    with Exchanges.of(context, context.example_case) as exchanges:
        return exchanges.send(Case(payload=plain, envelope=Envelope.PARQUET)).invocation.status != UNSUPPORTED


def _unreached(context: CheckContext) -> Iterator[str]:
    """Yield a sentence where the declared domain holds no row that is known: nothing sent then had to be accepted."""
    signature, example = context.model.signature, context.example_case
    if signature is None:
        return
    rows = example.payload if example and isinstance(example.payload, Table | Tensors) else None
    edges = edge_cases(signature, example=rows, domain=context.domain, raised=RAISED)
    first = next(edges, None)
    if first is None or first.expectation is Expectation.ACCEPT:
        return
    if any(case.expectation is Expectation.ACCEPT for case in edges):
        return
    outside = (name for name, values in cells_of(first, signature).items() if _is_outside(context, name, values))
    columns = ", ".join("0" if name is None else show_value(name) for name in outside)
    yield (
        f"no value of {columns} is known that its declared domain takes, so that no request had to be accepted: "
        "declare values or limits, or save an input example that lies in the domain"
    )


def _is_outside(context: CheckContext, name: Name, values: Mapping[Hashable, object]) -> bool:
    said = context.domain.of(name)
    present = [value for key, value in values.items() if key != ABSENT]
    return said is not None and bool(present) and not any(map(said.contains, present))


def matches_output_schema(context: CheckContext, _: str) -> CheckResult:
    """Send what the signature allows and hold every answer against the output schema."""
    outputs = OutputJudge(context.model.signature, context.example_case)

    def judge(exchange: Exchange) -> Judgement | None:
        if exchange.outcome is RequestOutcome.PREDICTED:
            return _strict(context, outputs(exchange))
        judgement = judge_outcome(exchange)
        if judgement is None or is_lost(exchange):
            return judgement
        return replace(judgement, is_breach=False)  # accepts_valid tells it; here it only makes a batch be taken apart

    result, _notes = _searched(context, "matches_output_schema", judge, is_batched=True)
    return replace(result, advice=tuple(one for one in result.advice if one.kind in {NO_PREDICTION, "note"}))


def _searched(context: CheckContext, name: str, judge: Judge, *, is_batched: bool) -> tuple[CheckResult, ColumnNotes]:
    started = time.monotonic()
    envelope = _envelope(context, name)
    notes = ColumnNotes.of(context.model.signature, context.example_case)

    def probe(case: Case) -> Judgement | None:
        exchange = exchanges.send(case)
        judgement = judge(exchange)
        notes.note(exchange, judgement)
        return judgement

    with Exchanges.of(context, context.example_case) as exchanges:
        found = search(_plan(context, envelope, is_batched=is_batched), probe, is_costly=has_cost_a_server)
    failure = as_failure(context, name, found.breaches) if found.breaches else None
    nothing = "" if exchanges.accepted else "not one request was accepted"
    reason = "" if failure else doubt(context, found, exchanges) or nothing
    advice = [*as_advice(notes), *_cut_short(context, found)]
    result = CheckResult(
        name=name,
        judges=Judges.MODEL,
        outcome=Outcome.FAILED if failure else Outcome.INCONCLUSIVE if reason else Outcome.PASSED,
        requests=exchanges.requests,
        accepted=exchanges.accepted,
        elapsed_s=time.monotonic() - started,
        reason=reason,
        advice=tuple(advice),
        failure=failure,
    )
    return result, notes


def _envelope(context: CheckContext, name: str) -> Envelope:
    """Return the envelope in the brackets of a check's name, else the first that the signature allows."""
    variant = name.partition("[")[2].rstrip("]")
    return Envelope(variant or envelopes_by_signature(context.model)[0])


def doubt(context: CheckContext, found: Findings[Judgement], exchanges: Exchanges) -> str:
    """Return why nothing is proven although nothing failed, or nothing."""
    if exchanges.doubt:
        return exchanges.doubt
    if not found.is_complete:
        budget = f"{context.settings.budget_s:g} s"
        return f"the time of {budget} ran out before every fixed case was sent: raise --model-budget"
    return ""


def _cut_short(context: CheckContext, found: Findings[Judgement]) -> Iterator[Advice]:
    if found.is_cut_short and found.is_complete:
        text = f"the time of {context.settings.budget_s:g} s ran out after {found.requests} requests: --model-budget"
        yield Advice(text=text)


def _strict(context: CheckContext, judgement: Judgement | None) -> Judgement | None:
    """Return the judgement, advice turned into a breach where the user asked for that."""
    if judgement is None or not context.settings.strict:
        return judgement
    return replace(judgement, is_breach=True)


def _plan(context: CheckContext, envelope: Envelope, *, is_batched: bool) -> Plan:
    signature = context.model.signature
    if signature is None:
        raise ValueError("a model without a signature has no valid requests to draw")
    example = context.example_case
    rows = example.payload if example and isinstance(example.payload, Table | Tensors) else None
    is_first = envelope.value == envelopes_by_signature(context.model)[0]
    share = 1 if is_first else OTHER_ENVELOPES_SHARE
    drawn = cases(signature, example=rows, domain=context.domain, envelopes=(envelope,), raised=RAISED)
    found = edge_cases(signature, example=rows, domain=context.domain, envelopes=(envelope,), raised=RAISED)
    edges = (case for case in found if _fits(case, context))
    data = as_batches((case for case in row_cases(context, envelope) if _fits(case, context)), domain=context.domain)
    return Plan(
        cases=itertools.chain(data, as_batches(edges, domain=context.domain) if is_batched else edges),
        drawn=drawn.filter(lambda case: _fits(case, context)),
        n_drawn=context.settings.examples // share,
        seed=context.seed,
        budget_s=context.settings.budget_s,
        example=replace(example, envelope=envelope) if example else None,
        costly_tries=0 if context.history.has_lost() else COSTLY_TRIES,
    )


def _fits(case: Case, context: CheckContext) -> bool:
    return can_carry(case.payload, case.envelope, context.model.signature, has_params=bool(case.params))
