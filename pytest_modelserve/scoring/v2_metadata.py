"""A model's signature as the tensors of the Open Inference Protocol (V2), as MLServer's MLflow runtime names them.

| declared | input | output |
|---|---|---|
| columns with names | a tensor each, `[-1, 1]` | a tensor each, `[-1, 1]` |
| columns without names | `input-0`, `input-1` …, `[-1, 1]` | `output-1`, `output-2` …, `[-1, 1]` |
| tensors with names | as declared | as declared |
| one tensor without a name | `input-0` | `output-1` |

MLServer answers with `output-1` and promises `output-0`; here the promise is what is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..signature.datatypes import DataType, ValueType
from ..signature.specs import ColumnSchema, ColumnSpec, Schema, Signature, TensorSpec
from .v2_datatypes import Datatype, datatype_of

PLATFORM: Final = "mlflow_pyfunc"
CONTENT_TYPE: Final = "content_type"  # the parameter by which MLServer's codecs are chosen, a convention of Seldon
TEXT: Final = "str"
BASE64: Final = "base64"
DATETIME: Final = "datetime"
JSON_TEXT: Final = "pd_json"  # each element the text of a JSON value
ARRAY: Final = "np"
TABLE: Final = "pd"
ARRAYS: Final = "dict"  # by name
_VERSION_DIGITS: Final = 12  # of the model's digest: enough to tell two versions of one model apart
_COLUMN_SHAPE: Final = (-1, 1)
_OF_SCALARS: Final = {DataType.STRING: TEXT, DataType.BINARY: BASE64, DataType.DATETIME: DATETIME}
_OF_KINDS: Final = {"S": BASE64, "M": DATETIME, "O": TEXT, "U": TEXT}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """What the metadata tells of one tensor.

    Attributes:
        name: Under which it is sent.
        datatype: In which it is told; inputs take others that lose nothing, too.
        shape: With -1 for any size.
        content_type: How its elements are written, by MLServer's name for it.
        required: Whether a request must have it.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    content_type: str
    required: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in the metadata."""
        parameters: dict[str, object] = {CONTENT_TYPE: self.content_type}
        if not self.required:
            parameters["required"] = False
        body = {"name": self.name, "datatype": self.datatype.value, "shape": list(self.shape)}
        return {**body, "parameters": parameters}


def model_version(digest: str) -> str:
    """Return the only version of the model, which tells what is served."""
    return digest[:_VERSION_DIGITS]


def model_metadata(name: str, signature: Signature | None, version: str) -> Mapping[str, Any]:
    """Return the metadata of a model."""
    declared = signature or Signature()
    return {
        "name": name,
        "versions": [version],
        "platform": PLATFORM,
        "inputs": [info.as_json() for info in input_infos(declared)],
        "outputs": [info.as_json() for info in output_infos(declared)],
    }


def input_infos(signature: Signature) -> tuple[TensorInfo, ...]:
    """Return the tensors that a model takes; none where it does not say."""
    return _infos(signature.inputs, "input-", first=0)


def output_infos(signature: Signature) -> tuple[TensorInfo, ...]:
    """Return the tensors that a model answers; none where it does not say."""
    return _infos(signature.outputs, "output-", first=1)


def _infos(schema: Schema | None, prefix: str, *, first: int) -> tuple[TensorInfo, ...]:
    if schema is None:
        return ()
    if isinstance(schema, ColumnSchema):
        return tuple(_column(spec, f"{prefix}{at}") for at, spec in enumerate(schema.columns, first))
    return tuple(_tensor(spec, f"{prefix}{at}") for at, spec in enumerate(schema.tensors, first))


def _column(spec: ColumnSpec, unnamed: str) -> TensorInfo:
    return TensorInfo(
        name=unnamed if spec.name is None else str(spec.name),
        datatype=column_datatype(spec.type),
        shape=_COLUMN_SHAPE,
        content_type=column_content(spec.type),
        required=spec.required,
    )


def _tensor(spec: TensorSpec, unnamed: str) -> TensorInfo:
    dtype = np.dtype(spec.dtype)
    return TensorInfo(
        name=unnamed if spec.name is None else spec.name,
        datatype=datatype_of(dtype),
        shape=spec.shape,
        content_type=_OF_KINDS.get(dtype.kind, ARRAY),
    )


def column_datatype(kind: ValueType) -> Datatype:
    """Return the datatype of a column's tensor."""
    return datatype_of(np.dtype(kind.numpy_name)) if isinstance(kind, DataType) else Datatype.BYTES


def column_content(kind: ValueType) -> str:
    """Return how the elements of a column's tensor are written."""
    return _OF_SCALARS.get(kind, ARRAY) if isinstance(kind, DataType) else JSON_TEXT
