"""The public strategies of whole payloads: tables and tensors that a signature allows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Level, Table, Tensors
from ..domain import Domain
from ..errors import ModelServeError, SignatureError
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from .columns import cells
from .pools import column_pool, example_columns
from .tensors import tensors
from .values import fingerprint

_WIDE: Final = 40  # columns; beyond, a cell takes one small choice, or Hypothesis' budget ends after a row or two


def from_signature(
    signature: Signature,
    *,
    domain: Domain | None = None,
    example: Table | Tensors | None = None,
    level: Level = Level.PLAUSIBLE,
    columns: Mapping[str | int, SearchStrategy[object]] | None = None,
    min_rows: int = 1,
    max_rows: int = 10,
) -> SearchStrategy[Table | Tensors]:
    """Return valid payloads of a signature: every one must be accepted.

    They shrink to one row of the example, or of the plainest values where there is none. Optional columns are absent
    or null at times.

    Args:
        signature: What the model takes.
        domain: Narrows columns, bound to the signature as `domain.bound` returns it.
        example: Rows that the model is known to take.
        level: How far values may go.
        columns: Your own strategy of a column's cells, by name; it wins over all else.
        min_rows: The fewest rows.
        max_rows: The most rows.

    Raises:
        SignatureError: The model declares no inputs.
        ModelServeError: `columns` names one that the model does not have.
    """
    known = domain or Domain()
    match signature.inputs:
        case ColumnSchema() as schema:
            narrowed = dict(columns or {})
            _check_names(narrowed, schema.names)
            by_name = _column_strategies(schema, known, example, level, narrowed)
            return tables(
                by_name,
                optional=[
                    name
                    for name, spec in zip(schema.names, schema.columns, strict=True)
                    if not spec.required and level > Level.EXAMPLE and name not in narrowed
                ],
                unique=[name for name in schema.names if (said := known.of(name)) is not None and said.unique],
                min_rows=min_rows,
                max_rows=max_rows,
            )
        case TensorSchema() as schema:
            _check_names(dict(columns or {}), tuple(str(spec.name) for spec in schema.tensors))
            return tensors(
                schema,
                domain=known,
                example=example if isinstance(example, Tensors) else None,
                level=level,
                narrowed={str(name): strategy for name, strategy in (columns or {}).items()},
                min_rows=min_rows,
                max_rows=max_rows,
            )
    raise SignatureError(
        "the signature declares no inputs, so there is nothing to draw",
        fix="Log the model with a signature: mlflow.models.infer_signature(inputs, outputs)",
    )


def tables(
    columns: Mapping[str | int, SearchStrategy[object]],
    *,
    optional: Collection[str | int] = (),
    unique: Collection[str | int] = (),
    min_rows: int = 1,
    max_rows: int = 10,
) -> SearchStrategy[Table | Tensors]:
    """Return tables of these columns in this order.

    Args:
        columns: A strategy of cells a column.
        optional: Columns that are absent at times; one column at least stays.
        unique: Columns in which no value stands twice.
        min_rows: The fewest rows.
        max_rows: The most rows.
    """
    names = tuple(columns)
    at_unique = [names.index(name) for name in names if name in set(unique)]
    rows = st.lists(
        st.tuples(*columns.values()),
        min_size=min_rows,
        max_size=max_rows,
        unique_by=tuple(_key_of(at) for at in at_unique) or None,
    )
    may_miss = [name for name in names if name in set(optional)]
    if not may_miss:
        return st.builds(_table, st.just(names), rows, st.just(()))
    most = len(may_miss) - (len(may_miss) == len(names))
    absent = st.lists(st.sampled_from(may_miss), unique=True, max_size=most)
    return st.builds(_table, st.just(names), rows, absent)


def _column_strategies(
    schema: ColumnSchema,
    domain: Domain,
    example: Table | Tensors | None,
    level: Level,
    narrowed: Mapping[str | int, SearchStrategy[object]],
) -> dict[str | int, SearchStrategy[object]]:
    examples = example_columns(schema, example if isinstance(example, Table) else None)
    is_wide = len(schema.columns) > _WIDE
    found: dict[str | int, SearchStrategy[object]] = {}
    for name, spec in zip(schema.names, schema.columns, strict=True):
        said = domain.of(name)
        if name in narrowed:
            found[name] = narrowed[name]
        elif is_wide and not (said is not None and said.unique):
            pool = column_pool(spec, examples[name], domain, name=name)
            found[name] = st.sampled_from([entry.value for entry in pool.upto(level)])
        else:
            found[name] = cells(spec, domain=said, level=level, examples=examples[name])
    return found


def _table(names: Sequence[str | int], rows: list[tuple[object, ...]], absent: Sequence[str | int]) -> Table:
    if not absent:
        return Table(columns=tuple(names), rows=tuple(rows))
    kept = [at for at, name in enumerate(names) if name not in absent]
    return Table(columns=tuple(names[at] for at in kept), rows=tuple(tuple(row[at] for at in kept) for row in rows))


def _key_of(at: int) -> Callable[[tuple[object, ...]], Hashable]:
    return lambda row: fingerprint(row[at])


def _check_names(narrowed: Mapping[str | int, object], names: Sequence[str | int]) -> None:
    for name in narrowed:
        if name not in names:
            close = difflib.get_close_matches(str(name), [str(known) for known in names], n=1)
            raise ModelServeError(
                f'the model has no column "{name}" to narrow',
                facts={"columns": ", ".join(str(known) for known in names)},
                fix=f'Did you mean "{close[0]}"?' if close else "Name one of its columns.",
            )
