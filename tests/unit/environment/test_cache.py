"""The cache: one build whoever asks, and never half of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_modelserve.environment.cache import CachedBuild, EnvironmentCache, Slot
from pytest_modelserve.environment.progress import Progress
from pytest_modelserve.errors import EnvironmentBroken, InstallFailed, RequirementsError

Script = Callable[..., subprocess.Popen[str]]


@dataclass(slots=True)
class FakeBuild:
    """Make a file that stands for the interpreter; fail where told."""

    error: BaseException | None = None
    directories: list[Path] = field(default_factory=list)

    def __call__(self, directory: Path, progress: Progress) -> Mapping[str, object]:
        self.directories.append(directory)
        progress.step("building")
        (directory / "install.log").write_text("said\n")
        if self.error:
            raise self.error
        (directory / "python").touch()
        return {"python": "python", "n": len(self.directories)}


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot(root=tmp_path / "cache", key="k")


@pytest.fixture
def obtain(tmp_path: Path) -> Callable[..., CachedBuild]:
    def obtained(build: FakeBuild, run_id: str = "") -> CachedBuild:
        return EnvironmentCache(tmp_path / "cache", run_id=run_id).obtain("k", build)

    return obtained


def test_built_once_then_found(obtain: Callable[..., CachedBuild], slot: Slot) -> None:
    build = FakeBuild()
    first, second = obtain(build), obtain(build)
    assert (first.is_hit, second.is_hit) == (False, True)
    assert first.directory == second.directory == build.directories[0]
    assert second.facts == {"python": "python", "n": 1}
    assert not slot.status.exists()


def test_a_hit_is_a_use(obtain: Callable[..., CachedBuild], slot: Slot) -> None:
    obtain(FakeBuild())
    os.utime(slot.pointer, (1, 1))
    obtain(FakeBuild())
    assert slot.pointer.stat().st_mtime > 1


@pytest.mark.parametrize("content", ["", '{"schema": 1, "generat', "[]", '{"schema": 0}'])
def test_a_torn_pointer_is_built_anew(obtain: Callable[..., CachedBuild], slot: Slot, content: str) -> None:
    obtain(FakeBuild())
    slot.pointer.write_text(content)
    assert obtain(FakeBuild()).is_hit is False
    assert len(list(slot.generations())) == 1


def test_a_dangling_python_is_built_anew(obtain: Callable[..., CachedBuild], slot: Slot, tmp_path: Path) -> None:
    python = obtain(FakeBuild()).directory / "python"
    python.unlink()
    python.symlink_to(tmp_path / "removed base python")
    assert obtain(FakeBuild()).is_hit is False
    assert len(list(slot.generations())) == 1


def test_what_a_killed_build_left_is_removed(obtain: Callable[..., CachedBuild], slot: Slot) -> None:
    (slot.folder / "g-dead" / "lib").mkdir(parents=True)
    built = obtain(FakeBuild())
    assert list(slot.generations()) == [built.directory]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, InstallFailed])
def test_a_failed_build_leaves_no_directory_and_no_use(
    obtain: Callable[..., CachedBuild], slot: Slot, kind: type[BaseException]
) -> None:
    with pytest.raises(kind):
        obtain(FakeBuild(error=kind("stopped")))
    assert list(slot.generations()) == []
    assert slot.read_pointer() is None
    assert not slot.status.exists()
    assert slot.failure.exists() is (kind is InstallFailed)
    assert obtain(FakeBuild()).is_hit is False


def test_a_failure_is_told_once_a_run(obtain: Callable[..., CachedBuild], slot: Slot) -> None:
    error = RequirementsError("cannot be met", facts={"asked for": "a==1"}, fix="change it")
    failing, working = FakeBuild(error=error), FakeBuild()
    for _ in range(2):
        with pytest.raises(RequirementsError) as caught:
            obtain(failing, run_id="one")
        assert (caught.value.happened, caught.value.facts, caught.value.fix) == (
            "cannot be met",
            {"asked for": "a==1"},
            "change it",
        )
    assert len(failing.directories) == 1
    assert slot.failure_log.read_text() == "said\n"
    assert obtain(working, run_id="two").is_hit is False
    assert not slot.failure.exists()


def test_without_a_run_id_a_failure_is_tried_again(obtain: Callable[..., CachedBuild]) -> None:
    failing = FakeBuild(error=EnvironmentBroken("no"))
    for _ in range(2):
        with pytest.raises(EnvironmentBroken):
            obtain(failing)
    assert len(failing.directories) == 2


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"run_id": "one", "kind": "SystemExit"}', '{"run_id": "one", "kind": "InstallFailed"}']
)
def test_a_torn_failure_is_tried_again(obtain: Callable[..., CachedBuild], slot: Slot, content: str) -> None:
    slot.folder.mkdir(parents=True)
    slot.failure.write_text(content)
    assert obtain(FakeBuild(), run_id="one").is_hit is False


def test_a_build_without_its_python_is_an_error(obtain: Callable[..., CachedBuild]) -> None:
    def build(directory: Path, progress: Progress) -> Mapping[str, object]:
        return {"python": "gone"}

    with pytest.raises(EnvironmentBroken, match="gone as soon as it was built"):
        obtain(build)


def test_one_who_waits_says_for_what(tmp_path: Path) -> None:
    is_building, may_end = threading.Event(), threading.Event()
    steps: list[str] = []

    class Waiting:
        def step(self, text: str) -> None:
            steps.append(text)
            may_end.set()

    def slow(directory: Path, progress: Progress) -> Mapping[str, object]:
        progress.step("unpacking")
        is_building.set()
        assert may_end.wait(30)
        return FakeBuild()(directory, progress)

    builder = threading.Thread(target=EnvironmentCache(tmp_path).obtain, args=("k", slow))
    builder.start()
    assert is_building.wait(30)
    found = EnvironmentCache(tmp_path, progress=Waiting()).obtain("k", FakeBuild())
    builder.join()
    assert found.is_hit is False
    assert found.facts["n"] == 1
    assert steps[0] == f"waiting for process {os.getpid()}: unpacking"


RACE = """
import os, sys
from pathlib import Path
from pytest_modelserve.environment.cache import EnvironmentCache

