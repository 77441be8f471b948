"""Whether a model answers a request by that request alone: repeated, between others, at the same time as others, and in
another process.

Source: `CONTRACT` section 4, "Stateless".
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..cases import NO_PARAMS, Case
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome, notes
from ..search.loop import Breach
from .anchor import STOCHASTIC, UNSTEADY, anchored, as_breach
from .conclusion import concluded, left_out
from .concurrency import concurrent
from .confirmation import Replays, Suspect, Trial
from .context import CheckContext
from .exchanges import Exchanges
from .failures import as_failure
from .judge import Judgement
from .restarts import from_another_process
from .samples import Sample, Samples, disturbers, ordinary_cases, param_edges

REPEATED: Final = 11  # requests, each sent some six times
N_DRAWN: Final = 4
INTERLEAVED: Final = 7  # pairs of requests
TELLS_ANCHOR: Final = "repeat"  # always the same variant, in whatever order and process they run
WITH_PARAMS: Final = 8  # so that among them is a value that changes the answer
MAX_UNCONFIRMED: Final = 3  # differences that no replay shows again; each costs some forty requests
NOTHING_TAKEN: Final = "not one request was accepted, so that none could be repeated"


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
        elif variant != TELLS_ANCHOR:
            return CheckResult(name=name, judges=Judges.MODEL, outcome=Outcome.SKIPPED, reason=UNSTEADY)
        else:
            trial = Trial(breach=as_breach(anchor, anchor.difference))
    return concluded(
        name,
        Judges.MODEL,
        exchanges,
        started=started,
        failure=as_failure(context, name, [trial.breach]) if trial.breach else None,
        reason=exchanges.doubt or trial.doubt or exchanges.cut,
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
        self._unconfirmed = 0

    def walked(self, steps: Iterable[Sample | Case]) -> Trial:
        """Send requests in order until one shows a breach.

        Args:
            steps: What to send; the answer to a bare case does not matter.
        """
        for step in steps:
            if self._samples.is_over() or self._unconfirmed == MAX_UNCONFIRMED:
                break
            if isinstance(step, Case):
                self._log.append(step)
                self._exchanges.send(step)
            elif breach := self._breach_by(step):
                return Trial(breach=breach)
        return self._ended()

    def _breach_by(self, sample: Sample) -> Breach[Judgement] | None:
        """Send a request again; return the breach where its answer differs and does so again when replayed."""
        exchange = self._exchanges.send(sample.case)
        difference = self._samples.difference(sample, exchange)
        right_at = self._answered[id(sample)]
        first_after = self._log[right_at - 1] if right_at else None
        before = self._log[right_at + 1 :]
        self._answered[id(sample)] = len(self._log)
        self._log.append(sample.case)
        if difference is None:
            return None
        suspect = Suspect(
            known=sample,
            again=exchange,
            difference=difference,
            before=before,
            found_at=len(self._log),
            first_after=first_after,
        )
        breach = self._replays.confirmed(suspect, self._known)
        self._unconfirmed += breach is None
        return breach

    def _ended(self) -> Trial:
        """Return what it came to, where no breach was confirmed."""
        if self._unconfirmed:
            times = "once" if self._unconfirmed == 1 else f"{self._unconfirmed} times"
            return Trial(doubt=f"{times} a repeated request got another answer, which no replay showed again")
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
    shuffled = random.Random(context.seed).sample(known, len(known))  # noqa: S311 # an order, no secret
    between = tuple(disturbers(context))
    twice = [sample for sample in known for _ in range(2)]
    watch = _Watch(context, exchanges, samples, known)
    return watch.walked((*shuffled, *between, *known[::-1], *between, *twice))


def interleave(context: CheckContext, exchanges: Exchanges) -> Trial:
    """Send each request again after another one, and one without parameters again after each one with some."""
    samples = Samples(context, exchanges)
    cases = ordinary_cases(context, n_edges=INTERLEAVED, n_drawn=N_DRAWN)
    known = samples.taken((case for case in cases if not case.params), INTERLEAVED + 1)
    if not known:
        return Trial(doubt=NOTHING_TAKEN)
    steps: list[Sample | Case] = []
    params = param_edges(context, WITH_PARAMS)
    if params and (plain := samples.ask(replace(params[0], params=NO_PARAMS, label="the same without params"))):
        steps += [step for case in params for step in (case, plain)]
        known.append(plain)
    others = samples.told_apart(known)[1:] or known[1:]
    steps += [step for one, other in zip(known, others, strict=False) for step in (other.case, one)]
    # a model that takes nothing but its example is sent what it refuses between
    watch = _Watch(context, exchanges, samples, known)
    return watch.walked(steps or (*disturbers(context), known[0]))


_VARIANTS: Final[Mapping[str, Callable[[CheckContext, Exchanges], Trial]]] = {
    "repeat": repeat,
    "interleave": interleave,
    "concurrent": concurrent,
    "restart": from_another_process,
}
