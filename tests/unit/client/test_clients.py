"""The two clients, against real connections."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.cases import Case, Document, Envelope, RawBody, Table
from pytest_modelserve.client import REQUEST_ID_HEADER, AsyncModelClient, ErrorKind, Invocation, ModelClient
from pytest_modelserve.errors import DecodeError, EncodeError, RequestError, ResponseError
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

if TYPE_CHECKING:
    from .conftest import EchoServer

RawServer = Callable[[Callable[[socket.socket], None]], str]

_SIGNATURE = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG),)),
    outputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.LONG),)),
)
_CASE = Case(payload=Table(columns=("a",), rows=((1,),)))


def _answering(status: int, body: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=body))


def test_predict_sends_the_frame_and_types_the_answer(echo: EchoServer) -> None:
    with ModelClient(echo.url, signature=_SIGNATURE) as client:
        predictions = client.predict(pd.DataFrame({"a": [5, 6]}), params={"k": 1})

    assert predictions.to_numpy().dtype == np.dtype("int64")  # type: ignore[union-attr]  # one array
    assert predictions.to_list() == [1, 2]
    (sent,) = echo.received
    assert json.loads(sent.body) == {"dataframe_split": {"columns": ["a"], "data": [[5], [6]]}, "params": {"k": 1}}
    assert (sent.method, sent.path, sent.headers["content-type"]) == ("POST", "/invocations", "application/json")


def test_predict_uses_the_envelope_asked_for(echo: EchoServer) -> None:
    with ModelClient(echo.url, signature=_SIGNATURE) as client:
        client.predict([5], envelope=Envelope.CSV)

    assert (echo.received[0].body, echo.received[0].headers["content-type"]) == (b'"a"\n5\n', "text/csv")


def test_a_type_hint_model_gets_inputs(echo: EchoServer) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.STRING),))
    with ModelClient(echo.url, signature=Signature(inputs=schema, is_from_type_hint=True)) as client:
        client.predict(["x"])

    assert json.loads(echo.received[0].body) == {"inputs": ["x"]}


def test_an_envelope_that_cannot_carry_the_data_is_refused_before_sending(echo: EchoServer) -> None:
    with ModelClient(echo.url) as client, pytest.raises(EncodeError) as caught:
        client.predict({"x": [float("inf")], "y": [1]})

    assert caught.value.facts["can carry"] == "parquet"
    assert echo.received == []


def test_an_error_status_has_status_body_and_curl(echo: EchoServer) -> None:
    echo.answers["/invocations"] = (400, b'{"message": "no"}')

    with ModelClient(echo.url, signature=_SIGNATURE) as client, pytest.raises(ResponseError) as caught:
        client.predict([1])

    assert (caught.value.status, caught.value.body) == (400, b'{"message": "no"}')
    assert caught.value.curl.startswith("curl ")


@pytest.mark.parametrize("body", [b'{"predictions": [NaN]}', b"[1]", b"\n"])
def test_an_answer_that_is_no_predictions_is_told(body: bytes) -> None:
    with ModelClient("http://model", transport=_answering(200, body)) as client, pytest.raises(DecodeError):
        client.predict({"a": [1]})


def test_invoke_never_raises_on_a_status(echo: EchoServer) -> None:
    echo.answers["/invocations"] = (503, b"{}")

    with ModelClient(echo.url) as client:
        invocation = client.invoke(_CASE)

    assert (invocation.status, invocation.body, invocation.error, invocation.case) == (503, b"{}", None, _CASE)
    assert invocation.headers["content-type"] == "application/json"
    assert 0 < invocation.elapsed_s < 60


@pytest.mark.parametrize(
    ("payload", "method", "path", "body", "content_type"),
    [
        (RawBody(body=b"\xff", content_type=None, path="/x"), "POST", "/x", b"\xff", None),
        (RawBody(body=b"", content_type="", method="PUT"), "PUT", "/invocations", b"", ""),
        (
            RawBody(body=b"a", content_type="APPLICATION/json ; x=1"),
            "POST",
            "/invocations",
            b"a",
            "APPLICATION/json ; x=1",
        ),
        (Document(value={"inputs": [1]}), "POST", "/invocations", b'{"inputs": [1]}', "application/json"),
    ],
)
def test_a_case_is_sent_as_it_stands(
    echo: EchoServer, payload: RawBody | Document, method: str, path: str, body: bytes, content_type: str | None
) -> None:
    with ModelClient(echo.url) as client:
        client.invoke(Case(payload=payload))

    (sent,) = echo.received
    assert (sent.method, sent.path, sent.body, sent.headers.get("content-type")) == (method, path, body, content_type)
    assert sent.headers["content-length"] == str(len(body))


def test_every_request_has_its_own_id(echo: EchoServer) -> None:
    with ModelClient(echo.url, headers={"Authorization": "Bearer s"}) as client:
        ids = [client.send(b"{}").request_id for _ in range(3)]

    assert [sent.headers[REQUEST_ID_HEADER.lower()] for sent in echo.received] == ids
    assert len(set(ids)) == 3
    assert {sent.headers["authorization"] for sent in echo.received} == {"Bearer s"}
    assert len({sent.peer for sent in echo.received}) == 1  # one connection, kept


def test_ping_and_version(echo: EchoServer) -> None:
    echo.answers.update({"/ping": (200, b"\n"), "/version": (200, b'"3.17.2"')})

    with ModelClient(echo.url + "/") as client:
        assert client.ping()
        assert client.version() == "3.17.2"
        echo.answers.update({"/ping": (503, b""), "/version": (404, b"")})
        assert not client.ping()
        with pytest.raises(ResponseError):
            client.version()


def test_a_refused_connection_is_recorded_and_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with ModelClient(f"http://127.0.0.1:{port}", signature=_SIGNATURE) as client:
        invocation = client.invoke(_CASE)
        with pytest.raises(RequestError) as caught:
            client.predict([1])
        assert not client.ping()

    assert invocation.error is not None
    assert (invocation.status, invocation.error.kind) == (None, ErrorKind.REFUSED)
    assert "POST" in str(caught.value.facts["sent"])


def _read_request(connection: socket.socket) -> None:
    received = b""
    while not received.endswith(b"}"):  # the body may come in a packet of its own
        received += connection.recv(65536)


def _drop(connection: socket.socket) -> None:
    _read_request(connection)


def _garbage(connection: socket.socket) -> None:
    _read_request(connection)
    connection.sendall(b"no http at all\r\n\r\n")


def _half(connection: socket.socket) -> None:
    _read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def _trickle(connection: socket.socket) -> None:
    _read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    done = threading.Event()
    for _ in range(100):
        connection.sendall(b".")
        done.wait(0.02)  # the pace of the server is what is tested


def _hang(connection: socket.socket) -> None:
    _read_request(connection)
    connection.recv(65536)  # returns when the client gives up


@pytest.mark.parametrize(
    ("converse", "kind"),
    [
        (_drop, ErrorKind.DISCONNECTED),
        (_half, ErrorKind.DISCONNECTED),
        (_garbage, ErrorKind.UNREADABLE),
        (_hang, ErrorKind.TIMEOUT),
        (_trickle, ErrorKind.TIMEOUT),
    ],
)
def test_a_lost_answer_is_recorded_by_its_kind(
    raw_server: RawServer, converse: Callable[[socket.socket], None], kind: ErrorKind
) -> None:
    url = raw_server(converse)

    with ModelClient(url, timeout_s=0.3) as client:
        invocation = client.invoke(_CASE)

    async def awaited() -> Invocation:
        async with AsyncModelClient(url, timeout_s=0.3) as twin:
            return await twin.invoke(_CASE)

    for one in (invocation, asyncio.run(awaited())):
        assert one.error is not None
        assert (one.error.kind, one.status) == (kind, None)
        assert one.elapsed_s < 2
        with pytest.raises(RequestError):
            one.predictions()


def test_a_connection_that_the_server_closes_after_a_500_is_not_used_again(raw_server: RawServer) -> None:
    """MLflow's server does so without `Connection: close`."""
    closing = threading.Event()

    def converse(connection: socket.socket) -> None:
        _read_request(connection)
        connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nError")
        connection.settimeout(5)
        assert connection.recv(65536) == b""  # the client hung up first
        closing.set()

    with ModelClient(raw_server(converse)) as client:
        first, second = client.invoke(_CASE), client.invoke(_CASE)

        assert [(one.status, one.body, one.error) for one in (first, second)] == [(500, b"Error", None)] * 2
        assert closing.wait(5)


