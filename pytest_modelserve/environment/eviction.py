"""What the cache holds, and the removal of what nobody used for longest."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import Timeout

from ..lifeline import is_exclusive
from .cache import LOCK_MODE, Slot, discard, read_pointer
from .disk import READ_ONLY, disk_bytes, left_as_it_is
from .usage import Use, read_uses

DEFAULT_MAX_BYTES: Final = 10 * 1024**3  # about fifteen environments with scikit-learn and mlflow
_DAY_S: Final = 24 * 3600.0
DEFAULT_MAX_AGE_S: Final = 30 * _DAY_S


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
        is_in_use: Whether a process holds it now, as far as that can be seen in a cache that is read-only.
        uses: Which models used it, the latest first.
    """

    key: str
    directory: Path
    manager: str
    python_version: str
    disk_bytes: int
    last_used: float
    is_in_use: bool
    uses: tuple[Use, ...] = ()


def list_cached(root: Path, *, is_measured: bool = True) -> tuple[CachedEnvironment, ...]:
    """List what the cache holds, the latest used first.

    Args:
        root: Of the cache.
        is_measured: Whether sizes are of now, which takes a look at every file; else they are those after the build.

    Raises:
        OSError: If the cache cannot be read.
    """
    folders = [folder for folder in (root / "envs").glob("*") if folder.is_dir()]
    found = [_described(Slot(root=root, key=folder.name), is_measured=is_measured) for folder in folders]
    return tuple(sorted(found, key=lambda each: each.last_used, reverse=True))


def prune(
    root: Path,
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_age_s: float = DEFAULT_MAX_AGE_S,
    used_before: float = float("inf"),
    is_measured: bool = True,
) -> tuple[CachedEnvironment, ...]:
    """Remove environments not used for `max_age_s`, then the longest unused until `max_bytes` hold; tell which.

    What is in use, or being built, or another user's, or read-only, stays and counts.

    Args:
        root: Of the cache.
        max_bytes: How much may stay.
        max_age_s: How long something may stay unused.
        used_before: What was used since that second stays, too.
        is_measured: As of `list_cached`.

    Raises:
        OSError: If the cache cannot be read, or a pointer not be removed.
    """
    cached = list_cached(root, is_measured=is_measured)
    total = sum(each.disk_bytes for each in cached)
    removed = []
    for each in sorted(cached, key=lambda each: each.last_used):
        is_old = time.time() - each.last_used > max_age_s
        if each.last_used < used_before and (is_old or total > max_bytes) and remove(root, each):
            total -= each.disk_bytes
            removed.append(each)
    _remove_old_inputs(root / "smoke")
    return tuple(removed)


def remove(root: Path, cached: CachedEnvironment) -> bool:
    """Remove one environment; return False where it is in use, being built, another user's or read-only, and stays.

    Raises:
        OSError: If its pointer cannot be removed for another reason.
    """
    slot = Slot(root=root, key=cached.key)
    try:
        with _sole_use(slot) as is_free:
            if not is_free:
                return False
            with slot.build_lock().acquire(timeout=0):
                discard(slot)
                shutil.rmtree(slot.folder, ignore_errors=True)  # what stays is seen and removed the next time
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        return False
    return True


def _described(slot: Slot, *, is_measured: bool) -> CachedEnvironment:
    pointer = _shown(slot) or {}
    facts = pointer.get("facts", {})
    size = None if is_measured else _bytes_as_built(slot)
    return CachedEnvironment(
        key=slot.key,
        directory=slot.folder / pointer.get("generation", ""),
        manager=str(facts.get("manager", "")),
        python_version=str(facts.get("python_version", "")),
        disk_bytes=disk_bytes(slot.folder) if size is None else size,
        last_used=_last_used(slot),
        is_in_use=_is_in_use(slot),
        uses=read_uses(slot.folder),
    )


def _shown(slot: Slot) -> dict[str, Any] | None:
    """Read the pointer, None also where it is another user's who shows it to nobody."""
    try:
        return slot.read_pointer()
    except PermissionError:
        return None


def _bytes_as_built(slot: Slot) -> int | None:
    try:
        sizes = [(read_pointer(path) or {}).get("disk_bytes") for path in slot.pointers()]
    except PermissionError:
        return None
    known = [size for size in sizes if isinstance(size, int)]
    return sum(known) if known and len(known) == len(sizes) else None


def _last_used(slot: Slot) -> float:
    times = []
    for path in slot.pointers() or (slot.folder,):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            times.append(path.stat().st_mtime)
    return max(times, default=0.0)


def _remove_old_inputs(folder: Path) -> None:
    """Remove what earlier versions wrote for each model that was loaded at the end of a build, and then forgot."""
    for path in folder.glob("*.json*"):
        with contextlib.suppress(FileNotFoundError), left_as_it_is():  # removed by another
            if time.time() - path.stat().st_mtime > _DAY_S:
                path.unlink()


def _is_in_use(slot: Slot) -> bool:
    try:
        descriptor = os.open(slot.use, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):  # nobody holds a file that is not there, or is not shown to us
        return False
    try:
        return not is_exclusive(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _sole_use(slot: Slot) -> Iterator[bool]:
    """Hold the environment alone, if nobody uses it; say whether."""
    slot.use.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(slot.use, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCK_MODE)
    try:
        yield is_exclusive(descriptor)
    finally:
        os.close(descriptor)
