"""Whether what is installed is what conda.yaml pins for conda, also after pip has replaced packages of conda."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .conda_file import CondaSpec, Pin
from .pins import Unmet, versions_of
from .spec import EnvironmentSpec

_DIST_INFO: Final = re.compile(r"(?:.*/)?site-packages/(?P<name>[^/]+?)-(?P<version>[^/-]+)\.dist-info/.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Installed:
    """A package as conda installed it, with the Python packages that it brought, by their canonical names."""

    version: str
    brought: Mapping[str, str] = field(default_factory=dict)


def find_unmet_conda(spec: EnvironmentSpec, prefix: Path, freeze: Iterable[str]) -> Iterator[Unmet]:
    """Yield the packages of conda.yaml's conda section whose version is not the one that is there, in their order.

    A package is known by its record in conda-meta. Of a Python package that something else has replaced since, such as
    the pip section, the version that can be imported counts: conda's record still says what it had installed.

    Args:
        spec: What the model asks for; only a conda.yaml that conda follows has such a section.
        prefix: Of the environment; one that conda did not make is held to nothing.
        freeze: `name==version` of what can be imported.
    """
    if not isinstance(spec, CondaSpec):
        return
    there, importable = _read_installed(prefix), versions_of(freeze)
    for package in spec.packages if there else ():
        if package.pin is None:
            continue
        found = there.get(package.name)
        version = "" if found is None else _version_now(found, importable)
        if not version or not _is_met(package.pin, version):
            yield Unmet(
                requirement=package.as_requirement(), name=str(canonicalize_name(package.name)), installed=version
            )


def told_of_python(spec: EnvironmentSpec) -> str:
    """Say what a model that pins no Python records of it."""
    packages = spec.packages if isinstance(spec, CondaSpec) else ()
    asked = next((each.text for each in packages if each.name == "python" and each.version), "")
    return f"the model records no one Python but `{asked}`" if asked else "the model records no Python"


def _read_installed(prefix: Path) -> dict[str, _Installed]:
    found = {}
    for path in prefix.glob("conda-meta/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        matches = filter(None, (_DIST_INFO.fullmatch(file) for file in record.get("files", ())))
        brought = {str(canonicalize_name(match["name"])): match["version"] for match in matches}
        found[record["name"]] = _Installed(version=record["version"], brought=brought)
    return found


def _version_now(package: _Installed, importable: Mapping[str, str]) -> str:
    """Return conda's version, or that of what stands in the place of a Python package that it brought."""
    replaced = (
        importable[name] for name, version in package.brought.items() if importable.get(name, version) != version
    )
    return next(replaced, package.version)


def _is_met(pin: Pin, version: str) -> bool:
    if pin.is_prefix and f"{version}.".startswith(f"{pin.version.rstrip('.')}."):
        return True
    try:
        return Version(version) == Version(pin.version)  # 1.26 is 1.26.0, to conda as well
    except InvalidVersion:
        return version == pin.version
