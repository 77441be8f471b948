"""The input example of a model: the request body that shows it at work, and the same as typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..errors import MlmodelError
from ..wire.payloads import Table, Tensors
from .example_files import SPARSE_KINDS, dense, document_of, encoded, parted, read_json, serving_name, unwrapped
from .example_rows import payload_of
from .mlmodel import ExampleInfo, Model

_KINDS: Final = frozenset({"dataframe", "ndarray", "json_object"}) | SPARSE_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class InputExample:
    """The input example of one model.

    Attributes:
        body: The exact request that MLflow wrote for it, or the nearest one that is JSON.
        document: What `body` holds, parsed.
        data: The example itself as JSON data, without its envelope and params.
        params: The parameters that it was saved with; empty where there are none.
        payload: The same rows typed by the signature; None where they cannot be told as a table or tensors, such as
            a single value for a model without a signature.
        notes: What had to be mended or does not fit the signature, each a sentence.
    """

    body: bytes
    document: Mapping[str, object]
    data: object
    params: Mapping[str, object] = field(default_factory=dict)
    payload: Table | Tensors | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """A request body with what it holds."""

    text: bytes
    document: Mapping[str, object]
    notes: tuple[str, ...] = ()


def read_example(model: Model) -> InputExample | None:
    """Read the input example, None where the model was saved without one.

    Raises:
        MlmodelError: If its files are missing, or hold nothing that a request can be made of.
    """
    info = model.example_info
    if info is None:
        return None
    if info.kind not in _KINDS:
        raise _unknown_kind(model, info)
    served, notes = _served_body(info)
    data, params, data_notes = _data_of(info, served)
    body = served or _built_body(data, params, info, data_notes)
    schema = None if model.signature is None else model.signature.inputs
    rows = payload_of(dense(data, info), info.kind, schema)
    return InputExample(
        body=body.text,
        document=body.document,
        data=data,
        params=params,
        payload=rows.payload,
        notes=(*notes, *(data_notes if served else ()), *body.notes, *rows.notes),
    )


def example_rows(model: Model) -> Table | Tensors | None:
    """Return the example's rows typed by the signature, None where there are none that a table or tensors can hold.

    Raises:
        MlmodelError: If the example's files are missing, or hold nothing that a request can be made of.
    """
    example = read_example(model)
    return None if example is None else example.payload


def _unknown_kind(model: Model, info: ExampleInfo) -> MlmodelError:
    return MlmodelError(
        f"`saved_input_example_info.type` in MLmodel is {info.kind!r}, which is no type of example",
        facts={"file": model.path / "MLmodel", "field": "saved_input_example_info.type", "known": sorted(_KINDS)},
        fix="Log the model again with input_example=…",
    )


def _served_body(info: ExampleInfo) -> tuple[_Body | None, tuple[str, ...]]:
    """Read the request body that MLflow wrote; None, with a note why, where there is none to use."""
    if info.serving_path is None:
        return None, ()
    made = f"the request is made from {info.path.name}"
    try:
        file = read_json(info.serving_path)
    except MlmodelError as error:
        return None, (f"{error.happened}: {made}",)
    if not isinstance(file.value, dict):
        return None, (f"{info.serving_path.name} holds no JSON object: {made}",)
    return _Body(text=file.text, document=file.value, notes=file.notes), ()


def _data_of(info: ExampleInfo, served: _Body | None) -> tuple[object, Mapping[str, object], tuple[str, ...]]:
    """Read data and params from the example's file, from the request body where that file is of no use."""
    try:
        file = read_json(info.path)
        data, params = parted(file.value, info)
    except MlmodelError as error:
        if served is None:
            raise
        data, params = unwrapped(served.document, info)
        return data, params, (f"{error.happened}: the rows are read from {serving_name(info)}",)
    return data, params, () if served else file.notes


def _built_body(data: object, params: Mapping[str, object], info: ExampleInfo, notes: tuple[str, ...]) -> _Body:
    document = document_of(data, params, info)
    return _Body(text=encoded(document, info), document=document, notes=notes)
