"""Parquet: a file's types are held to the declared ones, and each value is read by its type."""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pytest_modelserve.scoring.errors import NotAllowed, NotParsed
from pytest_modelserve.scoring.parquet import _is_possible, read_parquet
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

PARQUET = "application/vnd.apache.parquet"
PERSON = Object(
    properties=(Property(name="age", type=DataType.LONG), Property(name="born", type=DataType.DATETIME, required=False))
)
NS = np.datetime64("2024-01-02T03:04:05.123456789")


def as_parquet(**arrays: pa.Array) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("kind", "array", "expected"),
    [
        (DataType.BOOLEAN, pa.array([True]), True),
        (DataType.INTEGER, pa.array([7], pa.int64()), 7),
        (DataType.LONG, pa.array([2**53 + 1], pa.uint64()), 2**53 + 1),
        (DataType.LONG, pa.array([3.0]), 3),
        (DataType.FLOAT, pa.array([0.1]), float(np.float32(0.1))),
        (DataType.DOUBLE, pa.array([2, None])[:1], 2.0),
        (DataType.DOUBLE, pa.array([float("inf")]), float("inf")),
        (DataType.STRING, pa.array(["a"]), "a"),
        (DataType.STRING, pa.array(["a"]).dictionary_encode(), "a"),
        (DataType.STRING, pa.array([None], pa.null()), None),
        (DataType.BINARY, pa.array([b"\xff\x00"]), b"\xff\x00"),
        (DataType.DATETIME, pa.array([NS]), NS),
        (
            DataType.DATETIME,
            pa.array([dt.datetime.fromisoformat("2024-01-02T03:00")], pa.timestamp("s")),
            np.datetime64("2024-01-02T03", "ns"),
        ),
        (DataType.DATETIME, pa.array([dt.date(2024, 1, 2)]), np.datetime64("2024-01-02", "ns")),
        (DataType.DATETIME, pa.array([NS]).cast(pa.timestamp("ns", tz="Europe/Berlin")), NS),
        (Array(items=DataType.INTEGER), pa.array([[1, 2]], pa.list_(pa.int8())), [1, 2]),
        (Array(items=DataType.BINARY), pa.array([[b"x"]]), [b"x"]),
        (PERSON, pa.array([{"age": 3, "born": NS}]), {"age": 3, "born": NS}),
        (Map(values=DataType.LONG), pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), {"a": 1}),
        (Map(values=DataType.LONG), pa.array([[]], pa.map_(pa.string(), pa.int64())), {}),
        (Map(values=DataType.LONG), pa.array([{"a": 1}]), {"a": 1}),
        (AnyType(), pa.array([{"a": [1, 2]}]), {"a": [1, 2]}),
    ],
)
def test_a_value_arrives(serve: Any, cells: Any, kind: Any, array: pa.Array, expected: Any) -> None:
    assert cells(serve(kind).receive(as_parquet(x=array), PARQUET), "x") == [expected]


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        (DataType.BOOLEAN, pa.array([1])),
        (DataType.BOOLEAN, pa.array([{"a": True}])),
        (DataType.BOOLEAN, pa.array([None], pa.bool_())),
        (DataType.INTEGER, pa.array([2**31])),
        (DataType.LONG, pa.array([1.5])),
        (DataType.LONG, pa.array([2**63], pa.uint64())),
        (DataType.LONG, pa.array([1, None])),
        (DataType.FLOAT, pa.array([1e39])),
        (DataType.DOUBLE, pa.array(["1"])),
        (DataType.DOUBLE, pa.array([Decimal("1.5")])),
        (DataType.STRING, pa.array([b"a"])),
        (DataType.STRING, pa.array([1])),
        (DataType.BINARY, pa.array(["aGk="])),
        (DataType.DATETIME, pa.array(["2024-01-02"])),
        (DataType.DATETIME, pa.array([dt.date(1, 1, 1)])),
        (Array(items=DataType.LONG), pa.array([1])),
        (Array(items=DataType.LONG), pa.array([["1"]])),
        (PERSON, pa.array([{"age": "3"}])),
        (PERSON, pa.array([{"born": NS}])),
        (Map(values=DataType.LONG), pa.array([{"a": "1"}])),
        (AnyType(), pa.array([Decimal("1.5")])),
    ],
)
def test_what_the_type_cannot_hold_is_refused(serve: Any, kind: Any, array: pa.Array) -> None:
    error = serve(kind).refuse(as_parquet(x=array), PARQUET)
    assert (error["error_code"], error["details"]["column"]) == ("INVALID_PARAMETER_VALUE", "x")


