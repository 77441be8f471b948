"""Whether what is installed is what the requirement lines ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from .indexes import without_credentials
from .interpreter import minor_of
from .requirements import Requirement

_LINE_OPTIONS: Final = re.compile(r"\s+--\S.*$")  # `--hash` and the like, which say nothing of the version


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A requirement line that what is installed does not meet.

    Attributes:
        requirement: The line, with its place.
        name: The canonical name of the package.
        installed: The version that is there; empty where the package is not.
    """

    requirement: Requirement
    name: str
    installed: str

    @property
    def line(self) -> str:
        """Return the line as it may be shown."""
        return without_credentials(self.requirement.text)

    @property
    def text(self) -> str:
        """Say what is there instead."""
        there = f", installed is {self.installed}" if self.installed else " is not installed"
        return f"{self.line}{there}"


def versions_of(freeze: Iterable[str]) -> dict[str, str]:
    """Return name to version of the lines of a freeze."""
    return dict(line.split("==", 1) for line in freeze)


def markers_of(python_version: str) -> dict[str, str]:
    """Return what markers are judged by in an environment of that Python on this machine."""
    known = {name: str(value) for name, value in default_environment().items()}
    same = {
        "python_version": minor_of(python_version),
        "python_full_version": python_version,
        "implementation_version": python_version,
    }
    return {**known, **same, "extra": ""}


def find_unmet(
    requirements: Iterable[Requirement], installed: Mapping[str, str], *, python_version: str
) -> Iterator[Unmet]:
    """Yield the requirements that are not met, in their order.

    Those whose markers leave this machine or Python out are passed over, and so are constraints on what is not there.
    Of a package that is named by its file the version in the file's name counts; of one named by another address, or
    by a folder, only that it is there, if the line says its name. A pin without a local version is met by any: `2.1`
    by `2.1+cpu`, as pip reads it.

    Args:
        requirements: As they were recorded.
        installed: Canonical name to version.
        python_version: Of the environment.
    """
    markers = markers_of(python_version)
    for requirement in requirements:
        wanted = as_pep508(requirement)
        if wanted is None or (wanted.marker is not None and not wanted.marker.evaluate(markers)):
            continue
        name = str(canonicalize_name(wanted.name))
        there = installed.get(name, "")
        if not there and requirement.is_constraint:
            continue
        if not there or not _holds(wanted, there):
            yield Unmet(requirement=requirement, name=name, installed=there)


def as_pep508(requirement: Requirement) -> Pep508 | None:
    """Return a line as a requirement with a version; None where it says neither name nor file."""
    text = _LINE_OPTIONS.sub("", requirement.text).strip()
    if requirement.name:
        try:
            return Pep508(text)
        except InvalidRequirement:  # an editable line: what it installs has no version to compare
            return None
    pinned = _pinned_by_file(text.partition(";")[0].strip())
    marker = f" ; {text.partition(';')[2].strip()}" if ";" in text else ""
    return Pep508(f"{pinned}{marker}") if pinned else None


def _pinned_by_file(address: str) -> str:
    """Return `name==version` of an address that ends in a wheel or a source archive; empty for any other."""
    file = PurePosixPath(unquote(urlsplit(address.partition("[")[0].strip()).path)).name
    try:
        if file.endswith(".whl"):
            name, version = parse_wheel_filename(file)[:2]
        else:
            name, version = parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""
    return f"{name}=={version}"


def _holds(wanted: Pep508, there: str) -> bool:
    if wanted.url is not None:
        pinned = _pinned_by_file(wanted.url)
        return not pinned or _holds(Pep508(pinned), there)
    try:
        Version(there)
    except InvalidVersion:  # of a package made before versions had a form: only the same text is the same
        return not wanted.specifier or str(wanted.specifier).lstrip("=") == there
    return wanted.specifier.contains(there, prereleases=True)
