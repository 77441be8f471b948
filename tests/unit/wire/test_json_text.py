"""Strict JSON, out and in."""

from __future__ import annotations

import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import DecodeError, EncodeError
from pytest_modelserve.wire.json_text import parse_json, write_json
from pytest_modelserve.wire.values import JsonValue

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None))
)
_DOCUMENTS = st.recursive(_SCALARS, lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=12)


def _joined(document: object) -> object:
    """Two lone surrogates side by side are one character to JSON; join them as it does."""
    if isinstance(document, str):
        return document.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(document, list):
        return [_joined(item) for item in document]
    return {key: _joined(item) for key, item in document.items()} if isinstance(document, dict) else document


@given(_DOCUMENTS)
def test_a_document_reads_back_exactly(document: JsonValue) -> None:
    back = parse_json(write_json(document))

    assert back == _joined(document)
    assert repr(back) == repr(_joined(document))  # tells -0.0 from 0.0, 1 from 1.0 and True


def test_text_is_readable_and_lone_surrogates_are_escapes() -> None:
    assert write_json(["é\ud800😀"]) == '["é\\ud800😀"]'.encode()


def test_integers_of_any_length_are_written_and_read() -> None:
    number = 10**5000 + 7

    body = write_json({"a": [number, True, None, "x"]})

    assert b"1" + b"0" * 4999 + b"7" in body
    assert parse_json(body) == {"a": [number, True, None, "x"]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_is_written_only_on_purpose(value: float) -> None:
    with pytest.raises(EncodeError):
        write_json([value])

    assert json.loads(write_json([value], bare_tokens=True))[0] == pytest.approx(value, nan_ok=True)


def test_a_value_nested_too_deep_is_refused() -> None:
    value: JsonValue = []
    for _ in range(200_000):
        value = [value]

    with pytest.raises(EncodeError):
        write_json(value)


@pytest.mark.parametrize(
    ("body", "byte"),
    [
        (b'{"a": NaN}', 6),
        ('{"é NaN": [-Infinity]}'.encode(), 12),
        (b"[Infinity]", 1),
        (b'{"a": 1, "a": 2}', 0),
        (b'["\xff"]', 2),
        (b"\xef\xbb\xbf[]", 0),
        (b"", 0),
        (b"[1,]", 2 if sys.version_info >= (3, 13) else 3),
        (b"[1] 2", 4),
        (b"[" * 200_000, 0),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_strict_json_is_refused_with_its_place(body: bytes, byte: int) -> None:
    with pytest.raises(DecodeError) as caught:
        parse_json(body)

    assert caught.value.facts["byte"] == byte


def test_the_refusal_says_which_token_json_forbids() -> None:
    with pytest.raises(DecodeError, match="bare NaN"):
        parse_json(b'{"predictions": [1.0, NaN]}')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"y": [NaN, Infinity, -Infinity, 1.5]}', {"y": [None, None, None, 1.5]}),
        (b'{"y": "NaN"}', {"y": "NaN"}),
        (b'{"y": 1}', {"y": 1}),
    ],
)
def test_bare_tokens_are_read_as_null_only_on_purpose(body: bytes, expected: object) -> None:
    assert parse_json(body, bare_as_null=True) == expected


@pytest.mark.parametrize("body", [b"[NaN", b'{"y": NaN, "y": 1}', b"[nan]", b"[NaN, \xff]"])
def test_nothing_else_is_read_for_them(body: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_json(body, bare_as_null=True)


def test_numbers_beyond_a_float_are_grammar_and_stay() -> None:
    assert parse_json(b"[1e400, -0.0, 9007199254740993]") == [math.inf, 0.0, 9007199254740993]
