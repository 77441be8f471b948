"""From a request of the Open Inference Protocol (V2) to what the model receives, by the model's signature.

The tensors are laid out as a table or as arrays and then held to the signature by the same readers as MLflow's
envelopes: columns go by name in any order, those without names by `input-0`, `input-1` … or else by position; the only
tensor of a schema without names comes under any name; tensors that the signature does not name are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..signature.specs import ColumnSchema, Signature, TensorSchema, TensorSpec
from .columns import enforce_columns
from .envelopes import Envelope, Opened, RawTable
from .errors import NotAllowed, excerpt
from .inputs import ModelInput, read_hinted
from .json_text import parse_json
from .parameters import enforce_params
from .tensors import FlatTensor, enforce_tensors
from .v2_datatypes import is_taken
from .v2_metadata import (
    ARRAY,
    ARRAYS,
    BASE64,
    DATETIME,
    JSON_TEXT,
    TABLE,
    TEXT,
    TensorInfo,
    input_infos,
    output_infos,
)
from .v2_request import InferenceRequest, InputTensor, parse_request
from .v2_untyped import n_rows_in_common, n_rows_of, parse_elements, read_untyped, require_one

_NAMES_SHOWN: Final = 5
_WORDS_FOR: Final[Mapping[str, frozenset[str]]] = {  # of a declared way to write elements, the hints that mean it
    ARRAY: frozenset({ARRAY, TABLE}),
    TEXT: frozenset({TEXT, ARRAY, TABLE}),
    BASE64: frozenset({BASE64}),
    DATETIME: frozenset({DATETIME, TEXT}),
    JSON_TEXT: frozenset({JSON_TEXT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A request that the signature allows.

    Attributes:
        id: What the answer repeats, None where the request has none.
        outputs: The names of the outputs that are wanted, each with whether it is wanted in binary; None for all.
        is_binary: Whether all are wanted in binary, where none is named.
        given: What the model receives.
    """

    id: str | None
    outputs: Mapping[str, bool] | None
    is_binary: bool
    given: ModelInput

    def is_wanted_binary(self, output: str) -> bool:
        """Tell whether an output is wanted in binary."""
        return self.is_binary if self.outputs is None else self.outputs[output]


class InferenceReader:
    """Reads requests for one signature.

    Args:
        signature: What the model declares; None where it declares nothing.
    """

    def __init__(self, signature: Signature | None) -> None:
        self._signature = signature or Signature()
        self._infos = input_infos(self._signature)
        self._params = {spec.name for spec in self._signature.params or ()}
        self._outputs = {info.name for info in output_infos(self._signature)}

    def read(self, body: bytes, tail: bytes) -> ReadRequest:
        """Return what the model receives of a request.

        Args:
            body: Its JSON.
            tail: What stands behind that.

        Raises:
            NotParsed: The body is no request of the protocol.
            NotAllowed: The signature does not allow the data, or has no output of a name that is wanted.
        """
        request = parse_request(parse_json(body, exact_integers=True), tail, declared=self._params)
        if self._outputs:
            require_outputs(request.outputs, self._outputs)
        params = enforce_params(self._signature.params, request.params)
        data, ignored = self._data(request)
        given = ModelInput(data=data, params=params, ignored=(*request.ignored, *ignored))
        return ReadRequest(id=request.id, outputs=request.outputs, is_binary=request.is_binary, given=given)

    def _data(self, request: InferenceRequest) -> tuple[Any, tuple[str, ...]]:
        """Return the model's data, and the names of the tensors that mean nothing to it."""
        schema = self._signature.inputs
        if schema is None:
            return read_untyped(request), ()
        if self._signature.is_from_type_hint:
            _require_content(request, {TABLE, TEXT})
            return read_hinted(schema, Opened(envelope=Envelope.INPUTS, content=self._only(request))), ()
        if isinstance(schema, TensorSchema):
            _require_content(request, {ARRAYS} if schema.is_named else {ARRAY})
            return self._tensors(schema, request)
        _require_content(request, {TABLE})
        enforced = enforce_columns(schema, self._table(schema, request))
        return enforced.table, enforced.ignored

    def _table(self, schema: ColumnSchema, request: InferenceRequest) -> RawTable:
        infos = {info.name: info for info in self._infos}
        labels: dict[str, str | int] = {name: name for name in request.tensors}
        if not schema.is_named and request.tensors.keys() == infos.keys():
            labels = {info.name: at for at, info in enumerate(self._infos)}
        elif not schema.is_named:
            if len(request.tensors) != len(infos):
                raise NotAllowed(f"The model takes {len(infos)} inputs, the request has {len(request.tensors)}")
            labels = {name: at for at, name in enumerate(request.tensors)}
            self._require_no_name_elsewhere(request)
            infos = dict(zip(request.tensors, self._infos, strict=True))
        columns = {
            labels[name]: _cells(tensor, infos[name]) if name in infos else tensor.values
            for name, tensor in request.tensors.items()
        }
        n_rows = n_rows_in_common(tensor for name, tensor in request.tensors.items() if name in infos)
        return RawTable(columns=columns, n_rows=n_rows)

    def _require_no_name_elsewhere(self, request: InferenceRequest) -> None:
        """Refuse names of the metadata in other places than theirs: whether name or place counts, none can tell."""
        places = {info.name: at for at, info in enumerate(self._infos)}
        for at, name in enumerate(request.tensors):
            if places.get(name, at) != at:
                told = f"stands at place {at} among others that the metadata does not name; by its name its place is"
                raise NotAllowed(f"The input {excerpt(name)} {told} {places[name]}", tensor=name)

    def _only(self, request: InferenceRequest) -> list[Any]:
        """Return the cells of the only tensor."""
        tensor = require_one(request)
        n_rows_of(tensor)
        return _cells(tensor, self._infos[0])

    def _tensors(self, schema: TensorSchema, request: InferenceRequest) -> tuple[Any, tuple[str, ...]]:
        if not schema.is_named:
            tensor = require_one(request)
            return enforce_tensors(schema, {None: _laid_out(tensor, schema.tensors[0], self._infos[0])}), ()
        tensors: dict[str | None, FlatTensor] = {
            info.name: _laid_out(request.tensors[info.name], spec, info)
            for spec, info in zip(schema.tensors, self._infos, strict=True)
            if info.name in request.tensors
        }
        ignored = tuple(name for name in request.tensors if name not in tensors)
        return enforce_tensors(schema, tensors), ignored


