"""Advice on the model's requirements: what it imports and they do not name, and what they leave to the day of a build.

Source: `CONTRACT` section 4, "Environment parity".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import canonicalize_name

from ..environment.indexes import without_credentials
from ..environment.installed import InstalledPackages
from ..environment.loose import Loose, built_on, find_loose, pin_of
from ..environment.origins import brought_by, declared_by, named_by_extras
from ..environment.pins import versions_of
from ..environment.restoration import Environment
from ..environment.spec import BUILD_TOOLS, EnvironmentSpec
from ..results import Advice
from .imported import Imported, ImportedModule
from .static_rule import StaticRule

UNDECLARED: Final = "undeclared_import"
LATE: Final = "late_import"
LOOSE: Final = "loose_pin"
ADVICE_RULES: Final = (
    StaticRule(
        id=UNDECLARED,
        is_breach=False,
        meaning="The model's own code imports a package that its requirements do not name: it is there only because "
        "another package, a tool for building or a server brought it, and is gone when that one no longer does.",
        mend="Add the line that is shown to the model's requirements.",
    ),
    StaticRule(
        id=LATE,
        is_breach=False,
        meaning="The model's own code imports a package only when it predicts: the first request is slower, and where "
        "the package is missing no start of a server shows it.",
        mend="Import it at the top of the module, or in load_context.",
    ),
    StaticRule(
        id=LOOSE,
        is_breach=False,
        meaning="A requirement names no exact version, so that an environment that is built on another day may have "
        "another one.",
        mend="Put the line that is shown in its place.",
    ),
)
MAX_NAMED: Final = 5  # packages in a sentence; the lines below have all
MAX_PASTED: Final = 40  # lines in one block


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeclared:
    """A package that the model's own code imports and its requirements do not name.

    Attributes:
        module: What is imported.
        line: The requirement that is missing.
        came_with: Why it is there all the same, in words.
    """

    module: ImportedModule
    line: str
    came_with: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The packages of an environment beside what the model's requirements say of them.

    Attributes:
        environment: The environment.
        spec: What the model asks for.
        packages: What is installed.
    """

    environment: Environment
    spec: EnvironmentSpec
    packages: InstalledPackages = field(repr=False)

    @classmethod
    def of(cls, environment: Environment, spec: EnvironmentSpec) -> Ledger:
        """Read the packages."""
        packages = InstalledPackages.of(environment.prefix, environment.python_version)
        return cls(environment=environment, spec=spec, packages=packages)

    def undeclared(self, imported: Imported) -> Iterator[Undeclared]:
        """Yield the packages that the model's own code imports and its requirements do not name, by their order."""
        declared = declared_by(self.spec, self.packages.markers)
        named = declared.keys() | named_by_extras(self.packages, declared)
        came = brought_by(self.packages, declared)
        told: set[str] = set()
        for module in imported.by_model().values():
            owners = self.packages.owners_of(module.name, module.file)
            if not owners or any(one in named or self.packages.is_named_elsewhere(one) for one in owners):
                continue
            name = next((one for one in owners if one in came), owners[0])
            if name not in told:
                told.add(name)
                line = pin_of(self.packages.spelled(name), self.packages.by_name[name].version)
                yield Undeclared(module=module, line=line, came_with=self._why_there(name, came))

    def loose(self) -> tuple[Loose, ...]:
        """Return the requirements without an exact version; none where uv's lock file has them all."""
        if self.environment.manager == "uv" and (self.spec.directory / "uv.lock").is_file():
            return ()
        versions = versions_of(self.environment.freeze)
        return tuple(find_loose(self.spec.requirements, versions, self.packages.markers))

    def late(self, imported: Imported) -> Sequence[str]:
        """Return what the model's own code imports only when it predicts, of what packages brought."""
        modules = imported.by_model().values()
        return [one.name for one in modules if one.phase != "load" and self.packages.owners_of(one.name, one.file)]

    def _why_there(self, name: str, came: Mapping[str, str]) -> str:
        if name in came:
            return f"it came with {self.packages.spelled(came[name])}"
        added = {str(canonicalize_name(line.partition("=")[0].strip())): frozenset[str]() for line in self._added()}
        if name in brought_by(self.packages, added):
            return "it came with what the server needs, and is missing where another one serves"
        if name in BUILD_TOOLS:
            return "it came with the tools for building"
        return "nothing that they name brings it"

    def _added(self) -> Iterator[str]:
        for line in self.environment.added:
            yield line.partition("[")[0]


def advise(ledger: Ledger, imported: Imported) -> Iterator[Advice]:
    """Yield what should be said of a model's requirements, at last the lines to paste into them."""
    undeclared, loose = tuple(ledger.undeclared(imported)), ledger.loose()
    for one in undeclared[:MAX_NAMED]:
        at = " at predict" if one.module.phase != "load" else ""
        text = f"the model imports `{one.module.name}`{at}, which its requirements do not name: {one.came_with}"
        yield Advice(text=text, kind=UNDECLARED)
    if len(undeclared) > MAX_NAMED:
        rest = ", ".join(f"`{one.module.name}`" for one in undeclared[MAX_NAMED:])
        yield Advice(text=f"the model imports more that its requirements do not name: {rest}", kind=UNDECLARED)
    if late := ledger.late(imported):
        names = ", ".join(f"`{name}`" for name in late)
        text = f"the model imports {names} only when it predicts: a request waits for it, and no start shows it missing"
        yield Advice(text=text, kind=LATE)
    if loose:
        yield Advice(text=_loose_text(loose, built_on(ledger.environment.prefix)), kind=LOOSE)
    if undeclared or loose:
        kind = UNDECLARED if undeclared else LOOSE
        yield Advice(text=_block([one.line for one in undeclared], [one.line for one in loose]), kind=kind)


def _loose_text(loose: Sequence[Loose], day: str) -> str:
    shown = ", ".join(f"`{without_credentials(one.requirement.text)}`" for one in loose[:MAX_NAMED])
    more = f" and {len(loose) - MAX_NAMED} more" if len(loose) > MAX_NAMED else ""
    when = f"the build of {day}" if day else "the first build"
    return f"{when} decided which version is installed, and a later one may decide otherwise: {shown}{more}"


def _block(missing: Sequence[str], loose: Sequence[str]) -> str:
    """Return the lines for the requirements, one below the other, so that they can be pasted."""
    todo = [("add", missing), ("put in place of those without a version", loose)]
    said = " and ".join(f"{verb} {'this line' if len(lines) == 1 else 'these lines'}" for verb, lines in todo if lines)
    if missing and loose:
        said = "add these lines, or put them in place of those without a version"
    lines = [*missing, *loose]
    cut = [*lines[:MAX_PASTED], *([f"# and {len(lines) - MAX_PASTED} more"] if len(lines) > MAX_PASTED else [])]
    return "\n".join([f"in the model's requirements, {said}:", *(f"      {line}" for line in cut)])
