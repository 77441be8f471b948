"""The `conda` manager: conda.yaml alone says what is installed, its Python included; uv or pip does its pip section."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ...errors import EnvironmentBroken, RequirementsError
from ..conda_channels import Channels
from ..conda_file import CondaSpec, read_conda
from ..freeze import read_conda_packages
from ..install import BuildSite
from ..interpreter import Interpreter
from ..listing import listed
from ..requirements import Requirement
from ..restoration import Environment, RestoreRequest
from ..symptoms import as_error
from .conda_engines import Engine, find_engine
from .isolated import OwnPython, restore_isolated
from .packages import Installer, PipInstaller, UvInstaller, find_uv

_STAGE: Final = "installing the conda packages"
_SHOWN: Final = 8  # a note is a line; conda-meta in the environment has all
_CPU_FLAGS: Final = frozenset(
    {"sse4_2", "avx2", "avx512f"}
)  # of the levels 2, 3 and 4 of x86-64, by which conda builds
_CUDA: Final = Path("/proc/driver/nvidia/version")


class Conda:
    """Build with the user's conda, or with py-rattler.

    Args:
        uses_uv: Whether uv installs the pip section where it is there; else the environment's own pip does.
    """

    name = "conda"

    def __init__(self, *, uses_uv: bool = True) -> None:
        self._uses_uv = uses_uv

    def restore(self, request: RestoreRequest) -> Environment:
        """Find or build the environment.

        Raises:
            EnvironmentBroken: If it cannot be had.
        """
        spec = request.spec if isinstance(request.spec, CondaSpec) else read_conda(request.spec.directory)
        _refuse_python(request, spec)
        request = replace(request, spec=spec, root=request.root.absolute())
        channels = Channels(spec=spec, places=request.conda.places, env=request.env)
        engine = find_engine(request.conda, request.root, request.env)
        creator = CondaCreator(engine=engine, channels=channels)
        decides = (*engine.identity(request.env), *channels.identity(), *_platform(request.env))
        own = OwnPython(identity=decides, notes=_told)
        installer = _installer(request, find_uv(request.env) if self._uses_uv else None)
        return restore_isolated(request, creator, installer, own_python=own)


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaCreator:
    """Make environments of the conda packages of a conda.yaml, Python among them.

    Attributes:
        engine: What installs them.
        channels: The file, where its channels are, and the variables of the caller, with conda's own among them.
    """

    engine: Engine
    channels: Channels
    name: str = "conda"

    def create(self, site: BuildSite, interpreter: Interpreter) -> None:  # noqa: ARG002  # conda brings its own
        """Solve and install.

        Raises:
            EnvironmentBroken: If the packages cannot be had together or at all, or bring no Python.
        """
        folder = site.directory / "conda"
        folder.mkdir(mode=0o700)  # an address may hold a password
        command = self.engine.command(folder, site.prefix, self.channels)
        with_settings = replace(site, env=self.engine.environment(site.env, self.channels))
        stage = f"{_STAGE} by {self.engine.name}"
        output = with_settings.run(command, stage=stage)
        shutil.rmtree(folder)
        if output.returncode != 0:
            raise as_error(output, self._known(), stage=stage, log=site.kept_log)
        if not site.python.exists():
            raise RequirementsError(
                f"{self.channels.spec.source} brings no Python",
                facts={"installed": "\n".join(read_conda_packages(site.prefix)) or "nothing"},
                fix="Add `python=3.11.7`, or the version that the model was trained with, to its dependencies.",
            )

    def _known(self) -> tuple[Requirement, ...]:
        return tuple(each.as_requirement() for each in self.channels.spec.packages)


def _refuse_python(request: RestoreRequest, spec: CondaSpec) -> None:
    if request.python is None:
        return
    wanted = next((each.text for each in spec.packages if each.name == "python"), "no python")
    raise EnvironmentBroken(
        f"conda installs the Python that {spec.source} asks for, so that --model-python cannot choose another",
        facts={"--model-python": request.python, spec.source: wanted},
        fix="Leave --model-python out, or use --model-env-manager=virtualenv.",
    )


def _installer(request: RestoreRequest, uv: Path | None) -> Installer:
    """Choose what installs the pip section; like conda, it takes the newest of what has no version."""
    if uv is None:
        return PipInstaller(flags=("--upgrade",))
    installer = UvInstaller.told(uv, request)
    names = dict.fromkeys(each.name for each in request.spec.requirements if each.name and not each.is_constraint)
    return replace(installer, flags=[*installer.flags, *(f"--upgrade-package={name}" for name in names)])


def _platform(env: Mapping[str, str]) -> Iterator[str]:
    """Yield what conda's virtual packages say of the machine, as far as packages are chosen by it."""
    yield from (sys.platform, platform.machine(), " ".join(platform.libc_ver()).strip())
    cpu = Path("/proc/cpuinfo")
    words = cpu.read_text("utf-8", errors="replace").partition("\n\n")[0].split() if cpu.is_file() else ()
    yield " ".join(sorted(_CPU_FLAGS.intersection(words)))
    yield _CUDA.read_text("utf-8").partition("\n")[0] if _CUDA.is_file() else ""
    yield from sorted(f"{name}={value}" for name, value in env.items() if name.startswith("CONDA_OVERRIDE_"))


def _told(prefix: Path) -> Iterator[str]:
    """Say what conda installed, and what it would do at every start that we do not."""
    packages = read_conda_packages(prefix)
    yield f"conda installed {listed(packages, n_shown=_SHOWN)}"
    if scripts := sorted(path.name for path in prefix.glob("etc/conda/activate.d/*.sh")):
        yield f"scripts by which `conda activate` would set variables are not run: {', '.join(scripts)}"
