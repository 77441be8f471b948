"""By which requirement of a model a package came into its environment, if by any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.utils import canonicalize_name

from .installed import InstalledPackages
from .pins import as_pep508
from .requirements import Requirement
from .spec import EnvironmentSpec


def declared_by(spec: EnvironmentSpec, markers: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the packages that a model's requirements name there, each with its extras.

    Not those that only limit what others require, and not those that are named as tools for building.
    """
    tools = set(spec.build_dependencies)
    return _named(
        (one for one in spec.requirements if not one.is_constraint and not (one.text in tools and _is_tool(one, spec))),
        markers,
    )


def _is_tool(requirement: Requirement, spec: EnvironmentSpec) -> bool:
    return requirement.file == spec.source


def _named(requirements: Iterable[Requirement], markers: Mapping[str, str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for requirement in requirements:
        wanted = as_pep508(requirement)
        if wanted is None:
            if requirement.name:
                found.setdefault(requirement.name, frozenset())
        elif wanted.marker is None or wanted.marker.evaluate(dict(markers)):
            name = str(canonicalize_name(wanted.name))
            found[name] = found.get(name, frozenset()) | wanted.extras
    return found


def named_by_extras(packages: InstalledPackages, roots: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the packages that the extras of requirements name, which nobody has to name a second time.

    Not what a package requires without them, and not what these packages require in turn; but an extra may stand for
    other extras of its package.

    Args:
        packages: What is installed.
        roots: The packages that are required, each with its extras.
    """
    found: set[str] = set()
    for name, extras in roots.items():
        if name in packages.by_name:
            usual = _names_required(packages, name)
            found |= _names_required(packages, name, _with_their_own(packages, name, extras)) - usual - {name}
    return frozenset(found)


def _names_required(packages: InstalledPackages, name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    return {str(canonicalize_name(one.name)) for one in packages.requirements_of(name, extras)}


def _with_their_own(packages: InstalledPackages, name: str, extras: frozenset[str]) -> frozenset[str]:
    """Return extras of a package with those that they stand for, as `all` may for every other."""
    while True:
        wanted = [one for one in packages.requirements_of(name, extras) if canonicalize_name(one.name) == name]
        more = extras.union(*(one.extras for one in wanted))
        if more == extras:
            return extras
        extras = more


def brought_by(packages: InstalledPackages, roots: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Return for each package that requirements bring which of them does, the one that is nearest to it.

    Args:
        packages: What is installed.
        roots: The packages that are required, each with its extras.
    """
    came: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    level = [(name, extras, name) for name, extras in roots.items()]
    while level:
        following: list[tuple[str, frozenset[str], str]] = []
        for name, extras, root in level:
            if name not in packages.by_name or (name, extras) in seen:
                continue
            seen.add((name, extras))
            came.setdefault(name, root)
            wanted = packages.requirements_of(name, extras)
            following += [(str(canonicalize_name(one.name)), frozenset(one.extras), root) for one in wanted]
        level = following
    return came
