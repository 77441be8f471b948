"""One server for all who ask for the same; the last one out stops it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_modelserve.errors import ServerError, ServerExited, ServerNotReady
from pytest_modelserve.lifeline import Lease
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.process import start
from pytest_modelserve.server.sharing import ServerPool
from pytest_modelserve.server.state import Server

Fake = Callable[..., LaunchSpec]
Get = Callable[[str, str], tuple[int, Any]]
Gone = Callable[[list[psutil.Process]], bool]


class CountedStarter:
    def __init__(self) -> None:
        self.started: list[Server] = []

    def __call__(self, spec: LaunchSpec, lease: Lease, /) -> Server:
        self.started.append(start(spec, lease))
        return self.started[-1]


@pytest.fixture
def starter() -> CountedStarter:
    return CountedStarter()


@pytest.fixture
def pools(tmp_path: Path, starter: CountedStarter) -> Iterator[list[ServerPool]]:
    """Two pools on one root, as two xdist workers have."""
    with ExitStack() as stack:
        yield [stack.enter_context(ServerPool(tmp_path, starter)) for _ in range(2)]


def kill(server: Server) -> None:
    psutil.Process(server.pid).kill()
    if server.process is not None:
        server.process.wait(10)


def test_the_same_is_started_once_and_lives_until_the_last_leaves(
    fake: Fake, get: Get, pools: list[ServerPool], starter: CountedStarter
) -> None:
    first, second = (pool.obtain(fake()) for pool in pools)
    assert first == second == pools[0].obtain(fake())
    assert len(starter.started) == 1
    pools[0].close()
    assert get(second.base_url, "/ping") == (200, {})
    pools[1].close()
    assert not psutil.pid_exists(first.pid)


def test_one_is_given_back_and_the_others_stay(fake: Fake, get: Get, pools: list[ServerPool]) -> None:
    one, two = fake(), replace(fake(), name="two")
    first, second = pools[0].obtain(one), pools[0].obtain(two)
    assert dict(pools[1].running()) == {one.name: first, "two": second}
    assert pools[0].give_back(one) is True
    assert pools[0].give_back(one) is False
    assert not psutil.pid_exists(first.pid)
    assert get(second.base_url, "/ping") == (200, {})
    assert dict(pools[1].running()) == {"two": second}
    assert pools[0].obtain(one).pid != first.pid


def test_what_is_given_back_lives_on_for_others(fake: Fake, get: Get, pools: list[ServerPool]) -> None:
    first, _ = (pool.obtain(fake()) for pool in pools)
    assert pools[0].give_back(fake()) is True
    assert get(first.base_url, "/ping") == (200, {})
    assert pools[0].obtain(fake()) == first


def test_who_did_not_start_it_may_leave_first(fake: Fake, get: Get, pools: list[ServerPool]) -> None:
    first, _ = (pool.obtain(fake()) for pool in pools)
    pools[1].close()
    assert get(first.base_url, "/ping") == (200, {})


def test_pools_that_ask_at_the_same_time_start_one(
    fake: Fake, pools: list[ServerPool], starter: CountedStarter
) -> None:
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda pool: pool.obtain(fake(loading_s=0.2)), pools)
    assert first == second
    assert len(starter.started) == 1


def test_different_names_have_different_servers(fake: Fake, pools: list[ServerPool]) -> None:
    assert pools[0].obtain(fake()).pid != pools[0].obtain(fake(name="other")).pid


def test_one_that_died_is_replaced_for_all(fake: Fake, pools: list[ServerPool], starter: CountedStarter) -> None:
    old, _ = (pool.obtain(fake()) for pool in pools)
    kill(old)
    new, same = (pool.obtain(fake()) for pool in pools)
    assert new == same != old
    assert new.is_alive()
    assert len(starter.started) == 2
    assert old.as_death().happened == "the fake server ended while it was in use (killed by SIGKILL)"


def test_a_restart_gives_another_one_to_all(fake: Fake, pools: list[ServerPool], starter: CountedStarter) -> None:
    old, _ = (pool.obtain(fake()) for pool in pools)
    new = pools[0].restart(fake())
    assert new != old
    assert not old.is_alive()
    assert pools[1].restart(fake()) == new  # the one it had is gone, and a newer one is there
    assert len(starter.started) == 2


def test_a_restart_does_not_wait_for_one_that_hangs(fake: Fake, pools: list[ServerPool]) -> None:
    spec = fake(ignores_sigterm=True, stop_timeout_s=60.0)
    old = pools[0].obtain(spec)
    new = pools[0].restart(spec)
    assert (old.returncode, new.is_alive()) == (-9, True)
    new.kill()


def test_a_restart_of_nothing_is_a_start(fake: Fake, pools: list[ServerPool]) -> None:
    assert pools[0].restart(fake()).is_alive()


def test_a_failed_start_is_told_again_without_another_try(fake: Fake, pools: list[ServerPool], tmp_path: Path) -> None:
    errors = []
    for _ in range(2):
        with pytest.raises(ServerExited) as caught:
            pools[0].obtain(fake(dies=1))
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert type(errors[1]) is ServerExited
    assert len(list(tmp_path.glob("fake/run-*"))) == 1
    assert pools[0].restart(fake()).is_alive()


def test_workers_of_one_run_do_not_repeat_a_failed_start_and_other_runs_do(
    fake: Fake, tmp_path: Path, starter: CountedStarter
) -> None:
    with ExitStack() as stack:
        first, second, other = (stack.enter_context(ServerPool(tmp_path, starter, run)) for run in "aab")
        with pytest.raises(ServerNotReady) as caught:
            first.obtain(fake(hangs=True, timeout_s=0.1))
        with pytest.raises(ServerNotReady) as again:
            second.obtain(fake())
        assert again.value.happened == caught.value.happened
        assert other.obtain(fake()).is_alive()
        assert second.obtain(fake()).is_alive()  # it runs now, whatever was before


def test_a_torn_note_of_a_failure_counts_for_nothing(fake: Fake, pools: list[ServerPool], tmp_path: Path) -> None:
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "failure.json").write_text('{"run_id":')
    assert pools[0].obtain(fake()).is_alive()


def test_a_failed_start_holds_nothing_up(fake: Fake, pools: list[ServerPool]) -> None:
    with pytest.raises(ServerExited):
        pools[0].obtain(fake(dies=1))
    assert pools[1].obtain(fake()).is_alive()


def test_a_private_one_is_shared_with_nobody(fake: Fake, pools: list[ServerPool]) -> None:
    shared = pools[0].obtain(fake())
    with pools[0].private(fake()) as first, pools[1].private(fake()) as second:
        assert len({shared.pid, first.pid, second.pid}) == 3
    assert [server.is_alive() for server in (shared, first, second)] == [True, False, False]


def test_a_private_one_is_fitted_to_its_place_and_what_it_forgets_is_gone(
    fake: Fake, get: Get, pools: list[ServerPool], tmp_path: Path
) -> None:
    forgotten = tmp_path / "forgotten"

    def fit(spec: LaunchSpec, home: Path) -> LaunchSpec:
        forgotten.touch()
        return replace(spec, env={**spec.env, "HOME_OF_THIS": str(home)}, forget=(forgotten,))

    with pools[0].private(fake(), fit) as server:
        assert get(server.base_url, "/environ")[1]["environ"]["HOME_OF_THIS"] == str(server.directory.parent)
        assert forgotten.exists()
        kill(server)
        server.await_end()
        assert not forgotten.exists()  # its supervisor did it


def test_private_ones_take_turns_in_one_place(fake: Fake, pools: list[ServerPool], tmp_path: Path) -> None:
    for _ in range(2):
        with pools[0].private(fake()):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["fake-private-1"]


def test_a_private_one_ends_with_its_block_whatever_happens(fake: Fake, pools: list[ServerPool]) -> None:
    servers: list[Server] = []

    def use() -> None:
        with pools[0].private(fake()) as server:
            servers.append(server)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        use()
    assert not servers[0].is_alive()


def test_a_private_one_may_die_in_use(fake: Fake, pools: list[ServerPool]) -> None:
    with pools[0].private(fake()) as server:
        kill(server)
    assert server.returncode == -9


def test_one_that_does_not_stop_keeps_no_other_from_stopping(
    fake: Fake, pools: list[ServerPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = pools[0].obtain(fake()), pools[0].obtain(fake(name="other"))

    def refuse(server: Server) -> None:
        if server.pid == stuck.pid:
            raise ServerError("stuck")
        real(server)

    real = Server.await_end
    monkeypatch.setattr(Server, "await_end", refuse)
    with pytest.raises(ServerError, match="stuck"):
        pools[0].close()
    monkeypatch.undo()
    assert not other.is_alive()
    stuck.stop()


WORKER = """
import sys, time
from pathlib import Path
from pytest_modelserve.server.launch import LaunchSpec, Probe
from pytest_modelserve.server.sharing import ServerPool
spec = LaunchSpec(name="fake", backend="fake", model_uri="m", command=tuple(sys.argv[2:]), env={}, probe=Probe())
pool = ServerPool(Path(sys.argv[1]))
print(pool.obtain(spec).pid, flush=True)
sys.stdin.readline()
pool.close()
print("left", flush=True)
"""


@pytest.mark.parametrize("first_out", [0, 1])
def test_processes_share_and_the_last_one_out_stops_it(fake: Fake, gone: Gone, tmp_path: Path, first_out: int) -> None:
    command = [sys.executable, "-W", "error", "-c", WORKER, str(tmp_path), *fake(body=None).command]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with ExitStack() as stack:
        workers = [stack.enter_context(subprocess.Popen(command, text=True, **pipes)) for _ in range(2)]
        pids = {int(worker.stdout.readline()) for worker in workers if worker.stdout is not None}
        assert len(pids) == 1
        server = psutil.Process(pids.pop())
        assert workers[first_out].communicate("\n", timeout=20) == ("left\n", "")
        assert server.is_running()
        workers[1 - first_out].kill()  # the last one does not even say so
        workers[1 - first_out].communicate(timeout=20)
        assert gone([server])
