"""The programs that install packages into an environment: uv, and the environment's own pip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..indexes import as_uv, read_pip_settings
from ..restoration import RestoreRequest


class Installer(Protocol):
    """Know the command that installs the lines of a requirements file."""

    @property
    def name(self) -> str:
        """Part of the environment's digest."""
        ...

    def command(self, python: Path, requirements: Path) -> list[str]:
        """Give the command; it runs in a directory that looks like the model's."""

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Give the variables that the command runs with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UvInstaller:
    """Install by `uv pip`, told pip's settings, which it would ignore.

    Attributes:
        uv: The executable.
        added: Variables that say pip's settings.
        flags: Flags that do.
    """

    uv: Path
    added: Mapping[str, str]
    flags: Sequence[str]
    name: str = "uv"

    @classmethod
    def told(cls, uv: Path, request: RestoreRequest) -> UvInstaller:
        """Read pip's settings, and see that uv's cache can link its files into ours.

        Raises:
            RequirementsError: If a configuration file of pip is broken.
        """
        added, flags = as_uv(read_pip_settings(request.env), request.env, request.spec.options)
        added |= _cache_beside(request.root, request.env)
        return cls(uv=uv, added=added, flags=flags)

    def command(self, python: Path, requirements: Path) -> list[str]:
        """Give the command; no Python is ever downloaded, and no bytecode compiled ahead."""
        return [str(self.uv), "pip", "install", "--python", str(python), *self.flags, "-r", str(requirements)]

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Add pip's settings in uv's words."""
        return {**env, **self.added}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipInstaller:
    """Install by the environment's own pip.

    Attributes:
        flags: Of this environment's install alone.
    """

    flags: Sequence[str] = ()
    name: str = "pip"

    def command(self, python: Path, requirements: Path) -> list[str]:
        """Give the command; compiling all files is most of pip's time, and most are never imported."""
        plain = ["--no-compile", "--progress-bar", "off"]
        return [str(python), "-I", "-m", "pip", "install", *plain, *self.flags, "-r", str(requirements)]

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Change nothing: pip reads its settings itself."""
        return dict(env)


def _cache_beside(root: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Move uv's cache to our disk where it is on another: files are copied between disks, 0.6 GiB an environment."""
    if "UV_CACHE_DIR" in env:
        return {}
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    usual = Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "uv"
    return {} if _device(usual) == _device(root) else {"UV_CACHE_DIR": str(root.absolute() / "uv")}


def _device(path: Path) -> int:
    """Tell the disk of a path, or of where it would be made."""
    existing = next(each for each in (path, *path.absolute().parents) if each.exists())
    return existing.stat().st_dev


def find_uv(env: Mapping[str, str]) -> Path | None:
    """Find the uv executable: the one installed with us, else the one on PATH."""
    try:
        from uv import find_uv_bin

        return Path(os.fsdecode(find_uv_bin()))
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv", path=env.get("PATH"))
        return Path(found) if found else None
