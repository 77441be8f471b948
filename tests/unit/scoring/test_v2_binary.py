"""The binary extension of the Open Inference Protocol: the bytes are written by hand, as its description has them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import ColumnValue, Storage, TableValue
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

OF_DATATYPES: list[tuple[str, str, bytes, list[Any]]] = [
    ("bool", "BOOL", b"\x01\x00", [True, False]),
    ("int8", "INT8", b"\xff\x02", [-1, 2]),
    ("int16", "INT16", b"\xfe\xff\x02\x00", [-2, 2]),
    ("int32", "INT32", b"\x01\x00\x00\x80\x02\x00\x00\x00", [-(2**31) + 1, 2]),
    ("int64", "INT64", b"\xff" * 7 + b"\x7f" + b"\x02" + bytes(7), [2**63 - 1, 2]),
    ("uint8", "UINT8", b"\xff\x02", [255, 2]),
    ("uint16", "UINT16", b"\xff\xff\x02\x00", [65535, 2]),
    ("uint32", "UINT32", b"\xff\xff\xff\xff\x02\x00\x00\x00", [2**32 - 1, 2]),
    ("uint64", "UINT64", b"\xff" * 8 + b"\x02" + bytes(7), [2**64 - 1, 2]),
    ("float16", "FP16", b"\x00\x38\x00\xbc", [0.5, -1.0]),
    ("float32", "FP32", b"\x00\x00\x00\x3f\x00\x00\x80\xbf", [0.5, -1.0]),
    ("float64", "FP64", bytes(6) + b"\xe0\x3f" + bytes(6) + b"\xf0\xbf", [0.5, -1.0]),
    ("str", "BYTES", b"\x02\x00\x00\x00\xc3\xa9\x00\x00\x00\x00", ["é", ""]),
]


def binary(name: str, datatype: str, content: bytes, shape: list[int]) -> dict[str, Any]:
    parameters = {"binary_data_size": len(content)}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}


def send(server: Any, inputs: list[Any], tail: bytes, *, length: int | None = None, **rest: Any) -> Any:
    head = json.dumps({"inputs": inputs, **rest}).encode()
    size = str(len(head) if length is None else length)
    return server.infer(head + tail, Inference_Header_Content_Length=size, Content_Type="application/octet-stream")


def parts_of(answer: Any) -> tuple[Any, bytes]:
    """Return the JSON of an answer and what stands behind it."""
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["Inference-Header-Content-Length"])
    return json.loads(answer.content[:length]), answer.content[length:]


@pytest.mark.parametrize(("dtype", "datatype", "content", "values"), OF_DATATYPES, ids=[a for a, *_ in OF_DATATYPES])
def test_every_datatype_there_and_back(serve: Any, dtype: str, datatype: str, content: bytes, values: Any) -> None:
    schema = TensorSchema(tensors=(TensorSpec(name=None, dtype=dtype, shape=(-1,)),))
    server = serve(Signature(inputs=schema, outputs=schema))
    server.worker.answer = np.array(values, dtype=dtype)
    answer = send(server, [binary("x", datatype, content, [2])], content, parameters={"binary_data_output": True})
    assert answer.status_code == 200, answer.text
    assert server.worker.received[-1][0].tolist() == values
    document, tail = parts_of(answer)
    (output,) = document["outputs"]
    assert "data" not in output
    assert output["parameters"]["binary_data_size"] == len(content)
    assert (output["datatype"], output["shape"], tail) == (datatype, [2], content)


COLUMNS = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="n", type=DataType.DOUBLE), ColumnSpec(name="s", type=DataType.STRING))
    ),
    outputs=ColumnSchema(
        columns=(ColumnSpec(name="y", type=DataType.DOUBLE), ColumnSpec(name="z", type=DataType.STRING))
    ),
)
NUMBER = bytes(6) + b"\xf8\x7f"  # NaN
PLAIN = {"binary_data": False}
TEXT = b"\x01\x00\x00\x00a"


def answer_of(z: list[Any]) -> TableValue:
    return TableValue((ColumnValue("y", Storage.ARRAY, np.array([np.nan])), ColumnValue("z", Storage.TEXT, z)), 1)


def test_tensors_stand_in_the_order_of_the_inputs_beside_others_in_json(serve: Any, cells: Any) -> None:
    server = serve(COLUMNS)
    server.worker.answer = answer_of(["b"])
    answer = send(server, [binary("s", "BYTES", TEXT, [1, 1]), binary("n", "FP64", NUMBER, [1])], TEXT + NUMBER)
    assert answer.headers["content-type"] == "application/json"  # nothing was wanted in binary
    received = server.worker.received[-1][0]
    assert cells(received, "s") == ["a"]
    assert np.isnan(cells(received, "n")[0])
    plain = {"name": "s", "datatype": "BYTES", "shape": [1], "data": ["c"]}
    assert send(server, [plain, binary("n", "FP64", NUMBER, [1])], NUMBER).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"parameters": {"binary_data_output": True}}, {"y": True, "z": True}),
        ({"outputs": [{"name": "z"}, {"name": "y", "parameters": {"binary_data": True}}]}, {"z": False, "y": True}),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
            },
            {"y": False},
        ),
    ],
)
def test_what_is_wanted_in_binary_comes_so(serve: Any, wanted: dict[str, Any], told: dict[str, bool]) -> None:
    server = serve(COLUMNS)
    server.worker.answer = answer_of(["b"])
    inputs = [binary("n", "FP64", NUMBER, [1]), binary("s", "BYTES", TEXT, [1])]
    answer = send(server, inputs, NUMBER + TEXT, **wanted)
    document = parts_of(answer)[0] if any(told.values()) else answer.json()
    assert {output["name"]: "data" not in output for output in document["outputs"]} == told


def test_a_null_that_has_no_bytes_comes_as_json(serve: Any) -> None:
    server = serve(COLUMNS)
    server.worker.answer = answer_of([None])
    inputs = [binary("n", "FP64", NUMBER, [1]), binary("s", "BYTES", TEXT, [1])]
    document, tail = parts_of(send(server, inputs, NUMBER + TEXT, parameters={"binary_data_output": True}))
    assert [output.get("data") for output in document["outputs"]] == [None, [None]]
    assert np.isnan(np.frombuffer(tail, dtype="<f8")).tolist() == [True]


def test_integers_and_null_that_are_promised_as_floats_have_bytes(serve: Any) -> None:
    server = serve(COLUMNS)
    server.worker.answer = {"y": [1, None], "z": ["b", "c"]}
    inputs = [binary("n", "FP64", NUMBER * 2, [2]), binary("s", "BYTES", TEXT * 2, [2])]
    wanted = [{"name": "y", "parameters": {"binary_data": True}}]
    document, tail = parts_of(send(server, inputs, NUMBER * 2 + TEXT * 2, outputs=wanted))
    assert document["outputs"][0]["datatype"] == "FP64"
    np.testing.assert_array_equal(np.frombuffer(tail, dtype="<f8"), [1.0, np.nan])


def test_half_a_surrogate_has_the_bytes_that_python_gives_it(serve: Any) -> None:
    server = serve(COLUMNS)
    server.worker.answer = answer_of(["\ud800"])
    inputs = [binary("n", "FP64", NUMBER, [1]), binary("s", "BYTES", TEXT, [1])]
    wanted = [{"name": "z", "parameters": {"binary_data": True}}]
    _, tail = parts_of(send(server, inputs, NUMBER + TEXT, outputs=wanted))
    assert tail == b"\x03\x00\x00\x00\xed\xa0\x80"


def test_a_tensor_without_elements_has_no_bytes(serve: Any) -> None:
    server = serve(TensorSchema(tensors=(TensorSpec(name=None, dtype="int64", shape=(-1,)),)))
    assert send(server, [binary("x", "INT64", b"", [0])], b"").status_code == 200
    assert server.worker.received[-1][0].shape == (0,)


NUMBERS = [np.nan, np.inf, -np.inf, -0.0, 5e-324]
PROMISES: list[tuple[str, Any]] = [
    ("float64", np.array(NUMBERS)),
    ("float64", NUMBERS),
    ("float64", np.array(NUMBERS[:4], dtype="float32")),
    ("float32", np.array(NUMBERS[:4])),
    ("float32", np.array([0.1, 1e-40, 1.401298464324817e-45], dtype="float32")),
    ("float32", np.array([0.1, np.finfo("float32").tiny])),
]


def answer_in_binary(serve: Any, promised: str, value: Any) -> Any:
    inputs = TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1,)),))
    outputs = TensorSchema(tensors=(TensorSpec(name=None, dtype=promised, shape=(-1,)),))
    server = serve(Signature(inputs=inputs, outputs=outputs))
    server.worker.answer = value
    answer = send(server, [binary("x", "FP64", NUMBER, [1])], NUMBER, parameters={"binary_data_output": True})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(("promised", "value"), PROMISES)
def test_floats_without_a_word_in_json_have_bytes(serve: Any, promised: str, value: Any) -> None:
    answer = answer_in_binary(serve, promised, value)
    _, tail = parts_of(answer)
    read = np.frombuffer(tail, dtype=promised)
    np.testing.assert_array_equal(read, np.asarray(value, dtype=promised))
    assert np.signbit(read).tolist() == np.signbit(value).tolist()
    assert "X-Modelserve-Lossy" not in answer.headers


def test_the_same_floats_as_json_are_lost_and_told(serve: Any) -> None:
    server = serve(COLUMNS)
    server.worker.answer = {"y": np.array([np.inf]), "z": ["b"]}
    inputs = [binary("n", "FP64", NUMBER, [1]), binary("s", "BYTES", TEXT, [1])]
    headers = [
        send(server, inputs, NUMBER + TEXT, outputs=[{"name": name, "parameters": {"binary_data": is_binary}}]).headers
        for name, is_binary in [("y", True), ("y", False), ("z", False)]
    ]
    assert [found.get("X-Modelserve-Lossy") for found in headers] == [None, "Infinity", None]


@pytest.mark.parametrize(("promised", "least"), [("float32", 1e-50), ("float32", 1e-42), ("float16", 1e-9)])
def test_a_float_that_its_promised_bytes_would_make_another_comes_as_json(
    serve: Any, promised: str, least: float
) -> None:
    (output,) = answer_in_binary(serve, promised, np.array([0.1, least])).json()["outputs"]
    assert (output["datatype"], output["data"]) == (promised.replace("float", "FP"), [0.1, least])


@pytest.mark.parametrize(
    ("datatype", "content", "shape", "told"),
    [
        ("INT64", b"\x01" * 7, [1], "has 7 bytes, which are no whole elements of INT64"),
        ("INT64", bytes(16), [1], "has 2 elements, its shape [1] says 1"),
        ("BOOL", b"\x02", [1], "neither 0 nor 1"),
        ("BYTES", b"\x02\x00\x00\x00a", [1], "element 0, ends beyond the bytes"),
        ("BYTES", b"\x02\x00", [1], "element 0, ends beyond the bytes"),
        ("BYTES", b"\x01\x00\x00\x00\xff", [1], "element 0, is not UTF-8"),
    ],
)
def test_bytes_that_are_no_tensor(serve: Any, datatype: str, content: bytes, shape: list[int], told: str) -> None:
    server = serve(TensorSchema(tensors=(TensorSpec(name=None, dtype="int64", shape=(-1,)),)))
    answer = send(server, [binary("x", datatype, content, shape)], content)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert server.worker.received == []


@pytest.mark.parametrize(
    ("size", "tail", "told"),
    [
        (8, bytes(7), "says that it has 8 bytes behind the JSON; there are 7 left"),
        (8, bytes(9), "Behind the JSON there are 1 bytes more than the tensors say"),
        (-8, bytes(8), "must have a number of bytes"),
        ("8", bytes(8), "must have a number of bytes"),
        (True, bytes(8), "must have a number of bytes"),
    ],
)
def test_sizes_that_are_none(serve: Any, size: object, tail: bytes, told: str) -> None:
    server = serve(DataType.LONG)
    sent = {"name": "x", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": size}}
    answer = send(server, [sent], tail)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True)


def test_a_length_that_cuts_the_json(serve: Any) -> None:
    answer = send(serve(DataType.LONG), [binary("x", "INT64", bytes(8), [1])], bytes(8), length=5)
    assert answer.status_code == 400
    assert "not valid JSON" in answer.json()["error"]


def test_binary_data_without_the_header(serve: Any) -> None:
    error = serve(DataType.LONG).turn_down({"inputs": [binary("x", "INT64", bytes(8), [1])]})
    assert error == "The input 'x' says that it has 8 bytes behind the JSON; there are 0 left"
