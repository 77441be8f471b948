"""What the model receives of the tensors of the Open Inference Protocol, by its signature."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import Storage, TableValue
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

NOW = "2024-01-02T03:04:05.123456789"
PERSON = Object(properties=(Property(name="age", type=DataType.LONG),))
HINTS = {DataType.STRING: "str", DataType.BINARY: "base64", DataType.DATETIME: "datetime"}


def columns(*kinds: Any, names: Any = None, required: bool = True) -> ColumnSchema:
    found = names or [chr(ord("x") + at) for at in range(len(kinds))]
    return ColumnSchema(
        columns=tuple(
            ColumnSpec(name=name, type=kind, required=required) for name, kind in zip(found, kinds, strict=True)
        )
    )


def tensors(**specs: tuple[str, tuple[int, ...]]) -> TensorSchema:
    return TensorSchema(
        tensors=tuple(
            TensorSpec(name=None if name == "_" else name, dtype=dtype, shape=shape)
            for name, (dtype, shape) in specs.items()
        )
    )


def tensor(datatype: str, data: list[Any], *, name: str = "x", shape: Any = None, hint: str = "") -> dict[str, Any]:
    found = {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data}
    return {**found, "parameters": {"content_type": hint}} if hint else found


COLUMNS: list[tuple[Any, str, list[Any], list[Any]]] = [
    (DataType.BOOLEAN, "BOOL", [True, False], [True, False]),
    (DataType.INTEGER, "INT32", [1, -(2**31)], [1, -(2**31)]),
    (DataType.INTEGER, "INT16", [1, 2], [1, 2]),
    (DataType.INTEGER, "UINT8", [1, 2], [1, 2]),
    (DataType.LONG, "INT64", [2**63 - 1, 9007199254740993], [2**63 - 1, 9007199254740993]),
    (DataType.LONG, "UINT32", [1, 2], [1, 2]),
    (DataType.FLOAT, "FP32", [0.5, 1], [0.5, 1.0]),
    (DataType.FLOAT, "FP16", [0.5, 1], [0.5, 1.0]),
    (DataType.FLOAT, "INT16", [3, 1], [3.0, 1.0]),
    (DataType.DOUBLE, "FP64", [0.1, 5e-324], [0.1, 5e-324]),
    (DataType.DOUBLE, "FP32", [0.5, 1], [0.5, 1.0]),
    (DataType.DOUBLE, "FP32", [0.1, 1e-50], [0.10000000149011612, 0.0]),
    (DataType.DOUBLE, "FP16", [0.1, 1], [0.0999755859375, 1.0]),
    (DataType.FLOAT, "FP16", [0.1, 1], [0.0999755859375, 1.0]),
    (DataType.DOUBLE, "INT32", [3, 1], [3.0, 1.0]),
    (DataType.STRING, "BYTES", ["é\x00", "001"], ["é\x00", "001"]),
    (DataType.STRING, "BYTES", [None, "NaN"], [None, "NaN"]),
    (DataType.BINARY, "BYTES", ["AAE=", ""], [b"\x00\x01", b""]),
    (DataType.DATETIME, "BYTES", [NOW, "2024-01-02"], [np.datetime64(NOW), np.datetime64("2024-01-02", "ns")]),
    (Array(items=DataType.DOUBLE), "BYTES", ["[1.5,2]", "[]"], [[1.5, 2.0], []]),
    (PERSON, "BYTES", ['{"age":1}', '{"age":2}'], [{"age": 1}, {"age": 2}]),
    (Map(values=DataType.LONG), "BYTES", ['{"k":1}', "{}"], [{"k": 1}, {}]),
    (AnyType(), "BYTES", ['"text"', "null"], ["text", None]),
    (SparkMLVector(), "BYTES", ["[1]", "[2.5]"], [[1.0], [2.5]]),
]


@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize("is_hinted", [False, True])
@pytest.mark.parametrize(("kind", "datatype", "data", "arrived"), COLUMNS, ids=lambda value: str(value)[:20])
def test_columns(
    serve: Any,
    cells: Any,
    kind: Any,
    datatype: str,
    data: list[Any],
    arrived: list[Any],
    is_hinted: bool,
    is_deep: bool,
) -> None:
    usual = "np" if datatype != "BYTES" else HINTS.get(kind, "pd_json") if isinstance(kind, DataType) else "pd_json"
    sent = tensor(datatype, data, hint=usual if is_hinted else "")
    if is_deep:
        sent |= {"shape": [2, 1], "data": [[value] for value in data]}
    table = serve(kind).take(sent, parameters={"content_type": "pd"} if is_hinted else {})
    assert cells(table, "x") == arrived


def test_null_is_missing_where_the_type_has_a_word_for_it(serve: Any, cells: Any) -> None:
    table = serve(DataType.DOUBLE).take(tensor("FP64", [None, 1.5]))
    assert np.isnan(cells(table, "x")[0])
    optional = serve(columns(DataType.BOOLEAN, required=False)).take(tensor("BOOL", [None, True]))
    assert optional.columns[0].nulls.tolist() == [True, False]


@pytest.mark.parametrize("kind", [DataType.INTEGER, DataType.LONG])
@pytest.mark.parametrize("required", [True, False])
def test_integers_have_no_null(serve: Any, kind: DataType, required: bool) -> None:
    datatype = "INT32" if kind is DataType.INTEGER else "INT64"
    server = serve(columns(kind, required=required))
    assert "row 0 is null" in server.turn_down({"inputs": [tensor(datatype, [None])]})


def test_columns_come_in_any_order_without_optional_ones_and_with_others(serve: Any, cells: Any) -> None:
    schema = ColumnSchema(
        columns=(
            ColumnSpec(name="a", type=DataType.LONG),
            ColumnSpec(name="b", type=DataType.STRING),
            ColumnSpec(name="c", type=DataType.LONG, required=False),
        )
    )
    server = serve(schema)
    sent = [tensor("BYTES", ["p"], name="b"), tensor("FP64", [1], name="z"), tensor("INT64", [7], name="a")]
    answer = server.infer({"inputs": sent})
    table = server.worker.received[-1][0]
    assert [column.name for column in table.columns] == ["a", "b"]
    assert (cells(table, "a"), cells(table, "b")) == ([7], ["p"])
    assert answer.headers["X-Modelserve-Ignored"] == '["z"]'


@pytest.mark.parametrize("shape", [[1, 2], [2], [], [1, 1, 2]])
def test_a_tensor_that_is_left_out_may_have_any_shape(serve: Any, cells: Any, shape: list[int]) -> None:
    server = serve(DataType.LONG)
    extra = tensor("FP64", [0.5] * int(np.prod(shape)), name="z", shape=shape)
    answer = server.infer({"inputs": [extra, tensor("INT64", [7])]})
    assert answer.headers["X-Modelserve-Ignored"] == '["z"]'
    assert cells(server.worker.received[-1][0], "x") == [7]
    assert "'x' is missing; the request has 'z'" in serve(DataType.LONG).turn_down({"inputs": [extra]})


@pytest.mark.parametrize("names", [("input-0", "input-1"), ("p", "q")])
def test_columns_without_names_go_by_the_names_of_the_metadata_or_by_position(
    serve: Any, cells: Any, names: tuple[str, str]
) -> None:
    server = serve(columns(DataType.LONG, DataType.STRING, names=(None, None)))
    sent = [tensor("INT64", [7], name=names[0]), tensor("BYTES", ["a"], name=names[1])]
    table = server.take(*sent)
    assert [column.name for column in table.columns] == [0, 1]
    assert (cells(table, 0), cells(table, 1)) == ([7], ["a"])
    if names[0] == "input-0":
        assert cells(server.take(*reversed(sent)), 1) == ["a"]


@pytest.mark.parametrize("names", [("input-1", "a"), ("a", "input-0")])
def test_a_name_of_the_metadata_in_another_place_is_refused(serve: Any, names: tuple[str, str]) -> None:
    server = serve(columns(DataType.LONG, DataType.LONG, names=(None, None)))
    error = server.turn_down({"inputs": [tensor("INT64", [1], name=name) for name in names]})
    assert " stands at place " in error


def test_a_name_of_the_metadata_in_its_own_place_is_taken(serve: Any, cells: Any) -> None:
    server = serve(columns(DataType.LONG, DataType.LONG, names=(None, None)))
    table = server.take(tensor("INT64", [1], name="input-0"), tensor("INT64", [2], name="a"))
    assert (cells(table, 0), cells(table, 1)) == ([1], [2])


def test_a_column_with_a_number_for_a_name_comes_under_its_text(serve: Any, cells: Any) -> None:
    table = serve(columns(DataType.LONG, names=(3,))).take(tensor("INT64", [7], name="3"))
    assert cells(table, 3) == [7]


@pytest.mark.parametrize(
    ("kind", "sent", "told"),
    [
        (DataType.DOUBLE, tensor("INT64", [1]), "has the datatype INT64; the model takes FP64"),
        (DataType.FLOAT, tensor("FP64", [1]), "has the datatype FP64; the model takes FP32"),
        (DataType.FLOAT, tensor("INT32", [1]), "has the datatype INT32; the model takes FP32"),
        (DataType.INTEGER, tensor("INT64", [1]), "has the datatype INT64; the model takes INT32"),
        (DataType.LONG, tensor("UINT64", [1]), "has the datatype UINT64; the model takes INT64"),
        (DataType.LONG, tensor("FP64", [1]), "has the datatype FP64; the model takes INT64"),
        (DataType.LONG, tensor("BOOL", [True]), "has the datatype BOOL; the model takes INT64"),
        (DataType.LONG, tensor("BYTES", ["1"]), "has the datatype BYTES; the model takes INT64"),
        (DataType.BOOLEAN, tensor("UINT8", [1]), "has the datatype UINT8; the model takes BOOL"),
        (DataType.STRING, tensor("INT64", [1]), "has the datatype INT64; the model takes BYTES"),
        (DataType.STRING, tensor("BYTES", ["a"], hint="base64"), "has the content type 'base64'; the model takes str"),
        (DataType.BINARY, tensor("BYTES", ["AA=="], hint="str"), "has the content type 'str'; the model takes base64"),
        (DataType.LONG, tensor("INT64", [1], hint="pd_json"), "which needs the datatype BYTES"),
        (DataType.LONG, tensor("INT64", [1], hint="str"), "has the content type 'str'; the model takes np"),
        (DataType.BINARY, tensor("BYTES", ["not base64!"]), "not base64"),
        (DataType.BINARY, tensor("BYTES", [None]), "is null"),
        (DataType.DATETIME, tensor("BYTES", ["yesterday"]), "not an ISO 8601 date and time"),
        (Array(items=DataType.LONG), tensor("BYTES", ["[1"]), "The input 'x', element 0, is not valid JSON"),
        (Array(items=DataType.LONG), tensor("BYTES", [""]), "element 0, is empty"),
        (Array(items=DataType.LONG), tensor("BYTES", ['["a"]']), "Column 'x', row 0, at [0]"),
        (Array(items=DataType.LONG), tensor("INT64", [1]), "has the datatype INT64; the model takes BYTES"),
        (DataType.LONG, tensor("INT64", [1, 2], shape=[1, 2]), "has shape [1, 2]; a column has [rows] or [rows, 1]"),
        (DataType.LONG, tensor("INT64", [1], shape=[]), "has shape []"),
        (DataType.LONG, tensor("INT64", [1], shape=[1, 1, 1]), "has shape [1, 1, 1]"),
        (DataType.LONG, tensor("INT64", [1], name="y"), "The required column 'x' is missing; the request has 'y'"),
    ],
)
def test_what_a_column_does_not_take(serve: Any, kind: Any, sent: Any, told: str) -> None:
    assert told in serve(kind).turn_down({"inputs": [sent]})


def test_columns_of_different_lengths(serve: Any) -> None:
    sent = [tensor("INT64", [1, 2]), tensor("INT64", [1], name="y")]
    error = serve(columns(DataType.LONG, DataType.LONG)).turn_down({"inputs": sent})
    assert error == "The inputs of one request differ in their number of rows: 'x' 2, 'y' 1"


def test_a_missing_column(serve: Any) -> None:
    error = serve(columns(DataType.LONG, DataType.LONG)).turn_down({"inputs": [tensor("INT64", [1])]})
    assert error == "The required column 'y' is missing; the request has 'x'"
    error = serve(columns(DataType.LONG, DataType.LONG, names=(None, None))).turn_down(
        {"inputs": [tensor("INT64", [1])]}
    )
    assert error == "The model takes 2 inputs, the request has 1"


@pytest.mark.parametrize(
    ("kind", "datatype", "value", "hints"),
    [
        (DataType.LONG, "INT64", 1, ["np", "pd"]),
        (DataType.STRING, "BYTES", "a", ["str", "np", "pd"]),
        (DataType.BINARY, "BYTES", "AA==", ["base64"]),
        (DataType.DATETIME, "BYTES", "2024-01-02", ["datetime", "str"]),
        (Array(items=DataType.LONG), "BYTES", "[1]", ["pd_json"]),
    ],
)
def test_every_hint_that_means_what_is_declared(
    serve: Any, cells: Any, kind: Any, datatype: str, value: Any, hints: list[str]
) -> None:
    server = serve(kind)
    plain = cells(server.take(tensor(datatype, [value])), "x")
    for hint in ("np", "pd", "str", "base64", "datetime"):
        answer = server.infer({"inputs": [tensor(datatype, [value], hint=hint)]})
        assert answer.status_code == (200 if hint in hints else 400), (hint, answer.text)
        assert cells(server.worker.received[-1][0], "x") == plain


def test_tensors_none_of_which_the_model_knows_are_no_table(serve: Any) -> None:
    server = serve(columns(DataType.LONG, required=False))
    assert "none of the model's columns" in server.turn_down({"inputs": [tensor("INT64", [1, 2], name="z")]})


@pytest.mark.parametrize("value", [2**64 + 1, -(2**70)])
def test_integers_in_the_texts_of_json_values_arrive_however_long(serve: Any, cells: Any, value: int) -> None:
    (arrived,) = cells(serve(AnyType()).take(tensor("BYTES", [str(value)])), "x")
    assert (arrived, type(arrived)) == (value, int)


@pytest.mark.parametrize("value", [2**64, 2**70, -(2**63) - 1])
def test_integers_beyond_their_datatype_are_told_as_they_came(serve: Any, value: int) -> None:
    error = serve(DataType.LONG).turn_down({"inputs": [tensor("INT64", [value])]})
    assert f"element 0, is {value}"[:60] in error


def test_a_null_among_the_texts_of_json_values_is_one(serve: Any, cells: Any) -> None:
    table = serve(AnyType()).take(tensor("BYTES", [None, "null", "1"]))
    assert cells(table, "x") == [None, None, 1]


def test_no_rows(serve: Any) -> None:
    table = serve(DataType.LONG).take(tensor("INT64", [], shape=[0, 1]))
    assert (table.n_rows, table.columns[0].values.dtype) == (0, "int64")


TENSORS: list[tuple[str, str, list[Any], Any]] = [
    ("bool", "BOOL", [True, False], np.array([True, False])),
    *((f"int{n}", f"INT{n}", [-1, 2], np.array([-1, 2], dtype=f"int{n}")) for n in (8, 16, 32, 64)),
    *((f"uint{n}", f"UINT{n}", [2**n - 1, 2], np.array([2**n - 1, 2], dtype=f"uint{n}")) for n in (8, 16, 32, 64)),
    *((f"float{n}", f"FP{n}", [0.5, None], np.array([0.5, np.nan], dtype=f"float{n}")) for n in (16, 32, 64)),
    ("float64", "INT32", [1, 2], np.array([1.0, 2.0])),
    ("str", "BYTES", ["é", "ab"], np.array(["é", "ab"])),
    ("bytes", "BYTES", ["AAE=", "AA8="], np.array([b"\x00\x01", b"\x00\x0f"])),
    ("datetime64[ns]", "BYTES", [NOW, "2024-01-02"], np.array([NOW, "2024-01-02"], dtype="M8[ns]")),
    ("timedelta64[s]", "INT64", [5, -1], np.array([5, -1], dtype="m8[s]")),
    ("complex64", "FP32", [0.5, 1], np.array([0.5, 1], dtype="complex64")),
    ("object", "BYTES", ["a", None], np.array(["a", None], dtype=object)),
]


@pytest.mark.parametrize(("dtype", "datatype", "data", "arrived"), TENSORS, ids=[f"{a}-{b}" for a, b, *_ in TENSORS])
def test_tensors_of_every_dtype(serve: Any, dtype: str, datatype: str, data: list[Any], arrived: Any) -> None:
    received = serve(tensors(_=(dtype, (-1, 2)))).take(tensor(datatype, data, shape=[1, 2], name="any name"))
    np.testing.assert_array_equal(received, arrived.reshape(1, 2))
    assert received.dtype == arrived.dtype


@pytest.mark.parametrize("shape", [[2, 3, 2], [0, 3, 2], [2, 3, 0], [1, 3, 1]])
def test_shapes_arrive(serve: Any, shape: list[int]) -> None:
    values = list(range(int(np.prod(shape))))
    received = serve(tensors(_=("int64", (-1, 3, -1)))).take(tensor("INT64", values, shape=shape))
    assert received.tolist() == np.array(values).reshape(shape).tolist()


@pytest.mark.parametrize("shape", [[10**12, 0], [10**20, 0], [2**62, 2**62, 0], [2**20, 2**20, 0]])
@pytest.mark.parametrize("is_declared", [True, False])
def test_empty_shapes_beyond_reason_are_refused(serve: Any, shape: list[int], is_declared: bool) -> None:
    server = serve(tensors(_=("float64", (-1,) * len(shape))) if is_declared else None)
    parameters = {} if is_declared else {"content_type": "np"}
    server.turn_down({"inputs": [tensor("FP64", [], shape=shape)], "parameters": parameters})


@pytest.mark.parametrize("shape", [[0, 5], [0, 0], [3, 0], [2**20, 0]])
@pytest.mark.parametrize("dtype", ["int64", "str", "object", "datetime64[ns]"])
def test_empty_tensors_keep_their_shape(serve: Any, dtype: str, shape: list[int]) -> None:
    datatype = "INT64" if dtype == "int64" else "BYTES"
    received = serve(tensors(_=(dtype, (-1, -1)))).take(tensor(datatype, [], shape=shape))
    assert (list(received.shape), received.dtype.kind) == (shape, np.dtype(dtype).kind)


def test_a_tensor_without_dimensions(serve: Any) -> None:
    received = serve(tensors(_=("int64", ()))).take(tensor("INT64", [7], shape=[]))
    assert (received.shape, received.item()) == ((), 7)


@pytest.mark.parametrize("parameters", [{}, {"content_type": "np"}])
def test_one_tensor_is_an_array(serve: Any, parameters: dict[str, Any]) -> None:
    received = serve(tensors(_=("int64", (-1,)))).take(tensor("INT64", [1, 2]), parameters=parameters)
    assert received.tolist() == [1, 2]


def test_json_texts_as_objects(serve: Any) -> None:
    received = serve(tensors(_=("object", (-1,)))).take(tensor("BYTES", ['{"a": [1]}', '"b"'], hint="pd_json"))
    assert received.tolist() == [{"a": [1]}, "b"]


def test_named_tensors(serve: Any) -> None:
    server = serve(tensors(a=("float32", (-1, 2)), b=("int64", (-1,))))
    sent = [
        tensor("INT64", [5], name="b"),
        tensor("FP32", [1, 2], name="a", shape=[1, 2]),
        tensor("BOOL", [True], name="c"),
    ]
    answer = server.infer({"inputs": sent, "parameters": {"content_type": "dict"}})
    received = server.worker.received[-1][0]
    assert {name: array.tolist() for name, array in received.items()} == {"a": [[1.0, 2.0]], "b": [5]}
    assert answer.headers["X-Modelserve-Ignored"] == '["c"]'


@pytest.mark.parametrize(
    ("schema", "sent", "told"),
    [
        (tensors(_=("int64", (-1, 2))), [tensor("INT64", [1, 2])], "has shape [2]; the model takes shape [-1, 2]"),
        (tensors(_=("int64", (-1, 2))), [tensor("INT64", [], shape=[0, 3])], "has shape [0, 3]"),
        (tensors(_=("int64", (-1,))), [tensor("INT64", [1]), tensor("INT64", [1], name="y")], "takes one input"),
        (tensors(_=("float32", (-1,))), [tensor("FP64", [1])], "has the datatype FP64; the model takes FP32"),
        (tensors(_=("str", (-1,))), [tensor("BYTES", [None])], "is null"),
        (tensors(a=("int64", (-1,))), [tensor("INT64", [1])], "The tensor 'a' is missing"),
        (
            tensors(a=("int64", (-1,)), b=("int64", (-1,))),
            [tensor("INT64", [1], name="a"), tensor("INT64", [1, 2], name="b")],
            "differ in their first dimension",
        ),
    ],
)
def test_what_tensors_do_not_take(serve: Any, schema: TensorSchema, sent: list[Any], told: str) -> None:
    assert told in serve(schema).turn_down({"inputs": sent})


@pytest.mark.parametrize(
    ("schema", "content_type"),
    [
        (columns(DataType.LONG), "np"),
        (tensors(_=("int64", (-1,))), "pd"),
        (tensors(x=("int64", (-1,))), "np"),
    ],
)
def test_a_content_type_that_the_signature_contradicts(serve: Any, schema: Any, content_type: str) -> None:
    sent = {"inputs": [tensor("INT64", [1])], "parameters": {"content_type": content_type}}
    assert f"has the content type '{content_type}'" in serve(schema).turn_down(sent)


PARAMS = (
    ParamSpec(name="k", type=DataType.LONG, default=3),
    ParamSpec(name="ts", type=DataType.DOUBLE, default=(0.5,), shape=(-1,)),
    ParamSpec(name="day", type=DataType.DATETIME, default=np.datetime64("2020-01-01", "D")),
)


@pytest.mark.parametrize(
    ("parameters", "arrived"),
    [
        ({}, {"k": 3, "ts": [0.5], "day": dt.date(2020, 1, 1)}),
        ({"k": 7, "ts": [1, 2], "content_type": "pd"}, {"k": 7, "ts": [1.0, 2.0], "day": dt.date(2020, 1, 1)}),
        ({"day": "2021-02-03"}, {"k": 3, "ts": [0.5], "day": dt.date(2021, 2, 3)}),
    ],
)
def test_params_are_the_parameters(serve: Any, parameters: dict[str, Any], arrived: dict[str, Any]) -> None:
    server = serve(Signature(inputs=columns(DataType.LONG), params=PARAMS))
    server.take(tensor("INT64", [1]), parameters=parameters)
    assert server.worker.received[-1][1] == arrived


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"k": 1.5}, "Param 'k' is 1.5, not an integer"),
        ({"k": "5"}, "Param 'k' is a string"),
        ({"ts": 1}, "not a list"),
        ({"kk": 1}, "declares no param 'kk'"),
    ],
)
def test_params_that_are_refused(serve: Any, parameters: dict[str, Any], told: str) -> None:
    server = serve(Signature(inputs=columns(DataType.LONG), params=PARAMS))
    assert told in server.turn_down({"inputs": [tensor("INT64", [1])], "parameters": parameters})


@pytest.mark.parametrize("name", ["headers", "content_type", "binary_data_output"])
def test_a_param_that_has_the_name_of_another_s_parameter(serve: Any, name: str) -> None:
    params = (ParamSpec(name=name, type=DataType.STRING, default="none"),)
    server = serve(Signature(inputs=columns(DataType.LONG), params=params))
    server.take(tensor("INT64", [1]), parameters={name: "given"})
    assert server.worker.received[-1][1] == {name: "given"}


def test_a_model_from_a_type_hint(serve: Any) -> None:
    hinted = Signature(inputs=columns(DataType.STRING, names=(None,)), is_from_type_hint=True)
    for parameters in ({}, {"content_type": "pd"}, {"content_type": "str"}):
        sent = tensor("BYTES", ["a", "b"], hint="str", shape=[2, 1])
        assert serve(hinted).take(sent, parameters=parameters) == ["a", "b"]
    nested = Signature(inputs=columns(PERSON, names=(None,)), is_from_type_hint=True)
    assert serve(nested).take(tensor("BYTES", ['{"age": 7}'])) == [{"age": 7}]
    assert "Row 0" in serve(hinted).turn_down({"inputs": [tensor("BYTES", ["{}"], hint="pd_json")]})


UNTYPED: list[tuple[str, dict[str, Any], Any]] = [
    ("np", tensor("FP32", [1, 2], shape=[1, 2]), np.array([[1, 2]], dtype="float32")),
    ("np", tensor("UINT64", [2**64 - 1]), np.array([2**64 - 1], dtype="uint64")),
    ("np", tensor("BYTES", ["a", "é"]), np.array(["a", "é"])),
    ("np", tensor("FP32", [1], hint="np"), np.array([1], dtype="float32")),
    ("np", tensor("INT8", [1], hint="pd"), np.array([1], dtype="int8")),
    ("np", tensor("BYTES", ["a\0", None]), np.array(["a\0", None], dtype=object)),
    ("np", tensor("BYTES", ["a", None]), np.array(["a", None], dtype=object)),
    ("np", tensor("BYTES", ["a\0", "b"]), np.array(["a\0", "b"], dtype=object)),
    ("np", tensor("BYTES", ["a\0b"]), np.array(["a\0b"])),
    ("np", tensor("BYTES", ["AAE="], hint="base64"), np.array([b"\x00\x01"], dtype=object)),
    ("np", tensor("BYTES", ["2024-01-02"], hint="datetime"), np.array(["2024-01-02"], dtype="M8[ns]")),
    ("np", tensor("BYTES", ["[1]"], hint="pd_json"), None),
]


@pytest.mark.parametrize(("content_type", "sent", "arrived"), UNTYPED)
def test_without_a_signature_datatypes_tell_the_types(serve: Any, content_type: str, sent: Any, arrived: Any) -> None:
    received = serve(None).take(sent, parameters={"content_type": content_type})
    if arrived is None:
        assert received.tolist() == [[1]]
        return
    np.testing.assert_array_equal(received, arrived)
    assert received.dtype == arrived.dtype


LONG_AND_SHORT = ["a" * 1_000, *["b"] * 20_000]


def test_one_long_text_does_not_widen_all_others(serve: Any) -> None:
    sent = tensor("BYTES", LONG_AND_SHORT)
    received = serve(None).take(sent, parameters={"content_type": "np"})
    assert (received.dtype, received.tolist()) == (object, LONG_AND_SHORT)
    assert "tensors pad each of" in serve(tensors(_=("str", (-1,)))).turn_down({"inputs": [sent]})


def test_without_a_signature_the_content_type_tells_the_form(serve: Any, cells: Any) -> None:
    server = serve(None)
    numbers, texts = tensor("FP64", [1.5, None], name="n"), tensor("BYTES", ["a", None], name="s", hint="str")
    table = server.take(numbers, texts, tensor("BYTES", ["AA==", "AA=="], name="b", hint="base64"), parameters=PD)
    assert isinstance(table, TableValue)
    assert (cells(table, "s"), cells(table, "b")) == (["a", None], [b"\0", b"\0"])
    assert cells(table, "n")[0] == 1.5
    assert [column.storage for column in table.columns] == [Storage.ARRAY, Storage.TEXT, Storage.BYTES]
    others = [tensor("BYTES", ["[1]"], hint="pd_json"), tensor("BYTES", ["2024-01-02"], name="d", hint="datetime")]
    table = server.take(*others, tensor("BYTES", ["a"], name="t"), parameters=PD)
    assert [column.storage for column in table.columns] == [Storage.NESTED, Storage.ARRAY, Storage.TEXT]
    arrays = server.take(numbers, parameters={"content_type": "dict"})
    assert arrays["n"].dtype == "float64"
    assert server.take(texts, parameters={"content_type": "str"}) == ["a", None]


PD = {"content_type": "pd"}


@pytest.mark.parametrize(
    ("sent", "parameters", "told"),
    [
        ([tensor("INT64", [1])], {}, "set content_type in the request's parameters to pd, np, dict or str"),
        ([tensor("INT64", [1]), tensor("INT64", [1, 2], name="y")], PD, "differ in their number of rows"),
        ([tensor("INT64", [1], shape=[1, 1, 1])], PD, "a column has [rows]"),
        ([tensor("INT64", [1]), tensor("INT64", [1], name="y")], {"content_type": "np"}, "takes one input"),
        ([tensor("INT64", [None])], {"content_type": "np"}, "element 0, is null"),
        ([tensor("INT64", [1])], {"content_type": "str"}, "and no texts"),
        ([tensor("BYTES", ["x"], hint="base64")], PD, "element 0, is 'x', not base64"),
        ([tensor("INT64", [1], hint="pd_json")], PD, "has the content type 'pd_json', which needs the datatype BYTES"),
        ([tensor("INT64", [1], hint="np")], PD | {"k": 1}, "declares no param 'k'"),
    ],
)
def test_what_a_model_without_a_signature_does_not_take(
    serve: Any, sent: list[Any], parameters: dict[str, Any], told: str
) -> None:
    assert told in serve(None).turn_down({"inputs": sent, "parameters": parameters})
