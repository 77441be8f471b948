"""Why two requests for the same rows were answered differently, as the record of what reached the model tells."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from .arrival import ArrivalJudge, arrival_kind, change_of
from .calls import Call
from .judge import Blame, Exchange
from .recorded_key import recorded_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What made two answers differ.

    Attributes:
        reason: In words.
        key: Equal for two differences of the same cause; empty where only the place of the difference tells.
        blame: Where it went wrong, where that can be told.
        change: Of a value of the other request that changed on the way to the model: what was sent and what arrived.
        kind: Of such a value: how, in the word by which known deviations of servers are told.
    """

    reason: str
    key: str = ""
    blame: Blame | None = None
    change: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One of two requests for the same rows, and the words by which a reader knows it."""

    exchange: Exchange
    words: str


def cause_of(arrival: ArrivalJudge, plain: Way, other: Way) -> Cause:
    """Return why two answers differ.

    Args:
        arrival: Compares what was sent with what reached the model.
        plain: The request that the other one is held against.
        other: Of which a value that changed on the way is looked for first.
    """
    differ = f"the same rows get another answer {other.words} than {plain.words}"
    calls = [call for way in (plain, other) if (call := way.exchange.call) and call.received.is_recorded]
    if len(calls) < 2:
        return Cause(reason=differ)
    for way in (other, plain):
        exchange = way.exchange
        if exchange.call is not None and (wrong := arrival.difference(exchange.case, exchange.call)):
            came = f"{wrong.path}: sent {wrong.before}, the model received {wrong.after} {way.words}"
            told = {"change": change_of(wrong), "kind": arrival_kind(wrong)} if way is other else {}
            return Cause(reason=f"{came}, and the answers differ", key=wrong.key, blame=Blame.SCHEMA, **told)
    if len(set(map(_received, calls))) > 1:
        return Cause(reason=f"{differ}, since they reach the model as other types", key="types", blame=Blame.SCHEMA)
    return Cause(reason=f"{differ}, although they reach the model alike", blame=Blame.MODEL)


def _received(call: Call) -> Hashable:
    return recorded_key(call.received.value), recorded_key(call.params.value) if call.params.is_recorded else None
