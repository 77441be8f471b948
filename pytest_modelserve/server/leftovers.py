"""Removal of what servers that do not run any more left on the disk: logs, copies of models, temporary files."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ..lifeline import is_exclusive
from .process import lease_path
from .sharing import GATE
from .state import read_server

_NOT_OURS: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})  # another user's, or on a disk for reading only


def prune_homes(root: Path, *, max_age_s: float) -> int:
    """Empty the directories of servers that nobody used for so long, and return how many there were.

    The directory of a server that runs, starts or stops stays as it is, and so does what is another user's or
    read-only. Of the others the gate stays, an empty file: to remove a lock for which somebody may wait would let two
    in.

    Raises:
        OSError: If a directory cannot be read.
    """
    return sum(_is_emptied(home, max_age_s) for home in sorted(root.glob("*")) if home.is_dir())


def _is_emptied(home: Path, max_age_s: float) -> bool:
    try:
        with FileLock(home / GATE, timeout=0), _held_alone(lease_path(home)) as is_idle:
            left = [path for path in home.iterdir() if path.name != GATE]
            if (
                not is_idle
                or _is_running(home)
                or not left
                or time.time() - max(path.lstat().st_mtime for path in left) < max_age_s
            ):
                return False
            for path in left:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)  # what a model made unreadable stays
                else:
                    path.unlink(missing_ok=True)
            return True
    except Timeout:  # at work
        return False
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        return False


def _is_running(home: Path) -> bool:
    """Tell whether there is a server that lives without anybody who has a share in it."""
    server = read_server(home)
    return server is not None and server.is_alive()


@contextlib.contextmanager
def _held_alone(lease: Path) -> Iterator[bool]:
    """Hold a server's lease, which its users and its supervisor's end wait for, if nobody has a share."""
    try:
        descriptor = os.open(lease, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        yield is_exclusive(descriptor)
    finally:
        os.close(descriptor)
