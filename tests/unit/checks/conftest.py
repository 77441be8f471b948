"""Canned answers: what a server said of a case, and what the model's process wrote of the call."""

from __future__ import annotations

import base64
import dataclasses
import http.server
import io
import json
import math
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.cases import Case, Table, Tensors
from pytest_modelserve.checks.calls import Call, RaisedException
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.outcome import classify
from pytest_modelserve.checks.recorded import (
    Missing,
    RecordedColumn,
    RecordedIndex,
    RecordedOpaque,
    RecordedTable,
    RecordedTimestamp,
)
from pytest_modelserve.client import ModelClient
from pytest_modelserve.client.exchange import REQUEST_ID_HEADER
from pytest_modelserve.client.invocation import ErrorKind, ExchangeError, Invocation, Request
from pytest_modelserve.domain import Domain
from pytest_modelserve.environment.restoration import Environment
from pytest_modelserve.errors import DecodeError
from pytest_modelserve.model.example import InputExample
from pytest_modelserve.model.flavor import PyfuncFlavor
from pytest_modelserve.model.mlmodel import Model
from pytest_modelserve.runtime.calls import CallLog as SpyLog
from pytest_modelserve.runtime.frames import read_message
from pytest_modelserve.runtime.intake import as_model_input
from pytest_modelserve.runtime.outgoing import encode_predictions as encode_message
from pytest_modelserve.runtime.spy import Spy
from pytest_modelserve.scoring.encode import encode_predictions
from pytest_modelserve.scoring.errors import NotEncodable, ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import parse_content_type
from pytest_modelserve.server.family import Ending
from pytest_modelserve.server.readiness import EarlyAnswer, FirstAnswer
from pytest_modelserve.server.state import Server
from pytest_modelserve.settings import Settings
from pytest_modelserve.signature import Signature, parse_signature, request_schema
from pytest_modelserve.wire.capacity import is_unified
from pytest_modelserve.wire.json_text import parse_json

PARQUET_TYPE = "application/vnd.apache.parquet"
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


class BlockWriter:
    """Writes contents as a spy does, from what their reader shall make of them."""

    def __init__(self) -> None:
        self._buffers: list[bytes] = []

    def write(self, values: Mapping[str, object]) -> bytes:
        text = json.dumps({name: self._tree(value) for name, value in values.items()}).encode()
        sizes = [len(buffer) for buffer in self._buffers]
        return struct.pack(f"!II{len(sizes)}Q", len(text), len(sizes), *sizes) + text + b"".join(self._buffers)

    def _tree(self, value: Any) -> Any:
        writers: dict[type, Callable[[Any], Any]] = {
            np.ndarray: self._array,
            np.generic: lambda scalar: {"$": "scalar", "of": self._array(np.asarray(scalar))},
            Missing: lambda missing: {"$": "missing", "value": missing.value},
            bytes: lambda piece: {"$": "bytes", "base64": base64.b64encode(piece).decode()},
            tuple: lambda items: {"$": "tuple", "items": self._tree([*items])},
            list: lambda items: [*map(self._tree, items)],
            dict: lambda pairs: {"$": "dict", "items": [[*map(self._tree, pair)] for pair in pairs.items()]},
        }
        found = [write(value) for kind, write in writers.items() if isinstance(value, kind)]
        return found[0] if found else self._record(value) if dataclasses.is_dataclass(value) else value

    def _record(self, value: Any) -> Any:
        if isinstance(value, RecordedTable):
            parts = [self._part(at, column) for at, column in enumerate(value.columns)]
            names = [column.name for column in value.columns]
            columns = value.labels or RecordedIndex(labels=tuple(names), dtype="object")
            items = [parts, self._axis(len(names), columns), self._axis(value.n_rows, value.index), False]
            return {"$": "frame", "items": items}
        tag = {RecordedTimestamp: "timestamp", RecordedOpaque: "opaque"}[type(value)]
        return {"$": tag, "items": [self._tree(getattr(value, one.name)) for one in dataclasses.fields(value)]}

    def _part(self, at: int, column: RecordedColumn) -> Any:
        categories = None if column.categories is None else self._tree([*column.categories])
        cells = [[at], column.dtype, self._tree([*column.values])]
        return {"$": "part", "items": [*cells, None, categories, column.is_ordered]}

    def _axis(self, length: int, index: RecordedIndex | None) -> Any:
        if index is None:
            return {"$": "axis", "items": [length, None, "int64", [None]]}
        return {"$": "axis", "items": [length, self._tree([*index.labels]), index.dtype, [*index.names]]}

    def _array(self, array: np.ndarray[Any, Any]) -> Any:
        if array.dtype == object:
            return {"$": "objects", "shape": [*array.shape], "items": [self._tree(cell) for cell in array.ravel()]}
        self._buffers.append(array.tobytes())
        shape, at = [*array.shape], len(self._buffers) - 1
        return {"$": "array", "dtype": array.dtype.str, "shape": shape, "buffer": at}


