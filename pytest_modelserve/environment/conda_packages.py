"""The packages that conda's environments are linked from: kept in the cache, as long as an environment has them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..lifeline import is_exclusive
from .cache import LOCK_MODE
from .disk import READ_ONLY, disk_bytes

_FOLDER: Final = "conda"
_LOCK: Final = "use.lock"
_REMOVED: Final = "removed-"
_ENDINGS: Final = (".conda", ".tar.bz2", ".lock", ".partial")  # of what lies beside an unpacked package
_INDEX: Final = ("repodata", "pkgs/cache")  # what py-rattler, and what conda and mamba know of the channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was removed of the packages.

    Attributes:
        n_packages: How many.
        disk_bytes: About what that freed, the index of the channels included.
    """

    n_packages: int = 0
    disk_bytes: int = 0


def packages_folder(root: Path) -> Path:
    """Return where a cache keeps packages of conda, and what it knows of the channels."""
    return root / _FOLDER


@contextlib.contextmanager
def using_packages(folder: Path) -> Iterator[None]:
    """Keep the packages from being removed while an environment is made of them.

    Raises:
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def prune_packages(root: Path, *, with_index: bool) -> Removed:
    """Remove the packages that no environment names or links to; none while conda works, or where they are another's.

    Args:
        root: Of the cache.
        with_index: Whether what is known of the channels goes, too; the next build fetches it.

    Raises:
        OSError: If the disk fails.
    """
    folder = packages_folder(root)
    if not folder.is_dir():
        return Removed()
    try:
        with _alone(folder) as is_free:
            return _prune(root, folder, with_index=with_index) if is_free else Removed()
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        return Removed()


def _prune(root: Path, folder: Path, *, with_index: bool) -> Removed:
    for left in folder.glob(f"{_REMOVED}*"):  # by one who was killed meanwhile
        shutil.rmtree(left, ignore_errors=True)
    named = {path.stem for path in root.glob("envs/*/g-*/env/conda-meta/*.json")}
    unused = [path for path in sorted((folder / "pkgs").glob("*")) if _is_package(path) and path.name not in named]
    unused = [path for path in unused if not _is_linked(path)]
    beside = [path.with_name(f"{path.name}{ending}") for path in unused for ending in _ENDINGS]
    index = [folder / name for name in _INDEX] if with_index else []
    going = [path for path in (*unused, *beside, *index) if path.exists()]
    freed = 0
    aside = folder / f"{_REMOVED}{secrets.token_hex(4)}"
    for at, path in enumerate(going):
        aside.mkdir(exist_ok=True)
        freed += disk_bytes(path) if path.is_dir() else path.stat().st_size
        path.rename(aside / str(at))  # whole or not at all: conda would take half a package for one
    shutil.rmtree(aside, ignore_errors=True)  # what stays is removed the next time
    return Removed(n_packages=len(unused), disk_bytes=freed)


def _is_package(path: Path) -> bool:
    return (path / "info" / "index.json").is_file()


def _is_linked(package: Path) -> bool:
    """Tell whether a file of it stands elsewhere, too: in an environment, perhaps of another cache."""
    for folder, _, names in os.walk(package):
        for name in names:
            status = Path(folder, name).lstat()
            if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                return True
    return False


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_MODE)
    try:
        yield is_exclusive(descriptor)
    finally:
        os.close(descriptor)
