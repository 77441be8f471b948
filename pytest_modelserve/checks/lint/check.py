"""Whether the signature says what a server needs to know, and whether the input example keeps it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...results import Advice, CheckResult, FailureDetail, Judges, Outcome
from ..context import CheckContext
from .rule import Found, Linted, LintRule
from .table import LINT_RULES


def signature_lint(context: CheckContext, _: str) -> CheckResult:
    """Fail where a rule is broken that leaves callers or servers without a way; advise where things are left open."""
    started = time.monotonic()
    linted = Linted.of(context)
    found = [(rule, one) for rule in LINT_RULES for one in rule.find(linted)]
    breaches = [(rule, one) for rule, one in found if rule.is_breach]
    return CheckResult(
        name="signature_lint",
        judges=Judges.SIGNATURE,
        outcome=Outcome.FAILED if breaches else Outcome.PASSED,
        elapsed_s=time.monotonic() - started,
        advice=tuple(Advice(text=one.title, kind=rule.id) for rule, one in found if not rule.is_breach),
        failure=_as_failure(context, breaches) if breaches else None,
    )


def _as_failure(context: CheckContext, breaches: Sequence[tuple[LintRule, Found]]) -> FailureDetail:
    """Return all breaches as one failure; the first gives the headline."""
    rule, first = breaches[0]
    parts = [_as_text(*breach) for breach in breaches]
    if len(parts) == 1:
        text = f"signature_lint: {parts[0]}"
    else:
        numbered = (f"{at}. {part}" for at, part in enumerate(parts, 1))
        text = f"signature_lint: {len(parts)} breaches, the first: {first.title}\n\n" + "\n\n".join(numbered)
    facts = "\n".join(f"  {name:<10}  {value}" for name, value in context.facts.items())
    return FailureDetail(
        title=first.title,
        rule=rule.id,
        expected=first.expected,
        received=first.received,
        text=f"{text}\n\n{facts}" if facts else text,
    )


def _as_text(rule: LintRule, found: Found) -> str:
    """Return one breach for reading: what is wrong, what should be, what to do."""
    received = found.received.replace("\n", "\n            ")
    return (
        f"{found.title}\n\n  expected  {found.expected}\n  received  {received}\n  to mend   {rule.mend}  [{rule.id}]"
    )
