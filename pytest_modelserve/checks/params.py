"""Whether the declared params arrive as they were sent, their defaults where nothing was, and none in a later request.

What must be refused is the business of `rejects_invalid`, whose table of rules has the params, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from ..cases import NO_PARAMS, Case, Envelope, Expectation, Table, Tensors
from ..model.mlmodel import Model
from ..results import CheckResult, Judges, Outcome, notes
from ..search.loop import Breach
from ..signature import ParamSpec, Signature
from ..strategies.params import param_pools
from ..strategies.pools import Entry
from ..wire.capacity import can_carry
from ..wire.values import show_value
from .agreement import Agreement
from .answers import answer_in
from .conclusion import concluded
from .context import CheckContext
from .exchanges import Exchanges
from .failures import as_failure
from .judge import LOST, Exchange, Judgement, answer_of, judge_outcome
from .outcome import RequestOutcome
from .param_values import is_same, typed
from .searches import RAISED, envelopes_by_signature, good_case, out_of_time

Arrived: TypeAlias = "Callable[[Exchange], Mapping[str, object] | None]"

MAX_VALUES: Final = 20  # sent one by one, spread over all params
MAX_ALONE: Final = 8  # params; of more, each request sets all of them at once
ROUNDS: Final = 10  # of such requests
ANCHORS: Final = 5  # requests without params before any other, by which it is known whether answers are steady
MAX_BREACHES: Final = 3  # as many different ones as a reader takes in
UNSEEN: Final = (
    "what the model received was not recorded, so that it is only proven that declared params are taken, and that they "
    "do not change later answers"
)
UNSTEADY: Final = "the model answers the same request differently, so that nothing was read from its answers"


def why_no_params(model: Model) -> str:
    """Return why there is nothing to send, or nothing."""
    if model.signature is None or not model.signature.params:
        return "the model declares no params"
    return "" if model.is_signed else "the model has no signature with inputs, so valid requests are not known"


def params_enforced(context: CheckContext, _: str) -> CheckResult:
    """Send each declared param at its default and its edges, and look at what the model received each time."""
    return hold_params(context, received_params)


def received_params(exchange: Exchange) -> Mapping[str, object] | None:
    """Return the params that the model was given, as the spy recorded them; None where it did not."""
    if not _is_recorded(exchange, "params"):
        return None
    value = getattr(exchange.call, "params").value  # noqa: B009 # not every record has it
    return value if isinstance(value, dict) else {}


def _is_recorded(exchange: Exchange, what: str) -> bool:
    contents = getattr(exchange.call, what, None)
    return contents is not None and bool(contents.is_recorded)


def hold_params(context: CheckContext, arrived: Arrived) -> CheckResult:
    """Do what `params_enforced` says, with a way to look at what arrived."""
    started = time.monotonic()
    signature, base = context.model.signature, _base(context)
    if signature is None or base is None:
        return CheckResult(
            name="params_enforced",
            judges=Judges.SERVER,
            outcome=Outcome.SKIPPED,
            reason="no valid request is known that can carry params",
            applies=False,
        )
    with Exchanges.of(context, base) as exchanges:
        agreement = Agreement.of(signature.outputs, context.settings)
        watch = _Watch(signature=signature, exchanges=exchanges, arrived=arrived, agreement=agreement)
        is_over, started_s = False, context.history.now_s()
        for case in _cases(context, signature, base):
            is_over = context.history.now_s() - started_s > context.left_s
            if is_over or len(watch.breaches) == MAX_BREACHES:
                break
            watch.look_at(case)
    breaches = list(watch.breaches.values())
    nothing = "" if exchanges.accepted else "not one request was accepted"
    return concluded(
        "params_enforced",
        Judges.SERVER,
        exchanges,
        started=started,
        failure=as_failure(context, "params_enforced", breaches) if breaches else None,
        reason=exchanges.doubt or nothing or (out_of_time(context) if is_over else ""),
        advice=notes(watch.advice()),
    )


def _base(context: CheckContext) -> Case | None:
    """Return a valid request without params, in an envelope that can carry some."""
    base = good_case(context)
    if base is None or not isinstance(base.payload, Table | Tensors):
        return None
    signature = context.model.signature
    envelopes = map(Envelope, envelopes_by_signature(context.model))
    fitting = (one for one in envelopes if can_carry(base.payload, one, signature, has_params=True))
    envelope = next(fitting, None)
    return None if envelope is None else replace(base, envelope=envelope, params=NO_PARAMS)


def _cases(context: CheckContext, signature: Signature, base: Case) -> Iterator[Case]:
    """Yield requests without params, with each alone, with all at once; and one without after each of these."""
    nothing = replace(base, rule="param_default", label="no params")
    pools = param_pools(signature, context.domain, raised=RAISED)
    is_few = len(pools) <= MAX_ALONE
    most = MAX_VALUES // len(pools) if is_few else ROUNDS
    chosen = {str(pool.name): entries for pool in pools if (entries := _chosen(pool.strict, most))}
    yield from [nothing] * (1 + ANCHORS)
    if is_few:
        for name, entries in chosen.items():
            for entry in entries:
                yield _with(base, {name: entry}, f"param {name} = {show_value(entry.value)}")
            yield nothing
    for at in (-1, 1) if is_few else range(ROUNDS):
        together = {name: entries[at % len(entries)] for name, entries in chosen.items()}
        yield _with(base, together, "every param set")
        yield nothing


def _chosen(entries: Sequence[Entry], most: int) -> list[Entry]:
    """Return so many values: the default, lists of no and of several elements, others up to the ends of the type."""
    accepted = [entry for entry in entries if entry.expectation is Expectation.ACCEPT]
    first = [entry for entry in accepted[1:] if isinstance(entry.value, list) and len(entry.value) != 1]
    rest = [entry for entry in accepted[1:] if entry not in first]
    found = [*accepted[:1], *first[: most - 1]]
    n_more = min(max(1, most - len(found)), len(rest))
    return found + [rest[(at + 1) * len(rest) // n_more - 1] for at in range(n_more)]


def _with(base: Case, entries: Mapping[str, Entry], label: str) -> Case:
    level = max((entry.level for entry in entries.values()), default=base.level)
    params = {name: entry.value for name, entry in entries.items()}
    return replace(base, params=params, rule="param_arrives", label=label, level=max(level, base.level))


@dataclass(slots=True, kw_only=True)
class _Watch:
    """Sends requests one after the other, and holds what arrived and what came back against what was sent."""

    signature: Signature
    exchanges: Exchanges
    arrived: Arrived
    agreement: Agreement
    breaches: dict[str, Breach[Judgement]] = field(default_factory=dict)
    has_seen: bool = False
    is_unsteady: bool = False
    anchors: list[Exchange] = field(default_factory=list)
    last: Case | None = None

    def look_at(self, case: Case) -> None:
        exchange = self.exchanges.send(case)
        judgement = self._judged(exchange)
        if judgement is not None and judgement.key not in self.breaches:
            found_at = self.exchanges.requests
            self.breaches[judgement.key] = Breach(case=case, finding=judgement, found_at=found_at, tries=0)
        self.last = case

    def advice(self) -> Iterator[str]:
        if not self.has_seen:
            yield UNSEEN
        if self.is_unsteady:
            yield UNSTEADY

    def _judged(self, exchange: Exchange) -> Judgement | None:
        if exchange.outcome in LOST or exchange.outcome is RequestOutcome.REJECTED:
            return judge_outcome(exchange)
        return self._arrival(exchange) or self._leftover(exchange)

    def _arrival(self, exchange: Exchange) -> Judgement | None:
        received = self.arrived(exchange)
        if received is None:
            return self._untaken(exchange)
        self.has_seen = True
        for spec in self.signature.params or ():
            is_sent = spec.name in exchange.case.params
            wanted = exchange.case.params[spec.name] if is_sent else spec.default
            if spec.name not in received:
                return self._wrong(exchange, spec, wanted, "nothing", is_sent=is_sent)
            there = received[spec.name]
            if not is_same(spec, wanted, there):
                return self._wrong(exchange, spec, wanted, typed(there), is_sent=is_sent)
        return None

    def _untaken(self, exchange: Exchange) -> Judgement | None:
        """Return what it means that a call has data on record and no params: `predict` is never given any."""
        if not _is_recorded(exchange, "received"):
            return None
        self.has_seen = True
        if not exchange.case.params:
            return None
        names = ", ".join(spec.name for spec in self.signature.params or ())
        return Judgement(
            key="takes_none",
            is_breach=True,
            title=f"the signature declares params ({names}), and the model's predict takes none: they change nothing",
            expected=f"{exchange.case.label} at the model",
            received="predict is called without params",
            exchange=exchange,
            fix="Give predict the argument `params`, or log the model without params in its signature.",
        )

    def _wrong(self, exchange: Exchange, spec: ParamSpec, wanted: object, there: str, *, is_sent: bool) -> Judgement:
        after = f", after a request with {self.last.label}" if self.last is not None and self.last.params else ""
        what = "was sent" if is_sent else f"is the default of what was not sent{after}"
        return Judgement(
            key=f"arrival:{spec.name}:{is_sent}",
            is_breach=True,
            title=f"param {spec.name}: {typed(wanted)} {what}, and the model received {there}",
            expected=f"{spec.name} = {typed(wanted)} at the model",
            received=f"{spec.name} = {there}",
            exchange=exchange,
        )

    def _leftover(self, exchange: Exchange) -> Judgement | None:
        """Return what an answer without params shows of the request before: it must be what it was at first.

        The very first answer does not count, since it may show what another check has sent before.
        """
        if self.last is None or exchange.case.params or exchange.outcome is not RequestOutcome.PREDICTED:
            return None
        if len(self.anchors) < ANCHORS:
            self.anchors.append(exchange)
            self.is_unsteady = self.is_unsteady or not self._agree(self.anchors[0], exchange)
            return None
        if self.is_unsteady or self._agree(self.anchors[0], exchange):
            return None
        return self._proven(exchange, self.last)

    def _agree(self, one: Exchange, other: Exchange) -> bool:
        answers = [answer_in(exchange, self.signature.outputs) for exchange in (one, other)]
        first, second = answers
        return first is None or second is None or self.agreement.agree(first, second)  # matches_output_schema tells

    def _proven(self, exchange: Exchange, before: Case) -> Judgement | None:
        """Return the judgement where the same two requests show the same again; else the model is merely unsteady."""
        self.exchanges.send(before)
        again = self.exchanges.send(exchange.case)
        if again.outcome is not RequestOutcome.PREDICTED or not self._agree(again, exchange):
            self.is_unsteady = True
            return None
        return Judgement(
            plainly="without params the model answers otherwise after a request with some",
            key="leftover",
            is_breach=True,
            title=f"without params the model answers otherwise after a request with {before.label}: they outlive it",
            expected=answer_of(self.anchors[0]),
            received=answer_of(exchange),
            exchange=exchange,
        )
