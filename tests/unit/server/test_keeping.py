"""A server that is kept is found by the next run, held against what it was, and ends when nobody comes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

from pytest_modelserve.errors import ServerError
from pytest_modelserve.lifeline import Lease
from pytest_modelserve.server import keeping
from pytest_modelserve.server.keeping import as_kept, kept_servers
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.process import start
from pytest_modelserve.server.sharing import ServerPool
from pytest_modelserve.server.state import Server, read_server, status_path

Fake = Callable[..., LaunchSpec]
Gone = Callable[[list[psutil.Process]], bool]
Family = Callable[[int], list[psutil.Process]]


class Runs:
    """Runs of pytest one after the other, each with a pool of its own, and the servers that they started."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.started: list[Server] = []

    def pool(self, run_id: str = "") -> ServerPool:
        return ServerPool(self.root, self._start, run_id)

    def _start(self, spec: LaunchSpec, lease: Lease, /) -> Server:
        self.started.append(start(spec, lease))
        return self.started[-1]

    def __call__(self, spec: LaunchSpec, use: Callable[[Server], object] = bool) -> Server:
        """Run once, use the server, and leave it."""
        with self.pool() as pool:
            server = pool.obtain(spec)
            use(server)
        return server


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "servers")
    yield runs
    for server in runs.started:
        server.stop()


@pytest.fixture
def kept(fake: Fake) -> Callable[..., LaunchSpec]:
    def build(keep_s: float = 3600.0, **told: Any) -> LaunchSpec:
        return as_kept(fake(**told), keep_s)

    return build


def test_the_next_run_finds_it(kept: Fake, runs: Runs) -> None:
    first, second, third = (runs(kept()) for _ in range(3))
    assert first == second == third
    assert [server.is_warm for server in (first, second, third)] == [False, True, True]
    assert (second.is_alive(), len(runs.started)) == (True, 1)


def test_workers_of_the_run_that_started_it_do_not_call_it_warm(kept: Fake, runs: Runs) -> None:
    with runs.pool("one") as first, runs.pool("one") as second, runs.pool("two") as other:
        assert [pool.obtain(kept()).is_warm for pool in (first, second, other)] == [False, False, True]
    assert len(runs.started) == 1


def test_without_being_asked_nothing_is_kept_or_found(fake: Fake, kept: Fake, runs: Runs) -> None:
    warm, cold = runs(kept()), runs(fake())
    assert warm.pid != cold.pid
    assert [warm.is_alive(), cold.is_alive()] == [True, False]
    assert not runs(fake()).is_warm


def test_it_ends_when_nobody_comes_and_the_next_run_starts_another(
    kept: Fake, runs: Runs, family: Family, gone: Gone
) -> None:
    everyone: list[psutil.Process] = []
    first = runs(kept(0.2, children=1), lambda server: everyone.extend(family(server.pid)))
    assert len(everyone) == 2
    assert gone(everyone)
    second = runs(kept(children=1))
    assert (second.is_warm, second.pid != first.pid) == (False, True)


def test_the_latest_run_says_for_how_long(kept: Fake, runs: Runs) -> None:
    server = runs(kept(3600.0))
    for keep_s in (7200.0, 60.0):
        asked = time.time()
        assert runs(kept(keep_s)) == server
        (found,) = kept_servers(runs.root)
        assert found.until - asked == pytest.approx(keep_s, abs=30.0)
    assert found.server == server
    assert psutil.pid_exists(found.supervisor_pid)


def test_one_that_is_only_starting_is_not_kept(kept: Fake, runs: Runs) -> None:
    seen: list[Server] = []

    def interrupted(spec: LaunchSpec, lease: Lease, /) -> Server:
        seen.append(start(spec, lease))  # ready, and nobody has said yet that it is kept
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), ServerPool(runs.root, interrupted) as pool:
        pool.obtain(kept())
    seen[0].await_end()
    assert list(kept_servers(runs.root)) == []


def test_a_private_one_is_never_kept(kept: Fake, runs: Runs) -> None:
    with runs.pool() as pool, pool.private(kept()) as private:
        assert list(kept_servers(runs.root)) == []
    assert not private.is_alive()


