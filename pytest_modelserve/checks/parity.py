"""Whether the environment is the one that the model recorded: its packages, its Python, and nothing from elsewhere.

Source: `CONTRACT` section 4, "Environment parity".
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..environment.belonging import Belongings
from ..environment.conda_file import read_recorded
from ..environment.conda_pins import find_unmet_conda, told_of_python
from ..environment.consistency import find_conflicts
from ..environment.installed import InstalledPackages
from ..environment.interpreter import minor_of
from ..environment.pins import Unmet, find_unmet, versions_of
from ..environment.spec import BUILD_TOOLS, EnvironmentSpec
from ..errors import as_message
from ..results import CheckResult, FailureDetail, Judges, Outcome, notes
from .context import CheckContext
from .imported import MODULES_FILE, Imported, ImportedModule, by_package, read_imported
from .static_rule import StaticRule
from .undeclared import ADVICE_RULES, Ledger, advise

RUNTIME: Final = Path(__file__).parents[1] / "runtime"  # our own worker, which is no part of what the model imports
LOCAL: Final = "local"
UNPROVEN_BY_LOCAL: Final = (
    "nothing was restored: local runs the model with the packages of the tests, so that neither its requirements nor "
    "its Python are proven; use --model-env-manager=uv for that"
)
NOT_RECORDED: Final = "which modules the model imports was not recorded, so that none was looked at"
PARITY_RULES: Final = (
    StaticRule(
        id="unmet_pin",
        is_breach=True,
        meaning="A recorded requirement is not met by what is installed: another version, or nothing.",
        mend="Write the version that is installed into the line that is named, or see why another one was installed.",
    ),
    StaticRule(
        id="package_conflict",
        is_breach=True,
        meaning="Two installed packages contradict each other, as `pip check` would say.",
        mend="Record versions that agree: build an environment from the model's requirements and run `pip check`.",
    ),
    StaticRule(
        id="foreign_module",
        is_breach=True,
        meaning="The model imported a module that lies neither in its environment nor in its own directory.",
        mend="Add what it needs to the model's requirements, or its code to code_paths=, and log it again.",
    ),
    *ADVICE_RULES,
)
MAX_LINES: Final = 20  # of one kind; a reader mends the first and looks again


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One way in which the environment is not the recorded one.

    Attributes:
        rule: Its id.
        title: The headline.
        lines: Each package or module that it is about.
        fix: What to change.
    """

    rule: str
    title: str
    lines: Sequence[str]
    fix: str


def environment_parity(context: CheckContext, _: str) -> CheckResult:
    """Hold the environment against the recorded files, its packages against each other, its modules against both."""
    started = time.monotonic()
    environment = context.environment
    if environment.manager == LOCAL:
        return CheckResult(
            name="environment_parity",
            judges=Judges.ENVIRONMENT,
            outcome=Outcome.SKIPPED,
            reason=UNPROVEN_BY_LOCAL,
            applies=False,
        )
    spec = read_recorded(environment.manager, context.model.path, context.model.pyfunc.env)
    unmet = (
        *find_unmet(spec.requirements, versions_of(environment.freeze), python_version=environment.python_version),
        *find_unmet_conda(spec, environment.prefix, environment.freeze),
    )
    imported = read_imported(context.served.calls_path.parent / MODULES_FILE)
    strangers = tuple(find_strangers(context, imported.modules if imported else ()))
    ledger = Ledger.of(environment, spec)
    breaches = [
        *_unmet_pins(unmet),
        *_conflicts(ledger.packages),
        *_strangers([module for module in strangers if not module.is_generated]),
    ]
    return CheckResult(
        name="environment_parity",
        judges=Judges.ENVIRONMENT,
        outcome=Outcome.FAILED if breaches else Outcome.PASSED,
        elapsed_s=time.monotonic() - started,
        advice=(
            *notes([*_advice(context, spec, unmet, strangers), *([] if imported else [NOT_RECORDED])]),
            *advise(ledger, imported or Imported()),
        ),
        failure=_as_failure(context, breaches) if breaches else None,
    )


