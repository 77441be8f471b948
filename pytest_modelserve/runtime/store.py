"""Files that only grow, written by several threads and read by others meanwhile."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from typing import Optional


class GrowingFile:
    """Appends to a file; it is made with the first piece, readable by its owner alone."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: Optional[int] = None
        self._lock = threading.Lock()

    def append(self, piece: bytes) -> int:
        """Append a piece as a whole and return where it begins.

        Raises:
            OSError: It could not be written, or only its beginning.
        """
        with self._lock:
            if self._file is None:
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                weakref.finalize(self, os.close, self._file)
            left = memoryview(piece)
            while left:
                left = left[os.write(self._file, left) :]
            return os.lseek(self._file, 0, os.SEEK_CUR) - len(piece)  # after an append: the end of this piece

    def clear(self) -> None:
        """Give back the space that the file takes, as far as that is possible."""
        with self._lock, suppress(OSError):
            if self._file is not None:
                os.ftruncate(self._file, 0)


def print_error(text: str) -> None:
    """Write to standard error itself: the model may have closed or replaced `sys.stderr`."""
    with suppress(OSError):
        os.write(2, text.encode("utf-8", "backslashreplace"))
