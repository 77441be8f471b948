"""A payload as a request of the Open Inference Protocol (V2), which KServe, Triton and Seldon's MLServer speak.

Columns are a tensor each, `[rows, 1]`, in the datatype that the signature declares, which is the only one that MLServer
takes; what nests travels as the JSON text of each cell under the content type `pd_json`. The protocol has no word for
params: they stand among the request's `parameters`.

The scoring server has its own codec on purpose: one mistake in a shared one would cancel out and the test would pass.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final, cast

import numpy as np

from ..errors import EncodeError
from ..signature.datatypes import DataType, ValueType
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from .json_text import write_json
from .payloads import Payload, Table, Tensors
from .values import JsonValue, as_json_value, show_value

JSON_TEXT: Final = "pd_json"
DATATYPES: Final[Mapping[str, str]] = {  # of the protocol, with the dtype of its values; the text of BYTES is objects
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
_OF_DTYPES: Final = {dtype: datatype for datatype, dtype in DATATYPES.items()}
OF_COLUMNS: Final[Mapping[DataType, str]] = {
    DataType.BOOLEAN: "BOOL",
    DataType.INTEGER: "INT32",
    DataType.LONG: "INT64",
    DataType.FLOAT: "FP32",
    DataType.DOUBLE: "FP64",
    DataType.STRING: "BYTES",
    DataType.BINARY: "BYTES",
    DataType.DATETIME: "BYTES",
}
_INT64_MAX: Final = 2**63 - 1
_HINTS: Final[tuple[tuple[tuple[type, ...], str], ...]] = (
    ((bytes, bytearray, memoryview), "base64"),
    ((np.datetime64, dt.date), "datetime"),
)
_OF_VALUES: Final[Mapping[type, str]] = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


def encode_inference(
    payload: Payload,
    params: Mapping[str, object] | None = None,
    *,
    signature: Signature | None = None,
    identity: str | None = None,
    outputs: Sequence[str] = (),
) -> bytes:
    """Return the body of the request that carries a payload.

    Datatypes go by the signature, values by what they are, so that a broken table is sent broken.

    Args:
        payload: A Table or Tensors.
        params: The request's parameters.
        signature: Names the datatypes; without it they follow from the values.
        identity: What the answer has to repeat; nothing is written for None.
        outputs: The names of the outputs that are wanted; none for all.

    Raises:
        EncodeError: The protocol cannot carry this payload.
    """
    document = inference_document(payload, params, signature=signature)
    if outputs:
        document["outputs"] = [{"name": name} for name in outputs]
    return write_json(document if identity is None else {"id": identity, **document})


def inference_document(
    payload: Payload, params: Mapping[str, object] | None = None, *, signature: Signature | None = None
) -> dict[str, JsonValue]:
    """Return the request that carries a payload, before it is written, to be changed where a test breaks it on purpose.

    Raises:
        EncodeError: The protocol cannot carry this payload.
    """
    parameters = {name: as_json_value(value, strict=False) for name, value in (params or {}).items()}
    if isinstance(payload, Table):
        inputs = _columns(payload, signature)
        hint = "pd"
    elif isinstance(payload, Tensors):
        inputs = _tensors(payload, signature)
        hint = "np" if None in payload.arrays else "dict"
    else:
        raise EncodeError(
            f"the Open Inference Protocol cannot carry a {type(payload).__name__}",
            fix="Send rows or arrays, or send its bytes to the path of the protocol.",
        )
    if signature is None or signature.inputs is None:
        parameters = {"content_type": hint, **parameters}  # nothing else tells the server how tensors make up the data
    return {"parameters": parameters, "inputs": inputs} if parameters else {"inputs": inputs}


def _columns(table: Table, signature: Signature | None) -> list[JsonValue]:
    for at, row in enumerate(table.rows):
        if len(row) != len(table.columns):
            raise EncodeError(
                f"the Open Inference Protocol cannot carry ragged rows: row {at} has {len(row)} cells",
                facts={"columns": len(table.columns)},
                fix="Send dataframe_split.",
            )
    schema = signature.inputs if signature else None
    names: list[str] = [str(name) for name in table.columns]
    kinds: list[ValueType | None] = [None] * len(names)
    if isinstance(schema, ColumnSchema) and schema.is_named:
        declared = {str(spec.name): spec.type for spec in schema.columns}
        kinds = [declared.get(name) for name in names]
    elif isinstance(schema, ColumnSchema):
        names = [f"input-{at}" for at in range(len(names))]
        kinds = [schema.columns[at].type if at < len(schema.columns) else None for at in range(len(names))]
    cells = zip(*table.rows, strict=True) if table.rows else ([] for _ in names)
    return [_column(name, list(column), kind) for name, column, kind in zip(names, cells, kinds, strict=True)]


def _column(name: str, cells: list[object], kind: ValueType | None) -> JsonValue:
    try:
        values = [as_json_value(cell) for cell in cells]
    except EncodeError as broken:
        broken.facts.update(column=show_value(name))
        raise
    if kind is None:
        return _tensor(name, _datatype_of(values), [len(cells), 1], values, _hint_of(cells, values))
    return _tensor(name, OF_COLUMNS[kind] if isinstance(kind, DataType) else None, [len(cells), 1], values)


def _tensor(name: str, datatype: str | None, shape: list[int], values: list[JsonValue], hint: str = "") -> JsonValue:
    """Return a tensor; its elements become the texts of JSON values where it has no datatype of its own."""
    body: dict[str, JsonValue] = {"name": name, "shape": list(shape), "datatype": datatype or "BYTES"}
    if datatype is None:
        hint = JSON_TEXT
        values = [None if value is None else write_json(value).decode() for value in values]
    if hint:
        body["parameters"] = {"content_type": hint}
    return {**body, "data": values}


def _hint_of(given: Sequence[object], values: Sequence[JsonValue]) -> str:
    """Return how text that stands for something else is to be read, which no signature says."""
    there = [one for one, value in zip(given, values, strict=True) if value is not None]
    hints = (hint for kinds, hint in _HINTS if there and all(isinstance(one, kinds) for one in there))
    return next(hints, "")


def _datatype_of(values: Sequence[JsonValue]) -> str | None:
    """Return the datatype that values have in common; None where they have none."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return "FP64"
    if kinds == {int} and max(value for value in values if isinstance(value, int)) > _INT64_MAX:
        return "UINT64"
    return _OF_VALUES.get(kinds.pop()) if len(kinds) == 1 else "BYTES" if not kinds else None


