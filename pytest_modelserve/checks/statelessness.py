"""Whether a model answers a request by that request alone: repeated, between others, and at the same time as others.

Source: `CONTRACT` section 4, "Stateless".
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..cases import NO_PARAMS, Case
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome, notes
from ..search.loop import Breach
from .anchor import STOCHASTIC, UNSTEADY, anchored, as_breach
from .conclusion import concluded, left_out
from .concurrency import concurrent
from .context import CheckContext
from .exchanges import Exchanges
from .failures import as_failure
from .judge import Judgement
from .replays import Replays, Suspect, Trial
from .samples import Sample, Samples, disturbers, ordinary_cases, param_edges

REPEATED: Final = 11  # requests, each sent some six times
N_DRAWN: Final = 4
INTERLEAVED: Final = 7  # pairs of requests
WITH_PARAMS: Final = 3
MAX_UNCONFIRMED: Final = 3  # differences that no replay shows again; each costs some forty requests
NOTHING_TAKEN: Final = "not one request was accepted, so that none could be repeated"


def why_not_repeated(model: Model) -> str:
    """Return why there is no request to repeat, or nothing."""
    if model.is_signed or model.example_info:
        return ""
    return "no valid request is known: the model has neither a signature with inputs nor an input example"


def stateless_variants(_: Model) -> tuple[str, ...]:
    """Return in which ways requests are repeated."""
    return tuple(_VARIANTS)


def stateless(context: CheckContext, variant: str) -> CheckResult:
    """Repeat requests in one way, and hold each answer against the first that the same request got."""
    name, settings = f"stateless[{variant}]", context.settings
    if settings.stochastic:
        return left_out(name, Judges.MODEL, STOCHASTIC)
    if variant == "concurrent" and settings.concurrency == 1:
        return left_out(name, Judges.MODEL, "--model-concurrency 1 sends nothing at the same time")
    started = time.monotonic()
    with Exchanges.of(context, context.example_case) as exchanges:
        anchor = anchored(context, exchanges)
        if anchor is None or anchor.difference is None:
            trial = _VARIANTS[variant](context, exchanges)
        elif context.history.is_anchor_told:
            return CheckResult(name=name, judges=Judges.MODEL, outcome=Outcome.SKIPPED, reason=UNSTEADY)
        else:
            context.history.is_anchor_told = True
            trial = Trial(breach=as_breach(anchor, anchor.difference))
    return concluded(
        name,
        Judges.MODEL,
        exchanges,
        started=started,
        failure=as_failure(context, name, [trial.breach]) if trial.breach else None,
        reason=exchanges.doubt or trial.doubt,
        advice=notes(trial.advice),
    )


class _Watch:
    """Sends requests whose answers are known, in any order, and confirms each answer that differs.

    Args:
        context: The model.
        exchanges: By which requests are sent.
        samples: By which answers are compared.
        known: The requests with their answers, in the order in which they were sent.
    """

    def __init__(self, context: CheckContext, exchanges: Exchanges, samples: Samples, known: Sequence[Sample]) -> None:
        self._exchanges = exchanges
        self._samples = samples
        self._known = known
        self._replays = Replays(context, exchanges, samples)
        self._log = [sample.case for sample in known]
        self._answered = {id(sample): at for at, sample in enumerate(known)}  # where in the log it was right last
        self.unconfirmed: int = 0

    def pass_by(self, case: Case) -> None:
        """Send a request whose answer does not matter."""
        self._log.append(case)
        self._exchanges.send(case)

    def breach_by(self, sample: Sample) -> Breach[Judgement] | None:
        """Send a request again; return the breach where its answer differs and does so again when replayed."""
        exchange = self._exchanges.send(sample.case)
        difference = self._samples.difference(sample, exchange)
        before = self._log[self._answered[id(sample)] + 1 :]
        self._answered[id(sample)] = len(self._log)
        self._log.append(sample.case)
        if difference is None:
            return None
        suspect = Suspect(known=sample, again=exchange, difference=difference, before=before, found_at=len(self._log))
        breach = self._replays.confirmed(suspect, self._known)
        self.unconfirmed += breach is None
        return breach

    def ended(self, context: CheckContext, *, is_short: bool) -> Trial:
        """Return what it came to, where no breach was confirmed."""
        if self.unconfirmed:
            times = "once" if self.unconfirmed == 1 else f"{self.unconfirmed} times"
            return Trial(doubt=f"{times} a repeated request got another answer, which no replay showed again")
        budget = f"the time of {context.settings.budget_s:g} s"
        if is_short:
            return Trial(doubt=f"{budget} ran out before each request was sent again: raise --model-budget")
        if len(self._known) > 1 and len(self._samples.told_apart(self._known)) == 1:
            return Trial(advice=(f"all {len(self._known)} requests got one answer: another one's would not show",))
        return Trial()


def repeat(context: CheckContext, exchanges: Exchanges) -> Trial:
    """Send requests in order, shuffled, backwards and twice in a row, with some between that the model may not take."""
    samples = Samples(context, exchanges)
    cases = itertools.chain(param_edges(context, 2), ordinary_cases(context, n_edges=REPEATED, n_drawn=N_DRAWN))
    known = samples.taken(cases, REPEATED)
    if not known:
        return Trial(doubt=NOTHING_TAKEN)
    watch = _Watch(context, exchanges, samples, known)
    shuffled = random.Random(context.seed).sample(known, len(known))  # noqa: S311 # an order, no secret
    between = tuple(disturbers(context))
    twice = [sample for sample in known for _ in range(2)]
    steps: list[Sample | Case] = [*shuffled, *between, *known[::-1], *between, *twice]
    n_again = 0
    for step in steps:
        if samples.is_over() or watch.unconfirmed == MAX_UNCONFIRMED:
            break
        if isinstance(step, Case):
            watch.pass_by(step)
            continue
        n_again += 1
        if breach := watch.breach_by(step):
            return Trial(breach=breach)
    return watch.ended(context, is_short=n_again < len(known))


def interleave(context: CheckContext, exchanges: Exchanges) -> Trial:
    """Send each request before and after another one, and one without parameters before and after one with them."""
    samples = Samples(context, exchanges)
    cases = ordinary_cases(context, n_edges=INTERLEAVED, n_drawn=N_DRAWN)
    known = samples.taken((case for case in cases if not case.params), INTERLEAVED + 1)
    if not known:
        return Trial(doubt=NOTHING_TAKEN)
    pairs: list[tuple[Sample, tuple[Case, ...]]] = []
    params = param_edges(context, WITH_PARAMS)
    if params and (plain := samples.ask(replace(params[0], params=NO_PARAMS, label="the same without params"))):
        pairs += [(plain, (case,)) for case in params]
        known.append(plain)
    others = samples.told_apart(known)[1:] or known[1:]
    pairs += [(one, (other.case,)) for one, other in zip(known, others, strict=False)]
    if not pairs:  # a model that takes nothing but its example
        pairs = [(known[0], tuple(disturbers(context)))]
    watch = _Watch(context, exchanges, samples, known)
    n_done = 0
    for one, between in pairs:
        if samples.is_over() or watch.unconfirmed == MAX_UNCONFIRMED:
            break
        if breach := watch.breach_by(one):
            return Trial(breach=breach)
        for case in between:
            watch.pass_by(case)
        if breach := watch.breach_by(one):
            return Trial(breach=breach)
        n_done += 1
    return watch.ended(context, is_short=n_done == 0)


_VARIANTS: Final[Mapping[str, Callable[[CheckContext, Exchanges], Trial]]] = {
    "repeat": repeat,
    "interleave": interleave,
    "concurrent": concurrent,
}
