"""Canned answers: what a server said of a case, and what the model's process wrote of the call."""

from __future__ import annotations

import dataclasses
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
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
from pytest_modelserve.server.family import Ending
from pytest_modelserve.server.readiness import EarlyAnswer, FirstAnswer
from pytest_modelserve.server.state import Server
from pytest_modelserve.settings import Settings
from pytest_modelserve.signature import Signature, parse_signature, request_schema
from pytest_modelserve.wire.json_text import parse_json

JSON = {"content-type": "application/json"}
LONG = parse_signature(
    {
        "inputs": '[{"type": "long", "name": "n", "required": true}]',
        "outputs": '[{"type": "double"}]',
        "params": None,
    }
)


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

    def private(self) -> LiveServed:
        raise AssertionError("no check of this kind needs a server of its own")

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


Answers = Callable[[str, str, bytes], "tuple[int, str] | None"]


class LiveServed:
    """A scoring server on a socket of this process, which does as `answer` says; the rest is as on a healthy one.

    Args:
        folder: Where its files stand.
        answer: Takes method, path and body; returns status and body, or None for what a healthy server answers.
        is_threaded: Whether it serves several at once.
    """

    has_spy = False

    def __init__(self, folder: Path, answer: Answers, *, is_threaded: bool = True) -> None:
        self.model = make_model(LONG, folder)
        self.answer = answer
        self.folder = folder
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.restarts = 0
        self.log = folder / "server.log"
        self.log.write_text("started\nKeyError: 7\n")
        self.ending: Ending | None = Ending(elapsed_s=0.1, allowed_s=10.0, returncode=0)
        self.files: tuple[str, ...] = ()
        self.early: tuple[EarlyAnswer, ...] = ()
        self.first = FirstAnswer(status=200, body=b"", elapsed_s=0.01)
        self.canaries = {"an environment variable": "canary-environment", "a file": "canary-file"}
        kind = _Threaded if is_threaded else http.server.HTTPServer
        self._http = kind(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def server(self) -> Any:
        return _Process(self, f"http://127.0.0.1:{self._http.server_address[1]}")

    @cached_property
    def client(self) -> ModelClient:
        return self.connect(timeout_s=5.0)

    @property
    def calls_path(self) -> Path:
        return self.folder / "calls.jsonl"

    @property
    def loads_path(self) -> Path:
        return self.folder / "loads.jsonl"

    def connect(self, *, timeout_s: float) -> ModelClient:
        return ModelClient(self.server.base_url, signature=LONG, timeout_s=timeout_s)

    def private(self) -> LiveServed:
        return self

    def restart(self) -> None:
        self.restarts += 1

    def temporary_files(self) -> tuple[str, ...]:
        return self.files

    def stop(self) -> Ending | None:
        return self.ending

    def close(self) -> None:
        self.client.close()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Threaded(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


@dataclasses.dataclass(frozen=True)
class _Process:
    served: LiveServed
    base_url: str
    cold_start_s: float = 0.1

    @property
    def early_answers(self) -> tuple[EarlyAnswer, ...]:
        return self.served.early

    @property
    def first_answer(self) -> FirstAnswer:
        return self.served.first

    @property
    def log_path(self) -> Path:
        return self.served.log

    @property
    def directory(self) -> Path:
        return self.served.folder

    def is_alive(self) -> bool:
        return True

    def log_tail(self, n_lines: int) -> list[str]:
        return self.served.log.read_text().splitlines()[-n_lines:]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, served: LiveServed, *rest: Any) -> None:
        self.served = served
        super().__init__(*rest)

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        body = self.rfile.read(int(length)) if length.isdigit() and int(length) < 1 << 27 else b""
        self._handle(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _handle(self, body: bytes) -> None:
        self.served.requests.append((self.command, self.path, body))
        self.served.headers.append(dict(self.headers.items()))
        status, text = self.served.answer(self.command, self.path, body) or healthy(self.path, body)
        self.close_connection = not self.headers.get("content-length", "0").isdigit()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


def healthy(path: str, body: bytes) -> tuple[int, str]:
    """Return what a healthy server answers."""
    if path == "/ping":
        return 200, "{}"
    if path != "/invocations":
        return 404, json.dumps({"message": "there is nothing at this path"})
    try:
        rows = rows_of(json.loads(body))
    except (ValueError, TypeError, StopIteration, KeyError, RecursionError):
        return 400, json.dumps({"message": "that is no request"})
    return 200, json.dumps({"predictions": [1.5] * len(rows)})


def nothing_else(_method: str, _path: str, _body: bytes) -> None:
    """Answer as a healthy server does."""


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., tuple[CheckContext, LiveServed]]]:
    """Start servers on sockets, and build what a check works with."""
    running: list[LiveServed] = []

    def start(answer: Answers = nothing_else, *, is_threaded: bool = True, **settings: Any) -> Any:
        served = LiveServed(tmp_path, answer, is_threaded=is_threaded)
        running.append(served)
        example = InputExample(body=b"{}", document={}, data=None, payload=Table(columns=("n",), rows=((1,), (2,))))
        context = CheckContext(
            model=served.model,
            environment=make_environment(),
            example=example,
            domain=Domain(),
            served=served,
            settings=Settings(**settings),
            seed=7,
            facts={"model": "models:/m/1"},
        )
        return context, served

    yield start
    for served in running:
        served.close()


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


def make_environment() -> Environment:
    return Environment(
        manager="uv",
        python=Path("/python"),
        python_version="3.11.7",
        prefix=Path("/opt/environments/e7"),
        digest="e",
        cached=True,
        elapsed_s=1.0,
        freeze=(),
        notes=("pip is missing",),
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
        return CheckContext(
            model=served.model,
            environment=make_environment(),
            example=given,
            domain=domain or Domain(),
            served=served,
            settings=Settings(**{"examples": 10, **settings}),
            seed=7,
            facts={"model": "models:/m/1"},
        )

    return build
