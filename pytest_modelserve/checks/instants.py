"""Answers in which a server wrote instants in another form than the contract has, read as it has them.

So the rest of such an answer can be judged. Where it is recorded what the model returned, an answer is only read so if
that is what the model returned: text "NaT", or an integer, of the model's own is the model's failure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, cast

import numpy as np

from ..errors import DecodeError, EncodeError
from ..signature import ColumnSchema, DataType, TensorSchema
from ..signature.datatypes import Array, ValueType
from ..signature.specs import Schema
from ..wire.json_text import parse_json, write_json
from ..wire.values import JsonValue
from .departure import INFINITY, DepartureJudge
from .judge import Exchange
from .outcome import RequestOutcome

_NS_ENDS: Final = np.iinfo(np.int64)  # of nanoseconds since 1970; the lowest of them is no time
_NO_TIME: Final = "NaT"

Read = Callable[[object], object]


def with_null_for_no_time(exchange: Exchange, outputs: Schema | None) -> Exchange | None:
    """Return an answered exchange with null for the text "NaT" in outputs that are instants; None where there is none.

    Args:
        exchange: Any.
        outputs: The output schema, which tells what are instants.
    """
    return _read_again(exchange, outputs, lambda value: None if value == _NO_TIME else value)


def with_text_for_integers(exchange: Exchange, outputs: Schema | None) -> Exchange | None:
    """Return an answered exchange with ISO 8601 text for integers in outputs that are instants; None if there is none.

    Args:
        exchange: Any.
        outputs: The output schema, which tells what are instants.
    """
    return _read_again(exchange, outputs, _text_of)


def _text_of(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not _NS_ENDS.min < value <= _NS_ENDS.max:
        return value
    return str(np.datetime_as_string(np.datetime64(value, "ns")))


def _read_again(exchange: Exchange, outputs: Schema | None, read: Read) -> Exchange | None:
    instants = _instants(outputs)
    if exchange.outcome is not RequestOutcome.PREDICTED or not instants:
        return None
    try:
        document = parse_json(exchange.invocation.body)
    except DecodeError:
        return None
    if not isinstance(document, dict) or "predictions" not in document:
        return None
    raw = document["predictions"]
    readable = _named(raw, instants, read) if None not in instants else _each(raw, read)
    if readable == raw or not _is_what_was_returned(exchange, outputs, readable):
        return None
    try:
        text = write_json(cast("JsonValue", {**document, "predictions": readable}))
    except EncodeError:
        return None
    return replace(exchange, invocation=replace(exchange.invocation, body=text))


def _is_what_was_returned(exchange: Exchange, outputs: Schema | None, readable: object) -> bool:
    """Tell whether the model returned what was read, as far as that is recorded; infinity has its own check."""
    call = exchange.call
    if call is None or not call.returned.is_recorded:
        return True
    wrong = DepartureJudge(outputs).difference(call.returned.value, readable)
    return wrong is None or wrong[1].kind == INFINITY


def _instants(outputs: Schema | None) -> frozenset[str | int | None]:
    """Return the names of the outputs that are instants, or hold them; None for the only one without a name."""
    if isinstance(outputs, ColumnSchema):
        found = zip(outputs.columns, (_is_instant(spec.type) for spec in outputs.columns), strict=True)
        return frozenset(spec.name for spec, is_instant in found if is_instant)
    if isinstance(outputs, TensorSchema):
        return frozenset(spec.name for spec in outputs.tensors if spec.dtype.startswith("datetime64"))
    return frozenset()


def _is_instant(declared: ValueType) -> bool:
    while isinstance(declared, Array):
        declared = declared.items
    return declared is DataType.DATETIME


def _named(raw: object, names: frozenset[str | int | None], read: Read) -> object:
    """Return records, or columns by name, with what stands under these names read."""
    if isinstance(raw, list):
        return [_named(item, names, read) for item in raw]
    if isinstance(raw, Mapping):
        return {key: _each(value, read) if key in names else value for key, value in raw.items()}
    return raw


def _each(value: object, read: Read) -> object:
    return [_each(item, read) for item in value] if isinstance(value, list) else read(value)
