"""The clients' requests of the Open Inference Protocol, against real connections."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pandas as pd
import pytest

from pytest_modelserve.client import AsyncModelClient, ModelClient
from pytest_modelserve.client.inference import model_path
from pytest_modelserve.errors import DecodeError, EncodeError, RequestError, ResponseError
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

SIGNATURE = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG),)),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
METADATA = {"name": "m", "versions": [], "platform": "p", "inputs": [], "outputs": []}


class Server:
    """Answers each inference with the id that it has and one output, and notes what came."""

    def __init__(self, **change: Any) -> None:
        self.change = change
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.method == "GET":
            return httpx.Response(200, json=METADATA)
        output = {"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [0.5, 1.5]}
        asked = json.loads(request.content)
        return httpx.Response(200, json={"model_name": "m", "id": asked["id"], "outputs": [output], **self.change})


def test_infer_sends_the_frame_and_types_the_answer() -> None:
    server = Server()
    with ModelClient("http://127.0.0.1:1", signature=SIGNATURE, transport=httpx.MockTransport(server)) as client:
        predictions = client.infer(pd.DataFrame({"a": [5, 6]}), params={"k": 1}, outputs=["y"])
        client.infer([[7]], model="a b/c")
    assert predictions.to_list() == [{"y": 0.5}, {"y": 1.5}]
    first, second = server.requests
    assert (first.method, first.url.path) == ("POST", "/v2/models/mlflow-model/infer")
    assert first.headers["content-type"] == "application/json"
    assert json.loads(first.content) == {
        "id": "infer-1",
        "parameters": {"k": 1},
        "inputs": [{"name": "a", "shape": [2, 1], "datatype": "INT64", "data": [5, 6]}],
        "outputs": [{"name": "y"}],
    }
    assert second.url.raw_path == b"/v2/models/a%20b%2Fc/infer"
    assert json.loads(second.content)["id"] == "infer-2"


def test_the_async_client_does_the_same() -> None:
    server = Server()

    async def ask() -> Any:
        transport = httpx.MockTransport(server)
        async with AsyncModelClient("http://127.0.0.1:1", signature=SIGNATURE, transport=transport) as client:
            return await client.infer({"a": [5, 6]}), await client.v2_metadata()

    predictions, metadata = asyncio.run(ask())
    assert predictions.to_list() == [{"y": 0.5}, {"y": 1.5}]
    assert metadata.platform == "p"
    assert [request.url.path for request in server.requests] == [f"{model_path()}/infer", model_path()]


@pytest.mark.parametrize("change", [{"id": "infer-2"}, {"id": None}])
def test_another_id_than_that_of_the_request(change: Any) -> None:
    transport = httpx.MockTransport(Server(**change))
    with ModelClient("http://127.0.0.1:1", signature=SIGNATURE, transport=transport) as client:
        with pytest.raises(DecodeError):
            client.infer([[5]])


def test_without_a_signature_values_stay_as_json_has_them() -> None:
    with ModelClient("http://127.0.0.1:1", transport=httpx.MockTransport(Server())) as client:
        assert client.infer({"a": [5, 6]}).raw == [[0.5], [1.5]]


def test_an_error_has_the_server_s_words() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(404, json={"error": "there is no such model"}))
    with ModelClient("http://127.0.0.1:1", signature=SIGNATURE, transport=transport) as client:
        with pytest.raises(ResponseError) as caught:
            client.infer([[5]], model="nope")
        assert (caught.value.status, json.loads(caught.value.body)) == (404, {"error": "there is no such model"})
        with pytest.raises(ResponseError):
            client.v2_metadata("nope")


def test_what_the_protocol_cannot_carry_is_not_sent() -> None:
    server = Server()
    with ModelClient("http://127.0.0.1:1", transport=httpx.MockTransport(server)) as client:
        with pytest.raises(EncodeError):
            client.infer({"a": [object()]})
    assert server.requests == []


def test_no_answer() -> None:
    def lose(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone")

    with ModelClient("http://127.0.0.1:1", signature=SIGNATURE, transport=httpx.MockTransport(lose)) as client:
        with pytest.raises(RequestError):
            client.infer([[5]])
        with pytest.raises(RequestError):
            client.v2_metadata()
