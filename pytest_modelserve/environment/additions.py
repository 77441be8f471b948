"""What a server needs in a model's environment beside the model's own requirements, and whether the two can be one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.requirements import Requirement as Pep508
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..errors import EnvironmentBroken, RequirementsError
from .indexes import without_credentials
from .listing import listed
from .pins import as_pep508, markers_of, versions_of
from .requirements import Requirement

_OTHER_SERVER: Final = "or serve it by another server, such as --model-server=builtin."
_SHOWN: Final = 8  # of packages in a note; the report has the whole freeze


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """Requirements that are installed together with the model's, into an environment of their own.

    Attributes:
        wanted_by: The server that needs them, for messages; empty where there are none.
        requirements: Lines as pip takes them, each with a name.
        python: The versions of Python on which the server runs, as pip writes ranges; empty for any.
    """

    wanted_by: str = ""
    requirements: tuple[str, ...] = ()
    python: str = ""

    @property
    def stage(self) -> str:
        """Say what is being installed, for messages."""
        return f"installing the requirements{f' with what {self.wanted_by} needs' if self.requirements else ''}"

    def as_requirements(self) -> tuple[Requirement, ...]:
        """Return the lines as if a file of the model had them, so that an error can name those at fault."""
        return tuple(
            Requirement(
                text=text,
                file=f"added for {self.wanted_by}",
                line=line,
                name=str(canonicalize_name(Pep508(text).name)),
            )
            for line, text in enumerate(self.requirements, start=1)
        )


NO_ADDITIONS: Final = Additions()


def require_fit(additions: Additions, requirements: Sequence[Requirement], python_version: str) -> None:
    """Make sure, before anything is installed, that no pin of the model rules an addition out.

    What packages require in turn only the installer knows; it says so in its own words.

    Raises:
        RequirementsError: The Python or a pin does.
    """
    if additions.python and not SpecifierSet(additions.python).contains(Version(python_version), prereleases=True):
        raise RequirementsError(
            f"{additions.wanted_by} does not run on the model's Python {python_version}: it needs {additions.python}",
            facts={"asked for": "\n".join(additions.requirements)},
            fix=f"Log the model again with a Python {additions.python}, {_OTHER_SERVER}",
        )
    conflicts = tuple(_conflicts(additions, requirements, python_version))
    if conflicts:
        told = "; ".join(f"{without_credentials(mine.text)} against {wanted}" for mine, wanted in conflicts)
        raise RequirementsError(
            f"{additions.wanted_by} cannot live with the model's requirements: {told}",
            facts={"asked for": "\n".join(f"{without_credentials(mine.text)} ({mine.place})" for mine, _ in conflicts)},
            fix=f"Log the model again with versions that {additions.wanted_by} can live with, {_OTHER_SERVER}",
        )


def advised(error: EnvironmentBroken, additions: Additions) -> EnvironmentBroken:
    """Return the error of an installer with the way out that there is where a server's additions are at fault."""
    if additions.requirements and isinstance(error, RequirementsError):
        error.fix = f"{error.fix.removesuffix('.')}, {_OTHER_SERVER}"
    return error


def told_of(additions: Additions, freeze: Iterable[str], own: Iterable[str] | None) -> Iterator[str]:
    """Yield what the user should know of an environment with additions, a line each.

    Args:
        additions: What was added.
        freeze: What is installed.
        own: What is installed in the model's own environment; None where that was not built yet.
    """
    if not additions.requirements:
        return
    yield (
        f"for {additions.wanted_by} an environment of its own has the model's requirements and "
        f"{', '.join(additions.requirements)}: a requirement that the model forgot may have come with these"
    )
    if own is None:
        return
    here, there = versions_of(freeze), versions_of(own)
    moved = [f"{name} {old} -> {here[name]}" for name, old in there.items() if here.get(name, old) != old]
    if moved:
        yield f"beside the model's own environment it has other versions: {listed(moved, n_shown=_SHOWN)}"


def _conflicts(
    additions: Additions, requirements: Sequence[Requirement], python_version: str
) -> Iterator[tuple[Requirement, str]]:
    markers = markers_of(python_version)
    for line in additions.requirements:
        wanted = Pep508(line)
        name = canonicalize_name(wanted.name)
        for mine in requirements:
            if canonicalize_name(mine.name) == name and _rules_out(mine, wanted, markers):
                yield mine, line


def _rules_out(mine: Requirement, wanted: Pep508, markers: Mapping[str, str]) -> bool:
    """Tell whether a line of the model pins a version that is not wanted."""
    line = as_pep508(mine)
    if line is None or (line.marker is not None and not line.marker.evaluate(dict(markers))):
        return False
    pins = [each.version for each in line.specifier if each.operator == "==" and not each.version.endswith(".*")]
    return any(not wanted.specifier.contains(pin, prereleases=True) for pin in pins)
