"""What is shown of a long restore: a line of seconds on a terminal, a line a step elsewhere, nothing of a short one."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve import progress
from pytest_modelserve.progress import TerminalProgress


class Stream(io.StringIO):
    """Keeps what is written, and says whether it is a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


Shown = Callable[[bool], Stream]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Watch standard error, with a clock that ticks quickly."""

    def watch(is_terminal: bool) -> Stream:
        stream = Stream(is_terminal=is_terminal)
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "__stderr__", stream)
        monkeypatch.setattr(progress, "_TICK_S", 0.005)
        monkeypatch.setattr(progress, "_QUIET_S", 0.0)
        return stream

    return watch


@pytest.fixture
def uncaptured(pytestconfig: pytest.Config) -> Any:
    """A configuration whose capturing does not hide the stream of the test."""

    class Plugins:
        def getplugin(self, name: str) -> None:
            assert name == "capturemanager"

    class Config:
        pluginmanager = Plugins()

    return Config()


def until(stream: Stream, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in stream.getvalue():
        assert time.monotonic() < deadline, stream.getvalue()
        time.sleep(0.005)


def test_on_a_terminal_one_line_is_written_again_and_wiped(shown: Shown, uncaptured: Any) -> None:
    stream = shown(True)
    with TerminalProgress(uncaptured, "models:/iris/3") as running:
        running.step("resolving")
        until(stream, "\r\x1b[Kmodels:/iris/3: resolving (0 s)")
        running.step("installing")
        until(stream, "\r\x1b[Kmodels:/iris/3: installing (0 s)")
    assert stream.getvalue().endswith("\r\x1b[K")
    assert "\n" not in stream.getvalue()


def test_elsewhere_each_step_is_a_line_once(shown: Shown, uncaptured: Any) -> None:
    stream = shown(False)
    with TerminalProgress(uncaptured, "m") as running:
        for step in ("resolving", "installing"):
            running.step(step)
            until(stream, f"m: {step}\n")
            time.sleep(0.03)  # some more ticks, which must add nothing
    assert stream.getvalue() == "\nm: resolving\n\nm: installing\n"


def test_requests_are_counted_beside_the_seconds(shown: Shown, uncaptured: Any) -> None:
    stream = shown(True)
    with TerminalProgress(uncaptured, "m") as running:
        running.step("accepts_valid")
        for at in range(3):
            running.count(at)
        until(stream, "m: accepts_valid (0 s, 3 requests)")


def test_nothing_is_shown_of_what_is_done_at_once(shown: Shown, uncaptured: Any, monkeypatch: Any) -> None:
    stream = shown(True)
    monkeypatch.setattr(progress, "_QUIET_S", 60.0)
    with TerminalProgress(uncaptured, "m") as running:
        running.step("resolving")
        time.sleep(0.03)
    assert stream.getvalue() == ""


def test_each_has_its_own_time_to_be_quiet(shown: Shown, uncaptured: Any) -> None:
    stream = shown(True)
    with TerminalProgress(uncaptured, "m", quiet_s=60.0) as quiet:
        quiet.step("resolving")
        time.sleep(0.03)
    assert stream.getvalue() == ""


def test_an_error_ends_it_too(shown: Shown, uncaptured: Any) -> None:
    shown(True)
    with pytest.raises(KeyError), TerminalProgress(uncaptured, "m"):
        raise KeyError
    assert "modelserve-progress" not in {thread.name for thread in threading.enumerate()}


def test_capturing_is_off_around_each_write(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import time
        from pytest_modelserve import progress

        def test_own(pytestconfig, monkeypatch):
            monkeypatch.setattr(progress, "_TICK_S", 0.01)
            monkeypatch.setattr(progress, "_QUIET_S", 0.0)
            with progress.TerminalProgress(pytestconfig, "m") as running:
                running.step("resolving")
                time.sleep(0.2)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:asyncio")
    result.assert_outcomes(passed=1)
    assert "m: resolving" in result.stderr.str()


pytest_plugins = ["pytester"]
