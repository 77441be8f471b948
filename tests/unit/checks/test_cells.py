"""What is special about the cells of a request is told by its rows, and of a body by its data frame."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Payload, RawBody, Table, Tensors
from pytest_modelserve.checks.cells import cells_of
from pytest_modelserve.server.deviations import Cells
from pytest_modelserve.signature import Signature
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

NAMED = {"n": DataType.LONG, "flag": DataType.BOOLEAN, "photo": DataType.BINARY, "x": DataType.DOUBLE}
PLAIN = Signature(inputs=ColumnSchema(columns=tuple(ColumnSpec(name=name, type=of) for name, of in NAMED.items())))
DATED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="at", type=DataType.DATETIME),)))
SECOND, FINE = "2024-01-02T03:04:05", "2024-01-02T03:04:05.5"


def column(name: str, *cells: Any) -> Table:
    return Table(columns=(name,), rows=tuple((cell,) for cell in cells))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (column("n", 1, None), {Cells.NULL_IN_INTEGERS}),
        (column("flag", None), {Cells.NULL_IN_BOOLEANS}),
        (column("photo", b"", None), {Cells.NULL_IN_BYTES}),
        (column("x", None, float("nan")), set()),
        (column("unknown", None), set()),
        (column("photo", b""), set()),
    ],
)
def test_nulls_are_told_by_the_type_of_their_column(payload: Table, expected: set[Cells]) -> None:
    assert cells_of(Case(payload=payload), PLAIN) == expected


@pytest.mark.parametrize(
    ("cells", "has_two"),
    [
        ((SECOND, FINE), True),
        ((FINE, SECOND), True),
        ((SECOND, f"{SECOND}Z"), True),
        ((SECOND, "2024-01-02"), True),
        ((np.datetime64(SECOND, "ns"), np.datetime64(FINE, "ns")), True),
        ((SECOND, "1999-12-31T23:59:59"), False),
        ((np.datetime64(SECOND, "ns"), np.datetime64(SECOND, "s")), False),
        ((FINE, "2024-01-02T03:04:05.123456789"), False),
        ((SECOND, None), False),
        ((SECOND,), False),
    ],
)
def test_dates_are_of_two_forms_as_they_are_written(cells: tuple[Any, ...], has_two: bool) -> None:
    expected = {Cells.DATES, Cells.DATES_OF_TWO_FORMS} if has_two else {Cells.DATES}
    assert cells_of(Case(payload=column("at", *cells)), DATED) == expected


@pytest.mark.parametrize(
    ("body", "has_two"),
    [
        ({"dataframe_split": {"columns": ["at"], "data": [[SECOND], [FINE]]}}, True),
        ({"dataframe_split": {"columns": ["at"], "data": [[SECOND], [SECOND]]}}, False),
        ({"dataframe_split": {"columns": ["at"], "data": "no rows"}}, False),
        ({"dataframe_split": {"columns": ["at", "b"], "data": [[SECOND], [FINE]]}}, True),
        ({"dataframe_records": [{"at": SECOND}, {"at": FINE}]}, True),
        ({"dataframe_records": [{"at": SECOND}, {}]}, False),
        ({"inputs": {"at": [SECOND, FINE]}}, False),
        ([SECOND, FINE], False),
    ],
)
def test_a_body_says_it_by_its_data_frame(body: Any, has_two: bool) -> None:
    found = cells_of(Case(payload=RawBody(body=json.dumps(body).encode())), DATED)
    assert (Cells.DATES_OF_TWO_FORMS in found) is has_two


def test_a_body_that_is_no_json_says_nothing() -> None:
    assert cells_of(Case(payload=RawBody(body=b"{")), DATED) == {Cells.DATES}


@pytest.mark.parametrize(
    "signature",
    [None, Signature(), Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="int64", shape=(-1,)),)))],
)
def test_without_columns_nothing_is_told(signature: Signature | None) -> None:
    tensors: Payload = Tensors(arrays={None: np.zeros(2)})
    assert cells_of(Case(payload=tensors), signature) == frozenset()
