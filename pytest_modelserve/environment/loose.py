"""Which requirements leave it to the day of the build what is installed, and the lines that would settle it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .pins import as_pep508
from .requirements import Requirement
from .spec import BUILD_TOOLS

_MADE_WITH: Final = ("pyvenv.cfg", "conda-meta")  # written when an environment is made, and by no later use


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """A requirement that another version would meet as well.

    Attributes:
        requirement: The line, with its place.
        name: The canonical name of the package.
        line: The same with the version that is installed.
    """

    requirement: Requirement
    name: str
    line: str


def find_loose(
    requirements: Iterable[Requirement], installed: Mapping[str, str], markers: Mapping[str, str]
) -> Iterator[Loose]:
    """Yield the requirements that no exact version is written for, in their order, each package once.

    Build tools are passed over, and so are those whose markers leave this machine or Python out, those that name a
    file, a folder or an address, and those that a constraint pins.

    Args:
        requirements: As they were recorded.
        installed: Canonical name to version.
        markers: What markers are judged by in the environment.
    """
    known = dict(markers)
    every = [(one, wanted) for one in requirements if (wanted := as_pep508(one)) is not None]
    read = [(one, wanted) for one, wanted in every if wanted.marker is None or wanted.marker.evaluate(known)]
    settled = {str(canonicalize_name(wanted.name)) for _, wanted in read if _is_exact(wanted)}
    for requirement, wanted in read:
        name = str(canonicalize_name(wanted.name))
        if requirement.is_constraint or name in settled or name in BUILD_TOOLS or name not in installed:
            continue
        settled.add(name)
        yield Loose(requirement=requirement, name=name, line=pinned(wanted, installed[name]))


def pinned(wanted: Pep508, version: str) -> str:
    """Return a requirement with one version, its extras and marker kept."""
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f" ; {wanted.marker}" if wanted.marker else ""
    return f"{pin_of(f'{wanted.name}{extras}', version)}{marker}"


def pin_of(name: str, version: str) -> str:
    """Return the line that asks for a version; without its local part, which no index has, and which pip lets in."""
    try:
        return f"{name}=={Version(version).public}"
    except InvalidVersion:  # of a package made before versions had a form
        return f"{name}==={version}"


def built_on(prefix: Path) -> str:
    """Return the day on which an environment was made, as ISO 8601 writes it; empty where nothing tells."""
    times = [(prefix / name).stat().st_mtime for name in _MADE_WITH if (prefix / name).exists()]
    return time.strftime("%Y-%m-%d", time.localtime(max(times))) if times else ""


def _is_exact(wanted: Pep508) -> bool:
    if wanted.url is not None:
        return True
    return any(one.operator in {"==", "==="} and not one.version.endswith(".*") for one in wanted.specifier)
