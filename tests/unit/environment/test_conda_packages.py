"""The packages from which conda's environments are linked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.conda_packages import Removed, packages_folder, prune_packages, using_packages

Package = Callable[..., Path]
SIZE = 64 * 1024


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """Unpack a package beside its archive, as conda does."""

    def made(name: str) -> Path:
        folder = packages_folder(tmp_path) / "pkgs" / name
        (folder / "info").mkdir(parents=True)
        (folder / "info" / "index.json").write_text("{}")
        (folder / "lib").mkdir()
        (folder / "lib" / "file").write_bytes(os.urandom(SIZE))
        (folder / "lib" / "link").symlink_to("file")
        folder.with_name(f"{name}.conda").write_bytes(os.urandom(SIZE))
        return folder

    return made


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    prefix = tmp_path / "envs" / "key" / "g-1" / "env"
    (prefix / "conda-meta").mkdir(parents=True)
    return prefix


def left(root: Path) -> list[str]:
    return sorted(path.name for path in (packages_folder(root) / "pkgs").iterdir())


def test_what_no_environment_has_goes_with_its_archive(tmp_path: Path, package: Package, environment: Path) -> None:
    linked, _, _ = package("linked-1-0"), package("named-1-0"), package("unused-1-0")
    os.link(linked / "lib" / "file", environment / "file")
    (environment / "conda-meta" / "named-1-0.json").touch()  # its files are copies, or links to the package
    (packages_folder(tmp_path) / "pkgs" / "urls.txt").touch()
    removed = prune_packages(tmp_path, with_index=False)
    assert left(tmp_path) == ["linked-1-0", "linked-1-0.conda", "named-1-0", "named-1-0.conda", "urls.txt"]
    assert removed.n_packages == 1
    assert 2 * SIZE <= removed.disk_bytes < 3 * SIZE
    assert sorted(path.name for path in packages_folder(tmp_path).iterdir()) == ["pkgs", "use.lock"]


@pytest.mark.parametrize("with_index", [False, True])
def test_what_is_known_of_the_channels_goes_where_that_is_asked_for(tmp_path: Path, with_index: bool) -> None:
    for name in ("repodata", "pkgs/cache"):
        (packages_folder(tmp_path) / name).mkdir(parents=True)
        (packages_folder(tmp_path) / name / "1.json").write_bytes(os.urandom(SIZE))
    removed = prune_packages(tmp_path, with_index=with_index)
    assert (removed.n_packages, removed.disk_bytes >= 2 * SIZE) == (0, with_index)
    assert (packages_folder(tmp_path) / "repodata").exists() is not with_index
    assert (packages_folder(tmp_path) / "pkgs" / "cache").exists() is not with_index


def test_nothing_goes_while_an_environment_is_made(tmp_path: Path, package: Package) -> None:
    folder = package("zlib-1-0")
    with using_packages(packages_folder(tmp_path)), using_packages(packages_folder(tmp_path)):
        assert prune_packages(tmp_path, with_index=True) == Removed()
        assert folder.exists()
    assert prune_packages(tmp_path, with_index=True).n_packages == 1
    assert not folder.exists()


def test_what_one_who_was_killed_left_goes(tmp_path: Path) -> None:
    (packages_folder(tmp_path) / "removed-1" / "0" / "lib").mkdir(parents=True)
    assert prune_packages(tmp_path, with_index=False) == Removed()
    assert [path.name for path in packages_folder(tmp_path).iterdir()] == ["use.lock"]


def test_a_cache_without_conda_is_left_alone(tmp_path: Path) -> None:
    assert prune_packages(tmp_path, with_index=True) == Removed()
    assert list(tmp_path.iterdir()) == []
