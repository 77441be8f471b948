"""Which models used an environment, and when: a small file for each, so that processes do not wait for each other."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .whole_file import read_whole, write_whole

MAX_MODELS: Final = 20  # of one environment: a nightly run registers a version a day
_FOLDER: Final = "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One model's use of an environment.

    Attributes:
        uri: As the user named the model.
        directory: Where it lay then.
        last_used: Seconds since the epoch.
    """

    uri: str
    directory: Path
    last_used: float


def record_use(slot_folder: Path, uri: str, directory: Path) -> None:
    """Note that a model uses an environment now; of more than `MAX_MODELS` the longest unused are forgotten.

    A cache that cannot be written is used without a note.
    """
    name = hashlib.sha256(f"{uri}\0{directory}".encode()).hexdigest()[:16]
    path = slot_folder / _FOLDER / f"{name}.json"
    with contextlib.suppress(OSError):  # only a list for people lacks a line
        if path.exists():
            os.utime(path)
            return
        path.parent.mkdir(exist_ok=True)
        write_whole(path, {"uri": uri, "directory": str(directory)})
        for old in _uses(slot_folder)[MAX_MODELS:]:
            old[1].unlink(missing_ok=True)


def read_uses(slot_folder: Path) -> tuple[Use, ...]:
    """List the models that used an environment, the latest first."""
    return tuple(use for use, _ in _uses(slot_folder))


def _uses(slot_folder: Path) -> list[tuple[Use, Path]]:
    found, paths = [], list[Path]()
    with contextlib.suppress(PermissionError):  # another user's, shown to nobody
        paths = list((slot_folder / _FOLDER).glob("*.json"))
    for path in paths:
        with contextlib.suppress(OSError):  # removed meanwhile, or not ours to read
            document, last_used = read_whole(path), path.stat().st_mtime
            if isinstance(document.get("uri"), str) and isinstance(document.get("directory"), str):
                use = Use(uri=document["uri"], directory=Path(document["directory"]), last_used=last_used)
                found.append((use, path))
    return sorted(found, key=lambda each: each[0].last_used, reverse=True)
