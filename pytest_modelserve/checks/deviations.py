"""Tells what a server is known to do wrong from what it does wrong besides, and from what the model does wrong.

A known deviation is no failure of the model, and no news of the server. It excuses nothing that the model raised or
returned: an answer that is no JSON because of NaN is judged as if it were, and so is one with instants in a form that
the contract does not have. But what it raised on a value that a server is known to change on the way says nothing of
what it does with the value. Nor does a deviation excuse a server that is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, cast

from ..cases import Case, Document, Envelope, Expectation, RawBody
from ..errors import DecodeError, EncodeError
from ..results import Advice, CheckResult, ShownDeviation
from ..server.deviations import Asked, Deviation, Seen
from ..signature import ColumnSchema, DataType, Signature, TensorSchema
from ..wire.envelopes import JSON_TYPE, MEDIA_TYPES
from ..wire.json_text import parse_json, write_json
from ..wire.values import JsonValue
from .arrival import ArrivalJudge, arrival_kind, change_of
from .cells import cells_of
from .instants import with_null_for_no_time, with_text_for_integers
from .judge import SHOWN_PORT, Exchange, Judgement
from .outcome import RequestOutcome

DEVIATION: Final = "deviation"  # the kind of a judgement that is one
ANSWER_FAILS: Final = "answer_fails"  # how an error shows that came after the model had returned
GONE: Final = "gone"  # the kind of advice on one that no longer shows
_ANSWER_BYTES: Final = 2000  # an error says what it is at its start
_CURL_BYTES: Final = 2000  # of a body, that a reader can still take in

_FIRST_KEY: Final = re.compile(rb'\s*\{\s*"(dataframe_split|dataframe_records|inputs|instances)"')
_FLAT: Final = {media_type: envelope.value for envelope, media_type in MEDIA_TYPES.items()}

Judge = Callable[[Exchange], "Judgement | None"]


class DeviationWatch:
    """Knows the deviations of the server that serves, and notes those that show in one check.

    Args:
        known: The deviations of its version.
        signature: Of the model, by whose types some of them show.
    """

    def __init__(self, known: Sequence[Deviation] = (), signature: Signature | None = None) -> None:
        self._known = tuple(known)
        self._kinds = frozenset(kind for one in known for kind in one.kinds)
        self._signature = signature
        self._exercised: set[str] = set()
        self._shown: dict[str, ShownDeviation] = {}
        outputs = signature.outputs if signature else None
        self._readings: tuple[tuple[str, Callable[[Exchange], Exchange | None]], ...] = (
            ("bare_nan", without_bare_nan),
            ("text_for_no_time", lambda exchange: with_null_for_no_time(exchange, outputs)),
            ("integer_for_instant", lambda exchange: with_text_for_integers(exchange, outputs)),
        )
        self._arrival = None if signature is None else ArrivalJudge(signature)

    def over(self, judge: Judge) -> Judge:
        """Return a judge that says the same but of known deviations, which it returns as no breach.

        Args:
            judge: Judges an exchange by the contract.
        """
        if not self._known:
            return judge

        def judged(exchange: Exchange) -> Judgement | None:
            first = judgement = judge(exchange)
            is_known = False
            for kind, read in self._readings:
                readable = None if judgement is None else read(exchange)
                if judgement is None or readable is None:
                    continue
                again = judge(readable)
                is_of_it = again is None or again.key != judgement.key
                if is_of_it and self.explains(asked_by(exchange.case, self._signature), Seen(kind=kind), exchange):
                    exchange, judgement, is_known = readable, again, True
            told = self.told(exchange, judgement)
            return _as_deviation(first) if told is None and is_known and first is not None else told

        return judged

    def readable(self, exchange: Exchange) -> Exchange:
        """Return an exchange with what the server is known to answer in another form in that of the contract."""
        for kind, read in self._readings:
            if kind in self._kinds:
                exchange = read(exchange) or exchange
        return exchange

    def told(self, exchange: Exchange, judgement: Judgement | None) -> Judgement | None:
        """Return a judgement, as no breach where it is about a known deviation alone."""
        asked = asked_by(exchange.case, self._signature)
        seen = None if judgement is None else _seen(exchange, judgement) or self._changed(exchange, judgement)
        if not self.explains(asked, seen, exchange) or judgement is None:
            return judgement
        return _as_deviation(judgement)

    def _changed(self, exchange: Exchange, judgement: Judgement) -> Seen | None:
        """Return what changed on the way to a model that raised on it, and might not have on what was sent.

        In the form that is searched in full a model answers for what it raises, lest its own fault never shows.
        """
        call, signature = exchange.call, self._signature
        if self._arrival is None or call is None or judgement.exception is None or exchange.is_lost:
            return None
        is_of_hint = signature is not None and signature.is_from_type_hint
        if is_of_hint or exchange.case.envelope is Envelope.DATAFRAME_SPLIT:
            return None
        if exchange.case.expectation is Expectation.REJECT or not call.received.is_recorded:
            return None
        wrong = self._arrival.difference(exchange.case, call)
        return None if wrong is None else Seen(kind=arrival_kind(wrong), change=change_of(wrong))

    def explains(self, asked: Asked, seen: Seen | None, exchange: Exchange | None = None) -> bool:
        """Tell whether what was seen of a request is a known deviation, and note it.

        Args:
            asked: The request.
            seen: What is not right about its answer; None where all is.
            exchange: The whole of it, for reading, where there is one.
        """
        self._exercised.update(one.id for one in self._known if one.is_exercised_by(asked))
        found = None if seen is None else next((one for one in self._known if one.shows_in(asked, seen)), None)
        if found is None:
            return False
        self._shown.setdefault(found.id, _as_shown(found, asked, exchange))
        return True

    @property
    def shown(self) -> tuple[ShownDeviation, ...]:
        """Return those that have shown so far."""
        return tuple(self._shown.values())

    @property
    def reason(self) -> str:
        """Return what those are that have shown, for a check that could do nothing because of them."""
        return "; ".join(f"{one.what} ({one.id})" for one in self._shown.values())

    def noted(self, result: CheckResult, *, is_whole: bool) -> CheckResult:
        """Return the result of a check with the deviations that have shown, and advice on those that should have.

        Args:
            result: As the check gave it.
            is_whole: Whether the check sent all that it sends; else some could not show.
        """
        if not self._known:
            return result
        gone = tuple(self._gone()) if is_whole else ()
        return replace(result, deviations=(*result.deviations, *self.shown), advice=(*result.advice, *gone))

    def _gone(self) -> Iterator[Advice]:
        if self._signature is not None and self._signature.is_from_type_hint:  # of which a server knows other ways
            return
        for one in self._known:
            if one.is_steady and one.id in self._exercised and one.id not in self._shown:
                yield Advice(
                    text=f"the known deviation {one.id} of {one.server} did not show: {one.what} It may be mended in "
                    f"this version ({one.link})",
                    kind=GONE,
                )


def asked_by(case: Case, signature: Signature | None) -> Asked:
    """Return a case as far as it decides whether a deviation can show."""
    return Asked(
        rule=case.rule,
        envelope=envelope_of(case),
        types=frozenset(types_of(signature, case.held)),
        label=case.label,
        n_rows=case.n_rows,
        wanted=case.expectation.value,
        cells=cells_of(case, signature),
    )


def is_deviation(judgement: Judgement | None) -> bool:
    """Tell whether a judgement is about a known deviation."""
    return judgement is not None and judgement.kind == DEVIATION


def types_of(signature: Signature | None, held: str | int | None) -> Iterator[str]:
    """Yield the declared type of a column or tensor; those of all where it is none of them."""
    inputs = signature.inputs if signature else None
    named: dict[str | int | None, str] = {}
    if isinstance(inputs, ColumnSchema):
        for name, column in zip(inputs.names, inputs.columns, strict=True):
            named[name] = column.type.value if isinstance(column.type, DataType) else type(column.type).__name__.lower()
    elif isinstance(inputs, TensorSchema):
        named = {tensor.name: tensor.dtype for tensor in inputs.tensors}
    if held is not None and held in named:
        yield named[held]
    else:
        yield from named.values()


def envelope_of(case: Case) -> str:
    """Return how the rows of a case are wrapped, as its body shows where it is sent as it is; empty where none does."""
    payload = case.payload
    if isinstance(payload, Document):
        keys = payload.value if isinstance(payload.value, dict) else ()
        return next((envelope.value for envelope in Envelope if envelope.value in keys), "")
    if not isinstance(payload, RawBody):
        return case.envelope.value
    media_type = (payload.content_type or "").partition(";")[0].strip()
    found = _FIRST_KEY.match(payload.body) if media_type == JSON_TYPE else None
    return found[1].decode() if found else _FLAT.get(media_type, "")


def without_bare_nan(exchange: Exchange) -> Exchange | None:
    """Return an answered exchange with null for each bare NaN or infinity; None where these are not all that is wrong.

    NaN is what an answer has null for, so that the rest can be judged.
    """
    if exchange.outcome is not RequestOutcome.PREDICTED:
        return None
    body = exchange.invocation.body
    try:
        parse_json(body)
    except DecodeError:
        pass
    else:
        return None
    try:
        text = write_json(cast("JsonValue", parse_json(body, bare_as_null=True)))
    except (DecodeError, EncodeError):
        return None
    return replace(exchange, invocation=replace(exchange.invocation, body=text))


def _seen(exchange: Exchange, judgement: Judgement) -> Seen | None:
    """Return what a judgement says of the server, None where it is about the model, or no server is left to excuse."""
    if exchange.is_lost:
        return None
    kind = judgement.kind
    if kind == RequestOutcome.SERVER_ERROR.value and exchange.call is not None:
        if exchange.exception is not None:
            return None
        kind = ANSWER_FAILS  # of what the model returned: only what is known to be the server's alone excuses that
    if exchange.case.expectation is not Expectation.REJECT and judgement.exception is not None:
        return None
    body = exchange.invocation.body[:_ANSWER_BYTES].decode("utf-8", "replace")
    return Seen(kind=kind, answer=f"{exchange.invocation.status} {body}", change=judgement.change)


def _as_deviation(judgement: Judgement) -> Judgement:
    return replace(judgement, key=f"{DEVIATION}:{judgement.key}", is_breach=False, kind=DEVIATION)


def _as_shown(deviation: Deviation, asked: Asked, exchange: Exchange | None) -> ShownDeviation:
    is_short = exchange is not None and len(exchange.invocation.request.body or b"") <= _CURL_BYTES
    return ShownDeviation(
        id=deviation.id,
        server=deviation.server,
        versions=deviation.versions,
        rule=asked.rule,
        what=deviation.what,
        link=deviation.link,
        request=exchange.invocation.as_curl(base_url=f"http://127.0.0.1:{SHOWN_PORT}")
        if exchange is not None and is_short
        else "",
    )
