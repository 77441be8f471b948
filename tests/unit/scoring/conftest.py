"""A scoring server in this process, with a worker that notes what reached it and answers what a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pytest_modelserve.runtime.frames import Predictions, Raised, Ready, Storage, TableValue, Unencodable
from pytest_modelserve.scoring.app import create_app
from pytest_modelserve.scoring.prediction import ModelSlot
from pytest_modelserve.scoring.settings import ServeSettings
from pytest_modelserve.signature.datatypes import ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, Signature, TensorSchema


@dataclass
class FakeWorker:
    """A worker whose model returns `answer`, or raises it."""

    answer: Any = 1
    death: object | None = None
    received: list[tuple[Any, Any, str]] = field(default_factory=list)
    ready: Ready = field(default_factory=lambda: Ready("3.11.7", {"numpy": "2.4.6"}, 0.5))

    async def predict(
        self, data: object, params: Mapping[str, object] | None = None, *, request_id: str = ""
    ) -> Predictions | Raised | Unencodable:
        self.received.append((data, params, request_id))
        if isinstance(self.answer, BaseException):
            raise self.answer
        if isinstance(self.answer, Raised | Unencodable):
            return self.answer
        return Predictions(len(self.received), self.answer, "builtins.object", 0.001)


@dataclass
class Server:
    """One application; every request is a connection of its own."""

    settings: ServeSettings
    slot: ModelSlot
    worker: FakeWorker

    def __post_init__(self) -> None:
        self.app = create_app(self.settings, self.slot)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: list[tuple[str, str]] | None = None
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, content=body, headers=headers)

        return asyncio.run(send())

    def post(self, body: object, content_type: str | None = "application/json", **headers: str) -> httpx.Response:
        """Send bytes, the text of a JSON document, or a document."""
        if isinstance(body, str):
            body = body.encode()
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if content_type is not None:
            sent.append(("Content-Type", content_type))
        return self.request("POST", "/invocations", content, sent)

    def infer(self, document: object, path: str = "/v2/models/mlflow-model/infer", **headers: str) -> httpx.Response:
        """Send a request of the Open Inference Protocol: bytes, or a JSON document."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.request("POST", path, body, [(name.replace("_", "-"), value) for name, value in headers.items()])

    def take(self, *inputs: object, **rest: object) -> Any:
        """Return what the model received of an accepted request of that protocol."""
        answer = self.infer({"inputs": list(inputs), **rest})
        assert answer.status_code == 200, answer.text
        return self.worker.received[-1][0]

    def turn_down(self, document: object, status: int = 400, **headers: str) -> str:
        """Return the error of a refused request of that protocol, of which the model has seen nothing."""
        answer = self.infer(document, **headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert self.worker.received == []
        error: dict[str, str] = answer.json()
        assert set(error) == {"error"}
        return error["error"]

    def receive(self, body: object, content_type: str = "application/json") -> Any:
        """Return what the model received of an accepted request."""
        answer = self.post(body, content_type)
        assert answer.status_code == 200, answer.text
        return self.worker.received[-1][0]

    def refuse(self, body: object, content_type: str | None = "application/json", status: int = 400) -> dict[str, Any]:
        """Return the error body of a refused request, of which the model has seen nothing."""
        answer = self.post(body, content_type)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert self.worker.received == []
        error: dict[str, Any] = answer.json()
        assert set(error) <= {"error_code", "message", "details", "request_id"}
        return error


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Server]:
    """Return a maker of servers: of a signature, an input schema, a column type, or no signature."""

    def make(declared: Signature | Schema | ValueType | None = None, **changes: Any) -> Server:
        worker = FakeWorker()
        values: dict[str, Any] = {
            "model_dir": tmp_path,
            "model_uri": "models:/plan/3",
            "mlmodel_digest": "0123",
            "worker_python": Path("python"),
            "worker_env": {},
            "isolated": True,
            "loader": {},
            "signature": as_signature(declared),
            "input_example": None,
            "calls_file": tmp_path / "calls.jsonl",
            "predict_timeout_s": 60.0,
            "load_timeout_s": 60.0,
            "max_body_bytes": 1 << 20,
            "predict_threads": 2,
            "v2_name": "mlflow-model",
        }
        return Server(settings=ServeSettings(**{**values, **changes}), slot=ModelSlot(worker), worker=worker)

    return make


def as_signature(declared: Signature | Schema | ValueType | None) -> Signature | None:
    if declared is None or isinstance(declared, Signature):
        return declared
    if isinstance(declared, ColumnSchema | TensorSchema):
        return Signature(inputs=declared)
    return Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="x", type=declared),)))


@pytest.fixture
def cells() -> Callable[[TableValue, str | int], list[Any]]:
    """Return a reader of one column's cells as Python values, floats of 32 bits and dates as NumPy has them."""

    def read(table: TableValue, name: str | int) -> list[Any]:
        (column,) = (column for column in table.columns if column.name == name)
        if column.storage is not Storage.ARRAY:
            return list(column.values)
        return list(column.values) if column.values.dtype.kind in "mM" else np.asarray(column.values).tolist()

    return read
