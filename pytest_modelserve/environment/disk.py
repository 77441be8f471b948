"""The disk that the cache stands on: what a folder takes of it, and what its refusals mean."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ..errors import InstallFailed

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
READ_ONLY: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_BLOCK_BYTES: Final = 512  # what POSIX counts `st_blocks` in
_CHOOSE: Final = "--model-cache-dir (PYTEST_MODEL_CACHE_DIR, or model_cache_dir in the ini file)"


def disk_bytes(folder: Path) -> int:
    """Return about what removing a folder would free: a file that others link to counts in part."""
    return sum(_share(entry) for path, _, names in os.walk(folder) for entry in _statuses(Path(path), names))


def as_error(error: OSError, root: Path) -> InstallFailed:
    """Return the error to raise where an environment could not be built because the disk refused."""
    facts: dict[str, object] = {"cache": root, "reason": error}
    if error.errno in FULL:
        return InstallFailed(
            "the environment could not be made: the disk is full",
            facts=facts,
            fix=f"Free space (`modelserve envs prune` removes unused environments), or choose another cache by "
            f"{_CHOOSE}.",
        )
    if error.errno in READ_ONLY:
        return InstallFailed(
            "the environment is not in the cache yet, and the cache cannot be written",
            facts=facts,
            fix=f"Choose a cache directory that you may write by {_CHOOSE}, or build the environment there first.",
        )
    return InstallFailed(
        f"the environment could not be made: {error}",
        facts=facts,
        fix=f"See that the cache directory is a directory on a disk that works, or choose another by {_CHOOSE}.",
    )


@contextlib.contextmanager
def left_as_it_is() -> Iterator[None]:
    """End the block, and go on after it, where the disk does not let this user write."""
    try:
        yield
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise


def _statuses(folder: Path, names: Sequence[str]) -> Iterator[os.stat_result]:
    for name in names:
        with contextlib.suppress(FileNotFoundError, PermissionError):  # removed meanwhile, or another user's
            yield (folder / name).lstat()


def _share(status: os.stat_result) -> int:
    return status.st_blocks * _BLOCK_BYTES // max(status.st_nlink, 1)
