"""Values as cases hold them: when two are the same on the wire, and how they read in a label."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, TypeVar

import numpy as np

_T = TypeVar("_T")
_PLAIN: Final = frozenset({bool, int, str, bytes, type(None)})  # equal only to what is sent alike
_SHOWN: Final = 40  # characters of a live value in a label


def fingerprint(value: object) -> Hashable:
    """Return a key that two values share only if they are sent as the same bytes.

    True is not 1, 1 is not 1.0, and 0.0 is not -0.0.
    """
    kind = type(value)
    if kind in _PLAIN:  # nearly all cells are, and wide tables have a great many
        return (kind, value)
    found: tuple[Hashable, ...]
    match value:
        case list() | tuple():
            found = ("list", *(fingerprint(item) for item in value))
        case Mapping():
            found = ("map", *((str(key), fingerprint(item)) for key, item in value.items()))
        case np.ndarray() if value.dtype.hasobject:
            found = ("array", value.shape, fingerprint(value.tolist()))
        case np.ndarray():
            found = ("array", value.dtype.str, value.shape, value.tobytes())
        case float() | np.datetime64():
            found = (type(value).__name__, repr(value))
        case _:
            found = (type(value).__name__, repr(value))
    return found


def first_of_each(items: Iterable[_T], key: Callable[[_T], object]) -> list[_T]:
    """Return items in order without those whose value of `key` came before."""
    found: dict[Hashable, _T] = {}
    for item in items:
        found.setdefault(fingerprint(key(item)), item)
    return list(found.values())


def shown(value: object) -> str:
    """Return a live value as a label shows it: JSON's spelling, cut in the middle where it is long."""
    match value:
        case None:
            text = "null"
        case bool():
            text = "true" if value else "false"
        case str():
            text = f'"{_escaped(value[: 2 * _SHOWN])}"'
        case np.datetime64():
            text = str(value).removesuffix(".000000000")
        case int() if value.bit_length() > 4 * _SHOWN:
            text = f"an integer of {value.bit_length()} bits"  # Python refuses to spell one of 5,000 digits
        case list() | tuple() | Mapping() if len(value) > _SHOWN:
            text = f"{len(value)} elements"
        case _:
            text = repr(value)
    if len(text) <= _SHOWN:
        return text
    length = f" ({len(value):,} long)" if isinstance(value, str | bytes) else ""
    return f"{text[: _SHOWN - 10]}…{text[-8:]}{length}"


def _escaped(text: str) -> str:
    return "".join(
        character
        if character.isprintable() and character != '"'
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    ).replace('"', '\\"')