def test_nan_and_null_are_nan(serve: Any, cells: Any) -> None:
    table = serve(DataType.DOUBLE).receive(as_parquet(x=pa.array([1.5, None, float("nan")])), PARQUET)
    assert np.isnan(cells(table, "x")).tolist() == [False, True, True]


@pytest.mark.parametrize("body", [b"", b"garbage", b"PAR1" + b"\0" * 20 + b"PAR1"])
def test_what_is_no_parquet_is_refused(serve: Any, body: bytes) -> None:
    error = serve(DataType.LONG).refuse(body, PARQUET)
    assert error["error_code"] == "BAD_REQUEST"


def test_an_index_of_pandas_reaches_the_model(serve: Any) -> None:
    sink = io.BytesIO()
    pd.DataFrame({"x": [1, 2]}, index=["a", "b"]).to_parquet(sink)
    table = serve(DataType.LONG).receive(sink.getvalue(), PARQUET)
    assert (table.index, table.columns[0].values.tolist()) == (("a", "b"), [1, 2])


def test_a_missing_and_an_extra_column(serve: Any) -> None:
    server = serve(DataType.LONG)
    answer = server.post(as_parquet(x=pa.array([1]), z=pa.array([b"1"])), PARQUET)
    assert answer.headers["X-Modelserve-Ignored"] == '["z"]'
    serve(DataType.LONG).refuse(as_parquet(y=pa.array([1])), PARQUET)


def test_columns_without_names_go_by_position(serve: Any) -> None:
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=None, type=k) for k in (DataType.LONG, DataType.STRING)))
    table = serve(schema).receive(as_parquet(u=pa.array([1]), v=pa.array(["a"])), PARQUET)
    assert [list(column.values) for column in table.columns] == [[1], ["a"]]
    table = serve(schema).receive(as_parquet(**{"1": pa.array(["a"]), "0": pa.array([1])}), PARQUET)
    assert [list(column.values) for column in table.columns] == [[1], ["a"]]


def test_a_tensor_comes_as_a_column_of_lists(serve: Any) -> None:
    schema = TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1, 2)),))
    received = serve(schema).receive(as_parquet(x=pa.array([[1.0, 2.0]], pa.list_(pa.float32()))), PARQUET)
    assert (received.dtype, received.tolist()) == ("float64", [[1.0, 2.0]])


def test_a_model_without_a_signature_gets_what_the_file_says(serve: Any) -> None:
    table = serve().receive(as_parquet(x=pa.array([1, 2]), t=pa.array(["a", None])), PARQUET)
    assert [list(column.values) for column in table.columns] == [[1, 2], ["a", None]]


def test_without_pyarrow_the_media_type_is_unknown(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = serve(DataType.LONG).refuse(b"PAR1", PARQUET, status=415)
    assert "pytest-modelserve[parquet]" in error["message"]


def test_a_column_that_stands_twice_is_refused(serve: Any) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"]), sink)
    serve(DataType.LONG).refuse(sink.getvalue(), PARQUET)


ARROW = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "uint64": pa.uint64(),
    "double": pa.float64(),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "fixed_binary": pa.binary(3),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "decimal": pa.decimal128(5, 2),
    "list of int": pa.list_(pa.int64()),
    "large list of int": pa.large_list(pa.int64()),
    "fixed list of int": pa.list_(pa.int64(), 2),
    "list of string": pa.list_(pa.string()),
    "struct of int": pa.struct({"age": pa.int64()}),
    "struct of string": pa.struct({"age": pa.string()}),
    "struct of others": pa.struct({"age": pa.int64(), "z": pa.string()}),
    "map to int": pa.map_(pa.string(), pa.int64()),
    "map to string": pa.map_(pa.string(), pa.string()),
    "map of ints": pa.map_(pa.int64(), pa.int64()),
}
NUMBERS = {"int8", "uint64", "double"}
LISTS_OF_INTS = {"list of int", "large list of int", "fixed list of int"}
POSSIBLE: list[tuple[Any, set[str]]] = [
    (DataType.BOOLEAN, {"bool"}),
    *((kind, NUMBERS) for kind in (DataType.INTEGER, DataType.LONG, DataType.FLOAT, DataType.DOUBLE)),
    (DataType.STRING, {"string", "large_string"}),
    (DataType.BINARY, {"binary", "large_binary", "fixed_binary"}),
    (DataType.DATETIME, {"timestamp", "date"}),
    (Array(items=DataType.LONG), LISTS_OF_INTS),
    (SparkMLVector(), LISTS_OF_INTS),
    (Array(items=DataType.STRING), {"list of string"}),
    (PERSON, {"struct of int", "struct of others"}),
    (Map(values=DataType.LONG), {"struct of int", "map to int"}),
    (AnyType(), set(ARROW)),
]


