"""The `uv` manager: `uv venv` makes the environment, `uv sync` and `uv pip` fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import InstallFailed
from ..install import BuildSite
from ..interpreter import Interpreter
from ..lock_file import Lock
from ..restoration import Environment, RestoreRequest
from ..symptoms import as_error
from .isolated import restore_isolated
from .locked import UvSync
from .packages import UvInstaller, find_uv


class Uv:
    """Build with uv alone."""

    name = "uv"

    def restore(self, request: RestoreRequest) -> Environment:
        """Find or build the environment.

        Raises:
            EnvironmentBroken: If it cannot be had.
        """
        uv = demand_uv(request.env)
        installer = UvInstaller.told(uv, request)
        lock = Lock.read(request.spec.directory)
        sync = UvSync(uv=uv, lock=lock, flags=installer.flags) if lock else None
        return restore_isolated(request, UvCreator(uv=uv), installer, sync=sync)


@dataclass(frozen=True, slots=True, kw_only=True)
class UvCreator:
    """Make empty environments by `uv venv`."""

    uv: Path
    name: str = "uv"

    def create(self, site: BuildSite, interpreter: Interpreter) -> None:
        """Make one of exactly this interpreter; uv would look for others by itself if asked by version.

        Raises:
            InstallFailed: If uv cannot.
        """
        command: list[str | Path] = [self.uv, "venv", "--no-project", "--python", interpreter.path, site.prefix]
        stage = f"creating an environment with Python {interpreter.version}"
        output = site.run(command, stage=stage)
        if output.returncode != 0:
            raise as_error(output, (), stage=stage, log=site.kept_log)


def demand_uv(env: Mapping[str, str]) -> Path:
    """Find uv.

    Raises:
        InstallFailed: If there is none.
    """
    if uv := find_uv(env):
        return uv
    raise InstallFailed(
        "uv was not found",
        facts={"looked in": env.get("PATH", "")},
        fix="Run `python -m pip install uv`, or use --model-env-manager=virtualenv.",
    )
