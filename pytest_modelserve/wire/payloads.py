"""What a request carries, as plain data, before it has an envelope."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np


class Envelope(enum.Enum):
    """How the payload is wrapped on the wire; the value is the JSON key or the short name of the media type.

    UNIFIED is no wrapping: the body is the one row itself, params beside its columns, as chat and completion models
    take it, and the answer is the predictions alone.
    """

    DATAFRAME_SPLIT = "dataframe_split"
    DATAFRAME_RECORDS = "dataframe_records"
    INPUTS = "inputs"
    INSTANCES = "instances"
    CSV = "csv"
    PARQUET = "parquet"
    UNIFIED = "unified"


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
