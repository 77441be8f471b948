"""Whether one value reached the model as it was sent, by its declared type.

Lists and arrays are the same, and so are None, NaN, NaT and NA; everything else has to be equal.

Source: `CONTRACT` section 1.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..signature.datatypes import Array, DataType, Map, Object, SparkMLVector, ValueType
from ..wire.scalars import read_base64
from ..wire.values import as_json_value
from .difference import Difference, changed
from .exact_values import is_missing, is_same_number, moment_of, plain, read_moment

VALUE: Final = "value"  # another value of the type
TYPE: Final = "type"  # a value of another type
LOST: Final = "lost"  # nothing, where there was a value
INVENTED: Final = "invented"  # a value, where there was nothing
LENGTH: Final = "length"  # a list of another length
KEYS: Final = "keys"  # other keys
UNDECODED: Final = "undecoded"  # the base64 text of bytes, in place of these
ZONE: Final = "zone"  # a date with a zone, where there was none
MICROSECOND: Final = 1000  # ns: the finest that `datetime.datetime` holds

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueComparer:
    """Compares values that were sent with what the model received.

    Attributes:
        tick_ns: What dates are rounded down to: a model from a type hint receives `datetime.datetime`.
    """

    tick_ns: int = 1

    def difference(self, declared: ValueType, sent: object, got: object) -> Difference | None:
        """Return how what came differs from what was sent; None where it does not."""
        if is_missing(sent) or is_missing(got):
            return missing_difference(sent, got)
        if isinstance(declared, DataType):
            kind = _SCALARS[declared](sent, got, self.tick_ns)
            return changed(kind, sent, got) if kind else None
        if isinstance(declared, Array | SparkMLVector):
            return self._list(declared.items if isinstance(declared, Array) else DataType.DOUBLE, sent, got)
        if isinstance(declared, Map):
            return self._record(dict.fromkeys(sent, declared.values) if isinstance(sent, Mapping) else {}, sent, got)
        if isinstance(declared, Object):
            return self._record({member.name: member.type for member in declared.properties}, sent, got)
        return json_difference(as_json_value(sent), got)

    def _list(self, items: ValueType, sent: object, got: object) -> Difference | None:
        wanted, found = as_items(sent), as_items(got)
        if wanted is None or found is None:
            return changed(TYPE, sent, got)
        if len(wanted) != len(found):
            return changed(LENGTH, sent, got)
        for at, (one, other) in enumerate(zip(wanted, found, strict=True)):
            if inner := self.difference(items, one, other):
                return inner.inside(f"[{at}]", None)
        return None

    def _record(self, types: Mapping[str, ValueType], sent: object, got: object) -> Difference | None:
        if not isinstance(sent, Mapping) or not isinstance(got, Mapping):
            return changed(TYPE, sent, got)
        for name in dict.fromkeys((*types, *sent, *got)):  # of absent and null either may come for the other
            before, after = sent.get(name, _ABSENT), got.get(name, _ABSENT)
            if name in types:
                known = (None if value is _ABSENT else value for value in (before, after))
                if inner := self.difference(types[name], *known):
                    return inner.inside(f".{name}", None)
            elif after is not _ABSENT and (before is _ABSENT or json_difference(before, after)):
                return changed(KEYS, sent, got)
        return None


def json_difference(sent: object, got: object) -> Difference | None:
    """Return how what came differs from a JSON value; None where it does not."""
    if is_missing(sent) or is_missing(got):
        return missing_difference(sent, got)
    if isinstance(sent, list):
        return _json_list(sent, got)
    if isinstance(sent, dict):
        return _json_record(sent, got)
    return _json_scalar(sent, got)


def missing_difference(sent: object, got: object) -> Difference | None:
    """Return how two values differ of which one is missing; None where both are."""
    if is_missing(sent) and is_missing(got):
        return None
    return changed(LOST if is_missing(got) else INVENTED, sent, got)


def _json_scalar(sent: object, got: object) -> Difference | None:
    if isinstance(sent, bool | str):
        is_of_type, is_same = type(plain(got)) is type(sent), plain(got) == sent
    else:
        is_of_type, is_same = is_number(got), is_same_number(sent, got)
    if is_of_type and is_same:
        return None
    return changed(VALUE if is_of_type else TYPE, sent, got)


def _json_list(sent: list[object], got: object) -> Difference | None:
    found = as_items(got)
    if found is None:
        return changed(TYPE, sent, got)
    if len(found) != len(sent):
        return changed(LENGTH, sent, got)
    for at, (one, other) in enumerate(zip(sent, found, strict=True)):
        if inner := json_difference(one, other):
            return inner.inside(f"[{at}]", None)
    return None


def _json_record(sent: dict[str, object], got: object) -> Difference | None:
    if not isinstance(got, Mapping):
        return changed(TYPE, sent, got)
    if sent.keys() != got.keys():
        return changed(KEYS, sent, got)
    for name, value in sent.items():
        if inner := json_difference(value, got[name]):
            return inner.inside(f".{name}", None)
    return None


def as_items(value: object) -> Sequence[object] | None:
    """Return the items of a list, a tuple or an array; None where a value is none of them."""
    if isinstance(value, list | tuple):
        return value
    return list(value) if isinstance(value, np.ndarray) and value.ndim else None


def is_number(value: object) -> bool:
    """Tell whether a value is a number, and no boolean."""
    return isinstance(plain(value), int | float) and not isinstance(plain(value), bool)


def _boolean(sent: object, got: object, _: int) -> str:
    found = plain(got)
    if not isinstance(found, bool):
        return TYPE
    return "" if found is plain(sent) else VALUE


def _integer(sent: object, got: object, _: int) -> str:
    if not is_number(got):
        return TYPE
    return "" if is_same_number(0 if plain(sent) == 0 else sent, 0 if plain(got) == 0 else got) else VALUE


def _float(sent: object, got: object, _: int) -> str:
    if not is_number(got):
        return TYPE
    with np.errstate(over="ignore"):
        nearest = np.float32(_nearest_double(sent))
    return "" if is_same_number(nearest, got) or is_same_number(sent, got) else VALUE


def _double(sent: object, got: object, _: int) -> str:
    if not is_number(got):
        return TYPE
    return "" if is_same_number(_nearest_double(sent), got) or is_same_number(sent, got) else VALUE


def _nearest_double(sent: object) -> float:
    return float(sent) if isinstance(sent, int | float | np.number) else float("nan")


def _string(sent: object, got: object, _: int) -> str:
    if not isinstance(got, str):
        return TYPE
    return "" if str(got) == sent else VALUE


def _binary(sent: object, got: object, _: int) -> str:
    raw = read_base64(sent) if isinstance(sent, str) else sent  # text by itself is sent as it stands
    if isinstance(got, bytes | bytearray) and bytes(got) == raw:
        return ""
    if isinstance(got, bytes | bytearray | str) and _is_text_of(got, sent):
        return UNDECODED
    return VALUE if isinstance(got, bytes | bytearray) else TYPE


def _is_text_of(got: bytes | bytearray | str, sent: object) -> bool:
    """Tell whether what came is the very text by which bytes travel."""
    text = base64.b64encode(sent).decode() if isinstance(sent, bytes) else sent
    return (got if isinstance(got, str) else got.decode("latin-1")) == text


def _datetime(sent: object, got: object, tick_ns: int) -> str:
    wanted = read_moment(sent) if isinstance(sent, str) else moment_of(sent)
    found = moment_of(got)
    if found is None:
        return TYPE
    if wanted is None:
        return VALUE
    if found.is_aware and not wanted.is_aware:
        return ZONE
    tick = tick_ns if isinstance(got, dt.date) else 1
    return "" if found.unix_ns == wanted.unix_ns // tick * tick else VALUE


_SCALARS: Final[Mapping[DataType, Callable[[object, object, int], str]]] = {
    DataType.BOOLEAN: _boolean,
    DataType.INTEGER: _integer,
    DataType.LONG: _integer,
    DataType.FLOAT: _float,
    DataType.DOUBLE: _double,
    DataType.STRING: _string,
    DataType.BINARY: _binary,
    DataType.DATETIME: _datetime,
}