def test_an_answer_before_the_body_was_read_is_taken(raw_server: RawServer) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with ModelClient(raw_server(refuse)) as client:
        invocation = client.send(b"x" * 3_000_000)

    assert (invocation.status, invocation.body) == (413, b"{}")


def test_threads_share_a_client(echo: EchoServer) -> None:
    with ModelClient(echo.url) as client, ThreadPoolExecutor(8) as pool:
        invocations = list(pool.map(lambda _: client.invoke(_CASE), range(40)))

    assert {one.status for one in invocations} == {200}
    assert len({one.request_id for one in invocations}) == 40


@pytest.mark.parametrize("url", ["127.0.0.1:5000", "ftp://host", "http://", "http://host:port", ""])
def test_an_address_that_is_no_http_is_refused_at_once(url: str) -> None:
    with pytest.raises(RequestError):
        ModelClient(url)


@pytest.mark.parametrize("headers", [{"X-A": "a\nb"}, {"X-A": "ü"}, {"X A": "b"}])
def test_a_header_that_http_cannot_hold_is_refused(echo: EchoServer, headers: dict[str, str]) -> None:
    with ModelClient(echo.url) as client, pytest.raises(RequestError):
        client.send(b"", headers)


def test_proxies_of_the_environment_do_not_take_local_requests(
    echo: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    with ModelClient(echo.url) as client:
        assert client.invoke(_CASE).status == 200


def test_the_async_client_does_the_same(echo: EchoServer) -> None:
    async def talk() -> tuple[list[object], Invocation, bool, str, Invocation]:
        async with AsyncModelClient(echo.url, signature=_SIGNATURE) as client:
            predictions = await client.predict([5, 6])
            sent = await client.send(b"x", {"Content-Type": "a/b"}, method="PUT", path="/y")
            return predictions.to_list(), await client.invoke(_CASE), await client.ping(), await client.version(), sent

    echo.answers["/version"] = (200, b"1.0\n")

    predictions, invocation, ready, version, sent = asyncio.run(talk())

    assert (predictions, invocation.status, ready, version, sent.status) == ([1, 2], 200, True, "1.0", 200)
    assert (echo.received[1].method, echo.received[1].path, echo.received[1].body) == ("PUT", "/y", b"x")


def test_the_two_clients_have_the_same_methods() -> None:
    def described(kind: type) -> dict[str, list[tuple[str, object]]]:
        return {
            name: [(p.name, p.kind) for p in inspect.signature(member).parameters.values()]
            for name, member in vars(kind).items()
            if inspect.isfunction(member) and not name.startswith("_")
        }

    assert described(ModelClient) == described(AsyncModelClient)


def test_a_request_that_cannot_be_sent_is_told_without_its_secrets(echo: EchoServer) -> None:
    with ModelClient(echo.url, headers={"Authorization": "Bearer xyz"}) as client:
        for wrong in ({"X-Note": "a\nb"}, {"X-Note": "\udc80"}):
            with pytest.raises(RequestError) as caught:
                client.send(b"", wrong)
            assert "Authorization" in str(caught.value.facts["headers"])
            assert "xyz" not in str(caught.value)


def test_a_case_is_what_predict_would_send(echo: EchoServer) -> None:
    with ModelClient(echo.url, signature=_SIGNATURE) as client:
        client.predict({"a": [5]}, params={"k": 1}, envelope=Envelope.INPUTS)
        case = client.as_case({"a": [5]}, params={"k": 1}, envelope=Envelope.INPUTS)
        client.invoke(case)
        assert (case.envelope, case.params, client.signature) == (Envelope.INPUTS, {"k": 1}, _SIGNATURE)
    asynchronous = AsyncModelClient(echo.url, signature=_SIGNATURE)
    assert asynchronous.as_case({"a": [5]}, params={"k": 1}, envelope=Envelope.INPUTS) == case
    assert asynchronous.signature == _SIGNATURE
    first, second = echo.received
    assert first.body == second.body
