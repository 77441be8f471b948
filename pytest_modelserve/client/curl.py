"""A request as a curl command line that a POSIX shell runs to the same bytes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

INLINE_LIMIT: Final = 2000  # characters: longer lines are no longer read, nor pasted with pleasure
_ARGUMENT_LIMIT: Final = 100_000  # bytes: Linux refuses one argument beyond 128 KiB (MAX_ARG_STRLEN)
MASK: Final = "***"
_USER: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)  # or what may be meant for one
_SECRET: Final = re.compile(r"auth|cookie|token|secret|password|credential|key|signature|session", re.IGNORECASE)
_LEFT_OUT: Final = frozenset(
    {"host", "content-length", "connection", "accept", "accept-encoding", "user-agent", "x-modelserve-request-id"}
)
# printf reads % and \, the shell ', and a leading - would be an option.
_OCTAL: Final = {byte: f"\\{byte:03o}" for byte in range(256) if not 32 <= byte <= 126 or chr(byte) in "%\\'-"}
_GLOBBED: Final = frozenset("[]{}")


def as_curl(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    base_url: str | None = None,
    body_file: str | Path | None = None,
    max_time_s: float | None = None,
) -> str:
    """Return the command line; the values of headers that carry secrets are masked.

    A short body of printable text stands in the line. Any other is read from `body_file`, or comes through a pipe
    from printf where there is none: no byte is ever changed.

    Args:
        method: The HTTP method.
        url: The whole URL.
        headers: As sent.
        body: The exact bytes.
        base_url: Replaces the scheme, host and path prefix of the URL.
        body_file: Where the body stands or will stand; the caller writes it.
        max_time_s: After how long curl gives up; it waits for ever by default.
    """
    target = _target(url, base_url)
    patience = [] if max_time_s is None else ["--max-time", f"{max_time_s:g}"]
    words = ["curl", "-sS", *patience, *_method_words(method, body)]
    if _GLOBBED & set(target):
        words.append("--globoff")
    if "/." in target:
        words.append("--path-as-is")
    words.append(shlex.quote(target))
    for name, value in without_secrets(headers).items():
        if name.lower() not in _LEFT_OUT:
            words.extend(("-H", shlex.quote(_header(name, value))))
    if not body and method != "POST":
        return " ".join(words)
    if "content-type" not in {name.lower() for name in headers}:
        words.extend(("-H", "'Content-Type:'"))  # curl would say application/x-www-form-urlencoded
    source, piped = _body_source(body, body_file)
    return f"{piped}{' '.join(words)} --data-binary {source}"


def moved(line: str, base_url: str, other: str) -> str:
    """Return a command line of `as_curl` that goes to another server.

    Args:
        line: The command line.
        base_url: Where it goes, up to the path prefix.
        other: The same of the other server.
    """
    here = re.escape(base_url)
    found = re.search(f"'{here}([^']*)'|{here}(\\S*)", line)
    if found is None:
        return line
    before, target = line[: found.start()], f"{other.rstrip('/')}{found[1] or found[2] or ''}"
    globoff = "--globoff " if _GLOBBED & set(target) and "--globoff" not in before else ""  # an IPv6 address has some
    return f"{before}{globoff}{shlex.quote(target)}{line[found.end() :]}"


def _body_source(body: bytes, body_file: str | Path | None) -> tuple[str, str]:
    text = _as_plain_text(body)
    longest = _ARGUMENT_LIMIT if body_file is None else INLINE_LIMIT
    if text is not None and len(body) <= longest:
        return shlex.quote(text), ""
    if body_file is not None:
        return shlex.quote(f"@{body_file}"), ""
    return "@-", f"{_printed(body)} | "


def _printed(body: bytes) -> str:
    """Return the commands that print a body: a long end of one repeated byte, as padding is, is counted."""
    start = body.rstrip(body[-1:]) if body else body
    n_padding = len(body) - len(start)
    if n_padding <= INLINE_LIMIT:
        return f"printf '{_as_octal(body)}'"
    padding = f"head -c {n_padding} /dev/zero | tr '\\0' '\\{body[-1]:03o}'"
    return f"{{ printf '{_as_octal(start)}'; {padding}; }}"


def _as_plain_text(body: bytes) -> str | None:
    """Return the body as text that can stand in single quotes; None where an eye or curl would take it for other."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    plain = not text.startswith("@") and text.replace("\n", "").isprintable()
    return text if plain else None


def _as_octal(body: bytes) -> str:
    return body.decode("latin-1").translate(_OCTAL)


def _method_words(method: str, body: bytes) -> list[str]:
    if method == "HEAD":
        return ["--head"]
    implied = "POST" if body or method == "POST" else "GET"
    return [] if method == implied else ["-X", shlex.quote(method)]


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers for reading: the values of those that carry secrets are masked."""
    return {name: MASK if value and _SECRET.search(name) else value for name, value in headers.items()}


def shown_url(url: str) -> str:
    """Return a URL for reading, or what is meant for one: user and password are masked."""
    return _USER.sub(lambda found: f"{found[1] or ''}{MASK}@", url)


def _header(name: str, value: str) -> str:
    return f"{name}: {value}" if value else f"{name};"  # curl's way to send an empty one


def _target(url: str, base_url: str | None) -> str:
    parts = urlsplit(url)
    if base_url is not None:
        path = urlunsplit(("", "", parts.path, parts.query, ""))
        return base_url.rstrip("/") + path
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{MASK}@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
