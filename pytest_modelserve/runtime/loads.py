"""Records which files of the model directory are opened and when, so that a check knows what was loaded, and how often.

Python tells its audit hooks of every `open`; a library that opens files in C without telling stays unseen.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any, Optional, Tuple

_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dylib")  # a late import of the model's own code is no loading of data
_MOST_LINES = 500  # a model that opens a file at each request would fill the disk
_WRAPPERS = ("pathlib", "io", "codecs", "_pyio")  # whoever called them wanted the file


class LoadLog:
    """Appends a line for each opening to a file that others may read meanwhile.

    Args:
        path: The file; it is made where there is none. Empty for no records.
        model_dir: The model directory.
    """

    def __init__(self, path: str, model_dir: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600) if path else None
        self._roots = tuple({os.path.join(root(model_dir), "") for root in (os.path.abspath, os.path.realpath)})
        self._pid = os.getpid()
        self._lines = 0
        self._call = 0
        self._busy = threading.local()

    def watch(self) -> None:
        """Record from now on, for the rest of the process."""
        if self._file is not None:
            sys.addaudithook(self._hear)

    def loaded(self, elapsed_s: float) -> None:
        """Say that the model is loaded."""
        self._write({"loaded_s": elapsed_s, "pid": self._pid})

    def began(self, call: int) -> None:
        """Say that a call of the model begins, by its number."""
        self._call = call

    def _hear(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if event != "open" or getattr(self._busy, "is_on", False):
            return
        self._busy.is_on = True  # what is opened below is not the model's
        try:
            with suppress(OSError, ValueError):  # a directory that is gone, a full disk: the model may well go on
                name = self._name_of(arguments[0], arguments[1])
                if name is not None:
                    self._write({"file": name, "call": self._call, "by": _caller()})
        finally:
            self._busy.is_on = False

    def _name_of(self, path: Any, mode: Any) -> Optional[str]:
        """Return the name of a file of the model that is opened to be read, relative to its directory, else None."""
        if not isinstance(path, (str, bytes)) or (isinstance(mode, str) and not mode.startswith("r")):
            return None
        if self._lines >= _MOST_LINES or os.getpid() != self._pid:  # a forked child has its own story
            return None
        whole = os.path.abspath(os.fsdecode(path))
        if whole.endswith(_CODE):
            return None
        return next((whole[len(root) :] for root in self._roots if whole.startswith(root)), None)

    def _write(self, document: Any) -> None:
        if self._file is not None:
            self._lines += 1
            os.write(self._file, json.dumps(document).encode("ascii") + b"\n")


def _caller() -> str:
    """Return file and function of the innermost frame that wanted the file open."""
    hook = sys._getframe().f_back  # noqa: SLF001 # as logging does; inspect would read the source
    frame: Optional[FrameType] = hook.f_back if hook is not None else None
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in _WRAPPERS:
        frame = frame.f_back
    if frame is None:
        return ""
    return "{}:{}".format(frame.f_code.co_filename, frame.f_code.co_name)
