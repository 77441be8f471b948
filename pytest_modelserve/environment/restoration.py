"""What a restore is asked for, and the environment that comes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, final

from platformdirs import user_cache_path

from ..lifeline import Lease
from .additions import NO_ADDITIONS, Additions
from .conda_channels import CondaSettings
from .install import DEFAULT_TIMEOUT_S
from .progress import SILENCE, Progress
from .spec import EnvironmentSpec


def default_root() -> Path:
    """Give the user's cache directory for environments."""
    return user_cache_path("pytest-modelserve")


def cache_root(asked: Path | None) -> Path:
    """Return where environments and servers are kept; what is started there runs in other directories.

    Args:
        asked: The directory that the user names, None for the user's cache directory.
    """
    return (asked or default_root()).absolute()


def _no_variables(_: Path) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """One environment to be restored.

    Attributes:
        spec: What the model asks for.
        model_uri: Noted beside the environment as one that used it; empty is not.
        manager: `uv`, `virtualenv`, `conda` or `local`.
        root: The cache; a local disk, best the one that has uv's cache, since uv links files between them.
        python: The interpreter to build with, by path or by version, whatever the model recorded.
        reuses_mlflow: Whether an environment that MLflow built may be taken.
        progress: Hears what is going on.
        smoke: Arguments for the environment's Python (after `-I`) that load the model once, so that what it imports
            is compiled; its failure is a note, for whether the model loads is not the environment's to judge.
        smoke_config: Written to a file whose path is the last of those arguments; nothing is where it is empty.
        smoke_env: Gives the complete variables of that load, from the environment's directory: the model's own code
            runs in it, and is not to see what the installer may.
        smoke_timeout_s: How long that may take.
        run_id: Equal in all processes of one test run, so that a failing build is told once.
        conda: How the `conda` manager works.
        additions: Installed together with the model's requirements, for a server that runs in the environment.
        env: The variables of the caller; what would mislead an installer is left out.
        install_timeout_s: How long one installer call may take.
    """

    spec: EnvironmentSpec
    model_uri: str = ""
    manager: str = "virtualenv"
    root: Path = field(default_factory=default_root)
    python: Path | str | None = None
    reuses_mlflow: bool = False
    progress: Progress = SILENCE
    smoke: tuple[str, ...] = ()
    smoke_config: Mapping[str, object] = field(default_factory=dict)
    smoke_env: Callable[[Path], Mapping[str, str]] = field(default=_no_variables)
    smoke_timeout_s: float = 300.0
    run_id: str = ""
    conda: CondaSettings = field(default_factory=CondaSettings)
    additions: Additions = NO_ADDITIONS
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    install_timeout_s: float = DEFAULT_TIMEOUT_S


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An interpreter with the model's packages; use it as a context, or close it, to let the cache remove it.

    Attributes:
        manager: Who built it.
        python: The interpreter's executable.
        python_version: With patch.
        prefix: The environment's directory.
        digest: Equal for environments that are the same; of `local`, a hash of what is installed.
        cached: Whether it was there already.
        elapsed_s: How long it took to get.
        freeze: `name==version` of what is installed, sorted.
        notes: What the user should know, a line each.
        added: The requirements that a server needs in it beside the model's; none in the model's own environment.
        lease: Keeps the cache from removing it; None where nothing could. It stays with the process that restored.
    """

    manager: str
    python: Path
    python_version: str
    prefix: Path
    digest: str
    cached: bool
    elapsed_s: float
    freeze: tuple[str, ...]
    notes: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    lease: Lease | None = field(default=None, repr=False, compare=False)

    def close(self) -> None:
        """Give up the use; the environment stays until the cache is pruned."""
        if self.lease is not None:
            self.lease.close()

    def __enter__(self) -> Environment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class EnvManager(Protocol):
    """Restore environments in one way."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    def restore(self, request: RestoreRequest) -> Environment:
        """Give the environment, built now or before.

        Raises:
            EnvironmentBroken: If it cannot be had.
        """
