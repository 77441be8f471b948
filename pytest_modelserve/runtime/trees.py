"""Writes any value that travels as a JSON tree with raw buffers beside it, and reads it back without loss.

A JSON object with the key `$` is a tag; everything else is itself. Python's json keeps big integers, -0.0, the usual
NaN and infinities; lone surrogates pass because text is encoded with `surrogatepass`.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import operator
import re
import struct
import sys
from dataclasses import fields
from typing import Any, Callable, ClassVar, Dict, FrozenSet, List, Tuple, Type, Union

from .values import (
    ColumnValue,
    ExactAxis,
    ExactFields,
    ExactFrame,
    ExactMasked,
    ExactPart,
    ExceptionRecord,
    Missing,
    OpaqueValue,
    SeriesValue,
    SourceLocation,
    Storage,
    TableValue,
    TimestampValue,
)

Buffer = Union[bytes, bytearray, memoryview]

MAX_DEPTH = 256  # deeper values are refused before the interpreter's recursion limit (1,000 frames) is met
TAG = "$"
_PLAIN: FrozenSet[type] = frozenset((str, float, bool, type(None)))
_INT_LOW, _INT_HIGH = -(2**63), 2**64  # beyond, integers go as hexadecimal: decimal text is limited to 4,300 digits
_RAW_KINDS = frozenset("biufcmMSU")  # the kinds of numpy dtypes whose bytes are their values
_DTYPE = re.compile(r"[<>|][a-zA-Z][0-9]+(\[[0-9]*[a-zA-Z]+\])?\Z")  # as numpy's `dtype.str` spells them
_RECORDS: Dict[str, Type[Any]] = {
    "column": ColumnValue,
    "table": TableValue,
    "series": SeriesValue,
    "timestamp": TimestampValue,
    "opaque": OpaqueValue,
    "location": SourceLocation,
    "exception": ExceptionRecord,
    "frame": ExactFrame,
    "part": ExactPart,
    "axis": ExactAxis,
    "masked": ExactMasked,
    "fields": ExactFields,
}
_RECORD_TAGS: Dict[Type[Any], str] = {kind: tag for tag, kind in _RECORDS.items()}
_RECORD_FIELDS: Dict[Type[Any], Tuple[str, ...]] = {kind: tuple(f.name for f in fields(kind)) for kind in _RECORD_TAGS}
_ENUMS: Dict[str, Type[Any]] = {"storage": Storage, "missing": Missing}
_ENUM_TAGS: Dict[Type[Any], str] = {kind: tag for tag, kind in _ENUMS.items()}
_NAN = struct.Struct(">d")
_PLAIN_NAN = _NAN.pack(math.nan)  # what reading the JSON text NaN gives
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


class TreeError(ValueError):
    """A value that does not travel: too deep (or holding itself), or of a type that the writer does not know."""


def refuse_foreign(value: Any) -> Any:
    """Refuse a value of an unknown type.

    Raises:
        TreeError: Always.
    """
    raise TreeError("a value of type {}.{} does not travel".format(type(value).__module__, type(value).__qualname__))


class TreeWriter:
    """Turns values into JSON-ready trees and collects their buffers.

    Args:
        foreign: Called with each value of a type that is not known here; it answers a value that is, or raises.

    Attributes:
        buffers: The raw buffers that the trees written so far refer to by position.
    """

    def __init__(self, foreign: Callable[[Any], Any] = refuse_foreign) -> None:
        self.buffers: List[Buffer] = []
        self._foreign = foreign
        self._numpy: Any = sys.modules.get("numpy")  # where numpy is not loaded no value is its
        self._ndarray: Any = getattr(self._numpy, "ndarray", None)

    def write(self, value: Any, depth: int = 0) -> Any:
        """Return the tree of `value`.

        Raises:
            TreeError: It is nested deeper than 256, or holds a value that does not travel.
        """
        if type(value) in _PLAIN:
            return value if value == value else _as_nan(value)  # noqa: PLR0124 # NaN alone differs from itself
        if depth > MAX_DEPTH:
            raise TreeError("it is nested deeper than {} levels, or holds itself".format(MAX_DEPTH))
        writer = self.writers.get(type(value))
        if writer is not None:
            return writer(self, value, depth)
        if type(value) is self._ndarray:
            return self._array(value, depth)
        if self._numpy is not None and isinstance(value, self._numpy.generic) and value.dtype.kind in _RAW_KINDS:
            return self._scalar(value, depth)
        return self.write(self._foreign(value), depth + 1)

    def _integer(self, value: int, _depth: int) -> Any:
        return value if _INT_LOW <= value < _INT_HIGH else {TAG: "int", "hex": hex(value)}

    def _list(self, value: List[Any], depth: int) -> Any:
        kinds = set(map(type, value))
        if kinds <= _PLAIN and not (float in kinds and any(map(operator.ne, value, value))):  # some NaN
            return value
        if kinds == {int} and min(value) >= _INT_LOW and max(value) < _INT_HIGH:
            return value
        return [self.write(item, depth + 1) for item in value]

    def _tuple(self, value: Tuple[Any, ...], depth: int) -> Any:
        return {TAG: "tuple", "items": self._list(list(value), depth)}

    def _dict(self, value: Dict[Any, Any], depth: int) -> Any:
        if TAG not in value and all(type(key) is str for key in value):
            return {key: self.write(item, depth + 1) for key, item in value.items()}
        pairs = [[self.write(key, depth + 1), self.write(item, depth + 1)] for key, item in value.items()]
        return {TAG: "dict", "items": pairs}

    def _bytes(self, value: Buffer, _depth: int) -> Any:
        return {TAG: "bytes", "base64": base64.b64encode(value).decode("ascii")}

    def _bytearray(self, value: Buffer, depth: int) -> Any:
        return {**self._bytes(value, depth), "mutable": True}

    def _datetime(self, value: dt.datetime, _depth: int) -> Any:
        node: Dict[str, Any] = {TAG: "datetime", "iso": value.isoformat()}
        zone = getattr(value.tzinfo, "key", None) or getattr(value.tzinfo, "zone", None)  # zoneinfo's, pytz's
        if type(zone) is str:
            node["zone"] = zone
        if value.fold:
            node["fold"] = 1
        return node

    def _date(self, value: dt.date, _depth: int) -> Any:
        return {TAG: "date", "iso": value.isoformat()}

    def _time(self, value: dt.time, _depth: int) -> Any:
        return {TAG: "time", "iso": value.isoformat()}

    def _record(self, value: Any, depth: int) -> Any:
        items = [self.write(getattr(value, name), depth + 1) for name in _RECORD_FIELDS[type(value)]]
        return {TAG: _RECORD_TAGS[type(value)], "items": items}

    def _enum(self, value: Any, _depth: int) -> Any:
        return {TAG: _ENUM_TAGS[type(value)], "value": value.value}

    def _column(self, value: ColumnValue, depth: int) -> Any:
        if value.storage is not Storage.BYTES:
            return self._record(value, depth)
        lengths = [-1 if cell is None else len(cell) for cell in value.values]
        joined = b"".join(cell for cell in value.values if cell is not None)
        cells = {TAG: "blobs", "lengths": lengths, "buffer": self._add(joined)}
        items = [self.write(value.name, depth + 1), self._enum(value.storage, depth), cells, None, value.dtype]
        return {TAG: "column", "items": items}

    def _array(self, value: Any, depth: int) -> Any:
        if value.dtype.kind not in _RAW_KINDS:
            items = self._list(value.ravel().tolist(), depth)
            node = {TAG: "objects", "shape": list(value.shape), "items": items}
            return node if value.dtype == object else {**node, "dtype": str(value.dtype)}
        if value.dtype.itemsize == 0:  # an array of empty texts; numpy reads no buffer of such items
            value = value.astype(value.dtype.kind + "1")
        node = {TAG: "array", "dtype": value.dtype.str, "shape": list(value.shape)}
        node["buffer"] = self._add(value.tobytes())
        return node

    def _scalar(self, value: Any, depth: int) -> Any:
        if isinstance(value, (str, bytes)):  # an array of one would lose NULs at its end
            plain = str.__str__(value) if isinstance(value, str) else self._bytes(value, depth)
            return {TAG: "numpy text", "of": plain}
        return {TAG: "scalar", "of": self._array(self._numpy.asarray(value), depth)}

    def _add(self, buffer: Buffer) -> int:
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    writers: ClassVar[Dict[type, Callable[[Any, Any, int], Any]]] = {
        **dict.fromkeys(_RECORD_TAGS, _record),
        **dict.fromkeys(_ENUM_TAGS, _enum),
        ColumnValue: _column,
        int: _integer,
        list: _list,
        tuple: _tuple,
        dict: _dict,
        bytes: _bytes,
        bytearray: _bytearray,
        dt.datetime: _datetime,
        dt.date: _date,
        dt.time: _time,
    }
    """Which method writes which type: one table for all writers, since one is made for each message."""


def _as_nan(value: float) -> Any:
    bits = _NAN.pack(value)
    return value if bits == _PLAIN_NAN else {TAG: "nan", "bits": bits.hex()}


def as_json(tree: Any) -> bytes:
    """Render a tree as JSON text.

    Raises:
        TreeError: It is nested too deep for the interpreter.
    """
    try:
        return _JSON.encode(tree).encode("utf-8", "surrogatepass")
    except RecursionError:
        raise TreeError("it is nested too deep to be written as JSON") from None


def parse_json(text: Buffer, buffers: List[Buffer]) -> Any:
    """Read JSON text that `as_json` wrote, every tag in it turned back into its value.

    Arrays share the memory of `buffers`, and are writable where those are.

    Raises:
        ValueError: It is no such text; likewise KeyError, IndexError, TypeError, OverflowError and RecursionError.
    """
    reader = _TagReader(buffers)
    return json.loads(bytes(text).decode("utf-8", "surrogatepass"), object_hook=reader.read)


class _TagReader:
    def __init__(self, buffers: List[Buffer]) -> None:
        self._buffers = buffers
        self._readers: Dict[str, Callable[[Dict[str, Any]], Any]] = {
            "int": lambda node: int(node["hex"], 16),
            "tuple": lambda node: tuple(node["items"]),
            "dict": lambda node: dict(node["items"]),
            "bytes": lambda node: base64.b64decode(node["base64"], validate=True),
            "nan": lambda node: _NAN.unpack(bytes.fromhex(node["bits"]))[0],
            "numpy text": lambda node: node["of"],  # here Python's own will do
            "datetime": lambda node: dt.datetime.fromisoformat(node["iso"]).replace(fold=node.get("fold", 0)),
            "date": lambda node: dt.date.fromisoformat(node["iso"]),
            "time": lambda node: dt.time.fromisoformat(node["iso"]),
            "scalar": lambda node: node["of"][()],
            "blobs": self._blobs,
            "array": self._array,
            "objects": self._objects,
        }

    def read(self, node: Dict[str, Any]) -> Any:
        tag = node.get(TAG)
        if tag is None:
            return node
        if tag in _RECORDS:
            return _RECORDS[tag](*node["items"])
        if tag in _ENUMS:
            return _ENUMS[tag](node["value"])
        return self._readers[tag](node)

    def _blobs(self, node: Dict[str, Any]) -> List[Any]:
        view = memoryview(self._buffers[node["buffer"]])
        cells: List[Any] = []
        start = 0
        for length in node["lengths"]:
            cells.append(None if length < 0 else bytes(view[start : start + length]))
            start += max(length, 0)
        if start != len(view):
            raise ValueError("the lengths of a binary column do not add up to its buffer")
        return cells

    def _array(self, node: Dict[str, Any]) -> Any:
        import numpy as np

        if _DTYPE.match(node["dtype"]) is None:  # numpy would evaluate other texts as Python literals
            raise ValueError("an array of dtype {!r} does not travel".format(node["dtype"]))
        dtype = np.dtype(node["dtype"])
        shape = tuple(node["shape"])
        if dtype.kind not in _RAW_KINDS or not dtype.itemsize:
            raise ValueError("an array of dtype {} does not travel".format(dtype))
        buffer = self._buffers[node["buffer"]]
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(buffer):
            raise ValueError("an array's shape does not fit its buffer")
        return np.frombuffer(buffer, dtype=dtype).reshape(shape) if len(buffer) else np.empty(shape, dtype=dtype)

    def _objects(self, node: Dict[str, Any]) -> Any:
        import numpy as np

        flat = np.empty(len(node["items"]), dtype=object)
        for at, item in enumerate(node["items"]):  # item by item: numpy would take lists in it for dimensions
            flat[at] = item
        return flat.reshape(tuple(node["shape"]))
