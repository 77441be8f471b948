"""The processes of a server are seen from outside: what they hold, and which outlive it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_modelserve.lifeline import Lease
from pytest_modelserve.server import family
from pytest_modelserve.server.family import family_of, holdings, stop_watched
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.process import lease_path, start
from pytest_modelserve.server.state import Server

Fake = Callable[..., LaunchSpec]


@pytest.fixture
def started(tmp_path: Path, fake: Fake) -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:

        def run(**told: Any) -> Server:
            spec = fake(**told)
            server = start(spec, stack.enter_context(Lease(lease_path(tmp_path / spec.name))))
            stack.callback(server.stop)
            return server

        yield run


def test_the_family_is_the_server_first_and_what_it_started(started: Callable[..., Server]) -> None:
    server = started(children=2)
    members = family_of(server)
    assert [member.pid for member in members][:1] == [server.pid]
    assert len(members) == 3
    held = holdings(members)
    assert set(held) == {member.pid for member in members}
    own = held[server.pid]
    assert own.memory_bytes > 1_000_000
    assert own.threads >= 1
    assert own.descriptors >= 3


def test_what_is_gone_holds_nothing(started: Callable[..., Server]) -> None:
    server = started()
    members = family_of(server)
    stop_watched(server)
    assert holdings(members) == {}
    assert family_of(server) == []


def test_a_server_that_stops_leaves_nothing(started: Callable[..., Server], gone: Any) -> None:
    server = started(children=2)
    members = family_of(server)
    ending = stop_watched(server)
    assert (ending.returncode, ending.left, ending.is_port_free) == (-signal.SIGTERM, (), True)
    assert ending.elapsed_s < server.stop_timeout_s
    assert not ending.was_killed
    assert gone(members)


def test_one_that_ignores_the_signal_is_killed(started: Callable[..., Server], gone: Any) -> None:
    server = started(ignores_sigterm=True, stop_timeout_s=0.5)
    members = family_of(server)
    ending = stop_watched(server)
    assert (ending.returncode, ending.was_killed) == (-signal.SIGKILL, True)
    assert gone(members)


@pytest.mark.parametrize("kind", ["stubborn_child", "detached_child"])
def test_what_outlives_the_server_is_named_and_ended(
    kind: str, started: Callable[..., Server], gone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "_LEFT_S", 0.3)
    server = started(**{kind: True}, stop_timeout_s=2.0)
    members = family_of(server)
    assert len(members) == 2
    ending = stop_watched(server)
    assert len(ending.left) == 1
    assert "-c import time" in ending.left[0]
    assert gone(members)


def test_a_server_that_is_gone_already_has_ended(started: Callable[..., Server]) -> None:
    server = started()
    os.kill(server.pid, signal.SIGKILL)
    server.await_end()
    ending = stop_watched(server)
    assert (ending.returncode, ending.elapsed_s, ending.left) == (-signal.SIGKILL, 0.0, ())


def test_a_port_that_another_holds_is_not_free(started: Callable[..., Server]) -> None:
    server, other = started(), started(name="other")
    ending = stop_watched(replace(server, base_url=other.base_url))
    assert not ending.is_port_free
    assert psutil.pid_exists(other.pid)
