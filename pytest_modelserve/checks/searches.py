"""Sends what a signature allows and judges each answer: what all checks of valid requests share."""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..cases import Case, Envelope, Table, Tensors
from ..errors import SignatureError
from ..model.mlmodel import Model
from ..results import Advice, CheckResult, Judges
from ..search.loop import Findings, Plan, draw, search
from ..signature import ColumnSchema, Signature
from ..strategies.carriers import envelopes_for
from ..strategies.edge_cases import Batch, as_batches, edge_cases
from ..strategies.packed import packed_cases
from ..strategies.payloads import cases
from ..wire.capacity import can_carry
from .advice import as_advice
from .budget import ran_out
from .columns import ColumnNotes
from .conclusion import concluded, left_out
from .context import CheckContext
from .data_rows import row_cases
from .deviations import is_deviation
from .exchanges import COSTLY_TRIES, Exchanges, has_cost_a_server
from .failures import as_told
from .fresh import tried_afresh
from .judge import Exchange, Judgement
from .outcome import RequestOutcome

RAISED: Final = 10.0  # params are never raised beyond so many times their default: on an LLM, tokens cost money
WIDE: Final = 60  # columns; some twenty values of each, sent alone, are what the usual time does for
OTHER_ENVELOPES_SHARE: Final = (
    5  # the envelopes after the first draw so many times fewer cases: the model sees the same
)

ENDED_BY_LOSS: Final = "it ended with a request that cost the server, which accepts_valid tells"

OF_COLUMNS: Final = (
    Envelope.DATAFRAME_SPLIT,
    Envelope.DATAFRAME_RECORDS,
    Envelope.INPUTS,
    Envelope.INSTANCES,
    Envelope.CSV,
    Envelope.UNIFIED,
)
OF_TENSORS: Final = (Envelope.INPUTS, Envelope.INSTANCES)

Judge = Callable[[Exchange], Judgement | None]
"""Judges an exchange; None where it is as it should be."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What one check sends.

    Attributes:
        check: The check's name, with its variant in brackets where it has one.
        envelope: How payloads are wrapped.
        is_batched: Whether neighbouring rows share a request, to be taken apart where it is not simply right.
        judges: Whom the check speaks about.
        share: How many times fewer random cases are drawn than the user asked for.
        is_packed: Whether the boundary values of all columns share rows, for a check that does not ask what the model
            makes of them; a wide table is packed for every check. Such a search sends one request of parameters in
            the envelopes after the first.
        leaves_answers: Whether the answers to what is drawn are kept for a check that draws the same.
        takes_answers: Whether such an answer is judged in place of asking the same again: of a check that looks at one
            answer alone.
    """

    check: str
    envelope: Envelope
    is_batched: bool = True
    judges: Judges = Judges.MODEL
    share: int = 1
    is_packed: bool = False
    leaves_answers: bool = False
    takes_answers: bool = False


def searched(context: CheckContext, asked: Search, judge: Judge) -> tuple[CheckResult, ColumnNotes]:
    """Send what the signature allows, and return what the judge made of it, with what became of each value."""
    started = time.monotonic()
    notes = ColumnNotes.of(context.model.signature, context.example_case)

    judged, kept = context.deviations.over(judge), context.history.drawn
    n_taken: Counter[RequestOutcome] = Counter()

    def probe(case: Case) -> Judgement | None:
        exchange = taken = kept.take(case) if asked.takes_answers else None
        if exchange is None:
            exchange = exchanges.send(case)
        if asked.leaves_answers:
            kept.note(exchange)
        n_taken[exchange.outcome] += taken is not None
        judgement = judged(exchange)
        notes.note(exchange, None if is_deviation(judgement) else judgement)
        return judgement

    with Exchanges.of(context, context.example_case) as exchanges:
        found = search(plan_of(context, asked), probe, is_costly=has_cost_a_server)
    failure, flaky = as_told(context, asked.check, tried_afresh(context, found.breaches, judged))
    is_taken = exchanges.accepted or n_taken[RequestOutcome.PREDICTED]
    nothing = "" if is_taken or context.cases else "not one request was accepted"
    if nothing and context.deviations.shown and not failure and not exchanges.doubt:
        left = left_out(asked.check, asked.judges, f"the server takes no such request: {context.deviations.reason}")
        return replace(left, requests=exchanges.requests, elapsed_s=time.monotonic() - started), notes
    result = concluded(
        asked.check,
        asked.judges,
        exchanges,
        started=started,
        failure=failure,
        reason=flaky or doubt(context, found, exchanges) or nothing,
        advice=(*as_advice(notes), *cut_short(context, found)),
    )
    return result, notes


def first_envelope(model: Model) -> Envelope:
    """Return the envelope that is searched in full.

    Raises:
        ValueError: The model has no signature with inputs, which `why_no_inputs` tells.
    """
    found = envelopes_by_signature(model)
    if not found:
        raise ValueError("a model without a signature has no valid requests to draw")
    return Envelope(found[0])


