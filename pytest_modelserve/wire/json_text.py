"""JSON as RFC 8259 has it, written and read with the standard library: exact numbers, no NaN, no key twice.

The scoring server has its own codec on purpose: one mistake in a shared one would cancel out and the test would pass.
"""

from __future__ import annotations

import json
import re
from typing import Final

from ..errors import DecodeError, EncodeError
from .values import JsonValue, as_digits, read_int, show_value

_EXCERPT_BYTES: Final = 120  # of a broken body on each side of the place: enough to see what stands there
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b')


def write_json(value: JsonValue, *, bare_tokens: bool = False) -> bytes:
    """Return a JSON value as UTF-8 text.

    Lone surrogates, which UTF-8 cannot hold, are written as escapes; integers have all their digits.

    Args:
        value: What `as_json_value` returns.
        bare_tokens: Whether NaN and infinities are written as the bare tokens that JSON forbids, to send a broken
            body on purpose.

    Raises:
        EncodeError: It holds NaN or an infinity, or is nested too deep to be written.
    """
    try:
        text = _write(value, bare_tokens)
    except RecursionError:
        raise EncodeError("the value is nested too deep to be written", fix="Send its text as a RawBody.") from None
    # Only surrogates fail to encode, they stand only inside strings, and there `\udXXX` is the JSON escape.
    return text.encode("utf-8", "backslashreplace")


def parse_json(body: bytes, *, bare_as_null: bool = False) -> object:
    """Return the JSON document in `body`, strictly read.

    Args:
        body: An answer.
        bare_as_null: Whether bare NaN and infinities, which are no JSON, are read as null, to tell what else is right.

    Raises:
        DecodeError: It is not UTF-8, not JSON (bare NaN and Infinity are not), nested too deep to be read, or an
            object has a key twice.
    """
    read_token = _as_null if bare_as_null else _refuse_token
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as broken:
        raise _not_json(body, f"it is not UTF-8 (byte {broken.start})", broken.start) from None
    try:
        return json.loads(text, parse_constant=read_token, parse_int=read_int, object_pairs_hook=_as_object)
    except _BareToken as bare:
        at = next(found.start() for found in _TOKEN.finditer(text) if not found[0].startswith('"'))
        raise _not_json(body, f"it holds a bare {bare}, which JSON forbids", len(text[:at].encode())) from None
    except _KeyTwice as twice:
        raise _not_json(body, f"an object has the key {twice} twice", 0) from None
    except json.JSONDecodeError as broken:
        at = len(text[: broken.pos].encode())
        raise _not_json(body, f"{broken.msg} (line {broken.lineno}, column {broken.colno})", at) from None
    except RecursionError:
        raise _not_json(body, "it is nested too deep to be read", 0) from None


class _BareToken(ValueError):
    pass


class _KeyTwice(ValueError):
    pass


def _write(value: JsonValue, bare_tokens: bool) -> str:  # noqa: FBT001 # private twin of the keyword
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=bare_tokens)
    except ValueError as refused:
        if "digits" in str(refused):
            return _write_digits(value, bare_tokens)
        raise EncodeError(
            "JSON has no form for NaN and infinities",
            fix="Send null, or use the parquet envelope.",
        ) from None


def _write_digits(value: JsonValue, bare_tokens: bool) -> str:  # noqa: FBT001 # private
    """Write what holds an integer of more digits than `json.dumps` agrees to."""
    if isinstance(value, dict):
        members = (f"{_write(key, bare_tokens)}: {_write_digits(item, bare_tokens)}" for key, item in value.items())
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_write_digits(item, bare_tokens) for item in value)}]"
    if isinstance(value, int) and not isinstance(value, bool):
        return as_digits(value)
    return _write(value, bare_tokens)


def _refuse_token(token: str) -> object:
    raise _BareToken(token)


def _as_null(_: str) -> None:
    return None


def _as_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyTwice(show_value(next(name for name in names if names.count(name) > 1)))
    return members


def _not_json(body: bytes, why: str, at: int) -> DecodeError:
    around = body[max(0, at - _EXCERPT_BYTES) : at + _EXCERPT_BYTES]
    return DecodeError(
        f"the answer is not strict JSON: {why}",
        facts={"byte": at, "there": show_value(around, longest=2 * _EXCERPT_BYTES), "length": f"{len(body):,} bytes"},
        fix="Make the model or the server write JSON as RFC 8259 has it; null stands for a missing number.",
    )
