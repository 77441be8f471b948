"""One Python value as JSON carries it, and as a person reads it."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from ..errors import EncodeError

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

LONGEST_SHOWN: Final = 80  # characters: a value stays on one line of a terminal, beside its path
_MOST_SHOWN: Final = 6  # items of a list: enough to recognize it
_EDGE_SHOWN: Final = 30  # characters kept at each end of a shortened text
_DIGITS_LIMIT: Final = 4300  # CPython refuses str() of longer integers; int.bit_length() tells cheaply
_DIGITS_LIMIT_BITS: Final = 14_200  # just below 4,300 digits


def as_json_value(value: object, *, strict: bool = True) -> JsonValue:
    """Return the JSON value that carries a Python value.

    Bytes become base64 without line breaks; dates ISO 8601 text with the digits needed, down to nanoseconds; NaT and
    pandas.NA null; numpy scalars and arrays plain Python. Exact integers and floats stay as they are, a float32 as
    the equal float64.

    Args:
        value: Any value that a table, tensor or parameter can hold, broken ones included.
        strict: Whether NaN becomes null. Infinities stay: JSON has neither them nor a stand-in, so that writing
            them must fail aloud.

    Raises:
        EncodeError: JSON has no form for a value of this type.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value  # type: ignore[return-value]  # _PLAIN holds exactly the types that JSON has
    if kind is float:
        return None if strict and value != value else value  # type: ignore[return-value] # noqa: PLR0124 # NaN test
    return _as_json_value(value, strict)


def _as_json_value(value: object, strict: bool) -> JsonValue:  # noqa: FBT001 # private twin of the keyword
    if isinstance(value, Mapping):
        return {_as_key(key): as_json_value(item, strict=strict) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json_value(item, strict=strict) for item in value]
    if isinstance(value, np.ndarray):
        return _array_as_json(value, strict)
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds) and not isinstance(value, np.timedelta64):  # NumPy takes it for an integer
            return as_json_value(convert(value), strict=strict)
    if type(value).__name__ == "NAType":  # pandas.NA, told without importing pandas
        return None
    raise EncodeError(
        f"JSON has no form for {show_value(value)}",
        facts={"type": f"{type(value).__module__}.{type(value).__qualname__}"},
        fix="Send a bool, int, float, str, bytes, datetime, list, dict or None.",
    )


def as_iso_text(moment: np.datetime64) -> str | None:
    """Return ISO 8601 text to the second or as finely as the value needs; None for NaT."""
    if np.isnat(moment):
        return None
    unit = np.datetime_data(moment.dtype)[0]
    if unit in {"Y", "M", "W", "D", "h", "m"}:
        return str(np.datetime_as_string(moment, unit="s"))
    text = str(np.datetime_as_string(moment))
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_base64(content: bytes) -> str:
    """Return the standard base64 text, padded and without line breaks."""
    return base64.b64encode(content).decode("ascii")


def show_value(value: object, *, longest: int = LONGEST_SHOWN) -> str:
    """Return a value as a person can tell it from its neighbours.

    Text is quoted, with everything invisible escaped; floats have every digit that matters and the sign of zero;
    bytes and dates look unlike text; what is long is cut in the middle, with its length.
    """
    if isinstance(value, str):
        return _show_text(value, longest)
    if isinstance(value, bytes | bytearray | memoryview | np.bytes_):
        content = bytes(value)
        return _shorten(repr(content), longest, f"{len(content):,} bytes")
    if isinstance(value, Mapping):
        return _show_items([f"{show_value(k)}: {show_value(v)}" for k, v in value.items()], "{}", longest)
    if isinstance(value, np.ndarray):
        return _shorten(f"array(shape={value.shape}, dtype={value.dtype})", longest, f"{value.size:,} numbers")
    if isinstance(value, list | tuple):
        return _show_items([show_value(item) for item in value], "[]", longest)
    return _show_scalar(value, longest)


