"""The `virtualenv` manager: the virtualenv library makes the environment; uv fills it, or pip where there is no uv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import InstallFailed
from ..install import BuildSite
from ..interpreter import Interpreter
from ..restoration import Environment, RestoreRequest
from .isolated import restore_isolated
from .packages import Installer, PipInstaller, UvInstaller, find_uv


class Virtualenv:
    """Build with virtualenv in this process.

    Args:
        uses_uv: Whether uv installs the packages where it is there; pip takes some twenty times as long.
    """

    name = "virtualenv"

    def __init__(self, *, uses_uv: bool = True) -> None:
        self._uses_uv = uses_uv

    def restore(self, request: RestoreRequest) -> Environment:
        """Find or build the environment.

        Raises:
            EnvironmentBroken: If it cannot be had.
        """
        uv = find_uv(request.env) if self._uses_uv else None
        installer: Installer = UvInstaller.told(uv, request) if uv else PipInstaller()
        creator = VirtualenvCreator(app_data=request.root / "virtualenv", has_pip=uv is None)
        return restore_isolated(request, creator, installer)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualenvCreator:
    """Make environments by the virtualenv library.

    Attributes:
        app_data: Where virtualenv keeps what it knows.
        has_pip: Whether to put pip (and setuptools, for old Pythons) in, as `python -m venv` does.
    """

    app_data: Path
    has_pip: bool
    name: str = "virtualenv"

    def create(self, site: BuildSite, interpreter: Interpreter) -> None:
        """Make one; never asking an index for newer seeds behind the caller's back.

        Raises:
            InstallFailed: If virtualenv cannot: it seeds no Python that its pip does not know any more.
        """
        from virtualenv import cli_run

        site.progress.step(f"creating an environment with Python {interpreter.version}")
        arguments = [
            *(str(site.prefix), "--python", str(interpreter.path), "--app-data", str(self.app_data)),
            *("--no-periodic-update", "--no-vcs-ignore", *(() if self.has_pip else ("--no-seed",))),
        ]
        try:
            cli_run(arguments, setup_logging=False, env=dict(site.env))
        except (RuntimeError, SystemExit) as error:
            raise InstallFailed(
                f"virtualenv cannot make an environment with Python {interpreter.version}: {error}",
                facts={"python": interpreter.path},
                fix="Install uv (`python -m pip install uv`) or use --model-env-manager=uv.",
            ) from error
