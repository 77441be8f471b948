"""The boundary values of each type, in a fixed order, each with a short name and its level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ..cases import Level
from ..signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector, ValueType
from .levels import PLAUSIBLE_TEXT, level_of
from .values import first_of_each

ROLES: Final = ("user", "assistant", "system")  # what every chat model knows; another role is no chat
_MANY: Final = 1_000  # elements of a long list: beyond what production sends
_INNER: Final = 8  # edges taken from each part of a nested value, so that deep types stay enumerable

_WHOLE: Final = (
    (0, "zero"),
    (1, "one"),
    (-1, "minus one"),
    (256, "beyond 8 bits"),
    (65_536, "beyond 16 bits"),
    (16_777_217, "beyond 2^24"),
    (1_000_000_000, "a billion"),
    (-1_000_000_000, "minus a billion"),
)
_INT32_ENDS: Final = ((2**31 - 1, "int32 max"), (-(2**31), "int32 min"))
_LONG: Final = (
    (2**31, "beyond int32"),
    (-(2**31) - 1, "below int32"),
    (2**53 + 1, "beyond 2^53"),
    (-(2**53) - 1, "below -2^53"),
    (2**63 - 1, "int64 max"),
    (-(2**63), "int64 min"),
)
_REAL: Final = (
    (0.0, "zero"),
    (-0.0, "negative zero"),
    (1, "whole number written as integer"),
    (-1.0, "minus one"),
    (0.5, "one half"),
    (0.1, "not exact in binary"),
    (-1.5, "negative fraction"),
    (1e9, "a billion"),
    (-1e9, "minus a billion"),
)
_FLOAT: Final = (
    (16_777_216.0, "2^24"),
    (float(np.finfo(np.float32).max), "largest float32"),
    (float(np.finfo(np.float32).min), "lowest float32"),
    (float(np.finfo(np.float32).tiny), "smallest normal float32"),
    (float(np.finfo(np.float32).smallest_subnormal), "smallest subnormal float32"),
)
_DOUBLE: Final = (
    (2.0**53, "2^53"),
    (1e15, "1e15"),
    (1e39, "beyond float32"),
    (float(np.finfo(np.float64).max), "largest float64"),
    (float(np.finfo(np.float64).min), "lowest float64"),
    (float(np.finfo(np.float64).tiny), "smallest normal float64"),
    (float(np.finfo(np.float64).smallest_subnormal), "smallest subnormal float64"),
)
_TEXT: Final = (
    ("", "empty text"),
    (" ", "one space"),
    ("never seen before", "unseen text"),
    ("001", "leading zeros"),
    ("1.0", "number-like text"),
    ("NaN", "NaN as text"),
    ("null", "null as text"),
    ("None", "None as text"),
    ("true", "true as text"),
    ("2024-02-29", "date-like text"),
    ("http://example.org/?a=1&b=2", "URL"),
    ('a,"b"\n\tc', "comma, quotes, line break and tab"),
    ("\\u0041 \\n", "backslashes"),
    (" padded ", "spaces around"),
    ("<b>&amp;</b>", "markup"),
    ("naïve café", "accents"),
    ("e\u0301", "combining mark"),
    ("Größe Ελλάδα Привет", "Latin, Greek, Cyrillic"),
    ("東京 서울", "Chinese, Korean"),
    ("مرحبا שלום", "right to left"),
    ("\U0001f469\u200d\U0001f680 \U0001f1ea\U0001f1fa", "emoji"),
    ("zero\u200bwidth", "zero width space"),
    ("x" * PLAUSIBLE_TEXT, "200 characters"),
    ("a\x00b", "NUL character"),
    ("\x01\x1f\x7f", "control characters"),
    ("x" * 100_000, "100,000 characters"),
)
_BYTES: Final = (
    (b"", "no bytes"),
    (b"\x00", "one NUL byte"),
    (b"ab", "two bytes"),
    (b"\xff\xfe\xfd", "not UTF-8"),
    (b"\xfb\xef\xff", "plus and slash in base64"),
    (bytes(range(256)), "all byte values"),
    (b"\x89PNG\r\n\x1a\n", "file signature"),
    (b"\x00\xff" * 50_000, "100,000 bytes"),
)
_MOMENTS: Final = (
    ("1970-01-01T00:00:00", "epoch"),
    ("1969-12-31T23:59:59.999999999", "before 1970"),
    ("2000-02-29T12:00:00", "leap day"),
    ("2024-12-31T23:59:59.123456789", "nanoseconds"),
    ("2024-03-31T02:30:00", "hour that daylight saving skips"),
    ("2038-01-19T03:14:08", "beyond 32 bit seconds"),
    ("1900-01-01T00:00:00", "1900"),
    ("2100-12-31T23:59:59", "2100"),
    ("1678-01-01T00:00:00", "1678"),
    ("1677-09-21T00:12:43.145224193", "earliest nanosecond"),
    ("2262-04-11T23:47:16.854775807", "latest nanosecond"),
)
_SCALARS: Final[Mapping[DataType, tuple[tuple[object, str], ...]]] = {
    DataType.BOOLEAN: ((False, "false"), (True, "true")),
    DataType.INTEGER: _WHOLE + _INT32_ENDS,
    DataType.LONG: _WHOLE + _LONG,
    DataType.FLOAT: _REAL + _FLOAT,
    DataType.DOUBLE: _REAL + _DOUBLE,
    DataType.STRING: _TEXT,
    DataType.BINARY: _BYTES,
    DataType.DATETIME: tuple((np.datetime64(text, "ns"), name) for text, name in _MOMENTS),
}
_ENDS: Final = frozenset({2**31 - 1, -(2**31)})  # of a plausible size, and yet the ends of an integer column
_ANY: Final[tuple[tuple[object, str], ...]] = (
    (None, "null"),
    (True, "boolean"),
    (0, "integer"),
    (1.5, "fraction"),
    ("text", "text"),
    ([], "empty list"),
    ({}, "empty record"),
    ([1, "a", None, {"k": [True]}], "mixed and nested"),
    (2**53 + 1, "beyond 2^53"),
)
_BASES: Final[Mapping[DataType, object]] = {
    DataType.BOOLEAN: False,
    DataType.INTEGER: 1,
    DataType.LONG: 1,
    DataType.FLOAT: 1.0,
    DataType.DOUBLE: 1.0,
    DataType.STRING: "a",
    DataType.BINARY: b"a",
    DataType.DATETIME: np.datetime64("2000-01-01", "ns"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One boundary value of a type.

    Attributes:
        value: As a cell of a Table.
        name: What is special about it, in a few words.
        level: PLAUSIBLE or EXTREME.
    """

    value: object
    name: str
    level: Level


