"""The body up to its limit, and the request's id, where a client or a server between would tidy them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.datastructures import Headers

from pytest_modelserve.scoring.body import BodyTooLarge, read_body, read_request_id
from pytest_modelserve.scoring.errors import DecidedBy, ErrorCode, NotParsed


@pytest.mark.parametrize("found", ["a", "~!", "a b", "a" * 128])
def test_a_request_id_is_kept(found: str) -> None:
    assert read_request_id(Headers({"X-Modelserve-Request-Id": found})) == found


@pytest.mark.parametrize("found", [[""], [" a"], ["a "], ["a" * 129], ["a\x7f"], ["\xe9"], ["a", "a"], ["a", "b"]])
def test_another_request_id_is_refused(found: list[str]) -> None:
    raw = [(b"x-modelserve-request-id", value.encode("latin-1")) for value in found]
    with pytest.raises(NotParsed):
        read_request_id(Headers(raw=raw))


class Upload:
    """A request whose body comes in parts."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.n_read = 0

    async def stream(self) -> AsyncIterator[bytes]:
        for size in self.sizes:
            self.n_read += 1
            yield b"x" * size


@pytest.mark.parametrize("sizes", [(), (0,), (10,), (5, 5), (1, 0, 9)])
def test_a_body_up_to_the_limit_is_read(sizes: tuple[int, ...]) -> None:
    upload: Any = Upload(*sizes)
    assert asyncio.run(read_body(upload, 10)) == b"x" * sum(sizes)


@pytest.mark.parametrize(
    ("sizes", "n_read"),
    [((11,), 1), ((5, 6), 2), ((11, 1, 1), 3), ((160, 1), 2), ((160, 1, 1), 2), ((161, 1), 1), ((9, 152, 1), 2)],
)
def test_a_longer_body_is_refused_once_the_rest_has_been_drained(sizes: tuple[int, ...], n_read: int) -> None:
    upload: Any = Upload(*sizes)
    with pytest.raises(BodyTooLarge) as refused:
        asyncio.run(read_body(upload, 10))
    assert (refused.value.code, refused.value.decided_by) == (ErrorCode.REQUEST_TOO_LARGE, DecidedBy.SERVER)
    assert upload.n_read == n_read


class Part(bytes):
    """A part of a body that tells how many of them somebody holds."""

    held = 0

    def __init__(self, *_: object) -> None:
        Part.held += 1

    def __del__(self) -> None:
        Part.held -= 1


def test_a_body_beyond_the_limit_is_not_kept() -> None:
    held: list[int] = []

    class Parts:
        async def stream(self) -> AsyncIterator[bytes]:
            for _ in range(6):
                held.append(Part.held)
                yield Part(b"xxxx")

    parts: Any = Parts()
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(parts, 10))
    assert held[:3] == [0, 1, 2]
    assert max(held[4:]) <= 1  # the one that has just been read
