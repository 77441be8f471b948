"""Sends the cases that broke the contract before, first of all: what was wrong must be mended, and stay so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..errors import as_message
from ..results import CheckResult, FailureDetail, Judges, Outcome, notes
from ..search.stored import CaseStore, StoredCase, as_case
from .context import CheckContext

RunCheck = Callable[[CheckContext, str], CheckResult]
"""Runs the check of a title, such as `accepts_valid[inputs]`, with the cases of a context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A stored case with what became of it.

    Attributes:
        stored: The case.
        result: Of its check; one that applies no more is skipped.
        is_kept: Whether the user keeps it as a regression case.
    """

    stored: StoredCase
    result: CheckResult
    is_kept: bool = False

    @property
    def is_mended(self) -> bool:
        """Tell whether the contract now holds for it."""
        return self.result.outcome is Outcome.PASSED


def replay(context: CheckContext, stored: StoredCase, run: RunCheck, *, is_kept: bool = False) -> Replay:
    """Send a stored case again and let its check judge it."""
    case = as_case(stored, context.model.signature)
    result = run(replace(context, cases=(case,), seed=stored.seed), stored.check)
    return Replay(stored=stored, result=result, is_kept=is_kept)


def replays_stored(context: CheckContext, run: RunCheck, can_replay: Callable[[str], bool]) -> CheckResult:
    """Replay all stored and kept cases of a model; a stored one that is mended is forgotten, a kept one stays.

    Args:
        context: The model under check.
        run: Runs a check by its title.
        can_replay: Tells whether a check judges a single case; others run as a whole anyway.
    """
    started = time.monotonic()
    replays = [
        replay(context, stored, run, is_kept=is_kept)
        for store, is_kept in _stores(context)
        for stored in store.all_of(context.model.uri)
        if can_replay(stored.check) and (is_kept or stored.id in context.stored)
    ]
    broken = [one for one in replays if one.result.failure is not None]
    doubtful = [one for one in replays if one.result.outcome is Outcome.INCONCLUSIVE]
    for one in replays:
        if one.is_mended and not one.is_kept and context.settings.cases_dir:
            CaseStore(context.settings.cases_dir).remove(one.stored)
    return CheckResult(
        name="replays_stored",
        judges=Judges.MODEL,
        outcome=Outcome.FAILED if broken else Outcome.INCONCLUSIVE if doubtful else Outcome.PASSED,
        requests=sum(one.result.requests for one in replays),
        accepted=sum(one.result.accepted for one in replays),
        elapsed_s=time.monotonic() - started,
        reason="" if broken else "; ".join(one.result.reason for one in doubtful),
        advice=notes(_notes(replays)),
        failure=_as_failure(broken) if broken else None,
    )


def forget(context: CheckContext, check: str) -> None:
    """Remove the stored cases of a check that passed as a whole, since no single request of it can be replayed."""
    if context.settings.cases_dir is not None:
        store = CaseStore(context.settings.cases_dir)
        for stored in store.all_of(context.model.uri):
            if stored.check == check and stored.id in context.stored:
                store.remove(stored)


def _stores(context: CheckContext) -> Iterator[tuple[CaseStore, bool]]:
    settings = context.settings
    if settings.kept_dir is not None:
        yield CaseStore(settings.kept_dir, is_scratch=False), True
    if settings.cases_dir is not None:
        yield CaseStore(settings.cases_dir), False


def _notes(replays: list[Replay]) -> Iterator[str]:
    for one in replays:
        told = f"{one.stored.title} ({one.stored.id}, {one.stored.check})"
        if known := ", ".join(deviation.id for deviation in one.result.deviations):
            yield f"a known deviation of the server, {known}: {told}"
        elif one.is_mended and not one.is_kept:
            yield f"mended since the last run: {told}"
        elif one.result.outcome is Outcome.SKIPPED:
            yield f"the case {one.stored.id} can no longer be replayed: {one.result.reason}"


def _as_failure(broken: list[Replay]) -> FailureDetail | None:
    first = broken[0].result.failure
    if first is None:
        return None
    title = f"broken as before: {first.title}"
    if len(broken) == 1:
        return replace(first, title=title, text=f"replays_stored: broken as before\n\n{first.text}")
    texts = {one.stored.id: one.result.failure.text for one in broken if one.result.failure}
    headline = f"replays_stored: {len(broken)} cases are broken as before, the first: {first.title}"
    return replace(first, title=title, text=as_message(headline, texts, ""))