def base_value(kind: ValueType) -> object:
    """Return the plainest value of a type: what stands in a row where nothing is known of the column."""
    match kind:
        case Array(items=items):
            return [base_value(items)]
        case Object(properties=properties):
            roles = is_chat_message(kind)
            return {
                item.name: ROLES[0] if roles and item.name == "role" else base_value(item.type)
                for item in properties
                if item.required
            }
        case Map(values=values):
            return {"a": base_value(values)}
        case AnyType():
            return "a"
        case SparkMLVector():
            return [1.0]
    return _BASES[kind]


def edges(kind: ValueType, *, base: object = None) -> tuple[Edge, ...]:
    """Return the boundary values of a type, plausible ones first, always the same in the same order.

    Args:
        kind: The type.
        base: A value that the model is known to take, in which one part at a time is changed; None takes the
            plainest. It matters only for nested types.
    """
    if isinstance(kind, DataType):
        return _scalar_edges(kind)
    found = first_of_each(_nested(kind, base), lambda edge: edge.value)
    return tuple(sorted(found, key=lambda edge: edge.level))


def is_chat_message(kind: ValueType) -> bool:
    """Tell whether an object is one message of a chat: it has a `role` and a `content`."""
    return isinstance(kind, Object) and {"role", "content"} <= {item.name for item in kind.properties}


@lru_cache(maxsize=len(DataType))
def _scalar_edges(kind: DataType) -> tuple[Edge, ...]:
    found = (_edge(value, name, kind) for value, name in _SCALARS[kind])
    return tuple(sorted(found, key=lambda edge: edge.level))


def _edge(value: object, name: str, kind: ValueType | None = None) -> Edge:
    level = Level.EXTREME if kind is DataType.INTEGER and value in _ENDS else level_of(value)
    return Edge(value=value, name=name, level=level)


def _nested(kind: ValueType, base: object) -> Iterator[Edge]:
    base = base_value(kind) if base is None else base
    match kind:
        case Array(items=items):
            yield from _array(items, base if isinstance(base, list) else [])
        case SparkMLVector():
            # a vector's length is part of the model: only its numbers vary
            vector = base if isinstance(base, list) and base else [1.0]
            for edge in _scalar_edges(DataType.DOUBLE):
                yield Edge(value=[edge.value, *vector[1:]], name=f"element {edge.name}", level=edge.level)
        case Map(values=values):
            yield from _map(values)
        case Object(properties=properties):
            record = base if isinstance(base, dict) else {}
            for item in properties:
                yield from _property(kind, item, record)
        case _:
            yield from (_edge(value, name) for value, name in _ANY)


def _array(items: ValueType, base: list[object]) -> Iterator[Edge]:
    first = base[0] if base else base_value(items)
    yield _edge([], "empty list")
    yield _edge([first], "one element")
    yield _edge([first] * 3, "three equal elements")
    for edge in _few(items, first):
        yield Edge(value=[edge.value], name=f"element {edge.name}", level=edge.level)
    for edge in _few(items, first)[:2]:
        yield Edge(value=[first, edge.value], name=f"second element {edge.name}", level=edge.level)
    if not isinstance(items, Object):
        yield _edge([first] * _MANY, f"{_MANY:,} elements")


def _map(values: ValueType) -> Iterator[Edge]:
    plain = base_value(values)
    yield _edge({}, "empty map")
    for key, name in (
        ("a", "one key"),
        ("", "empty key"),
        ("a.b c", "key with dot and space"),
        ("é\U0001f600", "emoji key"),
    ):
        yield _edge({key: plain}, name)
    for edge in _few(values, plain):
        yield Edge(value={"a": edge.value}, name=f"value {edge.name}", level=edge.level)
    yield _edge({f"k{at}": plain for at in range(_MANY)}, f"{_MANY:,} keys")


def _property(owner: Object, item: Property, record: Mapping[str, object]) -> Iterator[Edge]:
    if is_chat_message(owner) and item.name == "role":
        known = tuple(_edge(role, f"role {role}") for role in ROLES)
    else:
        known = _few(item.type, record.get(item.name))
    for edge in known:
        yield Edge(value={**record, item.name: edge.value}, name=f'"{item.name}" {edge.name}', level=edge.level)
    if not item.required:
        rest = {name: value for name, value in record.items() if name != item.name}
        yield Edge(value=rest, name=f'"{item.name}" absent', level=Level.PLAUSIBLE)


def _few(kind: ValueType, base: object) -> tuple[Edge, ...]:
    # both ends of the order: the plainest boundaries and the farthest ones
    found = edges(kind, base=base)
    return found if len(found) <= 2 * _INNER else found[:_INNER] + found[-_INNER:]
