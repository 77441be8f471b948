"""The deterministic phase: each boundary value alone, absent columns, batch sizes, then every pair of values."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

import numpy as np

from ..cases import NO_PARAMS, Case, Envelope, Expectation, Level, Table, Tensors
from ..domain import Domain
from ..signature.specs import ColumnSchema, Signature, TensorSchema, TensorSpec
from .carriers import envelopes_for, fits
from .params import param_pools
from .pools import Entry, Pool, column_pool, example_columns
from .tensor_payloads import element_pool, largest_batch
from .tensors import base_array, dtype_of, free_sizes, shape_of
from .values import fingerprint, shown

BATCH_SIZES: Final = (1, 2, 3, 100)
_PAIRED: Final = 7  # values of a column that are paired with those of others; a prime, as the construction needs
_FIXED_SIZE: Final = "batch of "  # begins the label of cases whose number of rows is the point
_BATCH: Final = 50  # rows of one merged request


def edge_cases(
    signature: Signature,
    *,
    example: Table | Tensors | None = None,
    domain: Domain | None = None,
    envelopes: Sequence[Envelope] | None = None,
    raised: float | None = None,
) -> Iterator[Case]:
    """Yield valid requests in a fixed order, none twice: the same signature always gives the same ones.

    First the input example; then each column with each boundary value alone, all others as in the example; optional
    columns absent; batches of 1, 2, 3 and many; each parameter with each boundary value; last, single rows in which
    every pair of values of two columns stands together. Each comes in every envelope asked for, side by side.

    Args:
        signature: What the model takes; nothing is yielded where it declares no inputs.
        example: What the model is known to take.
        domain: Bound to the signature, as `domain.bound` returns it.
        envelopes: How payloads are wrapped, the first one that fits the signature by default; a case is left out of
            those that cannot carry it whole.
        raised: How many times its default a numeric parameter may grow at most.

    Raises:
        SignatureError: A tensor that JSON cannot carry.
    """
    known = domain or Domain()
    match signature.inputs:
        case ColumnSchema() as schema:
            table = example if isinstance(example, Table) else None
            found = _Tables.of(schema, table, known).cases(param_pools(signature, known, raised=raised))
        case TensorSchema() as schema:
            arrays = example if isinstance(example, Tensors) else None
            found = _tensor_edges(schema, arrays, known, param_pools(signature, known, raised=raised))
        case _:
            return
    wraps = envelopes_for(signature)[:1] if envelopes is None else tuple(envelopes)
    seen: set[Hashable] = set()
    for case in found:
        for envelope in wraps:
            key = (envelope, case_fingerprint(case))
            if key not in seen and fits(case, envelope, signature):
                seen.add(key)
                yield replace(case, envelope=envelope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Several cases as one request.

    Attributes:
        case: What is sent.
        parts: The cases that it was merged from, to be tried one by one where the batch fails; empty for a case that
            stands for itself.
    """

    case: Case
    parts: tuple[Case, ...] = ()


def as_batches(cases: Iterable[Case], *, n_rows: int = _BATCH, domain: Domain | None = None) -> Iterator[Batch]:
    """Merge neighbouring single rows that must be accepted into requests of up to `n_rows`; others pass as they are.

    Only cases of the same columns, envelope, parameters and level are merged, and none where the domain has a column
    of unique values, which merged rows would repeat. A batch of a fixed size stays what it is, one of one row too.
    """
    if domain is not None and any(column.unique for column in domain.columns.values()):
        yield from (Batch(case=case) for case in cases)
        return
    waiting: list[Case] = []
    for case in cases:
        key = _batch_key(case)
        if waiting and (len(waiting) == n_rows or key != _batch_key(waiting[0])):
            yield _merged(waiting)
            waiting = []
        if key is None:
            yield Batch(case=case)
        else:
            waiting.append(case)
    if waiting:
        yield _merged(waiting)


