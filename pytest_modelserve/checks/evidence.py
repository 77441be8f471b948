"""Renders a breach that no single case of the search shows: what was done to the server, and what it did."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..cases import Case
from ..errors import as_message
from ..results import FailureDetail
from .context import CheckContext, Served
from .failures import SERVED_BY, curl_there, flags_of, flags_of_run, item_of
from .redaction import HOW_TO_SEE

LOG_LINES = 15  # of the server's log: a traceback's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One breach; but for what is left out where the user wants no value of a row told, none stands in it.

    Attributes:
        title: What happened, in one line that stands alone.
        rule: The rule that is broken.
        expected: What the contract wants.
        received: What came.
        request: What was sent, for reading.
        quoted: What the server said, word for word; it may hold values of rows, and is left out where those are.
        curl: A command line that shows it against `modelserve serve`, where one can; left out likewise.
        log: What the server's log says last; left out likewise.
        facts: What else tells of it, each with its name.
    """

    title: str
    rule: str
    expected: str
    received: str
    request: str = ""
    quoted: str = ""
    curl: str = ""
    log: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


def as_failure_of(context: CheckContext, check: str, found: Sequence[Evidence]) -> FailureDetail | None:
    """Return all breaches of one check as one failure, or None where there are none; the first gives the headline."""
    parts = [_one(context, check, evidence) for evidence in found]
    if len(parts) < 2:
        return parts[0] if parts else None
    numbered = [f"{at}. {part.text}" for at, part in enumerate(parts, 1)]
    text = f"{check}: {len(parts)} different breaches, the first: {parts[0].title}\n\n" + "\n\n".join(numbered)
    return replace(parts[0], text=text)


def name_of(context: CheckContext, case: Case) -> str:
    """Return what is special about a case, in a few words; without its values where the user wants none told."""
    return case.rule if context.settings.redact else case.label or case.rule


def end_of(served: Served) -> dict[str, str]:
    """Return how a server ended; nothing where it runs."""
    return {} if served.server.is_alive() else {"ended": served.server.as_death().happened}


def log_of(served: Served) -> str:
    """Return the last lines of a server's log, and where it is."""
    lines = served.server.log_tail(LOG_LINES)
    return "\n".join([f"last lines of {served.server.log_path}:", *(f"  {line}" for line in lines)]) if lines else ""


def _one(context: CheckContext, check: str, evidence: Evidence) -> FailureDetail:
    if context.settings.redact:
        evidence = replace(evidence, quoted="", curl="", log="")
    told: dict[str, object] = {
        "request": evidence.request,
        "expected": evidence.expected,
        "received": evidence.received,
        "answer": evidence.quoted,
        **evidence.facts,
        "log": evidence.log,
        **context.facts,
        "reproduce": "\n".join(_reproduction(context, check, evidence.curl)),
    }
    facts = {name: value for name, value in told.items() if value}
    return FailureDetail(
        title=evidence.title,
        rule=evidence.rule,
        expected=evidence.expected,
        received=evidence.received,
        request=evidence.request,
        response=evidence.quoted or evidence.received,
        curl=evidence.curl,
        seed=str(context.seed),
        text=as_message(f"{check}: {evidence.title}", facts, HOW_TO_SEE if context.settings.redact else ""),
        is_redacted=context.settings.redact,
    )


def _reproduction(context: CheckContext, check: str, curl: str) -> list[str]:
    settings, uri = context.settings, context.model.uri
    run = f"pytest {item_of(context, check)}{flags_of_run(context)}"
    serve = f"modelserve serve {shlex.quote(uri)}{flags_of('--', SERVED_BY, settings)}"
    return [*([] if context.model.told_by else [serve]), curl_there(context, curl), run] if curl else [run]
