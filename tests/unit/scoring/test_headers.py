"""Headers, bodies and answers by themselves, where a client or a server between would tidy them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from starlette.datastructures import Headers

from pytest_modelserve.runtime.frames import OpaqueValue
from pytest_modelserve.scoring.body import BodyTooLarge, read_body, read_request_id
from pytest_modelserve.scoring.encode import encode_predictions
from pytest_modelserve.scoring.errors import NotEncodable, NotParsed
from pytest_modelserve.scoring.media import Media, UnsupportedMedia, parse_content_type, require_no_encoding
from pytest_modelserve.scoring.unsigned import infer_array


@pytest.mark.parametrize(
    ("values", "media"),
    [
        (["application/json"], Media.JSON),
        (["application/json", "application/json"], Media.JSON),
        (["text/csv; charset=utf-8; header=present"], Media.CSV),
        (["text/csv;HEADER=Present"], Media.CSV),
        (["application/json; charset=' utf-8'".replace("'", '"')], Media.JSON),
        (["application/vnd.apache.parquet; "], Media.PARQUET),
    ],
)
def test_a_content_type_is_read(values: list[str], media: Media) -> None:
    assert parse_content_type(values) is media


@pytest.mark.parametrize(
    "values",
    [
        [],
        [" "],
        ["application/json", "text/csv"],
        ["application/json", ""],
        ["application/json; CHARSET=latin-1"],
        ["application/json; Charset=utf-16"],
        ["text/csv; HEADER=absent"],
        ["text/csv; header=ABSENT"],
    ],
)
def test_another_content_type_is_refused(values: list[str]) -> None:
    with pytest.raises(UnsupportedMedia):
        parse_content_type(values)


@pytest.mark.parametrize("values", [[], [""], ["identity"], [" Identity "], ["identity", ""]])
def test_a_body_as_it_is_has_no_encoding(values: list[str]) -> None:
    require_no_encoding(values)


@pytest.mark.parametrize("values", [["gzip"], ["identity", "br"], ["identity, gzip"]])
def test_an_encoded_body_is_refused(values: list[str]) -> None:
    with pytest.raises(UnsupportedMedia):
        require_no_encoding(values)


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
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(upload, 10))
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


def test_an_answer_with_a_name_twice_tells_which() -> None:
    with pytest.raises(NotEncodable) as refused:
        encode_predictions({"a": 1, 1: 2, "1": 3})
    assert "the name '1' twice" in refused.value.message


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (2**70, b'{"predictions":1180591620717411303424}'),
        ("\ud800", b'{"predictions":"\\ud800"}'),
        ({True: 1, False: 2, None: 3}, b'{"predictions":{"true":1,"false":2,"null":3}}'),
        (
            np.array(["2024-01-02T03:04:05.120", "2024-01-02"], "M8[ns]"),
            b'{"predictions":["2024-01-02T03:04:05.120","2024-01-02T00:00:00.000"]}',
        ),
    ],
)
def test_an_answer_is_written(value: Any, body: bytes) -> None:
    assert encode_predictions(value).body == body


@pytest.mark.parametrize(
    ("value", "kind"), [(OpaqueValue("decimal.Decimal", "1"), "'decimal.Decimal'"), (1j, "'builtins.complex'")]
)
def test_a_value_that_json_cannot_carry_is_told_by_its_type(value: Any, kind: str) -> None:
    with pytest.raises(NotEncodable) as refused:
        encode_predictions([value])
    assert kind in refused.value.message


@pytest.mark.parametrize("texts", [["a\0", "b"], ["b", "a\0"], ["a\0"]])
def test_an_array_with_a_text_that_ends_in_nul_keeps_it(texts: list[str]) -> None:
    found: Any = infer_array(texts, "inputs")
    assert (found.dtype, found.tolist()) == (object, texts)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "no Content-Type"),
        (["  "], "no Content-Type"),
        (["", "application/json"], "no Content-Type"),
        (["application/json", ""], "several"),
        (["x/y"], "'x/y'"),
        ([], "reads application/json, text/csv, application/vnd.apache.parquet"),
    ],
)
def test_a_refused_content_type_is_told(values: list[str], said: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        parse_content_type(values)
    assert said in refused.value.message
