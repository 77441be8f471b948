"""The steps that all managers with an environment of its own share: interpreter, cache, packages, one real load."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from ...errors import RequirementsError
from ..additions import NO_ADDITIONS, advised, require_fit, told_of
from ..answers import Answers
from ..cache import EnvironmentCache, Slot
from ..digest import environment_digest
from ..disk import as_error as as_disk_error
from ..freeze import read_freeze
from ..indexes import index_identity, read_pip_settings
from ..install import BuildSite, Output, installer_environment
from ..interpreter import Choice, Interpreter, Places, find_interpreter
from ..progress import Progress
from ..restoration import Environment, RestoreRequest
from ..symptoms import as_error
from ..usage import record_use
from .packages import Installer

_KEY_DIGITS: Final = 32  # keeps the paths short; still 128 bits
_LOW_DISK_BYTES: Final = 2 * 1024**3  # scikit-learn with mlflow takes 0.6 to 0.9 GiB
_TAIL_LINES: Final = 5
_MISSING_MODULE: Final = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")


class Creator(Protocol):
    """Make an empty environment."""

    @property
    def name(self) -> str:
        """The env manager's name."""
        ...

    def create(self, site: BuildSite, interpreter: Interpreter) -> None:
        """Make it at the site's prefix.

        Raises:
            InstallFailed: If that cannot be done.
        """


