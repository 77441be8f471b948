"""A server of one's own is planted, followed over its deaths, and looked at when it stops."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.errors import ServerExited
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.private import PrivateServers
from pytest_modelserve.server.sharing import ServerPool

Fake = Callable[..., LaunchSpec]
Get = Callable[[str, str], tuple[int, Any]]


class Built:
    """Builds launches as told, which may change."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.told: dict[str, Any] = {}
        self.planted: list[Mapping[str, str]] = []

    def __call__(self, planted: Mapping[str, str]) -> LaunchSpec:
        self.planted.append(planted)
        spec = self.fake(**self.told)
        return replace(spec, name="another", env={**spec.env, "OWN": "1"})


@pytest.fixture
def built(fake: Fake) -> Built:
    return Built(fake)


@pytest.fixture
def servers(built: Built, tmp_path: Path) -> Iterator[PrivateServers]:
    servers = PrivateServers(ServerPool(tmp_path), built)
    yield servers
    servers.close()


def test_secrets_and_a_temporary_directory_are_planted(
    fake: Fake, get: Get, servers: PrivateServers, built: Built, tmp_path: Path
) -> None:
    server = servers.obtain(fake())
    seen = get(server.base_url, "/environ")[1]["environ"]
    in_environment, in_file = servers.canaries.values()
    assert seen["MODELSERVE_CANARY_KEY"] == in_environment
    assert in_file in [path.read_text() for path in server.directory.glob("canary*")]
    assert seen["OWN"] == "1"
    assert dict(built.planted[0]).items() <= seen.items()
    link = Path(seen["TMPDIR"])
    assert link.parent == Path(tempfile.gettempdir())  # short, for sockets in it
    assert len(str(link)) < 40 + len(tempfile.gettempdir())
    assert link.resolve() == tmp_path / "fake-private-1" / "tmp"
    (link / "kept").touch()
    servers.stop()
    assert list(servers.temporary_files()) == ["kept"]
    servers.close()
    assert not link.is_symlink()


def test_the_live_one_is_handed_out_again_and_a_dead_one_replaced(fake: Fake, servers: PrivateServers) -> None:
    first = servers.obtain(fake())
    assert servers.obtain(fake()) is first
    os.kill(first.pid, signal.SIGKILL)
    first.await_end()
    second = servers.obtain(fake())
    assert (second.pid != first.pid, second.is_alive()) == (True, True)
    third = servers.restart(fake())
    assert (third.is_alive(), second.is_alive()) == (True, False)
    assert list(servers.temporary_files()) == []


def test_a_stop_tells_how_it_went_and_the_next_use_starts_another(fake: Fake, servers: PrivateServers) -> None:
    assert servers.stop() is None
    first = servers.obtain(fake())
    ending = servers.stop()
    assert ending is not None
    assert ending.returncode == -signal.SIGTERM
    assert servers.obtain(fake()).pid != first.pid


def test_one_that_cannot_start_leaves_nothing(fake: Fake, servers: PrivateServers, built: Built) -> None:
    built.told = {"dies": 3}
    with pytest.raises(ServerExited):
        servers.obtain(fake())
    assert not Path(built.planted[0]["TMPDIR"]).is_symlink()
    built.told = {}
    assert servers.obtain(fake()).is_alive()


@pytest.mark.parametrize("status", [503, 500])
def test_what_it_answered_while_it_was_loading_is_known(
    status: int, fake: Fake, servers: PrivateServers, built: Built
) -> None:
    built.told = {"loading_pings": 3, "early": status}  # whatever the time, both are asked before it is ready
    answers = servers.obtain(fake()).early_answers
    asked = [("GET /ping", 503), ("POST /invocations", status)]
    assert [(answer.request, answer.status) for answer in answers] == asked * 3
    assert [answer.elapsed_s for answer in answers] == sorted(answer.elapsed_s for answer in answers)