@pytest.mark.parametrize(("kind", "possible"), POSSIBLE)
def test_the_types_of_a_file_that_a_declared_type_can_be(kind: Any, possible: set[str]) -> None:
    assert {name for name, arrow in ARROW.items() if _is_possible(kind, arrow)} == possible
    packed = {name for name, arrow in ARROW.items() if _is_possible(kind, pa.dictionary(pa.int8(), arrow))}
    assert packed == possible
    assert _is_possible(kind, pa.null())


@pytest.mark.parametrize("error", [pa.ArrowNotImplementedError, pa.ArrowInvalid, OSError, ValueError])
def test_whatever_pyarrow_says_the_file_is_refused(error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error("no")

    monkeypatch.setattr(pq, "ParquetFile", fail)
    with pytest.raises(NotParsed):
        read_parquet(b"PAR1", None)


@pytest.mark.parametrize(
    ("described", "index"),
    [
        (["gone"], None),
        ([{"kind": "range", "name": None, "start": 0, "stop": 2, "step": 1}], None),
        (["i"], (7, 8)),
        (["i", "x"], None),
        ([], None),
        (None, None),
    ],
)
def test_only_an_index_that_is_one_column_reaches_the_model(described: Any, index: Any) -> None:
    metadata = {} if described is None else {b"pandas": json.dumps({"index_columns": described}).encode()}
    file = pa.table({"i": [7, 8], "x": [1, 2]}).replace_schema_metadata(metadata)
    sink = io.BytesIO()
    pq.write_table(file, sink)
    table = read_parquet(sink.getvalue(), None)
    assert (table.index, table.n_rows) == (index, 2)
    assert list(table.columns) == [name for name in ("i", "x") if name not in (described or ())]


@pytest.mark.parametrize("names", [("a", "x", "x"), ("a", "n" * 100, "n" * 100)])
def test_the_name_that_stands_twice_is_told(names: tuple[str, ...]) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 3, names=list(names)), sink)
    with pytest.raises(NotParsed) as refused:
        read_parquet(sink.getvalue(), None)
    assert refused.value.details == {"column": names[1][:80]}


def test_a_long_name_is_cut_in_a_refusal() -> None:
    name = "n" * 100
    with pytest.raises(NotAllowed) as refused:
        read_parquet(
            as_parquet(**{name: pa.array(["a"])}), ColumnSchema(columns=(ColumnSpec(name=name, type=DataType.LONG),))
        )
    assert refused.value.details == {"column": name[:80]}


@pytest.mark.parametrize("labels", [("u", "v", "w"), ("u",), ("0", "u"), ("u", "v")])
def test_columns_without_names_are_typed_by_position_where_all_are_there(labels: tuple[str, ...]) -> None:
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=None, type=kind) for kind in (DataType.LONG, DataType.STRING)))
    body = as_parquet(**{label: pa.array([b"1"]) for label in labels})
    if len(labels) == 2:
        with pytest.raises(NotAllowed):
            read_parquet(body, schema)
    else:
        assert list(read_parquet(body, schema).columns) == list(labels)


def test_of_columns_with_names_none_is_typed_by_position() -> None:
    schema = ColumnSchema(
        columns=(ColumnSpec(name="a", type=DataType.LONG), ColumnSpec(name="b", type=DataType.STRING, required=False))
    )
    assert list(read_parquet(as_parquet(z=pa.array(["x"]), a=pa.array([1])), schema).columns) == ["z", "a"]
