"""Servers that behave as told, and none of which outlives its test."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_modelserve.server.launch import LaunchSpec, Probe

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
