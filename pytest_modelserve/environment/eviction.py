"""What the cache holds, and the removal of what nobody used for longest."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import Timeout

from .cache import Slot, discard

DEFAULT_MAX_BYTES: Final = 10 * 1024**3  # about fifteen environments with scikit-learn and mlflow
DEFAULT_MAX_AGE_S: Final = 30 * 24 * 3600.0
_BLOCK_BYTES: Final = 512  # what POSIX counts `st_blocks` in


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedEnvironment:
    """One environment on disk.

    Attributes:
        key: Its name in the cache.
        directory: The finished build; the whole folder where there is none.
        manager: Who built it, empty for a build that never finished.
        python_version: Of its interpreter, empty likewise.
        disk_bytes: What removing it would free, about: a file that others link to counts in part.
        last_used: Seconds since the epoch.
        is_in_use: Whether a process holds it now.
    """

    key: str
    directory: Path
    manager: str
    python_version: str
    disk_bytes: int
    last_used: float
    is_in_use: bool


def list_cached(root: Path) -> tuple[CachedEnvironment, ...]:
    """List what the cache holds, the latest used first.

    Raises:
        OSError: If the cache cannot be read.
    """
    folders = [folder for folder in (root / "envs").glob("*") if folder.is_dir()]
    found = [_described(Slot(root=root, key=folder.name)) for folder in folders]
    return tuple(sorted(found, key=lambda each: each.last_used, reverse=True))


def prune(
    root: Path, *, max_bytes: int = DEFAULT_MAX_BYTES, max_age_s: float = DEFAULT_MAX_AGE_S
) -> tuple[CachedEnvironment, ...]:
    """Remove environments not used for `max_age_s`, then the longest unused until `max_bytes` hold; tell which.

    What is in use, or being built, stays and counts.

    Raises:
        OSError: If the cache cannot be read, or a pointer not be removed.
    """
    cached = list_cached(root)
    total = sum(each.disk_bytes for each in cached)
    removed = []
    for each in sorted(cached, key=lambda each: each.last_used):
        is_old = time.time() - each.last_used > max_age_s
        if (is_old or total > max_bytes) and _remove(Slot(root=root, key=each.key)):
            total -= each.disk_bytes
            removed.append(each)
    return tuple(removed)


def _described(slot: Slot) -> CachedEnvironment:
    pointer = slot.read_pointer()
    facts = pointer["facts"] if pointer else {}
    with _sole_use(slot) as is_free:
        is_in_use = not is_free
    return CachedEnvironment(
        key=slot.key,
        directory=slot.folder / pointer["generation"] if pointer else slot.folder,
        manager=str(facts.get("manager", "")),
        python_version=str(facts.get("python_version", "")),
        disk_bytes=_disk_bytes(slot.folder),
        last_used=_last_used(slot),
        is_in_use=is_in_use,
    )


def _last_used(slot: Slot) -> float:
    for path in (slot.pointer, slot.folder):
        with contextlib.suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0.0


def _remove(slot: Slot) -> bool:
    with _sole_use(slot) as is_free:
        if not is_free:
            return False
        try:
            with slot.build_lock().acquire(timeout=0):
                discard(slot)
                shutil.rmtree(slot.folder, ignore_errors=True)  # what stays is seen and removed the next time
        except Timeout:
            return False
    return True


@contextlib.contextmanager
def _sole_use(slot: Slot) -> Iterator[bool]:
    """Hold the environment alone, if nobody uses it; say whether."""
    slot.use.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(slot.use, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _disk_bytes(folder: Path) -> int:
    return sum(_share(entry) for path, _, names in os.walk(folder) for entry in _statuses(Path(path), names))


def _statuses(folder: Path, names: Sequence[str]) -> Iterator[os.stat_result]:
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            yield (folder / name).lstat()


def _share(status: os.stat_result) -> int:
    return status.st_blocks * _BLOCK_BYTES // max(status.st_nlink, 1)
