"""The program: serves a real model directory on an inherited socket, and says why it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

MODEL = """
import os, time
class Model:
    def predict(self, frame, params=None):
        if frame["x"].max() > 1e6:
            os._exit(9)
        if frame["x"].max() > 1e3:
            time.sleep(30)
        return frame["x"] * 2
def _load_pyfunc(path):
    return Model()
"""
PREDICT = {"inputs": {"x": [1.5]}}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], httpx.Client]]]:
    processes: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def run(model: str, **changes: Any) -> tuple[subprocess.Popen[bytes], httpx.Client]:
        code = tmp_path / "model" / "code"
        code.mkdir(parents=True)
        (code / "plan.py").write_text(model)
        content = {
            "model_dir": str(code.parent),
            "model_uri": "plan",
            "mlmodel_digest": "0123",
            "worker_python": sys.executable,
            "signature": {"inputs": '[{"name": "x", "type": "double"}]', "outputs": None, "params": None},
            "is_signature_from_type_hint": False,
            "input_example": None,
            "loader": {"loader_module": "plan", "code": "code"},
            "worker_env": {"PATH": os.environ["PATH"]},
            "isolated": True,
            "predict_timeout_s": 60.0,
            "load_timeout_s": 60.0,
            "max_body_bytes": 1 << 20,
            "predict_threads": 2,
            "v2_name": "mlflow-model",
            "calls_file": "calls.jsonl",
            **changes,
        }
        (tmp_path / "serve.json").write_text(json.dumps(content))
        with socket.create_server(("127.0.0.1", 0)) as listening, (tmp_path / "log").open("wb") as log:
            fd = listening.fileno()
            command = [sys.executable, "-m", "pytest_modelserve.scoring", "serve.json", "--fd", str(fd)]
            processes.append(subprocess.Popen(command, cwd=tmp_path, pass_fds=[fd], stderr=log))
            port = listening.getsockname()[1]
        clients.append(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30))
        return processes[-1], clients[-1]

    yield run
    for client in clients:
        client.close()
    for process in processes:
        process.kill()
        process.wait()


def until_ready(process: subprocess.Popen[bytes], client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while client.get("/ping").status_code != 200:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_serves_survives_its_model_and_stops(start: Any, tmp_path: Path) -> None:
    process, client = start(MODEL, predict_timeout_s=1.5)
    until_ready(process, client)
    answer = client.post("/invocations", json=PREDICT, headers={"X-Modelserve-Request-Id": "r1"})
    assert (answer.status_code, answer.json()) == (200, {"predictions": [{"x": 3.0}]})
    assert json.loads((tmp_path / "calls.jsonl").read_text())["id"] == "r1"
    assert client.post("/invocations", content=b"x" * (2 << 20)).status_code == 413
    assert client.post("/invocations", json={"inputs": {"x": [1e4]}}).status_code == 504
    assert client.post("/invocations", json=PREDICT).status_code == 200
    dying = client.post("/invocations", json={"inputs": {"x": [1e7]}}, headers={"X-Modelserve-Request-Id": "last"})
    assert (dying.status_code, dying.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert client.get("/ping").status_code == 503
    assert "'last'" in (tmp_path / "log").read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) in {0, -signal.SIGTERM}


def test_a_model_that_cannot_be_loaded_ends_it(start: Any, tmp_path: Path) -> None:
    process, _ = start("raise ValueError('no such table')")
    assert process.wait(60) == 3
    log = (tmp_path / "log").read_text()
    assert "ValueError: no such table" in log
    assert "plan.py" in log


def test_an_interpreter_that_is_not_there_ends_it(start: Any, tmp_path: Path) -> None:
    process, _ = start(MODEL, worker_python=str(tmp_path / "nowhere" / "python"))
    assert process.wait(60) == 3
    assert "nowhere" in (tmp_path / "log").read_text()
