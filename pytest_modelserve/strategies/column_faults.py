"""Faults of tables: columns that are missing, too many or out of step, and cells of a wrong type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ..cases import Document, Envelope, Table
from ..signature.datatypes import DataType
from ..signature.specs import ColumnSchema, ColumnSpec, Signature
from ..wire.capacity import can_carry
from ..wire.values import as_json_value
from .faults import JSON_ENVELOPES, UNKNOWN, Fault, Wanted, shown_wrong, stand_in
from .wrong_values import Wrong, csv_texts, wrong_values

_WIDE: Final = 40  # columns; beyond, each column breaks each rule once, in one envelope after the other
_RECORDS: Final = (Envelope.DATAFRAME_RECORDS, Envelope.INSTANCES)


def structure_faults(signature: Signature, schema: ColumnSchema, table: Table, wanted: Wanted) -> Iterator[Fault]:
    """Yield tables whose columns are not those of the signature, or whose parts are out of step."""
    if table.rows and wanted.has("index_wrong_length"):
        yield from _wrong_indexes(table)
    if not schema.is_named:
        return
    required = {name for name, spec in zip(schema.names, schema.columns, strict=True) if spec.required}
    if len(table.columns) > 1:
        yield from _missing(signature, table, required, wanted)
        yield from _out_of_step(signature, table, wanted)
        if wanted.has("reordered_columns"):
            turned = Table(columns=table.columns[::-1], rows=tuple(row[::-1] for row in table.rows))
            yield Fault(rule="reordered_columns", label="columns in reverse order", build=lambda: turned)
    yield from _too_many(table, wanted)


def cell_faults(schema: ColumnSchema, table: Table, wanted: Wanted) -> Iterator[Fault]:
    """Yield tables whose last row has one cell of a wrong type."""
    if not table.rows:
        return
    specs = dict(zip(schema.names, schema.columns, strict=True))
    is_wide = len(table.columns) > _WIDE
    for at, name in enumerate(table.columns):
        if name not in specs or not wanted.is_at(name):
            continue
        for wrong in _chosen(_wrongs(specs[name]), is_wide=is_wide):
            if not wanted.has(wrong.rule, name):
                continue
            value, token = stand_in(wrong.value)
            yield Fault(
                rule=wrong.rule,
                label=f'"{name}" = {shown_wrong(wrong)} ({wrong.name})',
                where=name,
                build=partial(with_cell, table, at, value),
                token=token,
                allowed=JSON_ENVELOPES,  # CSV has no types, and Parquet declares others
                is_of_wide=is_wide,
            )
        if wanted.has("csv_wrong_cell", name):
            yield from _wrong_texts(specs[name], table, at, is_wide=is_wide)


def with_cell(table: Table, at: int, value: object) -> Table:
    """Return the table with another value in a column of its last row."""
    last = table.rows[-1]
    return replace(table, rows=(*table.rows[:-1], (*last[:at], value, *last[at + 1 :])))


def _wrong_texts(spec: ColumnSpec, table: Table, at: int, *, is_wide: bool) -> Iterator[Fault]:
    for text in csv_texts(spec.type)[: 1 if is_wide else None]:
        yield Fault(
            rule="csv_wrong_cell",
            label=f'"{table.columns[at]}" = {text}',
            where=table.columns[at],
            build=partial(with_cell, table, at, text),
            allowed=frozenset({Envelope.CSV}),
            is_of_wide=is_wide,
        )


def _missing(signature: Signature, table: Table, required: set[str | int], wanted: Wanted) -> Iterator[Fault]:
    is_wide = len(table.columns) > _WIDE
    for at, name in enumerate(table.columns):
        if name in required and wanted.has("missing_column", name):
            label = f'without the required column "{name}"'
            build = partial(_without, table, at)
            yield Fault(rule="missing_column", label=label, where=name, build=build, is_of_wide=is_wide)
        rule_id = "missing_column" if name in required else "ragged_records"
        if wanted.has(rule_id, name):
            for envelope in _RECORDS:
                if can_carry(table, envelope, signature):
                    yield Fault(
                        rule=rule_id,
                        label=f'the last of the rows is without "{name}"',
                        where=name,
                        build=partial(_lacking, table, envelope, name),
                        allowed=frozenset({envelope}),
                        is_of_wide=is_wide,
                    )


def _lacking(table: Table, envelope: Envelope, name: str | int) -> Document:
    """Return records of which the last lacks a key that the others have."""
    rows = table.rows if len(table.rows) > 1 else table.rows * 2
    records = [dict(zip(map(str, table.columns), map(as_json_value, row), strict=True)) for row in rows]
    del records[-1][str(name)]
    return Document(value={envelope.value: records})


def _out_of_step(signature: Signature, table: Table, wanted: Wanted) -> Iterator[Fault]:
    """Yield columns of which one has more cells than the others, or is one value that would have to be repeated."""
    if not table.rows or not wanted.has("ragged_columns") or not can_carry(table, Envelope.INPUTS, signature):
        return
    if not all(isinstance(spec.type, DataType) for spec in _specs(signature)):  # records, one after the other
        return
    cells = [[as_json_value(cell) for cell in column] for column in zip(*table.rows, strict=True)]
    names = list(map(str, table.columns))
    longer = {**dict(zip(names, cells, strict=True)), names[-1]: [*cells[-1], cells[-1][-1]]}
    doubled = {name: column * 2 for name, column in zip(names, cells, strict=True)}
    single = {**doubled, names[-1]: cells[-1][0]}
    for label, content in (("one cell more", longer), ("one value, which is no list", single)):
        yield Fault(
            rule="ragged_columns",
            label=f'"{names[-1]}" has {label}',
            build=partial(Document, value={Envelope.INPUTS.value: content}),
            allowed=frozenset({Envelope.INPUTS}),
        )


def _wrong_indexes(table: Table) -> Iterator[Fault]:
    for n_labels in (len(table.rows) + 2, len(table.rows) - 1):
        yield Fault(
            rule="index_wrong_length",
            label=f"{n_labels} row labels for {len(table.rows)} rows",
            build=partial(replace, table, index=tuple(range(n_labels))),
            allowed=frozenset({Envelope.DATAFRAME_SPLIT}),
        )


def _too_many(table: Table, wanted: Wanted) -> Iterator[Fault]:
    names = table.columns
    if wanted.has("extra_column"):
        unknown = next(name for name in (UNKNOWN, f"{UNKNOWN}_2") if name not in names)
        extra = Table(columns=(*names, unknown), rows=tuple((*row, 1) for row in table.rows))
        yield Fault(rule="extra_column", label=f'with the unknown column "{unknown}"', build=lambda: extra)
    for at, name in enumerate(names):
        if wanted.has("duplicate_column", name):
            yield Fault(
                rule="duplicate_column",
                label=f'the column "{name}" stands twice',
                where=name,
                build=partial(_twice, table, at),
                allowed=frozenset({Envelope.DATAFRAME_SPLIT, Envelope.CSV}),
                is_of_wide=len(names) > _WIDE,
            )


def _twice(table: Table, at: int) -> Table:
    return Table(columns=(*table.columns, table.columns[at]), rows=tuple((*row, row[at]) for row in table.rows))


def _without(table: Table, at: int) -> Table:
    return Table(
        columns=table.columns[:at] + table.columns[at + 1 :],
        rows=tuple(row[:at] + row[at + 1 :] for row in table.rows),
    )


def _specs(signature: Signature) -> tuple[ColumnSpec, ...]:
    return signature.inputs.columns if isinstance(signature.inputs, ColumnSchema) else ()


def _wrongs(spec: ColumnSpec) -> tuple[Wrong, ...]:
    return wrong_values(spec.type, required=spec.required)


def _chosen(wrongs: Sequence[Wrong], *, is_wide: bool) -> Iterator[Wrong]:
    seen: set[str] = set()
    for wrong in wrongs:
        if not is_wide or wrong.rule not in seen:
            seen.add(wrong.rule)
            yield wrong
