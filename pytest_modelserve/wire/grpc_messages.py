"""The messages of the Open Inference Protocol (V2) over gRPC, from and to what the JSON of the protocol says.

Values travel typed, a list for each datatype; answers may come as raw bytes as well, as Triton sends them. gRPC has no
null: in floats it is NaN, as everywhere in this protocol.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np

from ..errors import DecodeError, EncodeError
from .inferred import Inference, OutputTensor
from .open_inference import DATATYPES
from .values import show_value

CONTENTS: Final[Mapping[str, str]] = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_FLOATS: Final = frozenset({"FP32", "FP64"})
_TEXT: Final = "BYTES"
_LENGTH_BYTES: Final = 4  # before each text of a raw tensor, little-endian
_INT64_MAX: Final = 2**63 - 1


def write_request(request: Any, document: Mapping[str, Any]) -> None:  # noqa: ANN401 # a message of generated code
    """Fill in a ModelInferRequest from a request as its JSON has it.

    Raises:
        EncodeError: gRPC has no place for a value: null but in floats, a param that is a list, or a tensor of FP16.
    """
    request.id = document.get("id") or ""
    _write_parameters(request.parameters, document.get("parameters", {}))
    for given in document["inputs"]:
        tensor = request.inputs.add(name=given["name"], datatype=given["datatype"], shape=given["shape"])
        _write_parameters(tensor.parameters, given.get("parameters", {}))
        _write_contents(tensor.contents, given)
    for wanted in document.get("outputs", ()):
        request.outputs.add(name=wanted["name"])


def read_response(response: Any) -> Inference:  # noqa: ANN401 # a message of generated code
    """Return the answer that a ModelInferResponse is.

    Raises:
        DecodeError: A tensor has not the elements that its datatype and shape say.
    """
    raw: Sequence[bytes] = response.raw_output_contents
    if raw and len(raw) != len(response.outputs):
        raise _not_protocol("as many raw contents as outputs", f"{len(raw)} for {len(response.outputs)}")
    outputs = tuple(_output(each, raw[at] if raw else None) for at, each in enumerate(response.outputs))
    return Inference(
        model_name=response.model_name,
        outputs=outputs,
        model_version=response.model_version or None,
        id=response.id or None,
    )


def metadata_document(response: Any) -> dict[str, object]:  # noqa: ANN401 # a message of generated code
    """Return a ModelMetadataResponse as the JSON of the protocol has it."""

    def described(tensors: Any) -> list[object]:  # noqa: ANN401 # messages of generated code
        return [{"name": one.name, "datatype": one.datatype, "shape": list(one.shape)} for one in tensors]

    return {
        "name": response.name,
        "versions": list(response.versions),
        "platform": response.platform,
        "inputs": described(response.inputs),
        "outputs": described(response.outputs),
    }


def _write_parameters(target: Any, parameters: Mapping[str, object]) -> None:  # noqa: ANN401 # of generated code
    for name, value in parameters.items():
        if isinstance(value, bool):
            target[name].bool_param = value
        elif isinstance(value, int):
            _try_to(setattr, target[name], "int64_param" if value <= _INT64_MAX else "uint64_param", value, name=name)
        elif isinstance(value, float):
            target[name].double_param = value
        elif isinstance(value, str):
            _try_to(setattr, target[name], "string_param", value, name=name)
        else:
            raise EncodeError(
                f"gRPC has no parameter that is {show_value(value)}",
                facts={"parameter": name},
                fix="Send it over REST, whose JSON has lists, objects and null.",
            )


def _write_contents(contents: Any, given: Mapping[str, Any]) -> None:  # noqa: ANN401 # of generated code
    datatype, name = given["datatype"], given["name"]
    if datatype not in CONTENTS:
        raise EncodeError(
            f"gRPC carries {datatype} as raw bytes alone, which few servers read",
            facts={"tensor": name},
            fix="Send it over REST.",
        )
    values = list(_values(given["data"], datatype, name))
    _try_to(getattr(contents, CONTENTS[datatype]).extend, values, name=name)


def _values(data: Sequence[object], datatype: str, name: str) -> Iterator[object]:
    for at, value in enumerate(data):
        if value is None and datatype not in _FLOATS:
            raise EncodeError(
                f"gRPC has no null: element {at} of {show_value(name)} is null",
                facts={"tensor": name, "datatype": datatype},
                fix="Leave an optional column out, or send it over REST.",
            )
        if value is None:
            yield math.nan
        elif datatype == _TEXT and isinstance(value, str):
            yield value.encode("utf-8", "surrogatepass")
        else:
            yield value


def _try_to(write: Any, *arguments: object, name: str) -> None:  # noqa: ANN401 # a method of generated code
    """Write values that the generated code may refuse."""
    try:
        write(*arguments)
    except (TypeError, ValueError, UnicodeError) as refused:
        raise EncodeError(
            f"gRPC cannot carry {show_value(name)}: {refused}",
            facts={"values": show_value(arguments[-1])},
            fix="Send it over REST, which carries wrong values, too.",
        ) from refused


def _output(tensor: Any, raw: bytes | None) -> OutputTensor:  # noqa: ANN401 # a message of generated code
    datatype, shape = tensor.datatype, tuple(tensor.shape)
    if datatype not in DATATYPES:
        raise _not_protocol("a datatype of the protocol", datatype)
    if raw is not None:
        found = _unpacked(raw, datatype)
    elif datatype in CONTENTS:
        found = list(getattr(tensor.contents, CONTENTS[datatype]))
    else:
        found = []  # FP16 comes raw
    if any(size < 0 for size in shape) or len(found) != math.prod(shape):
        raise _not_protocol(f"elements for the shape {list(shape)} of {tensor.name!r}", f"{len(found)} elements")
    return OutputTensor(
        name=tensor.name,
        datatype=datatype,
        shape=shape,
        data=tuple(_told(value, tensor.name) for value in found),
        content_type=tensor.parameters["content_type"].string_param if "content_type" in tensor.parameters else "",
    )


def _told(value: object, name: str) -> object:
    """Return an element as JSON has it: text for bytes, null for NaN."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise _not_protocol(f"text in {name!r}", value) from None
    return None if isinstance(value, float) and math.isnan(value) else value


def _unpacked(raw: bytes, datatype: str) -> list[object]:
    """Return the elements of a tensor of raw bytes, little-endian."""
    if datatype != _TEXT:
        dtype = np.dtype(DATATYPES[datatype]).newbyteorder("<")
        if len(raw) % dtype.itemsize:
            raise _not_protocol(f"elements of {dtype.itemsize} bytes each", f"{len(raw)} bytes")
        return cast("list[object]", np.frombuffer(raw, dtype=dtype).tolist())
    found: list[object] = []
    at = 0
    while at < len(raw):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(raw[at:start], "little")
        if start > len(raw) or at > len(raw):
            raise _not_protocol("each text behind its length", f"{len(raw)} bytes")
        found.append(raw[start:at])
    return found


def _not_protocol(expected: str, received: object) -> DecodeError:
    return DecodeError(
        f"the answer is not of the Open Inference Protocol: expected {expected}",
        facts={"received": show_value(received)},
        fix="Compare the server's answer with the protocol's inference_grpc.md.",
    )
