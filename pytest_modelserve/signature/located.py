"""A JSON value that knows where in the signature it stands, so that every error names the place."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import SignatureError

_MAX_DEPTH: Final = 100  # far beyond any real type, far below where Python's recursion ends for who walks one
_MAX_VALUE_CHARS: Final = 200  # a value in a message; enough for any type, short enough for one screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A part of one side of a signature.

    Attributes:
        side: `inputs`, `outputs` or `params`.
        path: Where the value stands, such as `inputs[3].items.type`.
        value: The value as JSON has it.
        depth: How many lists and objects it stands in.
    """

    side: str
    path: str
    value: object
    depth: int = 0

    def error(self, happened: str, fix: str = "") -> SignatureError:
        """Build the error that this value is wrong; `happened` follows the path in the sentence."""
        return SignatureError(
            f"the signature is broken at {self.path}: {happened}",
            facts={"side": self.side, "path": self.path, "value": shown(self.value)},
            fix=fix or "Correct the signature in the MLmodel file, or log the model again.",
        )

    def elements(self) -> Iterator[Located]:
        """Iterate over the elements of a list.

        Raises:
            SignatureError: The value is not a list, or stands too deep to be read.
        """
        if not isinstance(self.value, list):
            raise self.error(f"expected a list, found {kind_of(self.value)}")
        for at, element in enumerate(self.value):
            yield self._child(f"{self.path}[{at}]", element)

    def record(self) -> dict[str, Located]:
        """Return the entries of a JSON object by key.

        Raises:
            SignatureError: The value is not a JSON object, or stands too deep to be read.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"expected an object, found {kind_of(self.value)}")
        return {key: self._child(_joined(self.path, key), value) for key, value in self.value.items()}

    def require(self, key: str) -> Located:
        """Return the entry of that key.

        Raises:
            SignatureError: The value is not a JSON object, or the key is missing.
        """
        entries = self.record()
        if key not in entries:
            close = difflib.get_close_matches(key, list(entries), n=1)
            raise self.error(
                f"the key {key!r} is missing",
                f"Did you mean {key!r} where it says {close[0]!r}?" if close else f"Add the key {key!r}.",
            )
        return entries[key]

    def one_of(self, names: Iterable[str], what: str) -> str:
        """Return the value where it is one of a closed set of names.

        Args:
            names: The set.
            what: What the names are, as a noun.

        Raises:
            SignatureError: It is none of them.
        """
        allowed = list(names)
        if isinstance(self.value, str) and self.value in allowed:
            return self.value
        raise self.error(f"{shown(self.value)} is no {what}", suggestion(self.value, allowed))

    def _child(self, path: str, value: object) -> Located:
        if self.depth >= _MAX_DEPTH:
            raise self.error(f"nested {_MAX_DEPTH} levels deep", "Use the type 'any' for data of that depth.")
        return Located(side=self.side, path=path, value=value, depth=self.depth + 1)


def suggestion(value: object, names: Iterable[str]) -> str:
    """Say which name of a closed set was probably meant, or list them all."""
    allowed = sorted(names)
    text = value.strip().lower() if isinstance(value, str) else ""
    close = difflib.get_close_matches(text, allowed, n=1)
    listed = ", ".join(allowed)
    return f"Did you mean {close[0]!r}? Allowed: {listed}." if close else f"Use one of: {listed}."


def shown(value: object) -> str:
    """Return a value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[:_MAX_VALUE_CHARS]}… ({len(text)} characters)"


def kind_of(value: object) -> str:
    """Name the JSON type of a value, with its article."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), f"a {type(value).__name__}")


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{key!r}]"
