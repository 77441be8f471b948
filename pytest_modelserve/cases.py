"""A case: one request as data, with what should come of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .wire.payloads import Document, Envelope, Payload, RawBody, Table, Tensors

__all__ = [
    "NO_PARAMS",
    "Case",
    "Document",
    "Envelope",
    "Expectation",
    "Level",
    "Payload",
    "RawBody",
    "Table",
    "Tensors",
]

NO_PARAMS: Final[Mapping[str, object]] = MappingProxyType({})


class Expectation(enum.Enum):
    """What the contract wants of the server (`CONTRACT`: accept, reject, or either)."""

    ACCEPT = "accept"
    REJECT = "reject"
    EITHER = "either"


class Level(enum.IntEnum):
    """How far a value is from what the model is known to take; a case has the level of its farthest value."""

    EXAMPLE = 0
    PLAUSIBLE = 1
    EXTREME = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request and its expectation.

    Attributes:
        payload: What is sent.
        envelope: How a Table or Tensors is wrapped; of the other payloads it only says whether the answer is unified.
        params: The request's parameters; empty sends none.
        expectation: What the server must do.
        rule: The id of the contract's rule that the case exercises, such as `missing_column`.
        label: What is special, in a few words with the live value, such as `"age" = 2147483648 (above int32)`.
        level: The level of its farthest value.
        held: The column whose cell in the last row, or the parameter, that breaks the rule: it stays as it is while the
            case is made small, since without it the case is another one.
    """

    payload: Payload
    envelope: Envelope = Envelope.DATAFRAME_SPLIT
    params: Mapping[str, object] = field(default_factory=lambda: NO_PARAMS)
    expectation: Expectation = Expectation.ACCEPT
    rule: str = "valid"
    label: str = ""
    level: Level = Level.EXAMPLE
    held: str | int | None = None

    @property
    def n_rows(self) -> int | None:
        """Return how many rows are sent, or None where the payload does not say."""
        if isinstance(self.payload, Table):
            return len(self.payload.rows)
        if isinstance(self.payload, Tensors):
            # an array without dimensions is one value, and has no length
            return min(
                (len(array) if getattr(array, "ndim", 1) else 1 for array in self.payload.arrays.values()), default=0
            )
        return None
