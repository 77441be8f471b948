"""The signature of a model of which only its server is known, as far as that server tells it.

| told by | what it says |
|---|---|
| our server's `/openapi.json` | the signature as its MLmodel has it, under `x-mlflow-model` |
| the metadata of the Open Inference Protocol (V2) | tensors; no params, and of what nests only that it is JSON |

Of V2, `[-1, 1]` throughout is taken for columns, since both MLServer and our server tell them so; MLServer does not say
which column may be left out. Its `input-0` and `output-0` stand for what has no name.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import DecodeError, SignatureError
from ..signature import parse_signature
from ..signature.datatypes import AnyType, DataType, ValueType
from ..signature.specs import ColumnSchema, ColumnSpec, Schema, Signature, TensorSchema, TensorSpec
from .inferred import ModelMetadata, TensorMetadata
from .open_inference import DATATYPES, JSON_TEXT, OF_COLUMNS
from .values import show_value

OPENAPI_KEY: Final = "x-mlflow-model"
DIGEST: Final = re.compile("[0-9a-f]+")  # of a model: a seed is made of it
MOST_ELEMENTS: Final = 10_000_000  # of one row of all inputs: a body beyond this is a load test
MOST_DIMENSIONS: Final = 32  # of NumPy before its second version
_COLUMN_SHAPE: Final = (-1, 1)
_TABLE: Final = "pd"
_TEXT: Final = "BYTES"
_OF_NUMBERS: Final = {datatype: kind for kind, datatype in OF_COLUMNS.items() if datatype != _TEXT}
_OF_TEXTS: Final[Mapping[str, ValueType]] = {
    "base64": DataType.BINARY,
    "datetime": DataType.DATETIME,
    JSON_TEXT: AnyType(),
}
_DTYPES_OF_TEXTS: Final = {"base64": "bytes", "datetime": "datetime64[ns]"}
_UNNAMED: Final = re.compile(r"(?:in|out)put-\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredModel:
    """What a server tells of its model.

    Attributes:
        signature: What it takes and gives.
        digest: Of its directory; empty where the server does not say.
    """

    signature: Signature
    digest: str = ""


def read_openapi(document: object) -> DeclaredModel | None:
    """Return the model that an OpenAPI document of our server tells of; None where it is of another, or has none.

    Raises:
        DecodeError: What it says of the model is no signature.
    """
    info = document.get("info") if isinstance(document, dict) else None
    told = info.get(OPENAPI_KEY) if isinstance(info, dict) else None
    if not isinstance(told, dict) or told.get("signature") is None:
        return None
    try:
        signature = parse_signature(
            told["signature"], is_from_type_hint=told.get("is_signature_from_type_hint") is True
        )
    except SignatureError as broken:
        raise DecodeError(
            f"the server tells a signature that is none: {broken.happened}",
            facts=broken.facts,
            fix="Give the model's own by --model-uri.",
        ) from broken
    digest = str(told.get("digest"))
    known = digest if DIGEST.fullmatch(digest) else ""
    return None if signature is None else DeclaredModel(signature=signature, digest=known)


def read_index(document: object) -> tuple[str, ...]:
    """Return the names of the models in an index of a V2 server's repository, those that cannot be asked left out.

    Raises:
        DecodeError: It is no list of models.
    """
    entries = document if isinstance(document, list) else [document]
    named = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)]
    if len(named) != len(entries):
        raise DecodeError(
            "the index of the server's models is no list of models",
            facts={"received": show_value(document)},
            fix="Name the model by --model-v2-name.",
        )
    return tuple(dict.fromkeys(entry["name"] for entry in named if entry.get("state", "READY") == "READY"))


def signature_of(metadata: ModelMetadata) -> Signature | None:
    """Return the signature that the metadata of V2 tell; None where they tell of no inputs.

    Raises:
        DecodeError: No request can be made of what they tell: a tensor stands twice, or the smallest would be huge.
    """
    _require_once(metadata.inputs, "input")
    _require_once(metadata.outputs, "output")
    _require_bounded(metadata.inputs)
    inputs = _schema(metadata.inputs, metadata.content_type)
    return None if inputs is None else Signature(inputs=inputs, outputs=_schema(metadata.outputs, ""))


def _require_once(tensors: Sequence[TensorMetadata], what: str) -> None:
    """Pass tensors of different names.

    Raises:
        DecodeError: Two have the same, so that nobody can say which of them is meant.
    """
    names = Counter(tensor.name for tensor in tensors)
    if twice := [name for name, times in names.items() if times > 1]:
        raise _unusable(f"the {what} {show_value(twice[0])} stands twice", tuple(names))


def _require_bounded(inputs: Sequence[TensorMetadata]) -> None:
    """Pass inputs of which a row can be sent; what counts is the fixed sizes, since -1 is as small as one likes.

    Raises:
        DecodeError: A row takes more than any request should, or more dimensions than an array has.
    """
    n_elements = 0
    for tensor in inputs:
        shape = list(tensor.shape)
        if len(shape) > MOST_DIMENSIONS:
            told = f"the input {show_value(tensor.name)} has {len(shape)} dimensions, of {MOST_DIMENSIONS} that can be"
            raise _unusable(told, shape)
        n_elements += math.prod(max(size, 1) for size in shape)  # a size of 0 leaves lists without an element
        if n_elements > MOST_ELEMENTS:
            told = f"up to the input {show_value(tensor.name)}, one row has more than {MOST_ELEMENTS:,} elements"
            raise _unusable(told, shape)


def _unusable(why: str, received: object) -> DecodeError:
    return DecodeError(
        f"the metadata of the model are of no use: {why}",
        facts={"received": show_value(received)},
        fix="Mend what the server tells of its model, or give the model's own signature by --model-uri.",
    )


def _schema(tensors: Sequence[TensorMetadata], content_type: str) -> Schema | None:
    if not tensors:
        return None
    is_named = not all(_UNNAMED.fullmatch(tensor.name) for tensor in tensors)
    kinds = [_kind(tensor) for tensor in tensors]
    is_table = all(tensor.shape == _COLUMN_SHAPE for tensor in tensors) and content_type in {"", _TABLE}
    if is_table and None not in kinds:
        columns = (
            ColumnSpec(name=tensor.name if is_named else None, type=kind, required=tensor.required or not is_named)
            for tensor, kind in zip(tensors, kinds, strict=True)
            if kind is not None
        )
        return ColumnSchema(columns=tuple(columns))
    is_named = is_named or len(tensors) > 1  # several tensors have names
    return TensorSchema(tensors=tuple(_tensor(tensor, is_named=is_named) for tensor in tensors))


def _kind(tensor: TensorMetadata) -> ValueType | None:
    """Return the type of a column that a tensor stands for; None where it stands for none."""
    if tensor.datatype != _TEXT:
        return _OF_NUMBERS.get(tensor.datatype)
    return _OF_TEXTS.get(tensor.content_type, DataType.STRING)


def _tensor(tensor: TensorMetadata, *, is_named: bool) -> TensorSpec:
    dtype = DATATYPES[tensor.datatype]
    if tensor.datatype == _TEXT:
        dtype = _DTYPES_OF_TEXTS.get(tensor.content_type, "str")
    return TensorSpec(name=tensor.name if is_named else None, dtype=dtype, shape=tensor.shape)
