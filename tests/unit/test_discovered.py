"""What a server is asked of its model, and what is made of its answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from pytest_modelserve.discovered import discover, is_discovered, uri_of
from pytest_modelserve.errors import DecodeError, ModelUriError, ServerError, ServerNotReady
from pytest_modelserve.settings import Settings
from pytest_modelserve.signature import as_mlmodel
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

SIGNATURE = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="n", type=DataType.LONG),)))
OPENAPI = {"info": {"x-mlflow-model": {"digest": "0123abcd", "signature": as_mlmodel(SIGNATURE)}}}
METADATA: dict[str, Any] = {
    "name": "m",
    "platform": "",
    "inputs": [{"name": "n", "datatype": "INT64", "shape": [-1, 1]}],
    "outputs": [],
}
NO_INPUTS = {**METADATA, "inputs": []}
INDEX = "POST /v2/repository/index"


@dataclass
class Other:
    """A server of somebody else: what it answers by method and path; anything else is not there."""

    answers: Mapping[str, Any]
    asked: list[str] = field(default_factory=list)
    tenants: set[str | None] = field(default_factory=set)
    url: str = ""

    @property
    def settings(self) -> Settings:
        return Settings(url=f"{self.url}/", headers={"X-Tenant": "north"}, startup_timeout_s=0.1)


@contextmanager
def started(other: Other) -> Iterator[Other]:
    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer("POST")

        def _answer(self, method: str) -> None:
            asked = f"{method} {self.path}"
            other.asked.append(asked)
            other.tenants.add(self.headers.get("X-Tenant"))
            found = other.answers.get(asked, 404)
            status, document = (found, {"error": "no"}) if isinstance(found, int) else (200, found)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        other.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield other
        finally:
            server.shutdown()
            thread.join()


Answering = Callable[..., Other]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Start servers that are ready, and answer what is given."""
    with ExitStack() as stack:

        def start(answers: Mapping[str, Any], ping: Any = b"\n") -> Other:
            return stack.enter_context(started(Other({"GET /ping": ping, **answers})))

        yield start


def test_our_document_is_asked_first(answering: Answering) -> None:
    other = answering({"GET /openapi.json": OPENAPI, "GET /v2/models/mlflow-model": METADATA})
    model, settings = discover(other.settings)
    assert (model.uri, model.signature, model.digest) == (other.url, SIGNATURE, "0123abcd")
    assert (model.told_by, model.example_info, settings.v2_name) == ("GET /openapi.json", None, "mlflow-model")
    assert other.tenants == {"north"}
    assert f"GET /v2/models/{settings.v2_name}" not in other.asked


@pytest.mark.parametrize("document", [{"info": {"title": "somebody's"}}, b"<html>", 500])
def test_the_metadata_of_v2_are_asked_where_no_document_tells(document: Any, answering: Answering) -> None:
    other = answering({"GET /openapi.json": document, "GET /v2/models/mlflow-model": METADATA})
    model, _ = discover(other.settings)
    assert (model.signature, model.told_by) == (SIGNATURE, "GET /v2/models/mlflow-model")
    again, _ = discover(other.settings)
    assert (len(model.digest), model.digest) == (64, again.digest)  # the seed comes of it


@pytest.mark.parametrize(
    ("index", "asked_by", "named"),
    [
        ([{"name": "churn"}], "mlflow-model", "churn"),
        ([{"name": "churn"}], "fraud", "fraud"),
        ([{"name": "churn"}, {"name": "fraud"}], "mlflow-model", "mlflow-model"),
        ([], "mlflow-model", "mlflow-model"),
        ("what", "mlflow-model", "mlflow-model"),
        (404, "mlflow-model", "mlflow-model"),
    ],
)
def test_the_only_model_is_asked_for_where_none_is_named(
    index: Any, asked_by: str, named: str, answering: Answering
) -> None:
    other = answering({INDEX: index, f"GET /v2/models/{named}": METADATA})
    model, settings = discover(Settings(url=other.url, v2_name=asked_by))
    assert (model.told_by, settings.v2_name) == (f"GET /v2/models/{named}", named)


@pytest.mark.parametrize(
    ("answers", "tried"),
    [
        ({}, {"GET /openapi.json": "answered 404", "GET /v2/models/mlflow-model": "answered 404"}),
        (
            {"GET /openapi.json": {}, "GET /v2/models/mlflow-model": NO_INPUTS},
            {"GET /openapi.json": "it has no signature", "GET /v2/models/mlflow-model": "it tells of no inputs"},
        ),
        ({INDEX: [{"name": "a"}, {"name": "b"}]}, {INDEX: "it has the models a, b"}),
        ({"GET /openapi.json": b"<html>"}, {"GET /openapi.json": "answered, but not in JSON"}),
        (
            {"GET /v2/models/mlflow-model": {}},
            {
                "GET /v2/models/mlflow-model": "the answer is not of the Open Inference Protocol: "
                "name of the metadata is missing"
            },
        ),
        (
            {"GET /v2/models/mlflow-model": {**METADATA, "inputs": METADATA["inputs"] * 2}},
            {"GET /v2/models/mlflow-model": 'the metadata of the model are of no use: the input "n" stands twice'},
        ),
    ],
)
def test_what_was_asked_in_vain_is_told(
    answers: Mapping[str, Any], tried: dict[str, str], answering: Answering
) -> None:
    other = answering(answers)
    with pytest.raises(ModelUriError) as caught:
        discover(other.settings)
    assert caught.value.happened == f"the server at {other.url} does not tell the signature of its model"
    assert {name: caught.value.facts[name] for name in tried} == tried
    assert "--model-uri" in caught.value.fix


def test_a_document_with_a_broken_signature_is_not_passed_over(answering: Answering) -> None:
    broken = {"info": {"x-mlflow-model": {"signature": {"inputs": "["}}}}
    with pytest.raises(DecodeError):
        discover(answering({"GET /openapi.json": broken, "GET /v2/models/mlflow-model": METADATA}).settings)


@pytest.mark.parametrize(("ping", "error"), [(503, ServerNotReady), (404, ServerNotReady), (401, ServerError)])
def test_a_server_that_is_not_ready_is_asked_nothing(ping: int, error: type[Exception], answering: Answering) -> None:
    other = answering({"GET /openapi.json": OPENAPI}, ping=ping)
    with pytest.raises(error):
        discover(other.settings)
    assert set(other.asked) == {"GET /ping"}


@pytest.mark.parametrize(
    ("uri", "url", "is_it"),
    [
        ("http://h:1/a", "http://h:1/a/", True),
        ("http://***@h", "http://me:secret@h", True),
        ("http://h:1/b", "http://h:1/a", False),
        ("models/churn", "http://h:1", False),
        ("", "", False),
    ],
)
def test_the_address_stands_for_the_model(uri: str, url: str, is_it: bool) -> None:
    assert is_discovered(uri, Settings(url=url)) is is_it
    assert "secret" not in uri_of(Settings(url=url))
