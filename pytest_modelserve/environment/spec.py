"""What a model directory says about the environment that it wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from ..errors import RequirementsError
from .conda_items import items_of, pip_section
from .requirements import Entry, Requirement, digest_of, expand, is_include
from .yaml_file import YamlFile

_REQUIREMENTS: Final = "requirements.txt"
_PYTHON_ENV: Final = "python_env.yaml"
_CONDA: Final = "conda.yaml"
_DECIDING_FILES: Final = ("uv.lock", "pyproject.toml", ".python-version")  # besides those that MLmodel names
_VERSION: Final = re.compile(r"\d+\.\d+(\.\d+)?((a|b|rc)\d+)?")
BUILD_TOOLS: Final = frozenset({"pip", "setuptools", "wheel"})
_CONDA_ITEM: Final = re.compile(r"(?:.*::)?(?P<name>[\w.-]+)\s*(?P<operator>[<>=!~]*)\s*(?P<version>[^=\s]*).*")
_EXACT: Final = re.compile(r"===?\s*[^*\s,;]+(\s|;|$)|@\s*\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """The environment that a model asks for, with every file that decides what it becomes.

    Attributes:
        directory: The model directory.
        source: The file that was followed; empty where the model has none.
        python: `3.11.7` or `3.11`; None where the model says nothing.
        build_dependencies: Requirement lines to install first, as written.
        dependencies: Requirement lines to install second, as written; mostly the one line `-r requirements.txt`.
        requirements: Both lists with their includes followed, constraints among them.
        options: Lines that set the installer's options.
        files: Name and SHA-256 of each file that decides the result, other than the requirement files themselves.
        loose: Names of the packages that no line pins to an exact version.
        notes: What was found that the user should know.
    """

    directory: Path
    source: str = ""
    python: str | None = None
    build_dependencies: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    options: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    loose: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_declared(self) -> bool:
        """Whether the model has environment files at all."""
        return bool(self.source)

    @property
    def includes_remote(self) -> bool:
        """Whether a requirements file is fetched by the installer, so that nobody here knows what it says."""
        return any(is_include(option) for option in self.options)

    @classmethod
    def read(cls, directory: Path, env_field: Mapping[str, object] | str | None = None) -> EnvironmentSpec:
        """Read the environment files of a model directory.

        MLflow's order: python_env.yaml; without it the Python and the build tools of conda.yaml with requirements.txt;
        without that the pip section of conda.yaml. With none of them `is_declared` is false.

        Args:
            directory: The model directory.
            env_field: `env` of the python_function flavor: file names by kind, or conda.yaml's name (MLflow 1.x).

        Raises:
            RequirementsError: If a file is broken; it names the file, the line and what to write.
        """
        python_env, conda = _file_names(env_field)
        draft = _draft_of(directory, python_env, conda)
        if draft is None:
            return cls(directory=directory)
        expanded = expand([*draft.build, *draft.main], directory)
        deciding = [name for name in (python_env, conda, *_DECIDING_FILES) if name and (directory / name).is_file()]
        files = {name: digest_of(directory / name) for name in deciding} | dict(expanded.local_files)
        return cls(
            directory=directory,
            source=draft.source,
            python=draft.python,
            build_dependencies=tuple(entry.text for entry in draft.build),
            dependencies=tuple(entry.text for entry in draft.main),
            requirements=expanded.requirements,
            options=expanded.options,
            files=tuple(sorted(files.items())),
            loose=tuple(loose_names(expanded.requirements)),
            notes=draft.notes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    source: str
    python: str | None = None
    build: tuple[Entry, ...] = ()
    main: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


def _file_names(env_field: Mapping[str, object] | str | None) -> tuple[str | None, str | None]:
    """Name the python_env and the conda file; a field that is absent leaves MLflow's default names."""
    if isinstance(env_field, str):
        return None, env_field
    if not env_field:
        return _PYTHON_ENV, _CONDA
    python_env, conda = env_field.get("virtualenv"), env_field.get("conda")
    for name in (python_env, conda):
        if name is not None and not isinstance(name, str):
            raise RequirementsError(
                f"MLmodel names {name!r} as environment file, which is not a text",
                facts={"field": "flavors.python_function.env"},
                fix="Log the model again, or write `env: {conda: conda.yaml, virtualenv: python_env.yaml}`.",
            )
    return (
        python_env if isinstance(python_env, str) else None,
        conda if isinstance(conda, str) else None,
    )