def _show_scalar(value: object, longest: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer) and not isinstance(value, np.timedelta64):
        digits = as_digits(int(value))
        return _shorten(digits, longest, f"{len(digits.lstrip('-')):,} digits")
    if isinstance(value, float | np.floating):
        return _show_float(float(value))
    if isinstance(value, np.datetime64):
        return as_iso_text(value) or "NaT"
    return _shorten(repr(value), longest, f"a {type(value).__name__}")


def _show_float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _show_text(text: str, longest: int) -> str:
    # A combining mark after a letter that also exists composed looks exactly like the composed one.
    decomposed = text != unicodedata.normalize("NFC", text)
    shown = "".join(map(_as_escape if decomposed else _as_visible, text))
    return _shorten(f'"{shown}"', longest, f"{len(text):,} characters")


def _as_visible(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    short = _SHORT_ESCAPES.get(char)
    if short:
        return short
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def _as_escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if unicodedata.combining(char) else _as_visible(char)


def _show_items(items: list[str], brackets: str, longest: int) -> str:
    whole = ", ".join(items)
    if len(whole) + 2 <= longest:
        return f"{brackets[0]}{whole}{brackets[1]}"
    shown = ", ".join(items[:_MOST_SHOWN])
    return _shorten(f"{brackets[0]}{shown}{brackets[1]}", longest, f"{len(items):,} items", always=True)


def _shorten(text: str, longest: int, size: str, *, always: bool = False) -> str:
    if len(text) <= longest:
        return f"{text} ({size})" if always else text
    edge = min(_EDGE_SHOWN, longest // 2)
    return f"{text[:edge]}…{text[-edge:]} ({size})"


def as_digits(number: int) -> str:
    """Return the decimal digits of an integer of any size; `str` refuses beyond 4,300."""
    return str(number) if number.bit_length() < _DIGITS_LIMIT_BITS else str(decimal.Decimal(number))


def read_int(digits: str) -> int:
    """Return the integer that decimal digits stand for, however many; `int` refuses beyond 4,300."""
    return int(digits) if len(digits) < _DIGITS_LIMIT else int(decimal.Decimal(digits))


def _array_as_json(array: np.ndarray, strict: bool) -> JsonValue:  # noqa: FBT001 # private
    if array.dtype.kind in "biuU" or (array.dtype.kind == "f" and bool(np.isfinite(array).all())):
        return array.tolist()  # type: ignore[no-any-return]  # numpy says Any
    if array.ndim == 0:
        return as_json_value(array[()], strict=strict)
    return [as_json_value(item, strict=strict) for item in array]


def _as_key(key: object) -> str:
    if isinstance(key, str):
        return str(key)
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(int(key))
    raise EncodeError(
        f"JSON has no form for the key {show_value(key)}",
        facts={"type": type(key).__name__},
        fix="Use text, or an integer for a position.",
    )


def _moment_text(moment: dt.date) -> str | None:
    if moment != moment:  # noqa: PLR0124 # pandas.NaT is a datetime
        return None
    if isinstance(moment, dt.datetime):
        if moment.tzinfo is not None:
            return moment.isoformat()
        to_datetime64 = getattr(moment, "to_datetime64", None)  # pandas.Timestamp has nanoseconds
        return as_iso_text(to_datetime64() if to_datetime64 else np.datetime64(moment, "us"))
    return as_iso_text(np.datetime64(moment, "D"))


_PLAIN: Final = frozenset({str, int, bool, type(None)})
_SHORT_ESCAPES: Final[Mapping[str, str]] = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONVERSIONS: Final[tuple[tuple[type | tuple[type, ...], Callable[..., object]], ...]] = (
    ((bool, np.bool_), bool),
    ((int, np.integer), int),
    ((float, np.floating), float),
    (bytes, as_base64),
    ((bytearray, memoryview), bytes),
    (str, str.__str__),
    (np.datetime64, as_iso_text),
    (dt.date, _moment_text),
)
