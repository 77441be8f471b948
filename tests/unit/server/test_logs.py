"""The end of a log, and what it has to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelserve.server.deaths import as_exit
from pytest_modelserve.server.logs import last_cause, read_tail


def test_the_tail_of_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert read_tail(tmp_path / "log", 3) == []


def test_the_tail_is_the_last_lines_whatever_the_bytes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo  \r\n\xff\xc3\xa9")
    assert read_tail(log, 2) == ["two", "\\xffé"]


def test_the_tail_of_a_huge_log_is_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(1 << 32)  # sparse
        file.seek(0, 2)
        file.write(b"\nlast\n")
    assert read_tail(log, 1) == ["last"]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], ""),
        (["KeyError: 'a'"], ""),
        (["Traceback (most recent call last):", '  File "x"', "", "KeyError: 'a'", "later: text"], "KeyError: 'a'"),
        (["ERROR: Traceback (most recent call last):", "  x", "KeyboardInterrupt"], "KeyboardInterrupt"),
        (
            [
                *("Traceback (most recent call last):", "  x", "ValueError: first", ""),
                "During handling of the above exception, another exception occurred:",
                *("Traceback (most recent call last):", "  y", "pkg.mod.OtherError: second"),
            ],
            "pkg.mod.OtherError: second",
        ),
        (["Traceback (most recent call last):", "  x", "no exception at all"], ""),
        (["2026-01-01 10:00:00,1 ERROR x.y: ended with exit code 5", "INFO z: done"], "ended with exit code 5"),
        (["ERROR:    Application startup failed. Exiting."], "Application startup failed. Exiting."),
        (["ERROR x: loading raised", "Traceback (most recent call last):", "KeyError: 1"], "KeyError: 1"),
    ],
)
def test_the_cause_is_the_line_under_the_last_traceback_or_the_last_error(lines: list[str], found: str) -> None:
    assert last_cause(lines) == found


@pytest.mark.parametrize(
    ("returncode", "words"),
    [
        (0, "exit code 0"),
        (-11, "killed by SIGSEGV"),
        (-99, "killed by signal 99"),
        (None, "exit code unknown"),
    ],
)
def test_an_end_is_named(returncode: int | None, words: str) -> None:
    assert as_exit(returncode) == words
