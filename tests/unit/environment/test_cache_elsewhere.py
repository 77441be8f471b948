"""Caches that were moved, are read-only, full, or belong to somebody else: what is finished is used or refused."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.environment.cache import CachedBuild, EnvironmentCache, Slot
from pytest_modelserve.environment.eviction import list_cached, prune
from pytest_modelserve.environment.progress import Progress
from pytest_modelserve.errors import EnvironmentBroken

Script = Callable[..., subprocess.Popen[str]]
NOBODY = 61234  # no user of this machine


def build(directory: Path, progress: Progress) -> Mapping[str, object]:
    progress.step("building")
    (directory / "python").touch()
    return {"python": "python", "manager": "uv", "python_version": "3.11.7"}


def obtain(root: Path) -> CachedBuild:
    return EnvironmentCache(root).obtain("k", build)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache with one finished environment, which nobody uses."""
    root = tmp_path / "cache"
    obtain(root).lease.close()
    return root


def test_a_renamed_cache_is_built_anew(root: Path) -> None:
    moved = root.rename(root.with_name("moved"))
    found = obtain(moved)
    assert not found.is_hit
    assert [path.name for path in Slot(root=moved, key="k").generations()] == [found.directory.name]
    assert obtain(moved).is_hit


def test_a_copied_cache_is_built_anew_though_the_first_is_still_there(root: Path) -> None:
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    assert not obtain(copy).is_hit
    assert obtain(root).is_hit


def test_one_cache_at_two_paths_has_a_build_for_each_while_both_are_used(root: Path) -> None:
    first = obtain(root)
    moved = root.rename(root.with_name("moved"))  # as another container sees it
    second = obtain(moved)
    slot = Slot(root=moved, key="k")
    assert not second.is_hit
    assert {path.name for path in slot.generations()} == {first.directory.name, second.directory.name}
    (listed,) = list_cached(moved)
    assert listed.directory == second.directory
    assert prune(moved, max_bytes=0) == ()
    moved.rename(root)
    again = obtain(root)
    assert (again.is_hit, again.directory) == (True, first.directory)
    again.lease.close()
    second.lease.close()
    root.rename(moved)
    found = obtain(moved)
    assert (found.is_hit, found.directory) == (True, second.directory)
    for lease in (first.lease, found.lease):
        lease.close()
    assert len(prune(moved, max_bytes=0)) == 1
    assert list(moved.glob("envs/*")) == []


def test_the_next_who_is_alone_removes_what_others_have_used(root: Path) -> None:
    first = obtain(root)
    second = obtain(root := root.rename(root.with_name("moved")))
    for lease in (first.lease, second.lease):
        lease.close()
    third = obtain(root.rename(root.with_name("moved again")))
    assert not third.is_hit
    assert sorted(path.name for path in third.directory.parent.iterdir()) == sorted(
        ["current.json", third.directory.name]
    )


@pytest.mark.parametrize("is_torn", [True, False])
def test_what_is_in_use_stays_though_its_python_or_pointer_is_gone(root: Path, is_torn: bool) -> None:
    first = obtain(root)
    (first.directory / "lib").touch()
    slot = Slot(root=root, key="k")
    (slot.folder / "g-dead").mkdir()  # of a build that was killed: nobody can have found it
    if is_torn:
        slot.pointer.write_text("{")
    else:
        (first.directory / "python").unlink()
    second = obtain(root)
    assert not second.is_hit
    assert (first.directory / "lib").exists()
    assert (slot.folder / "g-dead").exists() is is_torn
    assert obtain(root).directory == second.directory
    first.lease.close()


def test_the_use_and_size_of_an_environment_are_those_of_all_its_builds(root: Path) -> None:
    first = obtain(root)
    (alone,) = list_cached(root, is_measured=False)
    root = root.rename(root.with_name("moved"))
    second = obtain(root)
    pointers = Slot(root=root, key="k").pointers()
    sizes = [json.loads(path.read_text())["disk_bytes"] for path in pointers]
    assert len(pointers) == 2
    for path, used in zip(pointers, (200, 100), strict=True):
        os.utime(path, (used, used))
    (both,) = list_cached(root, is_measured=False)
    assert (both.last_used, both.disk_bytes) == (200, sum(sizes))
    assert alone.disk_bytes == sizes[0]
    for lease in (first.lease, second.lease):
        lease.close()