def find_strangers(context: CheckContext, modules: Iterable[ImportedModule]) -> Iterator[ImportedModule]:
    """Yield the modules that come neither from the environment nor from the model, nor from its standard library."""
    environment = context.environment
    places = Belongings.of(environment.prefix, environment.python_version, also=(context.model.path, RUNTIME))
    return (module for module in modules if module.file.is_absolute() and not places.hold(module.file))


def _unmet_pins(unmet: Iterable[Unmet]) -> Iterator[Breach]:
    packages = [one for one in unmet if one.name not in BUILD_TOOLS]
    if packages:
        yield Breach(
            rule="unmet_pin",
            title=f"the environment is not what the model recorded: {_some([one.text for one in packages])}",
            lines=[f"{one.text}  ({one.requirement.place})" for one in packages],
            fix=" ".join(_mended(one) for one in packages[:MAX_LINES]),
        )


def _mended(unmet: Unmet) -> str:
    place = unmet.requirement.place
    if not unmet.installed:
        return f"{place}: {unmet.line} brought nothing; name a version that can be installed."
    return f"{place}: write `{unmet.name}=={unmet.installed}`, or see why another one was installed."


def _conflicts(packages: InstalledPackages) -> Iterator[Breach]:
    found = list(find_conflicts(packages))
    if found:
        yield Breach(
            rule="package_conflict",
            title=f"the packages of the environment contradict each other: {_some(found)}",
            lines=found,
            fix="Record versions that agree: build an environment from the model's requirements and run `pip check`.",
        )


def _strangers(strangers: Sequence[ImportedModule]) -> Iterator[Breach]:
    if strangers:
        found = by_package(strangers)
        yield Breach(
            rule="foreign_module",
            title=f"the model imports from outside its environment: {_some(list(found))}",
            lines=[_package_line(name, modules) for name, modules in found.items()],
            fix="Add what it needs to the model's requirements, or its code to code_paths=, and log it again.",
        )


def _package_line(name: str, modules: Sequence[ImportedModule]) -> str:
    first = next((module for module in modules if module.name == name), modules[0])
    more = f" and {len(modules) - 1} more modules" if len(modules) > 1 else ""
    return f"{first.name} from {first.file}{more}, at {first.phase}"


def _advice(
    context: CheckContext, spec: EnvironmentSpec, unmet: Iterable[Unmet], strangers: Iterable[ImportedModule]
) -> Iterator[str]:
    environment = context.environment
    if spec.python and minor_of(spec.python) != minor_of(environment.python_version):
        yield f"the model recorded Python {spec.python} and runs on {environment.python_version}, as it was asked to"
    elif not spec.python:
        yield f"{told_of_python(spec)}: it runs on {environment.python_version}, and elsewhere on any other"
    tools = [one.text for one in unmet if one.name in BUILD_TOOLS]
    if tools:
        yield f"build tools are not the recorded ones, which counts only for packages built from source: {_some(tools)}"
    generated = by_package(module for module in strangers if module.is_generated)
    if generated:
        yield f"modules were written and imported while the model ran: {_some(list(generated))}"


def _some(texts: Sequence[str], most: int = 3) -> str:
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{'; '.join(texts[:most])}{more}"


def _as_failure(context: CheckContext, breaches: Sequence[Breach]) -> FailureDetail:
    first = breaches[0]
    found = {breach.rule.replace("_", " "): "\n".join(_cut(breach.lines)) for breach in breaches}
    environment = context.environment
    facts: dict[str, object] = {
        **found,
        "environment": environment.prefix,
        "python": environment.python_version,
        **context.facts,
    }
    return FailureDetail(
        title=first.title,
        rule=first.rule,
        expected="the recorded packages and nothing else",
        received="; ".join(line for breach in breaches for line in breach.lines[:MAX_LINES]),
        text=as_message(f"environment_parity: {first.title}", facts, " ".join(breach.fix for breach in breaches)),
        is_redacted=True,  # it names packages and files, and nothing of a row
    )


def _cut(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:MAX_LINES]
    if len(lines) > MAX_LINES:
        yield f"and {len(lines) - MAX_LINES} more"
