"""Whether what the contract forbids is refused before the model sees it, and what it allows is taken.

Each variant is one rule of the table in `strategies/rules`; each case has one single fault, made from a valid request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..cases import Case, Envelope, Expectation
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, notes
from ..search.loop import REPLAYS, Plan, draw, search
from ..server.backends import ServeSettings
from ..signature import Signature
from ..strategies.edge_cases import case_fingerprint
from ..strategies.invalid import invalid_cases
from ..strategies.mutations import mutations
from ..strategies.protocol import protocol_cases
from ..strategies.rules import OF_VALID, Rule, rule, rules_for
from .conclusion import concluded, left_out
from .context import CheckContext
from .deviations import DeviationWatch, is_deviation
from .exchanges import COSTLY_TRIES, Exchanges, has_cost_a_server, is_lost
from .failures import as_told
from .fresh import tried_afresh
from .good_request import NOT_PREDICTED
from .judge import Exchange, Judgement, judge_outcome
from .outcome import RequestOutcome
from .outputs import OutputJudge
from .searches import RAISED, doubt, envelopes_by_signature, good_case

MAX_CASES: Final = 400  # of one rule; the widest models repeat a rule once a column and envelope
MAX_DRAWN: Final = 6  # more requests of a rule, whose fault stands in a drawn request instead of the example

HEALTH: Final = "health"  # the key of what is wrong with the good request that follows the broken ones
UNSIGNED: Final = Signature()
PROTOCOL: Final = "2"  # the section of the contract about bodies and headers


def mutation_rules(model: Model) -> tuple[str, ...]:
    """Return the ids of the rules about values and structure that a model's signature can show."""
    return tuple(one.id for one in rules_for(model.signature or UNSIGNED) if _is_mutation(one))


def malformed_rules(model: Model) -> tuple[str, ...]:
    """Return the ids of the rules about bodies and headers that apply to a model."""
    return tuple(one.id for one in rules_for(model.signature or UNSIGNED) if one.section == PROTOCOL)


def rejects_invalid(context: CheckContext, variant: str) -> CheckResult:
    """Break one rule in every column and envelope that can show it, one at a time, then in some drawn requests."""
    envelopes = tuple(Envelope(name) for name in envelopes_by_signature(context.model))

    def make(signature: Signature, base: Case) -> Iterable[Case]:
        return mutations(signature, base, envelopes=envelopes, rules=(variant,))

    def make_drawn(signature: Signature) -> Iterable[Case]:
        return _drawn(context, signature, envelopes, variant)

    return _checked(context, f"rejects_invalid[{variant}]", make, make_drawn)


def rejects_malformed(context: CheckContext, variant: str) -> CheckResult:
    """Send the bodies and headers of one rule of the protocol."""
    limit = ServeSettings().max_body_bytes

    def make(signature: Signature, base: Case) -> Iterable[Case]:
        return protocol_cases(signature, base, max_body_bytes=limit, rules=(variant,))

    return _checked(context, f"rejects_malformed[{variant}]", make)


def _drawn(
    context: CheckContext, signature: Signature, envelopes: tuple[Envelope, ...], variant: str
) -> Iterator[Case]:
    """Return some faults of drawn requests: of a rule by which the model must not be reached, whatever else is sent."""
    if rule(variant).expectation is not Expectation.REJECT:
        return iter(())
    strategy = invalid_cases(
        signature,
        example=context.example_rows,
        domain=context.domain,
        envelopes=envelopes,
        rules=(variant,),
        raised=RAISED,
    )
    return draw(strategy, 2 * MAX_DRAWN, context.seed)


def _is_mutation(one: Rule) -> bool:
    return one.section != PROTOCOL and one.id not in OF_VALID


