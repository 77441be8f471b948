"""Cases with one single fault each, made from a valid case: enumerated, or drawn together with the valid case."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ..cases import Case, Envelope, Table, Tensors
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from .column_faults import cell_faults, structure_faults
from .faults import Fault, Maker, Wanted
from .param_faults import param_faults
from .tensor_faults import element_faults, shape_faults


def mutations(
    signature: Signature,
    base: Case,
    *,
    envelopes: Sequence[Envelope] = tuple(Envelope),
    rules: Collection[str] | None = None,
) -> Iterator[Case]:
    """Yield requests that differ from a valid one in a single fault, in a fixed order.

    The fault stands in the last row, since servers look at the first. Each column breaks each rule with each wrong
    value in each envelope that can carry it; a model of more than 40 columns breaks each rule once a column, in one
    envelope after the other.

    Args:
        signature: What the model takes; nothing is yielded where it declares no inputs.
        base: A case that the server must accept, of a table or tensors.
        envelopes: Those to use.
        rules: The ids of the rules to break; all of them by default.
    """
    wanted = Wanted(rules=None if rules is None else frozenset(rules))
    maker = Maker(signature=signature, base=base, envelopes=tuple(envelopes))
    yield from maker.all_of(faults_of(signature, base, wanted))


def faults_of(signature: Signature, base: Case, wanted: Wanted) -> Iterator[Fault]:
    """Yield the faults that are asked for, before they have an envelope; see `mutations`."""
    match signature.inputs, base.payload:
        case ColumnSchema() as schema, Table() as table:
            yield from structure_faults(signature, schema, table, wanted)
            yield from cell_faults(schema, table, wanted)
        case TensorSchema() as schema, Tensors() as tensors:
            yield from shape_faults(schema, tensors, wanted)
            yield from element_faults(schema, tensors, wanted)
        case _:
            return
    yield from param_faults(signature.params or (), base, wanted)