def test_one_that_had_to_be_replaced_is_not_kept(kept: Fake, runs: Runs) -> None:
    with runs.pool() as pool:
        lost = pool.obtain(kept())
        new = pool.restart(kept())
    assert [lost.is_alive(), new.is_alive()] == [False, False]
    with runs.pool() as pool:
        died = pool.obtain(kept())
        died.kill()
        new = pool.obtain(kept())
    assert [died.is_alive(), new.is_alive()] == [False, False]


def test_one_in_use_is_left_to_its_users(kept: Fake, runs: Runs) -> None:
    spec = kept(counts=True)  # which a run that is alone with it would not take
    with runs.pool() as first, runs.pool() as second:
        assert first.obtain(spec) == second.obtain(spec)
    assert len(runs.started) == 1


def written(name: str, text: str) -> Callable[[Server], None]:
    def write(server: Server) -> None:
        (server.directory / name).write_text(text)

    return write


def recorded(path: Path) -> Callable[[Server], None]:
    """Record a module as imported from a file."""
    document = json.dumps({"name": "m", "file": str(path), "phase": "load"})
    return written("modules.jsonl", document + '\n{"name": "half')


def changed(path: Path, text: str = "", mtime: float | None = None) -> Callable[[Server], None]:
    """Record a module as imported from a file, which is then written, or removed where there is no text."""

    def change(server: Server) -> None:
        recorded(path)(server)
        if text:
            path.write_text(text)
            os.utime(path, None if mtime is None else (mtime, mtime))
        else:
            path.unlink()

    return change


def with_large_log(server: Server) -> None:
    os.truncate(server.log_path, keeping._MOST_LOG_BYTES + 1)  # sparse: it costs no disk


FIT = [
    ({}, bool),
    ({"predicts": 400}, bool),
    ({"counts": True, "is_repeatable": False}, bool),
    ({"body": None}, bool),
    ({"records": "own", "has_spy": True}, bool),
    ({"predicts": 400, "has_spy": True}, bool),  # refused before the model was reached
]
UNFIT = [
    ({"counts": True}, bool, "otherwise than at first"),
    ({"then": 500}, bool, "by 500, and at first by 200"),
    ({"records": "broken", "has_spy": True}, bool, "not recorded"),
    ({"records": "others", "has_spy": True}, bool, "not recorded"),
    ({"has_spy": True}, written("calls.jsonl", ""), "not recorded"),
    ({}, with_large_log, "its log"),
    ({}, lambda server: psutil.Process(server.pid).suspend(), "was not answered"),
    ({"has_spy": True}, bool, "No such file"),
    ({}, written("modules.jsonl", "torn\n"), "could not be told"),
    ({}, written("keep.json", "torn"), "it was not to be kept"),
    ({}, lambda server: server.log_path.unlink(), "No such file"),
]


@pytest.mark.parametrize(("told", "use"), FIT)
def test_one_that_is_as_it_was_stays(kept: Fake, runs: Runs, told: dict[str, Any], use: Callable[..., Any]) -> None:
    assert runs(kept(**told), use) == runs(kept(**told))


@pytest.mark.parametrize(("told", "use", "reason"), UNFIT)
def test_one_that_is_not_is_replaced(
    kept: Fake,
    runs: Runs,
    told: dict[str, Any],
    use: Callable[..., Any],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "_HEALTH_S", 0.3)
    spec = kept(**told)
    old = runs(spec, use)
    assert reason in keeping._fault_of(spec, old)  # nobody is told why
    new = runs(spec)
    assert (new.is_warm, new.pid != old.pid, old.is_alive()) == (False, True, False)


def test_one_that_died_meanwhile_is_replaced(kept: Fake, runs: Runs) -> None:
    old = runs(kept())
    psutil.Process(old.pid).kill()
    old.await_end()
    assert runs(kept()).pid != old.pid


def replaced(module: Path, mtime: float) -> Callable[[Server], None]:
    """Put a file that was written before in the place of a module, as `mv` does."""
    other = module.with_name("other.py")
    other.write_text("new")
    os.utime(other, (mtime, mtime))

    def change(server: Server) -> None:
        changed(module, "old", 1.0)(server)
        other.replace(module)

    return change


