"""Shows the running step of a restore or slow check: on a terminal a line with its seconds, elsewhere a line a step."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final

import pytest

_TICK_S: Final = 1.0  # how often the seconds are counted on
_QUIET_S: Final = 1.0  # what is done sooner is not worth a line


def tell(config: pytest.Config, text: str) -> None:
    """Write a line between the tests, where this process has a terminal; xdist's workers write to standard error."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        capture: Any = config.pluginmanager.getplugin("capturemanager")
        with contextlib.nullcontext() if capture is None else capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n{text}\n")
    else:
        reporter.ensure_newline()
        reporter.write_line(text)


class TerminalProgress:
    """Shows steps; use it as a context.

    Nothing is shown of what is done within a second, so that a cached environment leaves no trace.

    Args:
        config: Of the run; its capturing is switched off around each write.
        title: What is being worked on.
        quiet_s: What is done sooner is not shown.
    """

    def __init__(self, config: pytest.Config, title: str, *, quiet_s: float | None = None) -> None:
        self._capture: Any = config.pluginmanager.getplugin("capturemanager")
        self._title = title
        self._lock = threading.Lock()
        self._step = ""
        self._quiet_s = _QUIET_S if quiet_s is None else quiet_s
        self._count = 0
        self._began = time.monotonic()
        self._shown = ""
        self._done = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="modelserve-progress", daemon=True)

    def step(self, text: str) -> None:
        """Say what is being done from now on."""
        with self._lock:
            self._step, self._began = text, time.monotonic()

    def count(self, _request: object) -> None:
        """Count a request on, which is shown beside the seconds."""
        with self._lock:
            self._count += 1

    def __enter__(self) -> TerminalProgress:  # noqa: PYI034 # typing.Self is younger than Python 3.10
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._done.set()
        self._ticker.join()
        if self._shown and sys.__stderr__ is not None and sys.__stderr__.isatty():
            self._write("\r\x1b[K")

    def _tick(self) -> None:
        while not self._done.wait(_TICK_S):
            with self._lock:
                step, seconds, count = self._step, time.monotonic() - self._began, self._count
            if step and seconds >= self._quiet_s:
                self._show(step, f"{seconds:.0f} s, {count} requests" if count else f"{seconds:.0f} s")

    def _show(self, step: str, so_far: str) -> None:
        is_terminal = sys.__stderr__ is not None and sys.__stderr__.isatty()
        if is_terminal:
            self._write(f"\r\x1b[K{self._title}: {step} ({so_far})")
        elif step != self._shown:
            self._write(f"\n{self._title}: {step}\n")
        self._shown = step

    def _write(self, text: str) -> None:
        with self._uncaptured():
            sys.stderr.write(text)
            sys.stderr.flush()

    @contextlib.contextmanager
    def _uncaptured(self) -> Iterator[None]:
        if self._capture is None:
            yield
        else:
            with self._capture.global_and_fixture_disabled():
                yield
