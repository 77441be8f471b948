"""Remembers a failed start for the rest of a test run, so that each of its workers need not wait for it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ..errors import ServerError, ServerExited, ServerNotReady

_FILE: Final = "failure.json"
_KINDS: Final = {kind.__name__: kind for kind in (ServerExited, ServerNotReady)}


def remember(home: Path, run_id: str, error: ServerError) -> None:
    """Write down that this run could not start the server; the caller holds the gate of the home."""
    facts = {name: str(value) for name, value in error.facts.items()}
    document = {"run_id": run_id, "kind": type(error).__name__, "happened": error.happened, "facts": facts}
    (home / _FILE).write_text(json.dumps({**document, "fix": error.fix}))


def recall(home: Path, run_id: str) -> ServerError | None:
    """Return the error with which this run failed to start the server, None if it did not; other runs do not count."""
    try:
        document = json.loads((home / _FILE).read_text())
    except (FileNotFoundError, ValueError):  # torn by whoever was killed while writing it
        return None
    if document["run_id"] != run_id:
        return None
    kind = _KINDS.get(document["kind"], ServerError)
    return kind(document["happened"], facts=document["facts"], fix=document["fix"])


def forget(home: Path) -> None:
    """Let the next one try again."""
    (home / _FILE).unlink(missing_ok=True)
