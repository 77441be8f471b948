"""Whether the packages of an environment agree with each other: what `pip check` asks, without starting anything."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .installed import InstalledPackages


def find_conflicts(packages: InstalledPackages) -> Iterator[str]:
    """Yield a sentence for each requirement between installed packages that is not met, by name.

    What a package asks for only together with an extra is passed over, as `pip check` does.
    """
    for name in sorted(packages.by_name):
        for wanted in packages.requirements_of(name):
            if reason := _why_not(wanted, packages):
                yield f"{name} {packages.by_name[name].version} requires {_shown(wanted)}, {reason}"


def _why_not(wanted: Requirement, packages: InstalledPackages) -> str:
    there = packages.by_name.get(str(canonicalize_name(wanted.name)))
    if there is None:
        return "which is not installed"
    try:
        Version(there.version)
    except InvalidVersion:
        return ""
    return "" if wanted.specifier.contains(there.version, prereleases=True) else f"installed is {there.version}"


def _shown(wanted: Requirement) -> str:
    return f"{wanted.name}{wanted.specifier}"
