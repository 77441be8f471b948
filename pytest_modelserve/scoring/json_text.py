"""Strict JSON: what RFC 8259 allows, no key twice, no number that a float64 or an integer would change."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Final

import orjson

from .errors import NotParsed, excerpt

MAX_DEPTH: Final = 200  # far beyond any real document, far below every recursion limit on the way to the model
_BOM: Final = b"\xef\xbb\xbf"
_KEY_BEFORE_SPACE: Final = re.compile(rb'"[ \t\r\n]+:')
_KEY: Final = re.compile(rb'"[ \t\r\n]*:')
_WIDE_INTEGER: Final = re.compile(rb"[0-9]{19}")  # -2**63 has 19 digits; orjson makes floats of what is beyond


def parse_json(body: bytes, *, exact_integers: bool) -> object:
    """Return the JSON document in `body`.

    Bare NaN and infinities, lone surrogates, numbers beyond float64 and bytes other than UTF-8 are refused; a byte
    order mark is passed over, as RFC 8259 allows. A key that stands twice in one object is refused: whichever of the
    two were taken, the other would be lost without a word.

    Args:
        body: The whole text.
        exact_integers: Whether integers beyond 64 bits stay integers. They become floats otherwise, which no declared
            type tells apart: too large for the integer types, and rounded by the float types anyway.

    Raises:
        NotParsed: It is no such document, or nested deeper than `MAX_DEPTH`.
    """
    text = body.removeprefix(_BOM)
    if not text.strip():
        raise NotParsed("The body is empty")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as broken:
        raise NotParsed(f"The body is not valid JSON: {broken.msg}", position=broken.pos) from None
    if _count_keys_in_text(text) != _count_keys(document):
        _require_unique_keys(text)
    if exact_integers and _WIDE_INTEGER.search(text):
        document = json.loads(text.decode())
    return document


def _count_keys_in_text(text: bytes) -> int:
    """Count what may be keys: never fewer than there are, more where a string holds an escaped quote and a colon."""
    if _KEY_BEFORE_SPACE.search(text):
        return len(_KEY.findall(text))
    return text.count(b'":')


def _count_keys(document: object) -> int:
    """Count the keys of all objects in a document, level by level so that no depth exhausts the stack."""
    total = 0
    level: list[object] = [document]
    for _ in range(MAX_DEPTH + 1):
        kinds = set(map(type, level))
        if not kinds & {dict, list}:
            return total
        objects: list[dict[str, object]] = [value for value in level if type(value) is dict]
        lists: list[list[object]] = [value for value in level if type(value) is list]
        total += sum(map(len, objects))
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
    raise NotParsed(f"The body is nested deeper than {MAX_DEPTH} levels")


def _require_unique_keys(text: bytes) -> None:
    json.loads(text.decode(), object_pairs_hook=_require_unique)


def _require_unique(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        seen: set[str] = set()
        # set.add returns None, which is false
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise NotParsed(f"The key {excerpt(twice)} stands twice in one object", key=excerpt(twice))
