"""Processes and ports of a run, found from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil
import pytest

DEADLINE_S: Final = 30.0


@pytest.fixture
def processes_of() -> Callable[[Path], list[psutil.Process]]:
    """Give all processes that run in a directory or name it in their command line."""

    def find(directory: Path) -> list[psutil.Process]:
        return [each for each in psutil.process_iter() if str(directory) in _words(each)]

    return find


@pytest.fixture
def until() -> Callable[[Callable[[], object]], bool]:
    """Wait for a condition, in a time that is ample even on a busy machine; tell whether it came."""

    def wait(condition: Callable[[], object]) -> bool:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    return wait


def _words(process: psutil.Process) -> str:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return " ".join([*process.cmdline(), process.cwd()])
    except psutil.Error:
        return ""
