"""What a server must survive: requests that are broken off, half sent, slow, huge, deep, or no HTTP at all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..client.raw import After, RawRequest
from .good_request import GoodRequest

SLOW_PARTS: Final = 10
SLOW_PAUSE_S: Final = 0.05  # ten of them: long enough for a server that waits in the wrong place to be found there
_CHUNK: Final = 1 << 20
_DEEP: Final = 100_000  # levels, far beyond the recursion limit of any reader
_LONG_HEADER: Final = 100_000
_MANY_HEADERS: Final = 2_000
_GONE_TIMES: Final = 4  # clients that vanish come in numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordeal:
    """One thing that a client does to a server.

    Attributes:
        name: In a few words.
        request: What goes over the connection.
        is_answered: Whether the server must answer or close; else the client is gone and nothing can be told.
        times: How many clients do it, one after the other.
    """

    name: str
    request: RawRequest
    is_answered: bool = True
    times: int = 1


def ordeals(good: GoodRequest, *, max_body_bytes: int, near_bytes: int) -> Iterator[Ordeal]:
    """Yield what a server must survive, the harmless first.

    Args:
        good: A good request.
        max_body_bytes: The longest body that it must take.
        near_bytes: How long the longest is that is sent within that.
    """
    yield from _broken_off(good)
    yield from _slow(good)
    yield from _not_http(good)
    yield from _lengths(good)
    yield from _large(good, max_body_bytes, near_bytes)


def _broken_off(good: GoodRequest) -> Iterator[Ordeal]:
    head, body = head_of(good), good.body
    half = body[: len(body) // 2]
    yield _gone("closed without a word", b"")
    yield _gone("broken off in the headers", head[: len(head) // 2])
    yield _gone("broken off before the body", head)
    yield _gone("broken off in the body", head + half)
    yield _gone("broken off before the answer", head + body)
    yield _ordeal("half sent: headers and then the end", head, after=After.FINISH)
    yield _ordeal("half sent: half of the body and then the end", head + half, after=After.FINISH)


def _slow(good: GoodRequest) -> Iterator[Ordeal]:
    step = max(-(-len(good.body) // SLOW_PARTS), 1)
    parts = [good.body[at : at + step] for at in range(0, len(good.body), step)]
    request = RawRequest(chunks=(head_of(good), *parts), pause_s=SLOW_PAUSE_S)
    yield Ordeal(name="slow: its body comes in small parts", request=request)


def _not_http(good: GoodRequest) -> Iterator[Ordeal]:
    head, body = head_of(good), good.body
    yield _ordeal("no HTTP but noise", bytes(range(256)) * 4 + b"\r\n\r\n")
    yield _ordeal("TLS to a server without", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n")
    yield _ordeal("HTTP/1.0", head_of(good, version="1.0", host=False) + body)
    yield _ordeal("an HTTP version that is none", head_of(good, version="9.9") + body)
    yield _ordeal("noise after a good request", head + body + b"\x00\xff garbage\r\n\r\n")
    yield _ordeal("two good requests at once", (head + body) * 2)
    yield _ordeal("a header of 100 kB", head_of(good, more=f"X-Long: {'a' * _LONG_HEADER}\r\n") + body)
    many = "".join(f"X-Many-{at}: 1\r\n" for at in range(_MANY_HEADERS))
    yield _ordeal("two thousand headers", head_of(good, more=many) + body)
    yield _ordeal("Expect: 100-continue", head_of(good, more="Expect: 100-continue\r\n") + body)


def _lengths(good: GoodRequest) -> Iterator[Ordeal]:
    body, n_bytes = good.body, len(good.body)
    for length in ("-1", "abc", f"{n_bytes}, {n_bytes + 1}", "9" * 30):
        yield _ordeal(f"Content-Length: {length}", head_of(good, length=length) + body, after=After.FINISH)
    both = head_of(good, more="Transfer-Encoding: chunked\r\n")
    yield _ordeal("Content-Length and Transfer-Encoding", both + b"0\r\n\r\n", after=After.FINISH)
    chunked = head_of(good, length="", more="Transfer-Encoding: chunked\r\n")
    yield _ordeal("a chunk whose length is no number", chunked + b"zz\r\n" + body, after=After.FINISH)
    yield _ordeal("a body longer than it says", head_of(good, length=str(n_bytes // 2)) + body)


def _large(good: GoodRequest, most: int, near: int) -> Iterator[Ordeal]:
    deep = b"[" * _DEEP
    yield _ordeal("nested 100,000 deep", head_of(good, length=str(_DEEP)) + deep)
    yield _ordeal("says that it is too long", head_of(good, length=str(most + 1)), after=After.FINISH)
    if good.body.lstrip()[:1] != b"{":
        return
    padding = near - len(good.body)
    spaces = (*itertools.repeat(b" " * _CHUNK, padding // _CHUNK), b" " * (padding % _CHUNK))
    padded = RawRequest(chunks=(head_of(good, length=str(near)), *spaces, good.body))
    yield Ordeal(name=f"huge: {near >> 20} MiB", request=padded)
    chunked = head_of(good, length="", more="Transfer-Encoding: chunked\r\n")
    part = b"%x\r\n%s\r\n" % (_CHUNK, b" " * _CHUNK)
    over = RawRequest(chunks=(chunked, *itertools.repeat(part, most // _CHUNK + 1), b"0\r\n\r\n"))
    yield Ordeal(name="huge: longer than may be, in chunks", request=over)


def head_of(
    good: GoodRequest, *, version: str = "1.1", length: str | None = None, host: bool = True, more: str = ""
) -> bytes:
    """Return the request line and headers of a good request, changed as told.

    Args:
        good: The request.
        version: Of HTTP.
        length: In place of the body's length; empty for no Content-Length.
        host: Whether the Host header is there.
        more: Further header lines.
    """
    told = str(len(good.body)) if length is None else length
    lines = [f"POST /invocations HTTP/{version}\r\n"]
    if host:
        lines.append("Host: 127.0.0.1\r\n")
    if good.content_type is not None:
        lines.append(f"Content-Type: {good.content_type}\r\n")
    if told:
        lines.append(f"Content-Length: {told}\r\n")
    return "".join([*lines, more, "\r\n"]).encode()


def _ordeal(name: str, data: bytes, *, after: After = After.READ) -> Ordeal:
    return Ordeal(name=name, request=RawRequest(chunks=(data,), after=after))


def _gone(name: str, data: bytes) -> Ordeal:
    request = RawRequest(chunks=(data,), after=After.RESET)
    return Ordeal(name=name, request=request, is_answered=False, times=_GONE_TIMES)
