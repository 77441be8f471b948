"""Reads the contents that the spy writes; the twin of `runtime/exact.py` and `runtime/trees.py`, and not their code.

One mistake in a codec of both would cancel out and nobody would see it.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import struct
import zoneinfo
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from .recorded import (
    Missing,
    RecordedColumn,
    RecordedIndex,
    RecordedOpaque,
    RecordedSeries,
    RecordedTable,
    RecordedTimestamp,
)

_TAG: Final = "$"
_HEAD: Final = struct.Struct("!II")
_NAN: Final = struct.Struct(">d")


class RecordError(ValueError):
    """What stands in the record of calls is not what a spy writes."""


def read_contents(block: bytes) -> dict[str, object]:
    """Return the values of one block of contents by name.

    Raises:
        RecordError: It is no such block.
    """
    try:
        n_text, n_buffers = _HEAD.unpack_from(block)
        sizes = struct.unpack_from(f"!{n_buffers}Q", block, _HEAD.size)
        start = _HEAD.size + 8 * n_buffers
        text, rest = block[start : start + n_text], block[start + n_text :]
        if len(rest) != sum(sizes):
            raise RecordError(f"expected {sum(sizes)} bytes of arrays in the record of a call, got {len(rest)}")
        ends = np.cumsum(sizes, dtype=np.int64).tolist()
        reader = _Reader([rest[end - size : end] for end, size in zip(ends, sizes, strict=True)])
        values: dict[str, object] = json.loads(text.decode("utf-8", "surrogatepass"), object_hook=reader.read)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise RecordError(f"the record of a call cannot be read: {error!r}") from error
    return values


class _Reader:
    def __init__(self, buffers: Sequence[bytes]) -> None:
        self._buffers = buffers
        self._readers: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "nan": lambda node: _NAN.unpack(bytes.fromhex(node["bits"]))[0],
            "int": lambda node: int(node["hex"], 16),
            "tuple": lambda node: tuple(node["items"]),
            "dict": lambda node: {_as_key(key): value for key, value in node["items"]},
            "bytes": _as_bytes,
            "datetime": _as_datetime,
            "date": lambda node: dt.date.fromisoformat(node["iso"]),
            "time": lambda node: dt.time.fromisoformat(node["iso"]),
            "numpy text": lambda node: np.str_(node["of"]) if isinstance(node["of"], str) else np.bytes_(node["of"]),
            "scalar": lambda node: node["of"][()],
            "array": self._array,
            "objects": _as_objects,
            "missing": lambda node: Missing(node["value"]),
            "opaque": lambda node: RecordedOpaque(type_name=node["items"][0], text=node["items"][1]),
            "timestamp": _as_timestamp,
            "masked": _as_masked,
            "fields": _as_structured,
            "axis": lambda node: _Axis(*node["items"]),
            "part": lambda node: _Part(*node["items"]),
            "frame": lambda node: _as_frame(*node["items"]),
        }

    def read(self, node: dict[str, Any]) -> object:
        return self._readers[node[_TAG]](node) if _TAG in node else node

    def _array(self, node: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        dtype, shape, buffer = np.dtype(node["dtype"]), tuple(node["shape"]), self._buffers[node["buffer"]]
        if math.prod(shape) * dtype.itemsize != len(buffer):
            raise RecordError(f"an array of {dtype} and shape {shape} does not fit its {len(buffer)} bytes")
        return np.frombuffer(buffer, dtype=dtype).reshape(shape) if buffer else np.empty(shape, dtype=dtype)


class _Axis:
    """Labels as they are written: an array, a list, or None for a range from 0."""

    def __init__(self, length: int, labels: Any, dtype: str, names: list[object]) -> None:  # noqa: ANN401
        self.length = length
        self.cells = tuple(range(length)) if labels is None else _cells(labels)
        self.index = RecordedIndex(labels=self.cells, dtype=dtype, names=tuple(names))
        self.is_default = labels is None and self.index.names == (None,)


class _Part:
    """Columns of one dtype as they are written, in the order of the attributes of the writer's class."""

    def __init__(self, positions: list[int], dtype: str, *rest: Any) -> None:  # noqa: ANN401
        self.positions = positions
        self._dtype = dtype
        self._values, self._nulls, self._categories, self._is_ordered = rest

    def columns(self, names: Sequence[object]) -> dict[int, RecordedColumn]:
        return {place: self._column(names[place], self._cells(at)) for at, place in enumerate(self.positions)}

    def _cells(self, at: int) -> tuple[object, ...]:
        cells = _cells(self._values[:, at] if getattr(self._values, "ndim", 1) == 2 else self._values)
        if self._nulls is None:
            return cells
        return tuple(Missing.NA if null else cell for cell, null in zip(cells, self._nulls, strict=True))

    def _column(self, name: object, cells: tuple[object, ...]) -> RecordedColumn:
        categories = None if self._categories is None else tuple(self._categories)
        return RecordedColumn(
            name=name, dtype=self._dtype, values=cells, categories=categories, is_ordered=self._is_ordered
        )


def _as_frame(
    parts: list[_Part],
    columns: _Axis,
    index: _Axis,
    is_series: bool,  # noqa: FBT001 # in the writer's order
) -> RecordedTable | RecordedSeries:
    found: dict[int, RecordedColumn] = {}
    for part in parts:
        found |= part.columns(columns.cells)
    in_order = tuple(found[at] for at in range(columns.length))
    rows = None if index.is_default else index.index
    if is_series:
        return RecordedSeries(column=in_order[0], index=rows)
    return RecordedTable(columns=in_order, n_rows=index.length, index=rows, labels=columns.index)


def _cells(values: Any) -> tuple[object, ...]:  # noqa: ANN401
    """Return the items of an array or a list; those of an array keep their type."""
    return tuple(values)


def _as_key(key: object) -> Hashable:
    """Return a key of a dict; one that cannot be a key, because it was an object that is now a dict, as its text."""
    try:
        hash(key)
    except TypeError:
        return RecordedOpaque(type_name=type(key).__name__, text=repr(key))
    return key


def _as_bytes(node: Mapping[str, Any]) -> bytes | bytearray:
    found = base64.b64decode(node["base64"], validate=True)
    return bytearray(found) if node.get("mutable") else found


def _as_datetime(node: Mapping[str, Any]) -> dt.datetime:
    moment = dt.datetime.fromisoformat(node["iso"])
    try:
        zone = zoneinfo.ZoneInfo(node["zone"]) if "zone" in node else moment.tzinfo
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # no data of zones here: the offset has to do
        zone = moment.tzinfo
    return moment.replace(tzinfo=zone, fold=node.get("fold", 0))


def _as_objects(node: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    items = node["items"]
    flat = np.empty(len(items), dtype=object)
    for at, item in enumerate(items):  # item by item: numpy would take lists in it for dimensions
        flat[at] = item
    return flat.reshape(tuple(node["shape"]))


def _as_timestamp(node: Mapping[str, Any]) -> RecordedTimestamp:
    text, unix_ns, zone = node["items"]
    return RecordedTimestamp(text=text, unix_ns=unix_ns, zone=zone)


def _as_masked(node: Mapping[str, Any]) -> np.ma.MaskedArray[Any, Any]:
    values, mask = node["items"]
    return np.ma.MaskedArray(values, mask=mask)


def _as_structured(node: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    names, arrays, shape = node["items"]
    parts = zip(names, arrays, strict=True)
    fields = [(name, array.dtype, array.shape[len(shape) :]) for name, array in parts]
    found = np.empty(tuple(shape), dtype=fields)
    for name, array in zip(names, arrays, strict=True):
        found[name] = array
    return found