def restore_isolated(request: RestoreRequest, creator: Creator, installer: Installer) -> Environment:
    """Find or build the environment in the cache.

    Raises:
        EnvironmentBroken: If it cannot be had: no files, no interpreter, requirements that cannot be met, a disk that
            is full.
    """
    started = time.monotonic()
    _demand_files(request)
    request = replace(request, root=request.root.absolute())  # commands run in directories of their own
    try:
        choice = find_interpreter(
            request.spec.python,
            places=Places.of(request.env),
            answers=Answers(request.root / "interpreters.json"),
            explicit=request.python,
        )
        require_fit(request.additions, request.spec.requirements, choice.interpreter.version)
        digest = _digest(request, choice.interpreter, (creator.name, installer.name))
        own = _digest(replace(request, additions=NO_ADDITIONS), choice.interpreter, (creator.name, installer.name))
        cache = EnvironmentCache(request.root, run_id=request.run_id, progress=request.progress)
        build = _Build(request=request, interpreter=choice.interpreter, creator=creator, installer=installer)
        built = cache.obtain(digest[:_KEY_DIGITS], build)
    except OSError as error:
        raise as_disk_error(error, request.root) from error
    if request.model_uri:
        record_use(built.directory.parent, request.model_uri, request.spec.directory)
    python = built.directory / built.facts["python"]
    return Environment(
        manager=creator.name,
        python=python,
        python_version=built.facts["python_version"],
        prefix=python.parent.parent,
        digest=digest,
        cached=built.is_hit,
        elapsed_s=time.monotonic() - started,
        freeze=tuple(built.facts["freeze"]),
        notes=(*_notes(request, choice, built.facts), *_added_notes(request, built.facts, own)),
        added=request.additions.requirements,
        lease=built.lease if built.lease.is_held else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    request: RestoreRequest
    interpreter: Interpreter
    creator: Creator
    installer: Installer

    def __call__(self, directory: Path, progress: Progress) -> Mapping[str, object]:
        """Build into the directory and describe what came of it."""
        request = self.request
        site = BuildSite(
            directory=directory,
            env=self.installer.environment(installer_environment(request.env)),
            progress=progress,
            timeout_s=request.install_timeout_s,
        )
        notes = list(_disk_notes(directory))
        self.creator.create(site, self.interpreter)
        self._install(site, request.spec.build_dependencies, "installing the build tools")
        wanted = (*request.spec.dependencies, *request.additions.requirements)
        self._install(site, wanted, request.additions.stage)
        return {
            "manager": self.creator.name,
            "python": site.python.relative_to(directory).as_posix(),
            "python_version": self.interpreter.version,
            "freeze": read_freeze(site.prefix),
            "notes": notes,
            "smoke": {"directory": str(request.spec.directory), "notes": self._smoke(site)},
        }

    def _install(self, site: BuildSite, lines: Sequence[str], stage: str) -> None:
        if not lines:
            return
        work = site.directory / "work"
        lines_file = _mirror(self.request.spec.directory, work, lines)
        output = site.run(self.installer.command(site.python, lines_file), cwd=work, stage=stage)
        shutil.rmtree(work)
        if output.returncode != 0:
            known = (*self.request.spec.requirements, *self.request.additions.as_requirements())
            error = as_error(output, known, stage=stage, log=site.kept_log)
            raise advised(error, self.request.additions)

    def _smoke(self, site: BuildSite) -> list[str]:
        if not self.request.smoke:
            return []
        variables = self.request.smoke_env(site.prefix)
        patient = replace(site, env=variables, timeout_s=self.request.smoke_timeout_s)
        config = site.directory / "smoke.json"
        config.write_text(json.dumps(dict(self.request.smoke_config)), encoding="utf-8")
        told = (str(config),) if self.request.smoke_config else ()
        output = patient.run([site.python, "-I", *self.request.smoke, *told], stage="loading the model once")
        config.unlink(missing_ok=True)  # the model's own code ran meanwhile
        return _smoke_notes(output, self.request.smoke_timeout_s)


def _demand_files(request: RestoreRequest) -> None:
    if request.spec.is_declared:
        return
    raise RequirementsError(
        "the model has no environment files",
        facts={
            "model": request.spec.directory,
            "looked for": "python_env.yaml, conda.yaml, requirements.txt and what MLmodel names",
        },
        fix="Log the model again with its requirements, or use --model-env-manager=local.",
    )


def _digest(request: RestoreRequest, interpreter: Interpreter, engine: tuple[str, str]) -> str:
    return environment_digest(
        request.spec,
        interpreter,
        recipe={"engine": engine, "extra": request.additions.requirements},
        indexes=index_identity(read_pip_settings(request.env), request.env),
    )


def _mirror(model: Path, work: Path, lines: Sequence[str]) -> Path:
    """Make a directory that looks like the model's, which may be read-only, and put the lines into a file there."""
    work.mkdir()
    for path in model.iterdir():
        (work / path.name).symlink_to(path.absolute())
    lines_file = work / ".modelserve-requirements.txt"
    lines_file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return lines_file


def _disk_notes(directory: Path) -> Sequence[str]:
    free = shutil.disk_usage(directory).free
    return [] if free >= _LOW_DISK_BYTES else [f"the disk of the cache had {free / 1024**3:.1f} GiB left"]


def _smoke_notes(output: Output, timeout_s: float) -> list[str]:
    if output.returncode == 0:
        return []
    missing = _MISSING_MODULE.findall("\n".join(output.lines))
    if missing:
        return [f"the model imports {missing[-1]!r}, which its requirements do not bring"]
    how = f"{timeout_s:g} s were not enough" if output.is_timed_out else f"exit code {output.returncode}"
    tail = " | ".join(line.strip() for line in output.lines[-_TAIL_LINES:] if line.strip())
    return [f"loading the model once failed ({how}): {tail}"]


def _notes(request: RestoreRequest, choice: Choice, facts: Mapping[str, Mapping[str, object]]) -> tuple[str, ...]:
    """Collect what is to be said; how the load went only for the model that was loaded."""
    smoke = facts["smoke"]
    loaded = smoke["notes"] if smoke["directory"] == str(request.spec.directory) else ()
    first = (choice.note,) if choice.note else ()
    return (*first, *request.spec.notes, *_texts(facts["notes"]), *_texts(loaded))


def _added_notes(request: RestoreRequest, facts: Mapping[str, Sequence[str]], own: str) -> Iterator[str]:
    """Say what stands in the environment beside the model's requirements, and how it differs from the model's own."""
    pointer = Slot(root=request.root, key=own[:_KEY_DIGITS]).read_pointer()
    return told_of(request.additions, facts["freeze"], None if pointer is None else pointer["facts"]["freeze"])


def _texts(values: object) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, list | tuple) else ()
