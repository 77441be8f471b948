"""Whether the packages of an environment agree with each other: what `pip check` asks, without starting anything."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .freeze import site_packages
from .pins import markers_of


def find_conflicts(prefix: Path, python_version: str) -> Iterator[str]:
    """Yield a sentence for each requirement between installed packages that is not met, by name.

    What a package asks for only together with an extra is passed over, as `pip check` does.
    """
    found = _by_name(prefix)
    markers = markers_of(python_version)
    for name in sorted(found):
        for wanted in _requirements_of(found[name]):
            if wanted.marker is not None and not wanted.marker.evaluate(markers):
                continue
            if reason := _why_not(wanted, found):
                yield f"{name} {found[name].version} requires {_shown(wanted)}, {reason}"


def _by_name(prefix: Path) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    folders = [str(path) for path in site_packages(prefix)]
    for each in distributions(path=folders) if folders else ():
        if "Name" in each.metadata:  # a half-removed package leaves a folder without metadata
            found.setdefault(str(canonicalize_name(each.metadata["Name"])), each)
    return found


def _requirements_of(package: Distribution) -> Iterator[Requirement]:
    found = (_as_requirement(text) for text in package.requires or ())
    return (requirement for requirement in found if requirement is not None)


def _as_requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:  # written before requirements had a form; the installer passed over it, too
        return None


def _why_not(wanted: Requirement, found: dict[str, Distribution]) -> str:
    there = found.get(str(canonicalize_name(wanted.name)))
    if there is None:
        return "which is not installed"
    try:
        Version(there.version)
    except InvalidVersion:
        return ""
    return "" if wanted.specifier.contains(there.version, prereleases=True) else f"installed is {there.version}"


def _shown(wanted: Requirement) -> str:
    return f"{wanted.name}{wanted.specifier}"
