"""A few rows that hold every boundary value of every column, however wide the table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pytest_modelserve.cases import Envelope, Expectation, Level, Table
from pytest_modelserve.domain import Origin, bound, from_table
from pytest_modelserve.signature.datatypes import DataType, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature
from pytest_modelserve.strategies import Batch, edge_cases, envelopes_for
from pytest_modelserve.strategies.packed import packed_cases
from pytest_modelserve.strategies.values import fingerprint
from pytest_modelserve.wire.capacity import can_carry


def values_of(batches: list[Batch], name: str | int) -> set[object]:
    found = set()
    for batch in batches:
        assert isinstance(batch.case.payload, Table)
        if name in batch.case.payload.columns:
            place = batch.case.payload.columns.index(name)
            found |= {fingerprint(row[place]) for row in batch.case.payload.rows}
    return found


def test_every_boundary_value_that_an_envelope_carries_is_there(signature: Signature) -> None:
    if not isinstance(signature.inputs, ColumnSchema):
        assert list(packed_cases(signature, envelope=Envelope.INPUTS)) == []
        return
    wraps = envelopes_for(signature)
    packed = {envelope: list(packed_cases(signature, envelope=envelope)) for envelope in wraps}
    known = {
        envelope: {name: values_of(batches, name) for name in signature.inputs.names}
        for envelope, batches in packed.items()
    }
    for at, case in enumerate(edge_cases(signature, envelopes=wraps)):
        # the pairs at the end, most of all cases, have no values of their own
        if case.label == "pairs of values" or case.params or at % len(wraps) != at // len(wraps) % len(wraps):
            continue
        assert isinstance(case.payload, Table)
        if can_carry(case.payload, case.envelope, signature):
            for name, cells in zip(case.payload.columns, zip(*case.payload.rows, strict=True), strict=True):
                assert {fingerprint(cell) for cell in cells} <= known[case.envelope][name], case.label


def test_every_param_value_is_there(everything: Signature) -> None:
    packed = list(packed_cases(everything, envelope=Envelope.DATAFRAME_SPLIT))
    given = {(name, fingerprint(value)) for batch in packed for name, value in batch.case.params.items()}
    for case in edge_cases(everything):
        assert {(name, fingerprint(value)) for name, value in case.params.items()} <= given
    assert not any(batch.case.params for batch in packed_cases(everything, envelope=Envelope.CSV))


def test_the_number_of_rows_does_not_grow_with_the_columns(wide: Callable[[int], Signature]) -> None:
    sizes = {
        width: sum(batch.case.n_rows or 0 for batch in packed_cases(wide(width), envelope=Envelope.DATAFRAME_SPLIT))
        for width in (4, 40)
    }
    n_loose = 2 * 10  # doubles and texts may be null, each in a row of its own
    assert sizes[40] <= sizes[4] + n_loose
    assert len(list(packed_cases(wide(300), envelope=Envelope.DATAFRAME_SPLIT))) < 8


def test_levels_and_expectations_stand_apart(everything: Signature) -> None:
    batches = list(packed_cases(everything, envelope=Envelope.DATAFRAME_SPLIT))
    strict = [batch.case.level for batch in batches if batch.case.expectation is Expectation.ACCEPT]
    assert set(strict) == set(Level)
    (loose,) = [batch for batch in batches if batch.case.expectation is Expectation.EITHER]
    assert all(part.expectation is Expectation.EITHER for part in loose.parts)
    for batch in batches:
        if batch.parts:
            rows = [row for part in batch.parts if isinstance(part.payload, Table) for row in part.payload.rows]
            assert isinstance(batch.case.payload, Table)
            assert [fingerprint(list(row)) for row in rows] == [
                fingerprint(list(row)) for row in batch.case.payload.rows
            ]
            assert batch.case.level == max(part.level for part in batch.parts)


def test_optional_columns_are_absent_once(table_of: Callable[..., Signature]) -> None:
    def absent(signature: Signature) -> list[tuple[str | int, ...]]:
        cases = [batch.case for batch in packed_cases(signature, envelope=Envelope.DATAFRAME_SPLIT)]
        tables = [case.payload for case in cases if isinstance(case.payload, Table)]
        return [table.columns for table in tables if len(table.columns) < 2]

    two = table_of(a=DataType.LONG, b=DataType.LONG)
    assert absent(two) == []
    assert isinstance(two.inputs, ColumnSchema)
    first, second = two.inputs.columns
    assert absent(replace(two, inputs=ColumnSchema(columns=(first, replace(second, required=False))))) == [("a",)]
    both = (replace(first, required=False), replace(second, required=False))
    assert absent(replace(two, inputs=ColumnSchema(columns=both))) == []


@pytest.mark.parametrize("kind", [DataType.LONG, DataType.STRING])
def test_values_of_a_unique_column_never_stand_twice_in_a_request(kind: ValueType) -> None:
    signature = Signature(
        inputs=ColumnSchema(columns=(ColumnSpec(name="id", type=kind), ColumnSpec(name="x", type=DataType.DOUBLE)))
    )
    domain = bound(from_table({"id": {"unique": True}}, origin=Origin.FILE, place="test"), signature)
    for batch in packed_cases(signature, envelope=Envelope.DATAFRAME_SPLIT, domain=domain):
        assert batch.parts == ()
        assert batch.case.n_rows == 1


def test_the_example_comes_first_and_stands_in_the_other_columns(table_of: Callable[..., Signature]) -> None:
    signature = table_of(a=DataType.LONG, b=DataType.STRING)
    example = Table(columns=("a", "b"), rows=((7, "x"), (8, "y")))
    first, *_ = packed_cases(signature, envelope=Envelope.DATAFRAME_SPLIT, example=example)
    assert isinstance(first.case.payload, Table)
    assert first.case.payload.rows == ((7, "x"), (8, "y"), (7, "x"))
    assert first.case.level is Level.EXAMPLE
