"""Renders a breach as the text that a person reads: what broke, the smallest request, and how to see it again.

Source: `CONTRACT` section 5.
"""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..cases import Case, Document, Level, RawBody
from ..client.curl import moved, shown_url
from ..environment.conda_channels import as_flags
from ..errors import as_message
from ..forgotten import how_to_mend, missing_module
from ..results import FailureDetail
from ..search.loop import Breach
from ..settings import TOGETHER, Settings
from ..strategies.rules import RULES, rule
from ..wire.values import show_value
from .context import CheckContext
from .diff import absent_columns, differences, known_row, n_cells, shape_of, show_difference
from .judge import SHOWN_PORT, Exchange, Judgement, answer_of
from .outcome import RequestOutcome
from .redaction import redacted_failure, redacted_title
from .storing import store

MAX_CELLS: Final = 12  # as many differing cells as a reader takes in
MAX_TRACE_LINES: Final = 25
_AFRESH: Final = {
    None: "",
    True: " and on a fresh server",
    False: ", but not on a fresh server: it takes what was sent before",
}
TOLD_RULES: Final = frozenset(one.id for one in RULES) - {"valid"}  # which is the rule of all that is right


def as_told(context: CheckContext, check: str, breaches: list[Breach[Judgement]]) -> tuple[FailureDetail | None, str]:
    """Return the failure of a check, if it has one, and why it is inconclusive where it has none.

    What did not show again each time its very request was repeated is told, but is no failure: nobody could mend it by
    that request.
    """
    solid = [breach for breach in breaches if not breach.is_flaky]
    if solid or not breaches:
        return (as_failure(context, check, solid) if solid else None), ""
    first = breaches[0]
    title = redacted_title(first) if context.settings.redact else first.finding.title
    return None, f"flaky, reproduced {first.reproduced}/{first.replays}: {title}"


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
    if context.settings.redact:
        return redacted_failure(context, check, breach)
    judgement, case = breach.finding, breach.case
    exchange, stored = judgement.exchange, store(context, check, breach)
    curl, answer = curl_of(exchange, stored.body_path), answer_of(exchange)
    request = "\n".join(describe(case, context.example_case))
    facts: dict[str, object] = {"request": request}
    told_by = context.history.first_told(judgement.key, check) if judgement.exception else check
    if told_by == check:
        facts.update(_in_full(context, breach, answer))
        facts["reproduce"] = "\n".join(reproduction(context, check, curl))
    else:
        facts |= {"told by": f"{told_by}, in full", "found": _found(context, breach), "reproduce": curl}
    return FailureDetail(
        title=judgement.title,
        rule=case.rule,
        expected=judgement.expected,
        received=judgement.received,
        request=request,
        response=answer,
        curl=curl,
        seed=str(context.seed),
        text=as_message(f"{check}: {judgement.title}", {**facts, **stored.facts}, _next_action(context, breach)),
        case=stored.id,
    )


def _in_full(context: CheckContext, breach: Breach[Judgement], answer: str) -> Iterator[tuple[str, object]]:
    """Yield what is known of a breach, each fact with its name."""
    judgement = breach.finding
    yield "expected", judgement.expected
    yield "received", judgement.received
    if judgement.received != answer:
        yield "answer", answer
    yield from judgement.facts.items()
    yield "decided by", judgement.blame.value
    if breach.case.rule in TOLD_RULES:
        yield "contract", f"{rule(breach.case.rule).why} (modelserve explain {breach.case.rule})"
    yield "found", _found(context, breach)
    yield from context.facts.items()
    if judgement.exception is not None:
        yield "traceback", "\n".join(judgement.exception.traceback.rstrip().splitlines()[-MAX_TRACE_LINES:])


def _next_action(context: CheckContext, breach: Breach[Judgement]) -> str:
    """Return what to do about a failure of the model itself; any other is the server's, which its user cannot mend."""
    if breach.finding.fix:
        return breach.finding.fix
    raised = breach.finding.exception
    if raised is None:
        return ""
    if missing := missing_module(raised.traceback):
        return how_to_mend(missing)
    mend = f"Mend {raised.last_frame.get('file')}:{raised.last_frame.get('line')}"
    if breach.case.level is Level.EXAMPLE:
        return f"{mend}."
    uri = shlex.quote(context.model.uri)
    return f"{mend}, or declare which values the columns take: modelserve domain {uri} writes a first domain."


