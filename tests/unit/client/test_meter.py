"""The meter sends what `predict` would send, or the model's input example, and ranks how long that took."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_modelserve.cases import Case, Envelope, Table
from pytest_modelserve.client import ModelClient
from pytest_modelserve.client.meter import LatencyMeter
from pytest_modelserve.errors import RequestError

EXAMPLE = Case(payload=Table(columns=("n",), rows=((7,),)))


class _Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        answer = b'{"predictions": [1]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bodies() -> list[bytes]:
    return []


@pytest.fixture
def client(bodies: list[bytes]) -> Iterator[ModelClient]:
    handler: Any = type("Taker", (_Taker,), {"bodies": bodies})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with ModelClient(f"http://127.0.0.1:{server.server_address[1]}") as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_example_is_sent_where_nothing_is_given(client: ModelClient, bodies: list[bytes]) -> None:
    found = LatencyMeter(client, EXAMPLE)(rate=50.0, duration_s=0.2)
    assert (found.rate, found.n, found.n_failed) == (50.0, 20, 0)  # twenty, though ten fit
    assert {tuple(json.loads(body)["dataframe_split"]["data"][0]) for body in bodies} == {(7,)}
    assert len(bodies) == 21  # one opened the connection


def test_data_params_and_envelope_are_as_for_predict(client: ModelClient, bodies: list[bytes]) -> None:
    LatencyMeter(client)([{"a": 1}], params={"p": 2}, envelope=Envelope.DATAFRAME_RECORDS, rate=100.0, duration_s=0.05)
    assert json.loads(bodies[-1]) == {"dataframe_records": [{"a": 1}], "params": {"p": 2}}


def test_without_data_and_example_there_is_nothing_to_send(client: ModelClient) -> None:
    with pytest.raises(RequestError) as told:
        LatencyMeter(client)()
    assert "latency(data)" in told.value.fix
