"""A model's uv.lock: which project and which Python it is of, and what it pins."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from ..errors import RequirementsError
from .indexes import without_credentials
from .listing import listed
from .pins import as_pep508, find_unmet, markers_of, versions_of
from .requirements import Requirement

tomllib: ModuleType = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
LOCK: Final = "uv.lock"
PROJECT: Final = "pyproject.toml"
PYTHON_VERSION: Final = ".python-version"
NOT_FOLLOWED: Final = "uv.lock is not followed, as in MLflow with any manager but uv: the requirement files are"
_OTHER_MANAGER: Final = "or use --model-env-manager=virtualenv, which follows the requirement files."
_PLAIN_VERSION: Final = re.compile(r"\d+(\.\d+)*")
_SHOWN: Final = 8  # of packages in a note; the report has the whole freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock file, as far as its following asks for.

    Attributes:
        directory: Where it lies.
        project: The name of the project that was locked; empty for a workspace without one at its root.
        is_packaged: Whether that project is a package, which uv would build and install.
        names: The canonical names of all packages in it, those of groups and extras too.
        ranges: The Pythons that are allowed, each by the file that says so.
        has_project_file: Whether the project file beside it is that of the locked project.
    """

    directory: Path
    project: str = ""
    is_packaged: bool = False
    names: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()
    has_project_file: bool = False

    @classmethod
    def read(cls, directory: Path) -> Lock | None:
        """Read the lock of a model directory; None where there is none.

        Raises:
            RequirementsError: If the lock, or the project file beside it, is no TOML or has another shape.
        """
        if not has_lock(directory):
            return None
        document = _read(directory / LOCK)
        packages = [each for each in document.get("package", ()) if isinstance(each, dict) and "name" in each]
        roots = [each for each in packages if _root_kind(each)]
        project = str(roots[0]["name"]) if roots else ""
        beside = _read(directory / PROJECT).get("project", {}) if (directory / PROJECT).is_file() else {}
        is_same = bool(beside) and canonicalize_name(str(beside.get("name", ""))) == canonicalize_name(project)
        said = {LOCK: document.get("requires-python"), PROJECT: beside.get("requires-python") if is_same else None}
        return cls(
            directory=directory,
            project=project,
            is_packaged=bool(roots) and _root_kind(roots[0]) != "virtual",
            names=frozenset(str(canonicalize_name(str(each["name"]))) for each in packages),
            ranges=tuple((file, str(text)) for file, text in said.items() if text),
            has_project_file=is_same,
        )

    def require_python(self, version: str, *, recorded: str | None) -> None:
        """Make sure, before anything is built, that the lock allows the Python of the environment.

        Args:
            version: What the environment is made with.
            recorded: What the model recorded, if it did.

        Raises:
            RequirementsError: If it does not.
        """
        for file, text in self.ranges:
            try:
                is_allowed = SpecifierSet(text).contains(version, prereleases=True)
            except InvalidSpecifier as error:
                raise _bad(self.directory / file, f"`requires-python` is {text!r}, which is no range") from error
            if not is_allowed:
                raise RequirementsError(
                    f"{file} asks for Python {text}, and the environment would have {version}",
                    facts={"file": self.directory / file, "recorded": recorded or "no version of Python"},
                    fix=f"Log the model again with a Python that its project allows, {_OTHER_MANAGER}",
                )

    def as_project(self) -> str:
        """Write the project file that uv looks for beside a lock; what the project requires, the lock has."""
        said = dict(self.ranges).get(LOCK, "")
        python = f'requires-python = "{said}"\n' if said else ""
        return f'[project]\nname = "{self.project}"\nversion = "0"\n{python}dependencies = []\n'


def has_lock(directory: Path) -> bool:
    """Tell whether a model directory has a lock."""
    return (directory / LOCK).is_file()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What the requirement files say beside a lock that was installed.

    Attributes:
        lacking: Requirements of packages that are not there.
        notes: What the user should know, a line each.
    """

    lacking: tuple[Requirement, ...]
    notes: tuple[str, ...]


def rest_of(requirements: Sequence[Requirement], freeze: Sequence[str], *, python_version: str) -> Rest:
    """Tell what the lock did not bring, and where it is stronger than the requirement files.

    Groups and extras that were logged, and mlflow where the project does not have it, stand in the requirement files
    alone: MLflow does not record which groups and extras the lock was exported with.

    Args:
        requirements: The model's, constraints among them.
        freeze: What is installed.
        python_version: Of the environment.
    """
    there, markers = versions_of(freeze), markers_of(python_version)
    own = [each for each in requirements if not each.is_constraint and _applies(each, markers)]
    lacking = [each for each in own if _name_of(each) not in there]
    known = [each for each in own if _name_of(each) in there]
    notes = []
    if lacking:
        told = [f"{each.text.partition(' --')[0]} ({each.place})" for each in lacking]
        notes.append(
            f"not in what uv.lock installs, so taken from the requirement files: {listed(told, n_shown=_SHOWN)}"
        )
    if unmet := list(find_unmet(known, there, python_version=python_version)):
        told = [f"{each.name} {each.installed} ({each.requirement.place}: {each.requirement.text})" for each in unmet]
        notes.append(f"uv.lock is followed where the requirement files say otherwise: {listed(told, n_shown=_SHOWN)}")
    return Rest(lacking=tuple(lacking), notes=tuple(map(without_credentials, notes)))


def lock_notes(lock: Lock, python_version: str) -> Iterator[str]:
    """Yield what a lock that is followed leaves out."""
    if lock.is_packaged:
        yield f"the project {lock.project} of uv.lock is not installed: the model has no sources of it"
    path = lock.directory / PYTHON_VERSION
    said = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
    if _PLAIN_VERSION.fullmatch(said) and not f"{python_version}.".startswith(f"{said}."):
        yield f"{PYTHON_VERSION} says {said}, which is not followed: the environment has Python {python_version}"


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # of TOML and of UTF-8 alike
        raise _bad(path, " ".join(str(error).split())) from error
    tables = document.get("package", []), [document.get("project", {})]
    if not all(isinstance(each, list) for each in tables) or not isinstance(tables[1][0], dict):
        raise _bad(path, "`package` is no list of tables, or `project` no table")
    return document


def _bad(path: Path, reason: str) -> RequirementsError:
    return RequirementsError(
        f"{path.name} cannot be read: {reason}", facts={"file": path}, fix=f"Log the model again, {_OTHER_MANAGER}"
    )


def _root_kind(package: Mapping[str, Any]) -> str:
    """Tell how the project at the root stands in the lock; empty for any other package."""
    source = package.get("source")
    found = [kind for kind in ("editable", "virtual", "directory") if isinstance(source, dict) and kind in source]
    return found[0] if found and source is not None and source[found[0]] == "." else ""


def _applies(requirement: Requirement, markers: Mapping[str, str]) -> bool:
    line = as_pep508(requirement)
    return line is None or line.marker is None or line.marker.evaluate(dict(markers))


def _name_of(requirement: Requirement) -> str:
    """Give the name of a package, by the name of its file too; empty where only its installation would tell."""
    line = as_pep508(requirement)
    return str(canonicalize_name(line.name)) if line is not None else requirement.name
