"""A request of the Open Inference Protocol (V2), taken apart: every tensor flat, its shape held against its data.

Source: the protocol's `inference_rest.md`; what `content_type` means is a convention of Seldon's MLServer.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from .errors import NotParsed, excerpt, name_kind
from .scalars import Misfit
from .v2_binary import BINARY_SIZE, BinaryTail, read_elements
from .v2_datatypes import MAX_RANK, Datatype, read_values
from .v2_metadata import ARRAY, ARRAYS, BASE64, CONTENT_TYPE, DATETIME, JSON_TEXT, TABLE, TEXT

_TENSOR_CONTENT: Final = frozenset({ARRAY, TABLE, TEXT, BASE64, DATETIME, JSON_TEXT})
_REQUEST_CONTENT: Final = frozenset({ARRAY, TABLE, TEXT, ARRAYS})
_BINARY_OUTPUT: Final = "binary_data"
_BINARY_OUTPUTS: Final = "binary_data_output"
_OF_CODECS: Final = frozenset({CONTENT_TYPE, _BINARY_OUTPUTS})  # of MLServer, and of the binary extension
_OF_CLIENTS: Final = frozenset({"headers"})  # that MLServer's own client adds
_NOT_SERVED: Final = ("shared_memory_region", "classification")  # extensions that change where or what data is
_LARGEST_SIZE: Final = 2**40  # of a dimension: more than any body fills, and few enough digits to be told
_LARGEST_EMPTY: Final = 2**20  # dimensions but those of 0 together: no data stands behind them, and yet models loop
_KNOWN_KEYS: Final = frozenset({"id", "parameters", "inputs", "outputs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTensor:
    """One tensor of a request.

    Attributes:
        name: Its name.
        datatype: What its elements are.
        shape: The size of each dimension; their product is the number of values.
        values: Its elements as JSON values, row by row; each but null is one of its datatype.
        content_type: How its elements are written, None where the request does not say.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: list[Any]
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRequest:
    """A request taken apart.

    Attributes:
        id: What the answer repeats, None where the request has none.
        tensors: By name, in order.
        content_type: How the tensors make up the data, None where the request does not say.
        params: The model's, by name; None where there are none.
        outputs: The names of the outputs that are wanted, each with whether it is wanted in binary; None for all.
        is_binary: Whether all are wanted in binary, where none is named.
        ignored: Keys that mean nothing.
    """

    tensors: Mapping[str, InputTensor]
    id: str | None
    content_type: str | None
    params: Mapping[str, Any] | None
    outputs: Mapping[str, bool] | None
    is_binary: bool
    ignored: tuple[str, ...]


def parse_request(document: object, tail: bytes = b"", *, declared: Collection[str] = ()) -> InferenceRequest:
    """Take a request apart.

    Args:
        document: The JSON of the request.
        tail: The tensors behind it, of the binary extension.
        declared: The names of the model's params: under these, parameters of codecs and clients are the model's.

    Raises:
        NotParsed: It is none: a part is missing or of another form, an unknown datatype or content type, data that does
            not fill its shape or is not of its datatype, a name twice.
    """
    if not isinstance(document, dict):
        raise NotParsed(f"The body must be a JSON object with inputs, not {name_kind(document)}")
    identity = document.get("id")
    if identity is not None and not isinstance(identity, str):
        raise NotParsed(f"id must be a string, not {name_kind(identity)}")
    parameters = _parameters(document, "The request")
    of_codecs = {name: parameters.pop(name) for name in _OF_CODECS.intersection(parameters).difference(declared)}
    of_clients = [name for name in parameters if name in _OF_CLIENTS and name not in declared]
    params = {name: value for name, value in parameters.items() if name not in of_clients}
    is_binary = _flag(of_codecs, _BINARY_OUTPUTS, "The request")
    return InferenceRequest(
        id=identity,
        tensors=_tensors(document, BinaryTail(tail)),
        content_type=_content_type(of_codecs, _REQUEST_CONTENT, "The request"),
        params=params or None,
        outputs=_outputs(document, is_binary=is_binary),
        is_binary=is_binary,
        ignored=(*(key for key in document if key not in _KNOWN_KEYS), *of_clients),
    )


def _tensors(document: Mapping[str, Any], tail: BinaryTail) -> dict[str, InputTensor]:
    inputs = _objects(document, "inputs")
    if not inputs:
        raise NotParsed("inputs must have at least one tensor")
    found: dict[str, InputTensor] = {}
    for at, entry in enumerate(inputs):
        tensor = _tensor(entry, at, tail)
        if tensor.name in found:
            raise NotParsed(f"The input {excerpt(tensor.name)} stands twice in inputs", tensor=tensor.name[:80])
        found[tensor.name] = tensor
    tail.require_end()
    return found