Seen = Callable[[dict[str, Any]], Mapping[str, object]]


class FakeServer:
    """A scoring server in this process: takes rows as JSON Schema allows, and writes each call as a worker does.

    It dies, hangs or comes back as `predict` says by raising `ConnectionResetError` or `TimeoutError`.

    Attributes:
        seen: Makes of a body the `data` and `params` that the spy shall have seen; None for a server without a spy.
        other: Another process of the model, which is the private one; None where a test needs no two.
    """

    def __init__(self, signature: Signature | None, predict: Callable[[list[Any]], object], folder: Path) -> None:
        self.model = make_model(signature, folder)
        self.predict = predict
        self.folder = folder
        self.requests: list[httpx.Request] = []
        self.restarts = 0
        self.n_fresh = 0
        self.seen: Seen | None = None
        self.other: FakeServer | None = None
        self.media_types: set[str | None] = {"application/json"}
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
    is_managed = True

    @property
    def calls_path(self) -> Path:
        return self.folder / f"calls{self.restarts}.jsonl"

    def connect(self, *, timeout_s: float) -> ModelClient:
        transport = httpx.MockTransport(self._answer)
        return ModelClient(
            "http://127.0.0.1:1", signature=self.model.signature, timeout_s=timeout_s, transport=transport
        )

    def private(self, *, is_fresh: bool = False) -> Any:
        self.n_fresh += is_fresh
        return self.other or self

    def restart(self) -> None:
        self.restarts += 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/ping":
            return httpx.Response(200)
        if request.headers.get("content-type") not in self.media_types:
            return httpx.Response(415, json={"message": "the media type is unknown"})
        try:
            document = self._document(request)
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
            self._write_call(request, document, make_raised(error, deliberate=isinstance(error, ValueError)))
            return httpx.Response(500, json={"message": str(error)})
        self._write_call(request, document, None, value=predictions)
        told = without_nan(predictions)
        return httpx.Response(200, json=told if is_unified(document) else {"predictions": told})

    def _document(self, request: httpx.Request) -> object:
        if request.headers.get("content-type") != PARQUET_TYPE:
            return parse_json(request.content)
        frame = pd.read_parquet(io.BytesIO(request.content))
        return {"dataframe_records": json.loads(frame.to_json(orient="records"))}

    def _write_call(
        self, request: httpx.Request, document: dict[str, Any], raised: RaisedException | None, **returned: object
    ) -> None:
        exception = None
        if raised is not None:
            exception = {**dataclasses.asdict(raised), "deliberate": raised.is_deliberate}
        line = {"id": request.headers[REQUEST_ID_HEADER], "call": 1, "elapsed_s": 0.1, "exception": exception}
        if self.seen is not None:
            line["received"] = self._write_block(self.seen(document))
            line["returned"] = self._write_block(returned) if returned else None
        with self.calls_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _write_block(self, values: Mapping[str, object]) -> dict[str, int]:
        block = BlockWriter().write(values)
        with self.calls_path.with_suffix(".bin").open("ab") as file:
            offset = file.tell()
            file.write(block)
        return {"offset": offset, "length": len(block)}


