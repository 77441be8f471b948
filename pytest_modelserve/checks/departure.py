"""Whether an answer says what the model returned: each value, as JSON and MLflow's forms of frames and arrays carry it.

| returned | in the answer |
|---|---|
| None, NaN, NaT, NA | null |
| infinity | null, which is another value: told apart, because the level of the request decides |
| number, boolean, text | equal; a float of 32 bits as a number that is nearest to it |
| date, time, datetime | ISO 8601 text of the same moment, with a zone where it has one; nanoseconds since 1970 |
| bytes | base64 |
| list, tuple, array | a list, nested as deep |
| dict | an object; a key that is no text becomes one |
| DataFrame, Series | a list of records, or of values for a Series; row labels may be left out |

Source: `CONTRACT` section 3.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ..signature import ColumnSchema, DataType
from ..signature.specs import Schema
from ..wire.breach import Place
from ..wire.scalars import read_base64
from .arrived_values import LENGTH, TYPE, VALUE
from .difference import Difference, changed
from .exact_values import is_missing, is_same_number, moment_of, plain, read_moment
from .recorded import RecordedOpaque, RecordedSeries, RecordedTable, RecordedTimestamp

INFINITY: Final = "infinity"
INVENTED: Final = "invented"  # a value, where the model returned none
LOST: Final = "lost"  # null, where the model returned a value
BYTES: Final = "bytes"  # declared as text, so that the client reads base64 as it stands
KEYS: Final = "keys"
TWICE: Final = "twice"  # a name that an object cannot hold twice

_KEY_WORDS: Final[Mapping[object, str]] = {True: "true", False: "false", None: "null"}

Found = Iterator[tuple[Place, Difference]]


class DepartureJudge:
    """Compares what a model returned with the answer that the client read.

    Args:
        outputs: The output schema: what is declared as text must not be bytes.
    """

    def __init__(self, outputs: Schema | None) -> None:
        specs: Sequence[tuple[Any, bool]] = ()
        if isinstance(outputs, ColumnSchema):
            specs = [(spec.name, spec.type is DataType.STRING) for spec in outputs.columns]
        elif outputs is not None:
            specs = [(spec.name, spec.dtype == "str") for spec in outputs.tensors]
        self._texts = {name for name, is_text in specs if is_text}
        self._is_all_text = len(specs) == len(self._texts) > 0

    def difference(self, returned: object, raw: object) -> tuple[Place, Difference] | None:
        """Return the first place where the answer is not what the model returned; an infinity only if nothing else is.

        Args:
            returned: As the spy recorded it.
            raw: The decoded JSON value under `predictions`.
        """
        infinity = None
        for place, wrong in self._value(returned, raw, Place()):
            if wrong.kind != INFINITY:
                return place, wrong
            infinity = infinity or (place, wrong)
        return infinity

    def _value(self, returned: object, raw: object, place: Place) -> Found:
        match returned:
            case RecordedTable():
                yield from self._table(returned, raw, place)
            case RecordedSeries():
                yield from self._series(returned, raw, place)
            case np.ndarray() if returned.dtype.names and returned.ndim == 0:
                yield from self._list(returned[()].tolist(), raw, place)
            case np.ndarray() if returned.ndim:
                yield from self._list(_cells(returned), raw, place)
            case np.ndarray():
                yield from self._value(returned[()], raw, place)
            case list() | tuple():
                yield from self._list(returned, raw, place)
            case np.void():
                yield from self._list(returned.tolist(), raw, place)
            case dict():
                yield from self._dict(returned, raw, place)
            case RecordedOpaque():
                pass  # what it stands for is not known here
            case _:
                yield from self._scalar(returned, raw, place)

    def _list(self, items: Sequence[object], raw: object, place: Place) -> Found:
        if not isinstance(raw, list):
            yield _at(place, changed(TYPE, items, raw))
        elif len(raw) != len(items):
            yield _at(place, _of_length(len(items), len(raw)))
        else:
            for at, (item, part) in enumerate(zip(items, raw, strict=True)):
                inside = place.in_row(at) if place.row is None else place.at(at)
                yield from self._value(item, part, inside)

    def _dict(self, returned: Mapping[Any, object], raw: object, place: Place) -> Found:
        if not isinstance(raw, dict):
            yield _at(place, changed(TYPE, returned, raw))
            return
        keys = [as_key(key) for key in returned]
        twice = repeated(keys)
        if twice is not None:
            yield _at(place, Difference(kind=TWICE, path="", before=f"the key {twice!r} twice", after="it once"))
        elif set(keys) != raw.keys():
            yield _at(place, changed(KEYS, keys, list(raw)))
        else:
            for key, value in zip(keys, returned.values(), strict=True):
                yield from self._value(value, raw[key], place.in_column(key) if place.row is None else place.key(key))

    def _table(self, table: RecordedTable, raw: object, place: Place) -> Found:
        names = [as_key(column.name) for column in table.columns]
        twice = repeated(names)
        if twice is not None:
            before = f"a table with the column {twice!r} twice"
            yield _at(place, Difference(kind=TWICE, path="", before=before, after="records, which hold it once"))
            return
        if not isinstance(raw, list):
            yield _at(place, changed(TYPE, [dict.fromkeys(names)], raw))
            return
        if len(raw) != table.n_rows:
            yield _at(place, _of_length(table.n_rows, len(raw)))
            return
        for at, record in enumerate(raw):
            row = place.in_row(at)
            if not isinstance(record, dict) or record.keys() != set(names):
                seen = list(record) if isinstance(record, dict) else record
                yield _at(row, changed(KEYS if isinstance(record, dict) else TYPE, names, seen))
                return
            for name, column in zip(names, table.columns, strict=True):
                yield from self._value(column.values[at], record[name], row.in_column(name))

    def _series(self, series: RecordedSeries, raw: object, place: Place) -> Found:
        column = series.column
        if isinstance(raw, list) and raw and all(isinstance(row, dict) and len(row) == 1 for row in raw):
            named = replace(column, name=0 if column.name is None else column.name)
            table = RecordedTable(columns=(named,), n_rows=len(column.values))
            yield from self._table(table, raw, place)
        else:
            yield from self._list(column.values, raw, place)

    def _scalar(self, returned: object, raw: object, place: Place) -> Found:
        if is_missing(returned):
            kind = "" if raw is None else INVENTED
        elif _is_infinite(returned):
            kind = INFINITY
        elif raw is None:
            kind = LOST
        elif isinstance(returned, bytes | bytearray):
            kind = self._of_bytes(bytes(returned), raw, place)
        else:
            kind = _scalar_kind(returned, raw)
        if kind:
            yield _at(place, changed(kind, returned, raw))

    def _of_bytes(self, returned: bytes, raw: object, place: Place) -> str:
        if not isinstance(raw, str):
            return TYPE
        if read_base64(raw) != returned:
            return VALUE
        is_text = place.column in self._texts or (place.column is None and self._is_all_text)
        return BYTES if is_text else ""


def _cells(array: np.ndarray[Any, Any]) -> Sequence[object]:
    if isinstance(array, np.ma.MaskedArray):
        return [None if cell is np.ma.masked else cell for cell in array]
    return list(array)


def _scalar_kind(returned: object, raw: object) -> str:
    moment = moment_of(returned)
    if moment is not None:
        return _moment_kind(returned, raw)
    if isinstance(returned, dt.time):
        return "" if raw == returned.isoformat() else VALUE
    value = plain(returned)
    if isinstance(value, bool | str):
        if type(raw) is not type(value) and not (isinstance(raw, str) and isinstance(value, str)):
            return TYPE
        return "" if raw == value else VALUE
    if isinstance(value, int | float):
        return _number_kind(returned, raw)
    return ""  # a duration or a complex number in an answer of 200: nothing says what it should be


def _number_kind(returned: object, raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return TYPE
    if is_same_number(returned, raw):
        return ""
    if isinstance(returned, np.float32 | np.float16):
        with np.errstate(over="ignore"):
            return "" if is_same_number(returned, type(returned)(raw)) else VALUE
    return VALUE


def _moment_kind(returned: object, raw: object) -> str:
    wanted = moment_of(returned)
    if isinstance(raw, int) and not isinstance(raw, bool):  # MLflow's own server writes arrays of dates so
        return "" if wanted is not None and raw == wanted.unix_ns else VALUE
    if not isinstance(raw, str):
        return TYPE
    return "" if read_moment(raw) == wanted else VALUE


def _is_infinite(value: object) -> bool:
    return isinstance(value, float | np.floating) and math.isinf(value)


def as_key(key: object) -> str:
    """Return a key as Python's json writes it, and anything else as its text."""
    known = plain(key)
    if isinstance(known, RecordedTimestamp):
        return known.text
    if known is None or isinstance(known, bool):
        return _KEY_WORDS[known]
    return repr(known) if isinstance(known, float) else str(known)


def repeated(names: Sequence[str]) -> str | None:
    """Return the first name that stands twice, None where none does."""
    return next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None


def _of_length(before: int, after: int) -> Difference:
    return Difference(kind=LENGTH, path="", before=f"{before} items", after=f"{after} items")


def _at(place: Place, wrong: Difference) -> tuple[Place, Difference]:
    return place, replace(wrong, path=place.path, name=place.column)