def _tensor(entry: Mapping[str, Any], at: int, tail: BinaryTail) -> InputTensor:
    name = _name(entry, "inputs", at)
    what, details = f"The input {excerpt(name)}", {"tensor": name[:80]}
    parameters = _parameters(entry, what)
    _require_served(parameters, what)
    is_binary = BINARY_SIZE in parameters
    if is_binary and "data" in entry:
        raise NotParsed(f"{what} has both data and {BINARY_SIZE}", **details)
    for key in ("shape", "datatype") if is_binary else ("shape", "datatype", "data"):
        if key not in entry:
            raise NotParsed(f"{what} lacks {key}", **details)
    datatype, shape = entry["datatype"], entry["shape"]
    if not isinstance(datatype, str) or datatype not in Datatype.__members__:
        known = ", ".join(Datatype.__members__)
        raise NotParsed(f"{what} has the datatype {excerpt(datatype)}; there are {known}", **details)
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        raise NotParsed(f"{what} must have a list of sizes for its shape, 0 or more each", **details)
    _require_fillable(shape, what, details)
    data = entry.get("data")
    if is_binary:
        data = read_elements(Datatype[datatype], tail.take(parameters[BINARY_SIZE], what), what)
    try:
        values = read_values(Datatype[datatype], _flatten(data, shape, what, details))
    except Misfit as misfit:
        raise NotParsed(f"{what}, element {misfit.at}, {misfit.reason}", **details, element=misfit.at) from None
    return InputTensor(
        name=name,
        datatype=Datatype[datatype],
        shape=tuple(shape),
        values=values,
        content_type=_content_type(parameters, _TENSOR_CONTENT, what),
    )


def _require_fillable(shape: list[int], what: str, details: Mapping[str, object]) -> None:
    """Refuse a shape that no array has, or that asks for more than the request itself holds."""
    if len(shape) > MAX_RANK:
        raise NotParsed(f"{what} has {len(shape)} dimensions; the most are {MAX_RANK}", **details)
    if too_large := [size for size in shape if size > _LARGEST_SIZE]:
        raise NotParsed(f"{what} has a dimension of {excerpt(too_large[0])}; the largest is {_LARGEST_SIZE}", **details)
    if 0 in shape and (size := math.prod(filter(None, shape))) > _LARGEST_EMPTY:
        told = f"has no data and {excerpt(size)} places for it; the most are {_LARGEST_EMPTY}"
        raise NotParsed(f"{what} {told}", **details)


def _flatten(data: object, shape: list[int], what: str, details: Mapping[str, object]) -> list[Any]:
    """Return the elements of a tensor, whose data may be flat or nested as its shape is."""
    if not isinstance(data, list):
        raise NotParsed(f"{what} must have a list for its data, not {name_kind(data)}", **details)
    level: list[Any] = [data]
    if list in set(map(type, data)):
        for depth, size in enumerate(shape):
            if any(type(part) is not list or len(part) != size for part in level):
                told = f"nested otherwise than its shape says: at depth {depth} each list must have {size} elements"
                raise NotParsed(f"{what} has data {told}", **details)
            level = list(chain.from_iterable(level))
    else:
        level = data
    if len(level) != math.prod(shape) or list in set(map(type, level)):
        told = f"has {len(level)} elements, its shape {shape} says {excerpt(math.prod(shape))}"
        raise NotParsed(f"{what} {told}", **details)
    return level


def _outputs(document: Mapping[str, Any], *, is_binary: bool) -> dict[str, bool] | None:
    if document.get("outputs") is None:
        return None
    names: dict[str, bool] = {}
    for at, entry in enumerate(_objects(document, "outputs")):
        name = _name(entry, "outputs", at)
        what = f"The output {excerpt(name)}"
        parameters = _parameters(entry, what)
        _require_served(parameters, what)
        if name in names:
            raise NotParsed(f"The output {excerpt(name)} stands twice in outputs", tensor=name[:80])
        names[name] = _flag(parameters, _BINARY_OUTPUT, what) if _BINARY_OUTPUT in parameters else is_binary
    return names or None  # as Triton reads it


def _objects(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries = document.get(key)
    if not isinstance(entries, list) or not set(map(type, entries)) <= {dict}:
        told = name_kind(entries) if key in document else "missing"
        raise NotParsed(f"{key} must be a list of objects, and is {told if told != 'a list' else 'a list of others'}")
    return entries


def _name(entry: Mapping[str, Any], key: str, at: int) -> str:
    name = entry.get("name")
    if not isinstance(name, str):
        raise NotParsed(f"Element {at} of {key} must have a string for its name, not {name_kind(name)}")
    return name


def _parameters(entry: Mapping[str, Any], what: str) -> dict[str, Any]:
    parameters = entry.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise NotParsed(f"{what} must have an object for its parameters, not {name_kind(parameters)}")
    return dict(parameters or {})


def _require_served(parameters: Mapping[str, Any], what: str) -> None:
    for name in _NOT_SERVED:
        if name in parameters:
            raise NotParsed(f"{what} has the parameter {name}, of an extension that the server does not have")


def _flag(parameters: Mapping[str, Any], name: str, what: str) -> bool:
    found = parameters.get(name, False)
    if not isinstance(found, bool):
        raise NotParsed(f"{what} must have true or false for {name}, not {name_kind(found)}")
    return found


def _content_type(parameters: Mapping[str, Any], known: frozenset[str], what: str) -> str | None:
    found = parameters.get(CONTENT_TYPE)
    if found is None:
        return None
    if not isinstance(found, str) or found not in known:
        raise NotParsed(f"{what} has the content type {excerpt(found)}; there are {', '.join(sorted(known))}")
    return found
