"""Supervised processes that never outlive their test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_modelserve.lifeline import Lease, read_status, supervised

Run = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def lease_path(tmp_path: Path) -> Path:
    return tmp_path / "lease"


@pytest.fixture
def status_path(tmp_path: Path) -> Path:
    return tmp_path / "status"


@pytest.fixture
def lease(lease_path: Path) -> Iterator[Lease]:
    with Lease(lease_path) as held:
        yield held


@pytest.fixture
def run(lease_path: Path, status_path: Path) -> Iterator[Run]:
    """Start a shell command under a supervisor and wait until it said something, which every command here must."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: str, pass_fds: tuple[int, ...] = (), **options: Any) -> subprocess.Popen[bytes]:
        lease_path.touch()
        process = subprocess.Popen(
            supervised(["sh", "-c", command], lease_path, pass_fds=pass_fds, status_path=status_path, **options),
            stdout=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline(), "the command said nothing"
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def members(status_path: Path) -> Callable[[], list[psutil.Process]]:
    """The supervised command and all below it, taken while it runs."""

    def take() -> list[psutil.Process]:
        status = read_status(status_path)
        assert status is not None
        leader = psutil.Process(status.pid)
        return [leader, *leader.children(recursive=True)]

    return take
