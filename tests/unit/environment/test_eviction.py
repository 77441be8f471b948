"""Listing the cache, and removing what nobody used for longest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_modelserve.environment.cache import CachedBuild, EnvironmentCache, Slot
from pytest_modelserve.environment.eviction import list_cached, prune
from pytest_modelserve.environment.progress import Progress

SIZE = 64 * 1024


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., CachedBuild]:
    """Build an environment of some 64 KiB, used last at a second since the epoch."""

    def done(key: str, used: float, root: Path = tmp_path) -> CachedBuild:
        def build(directory: Path, progress: Progress) -> Mapping[str, object]:
            (directory / "python").write_bytes(os.urandom(SIZE))
            return {"python": "python", "manager": "uv", "python_version": "3.11.7"}

        found = EnvironmentCache(root).obtain(key, build)
        os.utime(Slot(root=root, key=key).pointer, (used, used))
        return found

    return done


def test_list_tells_what_is_there(tmp_path: Path, built: Callable[..., CachedBuild]) -> None:
    built("old", 100).lease.close()
    new = built("new", 200)
    first, second = list_cached(tmp_path)
    assert (first.key, first.is_in_use, first.last_used) == ("new", True, 200)
    assert (second.key, second.is_in_use, second.last_used) == ("old", False, 100)
    assert (first.manager, first.python_version, first.directory) == ("uv", "3.11.7", new.directory)
    assert SIZE <= first.disk_bytes < 2 * SIZE
    new.lease.close()


def test_an_empty_cache_lists_nothing(tmp_path: Path) -> None:
    assert list_cached(tmp_path / "nowhere") == ()
    assert prune(tmp_path / "nowhere") == ()


def test_the_longest_unused_go_first(tmp_path: Path, built: Callable[..., CachedBuild]) -> None:
    for key, used in (("b", 200), ("a", 100), ("c", 300)):
        built(key, used).lease.close()
    removed = prune(tmp_path, max_bytes=2 * SIZE - 1, max_age_s=float("inf"))
    assert [each.key for each in removed] == ["a", "b"]
    assert [each.key for each in list_cached(tmp_path)] == ["c"]
    assert not Slot(root=tmp_path, key="a").folder.exists()


def test_old_ones_go_whatever_the_size(tmp_path: Path, built: Callable[..., CachedBuild]) -> None:
    built("a", 100).lease.close()
    built("b", 4e9).lease.close()
    assert [each.key for each in prune(tmp_path)] == ["a"]


def test_what_is_in_use_stays_until_it_is_not(tmp_path: Path, built: Callable[..., CachedBuild]) -> None:
    used = built("a", 100)
    built("b", 200).lease.close()
    assert [each.key for each in prune(tmp_path, max_bytes=0)] == ["b"]
    used.lease.close()
    assert [each.key for each in prune(tmp_path, max_bytes=0)] == ["a"]


def test_what_is_being_built_stays(tmp_path: Path, built: Callable[..., CachedBuild]) -> None:
    built("a", 100).lease.close()
    with Slot(root=tmp_path, key="a").build_lock():
        assert prune(tmp_path, max_bytes=0) == ()
    assert len(prune(tmp_path, max_bytes=0)) == 1


def test_remains_of_a_killed_build_are_listed_and_removed(tmp_path: Path) -> None:
    slot = Slot(root=tmp_path, key="dead")
    (slot.folder / "g-1").mkdir(parents=True)
    (slot.folder / "g-1" / "half").write_bytes(os.urandom(SIZE))
    (found,) = list_cached(tmp_path)
    assert (found.manager, found.directory) == ("", slot.folder)
    assert len(prune(tmp_path, max_bytes=0)) == 1
    assert list_cached(tmp_path) == ()


def test_a_hard_link_counts_in_part(tmp_path: Path, built: Callable[..., CachedBuild]) -> None:
    environment = built("a", 100)
    (alone,) = list_cached(tmp_path)
    os.link(environment.directory / "python", tmp_path / "elsewhere")
    (shared,) = list_cached(tmp_path)
    assert shared.disk_bytes <= alone.disk_bytes - SIZE // 2
    environment.lease.close()


def test_a_server_that_outlives_its_starter_keeps_the_environment(
    tmp_path: Path, built: Callable[..., CachedBuild], script: Callable[..., subprocess.Popen[str]]
) -> None:
    environment = built("a", 100)
    code = """
import sys
from pathlib import Path
from pytest_modelserve.lifeline import Lease
lease = Lease(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
    server = script(code, environment.lease.path)
    assert server.stdout
    assert server.stdout.readline() == "held\n"
    environment.lease.close()
    assert prune(tmp_path, max_bytes=0) == ()
    server.kill()
    server.communicate()
    assert len(prune(tmp_path, max_bytes=0)) == 1


READ_ONLY = """
import sys
from pathlib import Path
from pytest_modelserve.environment.eviction import list_cached, prune
from pytest_modelserve.server.leftovers import prune_homes
root = Path(sys.argv[1])
print(len(list_cached(root)), len(prune(root, max_bytes=0)), prune_homes(root / "servers", max_age_s=0))
"""


@pytest.mark.parametrize("has_locks", [True, False])
def test_a_cache_on_a_disk_for_reading_only_is_listed_and_left(
    tmp_path: Path, built: Callable[..., CachedBuild], has_locks: bool
) -> None:
    built("a", 100).lease.close()
    for left in (tmp_path / "servers" / "s" / "server.log", tmp_path / "smoke" / "old.json"):
        left.parent.mkdir(parents=True)
        left.touch()
        os.utime(left, (1, 1))
    if not has_locks:
        shutil.rmtree(tmp_path / "locks")
    mounted = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; shift; exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", mounted, "sh", str(tmp_path), sys.executable, "-c", READ_ONLY]
    if shutil.which("unshare") is None:
        pytest.skip("this system has no mounts of a process's own")
    done = subprocess.run([*words, str(tmp_path)], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or done.returncode == 77:
        pytest.skip(f"mounts are not ours to make: {done.stderr}")
    assert (done.returncode, done.stdout) == (0, "1 0 0\n"), done.stderr


AS_NOBODY = """
import os, sys
from pathlib import Path
from pytest_modelserve.environment.eviction import list_cached, prune
os.setegid(61234)
os.seteuid(61234)
root = Path(sys.argv[1])
for is_measured in (True, False):
    for each in list_cached(root, is_measured=is_measured):
        print(each.key, each.manager or "unknown", each.last_used > 0)
print([each.key for each in prune(root, max_bytes=0)])
"""


@pytest.mark.parametrize("is_pointer", [True, False])
def test_what_another_user_shows_to_nobody_is_listed_and_left(
    public: Path, built: Callable[..., CachedBuild], is_pointer: bool
) -> None:
    built("theirs", 100, public).lease.close()
    slot = Slot(root=public, key="theirs")
    (slot.pointer if is_pointer else slot.folder).chmod(0o700 - is_pointer * 0o100)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(public)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["theirs unknown True"] * 2 + ["[]"]
    assert [each.manager for each in list_cached(public)] == ["uv"]