def test_another_name_of_the_same_cache_is_no_move(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    assert obtain(root.parent / "alias").is_hit


def test_a_pointer_that_does_not_say_where_it_was_written_is_believed(root: Path) -> None:
    pointer = Slot(root=root, key="k").pointer
    document = json.loads(pointer.read_text())
    del document["directory"]
    pointer.write_text(json.dumps(document))
    assert obtain(root).is_hit


@pytest.mark.parametrize(
    "change",
    [
        {"generation": None},
        {"generation": 1},
        {"generation": "../k/g-1"},
        {"generation": "other"},
        {"facts": None},
        {"facts": {}},
        {"facts": {"python": 3}},
        {"directory": "/nowhere"},
    ],
    ids=str,
)
def test_a_pointer_of_another_shape_is_built_anew(root: Path, change: dict[str, Any]) -> None:
    pointer = Slot(root=root, key="k").pointer
    pointer.write_text(json.dumps({**json.loads(pointer.read_text()), **change}))
    assert not obtain(root).is_hit
    assert obtain(root).is_hit


@pytest.mark.parametrize("other", ["k", "another"])
def test_who_finds_it_finished_waits_for_no_builder(root: Path, other: str) -> None:
    found: list[CachedBuild] = []
    with Slot(root=root, key=other).build_lock():
        reader = threading.Thread(target=lambda: found.append(obtain(root)), daemon=True)
        reader.start()
        reader.join(20)
    assert [each.is_hit for each in found] == [True]


def test_drafts_of_killed_writers_are_removed(root: Path) -> None:
    slot = Slot(root=root, key="k")
    drafts = [slot.folder / "current.json.0a", slot.folder / "failure.json.0b", slot.status.with_name("k.status.0c")]
    for draft in drafts:
        draft.touch()
    slot.pointer.unlink()
    obtain(root)
    assert [draft for draft in drafts if draft.exists()] == []


AS_NOBODY = """
import encodings.ascii, os, sys
from pathlib import Path
from pytest_modelserve.environment.cache import EnvironmentCache
from pytest_modelserve.environment.disk import as_error
from pytest_modelserve.environment.eviction import list_cached, prune
from pytest_modelserve.errors import EnvironmentBroken

def build(directory, progress):
    progress.step("building")
    (directory / "python").touch()
    return {"python": "python"}

root, user, key = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.umask(int(sys.argv[4], 8))
os.setgroups([])
os.setegid(user)
os.seteuid(user)
try:
    found = EnvironmentCache(root).obtain(key, build)
except OSError as error:
    print("refused by the disk:", as_error(error, root).happened)
    raise SystemExit
except EnvironmentBroken as error:
    print("refused:", error.happened)
    raise SystemExit
print("found" if found.is_hit else "built", "held" if found.lease.is_held else "not held", flush=True)
(listed,) = [each for each in list_cached(root) if each.key == key]
print("in use" if listed.is_in_use else "free", "pruned", len(prune(root, max_bytes=0)), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def asks(script: Script) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Ask for an environment as another user; the process holds it until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def ask(root: Path, user: int, key: str = "k", umask: int = 0o022) -> subprocess.Popen[str]:
        started.append(script(AS_NOBODY, root, user, key, f"{umask:o}"))
        return started[-1]

    yield ask
    for process in started:
        process.communicate(timeout=30)


def lines(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    return output.splitlines()


def test_another_user_uses_what_is_finished_and_is_seen_to(
    public: Path, asks: Callable[..., subprocess.Popen[str]]
) -> None:
    root = public / "cache"
    obtain(root).lease.close()
    before = Slot(root=root, key="k").pointer.stat().st_mtime
    other = asks(root, NOBODY)
    assert other.stdout
    assert other.stdout.readline() == "found held\n"
    assert other.stdout.readline() == "in use pruned 0\n"
    (listed,) = list_cached(root)
    assert listed.is_in_use
    assert prune(root, max_bytes=0) == ()
    other.communicate(timeout=30)
    assert Slot(root=root, key="k").pointer.stat().st_mtime == before
    assert len(prune(root, max_bytes=0)) == 1


def test_another_user_is_told_that_what_is_not_there_cannot_be_built(
    public: Path, asks: Callable[..., subprocess.Popen[str]]
) -> None:
    obtain(public / "cache").lease.close()
    told = "refused by the disk: the environment is not in the cache yet, and the cache cannot be written"
    assert lines(asks(public / "cache", NOBODY, "other")) == [told]
    assert lines(asks(public / "cache" / "below", NOBODY)) == [told]


def test_an_image_without_lock_files_is_used(public: Path, asks: Callable[..., subprocess.Popen[str]]) -> None:
    root = public / "cache"
    obtain(root).lease.close()
    shutil.rmtree(root / "locks")
    assert lines(asks(root, NOBODY)) == ["found not held", "free pruned 0"]
    assert not (root / "locks").exists()


def test_what_may_not_be_read_is_told(public: Path, asks: Callable[..., subprocess.Popen[str]]) -> None:
    root = public / "cache"
    obtain(root).lease.close()
    root.chmod(0o700)
    (told,) = lines(asks(root, NOBODY))
    assert told.startswith("refused by the disk")


def test_two_users_build_into_one_cache_that_both_may_write(
    public: Path, asks: Callable[..., subprocess.Popen[str]]
) -> None:
    root = public / "cache"
    for folder in (root, root / "envs", root / "locks"):
        folder.mkdir()
        folder.chmod(0o777 | stat.S_ISVTX)
    assert lines(asks(root, NOBODY))[0] == "built held"
    (root / "envs" / "mine").mkdir()
    with pytest.raises(EnvironmentBroken) as caught:
        obtain(root)
    assert caught.value.facts["file"] == root / "envs" / "k"
    assert caught.value.facts["owner"] == f"uid {NOBODY}"
    assert lines(asks(root, NOBODY - 1))[0].startswith("refused: the cache of environments has files of another user")
    assert lines(asks(root, NOBODY))[0] == "found held"


def test_locks_of_another_user_are_refused(public: Path) -> None:
    root = public / "cache"
    obtain(root).lease.close()
    os.chown(root / "locks", NOBODY, NOBODY)
    with pytest.raises(EnvironmentBroken) as caught:
        obtain(root)
    assert caught.value.facts["file"] == root / "locks"


def test_who_names_a_closed_cache_trusts_its_owner(public: Path, asks: Callable[..., subprocess.Popen[str]]) -> None:
    root = public / "cache"
    root.mkdir()
    os.chown(root, NOBODY, NOBODY)
    assert lines(asks(root, NOBODY))[0] == "built held"
    assert obtain(root).is_hit
    assert lines(asks(root, NOBODY - 1))[0] == "found held"
