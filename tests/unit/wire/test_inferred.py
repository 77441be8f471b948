"""Answers of the Open Inference Protocol as the client reads them; the documents are written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_modelserve.errors import DecodeError
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map
from pytest_modelserve.wire.inferred import TensorMetadata, read_inference, read_model_metadata

if TYPE_CHECKING:
    from .conftest import TableSchema, TensorsSchema

ONE: dict[str, Any] = {"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [0.5, None]}
OF_THE_SPECIFICATION = {  # inference_rest.md; its example lacks model_name and has too few elements
    "model_name": "mymodel",
    "id": "42",
    "outputs": [{"name": "output0", "shape": [3, 2], "datatype": "FP32", "data": [1.0, 1.1, 2.0, 2.1, 3.0, 3.1]}],
}
OF_MLSERVER = {  # 1.7.1 on the iris model
    "model_name": "m",
    "id": "a-b",
    "parameters": {"content_type": "np"},
    "outputs": [
        {
            "name": "output-1",
            "shape": [1, 1],
            "datatype": "INT64",
            "parameters": {"content_type": "np"},
            "data": [0],
        }
    ],
}


OF_KSERVE = {  # 0.21, whose models of pydantic are written with all they have
    "model_name": "m",
    "model_version": None,
    "id": None,
    "parameters": None,
    "outputs": [{"name": "y", "shape": [1], "datatype": "INT64", "parameters": None, "data": [7]}],
}


def answer(*outputs: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"model_name": "m", "outputs": list(outputs), **rest}


def test_the_example_of_the_specification() -> None:
    inference = read_inference(OF_THE_SPECIFICATION)
    (output,) = inference.outputs
    assert (inference.model_name, inference.id, inference.model_version) == ("mymodel", "42", None)
    assert (output.name, output.datatype, output.shape) == ("output0", "FP32", (3, 2))
    assert output.data == (1.0, 1.1, 2.0, 2.1, 3.0, 3.1)
    assert inference.predictions().raw == [[1.0, 1.1], [2.0, 2.1], [3.0, 3.1]]


def test_the_answer_of_mlserver_under_the_declared_schema(tensors_schema: TensorsSchema) -> None:
    predictions = read_inference(OF_MLSERVER).predictions(tensors_schema("int64", (-1,)))
    assert predictions.to_list() == [0]
    assert read_inference(OF_MLSERVER).predictions(tensors_schema("int64", (-1, 1))).to_list() == [[0]]


def test_the_answer_of_kserve_has_null_for_what_it_lacks() -> None:
    inference = read_inference(OF_KSERVE)
    assert (inference.model_version, inference.id, inference.outputs[0].content_type) == (None, None, "")
    assert inference.predictions().raw == [7]


def test_nested_data_is_flattened() -> None:
    (output,) = read_inference(answer({**ONE, "data": [[0.5], [None]]})).outputs
    assert output.data == (0.5, None)


@pytest.mark.parametrize(
    ("kind", "datatype", "data", "values"),
    [
        (DataType.DOUBLE, "FP64", [0.1, None], [0.1, None]),
        (DataType.LONG, "INT64", [2**63 - 1, 0], [2**63 - 1, 0]),
        (DataType.BINARY, "BYTES", ["AAE=", ""], [b"\x00\x01", b""]),
        (DataType.DATETIME, "BYTES", ["2024-01-02", None], [np.datetime64("2024-01-02", "ns"), None]),
        (DataType.STRING, "BYTES", ["[1]", "x"], ["[1]", "x"]),
        (Array(items=DataType.LONG), "BYTES", ["[1]", "[]"], [[1], []]),
    ],
)
def test_one_column(table_schema: TableSchema, kind: Any, datatype: str, data: list[Any], values: list[Any]) -> None:
    inference = read_inference(answer({**ONE, "datatype": datatype, "data": data}))
    assert inference.predictions(table_schema(y=kind)).to_list() == [{"y": value} for value in values]
    assert inference.predictions(table_schema(other=kind)).to_list() == [{"other": value} for value in values]
    assert inference.predictions(table_schema(kind)).to_list() == values


FLOATS = {**ONE, "data": [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]}
TEXTS = {**FLOATS, "datatype": "BYTES", "data": ["a", "b", "c", "d", "e", "f"]}


@pytest.mark.parametrize(
    ("kind", "output", "rows"),
    [
        (Array(items=DataType.DOUBLE), {**FLOATS, "shape": [2, 3]}, [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]),
        (Array(items=DataType.DOUBLE), {**FLOATS, "shape": [2, 3, 1]}, [[[0.5], [1.5], [2.5]], [[3.5], [4.5], [5.5]]]),
        (Array(items=DataType.DOUBLE), {**ONE, "data": [0.5, 1.5]}, [[0.5], [1.5]]),
        (Array(items=DataType.STRING), {**TEXTS, "shape": [3, 2]}, [["a", "b"], ["c", "d"], ["e", "f"]]),
        (AnyType(), {**FLOATS, "shape": [1, 6]}, [FLOATS["data"]]),
        (AnyType(), {**ONE, "data": [0.5, 1.5]}, [0.5, 1.5]),
        (DataType.DOUBLE, {**FLOATS, "shape": [6]}, FLOATS["data"]),
        (DataType.DOUBLE, {**FLOATS, "shape": [6, 1]}, FLOATS["data"]),
    ],
)
def test_the_first_dimension_is_the_rows(table_schema: TableSchema, kind: Any, output: Any, rows: list[Any]) -> None:
    assert read_inference(answer(output)).predictions(table_schema(kind)).raw == rows
    assert read_inference(answer(output)).predictions(table_schema(y=kind)).raw == [{"y": row} for row in rows]


def test_an_output_that_is_not_declared_keeps_its_shape(table_schema: TableSchema) -> None:
    two = answer({**FLOATS, "shape": [2, 3]}, {**ONE, "name": "z"})
    rows = read_inference(two).predictions(table_schema(z=DataType.DOUBLE, w=DataType.DOUBLE)).raw
    assert rows == [{"y": [0.5, 1.5, 2.5], "z": 0.5}, {"y": [3.5, 4.5, 5.5], "z": None}]


@pytest.mark.parametrize("kind", [DataType.DOUBLE, Map(values=DataType.DOUBLE)])
@pytest.mark.parametrize("shape", [[1, 2], [2, 1, 1], [1, 1, 2]])
def test_a_shape_that_is_no_column(table_schema: TableSchema, kind: Any, shape: list[int]) -> None:
    """A server that transposes answers [1, 2] for two rows."""
    with pytest.raises(DecodeError) as caught:
        read_inference(answer({**ONE, "shape": shape})).predictions(table_schema(y=kind))
    assert "which is no column of" in caught.value.happened
    with pytest.raises(DecodeError):
        read_inference(answer({**ONE, "shape": [], "data": [0.5]})).predictions(table_schema(y=kind))


def test_several_columns(table_schema: TableSchema) -> None:
    inference = read_inference(answer(ONE, {**ONE, "name": "z", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]}))
    named = inference.predictions(table_schema(z=DataType.STRING, y=DataType.DOUBLE))
    assert named.to_list() == [{"z": "a", "y": 0.5}, {"z": "b", "y": None}]
    unnamed = inference.predictions(table_schema(DataType.DOUBLE, DataType.STRING))
    assert unnamed.raw == [[0.5, "a"], [None, "b"]]


def test_named_tensors(tensors_schema: TensorsSchema) -> None:
    second = {**ONE, "name": "z", "datatype": "INT32", "shape": [1, 2], "data": [1, 2]}
    schema = tensors_schema(y=("float64", (-1,)), z=("int32", (-1, 2)))
    arrays = read_inference(answer(ONE, second)).predictions(schema).to_numpy()
    assert isinstance(arrays, dict)
    assert arrays["z"].tolist() == [[1, 2]]
    assert arrays["y"][0] == 0.5
    only = read_inference(answer(ONE)).predictions(tensors_schema(y=("float64", (-1,))))
    assert only.raw == {"y": [0.5, None]}


def test_without_a_schema_outputs_are_nested_lists() -> None:
    texts = {**ONE, "name": "t", "datatype": "BYTES", "parameters": {"content_type": "pd_json"}, "data": ["[1]", None]}
    assert read_inference(answer(texts)).predictions().raw == [[[1]], [None]]
    assert read_inference(answer(ONE, texts)).predictions().raw == {"y": [[0.5], [None]], "t": [[[1]], [None]]}


def test_outputs_of_different_lengths(table_schema: TableSchema) -> None:
    inference = read_inference(answer(ONE, {**ONE, "name": "z", "shape": [1], "data": [1]}))
    with pytest.raises(DecodeError, match="differ in their number of rows"):
        inference.predictions(table_schema(y=DataType.DOUBLE, z=DataType.DOUBLE))


def test_an_element_that_is_no_json() -> None:
    texts = {**ONE, "datatype": "BYTES", "parameters": {"content_type": "pd_json"}, "data": ["[1", None]}
    with pytest.raises(DecodeError, match="not strict JSON"):
        read_inference(answer(texts)).predictions()


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "the answer is no object"),
        ({"outputs": []}, "model_name of the answer is missing"),
        ({"model_name": 1, "outputs": []}, "model_name of the answer is no string"),
        ({"model_name": "m"}, "outputs of the answer is missing"),
        (answer(id=7), "id of the answer is no string"),
        (answer(model_version=1), "model_version of the answer is no string"),
        (answer(ONE, ONE), "stands twice"),
        ({"model_name": "m", "outputs": [1]}, "outputs[0] is no object"),
        (answer({**ONE, "name": None}), "name of outputs[0] is no string"),
        (answer({**ONE, "datatype": "float64"}), "datatype of outputs[0] is none"),
        (answer({**ONE, "shape": [-1, 1]}), "shape of outputs[0] is no list of sizes"),
        (answer({**ONE, "shape": [True, 1]}), "shape of outputs[0] is no list of sizes"),
        (answer({**ONE, "shape": [1] * 33, "data": [1]}), "33 dimensions"),
        (answer({**ONE, "shape": [3, 1]}), "has 2 elements, its shape says 3"),
        (answer({**ONE, "shape": [10**300] * 32}), "digits)"),
        (answer({**ONE, "shape": [10**20, 0], "data": []}), "more than 1,048,576 rows without an element"),
        (answer({**ONE, "shape": [0, 2**62, 2**62], "data": []}), "more than 1,048,576 rows without an element"),
        (answer({**ONE, "shape": [10**12, 0], "data": []}), "more than 1,048,576 rows without an element"),
        (answer({**ONE, "data": [[0.5, None]]}), "nested otherwise"),
        (answer({**ONE, "data": ["0.5", None]}), "element 0 of outputs[0] is no FP64"),
        (answer({**ONE, "datatype": "INT8", "data": [1, 128]}), "element 1 of outputs[0] is no INT8"),
        (answer({**ONE, "datatype": "BOOL", "data": [1, None]}), "element 0 of outputs[0] is no BOOL"),
        (answer({**ONE, "datatype": "BYTES", "data": ["a", 1]}), "element 1 of outputs[0] is no BYTES"),
        (answer({**ONE, "parameters": []}), "parameters of outputs[0] is no object"),
    ],
)
def test_what_is_not_of_the_protocol(document: object, told: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_inference(document)
    assert told in caught.value.happened


METADATA: dict[str, Any] = {
    "name": "m",
    "versions": ["1"],
    "platform": "",
    "inputs": [{"name": "a", "datatype": "INT64", "shape": [-1, 1], "parameters": {"content_type": "np"}}],
    "outputs": [{"name": "y", "datatype": "BYTES", "shape": []}],
}


def test_metadata() -> None:
    metadata = read_model_metadata(METADATA)
    assert (metadata.name, metadata.versions, metadata.platform) == ("m", ("1",), "")
    assert metadata.inputs == (TensorMetadata(name="a", datatype="INT64", shape=(-1, 1), content_type="np"),)
    assert metadata.outputs == (TensorMetadata(name="y", datatype="BYTES", shape=()),)
    assert read_model_metadata({key: METADATA[key] for key in METADATA if key != "versions"}).versions == ()
    assert read_model_metadata({**METADATA, "versions": None}).versions == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"versions": [1]}, "versions of the metadata is no list of strings"),
        ({"platform": None}, "platform of the metadata is no string"),
        ({"inputs": None}, "inputs of the metadata is no list"),
        ({"outputs": [{"name": "y", "datatype": "BYTES", "shape": [-2]}]}, "shape of outputs[0]"),
        ({"outputs": [{"name": "y", "datatype": "object", "shape": []}]}, "datatype of outputs[0]"),
    ],
)
def test_metadata_that_is_none(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_model_metadata({**METADATA, **change})
    assert told in caught.value.happened
