"""Environments that MLflow itself has built: found by the name that it gives them, and used only when proven whole.

MLflow takes a directory of that name for finished, though its build may have been killed or still run (mlflow issues
8306 and 2201), and leaves the lock, wheels of the model and settings of indexes out of the name. So whatever the name
does not cover is not reused, and of the rest every file that was to be installed is looked at.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from typing import Final

from ..errors import EnvironmentBroken
from .answers import Answers
from .consistency import find_conflicts
from .freeze import read_freeze, site_packages
from .installed import InstalledPackages
from .interpreter import Places, find_interpreter
from .ownership import demand_ownership
from .pins import find_unmet, versions_of
from .restoration import Environment, RestoreRequest

MANAGER: Final = "mlflow (reused)"
_LOCK: Final = "uv.lock"
_READS: Final = ("-r ", "--requirement ")  # MLflow knows these forms alone
_LIMITS: Final = ("-c ", "--constraint ")


def find_mlflow_environment(request: RestoreRequest) -> tuple[Environment | None, str]:
    """Give MLflow's environment of a model where it is all that the model asks for, else a note that says why not.

    Nothing is installed into it, and nothing removes it: it stays MLflow's.
    """
    started = time.monotonic()
    if reason := _uncovered(request):
        return None, f"no environment of MLflow's is reused: {reason}"
    try:
        prefix = _root(request) / mlflow_name(request)
    except (OSError, ValueError) as error:  # MLflow reads other lines as names of files than pip does
        return None, f"no environment of MLflow's is reused: its name takes a file that cannot be read: {error}"
    if not prefix.is_dir():
        return None, f"no environment of MLflow's is reused: there is no {prefix}"
    try:
        demand_ownership(prefix.parent, prefix)
        places, answers = Places(), Answers.of_cache(request.root)
        found = find_interpreter(None, places=places, answers=answers, explicit=prefix / "bin" / "python").interpreter
    except EnvironmentBroken as error:
        return None, f"MLflow's environment {prefix} is not reused: {error.happened}"
    freeze = read_freeze(prefix)
    if flaw := next(_flaws(request, prefix, found.version, freeze), ""):
        return None, f"MLflow's environment {prefix} is not reused: {flaw}"
    environment = Environment(
        manager=MANAGER,
        python=prefix / "bin" / "python",
        python_version=found.version,
        prefix=prefix,
        digest=hashlib.sha256("\n".join([str(prefix), found.version, *freeze]).encode()).hexdigest(),
        cached=True,
        elapsed_s=time.monotonic() - started,
        freeze=freeze,
        notes=(*request.spec.notes, f"taken from MLflow's environments after every file was looked at: {prefix}"),
    )
    return environment, ""


def mlflow_name(request: RestoreRequest) -> str:
    """Return the name that MLflow 2 and 3 give to the environment of a model, with virtualenv and uv alike.

    Raises:
        OSError: If a requirements file cannot be read.
        ValueError: If one is no UTF-8, or no path can have its name.
    """
    spec = request.spec
    described = {
        "python": spec.python,
        "build_dependencies": list(spec.build_dependencies),
        "dependencies": list(spec.dependencies),
    }
    lines = sorted(_requirements(spec.dependencies, spec.directory, is_constraint=False))
    shown = (f"_Requirement(req_str={text!r}, is_constraint={is_constraint!r})" for text, is_constraint in lines)
    text = str(described) + "".join(shown)
    return f"mlflow-{hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()}"


def _root(request: RestoreRequest) -> Path:
    home = Path(request.env["HOME"]) if request.env.get("HOME") else Path.home()
    return Path(request.env.get("MLFLOW_ENV_ROOT") or home / ".mlflow" / "envs")


def _uncovered(request: RestoreRequest) -> str:
    """Say what decides the model's environment and is not in MLflow's name of it."""
    spec = request.spec
    if spec.python is None or request.python is not None:
        return "its Python is not the one that the model records"
    if request.additions.requirements:
        return f"{request.additions.wanted_by} needs more than the model's requirements"
    if any(name == _LOCK for name, _ in spec.files):
        return "the model has a uv.lock, which MLflow's name of it does not cover"
    if spec.includes_remote:
        return "what a requirements file at an address says may have changed"
    if address := next((one.text for one in spec.requirements if not one.name or "@" in one.text), ""):
        return f"what is at {address} may have changed"
    return ""


def _flaws(request: RestoreRequest, prefix: Path, version: str, freeze: tuple[str, ...]) -> Iterator[str]:
    wanted = str(request.spec.python)
    if not f"{version}.".startswith(f"{wanted}."):
        yield f"it runs Python {version}, not {wanted}"
    unmet = find_unmet(request.spec.requirements, versions_of(freeze), python_version=version)
    yield from (each.text for each in unmet)
    yield from find_conflicts(InstalledPackages.of(prefix, version))
    yield from _missing_files(prefix)


def _missing_files(prefix: Path) -> Iterator[str]:
    """Name the files that a killed or a running installer has not written, or not whole.

    Read from RECORD itself: from Python 3.12 on `Distribution.files` leaves out those that are not there.
    """
    for package in distributions(path=[str(folder) for folder in site_packages(prefix)]):
        record = package.read_text("RECORD")
        if record is None:
            yield f"{package.metadata['Name']} does not say which files it has"
        for name, _digest, size in csv.reader((record or "").splitlines()):
            path = Path(str(package.locate_file(name)))
            if size and (not path.is_file() or path.stat().st_size != int(size)):
                yield f"{name} of {package.metadata['Name']} is not there, or not whole"


def _requirements(lines: Iterable[str], folder: Path, *, is_constraint: bool) -> Iterator[tuple[str, bool]]:
    """Read requirement lines exactly as MLflow does, whose reading is in the name."""
    for line in _joined(_without_comment(line.strip()) for line in lines):
        if not line or line.startswith("#"):
            continue
        is_limit = line.startswith(_LIMITS)
        if is_limit or line.startswith(_READS):
            path = folder / line.split(maxsplit=1)[1]
            text = path.read_text(encoding="utf-8").splitlines()
            yield from _requirements(text, path.parent, is_constraint=is_limit)
        else:
            yield line, is_constraint


def _without_comment(line: str) -> str:
    return line[: line.find(" #")].rstrip() if " #" in line else line


def _joined(lines: Iterable[str]) -> Iterator[str]:
    parts: list[str] = []
    for line in chain(lines, [""]):  # the last line may end with a backslash
        parts.append(line.rstrip("\\"))
        if not line.endswith("\\"):
            yield "".join(parts)
            parts.clear()
