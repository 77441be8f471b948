"""Whether values survive the way: what the client sends to the model, and what the model returns to the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ..cases import Case, Envelope, Expectation, Level, RawBody
from ..errors import DecodeError
from ..results import Advice, CheckResult, Judges, Outcome, notes
from ..wire.breach import Place
from ..wire.json_text import parse_json
from ..wire.values import show_value
from .arrival import ArrivalJudge, arrival_kind, change_of
from .conclusion import left_out
from .context import CheckContext
from .departure import INFINITY, DepartureJudge
from .difference import Difference
from .exchanges import is_lost
from .judge import Blame, Exchange, Judgement, answer_of, judge_outcome
from .outcome import RequestOutcome
from .outputs import OutputJudge
from .searches import ENDED_BY_LOSS, Search, first_envelope, searched
from .uncarried import uncarried

SHARE: Final = 8  # so many times fewer random frames than for the model itself: few of them add a value
NO_SPY: Final = "what reaches the model is not recorded on this server"
NO_CONTENTS: Final = "the server keeps no record of what the model was given and what it returned"
NOBODY_READ: Final = "not one answer could be compared with what the model returned"


def round_trip_input(context: CheckContext, variant: str) -> CheckResult:
    """Send what the signature allows in one envelope, and compare what the model received with what was sent.

    A request that the model refuses or crashes on has reached it, and is compared as well.
    """
    check, signature = f"round_trip_input[{variant}]", context.model.signature
    if not context.served.has_spy or signature is None:
        return left_out(check, Judges.SERVER, NO_SPY)
    watch = _Watch(context, check, Judges.SERVER)
    arrival = ArrivalJudge(signature, is_converted=context.model.is_type_hint_from_example)

    def judge(exchange: Exchange) -> Judgement | None:
        call = exchange.call
        if call is None or not call.received.is_recorded or isinstance(exchange.case.payload, RawBody):
            return watch.unseen(exchange)
        watch.compared += 1
        wrong = arrival.difference(exchange.case, call)
        if wrong is not None:
            return as_arrival(exchange, wrong)
        narrowed = arrival.narrowed(call)
        if narrowed and context.settings.strict:
            return as_arrival(exchange, _as_width(*narrowed[0]))
        for name, declared, dtype in narrowed:
            watch.advise(f"column {name} is declared {declared} and arrives as {dtype}, which changed no value of it")
        return None

    asked = Search(check=check, envelope=Envelope(variant), judges=Judges.SERVER, share=SHARE, is_packed=True)
    return watch.concluded(asked, judge)


def _as_width(name: str, declared: str, dtype: str) -> Difference:
    return Difference(kind="width", path=f"the dtype of {show_value(name)}", before=declared, after=dtype, name=name)


def as_arrival(exchange: Exchange, wrong: Difference) -> Judgement:
    """Return a value that changed on the way to the model, as a breach."""
    return Judgement(
        key=f"arrival:{wrong.key}",
        is_breach=True,
        title=f"{wrong.path}: sent {wrong.before}, the model received {wrong.after}, in {exchange.case.envelope.value}",
        expected=f"{wrong.before}, as it was sent",
        received=wrong.after,
        exchange=exchange,
        seen_in=Blame.PARSER if wrong.name is None else Blame.SCHEMA,
        kind=arrival_kind(wrong),
        change=change_of(wrong),
    )


def round_trip_output(context: CheckContext, _: str) -> CheckResult:
    """Send what the signature allows, and compare each answer with what the model returned."""
    check = "round_trip_output"
    if not context.served.has_spy:
        return left_out(check, Judges.MODEL, NO_SPY)
    watch = _Watch(context, check, Judges.MODEL)
    judge = _OutputTrip(context, watch)
    asked = Search(check=check, envelope=first_envelope(context.model), share=SHARE)
    return watch.concluded(asked, judge)


@dataclass(slots=True)
class _Watch:
    """Counts what could be compared, and says what a search came to.

    Attributes:
        compared: How many exchanges were compared.
        recorded: Whether anything was recorded of what the model returned.
        lost: The first request that cost a server, told by the checks of that.
        advice: What is no breach, each sentence once.
    """

    context: CheckContext
    check: str
    judges: Judges
    compared: int = 0
    lost: Judgement | None = None
    recorded: bool = False
    advice: dict[str, None] = field(default_factory=dict)

    def advise(self, text: str) -> None:
        """Take in a sentence."""
        self.advice[text] = None

    def unseen(self, exchange: Exchange) -> Judgement | None:
        """Return what makes a batch be taken apart, or ends the search: an outcome that other checks tell."""
        judgement = judge_outcome(exchange)
        if judgement is None:
            return self._refused(exchange)
        if is_lost(exchange):
            self.lost = self.lost or judgement
        return replace(judgement, is_breach=False)

    @staticmethod
    def _refused(exchange: Exchange) -> Judgement | None:
        """Return what makes rows be sent one by one of which one at least is refused, as the server may."""
        if exchange.outcome is not RequestOutcome.REJECTED or (exchange.case.n_rows or 0) < 2:
            return None
        received = answer_of(exchange)
        return Judgement(
            key="refused", is_breach=False, title="refused", expected="", received=received, exchange=exchange
        )

    def concluded(self, asked: Search, judge: Callable[[Exchange], Judgement | None]) -> CheckResult:
        """Return what a search came to, with no advice but what was taken in here."""
        result, _notes = searched(self.context, asked, judge)
        result = replace(result, advice=(*self._cut(result.advice), *notes(self.advice)))
        if result.outcome is Outcome.FAILED:
            return result
        if self.lost is not None:
            what = self.lost.exchange.outcome.value if self.context.settings.redact else self.lost.title
            reason = f"{ENDED_BY_LOSS}: {what}"
            return replace(result, outcome=Outcome.INCONCLUSIVE, reason=reason)
        if not self.compared and (result.accepted or self.context.cases):
            return left_out(self.check, self.judges, NOBODY_READ if self.recorded else NO_CONTENTS)
        return result

    @staticmethod
    def _cut(advice: tuple[Advice, ...]) -> Iterator[Advice]:
        return (one for one in advice if one.kind == "note")


class _OutputTrip:
    """Judges what became of what the model returned."""

    def __init__(self, context: CheckContext, watch: _Watch) -> None:
        signature = context.model.signature
        self._watch = watch
        self._departure = DepartureJudge(signature.outputs if signature else None)
        self._schema = OutputJudge(signature, context.example_case)

    def __call__(self, exchange: Exchange) -> Judgement | None:
        call = exchange.call
        if call is None or not call.returned.is_recorded:
            return self._watch.unseen(exchange)
        self._watch.recorded = True
        if exchange.outcome is not RequestOutcome.PREDICTED:
            return self._of_error(exchange, call.returned.value)
        try:
            document = parse_json(exchange.invocation.body)
        except DecodeError as error:
            return self._breach(exchange, "json", error.happened, "strict JSON (RFC 8259)", answer_of(exchange))
        if not isinstance(document, dict) or "predictions" not in document:
            return None  # matches_output_schema tells it
        self._watch.compared += 1
        found = self._departure.difference(call.returned.value, document["predictions"])
        return None if found is None else self._of_difference(exchange, *found)

    def _of_error(self, exchange: Exchange, returned: object) -> Judgement | None:
        part = uncarried(returned) if exchange.outcome is RequestOutcome.SERVER_ERROR else None
        if part is None:
            return self._watch.unseen(exchange)
        self._watch.compared += 1
        place, what = part
        title = f"{place}: the model returned {what}, which JSON cannot carry"
        return self._breach(exchange, "uncarried", title, "what JSON has a form for", answer_of(exchange))

    def _of_difference(self, exchange: Exchange, place: Place, wrong: Difference) -> Judgement | None:
        title = f"{wrong.path}: the model returned {wrong.before}, the client received {wrong.after}"
        if wrong.kind != INFINITY:
            return self._breach(exchange, wrong.key, title, f"{wrong.before}, as it was returned", wrong.after)
        title = f"{wrong.path}: the model returned {wrong.before}, which JSON cannot carry: null came"
        is_tame = self._must_be_finite(exchange.case, place.row)
        if not is_tame and self._schema(exchange) is None:  # else matches_output_schema has the advice
            column = "a prediction" if wrong.name is None else f"the output {wrong.name}"
            self._watch.advise(f"{column} is {wrong.before} for some inputs far out, for which JSON has only null")
        if not is_tame and exchange.case.level is Level.EXTREME:
            return None  # nor is any other row of the request
        told = self._breach(exchange, wrong.key, title, "a number, or NaN for none", wrong.after)
        return replace(told, is_breach=is_tame)

    def _must_be_finite(self, case: Case, row: int | None) -> bool:
        if case.expectation is Expectation.EITHER:
            return False
        return self._watch.context.settings.strict or self._schema.must_predict(case, row)

    def _breach(self, exchange: Exchange, key: str, title: str, expected: str, received: str) -> Judgement:
        return Judgement(
            key=f"departure:{key}",
            is_breach=True,
            title=title,
            expected=expected,
            received=received,
            exchange=exchange,
            seen_in=Blame.ENCODER,
        )
