"""Processes that have to do with a folder, and what is waited for while one of them runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

DEADLINE_S: Final = 120.0  # conditions come true within seconds; a loaded machine takes its time


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return all processes that name a folder, or run in it."""
    return [each for each in psutil.process_iter() if str(folder) in _words(each)]


def until(condition: Callable[[], object], running: subprocess.Popen[str] | None = None) -> bool:
    """Wait for a condition, for as long as the process that is to bring it about runs."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if running and running.poll() is not None:
            pytest.fail("\n".join(filter(None, running.communicate())))
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _words(process: psutil.Process) -> str:
    try:
        return " ".join([*process.cmdline(), process.cwd()])
    except psutil.Error:
        return ""
