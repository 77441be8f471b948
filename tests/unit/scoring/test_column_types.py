"""Section 1 of the contract, a test a cell: what each declared type takes, refuses, and what of the rest it takes."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import Storage
from pytest_modelserve.signature.datatypes import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    ValueType,
)
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec

NOW = "2024-01-02T03:04:05"
PERSON = Object(
    properties=(Property(name="age", type=DataType.LONG), Property(name="nick", type=DataType.STRING, required=False))
)
ARRIVES: list[tuple[ValueType, str, Any]] = [
    (DataType.BOOLEAN, "true", True),
    (DataType.BOOLEAN, "false", False),
    (DataType.INTEGER, "2147483647", 2**31 - 1),
    (DataType.INTEGER, "-2147483648", -(2**31)),
    (DataType.INTEGER, "3.0", 3),
    (DataType.LONG, "9007199254740993", 2**53 + 1),
    (DataType.LONG, "9223372036854775807", 2**63 - 1),
    (DataType.LONG, "-9223372036854775808", -(2**63)),
    (DataType.LONG, "-0", 0),
    (DataType.LONG, "9007199254740991.0", 2**53 - 1),
    (DataType.LONG, "-9007199254740991.0", 1 - 2**53),
    (DataType.FLOAT, "0.1", float(np.float32(0.1))),
    (DataType.FLOAT, "3", 3.0),
    (DataType.FLOAT, "3.4028235e38", float(np.finfo(np.float32).max)),
    (DataType.FLOAT, "1e-50", 0.0),
    (DataType.DOUBLE, "0.1", 0.1),
    (DataType.DOUBLE, "2", 2.0),
    (DataType.DOUBLE, "1.7976931348623157e308", 1.7976931348623157e308),
    (DataType.DOUBLE, "5e-324", 5e-324),
    (DataType.DOUBLE, "9007199254740993", 9007199254740992.0),
    (DataType.DOUBLE, "123456789012345678901234567890", 1.2345678901234568e29),
    (DataType.STRING, '"NaN"', "NaN"),
    (DataType.STRING, '"null"', "null"),
    (DataType.STRING, '"001"', "001"),
    (DataType.STRING, '""', ""),
    (DataType.STRING, '"2024-01-02"', "2024-01-02"),
    (DataType.STRING, '"a\\u0000b\\u0000"', "a\0b\0"),
    (DataType.STRING, '"file:///x"', "file:///x"),
    (DataType.STRING, '"😀e\u0301"', "😀e\u0301"),
    (DataType.STRING, '"\\":"', '":'),
    (DataType.STRING, "null", None),
    (DataType.BINARY, '"aGk="', b"hi"),
    (DataType.BINARY, '""', b""),
    (DataType.BINARY, '"/+8A"', b"\xff\xef\x00"),
    (DataType.DATETIME, f'"{NOW}"', np.datetime64(NOW, "ns")),
    (DataType.DATETIME, f'"{NOW}.123456789"', np.datetime64(f"{NOW}.123456789", "ns")),
    (DataType.DATETIME, '"1677-09-21T00:12:43.145224193"', np.datetime64(-(2**63) + 1, "ns")),
    (DataType.DATETIME, '"2262-04-11T23:47:16.854775807"', np.datetime64(2**63 - 1, "ns")),
    (DataType.DATETIME, '"1969-12-31 23:59:59.5"', np.datetime64(-500_000_000, "ns")),
    (DataType.DATETIME, '"2024-01-02"', np.datetime64("2024-01-02", "ns")),
    (DataType.DATETIME, f'"{NOW}Z"', np.datetime64(NOW, "ns")),
    (DataType.DATETIME, f'"{NOW}+02:00"', np.datetime64("2024-01-02T01:04:05", "ns")),
    (DataType.DATETIME, f'"{NOW}-0530"', np.datetime64("2024-01-02T08:34:05", "ns")),
    (Array(items=DataType.DOUBLE), "[1, 2]", [1.0, 2.0]),
    (Array(items=DataType.DOUBLE), "[]", []),
    (Array(items=DataType.INTEGER), "[1]", [1]),
    (Array(items=DataType.FLOAT), "[0.1]", [float(np.float32(0.1))]),
    (Array(items=DataType.BINARY), '["aGk=", null]', [b"hi", None]),
    (Array(items=DataType.DATETIME), f'["{NOW}"]', [np.datetime64(NOW, "ns")]),
    (Array(items=Array(items=DataType.LONG)), "[[1], [2, 3], []]", [[1], [2, 3], []]),
    (Array(items=PERSON), '[{"age": 3}]', [{"age": 3}]),
    (PERSON, '{"age": 3}', {"age": 3}),
    (PERSON, '{"age": 3, "nick": "x"}', {"age": 3, "nick": "x"}),
    (PERSON, '{"age": 3, "nick": null}', {"age": 3, "nick": None}),
    (Map(values=DataType.LONG), '{"a": 1, "": 2}', {"a": 1, "": 2}),
    (Map(values=DataType.LONG), "{}", {}),
    (Map(values=Array(items=DataType.DOUBLE)), '{"a": [1], "b": []}', {"a": [1.0], "b": []}),
    (SparkMLVector(), "[1, 2.5]", [1.0, 2.5]),
    (AnyType(), "null", None),
    (AnyType(), '[1, "a", {"b": [true, null, 2.5]}]', [1, "a", {"b": [True, None, 2.5]}]),
    (AnyType(), "123456789012345678901234567890", 123456789012345678901234567890),
]
REFUSED: list[tuple[ValueType, str]] = [
    *((DataType.BOOLEAN, text) for text in ("1", "0", "1.0", '"true"', "null", "[true]", "{}")),
    *((kind, text) for kind in (DataType.INTEGER, DataType.LONG) for text in ("1.5", "true", '"1"', "null", "[1]")),
    *((DataType.INTEGER, text) for text in ("2147483648", "-2147483649", "1e39")),
    *((DataType.LONG, text) for text in ("9223372036854775808", "-9223372036854775809", "99999999999999999999999")),
    *((DataType.LONG, f"{sign}{text}") for sign in ("", "-") for text in ("9007199254740992.0", "9007199254740993.0")),
    (DataType.LONG, "9007199254740994.0"),  # a float64 is it for two literals
    *((kind, text) for kind in (DataType.FLOAT, DataType.DOUBLE) for text in ("true", '"1"', '"nan"', "[1]", "{}")),
    *((DataType.FLOAT, text) for text in ("3.5e38", "-1e39")),
    *((DataType.DOUBLE, text) for text in ("1e400", "-1e400", "NaN", "Infinity", "-Infinity")),
    *((DataType.STRING, text) for text in ("1", "1.5", "true", '["a"]', '{"a": 1}', '"\\ud800"')),
    *((DataType.BINARY, text) for text in ('"!!!!"', '"aGk"', '"_-8A"', '"aG k="', '"aGl="', '"é"', "1", "null")),
    *((DataType.DATETIME, f'"{text}"') for text in ("now", "today", "", "20240102", "01/02/2024", "2024-02-30")),
    *(
        (DataType.DATETIME, f'"{text}"')
        for text in ("0001-01-01", "2262-04-11T23:47:16.854775808", f"{NOW}.1234567891")
    ),
    *((DataType.DATETIME, f'"{text}"') for text in ("2024-01-02T24:00", "2024-01-02T03:04:60", "2024-01-02+02:00")),
    *((DataType.DATETIME, text) for text in ("1", "1.5", "true")),
    (Array(items=DataType.DOUBLE), '["a"]'),
    (Array(items=DataType.DOUBLE), "1"),
    (Array(items=DataType.DOUBLE), '{"a": 1}'),
    (Array(items=DataType.LONG), "[1, null]"),
    (Array(items=DataType.BOOLEAN), "[null]"),
    (Array(items=Array(items=DataType.DOUBLE)), "[[1], null]"),
    (SparkMLVector(), "[1, null]"),
    (Array(items=DataType.DOUBLE), "null"),
    (Array(items=DataType.BINARY), '["!"]'),
    (Array(items=Array(items=DataType.LONG)), "[1]"),
    (PERSON, "{}"),
    (PERSON, '{"nick": "x"}'),
    (PERSON, '{"age": "3"}'),
    (PERSON, '{"age": null}'),
    (PERSON, '{"age": 3, "nick": 1}'),
    (PERSON, '{"age": 3, "extra": 1}'),
    (PERSON, "[3]"),
    (PERSON, "null"),
    (Map(values=DataType.LONG), '{"a": "1"}'),
    (Map(values=DataType.LONG), '{"a": null}'),
    (Map(values=DataType.LONG), "[1]"),
    (Map(values=DataType.LONG), "null"),
    (SparkMLVector(), '["a"]'),
    (AnyType(), "NaN"),
    (AnyType(), "9" * 5000),
    (AnyType(), "[" * 100_000 + "]" * 100_000),
    (AnyType(), "[" * 300 + "]" * 300),
]
ENVELOPES = {
    "split": '{{"dataframe_split": {{"columns": ["x"], "data": [[{0}]]}}}}',
    "records": '{{"dataframe_records": [{{"x": {0}}}]}}',
    "inputs": '{{"inputs": [{{"x": {0}}}]}}',
    "instances": '{{"instances": [{{"x": {0}}}]}}',
}
EVERY_ENVELOPE = pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)


def case_id(value: object) -> str | None:
    return value[:40] if isinstance(value, str) else (value.value if isinstance(value, DataType) else None)


@EVERY_ENVELOPE
@pytest.mark.parametrize(("kind", "text", "expected"), ARRIVES, ids=case_id)
def test_a_value_of_its_type_arrives_exactly(
    serve: Any, cells: Any, kind: ValueType, text: str, expected: Any, envelope: str
) -> None:
    table = serve(kind).receive(envelope.format(text))
    (cell,) = cells(table, "x")
    assert cell == expected
    assert type(cell) is type(expected)


@EVERY_ENVELOPE
@pytest.mark.parametrize(("kind", "text"), REFUSED, ids=case_id)
def test_what_a_type_cannot_hold_is_refused(serve: Any, kind: ValueType, text: str, envelope: str) -> None:
    error = serve(kind).refuse(envelope.format(text))
    assert error["error_code"] in {"BAD_REQUEST", "INVALID_PARAMETER_VALUE"}
    assert len(error["message"]) < 300


@pytest.mark.parametrize("kind", [DataType.FLOAT, DataType.DOUBLE])
def test_null_is_nan_in_a_required_column_of_floats(serve: Any, cells: Any, kind: DataType) -> None:
    (cell,) = cells(serve(kind).receive('{"dataframe_records": [{"x": null}]}'), "x")
    assert math.isnan(cell)


def test_null_is_nat_in_a_required_column_of_dates(serve: Any, cells: Any) -> None:
    table = serve(DataType.DATETIME).receive({"dataframe_records": [{"x": None}, {"x": f"{NOW}Z"}, {"x": NOW}]})
    first, *rest = cells(table, "x")
    assert np.isnat(first)
    assert rest == [np.datetime64(NOW, "ns")] * 2


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (DataType.BOOLEAN, "bool"),
        (DataType.INTEGER, "int32"),
        (DataType.LONG, "int64"),
        (DataType.FLOAT, "float32"),
        (DataType.DOUBLE, "float64"),
        (DataType.DATETIME, "datetime64[ns]"),
    ],
)
def test_columns_have_the_dtype_of_their_type_even_without_rows(serve: Any, kind: DataType, dtype: str) -> None:
    table = serve(kind).receive('{"dataframe_split": {"columns": ["x"], "data": []}}')
    assert table.columns[0].values.dtype == dtype
    assert table.n_rows == 0


@pytest.mark.parametrize(
    ("kind", "storage"),
    [(DataType.STRING, Storage.TEXT), (DataType.BINARY, Storage.BYTES), (AnyType(), Storage.NESTED)],
)
def test_other_columns_travel_as_lists(serve: Any, kind: ValueType, storage: Storage) -> None:
    table = serve(kind).receive('{"dataframe_split": {"columns": ["x"], "data": []}}')
    assert table.columns[0].storage is storage


def optional(kind: ValueType) -> ColumnSchema:
    always = ColumnSpec(name="id", type=DataType.LONG)
    return ColumnSchema(columns=(always, ColumnSpec(name="x", type=kind, required=False)))


KINDS: list[ValueType] = [*DataType, Array(items=DataType.LONG), PERSON, Map(values=DataType.LONG), AnyType()]
HOLD_NO_NULL = {DataType.INTEGER, DataType.LONG}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_an_optional_column_may_be_absent(serve: Any, kind: ValueType) -> None:
    table = serve(optional(kind)).receive({"dataframe_records": [{"id": 1}, {"id": 2}]})
    assert [column.name for column in table.columns] == ["id"]
    assert table.n_rows == 2


@pytest.mark.parametrize("row", ['{"id": 1, "x": null}', '{"id": 1}'], ids=["null", "left out"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {*HOLD_NO_NULL, DataType.BOOLEAN}], ids=str)
def test_an_optional_cell_may_be_null_or_left_out(serve: Any, cells: Any, kind: ValueType, row: str) -> None:
    full = {DataType.STRING: '"a"', DataType.BINARY: '"aGk="', DataType.DATETIME: f'"{NOW}"', PERSON: '{"age": 1}'}
    text = full.get(kind, "{}" if isinstance(kind, Map) else "[]" if isinstance(kind, Array | AnyType) else "1")
    table = serve(optional(kind)).receive(f'{{"dataframe_records": [{row}, {{"id": 2, "x": {text}}}]}}')
    first, second = cells(table, "x")
    assert first is None or np.isnat(first) if kind is DataType.DATETIME else first is None or math.isnan(first)
    assert second is not None


@pytest.mark.parametrize("row", ['{"id": 1, "x": null}', '{"id": 1}'], ids=["null", "left out"])
@pytest.mark.parametrize("kind", sorted(HOLD_NO_NULL, key=str), ids=str)
def test_integers_have_no_null(serve: Any, kind: DataType, row: str) -> None:
    error = serve(optional(kind)).refuse(f'{{"dataframe_records": [{{"id": 2, "x": 1}}, {row}]}}')
    assert error["details"] == {"column": "x", "row": 1}


@pytest.mark.parametrize("row", ['{"id": 1, "x": null}', '{"id": 1}'], ids=["null", "left out"])
def test_optional_booleans_keep_their_nulls(serve: Any, row: str) -> None:
    table = serve(optional(DataType.BOOLEAN)).receive(f'{{"dataframe_records": [{{"id": 2, "x": true}}, {row}]}}')
    column = table.columns[1]
    assert column.storage is Storage.ARRAY
    assert column.values.tolist() == [True, False]
    assert column.nulls.tolist() == [False, True]


def test_optional_booleans_without_a_null_are_an_array_of_booleans_alone(serve: Any) -> None:
    table = serve(optional(DataType.BOOLEAN)).receive({"dataframe_records": [{"id": 1, "x": True}]})
    assert table.columns[1].values.dtype == "bool"
    assert table.columns[1].nulls is None


def test_a_wrong_value_beside_a_null_boolean_is_found_in_its_row(serve: Any) -> None:
    error = serve(optional(DataType.BOOLEAN)).refuse({"dataframe_records": [{"id": 1, "x": None}, {"id": 2, "x": 1}]})
    assert error["details"] == {"column": "x", "row": 1}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_required_column_may_not_be_absent(serve: Any, kind: ValueType) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="id", type=DataType.LONG), ColumnSpec(name="x", type=kind)))
    assert serve(schema).refuse({"dataframe_records": [{"id": 1}]})["details"] == {"column": "x"}


def test_a_required_cell_may_not_be_left_out_of_one_record(serve: Any) -> None:
    error = serve(DataType.DOUBLE).refuse({"dataframe_records": [{"x": 1.5}, {}]})
    assert error["details"] == {"column": "x", "row": 1}


@pytest.mark.parametrize(
    ("kind", "cells_text", "row", "path"),
    [
        (Array(items=DataType.LONG), '[[1], [], [2, "a"]]', 2, "[1]"),
        (Array(items=PERSON), '[[], [{"age": 1}, {"age": true}]]', 1, "[1].age"),
        (Map(values=Array(items=DataType.LONG)), '[{}, {"k": [], "l": [1, 2.5]}]', 1, "['l'][1]"),
        (Array(items=Map(values=DataType.LONG)), '[[{"k": 1}, {"l": "a"}]]', 0, "[1]['l']"),
    ],
)
def test_a_refusal_says_where(serve: Any, kind: ValueType, cells_text: str, row: int, path: str) -> None:
    records = json.dumps([{"x": cell} for cell in json.loads(cells_text)])
    error = serve(kind).refuse(f'{{"dataframe_records": {records}}}')
    assert error["details"] == {"column": "x", "row": row, "path": path}


def test_a_refusal_shows_an_excerpt_only(serve: Any) -> None:
    error = serve(DataType.BINARY).refuse({"inputs": ["!" * 100_000]})
    assert len(error["message"]) < 200


def test_every_byte_arrives(serve: Any, cells: Any) -> None:
    every = bytes(range(256))
    table = serve(DataType.BINARY).receive({"inputs": [base64.b64encode(every).decode()]})
    assert cells(table, "x") == [every]


def test_a_column_is_read_whole(serve: Any, cells: Any) -> None:
    values: list[Any] = [1, 2.5, None, -3]
    read: Callable[..., list[Any]] = cells
    table = serve(DataType.DOUBLE).receive({"dataframe_split": {"columns": ["x"], "data": [[v] for v in values]}})
    assert read(table, "x")[:2] == [1.0, 2.5]
    assert math.isnan(read(table, "x")[2])