def _draft_of(directory: Path, python_env: str | None, conda: str | None) -> _Draft | None:
    if python_env and (directory / python_env).is_file():
        return _from_python_env(YamlFile.read(directory / python_env))
    if conda and (directory / conda).is_file():
        return _from_conda(YamlFile.read(directory / conda))
    if (directory / _REQUIREMENTS).is_file():
        return _Draft(source=_REQUIREMENTS, main=(_all_requirements(),))
    return None


def _all_requirements() -> Entry:
    return Entry(text=f"-r {_REQUIREMENTS}", file=_REQUIREMENTS, line=1)


def _from_python_env(file: YamlFile) -> _Draft:
    python = file.text("python")
    if python is not None and not _VERSION.fullmatch(python):
        raise file.bad(
            file.values["python"],
            f"`python: {python}` is no Python version",
            fix="Write major, minor and patch in quotes, such as `python: '3.11.7'`.",
        )
    return _Draft(
        source=file.path.name,
        python=python,
        build=file.entries("build_dependencies"),
        main=file.entries("dependencies"),
    )


def _from_conda(file: YamlFile) -> _Draft:
    python, build, pip, notes = None, list[Entry](), tuple[Entry, ...](), list[str]()
    for item in items_of(file):
        if isinstance(item, yaml.MappingNode):
            pip += pip_section(file, item)
            continue
        entry = file.string_of("dependencies", item)
        match = _CONDA_ITEM.fullmatch(entry.text)
        name = match["name"].lower() if match else entry.text
        if match and name == "python":
            python, note = _conda_python(file, item, match)
            notes += note
        elif match and name in BUILD_TOOLS:
            build.append(Entry(text=_pip_line(match), file=entry.file, line=entry.line))
        else:
            notes.append(f"`{entry.text}` of {file.path.name} is left out: only conda can install it")
    has_file = (file.path.parent / _REQUIREMENTS).is_file()
    main = (_all_requirements(),) if has_file else pip
    return _Draft(source=file.path.name, python=python, build=tuple(build), main=main, notes=tuple(notes))


def _conda_python(file: YamlFile, item: yaml.Node, match: re.Match[str]) -> tuple[str | None, list[str]]:
    """Read the Python pin; like MLflow, `>=3.9` means 3.9 and a range the running Python, which the notes say."""
    version, operator = match["version"].removesuffix("*").removesuffix("."), match["operator"]
    if not version:
        return None, []
    if not _VERSION.fullmatch(version):
        return None, [f"`{item.value}` does not say which Python to take: the running one is, as in MLflow"]
    if operator in {"", "=", "=="}:
        return version, []
    if operator in {"<=", ">=", "~="}:
        return version, [f"`{item.value}` is taken as Python {version}, as MLflow does"]
    raise file.bad(
        item,
        f"`{item.value}` does not say which Python to take",
        fix="Pin it with major, minor and patch, such as `python=3.11.7`.",
    )


def _pip_line(match: re.Match[str]) -> str:
    operator = "==" if match["operator"] == "=" else match["operator"]
    return f"{match['name']}{operator}{match['version']}"


def loose_names(requirements: Sequence[Requirement]) -> list[str]:
    """Name the packages that neither a line nor a constraint pins to an exact version, but for build tools."""
    loose = {each.name for each in requirements if not each.is_constraint and _is_loose(each)}
    pinned = {each.name for each in requirements if each.is_constraint and _EXACT.search(each.text)}
    return sorted(loose - pinned)


def _is_loose(requirement: Requirement) -> bool:
    return bool(requirement.name) and requirement.name not in BUILD_TOOLS and not _EXACT.search(requirement.text)
