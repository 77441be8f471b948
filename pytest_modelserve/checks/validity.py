"""Whether the model takes what its signature allows, in every envelope, and answers as it declares."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..cases import Case, Envelope, Expectation
from ..results import CheckResult, Judges, Outcome
from ..strategies.carriers import plain_payload
from ..strategies.edge_cases import edge_cases
from ..wire.values import show_value
from .advice import NO_PREDICTION
from .columns import ABSENT, Name, cells_of
from .conclusion import left_out
from .context import CheckContext
from .coverage import untested
from .exchanges import Exchanges, is_lost
from .judge import Exchange, Judgement, judge_outcome
from .outcome import RequestOutcome
from .outputs import OutputJudge
from .searches import RAISED, Search, as_strict, first_envelope, searched

UNSUPPORTED: Final = 415  # by which a server says that it does not read a media type (RFC 9110)


def accepts_valid(context: CheckContext, variant: str) -> CheckResult:
    """Send what the signature allows in one envelope: each edge value, then drawn rows; all must be accepted.

    In the first envelope each value is sent alone; in the others, by which the same values reach the same model, many
    rows share a request, and are sent alone where it is not accepted. A server that does not take Parquet says so by
    415 to a first request.
    """
    envelope = Envelope(variant)
    if envelope is Envelope.PARQUET and not _takes_parquet(context):
        reason = "the server says that it does not take Parquet (415)"
        return left_out(f"accepts_valid[{variant}]", Judges.MODEL, reason)
    is_first = envelope is first_envelope(context.model)

    def judge(exchange: Exchange) -> Judgement | None:
        return as_strict(context, judge_outcome(exchange))

    asked = Search(
        check=f"accepts_valid[{variant}]", envelope=envelope, is_batched=not is_first, leaves_answers=is_first
    )
    result, notes = searched(context, asked, judge)
    gaps = (
        (*_unreached(context), *untested(notes, context.domain, is_redacted=context.settings.redact))
        if is_first and not context.cases
        else ()
    )
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
    signature = context.model.signature
    if signature is None:
        return
    edges = edge_cases(signature, example=context.example_rows, domain=context.domain, raised=RAISED)
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
            return as_strict(context, outputs(exchange))
        judgement = judge_outcome(exchange)
        if judgement is None or is_lost(exchange):
            return judgement
        return replace(judgement, is_breach=False)  # accepts_valid tells it; here it only makes a batch be taken apart

    asked = Search(check="matches_output_schema", envelope=first_envelope(context.model), takes_answers=True)
    result, _notes = searched(context, asked, judge)
    return replace(result, advice=tuple(one for one in result.advice if one.kind in {NO_PREDICTION, "note"}))
