"""The programs that install conda packages: the user's conda, mamba or micromamba, else py-rattler."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import yaml

from ...errors import InstallFailed
from ..conda_channels import Channels, CondaSettings
from ..conda_packages import packages_folder
from ..indexes import as_identity

EXTRA: Final = "conda"
_PROGRAMS: Final = ("conda", "mamba", "micromamba")
_OF_THE_ACTIVE: Final = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER")
_PKGS_DIRS: Final = "CONDA_PKGS_DIRS"
_SETTINGS: Final = ("CONDA_", "MAMBA_")  # what the names of variables begin with by which conda and mamba are set
_DECIDING_NOTHING: Final = (  # where things are on this machine, which shell is active, and how conda talks
    *(*_OF_THE_ACTIVE, _PKGS_DIRS, "CONDA_ENVS_", "CONDA_ROOT", "CONDA_EXE", "CONDA_PYTHON_EXE", "CONDA_BAT"),
    *("MAMBA_EXE", "MAMBA_ROOT_PREFIX", "MAMBA_PKGS_DIRS", "CONDA_ALWAYS_YES", "MAMBA_ALWAYS_YES", "CONDA_QUIET"),
    *("CONDA_JSON", "CONDA_VERBOSITY", "CONDA_CHANGEPS1", "CONDA_AUTO_ACTIVATE", "CONDA_REPORT_ERRORS"),
)
_OF_THE_MACHINE: Final = (Path("/etc/conda"), Path("/var/lib/conda"))
_ROOTS: Final = ("CONDA_ROOT", "MAMBA_ROOT_PREFIX")
_SCRIPT: Final = Path(__file__).with_name("rattler_install.py")


class Engine(Protocol):
    """Know the command that installs the conda part of a conda.yaml."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def identity(self, env: Mapping[str, str]) -> tuple[str, ...]:
        """Return what of it decides an environment, the caller's settings included."""

    def command(self, folder: Path, prefix: Path, channels: Channels) -> list[str]:
        """Write what the command reads into a folder, and give the command, which makes the prefix."""

    def environment(self, env: Mapping[str, str], channels: Channels) -> dict[str, str]:
        """Give the variables that the command runs with: those of every command of a build, and what conda goes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executable:
    """Install by the user's own program, with the user's own settings.

    It is given a copy of the file without its pip section: conda writes beside the file, which fails where the model is
    read-only (https://github.com/conda/conda/issues/11115), and its pip is told nothing of ours.

    Attributes:
        program: The executable.
        packages: Where it keeps packages if the user has named no place; on our disk, so that files can be linked.
    """

    program: Path
    packages: Path

    @property
    def name(self) -> str:
        """Which of the programs it is."""
        return self.program.name

    def identity(self, env: Mapping[str, str]) -> tuple[str, ...]:
        """Return which program it is and all that it is told by files and variables, without passwords."""
        passed = (name for name in sorted(env) if name.startswith(_SETTINGS) and not name.startswith(_DECIDING_NOTHING))
        told = [f"{name}={as_identity(env[name])}" for name in passed]
        files = _settings_files(env, self.program)
        texts = (as_identity(each.read_text("utf-8", "replace")) for each in files)
        return (self.name, *told, *(hashlib.sha256(text.encode()).hexdigest() for text in texts))

    def command(self, folder: Path, prefix: Path, channels: Channels) -> list[str]:
        """Write the copy and give the command, with the one word that differs between the programs."""
        spec, file = channels.spec, folder / "conda.yaml"
        copy = {
            "channels": channels.as_written(),
            "dependencies": [channels.spec_text(each, is_spelled_out=False) for each in spec.packages],
        }
        file.write_text(yaml.safe_dump(copy, sort_keys=False), encoding="utf-8")
        where = ["-p", str(prefix), "-f", str(file)]
        if self.name.startswith("micromamba"):
            return [str(self.program), "create", *where, "--yes"]
        return [str(self.program), "env", "create", *where]

    def environment(self, env: Mapping[str, str], channels: Channels) -> dict[str, str]:
        """Let the user's settings of conda through, but not which environment is active; nobody is there to say yes."""
        settings = {
            name: value
            for name, value in channels.env.items()
            if name.startswith("CONDA_") and not name.startswith(_OF_THE_ACTIVE)
        }
        usual = {f"{prefix}ALWAYS_YES": "true" for prefix in _SETTINGS}
        if not _names_packages_dir(channels.env, self.program):
            usual[_PKGS_DIRS] = str(self.packages)
        if channels.is_moved or not channels.spec.has_defaults:
            # What `nodefaults` in the file would say, which conda takes for a channel's name since it makes
            # environments by `conda create`: channels that are set keep it from adding `defaults`.
            usual["CONDA_CHANNELS"] = ",".join(channels.as_written())
        return {**usual, **env, **settings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rattler:
    """Install by py-rattler, in a process of its own.

    Attributes:
        cache: Where it keeps packages.
    """

    cache: Path
    name: str = "py-rattler"

    def identity(self, env: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002  # it reads no settings
        """Return its name."""
        return (self.name,)

    def command(self, folder: Path, prefix: Path, channels: Channels) -> list[str]:
        """Write the order and give the command."""
        order = {
            "channels": channels.addresses,
            "packages": [channels.spec_text(each, is_spelled_out=True) for each in channels.spec.packages],
            "prefix": str(prefix),
            "cache": str(self.cache),
        }
        file = folder / "order.json"
        file.write_text(json.dumps(order), encoding="utf-8")
        return [sys.executable, "-I", str(_SCRIPT), str(file)]

    def environment(self, env: Mapping[str, str], channels: Channels) -> dict[str, str]:
        """Let what is said of the machine through, such as CONDA_OVERRIDE_CUDA."""
        said = {name: value for name, value in channels.env.items() if name.startswith("CONDA_OVERRIDE_")}
        return {**env, **said}


def find_engine(settings: CondaSettings, root: Path, env: Mapping[str, str]) -> Engine:
    """Find what installs conda packages: the user's program, named or on PATH, else py-rattler.

    Args:
        settings: Its `executable` stands before all else.
        root: The cache; packages are kept below it.
        env: The variables of the caller, MLflow's and conda's own among them.

    Raises:
        InstallFailed: If there is none, or a named one is not there.
    """
    packages = packages_folder(root)
    if program := _program(settings, env):
        return Executable(program=program, packages=packages / "pkgs")
    if importlib.util.find_spec("rattler") is not None:
        return Rattler(cache=Path(env.get("RATTLER_CACHE_DIR") or packages))
    raise InstallFailed(
        "there is no conda, mamba or micromamba, nor py-rattler, which does in their place",
        facts={"looked in": env.get("PATH", "")},
        fix=f"Run `python -m pip install 'pytest-modelserve[{EXTRA}]'`, or use --model-env-manager=uv.",
    )


def _program(settings: CondaSettings, env: Mapping[str, str]) -> Path | None:
    for place, path in _named(settings, env):
        if found := shutil.which(path.expanduser().absolute()):
            return Path(found)
        raise InstallFailed(
            f"{place} names {path}, which is no program",
            facts={place: path},
            fix="Name the path of conda, mamba or micromamba.",
        )
    told = (env.get(name) for name in ("CONDA_EXE", "MAMBA_EXE"))  # of a shell that may be older than the file
    for candidate in (*filter(None, told), *_PROGRAMS):
        if found := shutil.which(candidate, path=env.get("PATH", os.defpath)):
            return Path(found)
    return None


def _named(settings: CondaSettings, env: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Yield what was named for a purpose, and by what; the rest of MLflow's and conda's variables is custom."""
    if settings.executable is not None:
        yield "--model-conda-exe", settings.executable
    elif home := env.get("MLFLOW_CONDA_HOME"):
        yield "MLFLOW_CONDA_HOME", Path(home, "bin", env.get("MLFLOW_CONDA_CREATE_ENV_CMD") or "conda")


def _names_packages_dir(env: Mapping[str, str], program: Path) -> bool:
    """Tell whether the user has said where conda keeps packages."""
    files = _settings_files(env, program)
    return _PKGS_DIRS in env or any("pkgs_dirs" in each.read_text("utf-8", "replace") for each in files)


def _settings_files(env: Mapping[str, str], program: Path) -> Iterator[Path]:
    """Yield the files that conda and mamba read their settings from: the machine's, the installation's, the user's.

    What the active environment has of them does not count, as it is not told to the program.
    """
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    roots = (program.resolve().parents[1], *(Path(env[name]) for name in _ROOTS if env.get(name)))
    user = (Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "conda", home / ".conda", home)
    for folder in dict.fromkeys((*_OF_THE_MACHINE, *roots, *user)):
        named = (folder / name for name in (".condarc", "condarc", ".mambarc"))
        yield from (each for each in (*named, *sorted(folder.glob("condarc.d/*.y*ml"))) if each.is_file())
    if env.get("CONDARC") and (last := Path(env["CONDARC"])).is_file():
        yield last
