"""The process that restores environments beside this one: in order, to be paused, and gone with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from pytest_modelserve.environment.background import NICENESS, BackgroundBuild, Built
from pytest_modelserve.environment.cache import EnvironmentCache
from pytest_modelserve.environment.progress import Progress
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import EnvironmentBroken
from pytest_modelserve.lifeline import Lease

DEADLINE_S: Final = 60.0  # conditions come true within a second; a loaded machine takes its time
Gone = Callable[[list[psutil.Process]], bool]


class Scene:
    """Requests that take no time, and one that is at it until it is ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = folder / "started"
        self.python = folder / "python"
        os.mkfifo(folder / "never")
        self.python.write_text(f"#!/bin/sh\necho $$ >> '{self.started}'\nexec cat '{folder}/never'\n")
        self.python.chmod(0o755)

    def request(self, manager: str = "local", python: Path | None = None) -> RestoreRequest:
        spec = EnvironmentSpec(directory=self.folder, source="requirements.txt")
        return RestoreRequest(spec=spec, manager=manager, root=self.folder / "cache", python=python)

    @property
    def blocking(self) -> RestoreRequest:
        """A restore that asks an interpreter which never answers."""
        return self.request("uv", self.python)

    def asked(self) -> psutil.Process:
        """Wait until the interpreter is asked, and return its process."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.started.exists() or not self.started.read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return psutil.Process(int(self.started.read_text().split()[-1]))


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))  # of those who are started
    monkeypatch.setattr(tempfile, "tempdir", None)  # asked again here, where other runs have no leases
    return Scene(tmp_path)


@contextmanager
def building(*requests: RestoreRequest) -> Iterator[BackgroundBuild]:
    build = BackgroundBuild(requests, Path.cwd())
    try:
        yield build
    finally:
        build.close()


def finished(build: BackgroundBuild) -> BackgroundBuild:
    build._process.wait(DEADLINE_S)
    return build


def leases() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("modelserve-ahead-*"))


def test_each_is_restored_and_what_cannot_be_is_passed_over(scene: Scene) -> None:
    with building(scene.request(), scene.request("nobody"), scene.request()) as build:
        outcomes = [finished(build).outcome(at) for at in range(4)]
        assert not build.is_running
        assert build.close() == ""
    assert outcomes[1] == Built(at=1, is_over=True)
    assert outcomes[3] is None
    assert [built.is_over and built.elapsed_s > 0 for at in (0, 2) if (built := outcomes[at])] == [True, True]
    assert leases() == set()


def test_what_is_begun_is_waited_for_and_no_other(scene: Scene) -> None:
    with building(scene.request(), scene.blocking) as build:
        scene.asked()
        first, second = (build.outcome(at) for at in range(2))
        assert first is not None
        assert first.is_over
        assert second == Built(at=1, is_over=False)
        assert build.outcome(2, is_awaited=True) is None
        scene.asked().kill()  # a Python that ends like this is none
        assert build.outcome(1, is_awaited=True) == Built(at=1, is_over=True)


def test_what_was_built_is_held_until_it_is_closed(scene: Scene) -> None:
    (scene.folder / "requirements.txt").write_text("")
    with building(scene.request("virtualenv", Path(sys.executable)), scene.request()) as build:
        deadline = time.monotonic() + DEADLINE_S
        while (last := build.outcome(1, is_awaited=True)) is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        first = build.outcome(0)
        assert [last.is_over, first and first.is_over, first and first.cached] == [True, True, False]
        (use,) = (scene.folder / "cache" / "locks").glob("*.use")
        with Lease(use) as lease:
            assert not lease.is_only()
            assert build.close() == ""
            assert lease.is_only()


def test_it_gives_way_to_those_who_run_tests(scene: Scene) -> None:
    with building(scene.blocking):
        assert scene.asked().nice() == min(psutil.Process().nice() + NICENESS, 19)  # there is no higher one


def await_stop(processes: list[psutil.Process], *, is_stopped: bool) -> None:
    """Wait until all are stopped, or none is: a signal takes its time."""
    deadline = time.monotonic() + DEADLINE_S
    while {each.status() == psutil.STATUS_STOPPED for each in processes} != {is_stopped}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_done_while_it_is_paused(scene: Scene) -> None:
    with building(scene.blocking) as build:
        process = scene.asked()
        family = [process, *process.parents()[:1]]
        with build.paused():
            await_stop(family, is_stopped=True)
        await_stop(family, is_stopped=False)


def test_who_builds_while_it_is_paused_lets_it_go_on(scene: Scene) -> None:
    with building(scene.blocking) as build:
        process = scene.asked()
        family = [process, *process.parents()[:1]]

        def build_other(_directory: Path, _progress: Progress) -> dict[str, object]:
            await_stop(family, is_stopped=False)  # what they hold, the lock of this very key, say, may be needed
            raise EnvironmentBroken("built enough", facts={}, fix="")

        with build.paused():
            await_stop(family, is_stopped=True)
            with pytest.raises(EnvironmentBroken, match="built enough"):
                EnvironmentCache(scene.folder / "cache").obtain("key", build_other)
            await_stop(family, is_stopped=False)


def test_who_waits_for_an_outcome_while_it_is_paused_lets_it_go_on(scene: Scene) -> None:
    with building(scene.blocking) as build:
        process = scene.asked()
        with build.paused():
            await_stop(process.parents()[:1], is_stopped=True)
            process.kill()
            assert build.outcome(0, is_awaited=True) == Built(at=0, is_over=True)


def test_pausing_what_is_done_stops_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[psutil.Process] = []
    monkeypatch.setattr(psutil.Process, "suspend", stopped.append)
    with building(scene.request()) as build, subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        finished(build)
        monkeypatch.setattr(build._process, "pid", os.getpid())  # it is another's now, one that has a child
        with build.paused():
            assert stopped == []
        other.communicate()


@pytest.mark.parametrize("is_paused", [False, True])
def test_closing_ends_what_is_being_done(scene: Scene, gone: Gone, is_paused: bool) -> None:
    with building(scene.blocking) as build:
        process = scene.asked()
        assert len(leases()) == 1
        family = [process, *process.parents()[:2]]
        if is_paused:
            with build.paused():
                assert build.close() == ""
        assert build.close() == ""
        assert gone(family)
    assert leases() == set()


def test_why_it_ended_by_itself_is_told(scene: Scene) -> None:
    broken = scene.request(manager=None)  # type: ignore[arg-type]  # no request has none
    with building(broken, scene.request()) as build:
        assert finished(build).outcome(0, is_awaited=True) is None
        said = build.close()
    assert said.endswith("(exit code 1)")
    assert "Error: " in said


def test_killed_it_says_nothing_and_nobody_waits(scene: Scene, gone: Gone) -> None:
    with building(scene.blocking) as build:
        process = scene.asked()
        process.parents()[0].kill()
        assert build.outcome(0, is_awaited=True) is None
        assert gone([process])
        finished(build)
        assert build.close() == f"it said nothing (exit code {-signal.SIGKILL})"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_whoever_started_it(scene: Scene, gone: Gone, number: int) -> None:
    script = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from pytest_modelserve.environment.background import BackgroundBuild
        from pytest_modelserve.environment.restoration import RestoreRequest
        from pytest_modelserve.environment.spec import EnvironmentSpec

        spec = EnvironmentSpec(directory=Path({str(scene.folder)!r}), source="requirements.txt")
        root, python = Path({str(scene.folder / "cache")!r}), Path({str(scene.python)!r})
        build = BackgroundBuild([RestoreRequest(spec=spec, manager="uv", root=root, python=python)], Path.cwd())
        time.sleep({DEADLINE_S})
        """
    )
    with subprocess.Popen([sys.executable, "-c", script]) as starter:
        process = scene.asked()
        family = [process, *process.parents()[:2]]
        starter.send_signal(number)
        starter.wait(DEADLINE_S)
        assert gone(family)
    assert leases() == set()
