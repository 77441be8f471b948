"""Where conda keeps environments, whose Pythons are as good as any other to build with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from .cache import LOG_NAME

_CUSTOMARY: Final = ("miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba", ".local/share/mamba")
_LIST: Final = Path(".conda", "environments.txt")  # conda, mamba and micromamba write each environment made into it


def conda_prefixes(env: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield the prefixes of conda's environments: the active one, those of each installation, and those listed.

    Args:
        env: The environment variables, some of which name an installation.
        home: Of the user.
    """
    if prefix := env.get("CONDA_PREFIX"):
        yield Path(prefix)
    for root in (*_installations(env), *(home / name for name in _CUSTOMARY)):
        if root.is_dir():
            yield root
            yield from sorted((root / "envs").glob("*"))
    yield from _listed(home / _LIST)


def _installations(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield the roots that variables name: of executables, which stand in `bin` or `condabin`, and of mamba's."""
    for name in ("MAMBA_ROOT_PREFIX", "CONDA_ROOT", "MLFLOW_CONDA_HOME"):
        if root := env.get(name):
            yield Path(root)
    if executable := env.get("CONDA_EXE"):
        yield Path(executable).parent.parent


def _listed(path: Path) -> Iterator[Path]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # there is no conda, or its list is not ours to read
        return
    prefixes = (Path(line.strip()) for line in text.splitlines() if line.strip())
    yield from (each for each in prefixes if not _is_of_a_cache(each))


def _is_of_a_cache(prefix: Path) -> bool:
    """Tell whether an environment is a build of ours, in whichever cache: it may be removed any day."""
    return prefix.name == "env" and (prefix.parent / LOG_NAME).is_file()
