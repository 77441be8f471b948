"""The forms of one request: each envelope that carries it, with row labels, and with columns in another order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ..cases import Case, Envelope, Expectation, Table, Tensors
from ..search.loop import draw
from ..signature import ColumnSchema, Signature
from ..strategies.edge_cases import as_batches, edge_cases
from ..strategies.payloads import cases
from ..wire.capacity import can_carry
from .context import CheckContext
from .rejection import evenly
from .searches import RAISED, first_envelope, valid_envelopes

MOST_EDGES: Final = 3  # requests of edge values, each of up to fifty rows and sent once for each envelope
MOST_MADE: Final = 4_000  # edge cases looked at: the widest tables have tens of thousands
DRAWN_SHARE: Final = 33  # so many times fewer random frames than for the model itself
FIRST_LABEL: Final = 100  # of rows: none that could be taken for a position


def as_plain(case: Case, envelope: Envelope, signature: Signature) -> Case:
    """Return the plain form of a request: in one envelope, columns in the signature's order, no row labels."""
    table = case.payload
    if not isinstance(table, Table):
        return replace(case, envelope=envelope)
    return replace(case, envelope=envelope, payload=_reordered(table, _order(table, signature)))


def form_of(case: Case, signature: Signature) -> str:
    """Return how a request is wrapped, in words."""
    table = case.payload
    if not isinstance(table, Table):
        return case.envelope.value
    labels = " with row labels" if table.index is not None else ""
    is_ordered = _order(table, signature) == list(range(len(table.columns)))
    return f"{case.envelope.value}{labels}{'' if is_ordered else ' with columns in another order'}"


def all_forms(context: CheckContext, signature: Signature) -> Iterator[Case]:
    """Yield the other forms of requests, those of one request after the other.

    Of the example, or the plainest row, these are all; the others, which are edge values that all envelopes carry, one
    request with every param, and drawn frames, differ in their envelope alone.
    """
    envelopes = tuple(map(Envelope, valid_envelopes(context.model)))
    base, *others = _plain_cases(context, signature, envelopes)
    yield from _of_one(base, envelopes, signature)
    yield from _special(base, envelopes, signature)
    for case in others:
        yield from _of_one(case, envelopes, signature)


def _plain_cases(context: CheckContext, signature: Signature, envelopes: tuple[Envelope, ...]) -> Iterator[Case]:
    example = context.example_case
    rows = example.payload if example and isinstance(example.payload, Table | Tensors) else None
    first = (first_envelope(context.model),)
    edges = edge_cases(signature, example=rows, domain=context.domain, envelopes=first, raised=RAISED)
    plain: list[Case] = []
    with_params: list[Case] = []
    for case in itertools.islice(edges, MOST_MADE):
        if case.expectation is Expectation.ACCEPT:
            (with_params if case.params else plain).append(case)
    yield example or plain[0]
    yield from with_params[:1]
    carried = [case for case in plain if all(can_carry(case.payload, one, signature) for one in envelopes)]
    batches = list(as_batches(carried, domain=context.domain))
    merged = evenly([batch.case for batch in batches if batch.parts], MOST_EDGES)
    yield from merged
    alone = [batch.case for batch in batches if not batch.parts]  # a batch of known rows says little
    yield from alone[: MOST_EDGES - len(merged)]
    n_drawn = context.settings.examples // DRAWN_SHARE
    if n_drawn:
        drawn = cases(signature, example=rows, domain=context.domain, envelopes=first, raised=RAISED)
        yield from draw(drawn.filter(lambda case: case.expectation is Expectation.ACCEPT), n_drawn, context.seed)


def _of_one(case: Case, envelopes: tuple[Envelope, ...], signature: Signature) -> Iterator[Case]:
    for envelope in envelopes[1:]:
        if can_carry(case.payload, envelope, signature, has_params=bool(case.params)):
            yield replace(case, envelope=envelope)


def _special(case: Case, envelopes: tuple[Envelope, ...], signature: Signature) -> Iterator[Case]:
    table, inputs = case.payload, signature.inputs
    if not isinstance(table, Table) or not isinstance(inputs, ColumnSchema):
        return
    if Envelope.DATAFRAME_SPLIT in envelopes:
        labels = tuple(range(FIRST_LABEL, FIRST_LABEL + len(table.rows)))
        yield replace(case, envelope=Envelope.DATAFRAME_SPLIT, payload=replace(table, index=labels))
    if inputs.is_named and len(table.columns) > 1:
        back = _reordered(table, list(reversed(range(len(table.columns)))))
        for envelope in (Envelope.DATAFRAME_SPLIT, Envelope.DATAFRAME_RECORDS):
            if envelope in envelopes and can_carry(back, envelope, signature):
                yield replace(case, envelope=envelope, payload=back)


def _reordered(table: Table, order: list[int]) -> Table:
    rows = tuple(tuple(row[at] for at in order) for row in table.rows)
    return Table(columns=tuple(table.columns[at] for at in order), rows=rows)


def _order(table: Table, signature: Signature) -> list[int]:
    """Return the places of a table's columns in the signature's order, those that it does not know last."""
    names = signature.inputs.names if isinstance(signature.inputs, ColumnSchema) else ()
    places = {name: at for at, name in enumerate(names)}
    return sorted(range(len(table.columns)), key=lambda at: places.get(table.columns[at], len(places) + at))
