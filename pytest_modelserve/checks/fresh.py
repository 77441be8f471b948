"""Sends the smallest case of a breach to a server that was asked nothing before: does it take what came before?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ..errors import ServerError
from ..search.loop import Breach
from .context import CheckContext
from .exchanges import Exchanges
from .judge import Exchange, Judgement

MOST_CHECKS: Final = 2  # of a run: each costs the start of a server, and one cause often breaks many checks


def tried_afresh(
    context: CheckContext, breaches: Sequence[Breach[Judgement]], judge: Callable[[Exchange], Judgement | None]
) -> list[Breach[Judgement]]:
    """Return the breaches, those that a replay confirmed with what they show on a fresh server.

    Args:
        context: The model under check.
        breaches: What the check found.
        judge: Judges an exchange as the check does.
    """
    history = context.history
    confirmed = [breach for breach in breaches if breach.replays and not breach.is_flaky]
    if not confirmed or history.n_fresh >= MOST_CHECKS or not context.served.is_managed:
        return list(breaches)
    history.n_fresh += 1
    try:
        served = context.served.private(is_fresh=True)
    except ServerError:  # a model that loads only once is not this check's to tell
        return list(breaches)
    settings = context.settings
    with Exchanges(served, timeout_s=settings.request_timeout_s or history.timeout_s) as exchanges:
        shown = {id(breach): judge(exchanges.send(breach.case)) for breach in confirmed}
    return [
        replace(breach, is_fresh=_is_same(breach, shown[id(breach)])) if id(breach) in shown else breach
        for breach in breaches
    ]


def _is_same(breach: Breach[Judgement], again: Judgement | None) -> bool:
    return again is not None and again.is_breach and again.key == breach.finding.key
