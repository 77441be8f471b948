"""Whose files are believed: an environment is a program, and whoever may write it decides what runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import EnvironmentBroken

_ROOT_USER = 0


def demand_ownership(root: Path, *paths: Path, user: int | None = None) -> None:
    """Refuse a cache in which somebody else may have put what would be run; what does not exist is nobody's.

    Believed are the user, the superuser, and whoever owns the root, since who names another's cache trusts its owner;
    but a root that everybody may write into proves nothing of its owner. What group members may do is the group's
    affair, and the directories above the root are the machine's.

    Args:
        root: Of the cache.
        paths: Below it, all that stand between it and what is to be run.
        user: The one who asks, by default the one who runs this process.

    Raises:
        EnvironmentBroken: If one of them belongs to anybody else.
    """
    believed = {os.geteuid() if user is None else user, _ROOT_USER}
    try:
        status = root.stat()  # the root may be a link that the user made
    except FileNotFoundError:
        return
    is_open = bool(status.st_mode & stat.S_IWOTH)
    if not is_open:
        believed.add(status.st_uid)
    if status.st_uid not in believed:
        raise _refused(root, root, status.st_uid)
    for path in paths:
        try:
            owner = path.lstat().st_uid
        except FileNotFoundError:
            continue
        if owner not in believed:
            raise _refused(root, path, owner)


def believed_folder(root: Path, name: str) -> Path:
    """Return a folder of the cache after a look at who made it, and if everybody may write there, what is in it.

    Args:
        root: Of the cache.
        name: Of the folder, which need not exist.

    Raises:
        EnvironmentBroken: If somebody else did.
        OSError: If it cannot be read.
    """
    folder = root / name
    demand_ownership(root, folder)
    if folder.exists() and folder.stat().st_mode & stat.S_IWOTH:
        demand_ownership(root, *folder.iterdir())
    return folder


def _refused(root: Path, path: Path, owner: int) -> EnvironmentBroken:
    return EnvironmentBroken(
        f"the cache of environments has files of another user (uid {owner}), who decides what they run",
        facts={"cache": root, "file": path, "owner": f"uid {owner}"},
        fix="Name a cache of your own by --model-cache-dir (PYTEST_MODEL_CACHE_DIR, or model_cache_dir in the ini "
        "file), or have the directory owned by who builds its environments and closed to others.",
    )
