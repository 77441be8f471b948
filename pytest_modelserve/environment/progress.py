"""How a restore says what it is doing; how that looks is the caller's business."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from .whole_file import read_whole, write_whole


class Progress(Protocol):
    """Take the running step of a restore; the caller renders it."""

    def step(self, text: str) -> None:
        """Say what is being done from now on, in a few words that stand alone."""


class Silence:
    """Drop every step."""

    __slots__ = ()

    def step(self, text: str) -> None:
        """Drop the text."""


SILENCE: Final[Progress] = Silence()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFile:
    """Pass each step on, and leave it in a file for processes that wait for this one.

    Attributes:
        path: Replaced as a whole at every step.
        audience: Gets the steps as well.
    """

    path: Path
    audience: Progress

    def step(self, text: str) -> None:
        """Write and pass on the text.

        Raises:
            OSError: If the file cannot be written.
        """
        write_whole(self.path, {"pid": os.getpid(), "text": text})
        self.audience.step(text)


def read_status(path: Path) -> str:
    """Read what another process last wrote as its step, empty where there is nothing to read."""
    status = read_whole(path)
    return f"process {status['pid']}: {status['text']}" if {"pid", "text"} <= set(status) else ""