def _tensors(payload: Tensors, signature: Signature | None) -> list[JsonValue]:
    schema = signature.inputs if signature else None
    declared = {spec.name: spec.dtype for spec in schema.tensors} if isinstance(schema, TensorSchema) else {}
    found: list[JsonValue] = []
    for name, given in payload.arrays.items():
        told = "input-0" if name is None else name
        shape, elements = _taken_apart(given, told)
        values = [as_json_value(_count_of(element)) for element in elements]
        if name in declared:
            found.append(_tensor(told, _datatype_for(np.dtype(declared[name]), values), shape, values))
            continue
        datatype = _datatype_for(given.dtype, values) if isinstance(given, np.ndarray) else _datatype_of(values)
        found.append(_tensor(told, datatype, shape, values, _hint_of(elements, values)))
    return found


def _taken_apart(given: np.ndarray | list[object], name: str) -> tuple[list[int], list[object]]:
    """Return the shape and the elements, each as it is: NumPy would make those of a list one another's like."""
    if isinstance(given, np.ndarray):
        flat = given.reshape(-1)
        return list(given.shape), list(flat) if flat.dtype.kind in "mM" else flat.tolist()
    shape, level = [len(given)], given
    while level and all(map(_is_nested, level)):
        parts = cast("list[list[object]]", level)
        if len({len(part) for part in parts}) > 1:
            break
        shape.append(len(parts[0]))
        level = list(chain.from_iterable(parts))
    if any(map(_is_nested, level)):
        raise EncodeError(
            f"the Open Inference Protocol cannot carry the ragged tensor {show_value(name)}",
            fix="Send the envelope inputs.",
        )
    return shape, level


def _is_nested(element: object) -> bool:
    return isinstance(element, list | tuple) or (isinstance(element, np.ndarray) and element.ndim > 0)


def _count_of(element: object) -> object:
    """Return the count of its unit that a timedelta is, as MLflow writes it; anything else as it is."""
    return int(element.astype(np.int64)) if isinstance(element, np.timedelta64) else element


def _datatype_for(dtype: np.dtype, values: Sequence[JsonValue]) -> str | None:
    """Return the datatype for elements of a dtype; None where they are no texts and no numbers."""
    if dtype.kind == "m":
        return "INT64"
    if dtype.kind == "O":
        return "BYTES" if all(value is None or isinstance(value, str) for value in values) else None
    if dtype.kind == "c":
        return "FP32" if dtype.itemsize == 8 else "FP64"
    return _OF_DTYPES.get(dtype.name, "FP64" if dtype.kind == "f" else "BYTES")
