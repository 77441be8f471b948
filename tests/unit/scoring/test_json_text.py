"""Strict JSON by itself: its depth, its keys, its wide integers, and that little is read twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_modelserve.scoring.errors import NotParsed
from pytest_modelserve.scoring.json_text import MAX_DEPTH, parse_json


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf "])
def test_an_empty_body_is_told_as_such(body: bytes) -> None:
    with pytest.raises(NotParsed) as refused:
        parse_json(body, exact_integers=True)
    assert (refused.value.message, refused.value.details) == ("The body is empty", {})


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_document_has_at_most_200_levels(opening: bytes, closing: bytes, beyond: int) -> None:
    n_levels = 200 + beyond
    assert MAX_DEPTH == 200
    parts = n_levels // (opening.count(b"[") + opening.count(b"{"))
    rest = b"[" * (n_levels % 2) if len(closing) == 2 else b""
    body = opening * parts + rest + b"1" + rest.replace(b"[", b"]") + closing * parts
    if not beyond:
        parse_json(body, exact_integers=False)
        return
    with pytest.raises(NotParsed) as refused:
        parse_json(body, exact_integers=False)
    assert refused.value.message == "The body is nested deeper than 200 levels"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"9223372036854775807", 2**63 - 1),
        (b"18446744073709551615", 2**64 - 1),
        (b"18446744073709551616", 2**64),
        (b"-9223372036854775808", -(2**63)),
        (b"-9223372036854775809", -(2**63) - 1),
    ],
)
def test_wide_integers_are_exact_where_that_matters(body: bytes, expected: int) -> None:
    exact = parse_json(body, exact_integers=True)
    rounded = parse_json(body, exact_integers=False)
    is_wide = not -(2**63) <= expected < 2**64
    assert (exact, type(exact)) == (expected, int)
    assert (rounded, type(rounded)) == ((float(expected), float) if is_wide else (expected, int))


@pytest.mark.parametrize(
    ("body", "again"),
    [
        (b"1", False),
        (b'[1, "a", {}]', False),
        (b'{"a":1,"b":{"c":[{"d":2}, []]}}', False),
        (b'{"a" : 1, "b"\n:\t{"c":2}}', False),
        (b'{"a":"\\":"}', True),  # the text in it looks like a key
        (b"[999999999999999999]", False),
        (b"[1000000000000000000]", True),
    ],
)
def test_only_what_may_have_lost_something_is_read_twice(
    monkeypatch: pytest.MonkeyPatch, body: bytes, again: bool
) -> None:
    read: list[str] = []
    loads = json.loads
    expected = loads(body)

    def note(text: str, **options: Any) -> Any:
        read.append(text)
        return loads(text, **options)

    monkeypatch.setattr(json, "loads", note)
    assert parse_json(body, exact_integers=True) == expected
    assert bool(read) is again


@pytest.mark.parametrize("space", ["", " ", "\t", "\r", "\n", " \r\n\t"])
def test_a_key_that_stands_twice_is_seen_whatever_stands_after_it(space: str) -> None:
    with pytest.raises(NotParsed) as refused:
        parse_json(f'{{"a":1,"b":{{"c":1}},"a"{space}:2}}'.encode(), exact_integers=False)
    assert refused.value.details == {"key": "'a'"}
