"""Which envelopes carry a model's payloads, and which of its cells the flat ones can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..cases import Case, Envelope, Payload, Table, Tensors
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from ..wire.capacity import can_carry, why_not
from .edges import base_value
from .tensors import base_array, shape_of

FLAT: Final = frozenset({Envelope.CSV, Envelope.PARQUET})  # what carries less than JSON, and no parameters


def plain_payload(signature: Signature) -> Table | Tensors | None:
    """Return one row of the plainest values, or None where the signature declares no inputs.

    Raises:
        SignatureError: A tensor that JSON cannot carry.
    """
    match signature.inputs:
        case ColumnSchema() as schema:
            return Table(columns=schema.names, rows=(tuple(base_value(spec.type) for spec in schema.columns),))
        case TensorSchema(tensors=specs):
            return Tensors(arrays={spec.name: base_array(spec, shape_of(spec, 1, {}), None) for spec in specs})
    return None


def envelopes_for(
    signature: Signature, among: Sequence[Envelope] = tuple(Envelope), *, payload: Payload | None = None
) -> tuple[Envelope, ...]:
    """Return the envelopes that can carry payloads of this signature, in the order given.

    Args:
        signature: What the model takes.
        among: Those to choose from.
        payload: What they have to carry; the plainest row by default.
    """
    sent = payload or plain_payload(signature)
    return () if sent is None else tuple(one for one in among if not why_not(sent, one, signature))


def fits(case: Case, envelope: Envelope, signature: Signature) -> bool:
    """Tell whether an envelope carries a valid case whole."""
    has_params = bool(case.params)
    if envelope in FLAT:
        return can_carry(case.payload, envelope, signature, has_params=has_params)
    # JSON carries every valid cell, so that only the form needs a look
    return not why_not(case.payload, envelope, signature, has_params=has_params)


def carries_cell(value: object, envelopes: Sequence[Envelope], width: int) -> bool:
    """Tell whether every one of the envelopes carries a cell of a table of this many columns."""
    beside: tuple[object, ...] = () if width == 1 else (1,)
    row = Table(columns=tuple(range(1 + len(beside))), rows=((value, *beside),))
    return all(can_carry(row, envelope, None) for envelope in envelopes if envelope in FLAT)
