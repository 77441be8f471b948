"""What people write for settings, on the command line, in ini files and in environment variables, made into values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

OF_THE_REQUEST: Final = frozenset({"content-type", "content-length", "host", "accept-encoding", "transfer-encoding"})
_UNITS_BYTES: Final = {
    "": 1,
    "b": 1,
    **{f"{prefix}{b}": 1000**power for power, prefix in enumerate("kmgt", 1) for b in ("", "b")},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgt", 1)},
}
_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def parse_text(text: str) -> str:
    """Return a text as it is.

    Raises:
        ValueError: It is empty.
    """
    if not text.strip():
        raise ValueError("it is empty")
    return text


def parse_names(text: str) -> tuple[str, ...]:
    """Return the words of a text, which stand on lines of their own or are separated by commas."""
    return tuple(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


def parse_count(text: str) -> int:
    """Return the whole number from 0 that a text names.

    Raises:
        ValueError: The text names none.
    """
    if not text.strip().isdecimal():
        raise ValueError(f"{text!r} is no count: write a whole number from 0")
    return int(text)


def parse_number(text: str) -> int:
    """Return the whole number from 1 that a text names.

    Raises:
        ValueError: The text names none.
    """
    if not text.strip().isdecimal() or int(text) == 0:
        raise ValueError(f"{text!r} is no number of requests: write a whole number from 1")
    return int(text)


def parse_path(text: str) -> Path:
    """Return the path that a text names, `~` being the home directory.

    Raises:
        ValueError: The text is empty, or names the home directory of nobody.
    """
    try:
        return Path(parse_text(text)).expanduser()
    except RuntimeError as error:  # ~name of a user that is none
        raise ValueError(str(error)) from error


def parse_python(text: str) -> Path | str:
    """Return the version that a text such as `3.10`, `3.10.13` or `python3.10` names, or else the path.

    Raises:
        ValueError: The text is empty.
    """
    version = re.fullmatch(r"(?:python)?(\d+\.\d+(?:\.\d+)?)", text.strip())
    return version[1] if version else parse_path(text)


def parse_seconds(text: str) -> float:
    """Return the seconds that a text such as `60`, `90s`, `500ms` or `2m` names.

    Raises:
        ValueError: The text names no positive duration.
    """
    word = text.strip().lower()
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = word[len(number) :]
    try:
        seconds = float(number) * _UNITS_S[unit]
    except (ValueError, KeyError):
        raise ValueError(f"{text!r} is no duration: write 60, 90s, 500ms or 2m") from None
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is no positive duration")
    return seconds


def parse_size(text: str) -> int:
    """Return the bytes that a text such as `4GB`, `512MiB`, `20G` or `1000000` names.

    Raises:
        ValueError: The text names no positive size.
    """
    word = text.strip().lower()
    number = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        size = float(number) * _UNITS_BYTES[word[len(number) :].strip()]
    except (ValueError, KeyError):
        raise ValueError(f"{text!r} is no size: write 4GB, 512MiB or a number of bytes") from None
    if not 1 <= size < float("inf"):
        raise ValueError(f"{text!r} is no positive size")
    return int(size)


def parse_limit(text: str) -> int | None:
    """Return the bytes that a text names, as `parse_size` reads it, or None for `off`; 0 is a limit, too.

    Raises:
        ValueError: The text names no size.
    """
    word = text.strip().lower()
    if word in {"off", "0"}:
        return None if word == "off" else 0
    try:
        return parse_size(text)
    except ValueError:
        raise ValueError(f"{text!r} is no size: write 20GB, 800MB or off") from None


def parse_skips(text: str) -> Mapping[str, str]:
    """Return the checks that a text such as `batch_invariant=rows are one series` names, with their reasons.

    Several stand on lines of their own, or are separated by semicolons.

    Raises:
        ValueError: A name stands without a reason.
    """
    skips: dict[str, str] = {}
    for name, reason in _pairs(text):
        if name and not reason:
            raise ValueError(f"{name!r} has no reason: write {name}=why it does not apply")
        if name:
            skips[name] = reason
    return MappingProxyType(skips)


def parse_url(text: str) -> str:
    """Return the address of a server: scheme, host and, where there is one, a path prefix.

    Raises:
        ValueError: The text names none.
    """
    try:
        parts = urlsplit(text.strip())
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        is_address = False
    if not is_address or parts.query or parts.fragment or not text.strip().isprintable():
        raise ValueError("it is no address of a server: write http://host:5000, or https://host/prefix")
    return text.strip()


def parse_v2_name(text: str) -> str:
    """Return the name of a model that a path of the Open Inference Protocol (V2) can hold.

    Raises:
        ValueError: Its paths would be those of something else: no server takes a slash for a part of the name, and
            clients leave out `.` and `..`.
    """
    name = parse_text(text)
    if "/" in name or name in {".", ".."}:
        raise ValueError(f"no path of /v2/models/NAME can hold {name!r}: write a name without a slash")
    if not name.isprintable():
        raise ValueError("it has characters that nobody can read")
    return name


def parse_headers(text: str) -> Mapping[str, str]:
    """Return the headers that a text such as `X-Tenant: north` gives, several on lines of their own.

    Raises:
        ValueError: A line is no header.
    """
    headers: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not value.strip().isprintable():
            raise ValueError("a header is no header: write 'Name: value'")  # which may hold a secret: it is not shown
        if name.strip().lower() in OF_THE_REQUEST:
            raise ValueError(f"{name.strip()} is what each request says of itself")
        headers[name.strip()] = value.strip()
    return MappingProxyType(headers)


def parse_channels(text: str) -> Mapping[str, str]:
    """Return the addresses that a text such as `conda-forge=https://mirror/conda-forge` gives channels.

    Several stand on lines of their own, or are separated by semicolons. A path from `/` or `~/` is an address, too.

    Raises:
        ValueError: A name stands without an address, or an address is none.
    """
    channels: dict[str, str] = {}
    for name, value in _pairs(text):
        address = parse_path(value).as_uri() if value.startswith(("/", "~/")) else value
        if not name or "://" not in address or not address.isprintable():
            raise ValueError("a channel has no address: write NAME=URL")  # which may hold a secret: it is not shown
        channels[name] = address
    return MappingProxyType(channels)


def parse_positive(text: str) -> float:
    """Return the number that a text such as `1e-6` names.

    Raises:
        ValueError: The text names no positive number.
    """
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not 0 < number < float("inf"):
        raise ValueError(f"{text!r} is no positive number")
    return number


def parse_switch(text: str) -> bool:
    """Return whether a text such as `true` or `off` switches on.

    Raises:
        ValueError: The text is no switch.
    """
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{text!r} is no switch: write true or false")


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands on both sides of the first `=` of each part; lines and semicolons separate them."""
    for part in filter(None, map(str.strip, text.replace("\n", ";").split(";"))):
        name, _, value = part.partition("=")
        yield name.strip(), value.strip()
