"""Where an answer differs from the output schema, by wire value."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema
from pytest_modelserve.wire.breach import BreachKind
from pytest_modelserve.wire.breaches import breaches

TableSchema = Callable[..., ColumnSchema]
TensorsSchema = Callable[..., TensorSchema]

_PERSON = Object(
    properties=(
        Property(name="age", type=DataType.LONG),
        Property(name="name", type=DataType.STRING, required=False),
    )
)


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (DataType.BOOLEAN, True),
        (DataType.INTEGER, -(2**31)),
        (DataType.LONG, 2**63 - 1),
        (DataType.LONG, 3),
        (DataType.LONG, 3.0),
        (DataType.LONG, -0.0),
        (DataType.FLOAT, 0.1),
        (DataType.FLOAT, 3.4028234663852886e38),
        (DataType.FLOAT, 3),
        (DataType.DOUBLE, 1.7976931348623157e308),
        (DataType.DOUBLE, 2**53 + 1),
        (DataType.STRING, ""),
        (DataType.STRING, "NaN"),
        (DataType.BINARY, ""),
        (DataType.BINARY, "aGk="),
        (DataType.BINARY, "YWFh\nYWFh\n"),
        (DataType.DATETIME, "2024-02-29"),
        (DataType.DATETIME, "2024-01-02T03:04"),
        (DataType.DATETIME, "2024-01-02T03:04:05.123456789"),
        (DataType.DATETIME, "1677-09-21T00:12:43.145224193"),
        (DataType.DATETIME, "2262-04-11T23:47:16.854775807"),
        (Array(items=DataType.LONG), []),
        (Array(items=Array(items=DataType.DOUBLE)), [[1], [2.5, 3], []]),
        (SparkMLVector(), [1.0, 2]),
        (Map(values=DataType.LONG), {}),
        (Map(values=DataType.LONG), {"a": 1}),
        (_PERSON, {"age": 1}),
        (_PERSON, {"age": 1, "name": None}),
        (AnyType(), None),
        (AnyType(), {"a": [1, "b", None]}),
    ],
    ids=repr,
)
def test_a_value_of_the_declared_type_passes(table_schema: TableSchema, declared: object, value: object) -> None:
    assert breaches([{"y": value}], table_schema(y=declared), 1) == ()
    assert breaches({"y": [value]}, table_schema(y=declared), 1) == ()


@pytest.mark.parametrize(
    ("declared", "value", "kind", "path"),
    [
        (DataType.BOOLEAN, 1, BreachKind.TYPE, ""),
        (DataType.BOOLEAN, "true", BreachKind.TYPE, ""),
        (DataType.INTEGER, 2**31, BreachKind.RANGE, ""),
        (DataType.LONG, 2**63, BreachKind.RANGE, ""),
        (DataType.LONG, 9.3e18, BreachKind.RANGE, ""),
        (DataType.LONG, float("inf"), BreachKind.RANGE, ""),
        (DataType.LONG, 3.5, BreachKind.FRACTION, ""),
        (DataType.LONG, "3", BreachKind.TYPE, ""),
        (DataType.LONG, True, BreachKind.TYPE, ""),
        (DataType.LONG, None, BreachKind.NULL, ""),
        (DataType.FLOAT, 3.5e38, BreachKind.RANGE, ""),
        (DataType.DOUBLE, float("inf"), BreachKind.RANGE, ""),
        (DataType.DOUBLE, 10**400, BreachKind.RANGE, ""),
        (DataType.DOUBLE, False, BreachKind.TYPE, ""),
        (DataType.DOUBLE, "NaN", BreachKind.TYPE, ""),
        (DataType.DOUBLE, None, BreachKind.NULL, ""),
        (DataType.STRING, 1, BreachKind.TYPE, ""),
        (DataType.STRING, ["a"], BreachKind.TYPE, ""),
        (DataType.BINARY, "a", BreachKind.TEXT, ""),
        (DataType.BINARY, "a-_=", BreachKind.TEXT, ""),
        (DataType.BINARY, "é", BreachKind.TEXT, ""),
        (DataType.DATETIME, 1704164645000000000, BreachKind.TYPE, ""),
        (DataType.DATETIME, "NaT", BreachKind.TEXT, ""),
        (DataType.DATETIME, "2023-02-29", BreachKind.TEXT, ""),
        (DataType.DATETIME, "2024-01-02T25:00:00", BreachKind.TEXT, ""),
        (DataType.DATETIME, "2024-01-02T03:04:05Z", BreachKind.TEXT, ""),
        (DataType.DATETIME, "2024-01-02T03:04:05.1234567890", BreachKind.TEXT, ""),
        (DataType.DATETIME, "9999-12-31T00:00:00", BreachKind.RANGE, ""),
        (DataType.DATETIME, "2262-04-11T23:47:16.854775808", BreachKind.RANGE, ""),
        (DataType.DATETIME, "1677-09-21", BreachKind.RANGE, ""),
        (Array(items=DataType.LONG), [1, "2"], BreachKind.TYPE, "[1]"),
        (Array(items=DataType.LONG), [1, None], BreachKind.NULL, "[1]"),
        (Array(items=DataType.LONG), 1, BreachKind.TYPE, ""),
        (Array(items=Array(items=DataType.LONG)), [[1], [2.5]], BreachKind.FRACTION, "[1][0]"),
        (Map(values=DataType.LONG), {"a": "x"}, BreachKind.TYPE, '["a"]'),
        (Map(values=DataType.LONG), [1], BreachKind.TYPE, ""),
        (_PERSON, {}, BreachKind.MISSING, '["age"]'),
        (_PERSON, {"age": None}, BreachKind.NULL, '["age"]'),
        (_PERSON, {"age": 1, "job": "x"}, BreachKind.EXTRA, '["job"]'),
        (_PERSON, {"age": 1, "name": 2}, BreachKind.TYPE, '["name"]'),
        (_PERSON, "x", BreachKind.TYPE, ""),
        (SparkMLVector(), [None], BreachKind.NULL, "[0]"),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_one_breach_at_its_place(
    table_schema: TableSchema, declared: object, value: object, kind: BreachKind, path: str
) -> None:
    found = breaches([{"x": 1, "y": value}], table_schema(x=DataType.LONG, y=declared), 1)

    assert [(one.kind, one.path, one.row, one.column) for one in found] == [
        (kind, f'predictions[0]["y"]{path}', 0, "y")
    ]


def test_null_passes_in_an_optional_column_of_any_type(table_schema: TableSchema) -> None:
    for declared in (*DataType, Array(items=DataType.LONG), _PERSON):
        assert breaches([{"y": None}, {}], table_schema(y=declared, required=False), 2) == ()


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        ([{"a": 1, "b": "x"}, {"b": "y", "a": 2}], []),
        ({"a": [1, 2], "b": ["x", "y"]}, []),
        ([{"a": 1, "b": "x"}], [BreachKind.ROWS]),
        ([{"a": 1, "b": "x"}] * 3, [BreachKind.ROWS]),
        ({"a": [1], "b": ["x"]}, [BreachKind.ROWS]),
        ({"a": [1, 2], "b": ["x"]}, [BreachKind.ROWS]),
        ({"a": 1, "b": "x"}, [BreachKind.ROWS]),
        ([{"a": 1, "b": "x"}, {"a": 2}], [BreachKind.MISSING]),
        ([{"a": 1, "b": "x"}, {"a": 2, "b": "y", "c": 0}], [BreachKind.EXTRA]),
        ({"a": [1, 2]}, [BreachKind.MISSING]),
        ({"a": [1, 2], "b": ["x", "y"], "c": [0, 0]}, [BreachKind.EXTRA]),
        ([[1, "x"], [2, "y"]], [BreachKind.FORM, BreachKind.FORM]),
        ([1, 2], [BreachKind.FORM, BreachKind.FORM]),
        ([{"a": 1, "b": "x"}, None], [BreachKind.FORM]),
        ([], [BreachKind.ROWS]),
        (None, [BreachKind.ROWS, BreachKind.FORM]),
        ("x", [BreachKind.ROWS, BreachKind.FORM]),
        ({}, [BreachKind.ROWS, BreachKind.MISSING, BreachKind.MISSING]),
    ],
    ids=repr,
)
def test_a_table_of_two_named_columns_and_two_rows(
    table_schema: TableSchema, document: object, kinds: list[BreachKind]
) -> None:
    found = breaches(document, table_schema(a=DataType.LONG, b=DataType.STRING), 2)

    assert [one.kind for one in found] == kinds


@pytest.mark.parametrize(
    ("document", "kinds"),
    [
        ([1, 2], []),
        ([{"0": 1}, {"0": 2}], []),
        ([{"score": 1}, {"score": 2}], []),
        ({"0": [1, 2]}, []),
        ([[1], [2]], [BreachKind.TYPE, BreachKind.TYPE]),
        ([1, "x"], [BreachKind.TYPE]),
        ([1, 2.5], [BreachKind.FRACTION]),
        ([1, None], [BreachKind.NULL]),
        ([{"a": 1, "b": 2}, 3], [BreachKind.MISSING, BreachKind.EXTRA, BreachKind.EXTRA]),
        (1, [BreachKind.ROWS]),
    ],
    ids=repr,
)
def test_one_unnamed_column(table_schema: TableSchema, document: object, kinds: list[BreachKind]) -> None:
    assert [one.kind for one in breaches(document, table_schema(DataType.LONG), 2)] == kinds


def test_one_named_column_may_come_as_bare_values(table_schema: TableSchema) -> None:
    schema = table_schema(y=DataType.LONG)

    assert breaches([1, 2], schema, 2) == ()
    assert [(one.path, one.column, one.row) for one in breaches([1, "x"], schema, 2)] == [("predictions[1]", "y", 1)]
    assert [one.kind for one in breaches([{"z": 1}], schema, 1)] == [BreachKind.MISSING, BreachKind.EXTRA]


def test_several_unnamed_columns_go_by_position(table_schema: TableSchema) -> None:
    schema = table_schema(DataType.LONG, DataType.STRING)

    assert breaches([[1, "a"], [2, "b"]], schema, 2) == ()
    assert breaches([{"0": 1, "1": "a"}], schema, 1) == ()
    assert [one.path for one in breaches([["a", 1]], schema, 1)] == ["predictions[0][0]", "predictions[0][1]"]
    assert [one.kind for one in breaches([[1]], schema, 1)] == [BreachKind.FORM]


def test_integer_names_are_text_on_the_wire() -> None:
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=name, type=DataType.LONG) for name in (0, 1)))

    assert breaches([{"0": 1, "1": 2}], schema, 1) == ()
    assert [one.column for one in breaches([{"0": 1}], schema, 1)] == [1]


def test_objects_and_lists_as_the_values_of_one_column(table_schema: TableSchema) -> None:
    assert breaches([{"age": 1}, {"age": 2}], table_schema(_PERSON), 2) == ()
    assert breaches([{"0": {"age": 1}}], table_schema(_PERSON), 1) == ()
    assert breaches({"age": 1}, table_schema(_PERSON), 1) == ()
    assert breaches([{"p": {"age": 1}}], table_schema(p=_PERSON), 1) == ()
    assert breaches([{"age": 1}], table_schema(p=_PERSON), 1) == ()
    assert breaches([{"0": 5}], table_schema(Map(values=DataType.LONG)), 1) == ()
    assert breaches([[1], [2, 3]], table_schema(Array(items=DataType.LONG)), 2) == ()
    assert breaches([1, 2], table_schema(Array(items=DataType.LONG)), 1) == ()
    assert breaches({"a": [1, 2]}, table_schema(a=Array(items=DataType.LONG)), 1) == ()
    assert breaches([{"anything": 1}, 2], table_schema(AnyType()), 2) == ()
    assert [one.path for one in breaches([{"age": "x"}], table_schema(_PERSON), 1)] == ['predictions[0]["age"]']


def test_rows_are_not_counted_where_the_output_is_not_by_row(table_schema: TableSchema) -> None:
    schema = table_schema(a=DataType.LONG)

    for document in ([], [{"a": 1}], {"a": [1, 2, 3]}, {"a": 1}, 1):
        assert breaches(document, schema) == ()


def test_a_limit_stops_the_search(table_schema: TableSchema) -> None:
    schema = table_schema(DataType.LONG)

    assert len(breaches(["x"] * 50, schema, 50)) == 50
    assert len(breaches(["x"] * 50, schema, 50, limit=3)) == 3


@pytest.mark.parametrize(
    ("dtype", "shape", "document", "kinds"),
    [
        ("float32", (-1,), [1.5, 2], []),
        ("float32", (-1, 2), [[1, 2], [3, 4]], []),
        ("float64", (2, -1, 1), [[[1]], [[2]]], []),
        ("float64", (), 1.5, []),
        ("int64", (-1,), [1.0, 2], []),
        ("uint8", (-1,), [0, 255], []),
        ("bool", (-1,), [True, False], []),
        ("str", (-1,), ["a", ""], []),
        ("bytes", (-1,), ["aGk=", ""], []),
        ("datetime64[ns]", (-1,), ["2024-01-02", "2024-01-02T03:04:05"], []),
        ("timedelta64[ns]", (-1,), [1, 2], []),
        ("object", (-1,), [1, [2]], []),
        ("float64", (-1, 3), [[1, 2], [3, 4]], [BreachKind.SHAPE, BreachKind.SHAPE]),
        ("float64", (3,), [1, 2], [BreachKind.SHAPE]),
        ("float64", (-1, -1), [[1, 2], [3]], [BreachKind.RAGGED]),
        ("float64", (-1, -1), [1, 2], [BreachKind.SHAPE, BreachKind.SHAPE]),
        ("float64", (-1,), [[1], [2]], [BreachKind.SHAPE, BreachKind.SHAPE]),
        ("float64", (-1,), 1.5, [BreachKind.SHAPE]),
        ("float64", (-1,), [1.5, None], [BreachKind.NULL]),
        ("float64", (-1,), [1.5, "2"], [BreachKind.TYPE]),
        ("float16", (-1,), [1.5, 70000], [BreachKind.RANGE]),
        ("float64", (-1,), [1.5], [BreachKind.ROWS]),
        ("uint8", (-1,), [256, -1], [BreachKind.RANGE, BreachKind.RANGE]),
        ("int64", (-1,), [1, 2.5], [BreachKind.FRACTION]),
        ("bool", (-1,), [0, True], [BreachKind.TYPE]),
        ("str", (-1,), ["a", 1], [BreachKind.TYPE]),
        ("bytes", (-1,), ["a", "aGk="], [BreachKind.TEXT]),
        ("datetime64[ns]", (-1,), [1, "2024-01-02"], [BreachKind.TYPE]),
    ],
)
def test_an_unnamed_tensor_of_two_rows(
    tensors_schema: TensorsSchema, dtype: str, shape: tuple[int, ...], document: object, kinds: list[BreachKind]
) -> None:
    assert [one.kind for one in breaches(document, tensors_schema(dtype, shape), 2)] == kinds


def test_an_empty_tensor_fits_what_is_behind_its_free_dimension(tensors_schema: TensorsSchema) -> None:
    assert breaches([], tensors_schema("float64", (-1, 3, 2)), 0) == ()
    assert [one.kind for one in breaches([], tensors_schema("float64", (2, 3)))] == [BreachKind.SHAPE]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"a": [[1, 2]], "b": [3]}, []),
        ([{"a": [1, 2], "b": 3}], []),
        ({"a": [[1, 2]]}, [(BreachKind.MISSING, 'predictions["b"]', "b")]),
        ([{"a": [1, 2]}], [(BreachKind.MISSING, 'predictions["b"]', "b")]),
        ({"a": [[1, 2]], "b": [3], "c": []}, [(BreachKind.EXTRA, 'predictions["c"]', "c")]),
        ({"a": [[1, "2"]], "b": [3]}, [(BreachKind.TYPE, 'predictions["a"][0][1]', "a")]),
        ([[1, 2]], [(BreachKind.FORM, "predictions", None)]),
        (1, [(BreachKind.FORM, "predictions", None)]),
    ],
    ids=repr,
)
def test_named_tensors(tensors_schema: TensorsSchema, document: object, found: list[object]) -> None:
    schema = tensors_schema(a=("float64", (-1, 2)), b=("int64", (-1,)))

    assert [(one.kind, one.path, one.column) for one in breaches(document, schema, 1)] == found


def test_the_only_named_tensor_may_come_bare(tensors_schema: TensorsSchema) -> None:
    schema = tensors_schema(a=("float64", (-1,)))

    assert breaches([1.5, 2.5], schema, 2) == ()
    assert breaches({"a": [1.5]}, schema, 1) == ()
    assert breaches([{"a": 1.5}], schema, 1) == ()


def test_a_breach_shows_expected_beside_received(table_schema: TableSchema) -> None:
    (one,) = breaches([{"a": -0.5}], table_schema(a=DataType.LONG), 1)

    assert (one.expected, one.received) == ("long", "-0.5")
