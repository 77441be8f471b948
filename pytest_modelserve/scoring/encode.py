"""What the model returned as strict JSON, in the forms of MLflow's server where those are JSON.

| returned | on the wire |
|---|---|
| DataFrame, Series | a list of records; the index is left out, a name that is no text becomes one |
| array | nested lists; 0 dimensions a value; float32 as the equal float64 |
| NaN, infinities, NaT, NA | null: JSON has no word for them; the header `X-Modelserve-Lossy` names what was lost |
| date, time, datetime, datetime64 | ISO 8601 text, with as many decimals as the value needs |
| bytes | base64 without line breaks |
| keys of a dict | texts, as Python's json writes them; refused where two become one |
| anything JSON has no form for (set, Decimal, complex, a duration …) | refused, with its place and type |
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from ..runtime.frames import ColumnValue, Missing, OpaqueValue, SeriesValue, Storage, TableValue, TimestampValue
from .errors import NotEncodable, excerpt

_PLAIN: Final = frozenset({str, bool, int, type(None)})
_UNITS: Final = ("s", "ms", "us")
_KEY_WORDS: Final[Mapping[object, str]] = {True: "true", False: "false", None: "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An answer's body.

    Attributes:
        body: Strict JSON.
        lost: What became null for want of a word in JSON: `NaN`, `Infinity`, `NaT`, `NA`.
    """

    body: bytes
    lost: tuple[str, ...] = ()


def encode_predictions(value: object, *, is_bare: bool = False) -> Encoded:
    """Render what the model returned.

    Args:
        value: As `Predictions.value` describes it.
        is_bare: Whether the predictions are the whole body, as in answers to unified requests, and not wrapped.

    Raises:
        NotEncodable: JSON has no form for a part of it.
    """
    encoder = Encoder()
    try:
        plain = encoder.as_plain(value, "predictions")
    except RecursionError:
        raise NotEncodable("The model returned a value nested too deep") from None
    document = plain if is_bare else {"predictions": plain}
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError:  # integers beyond 64 bits, lone surrogates, 254 levels
        body = json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    return Encoded(body=body, lost=tuple(sorted(encoder.lost)))