def good_case(context: CheckContext) -> Case | None:
    """Return the one good request of a model: the input example, else the first that the signature allows."""
    signature = context.model.signature
    if context.example_case is not None or signature is None or signature.inputs is None:
        return context.example_case
    envelope = first_envelope(context.model)
    return next(edge_cases(signature, domain=context.domain, envelopes=(envelope,), raised=RAISED), None)


def doubt(context: CheckContext, found: Findings[Judgement], exchanges: Exchanges) -> str:
    """Return why nothing is proven although nothing failed, or nothing."""
    if exchanges.doubt:
        return exchanges.doubt
    if not found.is_complete:
        return out_of_time(context)
    return ""


def out_of_time(context: CheckContext) -> str:
    """Return the reason of a check whose time did not do for what it sends in any case."""
    return ran_out(context, "before every fixed case was sent")


def cut_short(context: CheckContext, found: Findings[Judgement]) -> Iterator[Advice]:
    """Yield advice where the time did not do for what comes beyond the fixed cases."""
    if found.is_cut_short and found.is_complete:
        budget = f"the time of {context.settings.budget_s:g} s for this model"
        yield Advice(text=f"{budget} did not do for all that is sent beyond what every model gets: --model-budget")


def as_strict(context: CheckContext, judgement: Judgement | None) -> Judgement | None:
    """Return the judgement, advice turned into a breach where the user asked for that."""
    if judgement is None or not context.settings.strict:
        return judgement
    return replace(judgement, is_breach=True)


def plan_of(context: CheckContext, asked: Search) -> Plan:
    """Return what a search sends: rows of data, boundary values, then drawn rows.

    Raises:
        ValueError: The model has no signature with inputs, which `why_no_inputs` tells.
    """
    signature, envelope = context.model.signature, asked.envelope
    if signature is None:
        raise ValueError("a model without a signature has no valid requests to draw")
    example = context.example_case
    if context.cases:
        return Plan(cases=context.cases, example=example, time_s=context.left_s, clock=context.history.now_s)
    rows = context.example_rows
    share = 1 if envelope is first_envelope(context.model) else OTHER_ENVELOPES_SHARE
    drawn = _drawn(context, signature, envelope, context.settings.examples // (share * asked.share))
    data = as_batches((case for case in row_cases(context, envelope) if _fits(case, context)), domain=context.domain)
    return Plan(
        cases=itertools.chain(data, _edges(context, asked, signature, rows)),
        time_s=context.left_s,
        clock=context.history.now_s,
        further_s=context.further_s,
        example=replace(example, envelope=envelope) if example else None,
        costly_tries=0 if context.history.has_lost() else COSTLY_TRIES,
        further=itertools.chain(_alone(context, asked, signature) if is_wide(context.model) else (), drawn),
    )


def _drawn(context: CheckContext, signature: Signature, envelope: Envelope, count: int) -> Iterator[Case]:
    """Yield what is drawn at random; in the envelope that is searched in full, two checks each draw as many."""
    if not count:
        return iter(())

    def drawn() -> Iterator[Case]:
        strategy = cases(
            signature, example=context.example_rows, domain=context.domain, envelopes=(envelope,), raised=RAISED
        )
        yield from draw(strategy.filter(lambda case: _fits(case, context)), count, context.seed)

    is_shared = envelope is first_envelope(context.model)
    return context.history.drawn.cases((count, context.seed), drawn) if is_shared else drawn()


def is_wide(model: Model) -> bool:
    """Tell whether a table has so many columns that the values of all cannot be sent one by one."""
    inputs = model.signature.inputs if model.signature else None
    return isinstance(inputs, ColumnSchema) and len(inputs.columns) > WIDE


def _alone(context: CheckContext, asked: Search, signature: Signature) -> Iterator[Case | Batch]:
    """Yield each boundary value of a wide table alone: of the check and the envelope that are searched in full."""
    if asked.is_packed or asked.is_batched:
        return iter(())
    found = edge_cases(
        signature, example=context.example_rows, domain=context.domain, envelopes=(asked.envelope,), raised=RAISED
    )
    return as_batches((case for case in found if _fits(case, context)), domain=context.domain)


def _edges(
    context: CheckContext, asked: Search, signature: Signature, rows: Table | Tensors | None
) -> Iterator[Case | Batch]:
    envelope, domain = asked.envelope, context.domain
    if (asked.is_packed or is_wide(context.model)) and isinstance(signature.inputs, ColumnSchema):
        known = rows if isinstance(rows, Table) else None
        packed = packed_cases(signature, envelope=envelope, example=known, domain=domain, raised=RAISED)
        left = None if envelope is first_envelope(context.model) or not asked.is_packed else 1
        for batch in packed:
            if batch.case.params and left is not None:
                left -= 1
            if left is None or left >= 0:
                yield batch
        return
    found = edge_cases(signature, example=rows, domain=domain, envelopes=(envelope,), raised=RAISED)
    edges = (case for case in found if _fits(case, context))
    yield from as_batches(edges, domain=domain) if asked.is_batched else edges


def _fits(case: Case, context: CheckContext) -> bool:
    return can_carry(case.payload, case.envelope, context.model.signature, has_params=bool(case.params))
