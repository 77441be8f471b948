"""What interpreters said of themselves, kept on disk so that each is asked once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = 1


class Answers:
    """Remember answers by path and file state; a changed or replaced executable is asked again.

    Two processes that save at once keep one's answers, and the other asks again: nothing is lost but time.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = _read(path)
        self._is_changed = False

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
        """Write new answers, if there are any.

        Raises:
            OSError: If the file cannot be written.
        """
        if not self._is_changed:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        draft.write_text(json.dumps({"schema": _SCHEMA, "known": self._known}), encoding="utf-8")
        draft.replace(self._path)
        self._is_changed = False


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    is_ours = isinstance(document, dict) and document.get("schema") == _SCHEMA
    return dict(document["known"]) if is_ours else {}


def _state(executable: Path) -> list[int]:
    """Describe the file behind a path; where there is none, as nothing."""
    try:
        status = executable.stat()
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_size, status.st_ino]
