"""Keeps the smallest case of a breach for the next run, for `modelserve replay`, and for curl."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import EncodeError
from ..search.loop import Breach
from ..search.stored import CaseStore, StoredCase, stored_form
from .context import CheckContext
from .judge import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFailure:
    """Where a breach is kept.

    Attributes:
        id: Of the case; empty where it is not kept.
        body_path: Where its bytes are; None where it is not kept.
        facts: What the failure says of it.
    """

    id: str = ""
    body_path: Path | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


def store(context: CheckContext, check: str, breach: Breach[Judgement]) -> StoredFailure:
    """Write the case of a breach, where the settings name a folder for it; that it cannot be written is no breach."""
    folder = context.settings.cases_dir
    if folder is None or context.settings.redact or context.beside:  # one server alone shows no difference of several
        return StoredFailure()
    try:
        stored = as_stored(context, check, breach)
        path = CaseStore(folder).write(stored)
    except (EncodeError, OSError) as error:
        return StoredFailure(facts={"not stored": str(error)})
    told = f"{stored.id}: modelserve replay {stored.id}"
    if context.takes_cases:  # else it shows by more than this request, which every run sends anyway
        told += f", or modelserve keep {stored.id} for a regression case"
    return StoredFailure(id=stored.id, body_path=path, facts={"stored as": told})


def as_stored(context: CheckContext, check: str, breach: Breach[Judgement]) -> StoredCase:
    """Return what is kept of a breach.

    Raises:
        EncodeError: The case's envelope cannot carry its payload.
    """
    case, judgement = breach.case, breach.finding
    form = stored_form(case, context.model.signature)
    return StoredCase(
        uri=context.model.uri,
        check=check,
        key=judgement.key,
        title=judgement.title,
        rule=case.rule,
        expectation=case.expectation.value,
        label=case.label,
        level=int(case.level),
        envelope=form.envelope,
        method=form.method,
        path=form.path,
        content_type=form.content_type,
        body=form.body,
        seed=context.seed,
        digests={"model": context.model.digest, "environment": context.environment.digest},
        versions={
            "python": context.environment.python_version,
            **dict(line.split("==", 1) for line in context.environment.freeze if "==" in line),
        },
    )