def case_fingerprint(case: Case) -> Hashable:
    """Return a key that two cases share only if they send the same payload and parameters."""
    match case.payload:
        case Table(columns=columns, rows=rows, index=index):
            payload: object = [list(columns), [list(row) for row in rows], list(index or ())]
        case Tensors(arrays=arrays):
            payload = {str(name): array for name, array in arrays.items()}
        case other:
            payload = [type(other).__name__, repr(other)]
    return fingerprint([payload, dict(case.params)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """The pools of a table's columns, and the rows that the model is known to take."""

    schema: ColumnSchema
    names: tuple[str | int, ...]
    pools: tuple[Pool, ...]
    example: Table | None

    @classmethod
    def of(cls, schema: ColumnSchema, example: Table | None, domain: Domain) -> _Tables:
        examples = example_columns(schema, example)
        pools = tuple(
            column_pool(spec, examples[name], domain, name=name)
            for name, spec in zip(schema.names, schema.columns, strict=True)
        )
        return cls(schema=schema, names=schema.names, pools=pools, example=example)

    def cases(self, params: Sequence[Pool]) -> Iterator[Case]:
        yield self._example()
        yield from self._single_edges()
        yield from self._absent()
        yield from self._batches()
        base = self._case([[pool.strict[0] for pool in self.pools]], "")
        yield from param_cases(base, params)
        yield from self._pairs()

    def _example(self) -> Case:
        if self.example is None:
            return self._case([[pool.strict[0] for pool in self.pools]], "plainest values")
        by_name = {
            name: {fingerprint(entry.value): entry for entry in (*pool.loose, *pool.strict)}
            for name, pool in zip(self.names, self.pools, strict=True)
        }
        cells = [
            by_name[name].get(fingerprint(cell))
            for row in self.example.rows
            for name, cell in zip(self.example.columns, row, strict=True)
            if name in by_name
        ]
        is_loose = any(entry is not None and entry.expectation is Expectation.EITHER for entry in cells)
        return Case(
            payload=self.example,
            expectation=Expectation.EITHER if is_loose else Expectation.ACCEPT,
            label="input example",
        )

    def _single_edges(self) -> Iterator[Case]:
        for at, pool in enumerate(self.pools):
            for entry in pool.special:
                row = [pool.strict[0] for pool in self.pools]
                row[at] = entry
                name = f" ({entry.name})" if entry.name else ""
                yield self._case([row], f'"{pool.name}" = {shown(entry.value)}{name}')

    def _absent(self) -> Iterator[Case]:
        optional = [at for at, spec in enumerate(self.schema.columns) if not spec.required]
        groups: list[tuple[int, ...]] = [(at,) for at in optional]
        if len(optional) > 1:
            groups.append(tuple(optional[1:] if len(optional) == len(self.pools) else optional))
        for group in groups:
            if len(group) < len(self.pools):
                names = ", ".join(f'"{self.pools[at].name}"' for at in group[:3])
                more = f" and {len(group) - 3} more" if len(group) > 3 else ""
                row = [pool.strict[0] for pool in self.pools]
                yield self._case([row], f"{names}{more} absent", gone=frozenset(group))

    def _batches(self) -> Iterator[Case]:
        for size in BATCH_SIZES:
            rows = [self._known_row(at) for at in range(size)]
            distinct = [len(pool.upto(Level.EXAMPLE)) for pool in self.pools if pool.is_unique]
            yield self._case(rows[: min([size, *distinct])], f"{_FIXED_SIZE}{size}")

    def _known_row(self, at: int) -> list[Entry]:
        known = [pool.upto(Level.EXAMPLE) for pool in self.pools]
        return [entries[at % len(entries)] for entries in known]

    def _pairs(self) -> Iterator[Case]:
        values = [[entry for entry in pool.strict if entry.level <= Level.PLAUSIBLE][:_PAIRED] for pool in self.pools]
        for indexes in _pairwise(len(values)):
            row = [
                entries[at] if at < len(entries) else entries[0] for entries, at in zip(values, indexes, strict=True)
            ]
            yield self._case([row], "pairs of values")

    def _case(self, rows: Sequence[Sequence[Entry]], label: str, *, gone: frozenset[int] = frozenset()) -> Case:
        names = self.names
        kept = [at for at in range(len(self.pools)) if at not in gone]
        used = [row[at] for row in rows for at in kept]
        loose = [entry for entry in used if entry.expectation is not Expectation.ACCEPT]
        rule = "valid" if not loose else "null_as_missing" if loose[0].value is None else "outside_domain"
        return Case(
            payload=Table(
                columns=tuple(names[at] for at in kept),
                rows=tuple(tuple(row[at].value for at in kept) for row in rows),
            ),
            expectation=Expectation.EITHER if loose else Expectation.ACCEPT,
            rule=rule,
            label=label,
            level=max(Level.PLAUSIBLE if gone else Level.EXAMPLE, *(entry.level for entry in used)),
        )


def param_cases(base: Case, params: Sequence[Pool]) -> Iterator[Case]:
    """Yield a case with all parameters at their defaults, and with each at each of its values alone."""
    if params:
        defaults = {str(pool.name): pool.strict[0].value for pool in params}
        yield replace(base, params=defaults, label="every param given")
    for pool in params:
        for entry in pool.strict:
            name = entry.name or "default"
            yield replace(
                base,
                params={str(pool.name): entry.value},
                label=f"param {pool.name} = {shown(entry.value)} ({name})",
                level=max(base.level, entry.level),
            )


def _pairwise(width: int) -> Iterator[tuple[int, ...]]:
    """Yield rows of indexes below 7 in which any two columns show every pair of indexes.

    Columns are numbered in base 7; two of them differ in a digit, and in that digit's block of 49 rows a column holds
    `a + digit * b`, so that two columns of different digits meet in every combination.
    """
    if width < 2:
        return
    for place in count():
        scale = _PAIRED**place
        if scale >= width:
            return
        for a in range(_PAIRED):
            for b in range(_PAIRED):
                yield tuple((a + column // scale % _PAIRED * b) % _PAIRED for column in range(width))


def _tensor_edges(
    schema: TensorSchema, example: Tensors | None, domain: Domain, params: Sequence[Pool]
) -> Iterator[Case]:
    free = free_sizes(schema, example)
    known = {axis: sizes[0] for axis, sizes in free.items()}

    def arrays(n_rows: int, sizes: Mapping[int, int]) -> dict[str | None, np.ndarray | list[object]]:
        return {spec.name: base_array(spec, shape_of(spec, n_rows, sizes), example) for spec in schema.tensors}

    start = Case(payload=Tensors(arrays=arrays(1, known)), label="plainest values")
    yield start if example is None else Case(payload=example, label="input example")
    for spec in schema.tensors:
        for entry in element_pool(spec, example, domain).special:
            yield from _element_cases(spec, entry, arrays(1, known))
    for axis, sizes in free.items():
        for size in sizes[1:]:
            changed = Tensors(arrays=arrays(1, {**known, axis: size}))
            yield Case(payload=changed, label=f"axis {axis} of size {size}", level=Level.PLAUSIBLE)
    if all(spec.shape[:1] == (-1,) for spec in schema.tensors):
        for size in sorted({largest_batch(schema, free, size) for size in BATCH_SIZES}):
            yield Case(payload=Tensors(arrays=arrays(size, known)), label=f"batch of {size}")
    yield from param_cases(start, params)


def _element_cases(
    spec: TensorSpec, entry: Entry, arrays: dict[str | None, np.ndarray | list[object]]
) -> Iterator[Case]:
    base = arrays[spec.name]
    if not isinstance(base, np.ndarray) or not base.size or not entry.name:
        return
    name = "" if spec.name is None else f'"{spec.name}" '
    one, every = base.copy(), np.empty(base.shape, dtype=dtype_of(spec))
    one.reshape(-1)[-1] = entry.value
    every.reshape(-1)[:] = [entry.value] * base.size
    for array, where in ((one, "last element"), (every, "every element")):
        yield Case(
            payload=Tensors(arrays={**arrays, spec.name: array}),
            expectation=entry.expectation,
            rule="valid" if entry.expectation is Expectation.ACCEPT else "outside_domain",
            label=f"{name}{where} = {shown(entry.value)} ({entry.name})",
            level=entry.level,
        )


def _rows(case: Case) -> tuple[tuple[object, ...], ...]:
    return case.payload.rows if isinstance(case.payload, Table) else ()


def _batch_key(case: Case) -> Hashable:
    if not isinstance(case.payload, Table) or case.expectation is not Expectation.ACCEPT or case.payload.index:
        return None
    if case.envelope is Envelope.UNIFIED:  # one row is the body
        return None
    if len(case.payload.rows) != 1 or case.label.startswith(_FIXED_SIZE):
        return None
    return (case.payload.columns, case.envelope, case.level, case.rule, fingerprint(dict(case.params)))


def _merged(waiting: Sequence[Case]) -> Batch:
    if len(waiting) == 1:
        return Batch(case=waiting[0])
    rows = tuple(row for case in waiting for row in _rows(case))
    columns = waiting[0].payload.columns if isinstance(waiting[0].payload, Table) else ()
    case = replace(
        waiting[0],
        payload=Table(columns=columns, rows=rows),
        params=waiting[0].params or NO_PARAMS,
        label=f"{len(rows)} rows from {waiting[0].label} to {waiting[-1].label}",
    )
    return Batch(case=case, parts=tuple(waiting))
