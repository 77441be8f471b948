"""Servers under a bound of memory: who is let go for whom, and who never is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from pytest_modelserve import bounded
from pytest_modelserve.bounded import SHARE, BoundedServers, held_bytes, usual_bound
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.state import Server


class FakeServer(Server):
    """A server that only says whether it is alive."""

    def is_alive(self) -> bool:
        return self.pid > 0


def server_of(name: str, *, pid: int = 1, directory: Path | None = None) -> FakeServer:
    return FakeServer(
        backend="builtin",
        model_uri=f"models/{name}",
        base_url="http://127.0.0.1:1",
        pid=pid,
        directory=directory or Path(name, "run"),
        log_path=Path(name, "log"),
        cold_start_s=0.1,
        stop_timeout_s=1.0,
    )


def spec_of(name: str) -> LaunchSpec:
    return LaunchSpec(name=name, backend="builtin", model_uri=f"models/{name}", command=(), env={})


@dataclass
class Pool:
    """Servers that are names; `log` is what was done with them."""

    up: dict[str, Server] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    is_measured: bool = False

    def obtain(self, spec: LaunchSpec) -> Server:
        if spec.name not in self.up:
            self.log.append(f"start {spec.name}")
            self.up[spec.name] = server_of(spec.name)
        return self.up[spec.name]

    def restart(self, spec: LaunchSpec) -> Server:
        self.log.append(f"restart {spec.name}")
        return self.up[spec.name]

    def private(
        self, spec: LaunchSpec, fit: Callable[[LaunchSpec, Path], LaunchSpec]
    ) -> AbstractContextManager[Server]:
        @contextmanager
        def run() -> Iterator[Server]:
            self.log.append(f"start {fit(spec, Path()).name} alone")
            yield server_of(spec.name)

        return run()

    def give_back(self, spec: LaunchSpec) -> bool:
        return self.leave(spec.name)

    def leave(self, name: str) -> bool:
        if name in self.up:
            self.log.append(f"leave {name}")
        return self.up.pop(name, None) is not None

    def end_unused(self) -> Server | None:
        if not self.unused:
            return None
        name = self.unused.pop(0)
        self.leave(name)
        return server_of(name)

    def running(self) -> Iterator[tuple[str, Server]]:
        self.is_measured = True
        yield from self.up.items()

    def close(self) -> None:
        self.log.append("close")


@dataclass
class Model:
    """A served model that nobody uses."""

    name: str
    give: Callable[[LaunchSpec], bool]

    @property
    def server(self) -> Server:
        return server_of(self.name)

    def let_go(self) -> bool:
        return self.give(spec_of(self.name))


class Scene:
    """A pool under a bound of 100 bytes, in which each server takes what `sizes` says."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.sizes: dict[str, int] = {}
        self.idle: list[str] = []
        self.told: list[str] = []
        self.servers = BoundedServers(self.pool, 100, idle=self._models, tell=self.told.append, measure=self._size)

    def _size(self, server: Server) -> int:
        return self.sizes[server.directory.parent.name]

    def _models(self) -> Iterator[Model]:
        return (Model(name, self.servers.give_back) for name in list(self.idle))

    def have(self, **sizes: int) -> None:
        """Have idle servers that were started before, the least recently used first."""
        self.sizes.update(sizes)
        for name in sizes:
            self.pool.up[name] = self.servers._given[name] = server_of(name)
            self.idle.append(name)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("idle", "needed", "left"),
    [
        ({"a": 30, "b": 30}, 40, []),  # to the last byte
        ({"a": 30, "b": 30}, 41, ["a"]),
        ({"a": 60, "b": 30}, 41, ["a"]),
        ({"a": 30, "b": 60}, 41, ["a", "b"]),  # not the largest: the least recently used first, as many as it takes
        ({"a": 30, "b": 30, "c": 30}, 80, ["a", "b", "c"]),
        ({"a": 30}, 101, ["a"]),  # over the bound alone, and runs all the same
    ],
)
def test_the_least_recently_used_are_let_go(scene: Scene, idle: dict[str, int], needed: int, left: list[str]) -> None:
    scene.have(**idle)
    scene.servers._held["new"] = needed  # when it ran before
    scene.servers.obtain(spec_of("new"))
    assert scene.pool.log == [*(f"leave {name}" for name in left), "start new"]
    assert len(scene.told) == len(left)


