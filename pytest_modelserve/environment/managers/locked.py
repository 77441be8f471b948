"""Following a uv.lock as MLflow does with uv: its packages exactly, then what only the requirement files have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..freeze import read_freeze
from ..install import BuildSite, Output
from ..lock_file import PROJECT, PYTHON_VERSION, Lock
from .surroundings import in_project

STAGE: Final = "installing what uv.lock pins"
_SYNC_FLAG: Final = {"--no-binary": "--no-binary-package", "--only-binary": "--no-build-package"}
_OF_ALL: Final = {"--no-binary=:all:": "--no-binary", "--only-binary=:all:": "--no-build"}
_FREEZE_FILE: Final = ".modelserve-locked.txt"
_SHARED: Final = "--allow-insecure-host="


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSync:
    """Install a lock by `uv sync`.

    Attributes:
        uv: The executable.
        lock: What is followed.
        flags: Those of `uv pip install` that say pip's settings.
    """

    uv: Path
    lock: Lock
    flags: Sequence[str] = ()

    def run(self, site: BuildSite, work: Path) -> Output:
        """Install exactly what is locked for the project without its groups and extras, beside what is there.

        Args:
            site: Whose environment is filled.
            work: A directory that looks like the model's; it is changed, so that uv finds the locked project in it.
                The model's .python-version goes, for it would be stronger than the environment's own Python.
        """
        (work / PYTHON_VERSION).unlink(missing_ok=True)
        if not self.lock.has_project_file:
            (work / PROJECT).unlink(missing_ok=True)
            if self.lock.project:
                (work / PROJECT).write_text(self.lock.as_project(), encoding="utf-8")
        aimed = in_project(site, work)
        aimed = replace(aimed, env={**aimed.env, "UV_PROJECT_ENVIRONMENT": str(site.prefix)})
        return aimed.run(self.command(site.python), cwd=work, stage=STAGE)

    def overriding(self, site: BuildSite, work: Path) -> BuildSite:
        """Give a site in which `uv pip install` leaves what is installed as it is, whatever anybody requires."""
        return _with_freeze(site, work, "UV_OVERRIDE")

    def limiting(self, site: BuildSite, work: Path) -> BuildSite:
        """Give a site in which `uv pip install` fails where something requires another version than is installed."""
        return _with_freeze(site, work, "UV_CONSTRAINT")

    def command(self, python: Path) -> list[str]:
        """Give the command; `--frozen` takes the lock as it is, whatever the project file says by now."""
        plain = ["--frozen", "--no-dev", "--no-install-project", "--inexact", "--python", str(python)]
        return [str(self.uv), "sync", *plain, *_sync_flags(self.flags)]


def _with_freeze(site: BuildSite, work: Path, variable: str) -> BuildSite:
    file = work / _FREEZE_FILE
    file.write_text("\n".join([*read_freeze(site.prefix), ""]), encoding="utf-8")
    others = site.env.get(variable, "")
    return replace(site, env={**site.env, variable: f"{others} {file.name}".strip()})


def _sync_flags(flags: Iterable[str]) -> Iterator[str]:
    """Say flags of `uv pip install` as `uv sync` has them; the lock has settled what they say of indexes."""
    for flag in flags:
        name, _, value = flag.partition("=")
        if flag in _OF_ALL:
            yield _OF_ALL[flag]
        elif name in _SYNC_FLAG:
            yield f"{_SYNC_FLAG[name]}={value}"
        elif flag.startswith(_SHARED):
            yield flag
