"""The values that each column, tensor or parameter is tried with, nearest to the input example first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ..cases import Expectation, Level, Table
from ..domain import ColumnDomain, Domain
from ..signature.datatypes import DataType, ValueType
from ..signature.specs import ColumnSchema, ColumnSpec
from .edges import base_value, edges
from .levels import level_of
from .nulls import null_expectation
from .values import first_of_each

_MAX_EXAMPLES: Final = 24  # distinct example values of a column: a byte then still reaches each edge
_TENFOLD: Final = 10
_NUMBERS: Final = frozenset({DataType.INTEGER, DataType.LONG, DataType.FLOAT, DataType.DOUBLE})
_INT_ENDS: Final[Mapping[ValueType, int]] = {DataType.INTEGER: 2**31, DataType.LONG: 2**63}
_FLOAT32_END: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value of a pool.

    Attributes:
        value: The cell.
        name: What is special about it; empty for a value of the example.
        level: How far it is from what the model is known to take.
        expectation: ACCEPT, or EITHER where it lies outside a declared domain or is a null that may be refused.
    """

    value: object
    name: str
    level: Level
    expectation: Expectation = Expectation.ACCEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The values of one column, sorted by level.

    Attributes:
        name: The column.
        strict: Values that the server must accept; the first is the example's, or the plainest.
        loose: Values that it may refuse.
        is_unique: Whether no value may stand twice in one request.
    """

    name: str | int | None
    strict: tuple[Entry, ...]
    loose: tuple[Entry, ...] = ()
    is_unique: bool = False

    def upto(self, level: Level, *, with_loose: bool = False) -> tuple[Entry, ...]:
        """Return the entries up to a level, the first one always among them."""
        entries = self.strict + self.loose if with_loose else self.strict
        return self.strict[:1] + tuple(entry for entry in entries[1:] if entry.level <= level)

    @property
    def special(self) -> tuple[Entry, ...]:
        """Return every entry but the first, in order."""
        return self.strict[1:] + self.loose


def example_columns(schema: ColumnSchema, example: Table | None) -> dict[str | int, tuple[object, ...]]:
    """Return the example's values of each column of the schema, in row order; empty where it has none."""
    found: dict[str | int, tuple[object, ...]] = dict.fromkeys(schema.names, ())
    if example is not None:
        by_name = dict(zip(example.columns, zip(*example.rows, strict=True), strict=False))
        found |= {name: by_name[name] for name in schema.names if name in by_name}
    return found


def column_pool(spec: ColumnSpec, examples: Sequence[object], domain: Domain, *, name: str | int | None) -> Pool:
    """Return the pool of a column.

    Args:
        spec: The column.
        examples: Values that the model is known to take, the plainest first.
        domain: Bound to the signature.
        name: What the pool is called, since an unnamed column goes by its position.
    """
    nulls = null_expectation(spec.type, required=spec.required)
    said = domain.of(name)
    entries = [
        *_judged(value_entries(spec.type, examples, said), said, is_declared=domain.is_declared(name)),
        *_null(nulls, said, is_declared=domain.is_declared(name)),
    ]
    return pool_of(name, entries, is_unique=said is not None and said.unique)


def pool_of(name: str | int | None, entries: Iterable[Entry], *, is_unique: bool = False) -> Pool:
    """Return the pool of these entries: each value once, as it came first, sorted by level."""
    ordered = sorted(first_of_each(entries, lambda entry: entry.value), key=lambda entry: entry.level)
    strict = [entry for entry in ordered if entry.expectation is Expectation.ACCEPT]
    loose = [entry for entry in ordered if entry.expectation is not Expectation.ACCEPT]
    if not strict:  # the domain excludes everything that we know: its own first value has to do
        strict, loose = loose[:1], loose[1:]
    return Pool(name=name, strict=tuple(strict), loose=tuple(loose), is_unique=is_unique)


