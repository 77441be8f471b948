"""Talks to a server in bytes on a socket, as no HTTP client would: half a request, two at once, or no HTTP at all."""

from __future__ import annotations

import enum
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_RESET: Final = struct.pack("ii", 1, 0)  # linger on, for no time: closing then resets the connection
_READ_BYTES: Final = 65536
_MOST_BYTES: Final = 1 << 20  # of an answer: an error is short


class After(enum.Enum):
    """What the client does once it has sent everything."""

    READ = "read"  # until an answer is there, or the server closes
    FINISH = "finish"  # says that no more will come, then reads
    RESET = "reset"  # goes away at once


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRequest:
    """What goes over one connection.

    Attributes:
        chunks: Sent one after the other.
        pause_s: Between two chunks.
        after: What follows the last.
    """

    chunks: Sequence[bytes]
    pause_s: float = 0.0
    after: After = After.READ


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """What came back.

    Attributes:
        status: Of the first answer; None where none came.
        data: All bytes that came.
        is_late: Whether the server neither answered nor closed in time.
        elapsed_s: Until the answer or the end, in seconds.
    """

    status: int | None
    data: bytes
    is_late: bool
    elapsed_s: float


@contextmanager
def held(base_url: str, data: bytes, *, timeout_s: float) -> Iterator[None]:
    """Send the beginning of a request, and hold the connection open for as long as the block lasts.

    Raises:
        OSError: No connection can be made.
    """
    parts = urlsplit(base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=timeout_s) as connection:
        connection.sendall(data)
        yield


def send_raw(base_url: str, request: RawRequest, *, timeout_s: float) -> RawReply:
    """Send bytes over a connection of their own and return what comes back.

    A server may answer, or close, before everything was sent.

    Raises:
        OSError: No connection can be made.
    """
    parts = urlsplit(base_url)
    started = time.monotonic()
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=timeout_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _send(connection, request)
        if request.after is After.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return RawReply(status=None, data=b"", is_late=False, elapsed_s=time.monotonic() - started)
        data, is_late = _received(connection, started + timeout_s)
    return RawReply(status=_status_of(data), data=data, is_late=is_late, elapsed_s=time.monotonic() - started)


def _send(connection: socket.socket, request: RawRequest) -> None:
    try:
        for at, chunk in enumerate(request.chunks):
            if at and request.pause_s:
                time.sleep(request.pause_s)
            connection.sendall(chunk)
        if request.after is After.FINISH:
            connection.shutdown(socket.SHUT_WR)
    except OSError:  # the server has heard enough; what it said is still to be read
        return


def _received(connection: socket.socket, deadline: float) -> tuple[bytes, bool]:
    """Return the bytes of at least one whole answer, or all until the end, and whether the time ran out before."""
    data = b""
    while not _is_whole(data) and len(data) < _MOST_BYTES:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return data, True
        connection.settimeout(left_s)
        try:
            part = connection.recv(_READ_BYTES)
        except TimeoutError:
            return data, True
        except OSError:  # reset: an end, too
            return data, False
        if not part:
            return data, False
        data += part
    return data, False


def _is_whole(data: bytes) -> bool:
    head, ended, body = _answer_in(data).partition(b"\r\n\r\n")
    if not ended:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return len(body) >= int(value)
    return False


def _status_of(data: bytes) -> int | None:
    words = _answer_in(data).split(b"\r\n", 1)[0].split(b" ", 2)
    is_http = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
    return int(words[1]) if is_http else None


def _answer_in(data: bytes) -> bytes:
    """Return what came after `100 Continue`, which precedes an answer."""
    first, _, rest = data.partition(b"\r\n\r\n")
    return _answer_in(rest) if first.split(b" ", 2)[1:2] == [b"100"] else data
