"""Says what broke without a single value of a row: rows may be customers' data, and reports travel.

What is written here is built from shapes, types, names of columns and kinds of values alone; nothing is cut out of
texts, where a value could hide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ..cases import Case, Expectation, Level, Table, Tensors
from ..errors import as_message
from ..results import Advice, CheckResult, FailureDetail
from ..search.loop import Breach
from .context import CheckContext
from .diff import Difference, absent_columns, differences, shape_of
from .judge import Exchange, Judgement

HOW_TO_SEE: Final = "Run it again without --model-redact where its values may be seen."
KEPT_BACK: Final = "kept back by --model-redact"
MAX_CELLS: Final = 12
_EDGE_NAME: Final = re.compile(r"\(([\w ,.+^-]{1,60})\)$", re.ASCII)  # our own words at the end of a label


def redacted_failure(context: CheckContext, check: str, breach: Breach[Judgement]) -> FailureDetail:
    """Return a breach as a failure without values."""
    case, exchange = breach.case, breach.finding.exchange
    request = "\n".join(_described(case, context.example_case))
    title = redacted_title(breach)
    response = _response(exchange)
    facts: dict[str, object] = {
        "rule": case.rule,
        "request": request,
        "answer": response,
        "decided by": breach.finding.blame.value,
        "found": f"request {breach.found_at}; seed {context.seed}; level {case.level.name.lower()}",
        **context.facts,
    }
    return FailureDetail(
        title=title,
        rule=case.rule,
        request=request,
        response=response,
        seed=str(context.seed),
        text=as_message(f"{check}: {title}", facts, HOW_TO_SEE),
        is_redacted=True,
    )


def redacted_title(breach: Breach[Judgement]) -> str:
    """Return what a breach is in one line without values."""
    return f"{_happened(breach.finding)}, on {shape_of(breach.case)}{_edge_of(breach.case)}"


def redacted(result: CheckResult) -> CheckResult:
    """Return a result without what may hold values: texts that were not written to be without them.

    A reason is: whoever gives one tells no value where the user wants none told.
    """
    failure = result.failure
    if failure is not None and not failure.is_redacted:
        title = f"{failure.rule or 'the contract'} is broken; what was sent and received is {KEPT_BACK}"
        text = as_message(f"{result.name}: {title}", {"rule": failure.rule}, HOW_TO_SEE)
        failure = FailureDetail(title=title, rule=failure.rule, seed=failure.seed, text=text, is_redacted=True)
    return replace(
        result,
        failure=failure,
        advice=tuple(dict.fromkeys(_advice(one) for one in result.advice)),
        deviations=tuple(replace(one, request="") for one in result.deviations),
    )


def _advice(advice: Advice) -> Advice:
    about = f'column "{advice.column}": {advice.kind}' if advice.column else f"a {advice.kind}"
    return Advice(text=f"{about}; its values are {KEPT_BACK}", column=advice.column, kind=advice.kind)


def _happened(judgement: Judgement) -> str:
    if judgement.plainly:
        return judgement.plainly
    exchange, raised = judgement.exchange, judgement.exception
    outcome = exchange.outcome.value.replace("_", " ")
    if judgement.seen_in is not None:
        return f"{outcome}, and what came is not what was sent, by the {judgement.seen_in.value}"
    if raised is None:
        return f"{outcome}, decided by the {exchange.blame.value}"
    frame = raised.last_frame
    return f"{outcome}: {raised.type} at {frame.get('file')}:{frame.get('line')}"


def _edge_of(case: Case) -> str:
    """Return the kind of edge that a label names, of values that are made and not known from the user."""
    is_made = case.level > Level.EXAMPLE or case.expectation is not Expectation.ACCEPT
    found = _EDGE_NAME.search(case.label) if is_made else None
    return f" ({found[1]})" if found else ""


def _response(exchange: Exchange) -> str:
    invocation = exchange.invocation
    if invocation.error is not None:
        return f"{invocation.error.kind.value} after {invocation.elapsed_s:.1f} s"
    return f"{invocation.status}, {len(invocation.body):,} bytes of {invocation.headers.get('content-type', 'no type')}"


def _described(case: Case, example: Case | None) -> Iterator[str]:
    found = list(differences(case, example))
    yield f"{shape_of(case)}; {len(found)} cells differ from the input example" if example else shape_of(case)
    yield from (f"  row {cell.row}  {cell.column}  {_kinds(cell)}" for cell in found[:MAX_CELLS])
    if len(found) > MAX_CELLS:
        yield f"  and {len(found) - MAX_CELLS} more"
    if absent := absent_columns(case, example):
        yield f"  without {', '.join(map(str, absent))}"
    if isinstance(case.payload, Tensors | Table) and case.params:
        yield "params " + ", ".join(f"{name}: {kind_of(value)}" for name, value in case.params.items())


def _kinds(cell: Difference) -> str:
    return f"{kind_of(cell.known)} -> {kind_of(cell.sent)}" if cell.is_known else kind_of(cell.sent)


def kind_of(value: object) -> str:
    """Return what a value is, in words that do not tell it."""
    if isinstance(value, str):
        return f"text of {len(value)} characters{'' if value.isascii() else ', not ASCII'}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping | list | tuple):
        return f"{'record' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    return next((words for kinds, words in _KINDS if isinstance(value, kinds)), type(value).__name__)


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (type(None), "null"),
    ((bool, np.bool_), "boolean"),
    ((int, np.integer), "integer"),
    ((float, np.floating), "number"),
    (np.datetime64, "date and time"),
)
