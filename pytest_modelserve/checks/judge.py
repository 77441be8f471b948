"""Judges one answer by what the contract wants of its case.

Source: `CONTRACT` sections 0 (levels), 1 and 2 (expectations), 3 (outputs).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..cases import Case, Expectation, Level
from ..client import Invocation
from ..errors import DecodeError
from ..strategies.rules import status_of
from ..wire.json_text import parse_json
from .calls import Call, RaisedException
from .outcome import RequestOutcome, is_overflow

SHOWN_PORT: Final = 5001
"""Where the curl lines go that a reader is shown: he serves the model there."""

GONE: Final = frozenset({RequestOutcome.TIMED_OUT, RequestOutcome.DISCONNECTED})


class Blame(enum.Enum):
    """Where the outcome of a request was decided."""

    PARSER = "parser"
    SCHEMA = "schema"
    MODEL = "model"
    ENCODER = "encoder"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A case, its answer, and what the model's process recorded of it."""

    case: Case
    invocation: Invocation
    outcome: RequestOutcome
    call: Call | None = None

    @property
    def exception(self) -> RaisedException | None:
        """Return what the model raised, if it did."""
        return self.call.exception if self.call else None

    @property
    def blame(self) -> Blame:
        """Return where the outcome was decided, as the server says or as the outcome shows."""
        said = self.invocation.headers.get("x-modelserve-decided-by")
        if said in {blame.value for blame in Blame}:
            return Blame(said)
        if self.outcome in {RequestOutcome.MODEL_CRASHED, RequestOutcome.MODEL_REFUSED}:
            return Blame.MODEL
        return Blame.SCHEMA if self.outcome is RequestOutcome.REJECTED else Blame.SERVER

    @property
    def is_lost(self) -> bool:
        """Tell whether the request cost its server, or left it unable to answer the next one."""
        return self.outcome in GONE or self.invocation.status == 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is not simply right about an exchange.

    Attributes:
        key: Equal for two exchanges that show the same thing; held fixed while a case is made small.
        is_breach: Whether the contract is broken; else it is advice.
        title: What happened, in one line that stands alone.
        expected: What the contract wants.
        received: What came.
        exchange: The evidence.
        seen_in: Where it went wrong, where that is not what the exchange itself says.
        facts: What else a reader needs to see it again, a line each.
        plainly: What happened, without a value of a row; empty where the outcome of the request says it.
        fix: What to do where the model is right as it is; empty where nothing but the model can be changed.
        kind: What went wrong, in one word by which known deviations of servers are told; empty where they have none.
        change: Of a value that changed on the way to the model: what was sent and what arrived.
    """

    key: str
    is_breach: bool
    title: str
    expected: str
    received: str
    exchange: Exchange = field(repr=False)
    seen_in: Blame | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    plainly: str = ""
    fix: str = ""
    kind: str = ""
    change: str = ""

    @property
    def blame(self) -> Blame:
        """Return where it went wrong."""
        return self.seen_in or self.exchange.blame

    @property
    def exception(self) -> RaisedException | None:
        """Return what the model raised, where that is what went wrong."""
        return self.exchange.exception if self.seen_in in {None, Blame.MODEL} else None


LOST: Final = GONE | {RequestOutcome.SERVER_ERROR}


def judge_outcome(exchange: Exchange) -> Judgement | None:
    """Return what the outcome of a request breaks, or None where it is as it should be."""
    if exchange.outcome in LOST:
        return _lost(exchange)
    wanted = exchange.case.expectation
    if wanted is Expectation.REJECT:
        return _judge_rejection(exchange)
    if wanted is Expectation.EITHER:
        return _judge_error_body(exchange) if exchange.outcome is RequestOutcome.REJECTED else None
    if exchange.outcome is RequestOutcome.REJECTED:
        return _breach(
            exchange,
            "rejected",
            f"a valid request was rejected: {exchange.case.label or exchange.case.rule}",
            "200: the signature allows this value",
            answer_of(exchange),
        )
    if exchange.exception is not None:
        return _judge_exception(exchange, exchange.exception)
    return None


def _judge_exception(exchange: Exchange, raised: RaisedException) -> Judgement:
    has_crashed = exchange.outcome is RequestOutcome.MODEL_CRASHED
    level = exchange.case.level
    excused = is_overflow(raised) if has_crashed else level > Level.EXAMPLE
    is_breach = not excused if level is Level.EXTREME or not has_crashed else True
    word = "crashed on" if has_crashed else "refused"
    where = f"{raised.last_frame.get('file')}:{raised.last_frame.get('line')}"
    return Judgement(
        key=f"{exchange.outcome.value}:{raised.type}:{where}",
        is_breach=is_breach,
        title=f"the model {word} {exchange.case.label or 'a valid request'}: {raised.type}: {_short(said_by(raised))}",
        expected="200 with predictions" + (" or a refusal on purpose" if level > Level.EXAMPLE and has_crashed else ""),
        received=answer_of(exchange),
        exchange=exchange,
    )


def _judge_rejection(exchange: Exchange) -> Judgement | None:
    expected = "4xx with a JSON error body, the model not reached"
    what = exchange.case.label or exchange.case.rule
    if exchange.outcome is RequestOutcome.PREDICTED:
        return _breach(exchange, "accepted", f"an invalid request was accepted: {what}", expected, answer_of(exchange))
    if exchange.call is not None:
        return _breach(
            exchange, "reached", f"an invalid request reached the model: {what}", expected, answer_of(exchange)
        )
    wanted = status_of(exchange.case.rule)
    if wanted is not None and exchange.invocation.status != wanted:
        title = f"an invalid request was answered {exchange.invocation.status}, not {wanted}: {what}"
        return _breach(exchange, "status", title, f"{wanted} with a JSON error body", answer_of(exchange))
    return _judge_error_body(exchange)


def _judge_error_body(exchange: Exchange) -> Judgement | None:
    if exchange.invocation.request.method == "HEAD":  # has no body (RFC 9110)
        return None
    media_type = exchange.invocation.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        document = parse_json(exchange.invocation.body)
    except DecodeError:
        document = None
    if isinstance(document, dict) and document and media_type.endswith("json"):  # application/problem+json, too
        return None
    return _breach(
        exchange,
        "error_body",
        "a rejection has no JSON error body",
        "a JSON object that says why, as application/json",
        f"{answer_of(exchange)}  ({media_type or 'no Content-Type'})",
    )


def _lost(exchange: Exchange) -> Judgement:
    what = exchange.case.label or exchange.case.rule
    return Judgement(
        key=f"{exchange.outcome.value}:{exchange.invocation.status}",
        is_breach=True,
        title=f"{_loss(exchange)}: {what}",
        expected="an answer" if exchange.case.expectation is not Expectation.REJECT else "4xx with a JSON error body",
        received=answer_of(exchange),
        exchange=exchange,
        kind=exchange.outcome.value,
    )


def _loss(exchange: Exchange) -> str:
    if exchange.outcome is RequestOutcome.TIMED_OUT:
        return "no answer in time"
    if exchange.outcome is RequestOutcome.DISCONNECTED:
        return "the connection was lost"
    status = exchange.invocation.status
    if status == 503 and exchange.call is None:
        return "the model's process ended"  # our front outlives it to say so
    if exchange.exception is not None:
        return f"the server answered {status} although the model raised {exchange.exception.type}"
    did = "was not reached" if exchange.call is None else "returned a prediction"
    return f"the server answered {status} although the model {did}"


def _breach(exchange: Exchange, key: str, title: str, expected: str, received: str) -> Judgement:
    return Judgement(
        key=f"{exchange.case.rule}:{key}:{exchange.blame.value}",
        is_breach=True,
        title=title,
        expected=expected,
        received=received,
        exchange=exchange,
        kind=key,
    )


def answer_of(exchange: Exchange) -> str:
    """Return an answer for reading: its status and the start of its body, or why none came."""
    invocation = exchange.invocation
    if invocation.error is not None:
        return f"{invocation.error.kind.value} after {invocation.elapsed_s:.1f} s: {invocation.error.text}"
    return f"{invocation.status}  {_short(invocation.body.decode('utf-8', 'replace'), 300)}"


_CLOCK: Final = re.compile(r"\[\d\d:\d\d:\d\d\] ?")


def said_by(raised: RaisedException) -> str:
    """Return the message of an exception without the time of day, by which XGBoost makes each of its own another."""
    return _CLOCK.sub("", raised.message)


def _short(text: str, limit: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
