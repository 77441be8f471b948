"""What a server of the Open Inference Protocol (V2) answered: its outputs, held to the protocol, and the metadata.

Source: the protocol's `inference_rest.md`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final, cast

import numpy as np

from ..errors import DecodeError
from ..signature.datatypes import AnyType, Array, DataType, SparkMLVector, ValueType
from ..signature.specs import ColumnSchema, Schema, TensorSchema
from .json_text import parse_json
from .open_inference import DATATYPES, JSON_TEXT
from .predictions import Predictions
from .scalars import expectation, tensor_misfit
from .values import show_value

_MOST_DIMENSIONS: Final = 32  # of NumPy before its second version
_MOST_EMPTY: Final = 2**20  # lists without an element, which a shape of a few bytes can ask for
_TEXT: Final = "str"  # for the check of a single value: that of BYTES is text, whatever it stands for


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorMetadata:
    """What a server says of one tensor.

    Attributes:
        name: Its name.
        datatype: The protocol's word, such as `FP64`.
        shape: With -1 for any size.
        content_type: How its elements are written, by MLServer's convention; empty where the server does not say.
        required: Whether a request must have it; our server says where not.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content_type: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """What a server says of one model.

    Attributes:
        name: Its name.
        versions: Those that can be asked for; none where the server has no versions.
        platform: What it is made with.
        inputs: The tensors that it takes.
        outputs: The tensors that it answers.
        content_type: What the inputs make up together, by MLServer's convention; empty where the server does not say.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTensor:
    """One output of an answer.

    Attributes:
        name: Its name.
        datatype: The protocol's word, such as `FP64`.
        shape: The size of each dimension.
        data: Its elements, row by row, as JSON has them.
        content_type: How they are written, by MLServer's convention; empty where the server does not say.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: tuple[object, ...]
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One answer.

    Attributes:
        model_name: Who answered.
        outputs: What was answered.
        model_version: Which version of it; None where the server does not say.
        id: The request's own, repeated; None where there is none.
    """

    model_name: str
    outputs: tuple[OutputTensor, ...]
    model_version: str | None = None
    id: str | None = None

    def predictions(self, schema: Schema | None = None) -> Predictions:
        """Return the predictions, typed by an output schema.

        The only output stands for the only one that is declared, whatever its name, and `[rows, 1]` for `[rows]`:
        servers differ in both.

        Raises:
            DecodeError: The outputs differ in their number of rows, one has the shape of no column, or an element is
                not the JSON that it should be.
        """
        if isinstance(schema, ColumnSchema):
            return Predictions(raw=_rows(self.outputs, schema), schema=schema)
        if isinstance(schema, TensorSchema):
            return Predictions(raw=_arrays(self.outputs, schema), schema=schema)
        if len(self.outputs) == 1:
            return Predictions(raw=_nested(self.outputs[0], None))
        return Predictions(raw={output.name: _nested(output, None) for output in self.outputs})


def read_inference(document: object) -> Inference:
    """Return an answer.

    Raises:
        DecodeError: It is not what the protocol says.
    """
    body = _object(document, "the answer")
    outputs = tuple(_output(entry, f"outputs[{at}]") for at, entry in enumerate(_list(body, "outputs", "the answer")))
    names = [output.name for output in outputs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise _not_protocol(f"the output {show_value(twice[0])} stands twice", names)
    return Inference(
        model_name=_text(body, "model_name", "the answer"),
        outputs=outputs,
        model_version=_text_if_any(body, "model_version", "the answer"),
        id=_text_if_any(body, "id", "the answer"),
    )


def read_model_metadata(document: object) -> ModelMetadata:
    """Return the metadata of a model.

    Raises:
        DecodeError: It is not what the protocol says.
    """
    what = "the metadata"
    body = _object(document, what)
    versions = [] if body.get("versions") is None else _list(body, "versions", what)
    if not all(isinstance(version, str) for version in versions):
        raise _not_protocol(f"versions of {what} is no list of strings", versions)
    return ModelMetadata(
        name=_text(body, "name", what),
        versions=tuple(str(version) for version in versions),
        platform=_text(body, "platform", what),
        inputs=tuple(_described(entry, f"inputs[{at}]") for at, entry in enumerate(_list(body, "inputs", what))),
        outputs=tuple(_described(entry, f"outputs[{at}]") for at, entry in enumerate(_list(body, "outputs", what))),
        content_type=_content_type(_parameters(body, what)),
    )


def _described(entry: object, where: str) -> TensorMetadata:
    body = _object(entry, where)
    shape = _list(body, "shape", where)
    if not all(type(size) is int and size >= -1 for size in shape):
        raise _not_protocol(f"shape of {where} is no list of sizes", shape)
    parameters = _parameters(body, where)
    return TensorMetadata(
        name=_text(body, "name", where),
        datatype=_datatype(body, where),
        shape=tuple(cast("list[int]", shape)),
        content_type=_content_type(parameters),
        required=parameters.get("required") is not False,
    )


def _output(entry: object, where: str) -> OutputTensor:
    body = _object(entry, where)
    datatype, shape = _datatype(body, where), _list(body, "shape", where)
    if not all(type(size) is int and size >= 0 for size in shape):
        raise _not_protocol(f"shape of {where} is no list of sizes", shape)
    sizes = cast("list[int]", shape)
    if len(sizes) > _MOST_DIMENSIONS:
        raise _not_protocol(f"shape of {where} has {len(sizes)} dimensions", shape)
    if 0 in sizes and math.prod(size for size in sizes if size) > _MOST_EMPTY:
        raise _not_protocol(f"shape of {where} has more than {_MOST_EMPTY:,} rows without an element", shape)
    data = _flat(_list(body, "data", where), sizes, where)
    dtype = _TEXT if datatype == "BYTES" else DATATYPES[datatype]
    for at, value in enumerate(data):
        if value is not None and tensor_misfit(value, dtype) is not None:
            raise _not_protocol(f"element {at} of {where} is no {datatype}", value)
    return OutputTensor(
        name=_text(body, "name", where),
        datatype=datatype,
        shape=tuple(sizes),
        data=tuple(data),
        content_type=_content_type(_parameters(body, where)),
    )


def _parameters(body: Mapping[str, object], where: str) -> dict[str, object]:
    return {} if body.get("parameters") is None else _object(body["parameters"], f"parameters of {where}")


def _content_type(parameters: Mapping[str, object]) -> str:
    hint = parameters.get("content_type", "")
    return hint if isinstance(hint, str) else ""


def _flat(data: list[object], shape: list[int], where: str) -> list[object]:
    level = data
    if any(isinstance(value, list) for value in data):
        parts: list[object] = [data]
        for size in shape:
            if not all(isinstance(part, list) and len(part) == size for part in parts):
                raise _not_protocol(f"data of {where} is nested otherwise than its shape", shape)
            parts = list(chain.from_iterable(cast("list[list[object]]", parts)))
        level = parts
    if len(level) != math.prod(shape):
        told = f"data of {where} has {len(level)} elements, its shape says {show_value(math.prod(shape))}"
        raise _not_protocol(told, shape)
    return level


def _rows(outputs: tuple[OutputTensor, ...], schema: ColumnSchema) -> object:
    """Return the rows as MLflow's protocol has them: records by name, or bare values of the only unnamed column."""
    kinds = {str(spec.name): spec.type for spec in schema.columns if spec.name is not None}
    only = schema.columns[0] if len(schema.columns) == len(outputs) == 1 else None
    columns: dict[str, list[object]] = {}
    for at, output in enumerate(outputs):
        kind = schema.columns[at].type if not kinds and at < len(schema.columns) else kinds.get(output.name)
        declared = only.type if only else kind
        name = str(only.name) if only and only.name is not None else output.name
        columns[name] = _cells(output, declared)
    sizes = {name: len(cells) for name, cells in columns.items()}
    if len(set(sizes.values())) > 1:
        raise _not_protocol("the outputs differ in their number of rows", sizes)
    if not schema.is_named and len(columns) == 1:
        return next(iter(columns.values()))
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) if schema.is_named else list(row) for row in rows]


