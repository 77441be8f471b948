"""Keep uv from the settings of a project that the cache lies in: it looks for them from its directory upwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..install import BuildSite
from ..lock_file import PROJECT, tomllib

_SETTINGS: Final = "uv.toml"
_VARIABLE: Final = "UV_PROJECT"  # of `uv pip` it moves the search for settings alone; those of the user still count
_END: Final = "[tool.uv.workspace]\n"  # neither a workspace nor settings are looked for above it
_FOLLOWING: Final = "uv"  # the manager for which MLflow lets uv see the model's own project file


def without_project(directory: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Give variables under which uv finds no project, whatever directory it runs in.

    Args:
        directory: A build's own; a folder is made in it at which the search ends. Either file alone would not end it.
        env: What the command gets besides.

    Raises:
        OSError: If the folder cannot be made.
    """
    folder = directory / "no-project"
    folder.mkdir()
    for name in (PROJECT, _SETTINGS):
        (folder / name).touch()
    return {**env, _VARIABLE: str(folder)}


def with_models_project(site: BuildSite, work: Path, manager: str) -> BuildSite:
    """Give a site in which uv follows the model's own project file, if the manager is one for which MLflow does.

    Args:
        site: One without a project.
        work: The directory that looks like the model's, in which commands run.
        manager: The env manager's name.

    Raises:
        OSError: If the project file cannot be read or written.
    """
    if manager != _FOLLOWING or not (work / PROJECT).is_file():
        return site
    return in_project(site, work)


def in_project(site: BuildSite, work: Path) -> BuildSite:
    """Give a site in which uv takes the directory it runs in for the project, and looks no further up.

    Without a project file there it gets one only where uv would find something above: a lock can stand alone.

    Raises:
        OSError: If the project file cannot be read or written.
    """
    file = work / PROJECT
    if file.is_file():
        _end_search(file)
    elif any((folder / name).is_file() for folder in work.absolute().parents for name in (PROJECT, _SETTINGS)):
        file.write_text(_END, encoding="utf-8")
    return replace(site, env={name: value for name, value in site.env.items() if name != _VARIABLE})


def _end_search(file: Path) -> None:
    """Make a project file the root of a workspace, if it is none; the model's own, which it may link to, stays."""
    try:
        text = file.read_text(encoding="utf-8")
        ended = f"{text}\n{_END}"
        is_root = _is_root(text)
        tomllib.loads(ended)
    except ValueError:  # no TOML, which uv will say; or `tool` is written in one line, which cannot be added to
        return
    if not is_root:
        file.unlink()
        file.write_text(ended, encoding="utf-8")


def _is_root(text: str) -> bool:
    return "workspace" in tomllib.loads(text).get("tool", {}).get("uv", {})
