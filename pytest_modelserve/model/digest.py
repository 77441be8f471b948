"""The identity of a model directory: one digest over all that is in it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CHUNK_BYTES: Final = 1 << 20  # large enough that hashing, not reading, is what takes the time
_IGNORED_FOLDERS: Final = frozenset({"__pycache__"})  # written by loading the model
_IGNORED_AT_ROOT: Final = frozenset({"registered_model_meta"})  # written by MLflow when a registry resolves the model


def digest_of(path: Path) -> str:
    """Return the SHA-256, in hexadecimal, over every file's relative path and content.

    Equal directories have equal digests wherever they stand: neither times, modes, owners nor the order of the file
    system count. A link counts as what it leads to, so that a directory of links equals the files themselves; a link
    to nothing counts as its target's text. Folders without files do not count.

    Raises:
        OSError: If a file cannot be read.
    """
    total = hashlib.sha256()
    for relative, file in sorted(_files_in(path)):
        name = relative.encode("utf-8", "surrogateescape")
        content = _file_digest(file)
        total.update(b"%d:%b%b" % (len(name), name, content))  # the length keeps name and content apart
    return total.hexdigest()


def _files_in(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file with its path relative to the root, in no order."""
    seen = {root: frozenset({os.path.realpath(root)})}  # folder to the real folders above it, against loops of links
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_raise):
        here = Path(folder)
        above = seen.pop(here)
        entered = []
        for name in folders:
            real = os.path.realpath(here / name)
            if name in _IGNORED_FOLDERS or real in above:
                continue
            seen[here / name] = above | {real}
            entered.append(name)
        folders[:] = entered
        for name in files:
            if here != root or name not in _IGNORED_AT_ROOT:
                file = here / name
                yield file.relative_to(root).as_posix(), file


def _file_digest(file: Path) -> bytes:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return hashlib.sha256(b"link:" + os.fsencode(file.readlink())).digest()
    if not stat.S_ISREG(mode):  # a pipe or a socket would block or fail when opened
        return hashlib.sha256(b"special").digest()
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()


def _raise(error: OSError) -> None:
    raise error
