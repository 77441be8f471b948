"""Whether the same requests come to the same on every server that was asked for.

Each case goes to all servers. Where a server is known to treat it in its own way, that is noted and the case compared
on the others; any other difference is a breach, and what reached the model tells where it came from.

Source: `CONTRACT` section 4, "Servers agree".
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from ..cases import Case, Envelope, Expectation, RawBody
from ..results import CheckResult, Judges, Outcome, ServerAnswers, notes
from ..search.loop import search
from ..signature import Signature
from ..strategies.edge_cases import case_fingerprint
from ..strategies.mutations import mutations
from ..wire.capacity import can_carry
from .agreement import OUTCOME, Agreement, Difference, of_outcomes
from .anchor import STOCHASTIC, why_not_compared
from .answers import answer_in
from .arrival import ArrivalJudge
from .causes import Cause, Way, cause_of
from .conclusion import concluded, left_out
from .context import CheckContext
from .deviations import DeviationWatch, is_deviation
from .exchanges import Exchanges, has_cost_a_server, is_lost
from .failures import as_told
from .judge import Blame, Exchange, Judgement, answer_of, judge_outcome
from .outcome import RequestOutcome
from .recorded_key import recorded_key
from .rejection import mutation_rules
from .round_trips import as_arrival
from .searches import (
    ENDED_BY_LOSS,
    Search,
    cut_short,
    doubt,
    envelopes_by_signature,
    first_envelope,
    good_case,
    plan_of,
    why_no_inputs,
)

CHECK: Final = "servers_agree"
DRAWN_SHARE: Final = 4  # so many times fewer random frames than for the model itself
REPEATS: Final = 3  # of a request that the servers answer differently
RAISES: Final = frozenset({RequestOutcome.MODEL_REFUSED, RequestOutcome.MODEL_CRASHED})
CHANGED: Final = "a request got another answer when it was sent again, so that servers cannot be compared"
SERVER: Final = "server"  # the fact that names the other one
MAX_ADVICE: Final = 3  # differences that are told of servers that nobody named
NOTED: Final = "told by the checks of that server"


def servers_agree(context: CheckContext, _: str) -> CheckResult:
    """Send the same cases to every server, and compare what they came to."""
    signature, started = context.model.signature, time.monotonic()
    if signature is None:
        return left_out(CHECK, Judges.SERVER, why_no_inputs(context.model))
    if context.settings.stochastic:
        return left_out(CHECK, Judges.SERVER, STOCHASTIC)
    with ExitStack() as stack:
        arrival = ArrivalJudge(signature, is_converted=context.model.is_type_hint_from_example)
        parties = [_Party.of(one, arrival, stack) for one in (context, *context.beside)]
        first, *others = parties
        if reason := why_not_compared(context, first.exchanges):
            return CheckResult(name=CHECK, judges=Judges.SERVER, outcome=Outcome.SKIPPED, reason=reason)
        trial, base = _Trial(context, signature, parties), good_case(context)
        if base is not None:
            trial.learn(base)
        asked = Search(check=CHECK, envelope=first_envelope(context.model), share=DRAWN_SHARE, is_packed=True)
        plan = plan_of(context, asked)
        if base is not None:
            forms, faults = _forms(context, base), _faults(context, signature, base)
            plan = replace(plan, cases=itertools.chain(forms, plan.cases, faults))
        found = search(plan, trial.probe, is_costly=has_cost_a_server)
        for party in others:
            first.exchanges.count_in(party.exchanges)
    served_by = "; ".join(one.facts.get("served by", "") for one in (context, *context.beside))
    told = replace(context, facts={**context.facts, "served by": served_by})
    failure, flaky = as_told(told, CHECK, found.breaches)
    unsteady = CHANGED if trial.is_unsteady else ""
    nothing = "" if trial.n_compared else "there is no request that two of the servers answered"
    result = concluded(
        CHECK,
        Judges.SERVER,
        first.exchanges,
        started=started,
        failure=failure,
        reason=flaky or unsteady or trial.lost or doubt(context, found, first.exchanges) or nothing,
        advice=(*notes(_as_advice(found.advice.values())), *cut_short(context, found)),
    )
    shown = itertools.chain.from_iterable(party.watch.shown for party in parties)
    return replace(result, answers=tuple(trial.table()), deviations=tuple(shown))


def _as_advice(found: Iterable[Judgement]) -> Iterator[str]:
    """Yield what a server that nobody named makes of valid requests."""
    strange = [one for one in found if one.key != NOTED]
    for one in strange[:MAX_ADVICE]:
        yield f"{one.title}; the server does that, no model can mend it (pytest --model-server {one.facts[SERVER]})"
    if len(strange) > MAX_ADVICE:
        yield f"{len(strange) - MAX_ADVICE} more differences of the kind"


def _forms(context: CheckContext, base: Case) -> Iterator[Case]:
    """Yield the one good request in every envelope that carries it."""
    for envelope in map(Envelope, envelopes_by_signature(context.model)):
        if can_carry(base.payload, envelope, context.model.signature, has_params=bool(base.params)):
            yield replace(base, envelope=envelope)


def _faults(context: CheckContext, signature: Signature, base: Case) -> Iterator[Case]:
    """Yield a request for each thing that the signature forbids."""
    envelopes = tuple(map(Envelope, envelopes_by_signature(context.model)))
    for rule in mutation_rules(context.model):
        yield from itertools.islice(mutations(signature, base, envelopes=envelopes, rules=(rule,)), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Party:
    """One of the servers.

    Attributes:
        name: Of its backend.
        exchanges: What is sent to it.
        watch: Knows its deviations.
        arrival: Compares what was sent with what reached the model.
    """

    name: str
    exchanges: Exchanges
    watch: DeviationWatch
    arrival: ArrivalJudge

    @classmethod
    def of(cls, context: CheckContext, arrival: ArrivalJudge, stack: ExitStack) -> _Party:
        """Return a server, whose connections the stack closes."""
        return cls(
            name=context.settings.server,
            exchanges=stack.enter_context(Exchanges.of(context, context.example_case)),
            watch=DeviationWatch(context.known, context.model.signature),
            arrival=arrival,
        )

    def tried(self, case: Case) -> _Fate:
        """Return what became of a case here, and whether the server is known for it."""
        exchange = self.exchanges.send(case)
        is_known = is_deviation(self.watch.over(self._judged)(exchange))
        return _Fate(party=self, exchange=exchange, readable=self.watch.readable(exchange), is_known=is_known)

    def _judged(self, exchange: Exchange) -> Judgement | None:
        """Return what the contract says of an exchange alone; the checks of this server tell it."""
        judgement, call = judge_outcome(exchange), exchange.call
        if judgement is not None or call is None or not call.received.is_recorded:
            return judgement
        if exchange.case.expectation is Expectation.REJECT or isinstance(exchange.case.payload, RawBody):
            return None
        wrong = self.arrival.difference(exchange.case, call)
        return None if wrong is None else as_arrival(exchange, wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fate:
    """What became of a case on one server.

    Attributes:
        party: The server.
        exchange: What was sent and answered.
        readable: The same, what the server is known to write in a form of its own being in that of the contract.
        is_known: Whether the server is known to treat such a request in its own way, as it did.
    """

    party: _Party
    exchange: Exchange
    readable: Exchange
    is_known: bool

    @property
    def outcome(self) -> str:
        """Return the outcome, an exception of the model being one whatever the server makes of it."""
        outcome = self.exchange.outcome
        return "model_raised" if outcome in RAISES else outcome.value


class _Trial:
    """Sends each case to all servers, and holds their answers against each other.

    Attributes:
        n_compared: How many pairs of answers were compared.
        is_unsteady: Whether a server answered the same request differently.
        lost: Why it ended early, or nothing.
    """

    def __init__(self, context: CheckContext, signature: Signature, parties: Sequence[_Party]) -> None:
        self._outputs = signature.outputs
        self._is_unasked = context.is_unasked
        self._parties = parties
        self._agreement = Agreement.of(signature.outputs, context.settings)
        self._confirmed: set[str] = set()
        self._seen: dict[Hashable, ServerAnswers] = {}
        self.n_compared: int = 0
        self.is_unsteady: bool = False
        self.lost: str = ""

    def learn(self, ordinary: Case) -> None:
        """Take in the answer to an ordinary request, by whose spread all answers are compared.

        Else one far-off row of a request would make its ordinary rows equal whatever they are.
        """
        answer = answer_in(self._parties[0].tried(ordinary).readable, self._outputs)
        if answer is not None:
            self._agreement.learn(answer)

    def probe(self, case: Case) -> Judgement | None:
        """Return in what the servers differ on a case, where that is not known of one of them."""
        if self.is_unsteady:
            return None
        fates = [party.tried(case) for party in self._parties]
        lost = next((fate for fate in fates if is_lost(fate.exchange)), None)
        if lost is not None:
            return self._of_loss(fates, lost)
        strange = [fate for fate in fates if not fate.is_known]
        apart = [
            (fate, difference) for fate in strange[1:] if (difference := self._difference(strange[0], fate)) is not None
        ]
        self._note(case, fates, [fate for fate, difference in apart if difference.path != OUTCOME])
        if not apart:
            known = next((fate for fate in fates if fate.is_known), None)
            return None if known is None else _as_note(known.exchange)
        if case.expectation is not Expectation.ACCEPT and apart[0][1].path == OUTCOME:
            return _as_note(apart[0][0].exchange)  # what must be refused, rejects_invalid tells on each server alone
        judgement = self._judged(strange[0], *apart[0])
        if judgement.key not in self._confirmed and not self._is_steady(strange[0], apart[0][0]):
            self.is_unsteady = True
            return None
        self._confirmed.add(judgement.key)
        is_of_model = judgement.seen_in is Blame.MODEL
        return judgement if is_of_model or not self._is_unasked else replace(judgement, is_breach=False)

    def _of_loss(self, fates: Sequence[_Fate], lost: _Fate) -> Judgement:
        """Return a lost server, which ends the search, as a difference where another one predicted."""
        self.lost = f"{ENDED_BY_LOSS} on {lost.party.name}"
        whole = next((fate for fate in fates if fate.exchange.outcome is RequestOutcome.PREDICTED), None)
        if whole is None:
            return _as_note(lost.exchange)
        return self._judged(whole, lost, of_outcomes(whole.outcome, lost.outcome))

    def table(self) -> Iterator[ServerAnswers]:
        """Yield what became of the requests, those of one rule that fared alike together."""
        counted: dict[Hashable, ServerAnswers] = {}
        for one in self._seen.values():
            key = (one.rule, tuple(one.fates.items()))
            before = counted.get(key)
            counted[key] = one if before is None else replace(before, requests=before.requests + 1)
        yield from counted.values()

    def _note(self, case: Case, fates: Sequence[_Fate], apart: Sequence[_Fate]) -> None:
        is_one = len({fate.outcome for fate in fates}) == 1
        is_free = case.expectation is Expectation.EITHER and not is_one
        told = {fate.party.name: _told(fate, is_apart=fate in apart, is_free=is_free) for fate in fates}
        is_agreed = not apart and is_one
        row = ServerAnswers(rule=case.rule, fates=told, requests=1, is_agreed=is_agreed)
        self._seen.setdefault((case.envelope, case_fingerprint(case)), row)

    def _difference(self, one: _Fate, other: _Fate) -> Difference | None:
        if one.outcome != other.outcome:
            return of_outcomes(one.outcome, other.outcome)
        if one.exchange.outcome is not RequestOutcome.PREDICTED:
            return None
        answers = [answer_in(fate.readable, self._outputs) for fate in (one, other)]
        if answers[0] is None or answers[1] is None:
            return None  # matches_output_schema tells it
        self.n_compared += 1
        return next(iter(self._agreement.differences(answers[0], answers[1])), None)

    def _is_steady(self, one: _Fate, other: _Fate) -> bool:
        """Tell whether each of two servers answers a request again as it did."""
        pairs = ((fate, fate.party.tried(fate.exchange.case)) for _ in range(REPEATS) for fate in (one, other))
        return all(self._difference(before, after) is None for before, after in pairs)

    def _judged(self, one: _Fate, other: _Fate, difference: Difference) -> Judgement:
        names = one.party.name, other.party.name
        cause = _cause(one, other)
        words = [f"from {name}" for name in names]
        return Judgement(
            key=f"{'|'.join(names)}:{cause.key or difference.column or difference.told(*names)}",
            is_breach=True,
            title=f"{cause.reason}: {difference.told(*words)}",
            expected=f"the answer of {names[0]}: {answer_of(one.exchange)}",
            received=f"from {names[1]}: {answer_of(other.exchange)}",
            exchange=other.exchange,
            seen_in=cause.blame,
            facts={SERVER: names[1]},
            plainly=f"the same rows get another answer from {names[1]} than from {names[0]}",
        )


def _cause(one: _Fate, other: _Fate) -> Cause:
    ways = [Way(exchange=fate.exchange, words=f"from {fate.party.name}") for fate in (one, other)]
    cause = cause_of(one.party.arrival, *ways)
    if cause.blame is not Blame.MODEL:
        return cause
    returned = [fate.exchange.call.returned for fate in (one, other) if fate.exchange.call is not None]
    if not all(value.is_recorded for value in returned):
        return cause
    if len({recorded_key(value.value) for value in returned}) > 1:
        return replace(cause, reason=f"{cause.reason}, since the model returns something else there")
    reason = f"the model returns the same from both, and yet {other.party.name} answers otherwise than {one.party.name}"
    return Cause(reason=reason, blame=Blame.ENCODER)


def _as_note(exchange: Exchange) -> Judgement:
    """Return what makes rows be sent one by one, or ends the search, and is told by the checks of that server."""
    return Judgement(
        key=NOTED, is_breach=False, title=NOTED, expected="", received=answer_of(exchange), exchange=exchange
    )


def _told(fate: _Fate, *, is_apart: bool, is_free: bool) -> str:
    how = "otherwise" if is_apart else "as known" if fate.is_known else "as it may" if is_free else ""
    return f"{fate.outcome}, {how}" if how else fate.outcome
