"""Removal of what servers left on the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_modelserve.lifeline import Lease
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.leftovers import prune_homes
from pytest_modelserve.server.sharing import ServerPool

DAY_S = 86_400.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory of a server that nobody used for ten days."""
    home = tmp_path / "servers" / "builtin-1"
    (home / "run-1" / "tmp").mkdir(parents=True)
    for name in ("server.log", "server.json", "lease", "start.lock", "run-1/lifeline.status"):
        (home / name).touch()
    used = time.time() - 10 * DAY_S
    for path in home.iterdir():
        os.utime(path, (used, used))
    return home


def names(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


def test_an_old_one_is_emptied_but_for_its_gate(home: Path) -> None:
    (home / "link").symlink_to(home.parent)
    assert prune_homes(home.parent, max_age_s=0) == 1
    assert names(home) == ["start.lock"]
    assert prune_homes(home.parent, max_age_s=0) == 0


@pytest.mark.parametrize(("days", "is_left"), [(1, False), (9, False), (11, True)])
def test_a_young_one_stays(home: Path, days: float, is_left: bool) -> None:
    assert prune_homes(home.parent, max_age_s=days * DAY_S) == (0 if is_left else 1)
    assert ("server.log" in names(home)) is is_left


def test_one_that_somebody_holds_stays(home: Path) -> None:
    with Lease(home / "lease"):
        assert prune_homes(home.parent, max_age_s=0) == 0
    assert prune_homes(home.parent, max_age_s=0) == 1


def test_one_that_somebody_starts_or_stops_stays(home: Path) -> None:
    with FileLock(home / "start.lock"):
        assert prune_homes(home.parent, max_age_s=0) == 0
    assert "server.log" in names(home)


def test_a_running_server_stays_and_can_be_joined(tmp_path: Path, fake: Callable[..., LaunchSpec]) -> None:
    with ServerPool(tmp_path) as pool:
        server = pool.obtain(fake())
        assert prune_homes(tmp_path, max_age_s=0) == 0
        assert server.is_alive()
        assert pool.obtain(fake()) == server
    assert prune_homes(tmp_path, max_age_s=0) == 1
    with ServerPool(tmp_path) as pool:
        assert pool.obtain(fake()).is_alive()


def test_no_servers_no_folders(tmp_path: Path) -> None:
    assert prune_homes(tmp_path / "gone", max_age_s=0) == 0
