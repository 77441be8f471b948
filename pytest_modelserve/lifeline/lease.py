"""One holder's share in a supervised process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import final


@final
class Lease:
    """Hold one share in a supervised process for as long as this object, or this process, lives.

    Taking it waits while a supervisor is ending its group, a few seconds at most. Leases do not pass to programs that
    the holder starts; a copy in a forked child keeps the share only as long as the holder does not close it.

    Args:
        path: The file, made where it is not there, for this user alone.
        mode: What others may do with a file that is made here, as far as the umask lets them.
        is_needed: Whether it is an error that there is no share to be had; else the file is only read, and the lease
            holds nothing where that cannot be.

    Raises:
        OSError: If the file cannot be opened, or its file system has no locks.
    """

    __slots__ = ("_descriptor", "_owner", "path")

    def __init__(self, path: Path, *, mode: int = 0o600, is_needed: bool = True) -> None:
        self.path: Path = path
        self._owner = os.getpid()
        self._descriptor: int | None = _made_and_shared(path, mode) if is_needed else _read_and_shared(path)

    @property
    def is_held(self) -> bool:
        """Whether it was not closed yet."""
        return self._descriptor is not None

    def close(self) -> None:
        """Give the share back; the last one out ends the process. A second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._owner == os.getpid():  # in a forked child the lock is still its parent's
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def leave(self) -> bool:
        """Give the share back and tell whether it was the last, so that the process is ending now."""
        if self._descriptor is None:
            return False
        try:
            for wanted, is_last in ((fcntl.LOCK_EX, True), (fcntl.LOCK_SH, False)):
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(self._descriptor, wanted | fcntl.LOCK_NB)  # a failed exchange gives up the old lock
                    return is_last
            return True  # not even a share: the supervisor was faster
        finally:
            self.close()

    def is_only(self) -> bool:
        """Tell whether nobody else holds a share now; waits, as taking one does, while a supervisor ends its group.

        Look afterwards whether the process still lives.

        Raises:
            ValueError: It was closed.
        """
        with self.alone() as is_alone:
            return is_alone

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether nobody else holds a share, and if so let nobody take one as long as the block lasts.

        Raises:
            ValueError: It was closed.
        """
        if self._descriptor is None:
            raise ValueError(f"{self!r} has no share")
        try:
            yield is_exclusive(self._descriptor)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)  # either exchange gives up the old lock for an instant

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.close()

    def __repr__(self) -> str:
        return f"Lease({str(self.path)!r}, {'held' if self.is_held else 'closed'})"


def is_exclusive(descriptor: int) -> bool:
    """Take the exclusive lock on an open file if nobody else has one, and tell whether; closing the file ends it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _made_and_shared(path: Path, mode: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return _shared(path, os.O_RDWR | os.O_CREAT, mode)


def _read_and_shared(path: Path) -> int | None:
    try:
        return _shared(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None


def _shared(path: Path, flags: int, mode: int = 0) -> int:
    while True:
        descriptor = os.open(path, flags | os.O_CLOEXEC, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:  # Ctrl-C while waiting: whoever called never sees the descriptor
            os.close(descriptor)
            raise
        os.close(descriptor)  # the file was removed meanwhile, so nobody else would see this lock


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
