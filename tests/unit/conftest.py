"""What the tests of several rooms need."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
import pytest


@pytest.fixture
def gone() -> Callable[[list[psutil.Process]], bool]:
    """Whether processes end, in a time that is ample even on a busy machine."""

    def wait(processes: list[psutil.Process]) -> bool:
        deadline = time.monotonic() + 10
        while alive := psutil.wait_procs(processes, timeout=0.02)[1]:
            if all(process.status() == psutil.STATUS_ZOMBIE for process in alive):  # its parent is slow to reap
                return True
            if time.monotonic() > deadline:
                return False
        return True

    return wait
