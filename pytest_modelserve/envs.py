"""`modelserve envs`: what the cache holds, where it is, and what may go."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from .environment.conda_packages import packages_folder, prune_packages
from .environment.disk import disk_bytes
from .environment.eviction import CachedEnvironment, list_cached, prune, remove
from .environment.restoration import cache_root
from .errors import ModelServeError
from .server.leftovers import prune_homes
from .settings import Settings

GIGABYTE: Final = 1e9
DAY_S: Final = 86_400.0
HOME_MAX_AGE_S: Final = 7 * DAY_S  # of the files of a server that nobody runs: long enough to read its log
_SHOWN_KEY: Final = 12  # digits of a key; enough to name it to `prune`
_SHOWN_MODELS: Final = 3
_SHOWN_KEYS: Final = 10


def add_envs(parser: argparse.ArgumentParser, add_cache_dir: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the commands that follow `modelserve envs`.

    Args:
        parser: Of `modelserve envs`.
        add_cache_dir: Adds the option for where the cache is.
    """
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="list cached environments, the latest used first")
    listing.add_argument("--json", action="store_true", dest="is_json", help="as one JSON document")
    listing.set_defaults(run=_list)
    path = commands.add_parser("path", help="print where environments are cached, or the one that a model uses")
    path.add_argument("what", nargs="?", type=_name, metavar="URI", help="a model, as it was named when it was served")
    path.set_defaults(run=_path)
    pruning = commands.add_parser("prune", help="remove environments that nobody uses now, all or as told")
    pruning.add_argument(
        "what", nargs="*", type=_name, metavar="WHAT", help="a key, first characters that one has, or a model's URI"
    )
    pruning.add_argument("--keep-gb", type=_size, metavar="GB", help="the longest unused, until the rest is no larger")
    pruning.add_argument("--unused-days", type=_size, metavar="DAYS", help="those that nobody used for so long")
    pruning.set_defaults(run=_prune)
    for command in (listing, path, pruning):
        add_cache_dir(command)


def limit_cache(settings: Settings, started: float) -> None:
    """Remove the longest unused environments until the cache is within the limit of the settings, if they have one.

    What was used since `started` stays, whatever the size, and so does what another process uses.

    Raises:
        OSError: If the cache cannot be read.
    """
    if settings.cache_limit is None:
        return
    root = cache_root(settings.cache_dir)
    removed = prune(
        root, max_bytes=settings.cache_limit, max_age_s=float("inf"), used_before=started, is_measured=False
    )
    if removed:
        prune_packages(root, with_index=False)
    prune_homes(root / "servers", max_age_s=HOME_MAX_AGE_S)


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} names nothing: write a key, or a model's URI")
    return text


def _size(text: str) -> float:
    size = float(text)
    if not 0 <= size < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount: write a number from 0")
    return size


def _root(asked: argparse.Namespace) -> Path:
    return cache_root(asked.cache_dir)


def _list(asked: argparse.Namespace) -> int:
    found = list_cached(_root(asked))
    if asked.is_json:
        sys.stdout.write(f"{json.dumps([_document(each) for each in found], indent=2)}\n")
        return 0
    for each in found:
        sys.stdout.write(f"{_line(each)}\n")
        for use in each.uses[:_SHOWN_MODELS]:
            sys.stdout.write(f"    {_day(use.last_used)}  {use.uri}\n")
        if more := len(each.uses) - _SHOWN_MODELS:
            sys.stdout.write(f"    and {more} more\n" if more > 0 else "")
    packages = disk_bytes(packages_folder(_root(asked)))
    if packages:
        where = packages_folder(_root(asked))
        sys.stdout.write(f"conda packages  {packages / GIGABYTE:.2f} GB  {where}\n")
    if len(found) > 1 or packages:
        total = sum(each.disk_bytes for each in found) + packages
        sys.stdout.write(f"{len(found)} environments, {total / GIGABYTE:.2f} GB in {_root(asked)}\n")
    return 0


def _document(cached: CachedEnvironment) -> dict[str, object]:
    uses = [{"uri": use.uri, "directory": str(use.directory), "last_used": use.last_used} for use in cached.uses]
    return {**asdict(cached), "directory": str(cached.directory), "uses": uses}


def _line(cached: CachedEnvironment) -> str:
    what = f"{cached.manager} Python {cached.python_version}" if cached.manager else "unfinished"
    state = ", in use" if cached.is_in_use else ""
    size = f"{cached.disk_bytes / GIGABYTE:5.2f} GB"
    return f"{cached.key[:_SHOWN_KEY]}  {size}  {_day(cached.last_used)}  {what}{state}  {cached.directory}"


def _day(second: float) -> str:
    return datetime.fromtimestamp(second, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")


def _path(asked: argparse.Namespace) -> int:
    if asked.what is None:
        sys.stdout.write(f"{_root(asked) / 'envs'}\n")
        return 0
    found = [each for each in list_cached(_root(asked), is_measured=False) if each.manager]
    latest = max(_named(asked.what, found), key=lambda each: _used_by(asked.what, each))
    sys.stdout.write(f"{latest.directory}\n")
    return 0


def _used_by(what: str, cached: CachedEnvironment) -> float:
    return max((use.last_used for use in cached.uses if _is_model(what, use.uri, use.directory)), default=0.0)


def _prune(asked: argparse.Namespace) -> int:
    root = _root(asked)
    if asked.what:
        cached = list_cached(root)
        named = {each.key: each for what in asked.what for each in _named(what, cached)}
        removed: Sequence[CachedEnvironment] = [each for each in named.values() if remove(root, each)]
        for each in named.values():
            if each not in removed:
                sys.stdout.write(f"left {_line(each)}: it is in use, being built, or another user's\n")
    else:
        is_any = asked.keep_gb is None and asked.unused_days is None
        max_bytes = 0 if is_any else sys.maxsize if asked.keep_gb is None else int(asked.keep_gb * GIGABYTE)
        max_age_s = float("inf") if asked.unused_days is None else asked.unused_days * DAY_S
        removed = prune(root, max_bytes=max_bytes, max_age_s=max_age_s, used_before=time.time() + DAY_S)
        if n_homes := prune_homes(root / "servers", max_age_s=0 if is_any else min(max_age_s, HOME_MAX_AGE_S)):
            sys.stdout.write(f"removed the files of {n_homes} servers that do not run\n")
        if is_any or removed:
            gone = prune_packages(root, with_index=is_any)
            if gone.disk_bytes:
                sys.stdout.write(
                    f"removed {gone.n_packages} conda packages that no environment has, "
                    f"{gone.disk_bytes / GIGABYTE:.2f} GB with what was known of their channels\n"
                )
    for each in removed:
        sys.stdout.write(f"removed {_line(each)}\n")
    return 0


def _named(what: str, cached: Sequence[CachedEnvironment]) -> list[CachedEnvironment]:
    """Give the environments of a model, or the one that a key, or its first characters, means."""
    if of_model := [each for each in cached if _used_by(what, each)]:
        return of_model
    found = [each for each in cached if each.key == what] or [each for each in cached if each.key.startswith(what)]
    if len(found) == 1:
        return found
    raise ModelServeError(
        f"{len(found)} cached environments have keys that begin with {what!r}"
        if found
        else f"no cached environment is known by {what!r}",
        facts={"cached": "\n".join([each.key[:_SHOWN_KEY] for each in (found or cached)[:_SHOWN_KEYS]]) or "none"},
        fix="`modelserve envs list` tells keys and models.",
    )


def _is_model(what: str, uri: str, directory: Path) -> bool:
    return what == uri or Path(what).absolute() == directory
