"""Where packages come from: pip's settings, read without pip and said in uv's words, since uv ignores them."""

from __future__ import annotations

import configparser
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ..errors import RequirementsError

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s'\"]+@")
_TOKEN: Final = re.compile(r"(://[^\s'\"]*?/t/)[^/\s'\"]+")  # of a conda channel: https://host/t/TOKEN/channel
_WEB_TOKEN: Final = re.compile(r"(https?://[^\s'\"]*?/t/)[^/\s'\"]+")
_NAMED_VALUE: Final = re.compile(r"\$\{([A-Z0-9_]+)\}")  # what pip and uv put in from the environment
_MIN_SECRET_CHARS: Final = 4  # masking shorter ones would only garble what is shown
_SECTIONS: Final = ("global", "install")  # the later one wins, as in pip
_AS_VARIABLE: Final = {  # pip's option: the variables by which uv's user may have said it, ours first
    "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "extra-index-url": ("UV_EXTRA_INDEX_URL", "UV_INDEX"),
    "find-links": ("UV_FIND_LINKS",),
    "cert": ("SSL_CERT_FILE",),
    "client-cert": ("SSL_CLIENT_CERT",),
    "trusted-host": ("UV_INSECURE_HOST",),
    "constraint": ("UV_CONSTRAINT",),
}
_PATHS: Final = frozenset({"cert", "client-cert", "constraint"})
_COMMA_LISTS: Final = frozenset({"find-links"})  # uv splits the other lists at spaces
_AS_FLAG: Final = {"no-index": "--no-index", "pre": "--prerelease=allow"}
_AS_LIST_FLAG: Final = {"no-binary": "--no-binary", "only-binary": "--only-binary"}
_FILE_SETTINGS: Final = ("constraint", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_BUILD_CONSTRAINT")
_TRUE: Final = frozenset({"1", "true", "yes", "on", "y", "t"})
_DECIDING: Final = (  # variables of uv and pip that change what is installed
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER", "UV_PRERELEASE", "UV_RESOLUTION"),
    *("UV_BUILD_CONSTRAINT", "UV_NO_BUILD_ISOLATION", "UV_NO_BUILD_PACKAGE", "UV_NO_BINARY_PACKAGE"),
    *("UV_CONFIG_SETTINGS", "UV_FORK_STRATEGY", "UV_REQUIRE_HASHES"),
    *("UV_NO_BINARY", "UV_NO_BUILD", "UV_LINK_MODE", "UV_TORCH_BACKEND", "UV_NO_SOURCES", "UV_NO_INDEX"),
)


def read_pip_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Read pip's options from its files and variables, the way pip ranks them.

    Lists stay one text with white space between the items. Faster than `pip config list` by half a second.

    Args:
        env: The environment variables; HOME, XDG_CONFIG_HOME and PIP_CONFIG_FILE say where the files are.

    Raises:
        RequirementsError: If a file is no configuration file.
    """
    settings: dict[str, str] = {}
    for path in _pip_files(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise RequirementsError(
                f"pip's configuration file {path} cannot be read: {' '.join(str(error).split())}",
                facts={"file": path},
                fix="Correct the file; `pip config debug` shows it too.",
            ) from error
        for section in _SECTIONS:
            if parser.has_section(section):
                settings |= {_option(key): value.strip() for key, value in parser.items(section)}
    variables = {_option(key.removeprefix("PIP_")): value for key, value in env.items() if key.startswith("PIP_")}
    return settings | {key: value for key, value in variables.items() if value}


def as_uv(
    settings: Mapping[str, str], env: Mapping[str, str], options: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Say pip's settings to uv: variables to add (addresses may hold passwords, which `ps` would show) and flags.

    What the user said to uv in `env` itself stands. All indexes count alike, as in pip.

    Args:
        settings: From `read_pip_settings`.
        env: The environment that uv will get.
        options: The option lines of the requirement files; their `--index-url` is stronger than a setting in pip,
            but in uv only where none is set.
    """
    added = {} if "UV_INDEX_STRATEGY" in env else {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    names_index = any(re.match(r"(-i\s*|--index-url[\s=])", option) for option in options)
    for option, variables in _AS_VARIABLE.items():
        if option not in settings or any(name in env for name in variables) or (option == "index-url" and names_index):
            continue
        items = settings[option].split()
        if option in _PATHS:
            items = [str(Path(item).absolute()) if "://" not in item else item for item in items]
        added[variables[0]] = ("," if option in _COMMA_LISTS else " ").join(items)
    flags = [flag for option, flag in _AS_FLAG.items() if settings.get(option, "").lower() in _TRUE]
    for option, flag in _AS_LIST_FLAG.items():
        flags += [f"{flag}={item}" for item in re.split(r"[\s,]+", settings.get(option, "")) if item]
    if "--pre" in options and "--prerelease=allow" not in flags:
        flags.append("--prerelease=allow")
    hosts = [option.replace("=", " ", 1).split()[1:] for option in options if option.startswith("--trusted-host")]
    return added, [*flags, *(f"--allow-insecure-host={host[0]}" for host in hosts if host)]


def index_identity(settings: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """Collect every setting that decides which packages are found, without credentials; of files, the content.

    Raises:
        OSError: If a file that a setting names cannot be read.
    """
    deciding = {*_AS_VARIABLE, *_AS_FLAG, *_AS_LIST_FLAG} - {"cert", "client-cert", "trusted-host"}
    chosen = {option: settings[option] for option in deciding if option in settings}
    chosen |= {name: env[name] for name in _DECIDING if name in env}
    files = {str(path): _digest_of(path) for path in _deciding_files(chosen, env) if path.is_file()}
    return {name: as_identity(chosen[name]) for name in sorted(chosen)} | files


def without_credentials(text: str, mask: str = "***@") -> str:
    """Replace user, password and the token of a conda channel in every address of a text."""
    return _TOKEN.sub(r"\1***", _CREDENTIALS.sub(mask, text))


def as_identity(text: str) -> str:
    """Return what a text says of where packages are, without what only lets one in.

    In the address of a folder `/t/` is a folder like any other.
    """
    return _WEB_TOKEN.sub(r"\1***", _CREDENTIALS.sub("", text))


def secrets_in(texts: Iterable[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Collect the values that requirement lines take from the environment by `${NAME}`, the longest first."""
    return secrets_named((name for text in texts for name in _NAMED_VALUE.findall(text)), env)


def secrets_named(names: Iterable[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """Collect the values of variables in the forms in which they may be shown, the longest first."""
    values = {env[name] for name in names if len(env.get(name, "")) >= _MIN_SECRET_CHARS}
    return tuple(sorted({*values, *(quote(value, safe="") for value in values)}, key=len, reverse=True))


def _deciding_files(chosen: Mapping[str, str], env: Mapping[str, str]) -> Iterator[Path]:
    """Name the files that settings name, and uv's own settings."""
    for name in _FILE_SETTINGS:
        yield from map(Path, chosen.get(name, "").split())
    if env.get("UV_NO_CONFIG", "").lower() not in _TRUE:
        home = Path(env["HOME"]) if env.get("HOME") else Path.home()
        user = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "uv" / "uv.toml"
        system = [Path(folder, "uv", "uv.toml") for folder in env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)]
        found = (*system, Path("/etc/uv/uv.toml"), user)
        yield from (Path(env["UV_CONFIG_FILE"]),) if "UV_CONFIG_FILE" in env else found


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _option(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _pip_files(env: Mapping[str, str]) -> Iterator[Path]:
    """Name pip's files from the weakest to the strongest; the null device as PIP_CONFIG_FILE turns all off."""
    chosen = env.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    else:
        for folder in env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
            yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    mac = home / "Library" / "Application Support" / "pip"
    if sys.platform == "darwin" and mac.is_dir():
        yield mac / "pip.conf"
    else:
        yield Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if chosen:
        yield Path(chosen)
