"""What is installed in an environment, read from its metadata without starting its Python."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name


def read_freeze(prefix: Path) -> tuple[str, ...]:
    """List `name==version` of what is installed under a virtual environment's prefix, sorted by name."""
    folders = [str(path) for path in site_packages(prefix)]
    return _lines(distributions(path=folders)) if folders else ()


def freeze_running() -> tuple[str, ...]:
    """List `name==version` of what the running interpreter can import, sorted by name."""
    return _lines(distributions())


def read_conda_packages(prefix: Path) -> tuple[str, ...]:
    """List `name=version=build` of what conda installed under a prefix, sorted; nothing where conda did not make it."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in prefix.glob("conda-meta/*.json")]
    return tuple(sorted(f"{each['name']}={each['version']}={each['build']}" for each in records))


def site_packages(prefix: Path) -> Iterator[Path]:
    """Give the folders of an environment that hold packages; `lib64` is mostly a link to `lib`."""
    seen = set[Path]()
    for folder in (*prefix.glob("lib/python*/site-packages"), *prefix.glob("lib64/python*/site-packages")):
        if (real := folder.resolve()) not in seen:
            seen.add(real)
            yield folder


def _lines(found: Iterable[Distribution]) -> tuple[str, ...]:
    versions: dict[str, str] = {}
    for each in found:
        if "Name" in each.metadata:  # a half-removed package leaves a folder without metadata
            versions.setdefault(canonicalize_name(each.metadata["Name"]), each.version)
    return tuple(f"{name}=={versions[name]}" for name in sorted(versions))
