"""The steps that all managers with an environment of its own share: interpreter, cache, packages, one real load."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from ...errors import RequirementsError
from ...forgotten import how_to_mend, missing_module
from ..activation import activated
from ..additions import NO_ADDITIONS, advised, require_fit, told_of
from ..answers import Answers
from ..cache import EnvironmentCache, Slot
from ..digest import environment_digest
from ..disk import as_error as as_disk_error
from ..freeze import read_freeze
from ..indexes import index_identity, read_pip_settings, secrets_in
from ..install import BuildSite, Output, installer_environment
from ..interpreter import Choice, Interpreter, Places, find_interpreter
from ..listing import loose_note
from ..lock_file import NOT_FOLLOWED, has_lock, lock_notes, rest_of
from ..progress import Progress
from ..restoration import Environment, RestoreRequest
from ..symptoms import as_error
from ..usage import record_use
from .locked import STAGE, UvSync
from .mirror import Mirror
from .packages import Installer
from .surroundings import with_models_project, without_project

_KEY_DIGITS: Final = 32  # keeps the paths short; still 128 bits
_LOW_DISK_BYTES: Final = 2 * 1024**3  # scikit-learn with mlflow takes 0.6 to 0.9 GiB
_TAIL_LINES: Final = 5

_UNKNOWN: Final = Choice(interpreter=Interpreter(path=Path(), version=""))  # the creator's own, before it is there


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


def _no_notes(_: Path) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPython:
    """A Python that the creator itself brings: none is looked up, and which it is shows once it is there.

    Attributes:
        identity: What decides which it will be.
        notes: Gives what the user should know of a finished prefix.
        secrets: What the creator is told and nobody is to read.
    """

    identity: tuple[str, ...]
    notes: Callable[[Path], Iterable[str]] = _no_notes
    secrets: tuple[str, ...] = ()


def restore_isolated(
    request: RestoreRequest,
    creator: Creator,
    installer: Installer,
    *,
    own_python: OwnPython | None = None,
    sync: UvSync | None = None,
) -> Environment:
    """Find or build the environment in the cache.

    Args:
        request: What is asked for.
        creator: Makes the empty environment.
        installer: Fills it.
        own_python: Told where the creator brings the Python; None looks one up.
        sync: Installs the model's lock, where the manager follows one.

    Raises:
        EnvironmentBroken: If it cannot be had: no files, no interpreter, requirements that cannot be met, a disk that
            is full.
    """
    started = time.monotonic()
    _demand_files(request)
    request = replace(request, root=request.root.absolute())  # commands run in directories of their own
    try:
        choice = _UNKNOWN if own_python else _looked_up(request)
        if sync is not None:
            sync.lock.require_python(choice.interpreter.version, recorded=request.spec.python)
        engine = (creator.name, installer.name, *(own_python.identity if own_python else ()))
        recipe: dict[str, object] = {"engine": engine, **({"mode": "locked"} if sync else {})}
        digest = _digest(request, choice.interpreter, recipe)
        own = _digest(replace(request, additions=NO_ADDITIONS), choice.interpreter, recipe)
        cache = EnvironmentCache(request.root, run_id=request.run_id, progress=request.progress)
        build = _Build(
            request=request,
            interpreter=choice.interpreter,
            creator=creator,
            installer=installer,
            notes_of=own_python.notes if own_python else _no_notes,
            secrets=own_python.secrets if own_python else (),
            sync=sync,
        )
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
        notes=(*_notes(request, choice, built.facts, sync), *_added_notes(request, built.facts, own)),
        added=request.additions.requirements,
        lease=built.lease if built.lease.is_held else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    request: RestoreRequest
    interpreter: Interpreter
    creator: Creator
    installer: Installer
    notes_of: Callable[[Path], Iterable[str]]
    secrets: tuple[str, ...] = ()
    sync: UvSync | None = None

    def __call__(self, directory: Path, progress: Progress) -> Mapping[str, object]:
        """Build into the directory and describe what came of it."""
        request = self.request
        texts = [*request.spec.options, *(each.text for each in request.spec.requirements)]
        site = BuildSite(
            directory=directory,
            env=without_project(directory, self.installer.environment(installer_environment(request.env))),
            progress=progress,
            timeout_s=request.install_timeout_s,
            secrets=(*self.secrets, *secrets_in(texts, request.env)),
        )
        notes = list(_disk_notes(directory))
        self.creator.create(site, self.interpreter)
        site = replace(site, env={**site.env, **activated(site.prefix, site.env)})
        version = self.interpreter.version or self._own_version(site)
        notes += self.notes_of(site.prefix)
        mirror = Mirror.of(request.spec.directory, directory / "work", [name for name, _ in request.spec.files])
        site = with_models_project(site, mirror.root, self.creator.name)
        self._install(site, mirror, request.spec.build_dependencies, "installing the build tools")
        wanted = (*request.spec.dependencies, *request.additions.requirements)
        if self.sync is None:
            self._install(site, mirror, wanted, request.additions.stage)
        else:
            notes += self._follow(site, mirror, self.sync)
        mirror.close(keeps_packages=any(each.is_editable for each in request.spec.requirements))
        return {
            "manager": self.creator.name,
            "python": site.python.relative_to(directory).as_posix(),
            "python_version": version,
            "freeze": read_freeze(site.prefix),
            "notes": notes,
            "smoke": {"directory": str(request.spec.directory), "notes": self._smoke(site)},
        }

    def _own_version(self, site: BuildSite) -> str:
        """Ask the Python that was installed, which shows that it runs, and see that the additions run on it."""
        answers = Answers(site.directory / "interpreter.json")
        version = find_interpreter(None, places=Places(), answers=answers, explicit=site.python).interpreter.version
        require_fit(self.request.additions, self.request.spec.requirements, version)
        return version

    def _install(self, site: BuildSite, mirror: Mirror, lines: Sequence[str], stage: str) -> None:
        if not lines:
            return
        command = self.installer.command(site.python, mirror.write_lines(lines))
        self._demand(site.run(command, cwd=mirror.root, stage=stage), site, stage)

    def _follow(self, site: BuildSite, mirror: Mirror, sync: UvSync) -> Iterator[str]:
        """Install the lock, what it lacks, and additions, none of which moves what is locked; say what was lacking."""
        spec, additions, version = self.request.spec, self.request.additions, self.interpreter.version
        self._demand(sync.run(site, mirror.root), site, STAGE)
        yield from lock_notes(sync.lock, version)
        rest = rest_of(spec.requirements, read_freeze(site.prefix), python_version=version)
        yield from rest.notes
        if rest.lacking or spec.includes_remote:
            self._install(sync.overriding(site, mirror.root), mirror, spec.dependencies, NO_ADDITIONS.stage)
        if additions.requirements:
            lines = (*spec.options, *additions.requirements)
            self._install(sync.limiting(site, mirror.root), mirror, lines, additions.stage)

    def _demand(self, output: Output, site: BuildSite, stage: str) -> None:
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


def _looked_up(request: RestoreRequest) -> Choice:
    choice = find_interpreter(
        request.spec.python,
        places=Places.of(request.env, cache=request.root),
        answers=Answers.of_cache(request.root),
        explicit=request.python,
    )
    require_fit(request.additions, request.spec.requirements, choice.interpreter.version)
    return choice


def _digest(request: RestoreRequest, interpreter: Interpreter, recipe: Mapping[str, object]) -> str:
    return environment_digest(
        request.spec,
        interpreter,
        recipe={**recipe, "extra": request.additions.requirements},
        indexes=index_identity(read_pip_settings(request.env), request.env),
    )


def _disk_notes(directory: Path) -> Sequence[str]:
    free = shutil.disk_usage(directory).free
    return [] if free >= _LOW_DISK_BYTES else [f"the disk of the cache had {free / 1024**3:.1f} GiB left"]


def _smoke_notes(output: Output, timeout_s: float) -> list[str]:
    if output.returncode == 0:
        return []
    if missing := missing_module("\n".join(line for line in output.lines if not line.startswith("{"))):
        return [f"the model imports {missing!r}, which its requirements do not bring", how_to_mend(missing)]
    how = f"{timeout_s:g} s were not enough" if output.is_timed_out else f"exit code {output.returncode}"
    tail = " | ".join(line.strip() for line in output.lines[-_TAIL_LINES:] if line.strip())
    return [f"loading the model once failed ({how}): {tail}"]


def _notes(
    request: RestoreRequest, choice: Choice, facts: Mapping[str, Mapping[str, object]], sync: UvSync | None
) -> tuple[str, ...]:
    """Collect what is to be said; how the load went only for the model that was loaded."""
    smoke = facts["smoke"]
    loaded = smoke["notes"] if smoke["directory"] == str(request.spec.directory) else ()
    locked = sync.lock.names if sync else ()
    said = [choice.note, *request.spec.notes, loose_note([name for name in request.spec.loose if name not in locked])]
    if sync is None and has_lock(request.spec.directory):
        said.append(NOT_FOLLOWED)
    return (*filter(None, said), *_texts(facts["notes"]), *_texts(loaded))


def _added_notes(request: RestoreRequest, facts: Mapping[str, Sequence[str]], own: str) -> Iterator[str]:
    """Say what stands in the environment beside the model's requirements, and how it differs from the model's own."""
    pointer = Slot(root=request.root, key=own[:_KEY_DIGITS]).read_pointer()
    return told_of(request.additions, facts["freeze"], None if pointer is None else pointer["facts"]["freeze"])


def _texts(values: object) -> tuple[str, ...]:
    return tuple(map(str, values)) if isinstance(values, list | tuple) else ()