def require_outputs(wanted: Iterable[str] | None, known: set[str]) -> None:
    """Make sure that the model has each output that is wanted.

    Raises:
        NotAllowed: It has not.
    """
    for name in wanted or ():
        if name not in known:
            told = ", ".join(map(excerpt, sorted(known)[:_NAMES_SHOWN]))
            raise NotAllowed(f"The model has no output {excerpt(name)}; it has {told}", tensor=name[:80])


def _require_content(request: InferenceRequest, taken: set[str]) -> None:
    if request.content_type is not None and request.content_type not in taken:
        told = f"the model's signature makes it {' or '.join(sorted(taken))}"
        raise NotAllowed(f"The request has the content type {excerpt(request.content_type)}; {told}")


def _cells(tensor: InputTensor, info: TensorInfo) -> list[Any]:
    """Return the elements of a tensor as JSON values of the declared type; their reader has the last word."""
    what = f"The input {excerpt(tensor.name)}"
    if not is_taken(tensor.datatype, info.datatype):
        told = f"has the datatype {tensor.datatype.value}; the model takes {info.datatype.value}"
        raise NotAllowed(f"{what} {told}", tensor=tensor.name[:80])
    hint = tensor.content_type
    if hint == JSON_TEXT:
        return parse_elements(tensor)
    if hint is not None and hint not in _WORDS_FOR[info.content_type]:
        told = f"has the content type {excerpt(hint)}; the model takes {info.content_type}"
        raise NotAllowed(f"{what} {told}", tensor=tensor.name[:80])
    return parse_elements(tensor) if info.content_type == JSON_TEXT else tensor.values


def _laid_out(tensor: InputTensor, spec: TensorSpec, info: TensorInfo) -> FlatTensor:
    """Return the elements of a tensor and its own shape, once that is one that the model takes."""
    is_shaped = len(tensor.shape) == len(spec.shape) and all(
        wanted in {-1, size} for wanted, size in zip(spec.shape, tensor.shape, strict=True)
    )
    if not is_shaped:
        told = f"has shape {list(tensor.shape)}; the model takes shape {list(spec.shape)}"
        raise NotAllowed(f"The input {excerpt(tensor.name)} {told}", tensor=tensor.name[:80])
    return FlatTensor(_cells(tensor, info), tensor.shape)
