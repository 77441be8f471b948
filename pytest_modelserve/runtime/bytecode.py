"""Keeps Python from writing into the model directory, which may be read-only, and is nobody's to change."""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from typing import Any


def write_none_below(folder: str) -> None:
    """Let Python write no bytecode below a folder, for the rest of the process; elsewhere it does as it would.

    Every loader of source files ends in the method that is replaced, also that of a file that is loaded by its path;
    none is on the stack while the module's own code runs, so that no traceback shows it.

    Args:
        folder: A directory, by any of its names.
    """
    root = os.path.join(os.path.realpath(folder), "")
    write = SourceFileLoader.set_data

    def set_data(self: SourceFileLoader, path: Any, data: Any, **mode: Any) -> None:
        if not os.path.realpath(path).startswith(root):
            write(self, path, data, **mode)

    setattr(SourceFileLoader, "set_data", set_data)  # noqa: B010 # a method is no variable to the type checker
