"""Requests of the Open Inference Protocol as the client writes them; the documents are written by hand."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_modelserve.errors import EncodeError
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object
from pytest_modelserve.signature.specs import Signature
from pytest_modelserve.wire.open_inference import DATATYPES, encode_inference, inference_document
from pytest_modelserve.wire.payloads import Document, RawBody, Table, Tensors

if TYPE_CHECKING:
    from .conftest import TableSchema, TensorsSchema

NOW = np.datetime64("2024-01-02T03:04:05.123456789")


def inputs(payload: Any, schema: Any = None) -> list[Any]:
    document = inference_document(payload, signature=Signature(inputs=schema))
    found = document["inputs"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("kind", "cells", "datatype", "data"),
    [
        (DataType.BOOLEAN, (True, None), "BOOL", [True, None]),
        (DataType.INTEGER, (1, -(2**31)), "INT32", [1, -(2**31)]),
        (DataType.LONG, (2**63 - 1, 0), "INT64", [2**63 - 1, 0]),
        (DataType.FLOAT, (0.5, float("nan")), "FP32", [0.5, None]),
        (DataType.DOUBLE, (0.1, 7), "FP64", [0.1, 7]),
        (DataType.STRING, ("é\0", None), "BYTES", ["é\0", None]),
        (DataType.BINARY, (b"\x00\x01", b""), "BYTES", ["AAE=", ""]),
        (DataType.DATETIME, (NOW, None), "BYTES", ["2024-01-02T03:04:05.123456789", None]),
        (DataType.LONG, ("not a number", 1.5), "INT64", ["not a number", 1.5]),  # broken on purpose, sent broken
    ],
)
def test_columns_of_scalars(
    table_schema: TableSchema, kind: DataType, cells: tuple[Any, Any], datatype: str, data: list[Any]
) -> None:
    table = Table(columns=("a",), rows=tuple((cell,) for cell in cells))
    assert inputs(table, table_schema(a=kind)) == [{"name": "a", "shape": [2, 1], "datatype": datatype, "data": data}]


@pytest.mark.parametrize(
    ("kind", "cell", "text"),
    [
        (Array(items=DataType.DOUBLE), [1.5, 2], "[1.5, 2]"),
        (Object(properties=()), {"k": NOW}, '{"k": "2024-01-02T03:04:05.123456789"}'),
        (Map(values=DataType.BINARY), {"k": b"\0"}, '{"k": "AA=="}'),
        (AnyType(), "text", '"text"'),
        (AnyType(), None, None),
    ],
)
def test_what_nests_is_the_text_of_its_json(table_schema: TableSchema, kind: Any, cell: Any, text: str | None) -> None:
    (sent,) = inputs(Table(columns=("a",), rows=((cell,),)), table_schema(a=kind))
    assert sent == {
        "name": "a",
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "pd_json"},
        "data": [text],
    }


@pytest.mark.parametrize(
    ("cells", "datatype", "data"),
    [
        ((True, False), "BOOL", [True, False]),
        ((1, None), "INT64", [1, None]),
        ((1, 0.5), "FP64", [1, 0.5]),
        (("a", "b"), "BYTES", ["a", "b"]),
        ((None, None), "BYTES", [None, None]),
        (("a", 1), "BYTES", ['"a"', "1"]),
        (([1], {}), "BYTES", ["[1]", "{}"]),
    ],
)
def test_without_a_signature_datatypes_follow_from_the_values(cells: Any, datatype: str, data: list[Any]) -> None:
    document = json.loads(encode_inference(Table(columns=("a",), rows=tuple((cell,) for cell in cells))))
    assert document["parameters"] == {"content_type": "pd"}
    (sent,) = document["inputs"]
    assert (sent["datatype"], sent["data"]) == (datatype, data)


def test_unnamed_columns_go_by_position(table_schema: TableSchema) -> None:
    table = Table(columns=(0, 1, 2), rows=((1, "a", 2),))
    sent = inputs(table, table_schema(DataType.LONG, DataType.STRING))
    assert [(one["name"], one["datatype"]) for one in sent] == [
        ("input-0", "INT64"),
        ("input-1", "BYTES"),
        ("input-2", "INT64"),  # one too many, by its values
    ]


def test_no_rows(table_schema: TableSchema) -> None:
    (sent,) = inputs(Table(columns=("a",), rows=()), table_schema(a=DataType.LONG))
    assert (sent["shape"], sent["data"], sent["datatype"]) == ([0, 1], [], "INT64")


@pytest.mark.parametrize(
    ("dtype", "array", "datatype", "data"),
    [
        *(
            (name, np.array([1, 0], dtype=name), datatype, [1, 0])
            for datatype, name in DATATYPES.items()
            if "nt" in name
        ),
        *((f"float{n}", np.array([0.5, np.nan], dtype=f"float{n}"), f"FP{n}", [0.5, None]) for n in (16, 32, 64)),
        ("bool", np.array([True, False]), "BOOL", [True, False]),
        ("str", np.array(["a", "é"]), "BYTES", ["a", "é"]),
        ("bytes", np.array([b"\0a", b"b"]), "BYTES", ["AGE=", "Yg=="]),
        ("datetime64[ns]", np.array(["2024-01-02", "NaT"], dtype="M8[ns]"), "BYTES", ["2024-01-02T00:00:00", None]),
        ("timedelta64[s]", np.array([5, 7], dtype="m8[s]"), "INT64", [5, 7]),
        ("complex64", np.array([0.5, 1]), "FP32", [0.5, 1.0]),
        ("longdouble", np.array([0.5, 1]), "FP64", [0.5, 1.0]),
        ("object", np.array(["a", None], dtype=object), "BYTES", ["a", None]),
    ],
)
def test_tensors_of_every_dtype(
    tensors_schema: TensorsSchema, dtype: str, array: Any, datatype: str, data: list[Any]
) -> None:
    schema = tensors_schema(dtype, (-1, 2))
    (sent,) = inputs(Tensors(arrays={None: array.reshape(1, 2)}), schema)
    assert sent == {"name": "input-0", "shape": [1, 2], "datatype": datatype, "data": data}


@pytest.mark.parametrize(
    ("dtype", "nested", "datatype", "data"),
    [
        ("int64", [True, 2], "INT64", [True, 2]),
        ("str", ["a", 2], "BYTES", ["a", 2]),
        ("str", ["a\0", ""], "BYTES", ["a\0", ""]),
        ("float64", [2**53 + 1, 0.5], "FP64", [2**53 + 1, 0.5]),
        ("float32", [None, "x"], "FP32", [None, "x"]),
        ("int64", [2**70, -1], "INT64", [2**70, -1]),
        ("bytes", [b"a\0", b""], "BYTES", ["YQA=", ""]),
        ("timedelta64[s]", [np.timedelta64(5, "s"), 7], "INT64", [5, 7]),
    ],
)
def test_a_list_is_sent_as_it_is(
    tensors_schema: TensorsSchema, dtype: str, nested: list[Any], datatype: str, data: list[Any]
) -> None:
    (sent,) = inputs(Tensors(arrays={None: nested}), tensors_schema(dtype, (-1,)))
    assert sent == {"name": "input-0", "shape": [2], "datatype": datatype, "data": data}
    assert [type(value) for value in sent["data"]] == [type(value) for value in data]


@pytest.mark.parametrize(
    ("nested", "shape", "data"),
    [
        ([], [0], []),
        ([[], []], [2, 0], []),
        ([(1, 2), (3, 4)], [2, 2], [1, 2, 3, 4]),
        ([np.array([1, 2]), np.array([3, 4])], [2, 2], [1, 2, 3, 4]),
        ([[[1], [2]]], [1, 2, 1], [1, 2]),
    ],
)
def test_the_shape_of_a_list_is_that_of_its_nesting(
    tensors_schema: TensorsSchema, nested: list[Any], shape: list[int], data: list[Any]
) -> None:
    (sent,) = inputs(Tensors(arrays={None: nested}), tensors_schema("int64", (-1,)))
    assert (sent["shape"], sent["data"]) == (shape, data)


@pytest.mark.parametrize(
    ("values", "datatype", "hint"),
    [
        ([b"\0", None], "BYTES", "base64"),
        ([bytearray(b"\0")], "BYTES", "base64"),
        ([NOW, None], "BYTES", "datetime"),
        ([dt.date(2024, 1, 2)], "BYTES", "datetime"),
        (["a", "b"], "BYTES", None),
        ([None, None], "BYTES", None),
        ([True, 2], "BYTES", "pd_json"),
        ([2**63, 0], "UINT64", None),
        ([2**63 - 1, -1], "INT64", None),
    ],
)
def test_without_a_signature_text_says_what_it_stands_for(values: list[Any], datatype: str, hint: str | None) -> None:
    table = Table(columns=("a",), rows=tuple((value,) for value in values))
    for payload in (table, Tensors(arrays={"a": values})):
        (sent,) = inputs(payload)
        assert (sent["datatype"], sent.get("parameters", {}).get("content_type")) == (datatype, hint)


@pytest.mark.parametrize(("array", "hint"), [(np.array([b"a"]), "base64"), (np.array([NOW]), "datetime")])
def test_an_array_without_a_signature_says_it_as_well(array: Any, hint: str) -> None:
    (sent,) = inputs(Tensors(arrays={None: array}))
    assert sent["parameters"] == {"content_type": hint}


def test_objects_that_are_no_texts(tensors_schema: TensorsSchema) -> None:
    array = np.array(["a", {"k": 1}], dtype=object)
    (sent,) = inputs(Tensors(arrays={None: array}), tensors_schema("object", (-1,)))
    assert (sent["data"], sent["parameters"]) == (['"a"', '{"k": 1}'], {"content_type": "pd_json"})


def test_named_tensors_and_nested_lists(tensors_schema: TensorsSchema) -> None:
    payload = Tensors(arrays={"a": [[1.0, 2.0]], "b": np.array([7])})
    sent = inputs(payload, tensors_schema(a=("float32", (-1, 2)), b=("int64", (-1,))))
    assert [(one["name"], one["datatype"], one["shape"], one["data"]) for one in sent] == [
        ("a", "FP32", [1, 2], [1.0, 2.0]),
        ("b", "INT64", [1], [7]),
    ]


@pytest.mark.parametrize(("name", "hint"), [(None, "np"), ("a", "dict")])
def test_without_a_signature_arrays_say_how_they_make_up_the_data(name: str | None, hint: str) -> None:
    document = inference_document(Tensors(arrays={name: np.array([1])}))
    assert document["parameters"] == {"content_type": hint}


def test_a_request_in_full(table_schema: TableSchema) -> None:
    body = encode_inference(
        Table(columns=("a",), rows=((1,),)),
        {"k": 3, "ts": [0.5]},
        signature=Signature(inputs=table_schema(a=DataType.LONG)),
        identity="r1",
        outputs=("y", "z"),
    )
    assert json.loads(body) == {
        "id": "r1",
        "parameters": {"k": 3, "ts": [0.5]},
        "inputs": [{"name": "a", "shape": [1, 1], "datatype": "INT64", "data": [1]}],
        "outputs": [{"name": "y"}, {"name": "z"}],
    }


@pytest.mark.parametrize(
    "payload",
    [
        Document(value={}),
        RawBody(body=b""),
        Table(columns=("a", "b"), rows=((1, 2), (3,))),
        Tensors(arrays={None: [[1, 2], [3]]}),
        Tensors(arrays={None: [[1, 2], 3]}),
        Table(columns=("a",), rows=((object(),),)),
    ],
    ids=["document", "bytes", "ragged table", "ragged tensor", "a number beside a list", "no JSON"],
)
def test_what_the_protocol_cannot_carry(payload: Any) -> None:
    with pytest.raises(EncodeError):
        encode_inference(payload)
