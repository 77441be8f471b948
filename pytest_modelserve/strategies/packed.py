"""All boundary values of a table in a few rows, for checks that do not ask what the model makes of them.

A row holds one boundary value of every column at once, so that a table of 300 columns needs no more rows than one of 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..cases import Case, Envelope, Expectation, Level, Table
from ..domain import Domain
from ..signature.specs import ColumnSchema, Signature
from .carriers import FLAT, carries_cell, fits
from .edge_cases import Batch
from .params import param_pools
from .pools import Entry, Pool, column_pool, example_columns
from .values import shown

_KNOWN_ROWS: Final = 3  # of values that the model is known to take, so that a change of order shows


def packed_cases(
    signature: Signature,
    *,
    envelope: Envelope,
    example: Table | None = None,
    domain: Domain | None = None,
    raised: float | None = None,
) -> Iterator[Batch]:
    """Yield few requests that hold every boundary value of every column and parameter that an envelope carries.

    First rows of known values; then rows that must be accepted, one request for each level; then nulls and other
    values that the server may refuse, a row for each column; then all optional columns absent; last the parameters,
    each request with one boundary value of all of them. Nothing is yielded for a signature of tensors.

    Args:
        signature: What the model takes.
        envelope: How payloads are wrapped; values that it does not carry are left out.
        example: What the model is known to take.
        domain: Bound to the signature.
        raised: How many times its default a numeric parameter may grow at most.
    """
    schema = signature.inputs
    if not isinstance(schema, ColumnSchema):
        return
    known = domain or Domain()
    table = _Packed(schema, example, known, envelope)
    for batch in table.batches():
        if fits(batch.case, envelope, signature):
            yield batch
        else:  # an envelope of one row
            yield from (Batch(case=part) for part in batch.parts if fits(part, envelope, signature))
    if envelope not in FLAT:
        for params in _packed_params(param_pools(signature, known, raised=raised)):
            label = ", ".join(f"param {name} = {shown(entry.value)}" for name, entry in params.items())
            values = {name: entry.value for name, entry in params.items()}
            level = max(entry.level for entry in params.values())
            yield Batch(case=replace(table.plain, params=values, label=label, level=level))


class _Packed:
    """The pools of a table's columns, without what one envelope cannot carry."""

    def __init__(self, schema: ColumnSchema, example: Table | None, domain: Domain, envelope: Envelope) -> None:
        examples = example_columns(schema, example)
        self._envelope = envelope
        self._names = schema.names
        self._optional = [at for at, spec in enumerate(schema.columns) if not spec.required]
        specs = zip(schema.names, schema.columns, strict=True)
        self._pools = [self._carried(column_pool(spec, examples[name], domain, name=name)) for name, spec in specs]

    @property
    def plain(self) -> Case:
        """Return one row of the first value of each column."""
        return self._case([self._first()])

    def batches(self) -> Iterator[Batch]:
        known = [pool.upto(Level.EXAMPLE) for pool in self._pools]
        rows = [[entries[at % len(entries)] for entries in known] for at in range(_KNOWN_ROWS)]
        yield from self._batch(rows)
        for level in Level:
            entries = [[entry for entry in pool.strict[1:] if entry.level is level] for pool in self._pools]
            height = max(map(len, entries))
            columns = [
                [*column, *[first] * (height - len(column))]
                for column, first in zip(entries, self._first(), strict=True)
            ]
            yield from self._batch([list(row) for row in zip(*columns, strict=True)])
        yield from self._loose()
        if 0 < len(self._optional) < len(self._pools):
            yield Batch(case=self._case([self._first()], gone=self._optional))

    def _loose(self) -> Iterator[Batch]:
        """Yield what may be refused, one value a row: a request that is refused is sent again row by row."""
        rows = []
        for at, pool in enumerate(self._pools):
            for entry in pool.loose:
                row = self._first()
                row[at] = entry
                rows.append(row)
        yield from self._batch(rows)

    def _batch(self, rows: list[list[Entry]]) -> Iterator[Batch]:
        if not rows:
            return
        parts = tuple(self._case([row]) for row in rows)
        if any(pool.is_unique for pool in self._pools):  # merged rows would repeat the values of such a column
            yield from (Batch(case=part) for part in parts)
        else:
            yield Batch(case=self._case(rows), parts=parts if len(parts) > 1 else ())

    def _first(self) -> list[Entry]:
        return [pool.strict[0] for pool in self._pools]

    def _carried(self, pool: Pool) -> Pool:
        width = len(self._names)
        strict = [entry for entry in pool.strict if carries_cell(entry.value, (self._envelope,), width)]
        loose = [entry for entry in pool.loose if carries_cell(entry.value, (self._envelope,), width)]
        return replace(pool, strict=tuple(strict or pool.strict[:1]), loose=tuple(loose))

    def _case(self, rows: Sequence[Sequence[Entry]], *, gone: Sequence[int] = ()) -> Case:
        kept = [at for at in range(len(self._names)) if at not in gone]
        used = [row[at] for row in rows for at in kept]
        is_loose = any(entry.expectation is not Expectation.ACCEPT for entry in used)
        return Case(
            payload=Table(
                columns=tuple(self._names[at] for at in kept),
                rows=tuple(tuple(row[at].value for at in kept) for row in rows),
            ),
            envelope=self._envelope,
            expectation=Expectation.EITHER if is_loose else Expectation.ACCEPT,
            label="optional columns absent" if gone else "a boundary value in every column",
            level=max(Level.PLAUSIBLE if gone else Level.EXAMPLE, *(entry.level for entry in used)),
        )


def _packed_params(pools: Sequence[Pool]) -> Iterator[Mapping[str, Entry]]:
    for at in range(max((len(pool.strict) for pool in pools), default=0)):
        yield {str(pool.name): pool.strict[min(at, len(pool.strict) - 1)] for pool in pools if pool.strict}