@pytest.mark.parametrize(
    ("way", "is_kept"),
    [("rewritten", False), ("removed", False), ("backdated", False), ("moved", False), ("untouched", True)],
)
@pytest.mark.parametrize("temporary", ["elsewhere", "mod"])  # no folder, though the name begins like it
def test_code_that_was_changed_since_it_was_imported_counts(
    kept: Fake, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, is_kept: bool, temporary: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / temporary))
    module = tmp_path / "module.py"
    module.write_text("old")
    change = {
        "rewritten": changed(module, "new", time.time() + 5),
        "removed": changed(module),
        "backdated": changed(module, "new", 1.0),
        "moved": replaced(module, 1.0),
        "untouched": recorded(module),
    }[way]
    assert (runs(kept(), change) == runs(kept())) is is_kept


@pytest.mark.parametrize(("way", "is_kept"), [("rewritten", False), ("removed", True), ("generated", True)])
def test_of_scratch_files_those_count_that_were_changed_after_the_last_import(
    kept: Fake, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, is_kept: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    module = tmp_path / "module.py"
    module.write_text("old")

    def generate(server: Server) -> None:
        module.write_text("new")
        recorded(module)(server)

    change = {
        "rewritten": changed(module, "new", time.time() + 5),
        "removed": changed(module),
        "generated": generate,
    }[way]
    assert (runs(kept(), change) == runs(kept())) is is_kept


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_module_in_an_archive_is_as_old_as_the_archive(
    kept: Fake, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_changed: bool
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    archive = tmp_path / "code.zip"
    archive.write_bytes(b"old")

    def change(server: Server) -> None:
        recorded(archive / "package" / "module.py")(server)
        if is_changed:
            archive.write_bytes(b"new")

    assert (runs(kept(), change) == runs(kept())) is not is_changed


def test_another_link_to_an_installed_file_is_no_change(
    kept: Fake, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    module = tmp_path / "lib" / "python3.11" / "site-packages" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text("installed")

    def link(server: Server) -> None:
        recorded(module)(server)
        os.link(module, tmp_path / "linked.py")

    assert runs(kept(), link) == runs(kept())


def test_the_records_begin_anew_with_each_run(kept: Fake, runs: Runs) -> None:
    spec = kept(records="own", has_spy=True)
    sizes = []
    for _ in range(3):
        server = runs(spec, lambda server: sizes.append((server.directory / "calls.jsonl").stat().st_size))
    assert len(set(sizes[1:])) == 1  # the one call by which the server is known again
    assert len((server.directory / "calls.jsonl").read_text().splitlines()) == 1


def test_other_code_of_ours_is_another_server(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    name = as_kept(fake(), 1.0).name
    assert name == as_kept(fake(), 2.0).name != fake().name
    monkeypatch.setattr(keeping, "version", lambda _: "99")
    assert as_kept(fake(), 1.0).name != name


def test_what_ended_by_itself_leaves_no_records(kept: Fake, runs: Runs) -> None:
    ended = runs(kept(records="own", has_spy=True))
    os.kill(ended.pid, signal.SIGKILL)
    ended.await_end()
    with ExitStack() as stack:
        other = stack.enter_context(runs.pool()).obtain(kept(name="other"))
        assert {path.name for path in ended.directory.iterdir()} == {"server.log", "lifeline.status"}
        assert other.is_alive()


def test_a_new_one_takes_the_place_of_the_same_model_before(kept: Fake, runs: Runs) -> None:
    others = [runs(kept(name=name, **told)) for name, told in (("a", {"model_uri": "x"}), ("b", {"backend": "y"}))]
    unused = runs(kept(name="unused"))
    with runs.pool() as pool:
        used = pool.obtain(kept(name="used"))
        assert not unused.is_alive()  # the one that was started now is of the same model
        new = runs(kept(name="new"))
        assert [server.is_alive() for server in (*others, used, new)] == [True] * 4
    assert {path.name for path in unused.directory.iterdir()} == {"server.log", "lifeline.status"}


def refusing(old: Server, error: Exception, real: Callable[[Server], None]) -> Callable[[Server], None]:
    def refuse(server: Server) -> None:
        if server.pid == old.pid:
            raise error
        real(server)

    return refuse


BROKEN = [("stop", ServerError("it does not stop")), ("clean_up", PermissionError("not yours"))]


@pytest.mark.parametrize(("name", "error"), BROKEN)
def test_one_that_cannot_be_tidied_up_holds_no_other_up(
    kept: Fake, runs: Runs, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    old, told = runs(kept(name="old")), list[str]()
    with monkeypatch.context() as patch, ServerPool(runs.root, runs._start, tell=told.append) as pool:
        patch.setattr(Server, name, refusing(old, error, getattr(Server, name)))
        new = [pool.obtain(kept(name=name)) for name in ("new", "newer")]
        assert all(server.is_alive() for server in new)
        assert len(told) == 1
        assert error.args[0] in told[0]
        assert str(old.directory.parent) in told[0]


@pytest.mark.parametrize(("name", "error"), BROKEN)
def test_one_that_cannot_be_ended_leaves_the_turn_to_the_next(
    kept: Fake, runs: Runs, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    first, second = (runs(kept(at, name=f"of {at}", model_uri=f"of {at}")) for at in (3600.0, 7200.0))
    told = list[str]()
    with monkeypatch.context() as patch, ServerPool(runs.root, tell=told.append) as pool:
        patch.setattr(Server, name, refusing(first, error, getattr(Server, name)))
        ended = pool.end_unused()
        assert ended == (second if name == "stop" else first)  # what it left is another thing
        assert [server.is_alive() for server in (first, second)] == [name == "stop", name != "stop"]
    assert len(told) == 1
    assert error.args[0] in told[0]


def test_files_of_others_beside_the_servers_are_left_alone(kept: Fake, runs: Runs) -> None:
    runs.root.mkdir()
    strays = [runs.root / name for name in (".DS_Store", "a-kept-b.txt", kept(name="old").name)]
    for stray in strays:
        stray.write_text("stray")
    with ServerPool(runs.root, runs._start, tell=pytest.fail) as pool:
        server = pool.obtain(kept())
        assert dict(pool.running()) == {kept().name: server}
        assert [found.server.pid for found in kept_servers(runs.root)] == [server.pid]
        assert pool.end_unused() is None
    assert [stray.read_text() for stray in strays] == ["stray"] * 3


def test_one_that_is_given_back_for_its_memory_is_not_kept(kept: Fake, runs: Runs) -> None:
    with runs.pool() as pool, runs.pool() as other:
        server = pool.obtain(kept())
        assert other.obtain(kept()) == server
        assert pool.give_back(kept()) is True
        assert server.is_alive()  # somebody else uses it
        assert other.give_back(kept()) is True
        assert not server.is_alive()


def test_who_joins_while_one_is_given_back_has_it_kept(kept: Fake, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    with runs.pool() as pool, runs.pool() as other:
        server = pool.obtain(kept())
        real = pool._lock

        def lock_after_other(home: Path, timeout_s: float = -1) -> FileLock:
            assert other.obtain(kept()) == server  # is at the gate first
            return real(home, timeout_s)

        monkeypatch.setattr(pool, "_lock", lock_after_other)
        assert pool.give_back(kept()) is True
        assert [found.server for found in kept_servers(runs.root)] == [server]


def test_those_that_nobody_uses_can_be_ended_the_first_to_go_first(kept: Fake, runs: Runs) -> None:
    later, sooner = (
        replace(kept(keep_s=keep_s), name=f"{name}-kept-1", model_uri=name)
        for name, keep_s in (("later", 7200.0), ("sooner", 3600.0))
    )
    ends = [runs(spec) for spec in (later, sooner)]
    used = replace(kept(keep_s=60.0), name="used-kept-1", model_uri="used")
    with runs.pool() as pool:
        server = pool.obtain(used)
        ended = [pool.end_unused() for _ in range(3)]
        assert [each and each.pid for each in ended] == [ends[1].pid, ends[0].pid, None]
        assert not any(each.is_alive() for each in ends)
        assert server.is_alive()


def test_nothing_is_listed_but_what_runs_and_is_kept(kept: Fake, fake: Fake, runs: Runs) -> None:
    assert list(kept_servers(runs.root)) == []
    first, second = runs(kept()), runs(kept(name="second", model_uri="other"))
    (runs.root / f"{kept(name='third').name}").mkdir()
    with runs.pool() as pool:
        pool.obtain(fake())
        assert {found.server.pid for found in kept_servers(runs.root)} == {first.pid, second.pid}
    second.stop()
    assert [found.server for found in kept_servers(runs.root)] == [first]
    stored = read_server(runs.root / kept().name)
    assert stored is not None
    assert status_path(stored.directory).exists()
    assert replace(stored, is_warm=True) == first
