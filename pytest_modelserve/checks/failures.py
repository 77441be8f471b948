"""Renders a breach as the text that a person reads: what broke, the smallest request, and how to see it again.

Source: `CONTRACT` section 5.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ..cases import Case, Document, RawBody, Table, Tensors
from ..errors import as_message
from ..results import FailureDetail
from ..search.loop import Breach
from ..settings import Settings
from ..wire.values import show_value
from .context import CheckContext
from .judge import Exchange, Judgement, answer_of
from .outcome import RequestOutcome

MAX_CELLS: Final = 12  # as many differing cells as a reader takes in
MAX_TRACE_LINES: Final = 25


def as_failure(context: CheckContext, check: str, breaches: list[Breach[Judgement]]) -> FailureDetail:
    """Return all breaches of one check as one failure; the first gives the headline."""
    parts = [_one(context, check, breach) for breach in breaches]
    first = parts[0]
    if len(parts) == 1:
        return first
    numbered = [f"{at}. {part.text}" for at, part in enumerate(parts, 1)]
    text = f"{check}: {len(parts)} different breaches, the first: {first.title}\n\n" + "\n\n".join(numbered)
    return replace(first, text=text)


def _one(context: CheckContext, check: str, breach: Breach[Judgement]) -> FailureDetail:
    judgement, case = breach.finding, breach.case
    exchange = judgement.exchange
    curl, answer = curl_of(exchange), answer_of(exchange)
    request = "\n".join(describe(case, context.example_case))
    facts: dict[str, object] = {
        "request": request,
        "expected": judgement.expected,
        "received": judgement.received,
        **({} if judgement.received == answer else {"answer": answer}),
        "decided by": exchange.blame.value,
        "found": _found(context, breach),
        **context.facts,
    }
    if exchange.exception is not None:
        facts["traceback"] = "\n".join(exchange.exception.traceback.rstrip().splitlines()[-MAX_TRACE_LINES:])
    facts["reproduce"] = "\n".join(reproduction(context, check, curl))
    return FailureDetail(
        title=judgement.title,
        rule=case.rule,
        expected=judgement.expected,
        received=judgement.received,
        request=request,
        response=answer,
        curl=curl,
        seed=str(context.seed),
        text=as_message(f"{check}: {judgement.title}", facts, ""),
    )


def _found(context: CheckContext, breach: Breach[Judgement]) -> str:
    smaller = f", made small in {breach.tries} requests" if breach.tries else ""
    return f"request {breach.found_at}{smaller}; seed {context.seed}; level {breach.case.level.name.lower()}"


def reproduction(context: CheckContext, check: str, curl: str) -> Iterator[str]:
    """Yield the command lines that show a failure again: by hand, and by the check."""
    settings = context.settings
    uri = shlex.quote(context.model.uri)
    yield f"modelserve serve {uri} --port {SHOWN_PORT}{flags_of('--', SERVED_BY, settings)}"
    yield curl
    item = shlex.quote(f"{context.model.uri}::{settings.server}::{check}")
    flags = flags_of("--model-", {**SERVED_BY, **SEARCHED_BY}, settings)
    yield f"pytest {item} --model-seed {context.seed}{flags}{' --model-strict' if settings.strict else ''}"


SERVED_BY: Final = {"env_manager": "env-manager", "python": "python"}
SEARCHED_BY: Final = {
    "examples": "examples",
    "domain_file": "domain",
    "data_file": "data",
    "request_timeout_s": "request-timeout",
}


def flags_of(prefix: str, names: Mapping[str, str], settings: Settings) -> str:
    """Return the flags of those settings that are not at their defaults, each after a space."""
    usual = Settings()
    said = {
        flag: getattr(settings, name) for name, flag in names.items() if getattr(settings, name) != getattr(usual, name)
    }
    return "".join(f" {prefix}{flag} {shlex.quote(str(value))}" for flag, value in said.items())


SHOWN_PORT: Final = 5001


def curl_of(exchange: Exchange) -> str:
    """Return the curl line of an exchange, against `modelserve serve`."""
    invocation = exchange.invocation
    is_unanswered = exchange.outcome is RequestOutcome.TIMED_OUT and invocation.error is not None
    patience_s = math.ceil(invocation.elapsed_s) if is_unanswered else None  # or the reader's curl hangs, too
    return invocation.as_curl(base_url=f"http://127.0.0.1:{SHOWN_PORT}", max_time_s=patience_s)


def describe(case: Case, example: Case | None) -> Iterator[str]:
    """Yield a case in words: its size, and each cell in which it differs from the input example."""
    payload = case.payload
    if isinstance(payload, Table):
        yield from _table(payload, example, case)
    elif isinstance(payload, Tensors):
        shapes = ", ".join(f"{name or 'tensor'} {_shape(array)}" for name, array in payload.arrays.items())
        yield f"{shapes} in {case.envelope.value}"
    elif isinstance(payload, Document):
        yield show_value(payload.value)
    elif isinstance(payload, RawBody):
        yield f"{payload.method} {payload.path}, Content-Type {payload.content_type}, {len(payload.body)} bytes"
        yield show_value(payload.body)
    if case.params:
        yield "params " + ", ".join(f"{name}={show_value(value)}" for name, value in case.params.items())


def _table(table: Table, example: Case | None, case: Case) -> Iterator[str]:
    known = _known_row(example)
    n_cells = len(table.rows) * len(table.columns)
    cells = [
        (at, name, cell)
        for at, row in enumerate(table.rows)
        for name, cell in zip(table.columns, row, strict=False)
        if name not in known or repr(cell) != repr(known[name])
    ]
    absent = [name for name in known if name not in table.columns]
    size = f"{len(table.rows)} rows x {len(table.columns)} columns in {case.envelope.value}"
    yield f"{size}; {len(cells)} of {n_cells} cells differ from the input example" if known else size
    for at, name, cell in cells[:MAX_CELLS]:
        was = f"{show_value(known[name])} -> " if name in known else ""
        yield f"  row {at}  {name}  {was}{show_value(cell)}"
    if len(cells) > MAX_CELLS:
        yield f"  and {len(cells) - MAX_CELLS} more"
    if absent:
        yield f"  without {', '.join(show_value(name) for name in absent[:MAX_CELLS])}"


def _known_row(example: Case | None) -> Mapping[str | int, object]:
    if example is None or not isinstance(example.payload, Table) or not example.payload.rows:
        return {}
    return dict(zip(example.payload.columns, example.payload.rows[0], strict=True))


def _shape(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype} {array.shape}"
    return f"list of {len(array)}" if isinstance(array, list) else type(array).__name__
