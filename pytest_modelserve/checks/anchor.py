"""Repeats one request before anything else is compared: a model that differs from itself fails once, not five times.

Source: `CONTRACT` section 4, "Stateless".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..cases import Case
from ..search.loop import Breach
from .agreement import Agreement, Difference, of_outcomes
from .answers import answer_in
from .context import CheckContext
from .exchanges import Exchanges, is_lost
from .history import Anchor
from .judge import Exchange, Judgement
from .outcome import RequestOutcome
from .searches import good_case

REPEATS: Final = 5
STOCHASTIC: Final = "the model answers differently on purpose, as --model-stochastic says"
UNSTEADY: Final = "the model answers one and the same request differently, which stateless[repeat] tells"


def anchored(context: CheckContext, exchanges: Exchanges) -> Anchor | None:
    """Return what repeating the anchor request came to, sent once a model; None where there is no such request."""
    history = context.history
    if history.anchor is None:
        case = good_case(context)
        history.anchor = None if case is None else _repeated(context, exchanges, case)
    return history.anchor


def why_not_compared(context: CheckContext, exchanges: Exchanges) -> str:
    """Return why two answers of the model cannot be compared, or nothing; a check that compares asks first."""
    if context.settings.stochastic:
        return STOCHASTIC
    anchor = anchored(context, exchanges)
    return UNSTEADY if anchor is not None and anchor.difference is not None else ""


def outcome_difference(one: Exchange, other: Exchange) -> Difference | None:
    """Return how the fates of two requests differ, or None where both were predicted or neither was."""
    fates = [exchange.outcome is RequestOutcome.PREDICTED for exchange in (one, other)]
    if fates[0] == fates[1]:
        return None
    return of_outcomes(one.outcome.value, other.outcome.value)


def as_breach(anchor: Anchor, difference: Difference) -> Breach[Judgement]:
    """Return the failure of a model that differs from itself, with the switch that says it is meant so."""
    exchange = anchor.exchanges[anchor.other]
    judgement = Judgement(
        key="anchor",
        is_breach=True,
        title=f"the same request, repeated, got another answer: {difference.told('at first', 'later')}",
        expected=f"the same answer {len(anchor.exchanges)} times",
        received=f"another one at repetition {anchor.other + 1} of {len(anchor.exchanges)}",
        exchange=exchange,
        plainly="the same request, repeated, got another answer",
        fix=_switch(anchor),
    )
    case = replace(exchange.case, label=exchange.case.label or "the input example")
    return Breach(case=case, finding=judgement, found_at=anchor.other + 1, tries=0)


def _switch(anchor: Anchor) -> str:
    meant = "If the model draws at random on purpose, say --model-stochastic (stochastic = true)"
    if not anchor.columns or not anchor.agreeing:
        return f"{meant}; else seed it for each request."
    names = ",".join(anchor.columns)
    return f"If {names} may differ, as an id or a time does, say --model-ignore-outputs {names}. {meant}."


def _repeated(context: CheckContext, exchanges: Exchanges, case: Case) -> Anchor:
    sent: list[Exchange] = []
    while len(sent) < REPEATS and not (sent and is_lost(sent[-1])):  # a lost one is not sent again
        sent.append(exchanges.send(case))
    signature = context.model.signature
    outputs = signature.outputs if signature else None
    agreement = Agreement.of(outputs, context.settings)
    first = answer_in(sent[0], outputs)
    if first is not None:
        agreement.learn(first)
    found: list[tuple[int, Difference]] = []
    for at, exchange in enumerate(sent[1:], 1):
        answer = answer_in(exchange, outputs)
        if first is not None and answer is not None:
            found += [(at, difference) for difference in agreement.differences(first, answer)]
        elif difference := outcome_difference(sent[0], exchange):
            found.append((at, difference))
    if not found:
        return Anchor(exchanges=tuple(sent))
    at, worst = max(found, key=lambda pair: pair[1].distance)
    names = {difference.column for _, difference in found}
    columns = () if None in names or first is None else tuple(name for name in first.columns if name in names)
    agreeing = () if first is None else tuple(name for name in first.columns if name not in columns)
    kept = tuple(name for name in agreeing if name not in context.settings.ignored_outputs)
    return Anchor(exchanges=tuple(sent), difference=worst, other=at, columns=columns, agreeing=kept)
