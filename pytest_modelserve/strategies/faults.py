"""One fault in one place, before it has an envelope, and the case that it becomes in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from ..cases import Case, Envelope, Payload, RawBody
from ..signature.specs import Signature
from ..wire.capacity import why_not
from ..wire.envelopes import encode
from .carriers import FLAT
from .rules import rule
from .values import shown
from .wrong_values import Token, Wrong

JSON_ENVELOPES: Final = frozenset(Envelope) - FLAT
UNKNOWN: Final = "modelserve_unknown"  # the name of what no model declares
_STAND_IN: Final = "modelserve:token"  # text that a token's place is found by in an encoded body


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A broken payload, or broken parameters.

    Attributes:
        rule: The id of the rule that it breaks.
        label: What is wrong, with the live value.
        where: The column, tensor or parameter; None where it is all of them.
        build: Makes the broken payload; None leaves the valid one.
        params: The broken parameters; None leaves the valid ones.
        token: What stands in the place of the stand-in, once encoded.
        allowed: The envelopes that can show it.
        is_of_wide: Whether it is one of so many that each is sent in one envelope only.
    """

    rule: str
    label: str
    where: str | int | None = None
    build: Callable[[], Payload] | None = None
    params: Mapping[str, object] | None = None
    token: str = ""
    allowed: frozenset[Envelope] = frozenset(Envelope)
    is_of_wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which faults are asked for.

    Attributes:
        rules: Their rules; None for all.
        where: Where they stand; None for everywhere.
    """

    rules: frozenset[str] | None = None
    where: str | int | None = None

    def has(self, rule_id: str, where: str | int | None = None) -> bool:
        """Tell whether a fault of this rule at this place is asked for."""
        return (self.rules is None or rule_id in self.rules) and self.is_at(where)

    def is_at(self, where: str | int | None) -> bool:
        """Tell whether faults at this place are asked for."""
        return self.where is None or where == self.where


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Puts faults of one valid case into envelopes."""

    signature: Signature
    base: Case
    envelopes: tuple[Envelope, ...]

    def all_of(self, faults: Iterable[Fault]) -> Iterator[Case]:
        """Yield each fault in each envelope that can show it, the faults of wide models in one after the other."""
        turn = count()
        for fault in faults:
            fitting = self.fitting(fault)
            if fault.is_of_wide and fitting:
                fitting = [fitting[next(turn) % len(fitting)]]
            for envelope in fitting:
                yield self.case(fault, envelope)

    def fitting(self, fault: Fault) -> list[Envelope]:
        """Return the envelopes that can show a fault."""
        broken = self.base.payload if fault.build is None else fault.build()
        return [envelope for envelope in self.envelopes if self._fits(fault, broken, envelope)]

    def case(self, fault: Fault, envelope: Envelope) -> Case:
        """Return the request that has the fault."""
        case = replace(
            self.base,
            payload=self.base.payload if fault.build is None else fault.build(),
            params=self.base.params if fault.params is None else fault.params,
            envelope=envelope,
            expectation=rule(fault.rule).expectation,
            rule=fault.rule,
            label=fault.label,
            held=fault.where,
        )
        return with_token(case, fault.token, self.signature) if fault.token else case

    def _fits(self, fault: Fault, broken: Payload, envelope: Envelope) -> bool:
        if envelope not in fault.allowed or (envelope in FLAT and (fault.params or fault.token)):
            return False
        # the base must fit: what an envelope cannot carry when it is right, it cannot carry broken
        has_params = bool(self.base.params if fault.params is None else fault.params)
        return not why_not(self.base.payload, envelope, self.signature, has_params=has_params) and not why_not(
            broken, envelope, self.signature, has_params=has_params
        )


def with_token(case: Case, token: str, signature: Signature) -> Case:
    """Return the case as raw bytes, in which a token stands where the payload or params hold its stand-in.

    Raises:
        EncodeError: The envelope cannot carry the payload.
    """
    body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
    found = body.replace(f'"{_STAND_IN}"'.encode(), token.encode())
    return replace(case, payload=RawBody(body=found, content_type=content_type), params={})


def stand_in(value: object) -> tuple[object, str]:
    """Return what to put into a payload for a value, and the token that replaces it once encoded; empty for none."""
    match value:
        case Token():
            return _STAND_IN, value.text
        case list():
            parts = [stand_in(item) for item in value]
            return [part for part, _ in parts], "".join(token for _, token in parts)
        case Mapping():
            found = {name: stand_in(item) for name, item in value.items()}
            return {name: part for name, (part, _) in found.items()}, "".join(token for _, token in found.values())
    return value, ""


def shown_wrong(wrong: Wrong) -> str:
    """Return a wrong value as a label shows it."""
    return wrong.value.text if isinstance(wrong.value, Token) else shown(wrong.value)
