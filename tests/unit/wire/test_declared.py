"""The signature that a server tells, by our OpenAPI document and by the metadata of V2."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_modelserve.errors import DecodeError
from pytest_modelserve.signature import as_mlmodel
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.wire.declared import read_index, read_openapi, signature_of
from pytest_modelserve.wire.inferred import read_model_metadata
from pytest_modelserve.wire.open_inference import OF_COLUMNS

NESTED = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=Array(items=DataType.LONG), required=False),)),
    outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),)),
    params=(ParamSpec(name="k", type=DataType.DOUBLE, default=0.5),),
)
HINTED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.STRING),)), is_from_type_hint=True)


def tensor(name: str, datatype: str, shape: list[int] | None = None, **parameters: Any) -> dict[str, Any]:
    more = {"parameters": parameters} if parameters else {}
    return {"name": name, "datatype": datatype, "shape": shape or [-1, 1], **more}


def metadata(inputs: list[Any], outputs: list[Any] | None = None, **parameters: Any) -> Any:
    document = {"name": "m", "platform": "", "inputs": inputs, "outputs": outputs or [], "parameters": parameters}
    return read_model_metadata(document)


def columns(*specs: tuple[str | None, Any, bool]) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind, required=it) for name, kind, it in specs))


def tensors(*specs: tuple[str | None, str, tuple[int, ...]]) -> TensorSchema:
    return TensorSchema(tensors=tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, dtype, shape in specs))


@pytest.mark.parametrize("signature", [NESTED, HINTED], ids=["nested", "hinted"])
def test_our_document_tells_all(signature: Signature) -> None:
    told = {
        "digest": "0123",
        "signature": as_mlmodel(signature),
        "is_signature_from_type_hint": signature.is_from_type_hint,
    }
    found = read_openapi({"info": {"x-mlflow-model": told}})
    assert found is not None
    assert (found.signature, found.digest) == (signature, "0123")


@pytest.mark.parametrize(
    "document", [None, [], {}, {"info": []}, {"info": {}}, {"info": {"x-mlflow-model": {"signature": None}}}]
)
def test_another_document_tells_nothing(document: object) -> None:
    assert read_openapi(document) is None


def test_a_signature_that_is_none_is_told() -> None:
    with pytest.raises(DecodeError) as caught:
        read_openapi({"info": {"x-mlflow-model": {"signature": {"inputs": "[{}]"}}}})
    assert "the server tells a signature that is none" in caught.value.happened


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([tensor("a", "INT64"), tensor("b", "BYTES", content_type="str")],
         columns(("a", DataType.LONG, True), ("b", DataType.STRING, True))),
        ([tensor("a", "FP64", content_type="np", required=False)], columns(("a", DataType.DOUBLE, False))),
        ([tensor("a", "BYTES", content_type="base64")], columns(("a", DataType.BINARY, True))),
        ([tensor("a", "BYTES", content_type="datetime")], columns(("a", DataType.DATETIME, True))),
        ([tensor("a", "BYTES", content_type="pd_json")], columns(("a", AnyType(), True))),
        ([tensor("a", "BYTES")], columns(("a", DataType.STRING, True))),
        ([tensor("input-0", "BOOL"), tensor("input-1", "INT32")],
         columns((None, DataType.BOOLEAN, True), (None, DataType.INTEGER, True))),
        ([tensor("input-0", "FP32", [-1, 8, 8])], tensors((None, "float32", (-1, 8, 8)))),
        ([tensor("x", "FP16")], tensors(("x", "float16", (-1, 1)))),
        ([tensor("x", "INT64", [-1]), tensor("s", "BYTES", [-1, 2])],
         tensors(("x", "int64", (-1,)), ("s", "str", (-1, 2)))),
        ([tensor("input-0", "BYTES", [-1], content_type="datetime"),
          tensor("input-1", "BYTES", [2], content_type="base64")],
         tensors(("input-0", "datetime64[ns]", (-1,)), ("input-1", "bytes", (2,)))),
    ],
)  # fmt: skip
def test_what_tensors_stand_for(entries: list[Any], found: Any) -> None:
    assert signature_of(metadata(entries)) == Signature(inputs=found)


@pytest.mark.parametrize("content_type", ["np", "dict"])
def test_a_server_that_says_arrays_is_believed(content_type: str) -> None:
    told = metadata([tensor("x", "FP64")], content_type=content_type)
    assert signature_of(told) == Signature(inputs=tensors(("x", "float64", (-1, 1))))
    assert signature_of(metadata([tensor("x", "FP64")], content_type="pd")) == Signature(
        inputs=columns(("x", DataType.DOUBLE, True))
    )


def test_outputs_are_read_by_themselves() -> None:
    told = metadata([tensor("a", "INT64")], [tensor("output-0", "INT64", [-1])], content_type="pd")
    assert signature_of(told) == Signature(
        inputs=columns(("a", DataType.LONG, True)), outputs=tensors((None, "int64", (-1,)))
    )


def test_without_inputs_nothing_is_told() -> None:
    assert signature_of(metadata([], [tensor("y", "FP64")])) is None


@pytest.mark.parametrize(
    ("inputs", "outputs", "told"),
    [
        ([tensor("a", "INT64"), tensor("b", "FP64"), tensor("a", "FP64")], [], 'the input "a" stands twice'),
        ([tensor("input-0", "FP32", [-1, 2])] * 2, [], 'the input "input-0" stands twice'),
        ([tensor("a", "INT64")], [tensor("y", "FP64")] * 2, 'the output "y" stands twice'),
        ([tensor("a", "FP32", [-1, 10**12])], [], "one row has more than 10,000,000 elements"),
        ([tensor("a", "FP32", [10**6, 10**6, 0])], [], "one row has more than 10,000,000 elements"),
        ([tensor("a", "FP32", [6 * 10**6]), tensor("b", "FP32", [6 * 10**6])], [], 'up to the input "b", one row has'),
        ([tensor("a", "FP32", [1] * 33)], [], 'the input "a" has 33 dimensions'),
    ],
)
def test_metadata_of_which_no_request_can_be_made(inputs: list[Any], outputs: list[Any], told: str) -> None:
    with pytest.raises(DecodeError) as caught:
        signature_of(metadata(inputs, outputs))
    assert told in caught.value.happened
    assert "--model-uri" in caught.value.fix


@pytest.mark.parametrize("shape", [[-1, 10**7], [10**7], [1] * 32, [-1, 0]])
def test_metadata_at_the_bounds(shape: list[int]) -> None:
    assert signature_of(metadata([tensor("a", "FP32", shape)])) == Signature(
        inputs=tensors(("a", "float32", tuple(shape)))
    )


@pytest.mark.parametrize("kind", [kind for kind, datatype in OF_COLUMNS.items() if datatype != "BYTES"])
def test_each_number_comes_back_as_the_type_that_it_was_sent_as(kind: DataType) -> None:
    found = signature_of(metadata([tensor("a", OF_COLUMNS[kind])]))
    assert found == Signature(inputs=columns(("a", kind, True)))


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ([], ()),
        ([{"name": "a"}, {"name": "b", "state": "READY"}, {"name": "c", "state": "UNAVAILABLE"}], ("a", "b")),
        ([{"name": "a", "version": "1"}, {"name": "a", "version": "2"}], ("a",)),
        ({"name": "a"}, ("a",)),
    ],
)
def test_an_index_names_the_models_that_are_there(document: object, names: tuple[str, ...]) -> None:
    assert read_index(document) == names


@pytest.mark.parametrize("document", [None, "a", [1], [{"name": 1}]])
def test_an_index_that_is_none(document: object) -> None:
    with pytest.raises(DecodeError):
        read_index(document)


@pytest.mark.parametrize("digest", ["not hex", None, "", "0x12", "ABC"])
def test_a_digest_that_is_none_is_no_digest(digest: object) -> None:
    told = read_openapi({"info": {"x-mlflow-model": {"digest": digest, "signature": as_mlmodel(NESTED)}}})
    assert told is not None
    assert told.digest == ""
