"""Schemas that are not a plain named table: without names, with integers for names, of one column, nested, hinted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

VECTOR = Array(items=DataType.DOUBLE)
PERSON = Object(properties=(Property(name="age", type=DataType.LONG),))


def unnamed(*kinds: Any) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=None, type=kind) for kind in kinds))


def named(**kinds: Any) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name, kind in kinds.items()))


def hinted(kind: Any) -> Signature:
    return Signature(inputs=unnamed(kind), is_from_type_hint=True)


@pytest.mark.parametrize(
    "body",
    [
        '{"dataframe_split": {"data": [[1, 2.5, "a"]]}}',
        '{"dataframe_split": {"columns": [2, 1, 0], "data": [["a", 2.5, 1]]}}',
        '{"dataframe_records": [{"2": "a", "0": 1, "1": 2.5}]}',
        '{"dataframe_records": [[1, 2.5, "a"]]}',
        '{"inputs": [[1, 2.5, "a"]]}',
        '{"instances": [{"1": 2.5, "0": 1, "2": "a"}]}',
        '{"inputs": {"1": [2.5], "0": [1], "2": ["a"]}}',
    ],
)
def test_columns_without_names_go_by_position(serve: Any, cells: Any, body: str) -> None:
    table = serve(unnamed(DataType.LONG, DataType.DOUBLE, DataType.STRING)).receive(body)
    assert [cells(table, at) for at in range(3)] == [[1], [2.5], ["a"]]


def test_columns_without_names_keep_the_labels_of_an_ordered_header(serve: Any, cells: Any) -> None:
    body = '{"dataframe_split": {"columns": ["u", "v"], "data": [[1, 2.5]]}}'
    table = serve(unnamed(DataType.LONG, DataType.DOUBLE)).receive(body)
    assert [column.name for column in table.columns] == ["u", "v"]


@pytest.mark.parametrize(
    "body",
    [
        '{"dataframe_records": [{"u": 1, "v": 2.5}]}',
        '{"instances": [{"v": 2.5, "u": 1}]}',
        '{"inputs": [[1]]}',
        '{"inputs": [[1, 2.5, 3]]}',
        '{"inputs": [[1, 2.5], 1]}',
        '{"dataframe_split": {"data": [[1]]}}',
    ],
)
def test_keys_in_no_order_are_no_positions(serve: Any, body: str) -> None:
    serve(unnamed(DataType.LONG, DataType.DOUBLE)).refuse(body)


@pytest.mark.parametrize(
    "body",
    [
        '{"inputs": ["a", "b"]}',
        '{"instances": [["a"], ["b"]]}',
        '{"instances": [{"0": "a"}, {"0": "b"}]}',
        '{"inputs": {"z": ["a", "b"]}}',
    ],
)
def test_one_column_without_a_name(serve: Any, body: str) -> None:
    table = serve(unnamed(DataType.STRING)).receive(body)
    assert table.columns[0].values == ["a", "b"]


def test_one_value_or_lists_of_one_column_without_a_name(serve: Any, cells: Any) -> None:
    table = serve(unnamed(DataType.STRING)).receive('{"inputs": "a"}')
    assert (cells(table, 0), table.n_rows) == (["a"], 1)
    assert cells(serve(unnamed(VECTOR)).receive('{"inputs": [[1, 2], []]}'), 0) == [[1.0, 2.0], []]


def test_no_cell_is_dropped_from_a_row(serve: Any) -> None:
    serve(unnamed(DataType.STRING)).refuse('{"inputs": [["a", "b"]]}')


@pytest.mark.parametrize("body", ['{"inputs": []}', '{"inputs": {"1": [], "0": []}}', '{"dataframe_records": []}'])
def test_no_rows_of_columns_without_names(serve: Any, body: str) -> None:
    table = serve(unnamed(DataType.LONG, DataType.STRING)).receive(body)
    assert ([column.name for column in table.columns], table.n_rows) == ([0, 1], 0)


@pytest.mark.parametrize(
    "body",
    [
        '{"dataframe_split": {"columns": [0, 1], "data": [[1, 2.5]]}}',
        '{"dataframe_split": {"columns": ["1", "0"], "data": [[2.5, 1]]}}',
        '{"dataframe_split": {"columns": [0, "1"], "data": [[1, 2.5]]}}',
        '{"dataframe_split": {"data": [[1, 2.5]]}}',
        '{"dataframe_records": [{"1": 2.5, "0": 1}]}',
        '{"inputs": {"0": [1], "1": [2.5]}}',
    ],
)
def test_integers_for_names_are_reached_by_their_text(serve: Any, cells: Any, body: str) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name=0, type=DataType.LONG), ColumnSpec(name=1, type=DataType.DOUBLE)))
    table = serve(schema).receive(body)
    assert (cells(table, 0), cells(table, 1)) == ([1], [2.5])


@pytest.mark.parametrize("envelope", ["inputs", "instances"])
def test_one_named_column_may_come_as_its_cells(serve: Any, cells: Any, envelope: str) -> None:
    assert cells(serve(named(x=DataType.LONG)).receive({envelope: [1, 2]}), "x") == [1, 2]
    assert cells(serve(named(x=VECTOR)).receive({envelope: [[1, 2], []]}), "x") == [[1.0, 2.0], []]
    assert cells(serve(named(x=AnyType())).receive({envelope: [1, None, [2]]}), "x") == [1, None, [2]]


@pytest.mark.parametrize("content", [1, [[1]], [None], {"x": [[1]]}])
def test_a_cell_of_one_column_is_no_list(serve: Any, content: object) -> None:
    serve(named(x=DataType.LONG)).refuse({"inputs": content})


def test_with_a_nested_column_an_object_is_one_row(serve: Any, cells: Any) -> None:
    table = serve(named(id=DataType.LONG, v=VECTOR, p=PERSON)).receive(
        {"inputs": {"id": 1, "v": [1, 2], "p": {"age": 3}}}
    )
    assert (cells(table, "id"), cells(table, "v"), cells(table, "p")) == ([1], [[1.0, 2.0]], [{"age": 3}])
    serve(named(id=DataType.LONG, v=VECTOR)).refuse({"inputs": {"id": [1, 2], "v": [[1], [2]]}})


def test_a_map_may_come_in_one_row_or_in_columns(serve: Any, cells: Any) -> None:
    schema = named(m=Map(values=DataType.LONG))
    assert cells(serve(schema).receive({"inputs": {"m": {"a": 1}}}), "m") == [{"a": 1}]
    assert cells(serve(schema).receive({"inputs": {"m": [{"a": 1}, {}]}}), "m") == [{"a": 1}, {}]


@pytest.mark.parametrize("envelope", ["inputs", "instances", "dataframe_records"])
def test_nested_columns_come_in_records_of_every_envelope(serve: Any, cells: Any, envelope: str) -> None:
    rows = [{"v": [1.5], "id": 1}, {"v": [], "id": 2}]
    table = serve(named(id=DataType.LONG, v=VECTOR)).receive({envelope: rows})
    assert cells(table, "v") == [[1.5], []]


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        (DataType.LONG, [1, 2], [1, 2]),
        (DataType.DOUBLE, [1, 2.5], [1.0, 2.5]),
        (DataType.DATETIME, ["2024-01-02T03:04:05"], [dt.datetime.fromisoformat("2024-01-02T03:04:05")]),
        (DataType.BINARY, ["aGk="], [b"hi"]),
        (PERSON, [{"age": 3}], [{"age": 3}]),
        (Array(items=DataType.DATETIME), [["2024-01-02"]], [[dt.datetime.fromisoformat("2024-01-02")]]),
        (Map(values=DataType.LONG), [{"a": 1}], [{"a": 1}]),
        (AnyType(), [1, None, {"a": [1]}], [1, None, {"a": [1]}]),
        (DataType.STRING, [], []),
    ],
)
def test_a_hinted_model_gets_the_list(serve: Any, kind: Any, sent: list[Any], expected: list[Any]) -> None:
    assert serve(hinted(kind)).receive({"inputs": sent}) == expected


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (DataType.LONG, '{"inputs": [true]}'),
        (DataType.LONG, '{"inputs": ["1"]}'),
        (DataType.LONG, '{"inputs": [null]}'),
        (DataType.LONG, '{"inputs": 1}'),
        (DataType.LONG, '{"inputs": {"a": 1}}'),
        (DataType.LONG, '{"instances": [1]}'),
        (DataType.LONG, '{"dataframe_split": {"data": [[1]]}}'),
        (DataType.DATETIME, '{"inputs": ["x"]}'),
        (DataType.BINARY, '{"inputs": ["a"]}'),
        (PERSON, '{"inputs": [{"age": "3"}]}'),
        (PERSON, '{"inputs": [{}]}'),
    ],
)
def test_a_hinted_model_takes_only_its_type(serve: Any, kind: Any, body: str) -> None:
    serve(hinted(kind)).refuse(body)


@pytest.mark.parametrize("media", ["text/csv", "application/vnd.apache.parquet"])
def test_a_hinted_model_takes_json_only(serve: Any, media: str) -> None:
    serve(hinted(DataType.LONG)).refuse(b"x\n1\n", media)
