"""The `virtualenv` manager: the virtualenv library makes the environment; uv fills it, or pip where there is no uv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...errors import InstallFailed
from ..install import BuildSite
from ..interpreter import Interpreter
from ..restoration import Environment, RestoreRequest
from ..symptoms import as_error
from .isolated import restore_isolated
from .packages import Installer, PipInstaller, UvInstaller, find_uv

_OF_SEEDS: Final = frozenset({"UV_CACHE_DIR", "UV_LINK_MODE", "UV_NO_PROGRESS", "UV_PYTHON_DOWNLOADS"})
_SEEDED: Final = "with the Python's own pip"  # in the key: environments without it were made before
_OWN_WHEELS: Final = """
import ensurepip, pathlib, sys, sysconfig
names = ["pip"] if sys.version_info >= (3, 12) else ["pip", "setuptools"]
for folder in (sysconfig.get_config_var("WHEEL_PKG_DIR"), pathlib.Path(ensurepip.__file__).with_name("_bundled")):
    found = [sorted(pathlib.Path(folder).glob(name + "-*.whl"))[-1:] for name in names] if folder else []
    if found and all(found):
        print("\\n".join(str(wheel) for wheel, in found))
        break
"""


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
        by_uv = UvInstaller.told(uv, request) if uv else None
        installer: Installer = replace(by_uv, name=f"uv {_SEEDED}") if by_uv else PipInstaller(name=f"pip {_SEEDED}")
        creator = VirtualenvCreator(app_data=request.root.absolute() / "virtualenv", uv=uv)
        return restore_isolated(request, creator, installer)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualenvCreator:
    """Make environments by the virtualenv library, with the pip and the setuptools that `python -m venv` puts in.

    Those are the interpreter's own: virtualenv's are so new that they have no `pkg_resources`, which old models import.

    Attributes:
        app_data: Where virtualenv keeps what it knows.
        uv: What puts them in, by links; virtualenv does where there is none, for no Python before 3.9.
    """

    app_data: Path
    uv: Path | None
    name: str = "virtualenv"

    def create(self, site: BuildSite, interpreter: Interpreter) -> None:
        """Make one; never asking an index for newer seeds behind the caller's back.

        Raises:
            InstallFailed: If virtualenv cannot, or the interpreter's own wheels cannot be installed.
        """
        from virtualenv import cli_run

        site.progress.step(f"creating an environment with Python {interpreter.version}")
        asked = site.run([interpreter.path, "-I", "-c", _OWN_WHEELS], stage="looking for the Python's own pip")
        wheels = asked.lines if asked.returncode == 0 else ()  # Debian takes ensurepip away, and venv with it
        seeds = ["--no-seed"] if self.uv else _as_seeds(wheels)
        arguments = [
            *(str(site.prefix), "--python", str(interpreter.path), "--app-data", str(self.app_data)),
            *("--no-periodic-update", "--no-vcs-ignore", *seeds),
        ]
        try:
            cli_run(arguments, setup_logging=False, env=dict(site.env))
        except (RuntimeError, SystemExit) as error:
            raise InstallFailed(
                f"virtualenv cannot make an environment with Python {interpreter.version}: {error}",
                facts={"python": interpreter.path},
                fix="Install uv (`python -m pip install uv`) or use --model-env-manager=uv.",
            ) from error
        if wheels and self.uv:
            self._install(self.uv, site, wheels)

    def _install(self, uv: Path, site: BuildSite, wheels: Sequence[str]) -> None:
        stage = "installing the Python's own pip"
        plain = ["--no-config", "--no-index", "--no-deps", "--python", str(site.python)]
        # what the user tells uv is about the model's packages: no constraint of theirs forbids these
        env = {name: value for name, value in site.env.items() if not name.startswith("UV_") or name in _OF_SEEDS}
        output = replace(site, env=env).run([uv, "pip", "install", *plain, *wheels], stage=stage)
        if output.returncode != 0:
            raise as_error(output, (), stage=stage, log=site.kept_log)


def _as_seeds(wheels: Sequence[str]) -> list[str]:
    """Tell virtualenv which wheels to take in place of those that it brings; without any it takes those."""
    paths = [Path(wheel) for wheel in wheels]
    versions = [f"--{name}={version}" for name, version in (path.name.split("-")[:2] for path in paths)]
    return [*versions, *(f"--extra-search-dir={folder}" for folder in dict.fromkeys(path.parent for path in paths))]
