"""Our own client over gRPC against a server made of the protocol's own messages, in this process."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve import DecodeError, EncodeError, GrpcModelClient, RequestError, ResponseError, Signature
from pytest_modelserve.signature import AnyType, ColumnSchema, ColumnSpec, DataType, TensorSchema, TensorSpec, ValueType
from pytest_modelserve.wire.grpc_messages import CONTENTS

grpc = pytest.importorskip("grpc")
messages = pytest.importorskip("tritonclient.grpc.service_pb2")
services = pytest.importorskip("tritonclient.grpc.service_pb2_grpc")
Servicer: Any = services.GRPCInferenceServiceServicer

KINDS: dict[str, ValueType] = {
    "flag": DataType.BOOLEAN,
    "i": DataType.INTEGER,
    "n": DataType.LONG,
    "f": DataType.FLOAT,
    "x": DataType.DOUBLE,
    "s": DataType.STRING,
    "raw": DataType.BINARY,
    "at": DataType.DATETIME,
    "any": AnyType(),
}
COLUMNS = ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name, kind in KINDS.items()))
SIGNATURE = Signature(inputs=COLUMNS, outputs=COLUMNS)
ROWS: dict[str, list[Any]] = {
    "flag": [True, False],
    "i": [-(2**31), 2**31 - 1],
    "n": [-(2**63), 9007199254740993],
    "f": [0.5, -0.0],
    "x": [1.7976931348623157e308, 0.1],
    "s": ["é\0😀", ""],
    "raw": [b"\x00\xff", b""],
    "at": [pd.Timestamp("2024-01-02T03:04:05.000000007"), pd.Timestamp("1700-01-01")],
    "any": [{"a": [1, None]}, 7],
}
DTYPES = ("bool", *(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)), "float32", "float64", "str")


class Echo(Servicer):  # type: ignore[misc] # generated without types
    """Answers each tensor with itself, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.headers: dict[str, str] = {}
        self.change: Callable[[Any], None] = lambda _response: None

    def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802 # as the protocol names it
        self.asked.append(request)
        self.headers = dict(context.invocation_metadata())
        if request.model_name != "churn":
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no model {request.model_name}")
        response = messages.ModelInferResponse(model_name="churn", model_version="1", id=request.id)
        for tensor in request.inputs:
            output = response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            output.contents.CopyFrom(tensor.contents)
            if "content_type" in tensor.parameters:
                output.parameters["content_type"].CopyFrom(tensor.parameters["content_type"])
        self.change(response)
        return response

    def ModelReady(self, request: Any, context: Any) -> Any:  # noqa: N802 # as the protocol names it
        return messages.ModelReadyResponse(ready=request.name == "churn")

    def ModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802 # as the protocol names it
        response = messages.ModelMetadataResponse(name=request.name, versions=["1"], platform="p")
        response.inputs.add(name="n", datatype="INT64", shape=[-1, 1])
        response.outputs.add(name="y", datatype="FP64", shape=[-1, 1])
        return response


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def target(echo: Echo) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    services.add_GRPCInferenceServiceServicer_to_server(echo, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def client(target: str) -> Iterator[GrpcModelClient]:
    with GrpcModelClient(f"grpc://{target}", signature=SIGNATURE, headers={"X-Tenant": "n"}, v2_name="churn") as client:
        yield client


def test_columns_come_back_as_they_went(client: GrpcModelClient, echo: Echo) -> None:
    frame = pd.DataFrame(ROWS)
    found = client.infer(frame, params={"k": 0.5, "deep": True, "depth": 2**63, "n": -3, "mode": "a"}, outputs=["n"])
    assert found.to_list() == [{name: values[at] for name, values in ROWS.items()} for at in range(2)]
    (request,) = echo.asked
    assert (request.id, request.model_name, [one.name for one in request.outputs]) == ("infer-1", "churn", ["n"])
    told = {name: value.WhichOneof("parameter_choice") for name, value in request.parameters.items()}
    kinds = {"k": "double_param", "deep": "bool_param", "depth": "uint64_param", "n": "int64_param"}
    assert told == {**kinds, "mode": "string_param"}
    assert echo.headers["x-tenant"] == "n"


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_come_back_as_they_went(dtype: str, target: str) -> None:
    schema = TensorSchema(tensors=(TensorSpec(name="t", dtype=dtype, shape=(-1, 2)),))
    sent = np.arange(6).reshape(3, 2).astype(dtype)
    with GrpcModelClient(target, signature=Signature(inputs=schema, outputs=schema), v2_name="churn") as client:
        found = client.infer({"t": sent}).to_numpy()
    assert isinstance(found, dict)
    np.testing.assert_array_equal(found["t"], sent)


def raw(dtype: str) -> bytes:
    if dtype == "str":
        return b"".join(struct.pack("<I", len(text)) + text for text in (b"\xc3\xa9", b""))
    return np.array([[1, 0]], dtype=dtype).tobytes()


@pytest.mark.parametrize("dtype", [*DTYPES, "float16"])
def test_raw_answers_are_read(dtype: str, target: str, echo: Echo) -> None:
    schema = TensorSchema(tensors=(TensorSpec(name="t", dtype=dtype, shape=(-1, 2)),))
    inputs = ColumnSchema(columns=(ColumnSpec(name="n", type=DataType.LONG),))
    datatype = {"bool": "BOOL", "str": "BYTES"}.get(dtype, dtype.upper().replace("FLOAT", "FP"))

    def answer_raw(response: Any) -> None:
        del response.outputs[:]
        response.outputs.add(name="t", datatype=datatype, shape=[1, 2])
        response.raw_output_contents.append(raw(dtype))

    echo.change = answer_raw
    with GrpcModelClient(target, signature=Signature(inputs=inputs, outputs=schema), v2_name="churn") as client:
        found: Any = client.infer({"n": [1]}).to_numpy()
    np.testing.assert_array_equal(found["t"], [["é", ""]] if dtype == "str" else np.array([[1, 0]], dtype=dtype))


def test_nan_is_null_and_infinity_is_no_double(client: GrpcModelClient, echo: Echo) -> None:
    def lose(response: Any) -> None:
        (output,) = (one for one in response.outputs if one.name == "x")
        assert np.isnan(output.contents.fp64_contents[0])
        output.contents.fp64_contents[1] = np.inf

    echo.change = lose
    found = client.infer(pd.DataFrame({**ROWS, "x": [np.nan, 1.0]}))
    raw: Any = found.raw
    assert [row["x"] for row in raw] == [None, np.inf]
    with pytest.raises(DecodeError, match="Infinity"):
        found.to_list()


def test_metadata_and_readiness(client: GrpcModelClient) -> None:
    metadata = client.v2_metadata()
    assert (metadata.name, metadata.versions, metadata.platform) == ("churn", ("1",), "p")
    assert [(one.name, one.datatype, one.shape) for one in metadata.inputs] == [("n", "INT64", (-1, 1))]
    assert client.is_ready()
    assert not client.is_ready("nope")


def test_a_model_that_is_not_there(client: GrpcModelClient) -> None:
    with pytest.raises(ResponseError) as caught:
        client.infer(pd.DataFrame(ROWS), model="nope")
    assert caught.value.facts["code"] == "NOT_FOUND"
    assert caught.value.body == b"there is no model nope"


def test_a_server_that_cannot_write_a_missing_prediction(client: GrpcModelClient, echo: Echo) -> None:
    def lose(response: Any) -> None:
        response.outputs[0].contents.fp64_contents.append(None)  # as MLServer does with NaN

    echo.change = lose
    with pytest.raises(ResponseError) as caught:
        client.infer(pd.DataFrame(ROWS))
    assert caught.value.facts["code"] == "UNKNOWN"
    assert "NoneType" in caught.value.body.decode()
    assert caught.value.fix.startswith("A prediction is missing (NaN), which this server cannot write over gRPC")


def test_no_server() -> None:
    with GrpcModelClient("127.0.0.1:1", timeout_s=5) as client:
        assert not client.is_ready()
        with pytest.raises(RequestError) as caught:
            client.v2_metadata()
    assert caught.value.facts["code"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("data", "params", "told"),
    [
        ({"n": [1, None]}, {}, 'gRPC has no null: element 1 of "n" is null'),
        ({"n": [2**64]}, {}, 'gRPC cannot carry "n"'),
        ({"n": [1]}, {"k": [1.0]}, "gRPC has no parameter that is [1.0]"),
        ({"n": [1]}, {"k": 2**65}, 'gRPC cannot carry "k"'),
    ],
)
def test_what_grpc_cannot_carry(data: Any, params: Any, told: str, target: str) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="n", type=DataType.LONG),))
    with GrpcModelClient(target, signature=Signature(inputs=schema)) as client, pytest.raises(EncodeError) as caught:
        client.infer(data, params=params)
    assert caught.value.happened.startswith(told)


def test_half_floats_go_over_rest(target: str) -> None:
    schema = TensorSchema(tensors=(TensorSpec(name=None, dtype="float16", shape=(-1,)),))
    with GrpcModelClient(target, signature=Signature(inputs=schema)) as client, pytest.raises(EncodeError):
        client.infer([0.5])


def spoilt(response: Any, what: str) -> None:
    output = response.outputs[0]
    if what == "count":
        output.shape[0] += 1
    elif what == "datatype":
        output.datatype = "object"
    elif what == "raw":
        response.raw_output_contents.append(b"\x00")
    elif what == "half":
        response.raw_output_contents.extend([b"\x00"] * len(response.outputs))
    elif what == "text":
        output.datatype = "BYTES"
        getattr(output.contents, CONTENTS["BYTES"]).extend([b"\xff", b""])
    else:
        response.id = "another"


@pytest.mark.parametrize("what", ["count", "datatype", "raw", "half", "text", "id"])
def test_answers_that_are_not_of_the_protocol(what: str, client: GrpcModelClient, echo: Echo) -> None:
    echo.change = lambda response: spoilt(response, what)
    with pytest.raises(DecodeError):
        client.infer(pd.DataFrame(ROWS))