def value_entries(kind: ValueType, examples: Sequence[object], said: ColumnDomain | None) -> Iterator[Entry]:
    """Yield the values of a type, nearest first: the example's, the domain's, one between and ten times the example's,
    the edges.
    """
    known = [value for value in examples if value is not None]
    yield from (
        Entry(value=value, name="", level=Level.EXAMPLE) for value in first_of_each(known, _itself)[:_MAX_EXAMPLES]
    )
    if said is not None:
        yield from _declared(kind, said)
    if not known and (said is None or not said.says_values):
        yield Entry(value=base_value(kind), name="", level=Level.EXAMPLE)
    yield from _between(kind, known)
    yield from _tenfold(kind, known)
    for edge in edges(kind, base=known[0] if known else None):
        yield Entry(value=edge.value, name=edge.name, level=edge.level)


def _declared(kind: ValueType, said: ColumnDomain) -> Iterator[Entry]:
    for value in said.values or ():
        if value is not None:
            yield Entry(value=value, name="value of the domain", level=Level.EXAMPLE)
    for limit, name in ((said.min, "least of the domain"), (said.max, "greatest of the domain")):
        if limit is not None:
            yield from _limit(kind, limit, name, up=limit is said.min)


def _limit(kind: ValueType, limit: object, name: str, *, up: bool) -> Iterator[Entry]:
    value = limit
    if isinstance(limit, int | float):
        if not np.isfinite(limit):
            return
        value = float(limit)
        if kind in _INT_ENDS:
            value = int(np.ceil(limit)) if up else int(np.floor(limit))
            if not -_INT_ENDS[kind] <= value < _INT_ENDS[kind]:
                return
    yield Entry(value=value, name=name, level=Level.EXAMPLE)


def _between(kind: ValueType, known: Sequence[object]) -> Iterator[Entry]:
    """Yield the middle of the example's numbers or dates: a model that refuses all but a range takes it."""
    found: list[Any] = (
        [value for value in known if _is_ordered(value)] if kind in _NUMBERS | {DataType.DATETIME} else []
    )
    if not found:
        return
    least, most = min(found), max(found)
    is_real = kind in {DataType.FLOAT, DataType.DOUBLE}
    middle = least / 2 + most / 2 if is_real else least + (most - least) // 2
    yield Entry(value=middle, name="between the example's", level=level_of(middle))


def _is_ordered(value: object) -> bool:
    """Tell whether a value is a number or a date, and neither NaN nor NaT."""
    is_known = isinstance(value, int | float | np.datetime64) and not isinstance(value, bool)
    return is_known and value == value  # noqa: PLR0124 # NaN and NaT


def _tenfold(kind: ValueType, known: Sequence[object]) -> Iterator[Entry]:
    numbers = [value for value in known if isinstance(value, int | float) and not isinstance(value, bool)]
    if kind not in _NUMBERS or not numbers:
        return
    greatest = max(numbers, key=abs)
    end = _INT_ENDS.get(kind, _FLOAT32_END if kind is DataType.FLOAT else np.inf)
    for factor, name in ((_TENFOLD, "ten times the example"), (-_TENFOLD, "minus ten times the example")):
        if -end <= greatest * factor < end:
            yield Entry(value=greatest * factor, name=name, level=level_of(greatest * factor))


def _judged(entries: Iterable[Entry], said: ColumnDomain | None, *, is_declared: bool) -> Iterator[Entry]:
    for entry in entries:
        if said is None or not said.says_values:
            yield entry
        elif said.contains(entry.value):
            yield replace(entry, level=Level.EXAMPLE) if is_declared else entry
        else:
            # what data did not show is merely new; what a declaration excludes need not be accepted
            yield replace(entry, expectation=Expectation.EITHER) if is_declared else entry


def _null(expectation: Expectation, said: ColumnDomain | None, *, is_declared: bool) -> Iterator[Entry]:
    if expectation is Expectation.REJECT:
        return
    nullable = None if said is None else said.nullable
    entry = Entry(value=None, name="null", level=Level.PLAUSIBLE, expectation=expectation)
    if nullable:
        entry = replace(entry, level=Level.EXAMPLE)
    elif nullable is False and is_declared:
        entry = replace(entry, expectation=Expectation.EITHER)
    yield entry


def _itself(value: object) -> object:
    return value
