"""Whether what the contract forbids is refused before the model sees it, and what it allows is taken.

Each variant is one rule of the table in `strategies/rules`; each case has one single fault, made from a valid request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..cases import Case, Envelope, Expectation, Table, Tensors
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, notes
from ..search.loop import Plan, draw, search
from ..server.backends import ServeSettings
from ..signature import Signature
from ..strategies.edge_cases import case_fingerprint, edge_cases
from ..strategies.invalid import invalid_cases
from ..strategies.mutations import mutations
from ..strategies.protocol import protocol_cases
from ..strategies.rules import OF_VALID, Rule, rule, rules_for
from .conclusion import concluded, left_out
from .context import CheckContext
from .exchanges import COSTLY_TRIES, Exchanges, has_cost_a_server
from .failures import as_told
from .fresh import tried_afresh
from .judge import Exchange, Judgement, judge_outcome
from .outcome import RequestOutcome
from .outputs import OutputJudge
from .searches import RAISED, doubt, envelopes_by_signature

MAX_CASES: Final = 400  # of one rule; the widest models repeat a rule once a column and envelope
MAX_DRAWN: Final = 6  # more requests of a rule, whose fault stands in a drawn request instead of the example

HEALTH: Final = "health"  # the key of what is wrong with the good request that follows the broken ones
OVER_THE_LIMIT: Final = "body_too_large"
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

    return _checked(context, f"rejects_invalid[{variant}]", variant, make, make_drawn)


def rejects_malformed(context: CheckContext, variant: str) -> CheckResult:
    """Send the bodies and headers of one rule of the protocol."""
    # the body of one rule is as long as the limit, and takes as long to make as all others together
    limit = ServeSettings().max_body_bytes if variant == OVER_THE_LIMIT else None

    def make(signature: Signature, base: Case) -> Iterable[Case]:
        return protocol_cases(signature, base, max_body_bytes=limit)

    return _checked(context, f"rejects_malformed[{variant}]", variant, make)


def _drawn(
    context: CheckContext, signature: Signature, envelopes: tuple[Envelope, ...], variant: str
) -> Iterator[Case]:
    """Return some faults of drawn requests: of a rule by which the model must not be reached, whatever else is sent."""
    if rule(variant).expectation is not Expectation.REJECT:
        return iter(())
    example = context.example_case
    strategy = invalid_cases(
        signature,
        example=example.payload if example and isinstance(example.payload, Table | Tensors) else None,
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
    rule_id: str,
    make: Callable[[Signature, Case], Iterable[Case]],
    make_drawn: Callable[[Signature], Iterable[Case]] = lambda _: (),
) -> CheckResult:
    started = time.monotonic()
    signature = context.model.signature or UNSIGNED
    base = base_case(context)
    if base is None:
        reason = "no valid request is known to break: the model has neither an input example nor a signature"
        return left_out(name, Judges.SERVER, reason)
    found_cases = list(context.cases) or [case for case in make(signature, base) if case.rule == rule_id]
    if not found_cases:
        return left_out(name, Judges.SERVER, "no case shows this rule on this signature")
    cases = evenly(found_cases, MAX_CASES)
    drawn = [] if context.cases else _others(make_drawn(signature), found_cases)[:MAX_DRAWN]
    with Exchanges.of(context, base) as exchanges:
        plan = Plan(
            cases=(*cases, *drawn, base),  # the good request last: it must still work
            seed=context.seed,
            budget_s=context.settings.budget_s,
            example=base,
            costly_tries=0 if context.history.has_lost() else COSTLY_TRIES,
        )
        judge = _Healthy(exchanges, base, OutputJudge(context.model.signature, context.example_case))
        found = search(plan, judge, is_costly=_is_lasting)
    failure, flaky = as_told(context, name, tried_afresh(context, found.breaches, judge_outcome))
    texts = [judgement.title for judgement in found.advice.values()]
    if len(cases) < len(found_cases):
        texts.append(f"of {len(found_cases):,} cases of this rule {len(cases)} were sent, spread over all columns")
    return concluded(
        name,
        Judges.SERVER,
        exchanges,
        started=started,
        failure=failure,
        reason=flaky or doubt(context, found, exchanges),
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


def base_case(context: CheckContext) -> Case | None:
    """Return a valid request to break: the input example, else the first that the signature allows."""
    if context.example_case is not None:
        return context.example_case
    signature = context.model.signature
    return None if signature is None else next(edge_cases(signature, domain=context.domain), None)


class _Healthy:
    """Judges each case, and holds the good request that follows them against the one before them.

    What is accepted must be answered in order; a fault that the good request shows as well is the model's own, which
    other checks tell.
    """

    def __init__(self, exchanges: Exchanges, base: Case, outputs: OutputJudge) -> None:
        self._exchanges = exchanges
        self._base = base
        self._outputs = outputs
        self._before = exchanges.send(base)
        usual = outputs(self._before)
        self._usual_key = usual.key if usual else ""

    def __call__(self, case: Case) -> Judgement | None:
        lost_before = self._exchanges.lost_once
        exchange = self._exchanges.send(case)
        if case is self._base:
            return self._judge_health(exchange, has_cost_a_server=self._exchanges.lost_once > lost_before)
        return judge_outcome(exchange) or self._judge_answer(exchange)

    def _judge_answer(self, exchange: Exchange) -> Judgement | None:
        judgement = self._outputs(exchange)
        return None if judgement is None or judgement.key == self._usual_key else judgement

    def _judge_health(self, after: Exchange, *, has_cost_a_server: bool) -> Judgement | None:
        before = self._before
        if before.outcome is not RequestOutcome.PREDICTED:
            return None
        if after.outcome is RequestOutcome.PREDICTED and not has_cost_a_server:
            return None
        became = "it took a fresh server" if has_cost_a_server else after.outcome.value
        return Judgement(
            key=HEALTH,
            is_breach=True,
            title=f"after these requests a good one is no longer predicted: {became}",
            expected=f"{before.invocation.status}, as before",
            received=f"{after.invocation.status}",
            exchange=after,
        )


def _is_lasting(judgement: Judgement) -> bool:
    """Tell whether a judgement is about more than its own request, so that this alone would not show it again."""
    return judgement.key == HEALTH or has_cost_a_server(judgement)
