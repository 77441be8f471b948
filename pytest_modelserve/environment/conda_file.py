"""What conda.yaml asks for, in full: channels, match specs and the pip section; conda follows nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

import yaml

from ..errors import RequirementsError
from .conda_items import items_of, pip_section
from .listing import loose_note
from .requirements import Entry, Requirement, digest_of, expand
from .spec import BUILD_TOOLS, EnvironmentSpec, loose_names
from .yaml_file import YamlFile

CONDA: Final = "conda"
_DEFAULT_NAME: Final = "conda.yaml"
_MATCH_SPEC: Final = re.compile(  # a platform after the channel is left out: there is only that of this machine
    r"(?:(?P<channel>\S+?)(?:/(?:noarch|(?:linux|osx|win)-\w+))?::)?(?P<name>\w[\w.-]*)(?:[\s=<>!~*\[].*)?"
)
_PYTHON_PIN: Final = re.compile(r"(?:==?\s*)?(\d+\.\d+(?:\.\d+)?)(?:\.?\*)?(?:(?:\s*=\s*|\s+)[^,|<>]*)?")
_VERSION: Final = re.compile(  # one version, and perhaps the build; what is in brackets chooses between builds
    r"(?P<operator>={0,2})\s*(?P<version>\d[^\s*,|<>=~!\[]*)(?:(?:\s*=\s*|\s+)(?P<build>[^\s,|<>\[]+))?\s*(?:\[.*)?"
)
_PATCH_DOTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A version as conda reads it.

    Attributes:
        version: The text.
        is_prefix: Whether it stands for all that begin with it, as `=1.26` does for 1.26.4.
    """

    version: str
    is_prefix: bool

    @property
    def is_exact(self) -> bool:
        """Whether it leaves no choice between releases; those with a patch are hardly ever continued."""
        return not self.is_prefix or self.version.count(".") >= _PATCH_DOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSpec:
    """One conda dependency, with the place it stands at.

    Attributes:
        text: As written, without its channel, the name in lower case.
        name: The package, in lower case.
        channel: What stands before `::`; empty where nothing does.
        file: The file's name.
        line: Counted from 1.
    """

    text: str
    name: str
    channel: str
    file: str
    line: int

    @property
    def version(self) -> str:
        """What it asks for after the name: a version, a range, or nothing."""
        return self.text[len(self.name) :].strip()

    @property
    def pin(self) -> Pin | None:
        """The one version that it names; None where it names a range, or none."""
        match = _VERSION.fullmatch(self.version)
        if match is None:
            return None
        return Pin(version=match["version"], is_prefix=match["operator"] == "=" and not match["build"])

    def as_requirement(self) -> Requirement:
        """Return it as if it were a requirement line, so that an error can name the one at fault."""
        shown = f"{self.channel}::{self.text}" if self.channel else self.text
        return Requirement(text=shown, file=self.file, line=self.line, name=self.name.replace("_", "-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaSpec(EnvironmentSpec):
    """The environment that a conda.yaml asks for; `dependencies` are the lines of its pip section.

    Attributes:
        channels: As written, in the order of their priority, without `nodefaults`.
        has_defaults: Whether conda may add the channels of the user's settings: `nodefaults` forbids it.
        packages: What conda is to install; pip is among it wherever there is a pip section.
    """

    channels: tuple[str, ...] = ()
    has_defaults: bool = True
    packages: tuple[MatchSpec, ...] = ()


def read_recorded(
    manager: str, directory: Path, env_field: Mapping[str, object] | str | None = None
) -> EnvironmentSpec:
    """Read what a model records of its environment, from the files that an env manager follows.

    Args:
        manager: The env manager's name.
        directory: The model directory.
        env_field: `env` of the python_function flavor.

    Raises:
        RequirementsError: If a file is broken, or the manager is conda and there is no conda.yaml.
    """
    if manager == CONDA:
        return read_conda(directory, env_field)
    return EnvironmentSpec.read(directory, env_field)


def read_conda(directory: Path, env_field: Mapping[str, object] | str | None = None) -> CondaSpec:
    """Read a model's conda.yaml; requirements.txt counts only where the pip section names it.

    Raises:
        RequirementsError: If there is none, or it is broken; then it names file and line.
    """
    name = _name_in(env_field)
    if not name or not (directory / name).is_file():
        raise RequirementsError(
            f"the model has no {name or _DEFAULT_NAME}, which is all that conda follows",
            facts={"model": directory, "env of MLmodel": env_field or "nothing"},
            fix="Log the model again with conda_env=, or use --model-env-manager=virtualenv, which follows "
            "python_env.yaml and requirements.txt.",
        )
    file = YamlFile.read(directory / name)
    packages, pip = _dependencies(file)
    channels = tuple(_channels(file))
    if pip and not any(each.name == "pip" for each in packages):
        packages.append(MatchSpec(text="pip", name="pip", channel="", file=name, line=pip[0].line))
    if not packages:
        raise RequirementsError(
            f"{name} has no dependencies for conda, so that there would be no Python",
            facts={"file": directory / name},
            fix="Add `python=3.11.7`, or the version that the model was trained with, to its dependencies.",
        )
    expanded = expand(pip, directory)
    files = {name: digest_of(directory / name)} | dict(expanded.local_files)
    return CondaSpec(
        directory=directory,
        source=name,
        python=_python_pin(packages),
        dependencies=tuple(entry.text for entry in pip),
        requirements=expanded.requirements,
        options=expanded.options,
        files=tuple(sorted(files.items())),
        notes=(*_ignored(file), *_loose(packages, expanded.requirements)),
        channels=tuple(each for each in channels if each != "nodefaults"),
        has_defaults="nodefaults" not in channels,
        packages=tuple(packages),
    )


def _name_in(env_field: Mapping[str, object] | str | None) -> str:
    if isinstance(env_field, str):
        return env_field
    return str(env_field.get(CONDA) or "") if env_field else _DEFAULT_NAME


def _dependencies(file: YamlFile) -> tuple[list[MatchSpec], list[Entry]]:
    packages, pip = list[MatchSpec](), list[Entry]()
    for item in items_of(file):
        if isinstance(item, yaml.MappingNode):
            pip += pip_section(file, item)
        else:
            packages.append(_match_spec(file, item))
    return packages, pip


def _match_spec(file: YamlFile, item: yaml.Node) -> MatchSpec:
    entry = file.string_of("dependencies", item)
    match = _MATCH_SPEC.fullmatch(entry.text)
    if match is None:
        raise file.bad(
            item,
            f"`{entry.text}` is no package for conda",
            fix="Write it as `name=version`, such as `python=3.11.7`; what pip installs stands below `pip:`.",
        )
    return MatchSpec(
        text=f"{match['name'].lower()}{entry.text[match.end('name') :]}",
        name=match["name"].lower(),
        channel=match["channel"] or "",
        file=entry.file,
        line=entry.line,
    )


def _channels(file: YamlFile) -> Iterator[str]:
    for entry in file.entries("channels"):
        if entry.text:
            yield entry.text


def with_variables(channel: str, env: Mapping[str, str]) -> str:
    """Fill in the environment variables that a channel's address names, as conda does for its tokens."""
    return Template(channel).safe_substitute(env)


def _python_pin(packages: Sequence[MatchSpec]) -> str | None:
    """Return the Python that the file pins; None where it leaves the choice to the solver."""
    for each in packages:
        if each.name == "python" and (match := _PYTHON_PIN.fullmatch(each.version)):
            return match[1]
    return None


def _ignored(file: YamlFile) -> Iterator[str]:
    node = file.values.get("variables")
    if isinstance(node, yaml.MappingNode) and node.value:
        names = ", ".join(str(key.value) for key, _ in node.value)
        yield f"`variables` of {file.path.name} are not set for the server: pass them by --model-pass-env: {names}"


def _loose(packages: Sequence[MatchSpec], requirements: Sequence[Requirement]) -> Iterator[str]:
    """Say what has no exact version; the channels and the index decide on the first build."""
    names = {each.name for each in packages if not (each.pin and each.pin.is_exact)}
    if note := loose_note(sorted({*names, *loose_names(requirements)} - BUILD_TOOLS)):
        yield note
