"""What interpreters said of themselves, kept on disk so that each is asked once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import EnvironmentBroken
from .ownership import demand_ownership
from .whole_file import read_whole, write_whole

_NAME: Final = "interpreters.json"
_SCHEMA: Final = 1


class Answers:
    """Remember answers by path and file state; a changed or replaced executable is asked again.

    Two processes that save at once keep one's answers, and the other asks again: nothing is lost but time.

    Args:
        path: The file; it need not exist. None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {} if path is None else _read(path)
        self._is_changed = False

    @classmethod
    def of_cache(cls, root: Path) -> Answers:
        """Read those of a cache; where somebody else may have written them, which names what is run, there are none.

        Args:
            root: Of the cache.
        """
        path = root / _NAME
        try:
            demand_ownership(root, path)
        except EnvironmentBroken:
            return cls(None)
        return cls(path)

    def known(self, executable: Path) -> dict[str, Any] | None:
        """Give what the executable answered; {} where it was none, None where it must be asked."""
        entry = self._known.get(str(executable))
        if entry is None or entry["state"] != _state(executable):
            return None
        answer: dict[str, Any] = entry["answer"]
        return answer

    def learn(self, executable: Path, answer: Mapping[str, object]) -> None:
        """Keep an answer for this process, and for others after `save`."""
        document = {name: str(value) if isinstance(value, Path) else value for name, value in answer.items()}
        self._known[str(executable)] = {"state": _state(executable), "answer": document}
        self._is_changed = True

    def save(self) -> None:
        """Write new answers, if there are any and there is where; an answer that is not kept is asked for again."""
        if not self._is_changed or self._path is None:
            return
        with contextlib.suppress(OSError):  # a full disk, a cache that is read-only: only time is lost
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, {"schema": _SCHEMA, "known": self._known})
            self._is_changed = False


def _read(path: Path) -> dict[str, dict[str, Any]]:
    document = read_whole(path)
    known = document.get("known")
    if document.get("schema") != _SCHEMA or not isinstance(known, dict):
        return {}
    return {
        name: entry for name, entry in known.items() if isinstance(entry, dict) and {"state", "answer"} <= set(entry)
    }


def _state(executable: Path) -> list[int]:
    """Describe the file behind a path; where there is none, as nothing."""
    try:
        status = executable.stat()
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_size, status.st_ino]
