"""Reads the settings of a run: marker over command line over environment over ini file over default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SettingError
from .option import SERVER, URI, Option
from .options import BY_NAME, OPTIONS
from .setting_texts import parse_channels, parse_headers, parse_names, parse_skips
from .settings import AUTO, Settings

if TYPE_CHECKING:
    import pytest


def settings_from(config: pytest.Config, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a run, as far as no marker changes them.

    Raises:
        SettingError: A value cannot be read.
    """
    settings = Settings()
    for option in OPTIONS:
        if option.name in {URI, SERVER}:
            continue
        given = _given(option, config, environ)
        if given is not None:
            value = parse_value(option, given.text, origin=given.origin)
            if isinstance(value, Path):
                value = given.folder / value
            settings = settings.with_({option.name: value}, origin=given.origin)
    (server, *_) = servers_from(config, environ)
    return settings if server == AUTO else replace(settings, server=server)


def uris_from(config: pytest.Config, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the model URIs of a run: those of the command line, else of the environment, else of the ini file."""
    option = BY_NAME[URI]
    given = config.getoption(option.key) or parse_names(environ.get(option.variable, "")) or config.getini(option.key)
    return tuple(dict.fromkeys(given))


def servers_from(config: pytest.Config, environ: Mapping[str, str], pasted: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the backends of a run, each once.

    Args:
        config: Of the run.
        environ: The environment variables.
        pasted: Those in ids on the command line, which count where none is given; else the default, `auto`, does.

    Raises:
        SettingError: What is given names none, or `auto` beside others.
    """
    given = _given(BY_NAME[SERVER], config, environ)
    if given is not None:
        return parse_servers(given.text, origin=given.origin)
    return tuple(pasted) or (AUTO,)


def parse_servers(text: str, *, origin: str) -> tuple[str, ...]:
    """Return the backends that a text names, each once.

    Raises:
        SettingError: It names none, or `auto` beside others.
    """
    names = tuple(dict.fromkeys(parse_names(text)))
    if names and (AUTO not in names or len(names) == 1):
        return names
    option = BY_NAME[SERVER]
    raise SettingError(f"{option.flag} cannot be {text!r}", facts={"given in": origin}, fix=option.help)


def settings_from_marker(settings: Settings, keywords: Mapping[str, object]) -> Settings:
    """Return the settings with a marker's keywords over them; values are read as on the command line.

    None stands for the default, and several names may be given as a list.

    Raises:
        SettingError: A keyword is no setting, or its value cannot be read.
    """
    origin = "the marker served_model"
    for name, value in keywords.items():
        settings = settings.with_({name: _from_keyword(name, value, origin)}, origin=origin)
    return settings


def _from_keyword(name: str, value: object, origin: str) -> object:
    option = BY_NAME.get(name)
    if option is None:
        if name == "domain" and not isinstance(value, Mapping):
            fix = 'Write domain={"column": {"min": 0, "max": 120}}.'
            raise SettingError(f"domain cannot be {value!r}", facts={"given in": origin}, fix=fix)
        return value
    if value is None:
        return option.default
    if isinstance(value, Mapping) and option.parse is parse_headers:
        value = "\n".join(f"{header}: {text}" for header, text in value.items())
    if isinstance(value, Mapping) and option.parse in {parse_skips, parse_channels}:
        value = "\n".join(f"{name}={text}" for name, text in value.items())
    if isinstance(value, list | tuple | set | frozenset) and option.parse is parse_names:
        return tuple(str(item) for item in value)
    return parse_value(option, str(value), origin=origin)


def parse_value(option: Option, text: str, *, origin: str) -> object:
    """Return what a text means for an option.

    Raises:
        SettingError: The text cannot be read.
    """
    try:
        return option.parse(text)
    except ValueError as error:
        raise SettingError(
            f"{option.flag} cannot be {'what was given' if option.is_secret else repr(text)}",
            facts={"given in": origin, "because": error},
            fix=option.help,
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What was written for an option, and where; relative paths start from `folder`."""

    text: str
    origin: str
    folder: Path = Path()


def _as_text(value: object) -> str:
    """Return what was given as one text; what was given several times stands on lines of its own."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _given(option: Option, config: pytest.Config, environ: Mapping[str, str]) -> _Given | None:
    if (value := config.getoption(option.key)) is not None:
        return _Given(text=_as_text(value), origin="the command line")
    if value := environ.get(option.variable):  # CI systems set variables to nothing
        return _Given(text=value, origin=f"the environment variable {option.variable}")
    if value := config.getini(option.key):
        file = config.inipath or config.rootpath / "pytest.ini"  # -o gives ini keys without a file
        return _Given(text=_as_text(value), origin=f"the ini file {file}", folder=file.parent)
    return None