def without_nan(value: object) -> object:
    """Return predictions with null for NaN, as servers answer."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


Answers = Callable[[str, str, bytes], "tuple[int, str] | None"]


class LiveServed:
    """A scoring server on a socket of this process, which does as `answer` says; the rest is as on a healthy one.

    Args:
        folder: Where its files stand.
        answer: Takes method, path and body; returns status and body, or None for what a healthy server answers.
        is_threaded: Whether it serves several at once.
    """

    has_spy = False
    is_managed = True

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
        self.is_worn = False
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

    def private(self, *, is_fresh: bool = False) -> LiveServed:
        self.restarts += is_fresh
        return self

    def restart(self) -> None:
        self.restarts += 1
        self.is_worn = False

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
    wbufsize = -1  # head and body in one packet: the client would acknowledge the first 40 ms late

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
    if is_unified(document):
        return [document]
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
def write_block() -> Callable[[Mapping[str, object]], bytes]:
    """Write contents as a spy does."""
    return lambda values: BlockWriter().write(values)


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., CheckContext]:
    """Build what a check works with, around a function that predicts."""

    def build(
        predict: Callable[[list[Any]], object],
        signature: Signature | None,
        *,
        example: Table | Tensors | None = None,
        domain: Domain | None = None,
        seen: Seen | None = None,
        **settings: Any,
    ) -> CheckContext:
        served = FakeServer(signature, predict, tmp_path)
        served.seen = seen
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


class SpiedServer(FakeServer):
    """The scoring server's own reading and writing in this process, and the worker's own spy, around a model.

    Attributes:
        on_way: May change what reaches the model: takes data, params and the request, and returns the data.
        on_return: May change the body of an answer.
        is_recording: Whether the spy keeps contents.
    """

    on_way: Callable[[Any, Any, httpx.Request], Any]
    on_return: Callable[[bytes], bytes]
    is_recording: bool = True

    def __init__(self, signature: Signature, predict: Callable[..., object], folder: Path) -> None:
        super().__init__(signature, predict, folder)
        self.on_way = lambda data, _params, _request: data
        self.on_return = lambda body: body
        self._reader = InputReader(signature)
        self._spies: dict[Path, Spy] = {}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/ping":
            return httpx.Response(200)
        try:
            read = self._reader.read(parse_content_type([request.headers["content-type"]]), request.content)
        except ScoringError as error:
            return httpx.Response(error.code.status, json={"message": error.message})
        path = self.calls_path
        spy = self._spies.setdefault(path, Spy(SpyLog(str(path)), str(path)))
        watched = spy.watch(request.headers[REQUEST_ID_HEADER], is_kept=self.is_recording)
        data = self.on_way(as_model_input(read.data), read.params, request)
        watched.note_received(data, read.params, has_params=read.params is not None)
        try:
            predictions = self.predict(data)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error)) from error
        except Exception as error:  # noqa: BLE001 # whatever the model of a test raises
            watched.note_raised(error)
            return httpx.Response(500, json={"message": str(error)})
        watched.note_returned(predictions)
        message = read_message(io.BytesIO(encode_message(1, predictions, 0.1)))
        try:
            body = encode_predictions(message.value).body  # type: ignore[union-attr] # or it is not encodable
        except (NotEncodable, AttributeError):
            return httpx.Response(500, json={"message": "no"}, headers={"X-Modelserve-Decided-By": "encoder"})
        return httpx.Response(200, content=self.on_return(body), headers=JSON)


@pytest.fixture
def spied(serve: Callable[..., CheckContext], tmp_path: Path) -> Callable[..., CheckContext]:
    """Build what a check works with, around a model behind the scoring server's own codec and spy."""

    def build(predict: Callable[[Any], object], signature: Signature, **changes: Any) -> CheckContext:
        names = ("on_way", "on_return", "is_recording")
        served = SpiedServer(signature, predict, tmp_path)
        for name in names:
            setattr(served, name, changes.pop(name, getattr(served, name)))
        context = serve(predict, signature, **changes)
        return dataclasses.replace(context, model=served.model, served=served)

    return build
