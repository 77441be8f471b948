"""Reads what a server wrote before it went wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_TAIL_BYTES: Final = 64 * 1024  # some hundred lines, read in one go whatever the size of the log
_TRACEBACK: Final = "Traceback (most recent call last):"
_ERROR: Final = re.compile(r"\bERROR\b\s*[\w.]*:\s+(.+)")  # as logging and uvicorn write it
_EXCEPTION: Final = re.compile(r"[A-Za-z_][\w.]*(: .*)?$")


def read_tail(path: Path, n_lines: int) -> list[str]:
    """Return the last lines of a log, none where there is no log; bytes that are not UTF-8 are shown as escapes."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - _TAIL_BYTES))
            text = log.read().decode(errors="backslashreplace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in text.splitlines()][-n_lines:]


def last_cause(lines: list[str]) -> str:
    """Return the last line of the last traceback, such as `KeyError: 'age'`, else the last message logged as an error.

    Empty where there is neither.
    """
    errors = [match[1] for line in lines if (match := _ERROR.search(line))]
    return _last_exception(lines) or (errors[-1] if errors else "")


def _last_exception(lines: list[str]) -> str:
    found, is_inside = "", False
    for line in lines:
        if _TRACEBACK in line:
            is_inside = True
        elif is_inside and line and not line[0].isspace():
            is_inside = False
            if _EXCEPTION.match(line):
                found = line
    return found