def _cells(output: OutputTensor, declared: ValueType | None) -> list[object]:
    """Return a column's values, one a row: a tensor has as many rows as its first dimension says."""
    is_list = (
        isinstance(declared, Array) and output.datatype != "BYTES"
    )  # then `[rows, 1]` is a list of one in each row
    if output.shape[1:] == () or (output.shape[1:] == (1,) and not is_list):
        if output.shape:
            return _elements(output, is_json=declared is not None and not isinstance(declared, DataType))
    elif declared is None or isinstance(declared, Array | AnyType | SparkMLVector):
        return cast("list[object]", _nested(output, None))
    raise DecodeError(
        f"the output {show_value(output.name)} has the shape {show_value(output.shape)}, which is no column of "
        f"{'values' if declared is None else expectation(declared)}",
        facts={"a column": "[rows] or [rows, 1]"},
        fix="Compare the answer's shape with the model's output schema.",
    )


def _arrays(outputs: tuple[OutputTensor, ...], schema: TensorSchema) -> object:
    ranks = {spec.name: len(spec.shape) for spec in schema.tensors}
    if len(outputs) == len(ranks) == 1:
        ((name, rank),) = ranks.items()
        nested = _nested(outputs[0], rank)
        return nested if name is None else {name: nested}
    return {output.name: _nested(output, ranks.get(output.name)) for output in outputs}


def _nested(output: OutputTensor, rank: int | None) -> object:
    """Return the elements as nested lists; a last dimension of 1 beyond the rank that is wanted is dropped."""
    shape = output.shape
    if rank is not None and len(shape) == rank + 1 and shape[-1] == 1:
        shape = shape[:-1]
    cells = np.empty(len(output.data), dtype=object)
    for at, value in enumerate(_elements(output, is_json=False)):
        cells[at] = value
    return cells.reshape(shape).tolist()


def _elements(output: OutputTensor, *, is_json: bool) -> list[object]:
    if output.datatype != "BYTES" or not (is_json or output.content_type == JSON_TEXT):
        return list(output.data)
    return [None if text is None else parse_json(str(text).encode("utf-8", "surrogatepass")) for text in output.data]


def _datatype(body: Mapping[str, object], where: str) -> str:
    datatype = _text(body, "datatype", where)
    if datatype not in DATATYPES:
        raise _not_protocol(f"datatype of {where} is none of the protocol's", datatype)
    return datatype


def _object(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _not_protocol(f"{what} is no object", value)
    return value


def _list(body: Mapping[str, object], key: str, what: str) -> list[object]:
    value = body.get(key)
    if not isinstance(value, list):
        raise _not_protocol(f"{key} of {what} is {'no list' if key in body else 'missing'}", value)
    return value


def _text(body: Mapping[str, object], key: str, what: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise _not_protocol(f"{key} of {what} is {'no string' if key in body else 'missing'}", value)
    return value


def _text_if_any(body: Mapping[str, object], key: str, what: str) -> str | None:
    """Return a text that need not be there; KServe writes null for what it lacks."""
    return None if body.get(key) is None else _text(body, key, what)


def _not_protocol(why: str, received: object) -> DecodeError:
    return DecodeError(
        f"the answer is not of the Open Inference Protocol: {why}",
        facts={"received": show_value(received)},
        fix="Compare the server's answer with the protocol's inference_rest.md.",
    )
