"""Servers that behave as told, and none of which outlives its test."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from pytest_modelserve.server.backends import ServeRequest, ServeSettings
from pytest_modelserve.server.launch import LaunchSpec, Probe

FLAVOR = {"loader_module": "mlflow.sklearn", "model_path": "model.pkl", "predict_fn": "predict_proba"}
FAKE_SERVER = Path(__file__).with_name("fake_server.py")


@pytest.fixture
def fake() -> Callable[..., LaunchSpec]:
    """Build the specification of a fake server from how it behaves; fields of LaunchSpec and Probe go their way."""

    def build(**told: Any) -> LaunchSpec:
        fields = {name: told.pop(name) for name in LaunchSpec.__slots__ if name in told}
        probe = {name: told.pop(name) for name in Probe.__slots__ if name in told}
        where = told.pop("where", "fd:{fd}")
        defaults: dict[str, Any] = {
            "name": "fake",
            "backend": "fake",
            "model_uri": "models:/iris/3",
            "command": (sys.executable, "-I", "-S", str(FAKE_SERVER), json.dumps(told), where),
            "env": {"PATH": os.defpath},
            "probe": Probe(**{"body": b"[1]", "timeout_s": 10.0, **probe}),
            "startup_timeout_s": 10.0,
        }
        return LaunchSpec(**{**defaults, **fields})

    return build


@pytest.fixture
def get() -> Callable[[str, str], tuple[int, Any]]:
    """Ask a server; return the status and the decoded body."""

    def ask(base_url: str, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(base_url.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return ask


@pytest.fixture
def family() -> Callable[[int], list[psutil.Process]]:
    """A process and all below it."""

    def take(pid: int) -> list[psutil.Process]:
        leader = psutil.Process(pid)
        return [leader, *leader.children(recursive=True)]

    return take


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A model directory that a server of others' can be given."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": FLAVOR}, "model_uuid": "1e5"}))
    (folder / "model.pkl").write_bytes(b"")
    return folder


@pytest.fixture
def serve_request(model_dir: Path) -> Callable[..., ServeRequest]:
    """Ask for that model to be served in an environment in which this is installed; keywords change the request."""

    def build(installed: Mapping[str, str], **changes: Any) -> ServeRequest:
        fields: dict[str, Any] = {
            "model_dir": model_dir,
            "model_uri": "models:/iris/3",
            "model_digest": "abc",
            "python": Path("/envs/e/bin/python"),
            "environment_prefix": Path("/envs/e"),
            "environment_digest": "def",
            "signature": {"inputs": "[]"},
            "loader": FLAVOR,
            "env_vars": ("OPENAI_API_KEY",),
            "probe_body": b"{}",
            "environ": {"PATH": "/usr/bin", "AWS_SECRET_ACCESS_KEY": "x", "OPENAI_API_KEY": "k", "MY_FLAG": "1"},
            "settings": ServeSettings(pass_env=("MY_*",)),
        }
        return ServeRequest(installed=installed, **{**fields, **changes})

    return build
