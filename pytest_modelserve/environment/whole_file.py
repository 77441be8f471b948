"""Small JSON files that other processes read at any time: replaced as a whole, and never trusted to be whole."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_whole(path: Path, document: Mapping[str, object], *, is_durable: bool = False) -> None:
    """Replace a file; where that fails, what stood there stays, and nothing is left beside it.

    Args:
        path: In a directory that exists.
        document: What it is to hold.
        is_durable: Whether it is on the disk when this returns, for what must outlive a machine that goes down.

    Raises:
        OSError: If it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")  # containers that share a disk share PIDs, too
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_whole(path: Path) -> dict[str, Any]:
    """Read a file, as empty where it is absent, torn, or no JSON object.

    Raises:
        OSError: If it is there and cannot be read.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def remove_drafts(folder: Path) -> None:
    """Remove what writers that were killed left in a folder.

    Raises:
        OSError: If that cannot be done.
    """
    for draft in folder.glob("*.json.*"):
        draft.unlink(missing_ok=True)
