"""The two files of an input example: the example as it was given, and the request body that MLflow made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from ..errors import MlmodelError
from ..wire.payloads import Envelope
from .mlmodel import ExampleInfo

LLM_KEYS: Final = frozenset({"messages", "prompt", "input"})  # such a top-level key makes MLflow take the body whole
_MAX_DENSE_CELLS: Final = 10_000_000  # a body beyond this is no example any more, but a load test
_BARE_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')  # texts are matched first, to be left alone
SPARSE_KINDS: Final = frozenset({"sparse_matrix_csr", "sparse_matrix_csc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFile:
    """A JSON file, mended where MLflow wrote NaN or Infinity into it."""

    text: bytes
    value: object
    notes: tuple[str, ...] = ()


def read_json(file: Path) -> JsonFile:
    """Read a JSON file; NaN and Infinity, which are no JSON, become null with a note.

    Raises:
        MlmodelError: If it cannot be read, or is no JSON for another reason.
    """
    bare: list[str] = []
    try:
        raw = file.read_bytes()
        value = json.loads(raw.decode("utf-8"), parse_constant=bare.append)
    except OSError as error:
        raise broken_file(file, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8, no JSON, or an integer of 4,301 digits
        raise broken_file(file, f"is no JSON: {error}") from error
    if not bare:
        return JsonFile(text=raw, value=value)
    names = " and ".join(sorted(set(bare)))
    mended = _BARE_TOKEN.sub(lambda match: "null" if match[1] else match[0], raw.decode("utf-8"))
    note = f"{file.name} holds {names}, which is no JSON: sent as null in {len(bare)} place{'s' * (len(bare) > 1)}"
    return JsonFile(text=mended.encode(), value=value, notes=(note,))


def broken_file(file: Path, reason: str) -> MlmodelError:
    """Return the error for a file that is of no use; the caller raises it."""
    return MlmodelError(
        f"{file.name} {reason}", facts={"file": file}, fix="Log the model again with input_example=…, or mend the file."
    )


def serving_name(info: ExampleInfo) -> str:
    """Return the name of the file with the request body, for messages."""
    return "serving_input_example.json" if info.serving_path is None else info.serving_path.name


def parted(content: object, info: ExampleInfo) -> tuple[object, Mapping[str, object]]:
    """Part the content of the example's file into data and params.

    Raises:
        MlmodelError: If they are not there, although MLmodel says that they are.
    """
    value, params = content, {}
    if info.has_params:
        if not isinstance(content, dict) or not {"inputs", "params"} <= content.keys():
            raise broken_file(info.path, "holds no `inputs` and `params`, which MLmodel says it does")
        value, params = content["inputs"], content["params"]
    if info.is_tf_serving and isinstance(value, dict) and len(value) == 1 and value.keys() <= {"inputs", "instances"}:
        (value,) = value.values()
    if not isinstance(params, dict):
        raise broken_file(info.path, f"holds params that are no mapping: {params!r}")
    return value, params


def unwrapped(document: Mapping[str, object], info: ExampleInfo) -> tuple[object, Mapping[str, object]]:
    """Take data and params out of a request body.

    Raises:
        MlmodelError: If it has no envelope that MLflow writes.
    """
    params = document.get("params")
    for envelope in (Envelope.DATAFRAME_SPLIT, Envelope.INPUTS, Envelope.INSTANCES):
        if envelope.value in document:
            return document[envelope.value], params if isinstance(params, dict) else {}
    if LLM_KEYS & document.keys():
        return document, {}
    raise broken_file(info.path, f"is of no use, and {serving_name(info)} has no envelope to read the rows from")


def document_of(data: object, params: Mapping[str, object], info: ExampleInfo) -> Mapping[str, object]:
    """Wrap an example as MLflow would; see `mlflow.models.utils._Example`."""
    if info.kind == "json_object" and isinstance(data, dict) and LLM_KEYS & data.keys():
        return {**data, **params}
    envelope = Envelope.DATAFRAME_SPLIT if info.kind == "dataframe" else Envelope.INPUTS
    document: dict[str, object] = {envelope.value: dense(data, info)}
    return {**document, "params": params} if params else document


def encoded(document: Mapping[str, object], info: ExampleInfo) -> bytes:
    """Return a request body as JSON.

    Raises:
        MlmodelError: If it holds a number that a double cannot.
    """
    try:
        return json.dumps(document, allow_nan=False).encode()
    except ValueError as error:  # 1e400 is JSON, and an infinity once it is read
        raise broken_file(info.path, "holds a number beyond the largest double") from error


def dense(data: object, info: ExampleInfo) -> object:
    """Return a sparse matrix as a list of rows, anything else as it is.

    Raises:
        MlmodelError: If it is no sparse matrix, or too large.
    """
    if info.kind not in SPARSE_KINDS or not isinstance(data, dict):
        return data
    try:
        n_rows, n_columns = (int(size) for size in data["shape"])
        values, indices, indptr = data["data"], data["indices"], data["indptr"]
        if n_rows * n_columns > _MAX_DENSE_CELLS:
            raise broken_file(info.path, f"is a sparse matrix of {n_rows} x {n_columns}, too large to send")
        rows = [[0.0] * n_columns for _ in range(n_rows)]
        by_row = info.kind == "sparse_matrix_csr"
        for major, (start, end) in enumerate(pairwise(indptr)):
            for minor, value in zip(indices[start:end], values[start:end], strict=True):
                row, column = (major, minor) if by_row else (minor, major)
                rows[row][column] = value
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise broken_file(info.path, f"is no sparse matrix: {error!r}") from error
    return rows
