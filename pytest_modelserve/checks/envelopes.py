"""Whether the same rows get the same answer however they are wrapped.

Every other form of a request is sent beside the plain one. What reached the model tells whose fault a difference is.

Source: `CONTRACT` section 4, "Envelopes agree".
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from ..cases import Case
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome
from ..search.loop import Plan, search
from ..signature import Signature
from ..strategies.edge_cases import case_fingerprint
from .agreement import Agreement, Difference, of_outcomes
from .anchor import STOCHASTIC, why_not_compared
from .answers import answer_in
from .arrival import ArrivalJudge
from .causes import Way, cause_of
from .conclusion import concluded, left_out
from .context import CheckContext
from .exchanges import Exchanges, has_cost_a_server, is_lost
from .failures import as_told
from .forms import all_forms, as_plain, form_of
from .judge import Exchange, Judgement, answer_of, judge_outcome
from .outcome import RequestOutcome
from .searches import ENDED_BY_LOSS, doubt, first_envelope, valid_envelopes, why_no_inputs

CHECK: Final = "envelopes_agree"
REPEATS: Final = 3  # of a request whose answer differs from that to another form of it
UNSUPPORTED_MEDIA: Final = 415  # Parquet is for servers that read it
UNPREDICTED: Final = frozenset({RequestOutcome.REJECTED, RequestOutcome.SERVER_ERROR})
CHANGED: Final = "a request got another answer when it was sent again, so that forms of it cannot be compared"


def why_one_envelope(model: Model) -> str:
    """Return why there are no two forms of a request to compare, or nothing."""
    if reason := why_no_inputs(model):
        return reason
    envelopes = valid_envelopes(model)
    return "" if len(envelopes) > 1 else f"only {envelopes[0]} can carry the model's inputs"


def envelopes_agree(context: CheckContext, _: str) -> CheckResult:
    """Send the same rows in every form that carries them, and compare the answers."""
    signature, started = context.model.signature, time.monotonic()
    if context.settings.stochastic or signature is None:
        return left_out(CHECK, Judges.SERVER, STOCHASTIC)
    with Exchanges.of(context, context.example_case) as exchanges:
        if reason := why_not_compared(context, exchanges):
            return CheckResult(name=CHECK, judges=Judges.SERVER, outcome=Outcome.SKIPPED, reason=reason)
        trial = _Trial(context, signature, exchanges)
        plan = Plan(
            cases=all_forms(context, signature),
            time_s=context.left_s,
            clock=context.history.now_s,
            example=context.example_case,
        )
        found = search(plan, trial.probe, is_costly=has_cost_a_server)
    failure, flaky = as_told(context, CHECK, found.breaches)
    unsteady = CHANGED if trial.is_unsteady else ""
    nothing = "" if trial.compared else "there is no request of which the model answered two forms"
    return concluded(
        CHECK,
        Judges.SERVER,
        exchanges,
        started=started,
        failure=failure,
        reason=flaky or unsteady or trial.lost or doubt(context, found, exchanges) or nothing,
    )


class _Trial:
    """Sends a form of a request beside the plain one."""

    def __init__(self, context: CheckContext, signature: Signature, exchanges: Exchanges) -> None:
        self._signature = signature
        self._outputs = signature.outputs
        self._first = first_envelope(context.model)
        self._exchanges = exchanges
        self._agreement = Agreement.of(signature.outputs, context.settings)
        self._arrival = ArrivalJudge(signature, is_converted=context.model.is_type_hint_from_example)
        self._known: tuple[Hashable, Exchange] | None = None
        self._confirmed: set[str] = set()
        self._deviations = context.deviations
        self.compared: int = 0
        self.is_unsteady: bool = False
        self.lost: str = ""

    def probe(self, case: Case) -> Judgement | None:
        """Return what is not right about a form, beside the plain form of the same request."""
        if self.is_unsteady:
            return None
        plain = self._plain(case)
        if plain.outcome in {RequestOutcome.REJECTED, RequestOutcome.SERVER_ERROR} or is_lost(plain):
            return self._untold(plain)
        other = self._exchanges.send(case)
        if other.invocation.status == UNSUPPORTED_MEDIA:
            return None
        difference = self._difference(plain, other)
        if difference is None:
            return None
        judgement = self._judged(plain, other, difference)
        if judgement.key not in self._confirmed and not self._is_steady(plain):
            self.is_unsteady = True
            return None
        self._confirmed.add(judgement.key)
        return self._deviations.told(other, judgement)

    def _plain(self, case: Case) -> Exchange:
        sent = as_plain(case, self._first, self._signature)
        key = case_fingerprint(sent)
        if self._known is None or self._known[0] != key:
            self._known = key, self._exchanges.send(sent)
        return self._known[1]

    def _untold(self, plain: Exchange) -> Judgement | None:
        """Return a plain request that did not get through as advice, which other checks tell; a lost one ends it."""
        judgement = judge_outcome(plain)
        if is_lost(plain):
            self.lost = ENDED_BY_LOSS
        return None if judgement is None else replace(judgement, is_breach=False)

    def _difference(self, plain: Exchange, other: Exchange) -> Difference | None:
        if plain.outcome is other.outcome is RequestOutcome.PREDICTED:
            one, two = answer_in(plain, self._outputs), answer_in(other, self._outputs)
            if one is None or two is None:
                return None  # matches_output_schema tells it
            self.compared += 1
            return next(iter(self._agreement.differences(one, two)), None)
        if plain.outcome is other.outcome:
            return None
        return of_outcomes(plain.outcome.value, other.outcome.value)

    def _is_steady(self, plain: Exchange) -> bool:
        again = (self._exchanges.send(plain.case) for _ in range(REPEATS))
        return all(self._difference(plain, one) is None for one in again)

    def _judged(self, plain: Exchange, other: Exchange, difference: Difference) -> Judgement:
        form = form_of(other.case, self._signature)
        first = self._first.value
        cause = cause_of(
            self._arrival, Way(exchange=plain, words=f"in {first}"), Way(exchange=other, words=f"in {form}")
        )
        unpredicted = other.outcome.value if other.outcome in UNPREDICTED else ""
        return Judgement(
            key=f"{form}:{cause.key or difference.column or difference.path}",
            is_breach=True,
            title=f"{cause.reason}: {difference.told(f'in {first}', f'in {form}')}",
            expected=f"the answer to {first}: {answer_of(plain)}",
            received=answer_of(other),
            exchange=other,
            seen_in=cause.blame,
            kind=cause.kind or unpredicted,
            change=cause.change,
            plainly=f"the same rows get another answer in {form} than in {first}",
        )
