"""A case: one request as data, with what should come of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np

NO_PARAMS: Final[Mapping[str, object]] = MappingProxyType({})


class Envelope(enum.Enum):
    """How the payload is wrapped on the wire; the value is the JSON key or the short name of the media type."""

    DATAFRAME_SPLIT = "dataframe_split"
    DATAFRAME_RECORDS = "dataframe_records"
    INPUTS = "inputs"
    INSTANCES = "instances"
    CSV = "csv"
    PARQUET = "parquet"


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
class Table:
    """Rows and columns of Python values.

    A cell is None, bool, int, float, str, bytes, numpy.datetime64 in nanoseconds, list or dict. An absent optional
    column is not listed. A broken table may repeat a column, have rows of another length or cells of a wrong type:
    it is sent as it stands.
    """

    columns: tuple[str | int, ...]
    rows: tuple[tuple[object, ...], ...]
    index: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensors:
    """Named arrays, or one under the name None; a broken one is a nested list instead of an array."""

    arrays: Mapping[str | None, np.ndarray | list[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON value sent as the whole body, envelope included; NaN and infinities are written as bare tokens."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class RawBody:
    """Bytes sent as they are; a content type of None sends no Content-Type header."""

    body: bytes
    content_type: str | None = "application/json"
    method: str = "POST"
    path: str = "/invocations"


Payload: TypeAlias = Table | Tensors | Document | RawBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request and its expectation.

    Attributes:
        payload: What is sent.
        envelope: How a Table or Tensors is wrapped; meaningless for the other payloads.
        params: The request's parameters; empty sends none.
        expectation: What the server must do.
        rule: The id of the contract's rule that the case exercises, such as `missing_column`.
        label: What is special, in a few words with the live value, such as `"age" = 2147483648 (above int32)`.
        level: The level of its farthest value.
    """

    payload: Payload
    envelope: Envelope = Envelope.DATAFRAME_SPLIT
    params: Mapping[str, object] = field(default_factory=lambda: NO_PARAMS)
    expectation: Expectation = Expectation.ACCEPT
    rule: str = "valid"
    label: str = ""
    level: Level = Level.EXAMPLE

    @property
    def n_rows(self) -> int | None:
        """Return how many rows are sent, or None where the payload does not say."""
        if isinstance(self.payload, Table):
            return len(self.payload.rows)
        if isinstance(self.payload, Tensors):
            return min((len(array) for array in self.payload.arrays.values()), default=0)
        return None