def _found(context: CheckContext, breach: Breach[Judgement]) -> str:
    smaller = f", made small in {breach.tries} requests" if breach.tries else ""
    again = f", reproduced {breach.reproduced}/{breach.replays}{_AFRESH[breach.is_fresh]}" if breach.replays else ""
    level = breach.case.level.name.lower()
    return f"request {breach.found_at}{smaller}{again}; seed {context.seed}; level {level}"


def reproduction(context: CheckContext, check: str, curl: str) -> Iterator[str]:
    """Yield the command lines that show a failure again: by hand, and by the check."""
    settings = context.settings
    uri = shlex.quote(context.model.uri)
    for at, one in enumerate(() if context.model.told_by else (context, *context.beside)):
        served_by = flags_of("--", SERVED_BY, one.settings)
        yield f"modelserve serve {uri} --port {SHOWN_PORT}{served_by}{'  # then in its place' if at else ''}"
    yield curl_there(context, curl)
    strict = " --model-strict" if settings.strict else ""
    yield f"pytest {item_of(context, check)} --model-seed {context.seed}{flags_of_run(context)}{strict}"


def item_of(context: CheckContext, check: str) -> str:
    """Return the id of a check's item, as a shell takes it."""
    return shlex.quote(f"{context.model.uri}::{TOGETHER.join(context.servers)}::{check}")


def flags_of_run(context: CheckContext) -> str:
    """Return the flags with which pytest runs a check as it was run, each after a space."""
    names = {**SERVED_BY, **SEARCHED_BY}
    if not context.beside:
        return flags_of("--model-", names, context.settings)
    del names["server"]  # each is named
    servers = "".join(f" --model-server {name}" for name in context.servers)
    return flags_of("--model-", names, context.settings) + servers


def curl_there(context: CheckContext, curl: str) -> str:
    """Return a curl line, against the only server there is where no model can be served by hand."""
    return moved(curl, f"http://127.0.0.1:{SHOWN_PORT}", context.model.uri) if context.model.told_by else curl


SERVED_BY: Final = {
    "server": "server",
    "env_manager": "env-manager",
    "python": "python",
    "conda_exe": "conda-exe",
    "conda_channels": "conda-channel",
}
SEARCHED_BY: Final = {
    "url": "url",
    "token_env": "token-env",
    "ca_file": "ca-file",
    "v2_name": "v2-name",
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
    return "".join(
        f" {prefix}{flag} {shlex.quote(text)}" for flag, value in said.items() for text in _values_of(flag, value)
    )


def _values_of(flag: str, value: object) -> Iterable[str]:
    """Return what stands after a flag, once for each time that it is given; secrets are masked."""
    if isinstance(value, Mapping):
        return as_flags(value)
    return (shown_url(str(value)) if flag == "url" else str(value),)


def curl_of(exchange: Exchange, body_file: Path | None = None) -> str:
    """Return the curl line of an exchange, against `modelserve serve`.

    Args:
        exchange: What was sent.
        body_file: Where its bytes are stored, from which curl reads those that are long or no plain text.
    """
    invocation = exchange.invocation
    is_unanswered = exchange.outcome is RequestOutcome.TIMED_OUT and invocation.error is not None
    patience_s = math.ceil(invocation.elapsed_s) if is_unanswered else None  # or the reader's curl hangs, too
    shown = None if body_file is None else os.path.relpath(body_file)
    return invocation.as_curl(base_url=f"http://127.0.0.1:{SHOWN_PORT}", body_file=shown, max_time_s=patience_s)


def describe(case: Case, example: Case | None) -> Iterator[str]:
    """Yield a case in words: its size, and each cell in which it differs from the input example."""
    payload = case.payload
    if isinstance(payload, Document):
        yield show_value(payload.value)
    elif isinstance(payload, RawBody):
        yield shape_of(case)
        yield show_value(payload.body)
    else:
        yield from _cells(case, example)
    if case.params:
        yield "params " + ", ".join(f"{name}={show_value(value)}" for name, value in case.params.items())


def _cells(case: Case, example: Case | None) -> Iterator[str]:
    found = list(differences(case, example))
    is_compared = bool(known_row(example)) or any(cell.is_known for cell in found)
    counted = f"; {len(found)} of {n_cells(case)} cells differ from the input example"
    yield f"{shape_of(case)}{counted if is_compared else ''}"
    yield from map(show_difference, found[:MAX_CELLS])
    if len(found) > MAX_CELLS:
        yield f"  and {len(found) - MAX_CELLS} more"
    if absent := absent_columns(case, example):
        yield f"  without {', '.join(show_value(name) for name in absent[:MAX_CELLS])}"