class Encoder:
    """Turns what the model returned into plain JSON values.

    Attributes:
        lost: What became null for want of a word in JSON.
    """

    def __init__(self) -> None:
        self.lost: set[str] = set()
        self._writers: dict[type, Callable[[Any, str], Any]] = {
            list: self._list,
            tuple: self._list,
            dict: self._dict,
            np.ndarray: self._array,
            TableValue: self._table,
            SeriesValue: self._series,
        }

    def as_plain(self, value: Any, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return a value as JSON has it.

        Args:
            value: As `Predictions.value` describes it.
            path: Where it stands, for messages.

        Raises:
            NotEncodable: JSON has no form for a part of it.
        """
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is float:
            return value if math.isfinite(value) else self._lose("NaN" if math.isnan(value) else "Infinity")
        writer = self._writers.get(kind)
        if writer is not None:
            return writer(value, path)
        return self._array(np.asarray(value), path) if isinstance(value, np.generic) else self._scalar(value, path)

    def _scalar(self, value: object, path: str) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        if isinstance(value, TimestampValue):
            return value.text
        if isinstance(value, Missing):
            return self._lose(value.value)
        name = value.type_name if isinstance(value, OpaqueValue) else f"{type(value).__module__}.{type(value).__name__}"
        raise NotEncodable(f"The model returned {_place(path)} a {excerpt(name)}, for which JSON has no form")

    def _lose(self, what: str) -> None:
        self.lost.add(what)

    def _list(self, values: Sequence[Any], path: str) -> list[Any]:
        if _PLAIN.issuperset(map(type, values)):
            return list(values)
        return [self.as_plain(value, f"{path}[{at}]") for at, value in enumerate(values)]

    def _dict(self, value: Mapping[Any, Any], path: str) -> dict[str, Any]:
        keys = unique_names([as_key(key, path) for key in value], path)
        return {key: self.as_plain(part, f"{path}.{key[:40]}") for key, part in zip(keys, value.values(), strict=True)}

    def _array(self, array: np.ndarray[Any, np.dtype[Any]], path: str) -> Any:  # noqa: ANN401 - JSON
        kind = array.dtype.kind
        if kind in "biuU":
            return array.tolist()
        if np.can_cast(array.dtype, np.float64):
            return self._floats(array)
        if kind == "M":
            return self._instants(array)
        if kind in "OS":
            cells = np.empty(array.size, dtype=object)
            for at, cell in enumerate(self._list(array.ravel().tolist(), path)):  # lists in it are no dimensions
                cells[at] = cell
            return cells.reshape(array.shape).tolist()
        raise NotEncodable(f"The model returned {_place(path)} {array.dtype.name} values, for which JSON has no form")

    def _floats(self, array: np.ndarray[Any, np.dtype[Any]]) -> Any:  # noqa: ANN401 - JSON
        wide = array.astype(np.float64)
        is_finite = np.isfinite(wide)
        if is_finite.all():
            return wide.tolist()
        if np.isnan(wide).any():
            self.lost.add("NaN")
        if np.isinf(wide).any():
            self.lost.add("Infinity")
        return _with_nulls(wide.astype(object), ~is_finite)

    def _instants(self, array: np.ndarray[Any, np.dtype[Any]]) -> Any:  # noqa: ANN401 - JSON
        is_null = np.isnat(array)
        texts = array.astype(f"M8[{_unit(array[~is_null])}]").astype(np.str_)  # ISO 8601, "NaT" where null
        if not is_null.any():
            return texts.tolist()
        self.lost.add("NaT")
        return _with_nulls(texts.astype(object), is_null)

    def _table(self, table: TableValue, path: str) -> list[dict[str, Any]]:
        return self._records(table.columns, table.n_rows, path)

    def _series(self, series: SeriesValue, path: str) -> list[dict[str, Any]]:
        return self._records((_named(series.column),), len(series.column.values), path)

    def _records(self, columns: Sequence[ColumnValue], n_rows: int, path: str) -> list[dict[str, Any]]:
        names = unique_names([as_key(column.name, path) for column in columns], path)
        cells = [self._cells(column, f"{path}.{name[:40]}") for name, column in zip(names, columns, strict=True)]
        if not cells:
            return [{} for _ in range(n_rows)]
        return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]

    def _cells(self, column: ColumnValue, path: str) -> list[Any]:
        if column.storage is Storage.ARRAY:
            cells: list[Any] = self._array(column.values, path)
            if column.nulls is None:
                return cells
            return [None if is_null else cell for cell, is_null in zip(cells, column.nulls, strict=True)]
        return self._list(column.values, path)


def _named(column: ColumnValue) -> ColumnValue:
    """Return a series' column with the name 0 where it has none, as pandas calls it in a frame."""
    return ColumnValue(0, column.storage, column.values, column.nulls) if column.name is None else column


def as_key(key: object, path: str) -> str:
    """Return a label or key as the text by which JSON has it.

    Raises:
        NotEncodable: It is of a type that is no key of JSON.
    """
    if type(key) is str:
        return key
    if isinstance(key, bool) or key is None:
        return _KEY_WORDS[key]
    if isinstance(key, np.integer):
        return str(int(key))
    if isinstance(key, int | float):
        return repr(key)
    if isinstance(key, TimestampValue):
        return key.text
    raise NotEncodable(f"The model returned {_place(path)} a key of type {type(key).__name__}; keys of JSON are texts")


def unique_names(names: list[str], path: str) -> list[str]:
    """Return the names as they are.

    Raises:
        NotEncodable: One stands twice.
    """
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise NotEncodable(f"The model returned {_place(path)} the name {excerpt(twice)} twice in one object")
    return names


def _place(path: str) -> str:
    return f"at {path[:200]}"


def _unit(instants: np.ndarray[Any, np.dtype[Any]]) -> str:
    """Return the coarsest unit, at most seconds, in which all instants are exact."""
    return next((unit for unit in _UNITS if _is_exact_in(unit, instants)), "ns")


def _is_exact_in(unit: str, instants: np.ndarray[Any, np.dtype[Any]]) -> bool:
    try:
        return bool((instants.astype(f"M8[{unit}]").astype(instants.dtype) == instants).all())
    except OverflowError:  # from NumPy 2.5 on: the second below the first nanosecond is beyond nanoseconds
        return False


def _with_nulls(cells: np.ndarray[Any, np.dtype[Any]], is_null: np.ndarray[Any, np.dtype[np.bool_]]) -> Any:  # noqa: ANN401 - JSON
    cells[is_null] = None
    return cells.tolist()
