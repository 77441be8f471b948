"""What the model returned as the outputs of the Open Inference Protocol (V2).

| returned | outputs |
|---|---|
| DataFrame, records where the signature has columns | one a column, `[n, 1]` |
| dict | one a key |
| rows or an array, with a value for each of several declared columns | one a column |
| any other array, Series, list, scalar | `output-1`, or the only name that the signature has |

An output has the datatype that the metadata promises wherever that changes no value, be it int32 for a long or 3.0 for
an integer; else that of the values themselves. Text, base64, dates and the texts of JSON values travel as `BYTES`, and
`content_type` tells which; NaN and infinities become null, as in MLflow's protocol, but in binary stay what they are.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import orjson

from ..runtime.frames import ColumnValue, Missing, SeriesValue, Storage, TableValue, TimestampValue
from .encode import Encoder, as_key, unique_names
from .errors import NotEncodable, NotParsed
from .unsigned import infer_array
from .v2_binary import BINARY_SIZE, write_elements
from .v2_datatypes import MAX_RANK, Datatype, datatype_of
from .v2_metadata import ARRAY, BASE64, CONTENT_TYPE, DATETIME, JSON_TEXT, TEXT, TensorInfo

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_INT64: Final = np.iinfo(np.int64)
_UINT64: Final = np.iinfo(np.uint64)
_FLOATS: Final = frozenset({Datatype.FP16, Datatype.FP32, Datatype.FP64})
_FLOAT_WORDS: Final = frozenset({"NaN", "Infinity"})  # that JSON lacks, and no float
_DATES: Final = (dt.date, dt.time, TimestampValue, np.datetime64)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTensor:
    """One output.

    Attributes:
        name: Its name.
        datatype: What its elements are.
        shape: The size of each dimension.
        data: Its elements, row by row.
        content_type: How they are written.
        floats: The elements as numbers, NaN and infinities among them; None where `data` tells them all.
        lost: What became null in `data` for want of a word in JSON.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    data: list[Any]
    content_type: str
    floats: Array | None = None
    lost: frozenset[str] = frozenset()

    def as_bytes(self) -> bytes | None:
        """Return its elements as bytes, None where only JSON can tell them."""
        return write_elements(self.datatype, self.data if self.floats is None else self.floats)

    def lost_as(self, *, is_binary: bool) -> frozenset[str]:
        """Return what became null or NaN of its elements in that form."""
        return self.lost - _FLOAT_WORDS if is_binary and self.datatype in _FLOATS else self.lost

    def as_json(self, n_bytes: int | None = None) -> dict[str, Any]:
        """Return it as it stands in a response; without its data where that is so many bytes behind the JSON."""
        body = {"name": self.name, "shape": list(self.shape), "datatype": self.datatype.value}
        parameters: dict[str, object] = {CONTENT_TYPE: self.content_type}
        if n_bytes is None:
            return {**body, "parameters": parameters, "data": self.data}
        return {**body, "parameters": {**parameters, BINARY_SIZE: n_bytes}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What is to become one output.

    Attributes:
        name: Its name.
        values: An array, or a list of one value a row.
        shape: Of the output.
        nulls: Where `values` does not count.
        is_of_scalars: Whether a row is one value, and no list of one.
    """

    name: str
    values: Array | list[Any]
    shape: tuple[int, ...]
    nulls: Array | None = None
    is_of_scalars: bool = True


def encode_outputs(value: object, infos: Sequence[TensorInfo]) -> list[OutputTensor]:
    """Return the outputs.

    Args:
        value: As `Predictions.value` describes it.
        infos: What the metadata promises; empty where it promises nothing.

    Raises:
        NotEncodable: JSON has no form for a part of it.
    """
    promised = {info.name: info for info in infos}
    try:
        return [_encoded(part, promised.get(part.name)) for part in _parts(value, infos)]
    except RecursionError:
        raise NotEncodable("The model returned a value nested too deep") from None


def write_response(document: Mapping[str, Any]) -> bytes:
    """Return the text of a response."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:  # lone surrogates, nesting beyond its own limit
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _parts(value: object, infos: Sequence[TensorInfo]) -> list[_Part]:
    is_table = bool(infos) and all(info.shape == (-1, 1) for info in infos)
    only = infos[0].name if len(infos) == 1 else "output-1"
    if isinstance(value, TableValue):
        names = unique_names([as_key(column.name, "predictions") for column in value.columns], "predictions")
        return [_of_column(name, column) for name, column in zip(names, value.columns, strict=True)]
    if isinstance(value, dict) and not _is_one_json_value(infos):
        keys = unique_names([as_key(key, "predictions") for key in value], "predictions")
        return [_of_any(key, part, is_column=is_table) for key, part in zip(keys, value.values(), strict=True)]
    if isinstance(value, list | tuple) and is_table and not _is_one_json_value(infos) and _are_records(value):
        names = [info.name for info in infos if any(info.name in row for row in value)]
        names += [name for name in dict.fromkeys(name for row in value for name in row) if name not in names]
        return [_Part(name=name, values=[row.get(name) for row in value], shape=(len(value), 1)) for name in names]
    if is_table and len(infos) > 1 and (rows := _as_rows(value, len(infos))) is not None:
        columns = zip(infos, rows, strict=True)
        return [_Part(name=info.name, values=column, shape=(len(column), 1)) for info, column in columns]
    return [_of_any(only, value, is_column=is_table)]


def _is_one_json_value(infos: Sequence[TensorInfo]) -> bool:
    """Tell whether the signature has one output whose elements are JSON values: records are then elements of it."""
    return len(infos) == 1 and infos[0].content_type == JSON_TEXT and infos[0].name == "output-1"


def _as_rows(value: object, n_columns: int) -> Sequence[Array | list[Any]] | None:
    """Return the columns of rows without names, None where they are none."""
    if isinstance(value, np.ndarray):
        return list(value.T) if value.shape[1:] == (n_columns,) else None
    if isinstance(value, list | tuple) and all(isinstance(row, list | tuple) for row in value):
        return [list(cells) for cells in zip(*value, strict=True)] if {*map(len, value)} == {n_columns} else None
    return None


def _are_records(rows: Sequence[Any]) -> bool:
    return bool(rows) and all(type(row) is dict and all(type(name) is str for name in row) for row in rows)


def _of_column(name: str, column: ColumnValue) -> _Part:
    values = column.values if column.storage is Storage.ARRAY else list(column.values)
    return _Part(name=name, values=values, shape=(len(values), 1), nulls=column.nulls)


def _of_any(name: str, value: object, *, is_column: bool) -> _Part:
    if isinstance(value, SeriesValue):
        return _of_column(name, value.column)
    if isinstance(value, list | tuple):
        array = None if is_column else _as_array(value)
        if array is None:
            return _Part(name=name, values=list(value), shape=(len(value), 1) if is_column else (len(value),))
        value = array
    if isinstance(value, np.ndarray | np.generic):
        array = np.atleast_1d(value)
        shape = (len(array), 1) if is_column and array.ndim == 1 else array.shape
        return _Part(name=name, values=array.reshape(-1), shape=shape, is_of_scalars=array.ndim == 1)
    return _Part(name=name, values=[value], shape=(1, 1) if is_column else (1,))


def _as_array(values: Sequence[Any]) -> Array | None:
    """Return nested lists of numbers, booleans or texts as an array; None where they are no such tensor."""
    depth, first = 0, values
    while isinstance(first, list | tuple) and first:
        depth, first = depth + 1, first[0]
        if depth > MAX_RANK:
            return None
    try:
        array = infer_array(list(values), "predictions")
    except NotParsed:
        return None
    is_tensor = array.dtype.kind != "O" or all(type(cell) is str for cell in array.flat)  # texts of no fixed width
    return array if is_tensor else None


def _encoded(part: _Part, info: TensorInfo | None) -> OutputTensor:
    encoder = Encoder()
    output = _output(part, info, encoder)
    return replace(output, lost=frozenset(encoder.lost))


def _output(part: _Part, info: TensorInfo | None, encoder: Encoder) -> OutputTensor:
    path = f"predictions.{part.name[:40]}"
    if info is not None and info.content_type == JSON_TEXT:
        texts = _of_json_texts(part, encoder, path)
        return replace(texts, shape=(len(texts.data), 1))
    values = part.values
    if isinstance(values, np.ndarray) and values.dtype.kind in "OS":
        values = values.tolist()
    if isinstance(values, list):
        return _of_cells(part, values, info, encoder)
    data = encoder.as_plain(values, path)
    if part.nulls is not None:
        data = [None if is_null else cell for cell, is_null in zip(data, part.nulls, strict=True)]
    content = {"M": DATETIME, "U": TEXT}.get(values.dtype.kind, ARRAY)
    found = _tensor(part, datatype_of(values.dtype), data, content)
    if values.dtype.kind == "f":
        floats = values if part.nulls is None else np.where(part.nulls, np.nan, values)
        found = replace(found, floats=floats)
    return _as_promised(found, info)


def _of_cells(part: _Part, values: list[Any], info: TensorInfo | None, encoder: Encoder) -> OutputTensor:
    """Return an output of single values by what they are."""
    path = f"predictions.{part.name[:40]}"
    cells = [_as_python(value) for value in values]
    there = [cell for cell in cells if cell is not None and not isinstance(cell, Missing)]
    if not there and info is not None:
        return _tensor(part, info.datatype, encoder.as_plain(cells, path), info.content_type)
    datatype = _datatype_in_common(there)
    if datatype is None:
        return _of_json_texts(part, encoder, path)
    content = _content_in_common(there) if datatype is Datatype.BYTES else ARRAY
    found = _tensor(part, datatype, encoder.as_plain(cells, path), content)
    if datatype is Datatype.FP64:
        floats = [None if isinstance(cell, Missing) else cell for cell in cells]
        found = replace(found, floats=np.array(floats, dtype=np.float64))  # None as NaN
    return _as_promised(found, info)


def _as_python(value: object) -> object:
    if isinstance(value, np.timedelta64):
        return value  # a number to NumPy, whose item may be bare nanoseconds
    return value.item() if isinstance(value, np.number | np.bool_) else value


def _datatype_in_common(values: Sequence[Any]) -> Datatype | None:
    """Return the datatype of single values, `BYTES` for those written as text; None where they have none in common."""
    kinds = set(map(type, values))
    if kinds == {bool}:
        return Datatype.BOOL
    if kinds == {int}:
        least, greatest = min(values), max(values)
        if _INT64.min <= least and greatest <= _INT64.max:
            return Datatype.INT64
        return Datatype.UINT64 if least >= 0 and greatest <= _UINT64.max else None
    if kinds <= {int, float}:
        widest = _widest_integer(Datatype.FP64)
        return Datatype.FP64 if all(type(value) is float or abs(value) <= widest for value in values) else None
    return Datatype.BYTES if _content_in_common(values) else None


def _content_in_common(values: Sequence[Any]) -> str:
    kinds = set(map(type, values))
    if kinds in ({str}, {bytes}):
        return TEXT if str in kinds else BASE64
    return DATETIME if all(isinstance(value, _DATES) for value in values) else ""


def _of_json_texts(part: _Part, encoder: Encoder, path: str) -> OutputTensor:
    """Return an output each element of which is the text of a JSON value, all that stands in one row together."""
    rows = part.values
    if isinstance(rows, np.ndarray) and not part.is_of_scalars:
        rows = rows.reshape(part.shape)
    texts: list[str | None] = []
    for at, row in enumerate(rows):
        is_null = part.nulls is not None and part.nulls[at]
        plain = None if is_null else encoder.as_plain(row, f"{path}[{at}]")
        texts.append(None if plain is None else write_response(plain).decode())
    return OutputTensor(
        name=part.name,
        datatype=Datatype.BYTES,
        shape=(len(texts), 1) if part.is_of_scalars and part.shape[1:] == (1,) else (len(texts),),
        data=texts,
        content_type=JSON_TEXT,
    )


def _tensor(part: _Part, datatype: Datatype, data: list[Any], content: str) -> OutputTensor:
    return OutputTensor(name=part.name, datatype=datatype, shape=part.shape, data=data, content_type=content)


def _as_promised(found: OutputTensor, info: TensorInfo | None) -> OutputTensor:
    """Return an output in the datatype that the metadata promises, where that changes none of its values."""
    if info is None or info.datatype is found.datatype or not _holds(info.datatype, found):
        return found
    if info.datatype in _FLOATS:
        return replace(found, datatype=info.datatype)
    data = [int(value) for value in found.data]
    return replace(found, datatype=info.datatype, data=data, floats=None)


def _widest_integer(datatype: Datatype) -> int:
    """Return up to where every integer is exactly a float of the datatype."""
    return int(2 ** (np.finfo(datatype.dtype).nmant + 1))


def _holds(promised: Datatype, found: OutputTensor) -> bool:
    """Tell whether each number is one of the promised datatype; a float keeps its digits, which the reader rounds."""
    if {Datatype.BYTES, Datatype.BOOL} & {promised, found.datatype}:
        return False
    values = [value for value in found.data if value is not None]
    if promised in _FLOATS:
        limit, widest = float(np.finfo(promised.dtype).max), _widest_integer(promised)
        return all(abs(value) <= (limit if type(value) is float else widest) for value in values)
    if len(values) < len(found.data):
        return False  # integers have no null
    limits = np.iinfo(promised.dtype)
    return all(float(value).is_integer() and limits.min <= value <= limits.max for value in values)