def _checked(
    context: CheckContext,
    name: str,
    make: Callable[[Signature, Case], Iterable[Case]],
    make_drawn: Callable[[Signature], Iterable[Case]] = lambda _: (),
) -> CheckResult:
    started = time.monotonic()
    signature = context.model.signature or UNSIGNED
    base = good_case(context)
    if base is None:
        reason = "no valid request is known to break: the model has neither an input example nor a signature"
        return left_out(name, Judges.SERVER, reason)
    found_cases = list(context.cases or make(signature, base))
    if not found_cases:
        return left_out(name, Judges.SERVER, "no case shows this rule on this signature")
    cases = evenly(found_cases, MAX_CASES)
    drawn = [] if context.cases else _others(make_drawn(signature), found_cases)[:MAX_DRAWN]
    with Exchanges.of(context, base) as exchanges:
        plan = Plan(
            cases=(*cases, *drawn, base),  # the good request last: it must still work
            time_s=context.left_s,
            clock=context.history.now_s,
            example=base,
            costly_tries=0 if context.history.has_lost() else COSTLY_TRIES,
        )
        outputs = OutputJudge(context.model.signature, context.example_case)
        judge = _Healthy(exchanges, base, outputs, context.deviations)
        found = search(plan, judge, is_costly=_is_lasting)
    failure, flaky = as_told(context, name, tried_afresh(context, found.breaches, judge_outcome))
    is_unproven = cases[0].expectation is Expectation.ACCEPT and not exchanges.accepted
    texts = [judgement.title for judgement in found.advice.values() if not is_deviation(judgement)]
    if len(cases) < len(found_cases):
        texts.append(f"of {len(found_cases):,} cases of this rule {len(cases)} were sent, spread over all columns")
    return concluded(
        name,
        Judges.SERVER,
        exchanges,
        started=started,
        failure=failure,
        reason=flaky or doubt(context, found, exchanges) or (NOT_PREDICTED if is_unproven else ""),
        advice=notes(texts),
    )


def evenly(cases: list[Case], most: int) -> list[Case]:
    """Return at most so many of the cases, spread over all of them, the first and the last among them."""
    if len(cases) <= most:
        return cases
    return [cases[at * (len(cases) - 1) // (most - 1)] for at in range(most)]


def _others(drawn: Iterable[Case], known: Iterable[Case]) -> list[Case]:
    """Return the drawn cases that are neither known nor drawn before."""
    found = {(case.envelope, case_fingerprint(case)): case for case in drawn}
    for case in known if found else ():
        found.pop((case.envelope, case_fingerprint(case)), None)
    return list(found.values())


class _Healthy:
    """Judges each case, and holds the good request that follows them against the one before them.

    What is accepted must be answered in order; a fault that the good request shows as well is the model's own, which
    other checks tell.
    """

    def __init__(self, exchanges: Exchanges, base: Case, outputs: OutputJudge, deviations: DeviationWatch) -> None:
        self._exchanges = exchanges
        self._base = base
        self._judge = deviations.over(lambda exchange: judge_outcome(exchange) or outputs(exchange))
        self._before = exchanges.last_prediction(base) or exchanges.send(base)  # which the rule before ended with
        usual = judge_outcome(self._before) or outputs(self._before)
        self._usual_key = usual.key if usual else ""

    def __call__(self, case: Case) -> Judgement | None:
        lost_before = self._exchanges.lost_once
        exchange = self._exchanges.send(case)
        if case is self._base:
            return self._judge_health(exchange, has_cost_a_server=self._exchanges.lost_once > lost_before)
        judgement = self._judge(exchange)
        return None if judgement is None or self._is_usual(exchange, judgement) else judgement

    def _is_usual(self, exchange: Exchange, judgement: Judgement) -> bool:
        """Tell whether the good request shows the same, by what the model raises or answers."""
        return not is_lost(exchange) and judgement.key == self._usual_key

    def _judge_health(self, after: Exchange, *, has_cost_a_server: bool) -> Judgement | None:
        before = self._before
        if before.outcome is not RequestOutcome.PREDICTED:
            return None
        if after.outcome is RequestOutcome.PREDICTED and not has_cost_a_server:
            return None
        if not has_cost_a_server and not is_lost(after) and self._is_flaky():
            return None  # accepts_valid tells it of the same request
        became = "it took a fresh server" if has_cost_a_server else after.outcome.value
        return Judgement(
            key=HEALTH,
            is_breach=True,
            title=f"after these requests a good one is no longer predicted: {became}",
            expected=f"{before.invocation.status}, as before",
            received=f"{after.invocation.status}",
            exchange=after,
        )

    def _is_flaky(self) -> bool:
        """Tell whether the good request, with nothing between, is predicted only sometimes, whatever came before."""
        fates = {self._exchanges.send(self._base).outcome is RequestOutcome.PREDICTED for _ in range(REPLAYS)}
        return len(fates) > 1


def _is_lasting(judgement: Judgement) -> bool:
    """Tell whether a judgement is about more than its own request, so that this alone would not show it again."""
    return judgement.key == HEALTH or has_cost_a_server(judgement)