def build(directory, progress):
    with open(sys.argv[2], "a") as builds:
        builds.write(f"{os.getpid()}\\n")
    for number in range(200):
        (directory / str(number)).touch()
    (directory / "python").touch()
    return {"python": "python"}

children = []
go_read, go_write = os.pipe()
for _ in range(8):
    child = os.fork()
    if child == 0:
        os.close(go_write)
        os.read(go_read, 1)
        built = EnvironmentCache(Path(sys.argv[1])).obtain("k", build)
        assert len(list(built.directory.iterdir())) == 201
        os.write(1, f"{built.directory}\\n".encode())
        os._exit(0)
    children.append(child)
os.close(go_read)
os.close(go_write)
sys.exit(max(os.waitpid(child, 0)[1] for child in children))
"""


def test_eight_processes_build_once(tmp_path: Path, script: Script) -> None:
    racers = script(RACE, tmp_path / "cache", tmp_path / "builds")
    output, errors = racers.communicate(timeout=60)
    assert racers.returncode == 0, errors
    assert len((tmp_path / "builds").read_text().splitlines()) == 1
    assert len(output.splitlines()) == 8
    assert len(set(output.splitlines())) == 1


STUCK = """
import sys, time
from pathlib import Path
from pytest_modelserve.environment.cache import EnvironmentCache

def build(directory, progress):
    (directory / "half").touch()
    print(directory, flush=True)
    sys.stdin.read()
    time.sleep(600)

EnvironmentCache(Path(sys.argv[1])).obtain("k", build)
"""


def test_one_who_waits_takes_over_from_a_killed_builder(
    tmp_path: Path, script: Script, obtain: Callable[..., CachedBuild]
) -> None:
    builder = script(STUCK, tmp_path / "cache")
    assert builder.stdout
    half = Path(builder.stdout.readline().strip())
    assert (half / "half").exists()
    taken: list[CachedBuild] = []
    waiter = threading.Thread(target=lambda: taken.append(obtain(FakeBuild())))
    waiter.start()
    builder.send_signal(signal.SIGKILL)
    builder.communicate(timeout=30)
    waiter.join(30)
    assert taken
    assert taken[0].is_hit is False
    assert not half.exists()


def test_the_pointer_is_complete_json(obtain: Callable[..., CachedBuild], slot: Slot) -> None:
    built = obtain(FakeBuild())
    document = json.loads(slot.pointer.read_text())
    assert document["generation"] == built.directory.name
    assert document["key"] == "k"
    assert sorted(path.name for path in slot.folder.iterdir()) == sorted(["current.json", built.directory.name])
