"""Canned answers: what a server said of a case, and what the model's process wrote of the call."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from pytest_modelserve.cases import Case, Table, Tensors
from pytest_modelserve.checks.calls import Call, RaisedException
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.outcome import classify
from pytest_modelserve.client import ModelClient
from pytest_modelserve.client.exchange import REQUEST_ID_HEADER
from pytest_modelserve.client.invocation import ErrorKind, ExchangeError, Invocation, Request
from pytest_modelserve.domain import Domain
from pytest_modelserve.environment.restoration import Environment
from pytest_modelserve.errors import DecodeError
from pytest_modelserve.model.example import InputExample
from pytest_modelserve.model.flavor import PyfuncFlavor
from pytest_modelserve.model.mlmodel import Model
from pytest_modelserve.server.state import Server
from pytest_modelserve.settings import Settings
from pytest_modelserve.signature import Signature, request_schema
from pytest_modelserve.wire.json_text import parse_json

JSON = {"content-type": "application/json"}


def make_raised(
    error: BaseException | type[BaseException], *, deliberate: bool = False, **changes: Any
) -> RaisedException:
    kind = error if isinstance(error, type) else type(error)
    fields: dict[str, Any] = {
        "type": kind.__qualname__,
        "module": kind.__module__,
        "mro": tuple(
            base.__qualname__ if base.__module__ == "builtins" else f"{base.__module__}.{base.__qualname__}"
            for base in kind.__mro__[:-1]
        ),
        "message": "" if isinstance(error, type) else str(error),
        "traceback": "Traceback (most recent call last):\n  …\n",
        "is_deliberate": deliberate,
        "last_frame": {"file": "code/model.py", "line": 7, "function": "predict"},
    }
    return RaisedException(**{**fields, **changes})


def make_invocation(
    *,
    status: int | None = 200,
    body: bytes = b'{"predictions": [1]}',
    headers: Mapping[str, str] | None = None,
    error: ErrorKind | None = None,
    method: str = "POST",
) -> Invocation:
    return Invocation(
        request=Request(method=method, url="http://127.0.0.1:1/invocations", headers={}, body=b"{}"),
        request_id="r1",
        status=None if error else status,
        headers=dict(JSON if headers is None else headers),
        body=b"" if error else body,
        elapsed_s=0.5,
        error=ExchangeError(kind=error, text="gone") if error else None,
    )


def make_exchange(
    case: Case | None = None,
    *,
    raised: RaisedException | None = None,
    is_reached: bool | None = None,
    **answer: Any,
) -> Exchange:
    if raised is not None:
        answer = {"status": 500, "body": b'{"message": "no"}', **answer}
    invocation = make_invocation(**answer)
    reached = is_reached if is_reached is not None else raised is not None or invocation.status == 200
    call = Call(request_id="r1", elapsed_s=0.1, exception=raised) if reached else None
    return Exchange(
        case=case or Case(payload=Table(columns=("a",), rows=((1,),))),
        invocation=invocation,
        outcome=classify(invocation, call),
        call=call,
    )


@pytest.fixture
def raised() -> Callable[..., RaisedException]:
    """Build what a model raised, from an exception or its class."""
    return make_raised


@pytest.fixture
def exchanged() -> Callable[..., Exchange]:
    """Build an exchange: a case, its answer, and the call that it led to."""
    return make_exchange


class FakeServer:
    """A scoring server in this process: takes rows as JSON Schema allows, and writes each call as a worker does.

    It dies, hangs or comes back as `predict` says by raising `ConnectionResetError` or `TimeoutError`.
    """

    def __init__(self, signature: Signature | None, predict: Callable[[list[Any]], object], folder: Path) -> None:
        self.model = make_model(signature, folder)
        self.predict = predict
        self.folder = folder
        self.requests: list[httpx.Request] = []
        self.restarts = 0
        self._validator = jsonschema.Draft202012Validator(request_schema(signature or Signature(), admit_either=True))

    def take_only(self, schema: dict[str, Any]) -> None:
        """Take the bodies that another schema allows."""
        self._validator = jsonschema.Draft202012Validator(schema)

    @property
    def client(self) -> ModelClient:
        return self.connect(timeout_s=1.0)

    @property
    def server(self) -> Server:
        raise AssertionError("no check needs the process itself")

    has_spy = True

    @property
    def calls_path(self) -> Path:
        return self.folder / f"calls{self.restarts}.jsonl"

    def connect(self, *, timeout_s: float) -> ModelClient:
        transport = httpx.MockTransport(self._answer)
        return ModelClient(
            "http://127.0.0.1:1", signature=self.model.signature, timeout_s=timeout_s, transport=transport
        )

    def restart(self) -> None:
        self.restarts += 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/ping":
            return httpx.Response(200)
        try:
            document = parse_json(request.content)
        except DecodeError as error:
            return httpx.Response(400, json={"message": error.happened})
        if not self._validator.is_valid(document):
            return httpx.Response(400, json={"message": "the schema says no"})
        assert isinstance(document, dict)
        try:
            predictions = self.predict(rows_of(document))
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error)) from error
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except Exception as error:  # noqa: BLE001 # whatever the model of a test raises
            self._write_call(request, make_raised(error, deliberate=isinstance(error, ValueError)))
            return httpx.Response(500, json={"message": str(error)})
        self._write_call(request, None)
        return httpx.Response(200, json={"predictions": predictions})

    def _write_call(self, request: httpx.Request, raised: RaisedException | None) -> None:
        exception = None
        if raised is not None:
            exception = {**dataclasses.asdict(raised), "deliberate": raised.is_deliberate}
        line = {"id": request.headers[REQUEST_ID_HEADER], "call": 1, "elapsed_s": 0.1, "exception": exception}
        with self.calls_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def rows_of(document: dict[str, Any]) -> list[Any]:
    """Return the rows of a body as records, or the tensor as nested lists."""
    if "dataframe_split" in document:
        split = document["dataframe_split"]
        return [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
    inner = next(document[key] for key in ("dataframe_records", "instances", "inputs") if key in document)
    if isinstance(inner, dict):
        return [dict(zip(inner, row, strict=True)) for row in zip(*inner.values(), strict=True)]
    return list(inner)


def make_model(signature: Signature | None, folder: Path) -> Model:
    return Model(
        uri="models:/m/1",
        resolved="models:/m/1",
        path=folder,
        digest="d1" * 32,
        pyfunc=PyfuncFlavor(loader_module="m", data_path=folder),
        flavors={},
        signature=signature,
    )


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., CheckContext]:
    """Build what a check works with, around a function that predicts."""

    def build(
        predict: Callable[[list[Any]], object],
        signature: Signature | None,
        *,
        example: Table | Tensors | None = None,
        domain: Domain | None = None,
        **settings: Any,
    ) -> CheckContext:
        served = FakeServer(signature, predict, tmp_path)
        given = None if example is None else InputExample(body=b"{}", document={}, data=None, payload=example)
        environment = Environment(
            manager="uv",
            python=Path("/python"),
            python_version="3.11.7",
            prefix=Path("/"),
            digest="e",
            cached=True,
            elapsed_s=1.0,
            freeze=(),
            notes=("pip is missing",),
        )
        return CheckContext(
            model=served.model,
            environment=environment,
            example=given,
            domain=domain or Domain(),
            served=served,
            settings=Settings(**{"examples": 10, **settings}),
            seed=7,
            facts={"model": "models:/m/1"},
        )

    return build
