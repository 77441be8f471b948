"""The input example of a model: the request body that shows it at work, and the same as typed rows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from ..errors import MlmodelError
from ..wire.payloads import Envelope, Table, Tensors
from .example_rows import payload_of
from .mlmodel import ExampleInfo, Model

_LLM_KEYS: Final = frozenset({"messages", "prompt", "input"})  # such a top-level key makes MLflow take the body whole

_SPARSE_KINDS: Final = frozenset({"sparse_matrix_csr", "sparse_matrix_csc"})
_KINDS: Final = frozenset({"dataframe", "ndarray", "json_object"}) | _SPARSE_KINDS
_MAX_DENSE_CELLS: Final = 10_000_000  # a body beyond this is no example any more, but a load test
_BARE_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')  # texts are matched first, to be left alone


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
class _JsonFile:
    """A JSON file, mended where MLflow wrote NaN or Infinity into it."""

    text: bytes
    value: object
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
    rows = payload_of(_dense(data, info), info.kind, schema)
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


def _serving_name(info: ExampleInfo) -> str:
    """Return the name of the file with the request body, for messages."""
    return "serving_input_example.json" if info.serving_path is None else info.serving_path.name


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
        file = _read_json(info.serving_path)
    except MlmodelError as error:
        return None, (f"{error.happened}: {made}",)
    if not isinstance(file.value, dict):
        return None, (f"{info.serving_path.name} holds no JSON object: {made}",)
    return _Body(text=file.text, document=file.value, notes=file.notes), ()


def _data_of(info: ExampleInfo, served: _Body | None) -> tuple[object, Mapping[str, object], tuple[str, ...]]:
    """Read data and params from the example's file, from the request body where that file is of no use."""
    try:
        file = _read_json(info.path)
        data, params = _parted(file.value, info)
    except MlmodelError as error:
        if served is None:
            raise
        data, params = _unwrapped(served.document, info)
        return data, params, (f"{error.happened}: the rows are read from {_serving_name(info)}",)
    return data, params, () if served else file.notes


def _built_body(data: object, params: Mapping[str, object], info: ExampleInfo, notes: tuple[str, ...]) -> _Body:
    document = _document(data, params, info)
    return _Body(text=_encoded(document, info), document=document, notes=notes)


def _read_json(file: Path) -> _JsonFile:
    """Read a JSON file; NaN and Infinity, which are no JSON, become null with a note.

    Raises:
        MlmodelError: If it cannot be read, or is no JSON for another reason.
    """
    bare: list[str] = []
    try:
        raw = file.read_bytes()
        value = json.loads(raw.decode("utf-8"), parse_constant=bare.append)
    except OSError as error:
        raise _broken(file, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8, no JSON, or an integer of 4,301 digits
        raise _broken(file, f"is no JSON: {error}") from error
    if not bare:
        return _JsonFile(text=raw, value=value)
    names = " and ".join(sorted(set(bare)))
    mended = _BARE_TOKEN.sub(lambda match: "null" if match[1] else match[0], raw.decode("utf-8"))
    note = f"{file.name} holds {names}, which is no JSON: sent as null in {len(bare)} place{'s' * (len(bare) > 1)}"
    return _JsonFile(text=mended.encode(), value=value, notes=(note,))


def _broken(file: Path, reason: str) -> MlmodelError:
    return MlmodelError(
        f"{file.name} {reason}", facts={"file": file}, fix="Log the model again with input_example=…, or mend the file."
    )


def _parted(content: object, info: ExampleInfo) -> tuple[object, Mapping[str, object]]:
    """Part the content of the example's file into data and params."""
    value, params = content, {}
    if info.has_params:
        if not isinstance(content, dict) or not {"inputs", "params"} <= content.keys():
            raise _broken(info.path, "holds no `inputs` and `params`, which MLmodel says it does")
        value, params = content["inputs"], content["params"]
    if info.is_tf_serving and isinstance(value, dict) and len(value) == 1 and value.keys() <= {"inputs", "instances"}:
        (value,) = value.values()
    if not isinstance(params, dict):
        raise _broken(info.path, f"holds params that are no mapping: {params!r}")
    return value, params


def _unwrapped(document: Mapping[str, object], info: ExampleInfo) -> tuple[object, Mapping[str, object]]:
    """Take data and params out of a request body."""
    params = document.get("params")
    for envelope in (Envelope.DATAFRAME_SPLIT, Envelope.INPUTS, Envelope.INSTANCES):
        if envelope.value in document:
            return document[envelope.value], params if isinstance(params, dict) else {}
    if _LLM_KEYS & document.keys():
        return document, {}
    raise _broken(info.path, f"is of no use, and {_serving_name(info)} has no envelope to read the rows from")


def _document(data: object, params: Mapping[str, object], info: ExampleInfo) -> Mapping[str, object]:
    """Wrap an example as MLflow would; see `mlflow.models.utils._Example`."""
    if info.kind == "json_object" and isinstance(data, dict) and _LLM_KEYS & data.keys():
        return {**data, **params}
    envelope = Envelope.DATAFRAME_SPLIT if info.kind == "dataframe" else Envelope.INPUTS
    document: dict[str, object] = {envelope.value: _dense(data, info)}
    return {**document, "params": params} if params else document


def _encoded(document: Mapping[str, object], info: ExampleInfo) -> bytes:
    try:
        return json.dumps(document, allow_nan=False).encode()
    except ValueError as error:  # 1e400 is JSON, and an infinity once it is read
        raise _broken(info.path, "holds a number beyond the largest double") from error


def _dense(data: object, info: ExampleInfo) -> object:
    """Return a sparse matrix as a list of rows, anything else as it is."""
    if info.kind not in _SPARSE_KINDS or not isinstance(data, dict):
        return data
    try:
        n_rows, n_columns = (int(size) for size in data["shape"])
        values, indices, indptr = data["data"], data["indices"], data["indptr"]
        if n_rows * n_columns > _MAX_DENSE_CELLS:
            raise _broken(info.path, f"is a sparse matrix of {n_rows} x {n_columns}, too large to send")
        rows = [[0.0] * n_columns for _ in range(n_rows)]
        by_row = info.kind == "sparse_matrix_csr"
        for major, (start, end) in enumerate(pairwise(indptr)):
            for minor, value in zip(indices[start:end], values[start:end], strict=True):
                row, column = (major, minor) if by_row else (minor, major)
                rows[row][column] = value
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _broken(info.path, f"is no sparse matrix: {error!r}") from error
    return rows