def test_what_waits_for_a_later_run_goes_first(scene: Scene) -> None:
    scene.have(a=30)
    scene.sizes.update(kept=30, other=30)
    scene.pool.up.update({name: server_of(name) for name in ("kept", "other")})
    scene.pool.unused = ["kept", "other"]
    scene.servers._held["new"] = 60
    scene.servers.obtain(spec_of("new"))
    assert scene.pool.log == ["leave kept", "leave other", "start new"]
    assert len(scene.told) == 2
    assert scene.told[0].startswith("models/kept: ")


def test_who_is_in_use_stays_whatever_it_takes(scene: Scene) -> None:
    scene.have(used=90, idle=10)
    scene.idle.remove("used")
    scene.servers.obtain(spec_of("new"))
    assert scene.pool.log == ["leave idle", "start new"]
    assert set(scene.pool.up) == {"used", "new"}


def test_what_never_ran_is_taken_to_need_as_much_as_the_largest(scene: Scene) -> None:
    scene.have(small=5, large=48)
    scene.sizes["new"] = 5
    scene.servers.obtain(spec_of("new"))
    assert scene.pool.log == ["leave small", "start new"]  # 5 + 48 + 48 are over 100, 48 + 48 are not


def test_one_that_runs_is_handed_out_without_looking(scene: Scene) -> None:
    scene.have(a=90)
    scene.pool.is_measured = False
    assert scene.servers.obtain(spec_of("a")) is scene.pool.up["a"]
    assert not scene.pool.is_measured


def test_one_that_another_process_runs_is_joined(scene: Scene) -> None:
    scene.have(a=90)
    scene.sizes["theirs"] = 90
    scene.pool.up["theirs"] = server_of("theirs")
    scene.servers.obtain(spec_of("theirs"))
    assert scene.pool.log == []


def test_servers_of_others_count(scene: Scene) -> None:
    scene.have(a=20)
    scene.sizes["theirs"] = 70
    scene.pool.up["theirs"] = server_of("theirs")
    scene.servers.obtain(spec_of("new"))
    assert scene.pool.log == ["leave a", "start new"]


def test_a_private_server_takes_room_beside_the_shared_one(scene: Scene) -> None:
    scene.have(idle=20, mine=50)
    scene.idle.remove("mine")
    with scene.servers.private(spec_of("mine"), lambda spec, _: spec):
        assert scene.pool.log == ["leave idle", "start mine alone"]


def test_a_restart_needs_no_room(scene: Scene) -> None:
    scene.have(a=50, b=50)
    scene.servers.restart(spec_of("b"))
    assert scene.pool.log == ["restart b"]


def test_a_dead_one_is_started_in_room_made_for_it(scene: Scene) -> None:
    scene.have(a=60, dead=60)
    scene.idle[:] = ["a"]
    scene.servers._given["dead"] = server_of("dead", pid=0)
    scene.pool.up.pop("dead")
    scene.servers.obtain(spec_of("dead"))
    assert scene.pool.log == ["leave a", "start dead"]


def test_who_has_nothing_to_give_back_is_passed_over_in_silence(scene: Scene) -> None:
    scene.have(a=60)
    scene.idle[:] = ["gone", "a"]
    scene.servers.obtain(spec_of("new"))
    assert scene.pool.log == ["leave a", "start new"]
    assert len(scene.told) == 1


def test_what_is_told_has_the_sizes() -> None:
    mib = 1024**2
    pool, told = Pool(up={"a": server_of("a")}), list[str]()
    idle = Model("a", lambda spec: pool.leave(spec.name))
    servers = BoundedServers(pool, 99 * mib, idle=lambda: iter([idle]), tell=told.append, measure=lambda _: 60 * mib)
    servers.obtain(spec_of("new"))
    (line,) = told
    assert line.startswith("models/a: the server is let go")
    assert "the one of models/new needs about 60 MiB, and the servers hold 60 MiB of 99 MiB" in line


def test_closing_closes_the_pool(scene: Scene) -> None:
    scene.servers.close()
    assert scene.pool.log == ["close"]


def test_a_server_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert held_bytes(server_of("a", pid=0, directory=tmp_path)) == 0


@pytest.mark.parametrize(("text", "is_limit"), [("1048576\n", True), ("max\n", False), (None, False)])
def test_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, is_limit: bool) -> None:
    limit = tmp_path / "memory.max"
    if text is not None:
        limit.write_text(text)
    monkeypatch.setattr(bounded, "_LIMITS", (limit,))
    free = psutil.virtual_memory().available
    bound = usual_bound()
    assert bound == 1048576 * SHARE if is_limit else abs(bound - free * SHARE) < free * SHARE / 2
