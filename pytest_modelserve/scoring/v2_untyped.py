"""What a model without an input signature receives of a request of the Open Inference Protocol (V2).

`content_type` in the request's parameters says it, since nothing else does: `pd` a table, `np` an array, `dict` arrays
by name, `str` a list of texts. Elements have the type of their datatype, those of `BYTES` of their own content type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from ..runtime.frames import ColumnValue, Storage, TableValue
from .errors import NotAllowed, NotParsed, excerpt
from .json_text import parse_json
from .scalars import Misfit, read_binaries, read_datetimes
from .tensors import is_padded_beyond_reason
from .v2_datatypes import Datatype
from .v2_metadata import ARRAY, ARRAYS, BASE64, CONTENT_TYPE, DATETIME, JSON_TEXT, TABLE, TEXT
from .v2_request import InferenceRequest, InputTensor

_NAMES_SHOWN: Final = 5
_STORAGES: Final[Mapping[str | None, Storage]] = {BASE64: Storage.BYTES, JSON_TEXT: Storage.NESTED}


def require_one(request: InferenceRequest) -> InputTensor:
    """Return the only tensor of a request.

    Raises:
        NotAllowed: There are several.
    """
    if len(request.tensors) > 1:
        raise NotAllowed(f"The model takes one input, the request has {len(request.tensors)}")
    return next(iter(request.tensors.values()))


def n_rows_of(tensor: InputTensor) -> int:
    """Return how many rows a tensor has as a column.

    Raises:
        NotAllowed: It has the shape of no column.
    """
    if len(tensor.shape) not in {1, 2} or tensor.shape[1:] not in {(), (1,)}:
        told = f"has shape {list(tensor.shape)}; a column has [rows] or [rows, 1]"
        raise NotAllowed(f"The input {excerpt(tensor.name)} {told}", tensor=tensor.name[:80])
    return tensor.shape[0]


def n_rows_in_common(tensors: Iterable[InputTensor]) -> int:
    """Return how many rows tensors have as columns of one table, 0 where there are none.

    Raises:
        NotAllowed: They differ in it, or one has the shape of no column.
    """
    rows = {tensor.name: n_rows_of(tensor) for tensor in tensors}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{excerpt(name)} {size}" for name, size in list(rows.items())[:_NAMES_SHOWN])
        raise NotAllowed(f"The inputs of one request differ in their number of rows: {told}")
    return next(iter(rows.values()), 0)


def parse_elements(tensor: InputTensor) -> list[Any]:
    """Return the JSON values of which the elements of a tensor are the texts; null stays null.

    Raises:
        NotAllowed: The elements are no texts.
        NotParsed: One is no JSON.
    """
    if tensor.datatype is not Datatype.BYTES:
        told = f"has the content type {JSON_TEXT}, which needs the datatype BYTES"
        raise NotAllowed(f"The input {excerpt(tensor.name)} {told}", tensor=tensor.name[:80])
    return [None if text is None else _parsed(tensor, at, text) for at, text in enumerate(tensor.values)]


def _parsed(tensor: InputTensor, at: int, text: str) -> object:
    try:
        return parse_json(text.encode(), exact_integers=True)
    except NotParsed as broken:
        told = f"element {at}, {broken.message.replace('The body is', 'is')}"
        raise NotParsed(f"The input {excerpt(tensor.name)}, {told}", tensor=tensor.name[:80], element=at) from None


def read_untyped(request: InferenceRequest) -> object:
    """Return what a model without an input signature receives.

    Raises:
        NotAllowed: The request does not say what that is, or the tensors do not fit it.
        NotParsed: An element is not the JSON text that the tensor's content type says it is.
    """
    content = request.content_type
    if content == TABLE:
        columns = tuple(_untyped_column(tensor) for tensor in request.tensors.values())
        return TableValue(columns, n_rows_in_common(request.tensors.values()))
    if content == ARRAYS:
        return {name: _untyped_array(tensor) for name, tensor in request.tensors.items()}
    if content == ARRAY:
        return _untyped_array(require_one(request))
    if content == TEXT:
        tensor = require_one(request)
        if tensor.datatype is not Datatype.BYTES:
            raise NotAllowed(f"The input {excerpt(tensor.name)} has the datatype {tensor.datatype.value}, and no texts")
        return tensor.values
    told = f"set {CONTENT_TYPE} in the request's parameters to {TABLE}, {ARRAY}, {ARRAYS} or {TEXT}"
    raise NotAllowed(f"The model has no input signature that tells what it receives: {told}")


def _untyped_cells(tensor: InputTensor) -> np.ndarray[Any, np.dtype[Any]] | list[Any]:
    """Return the elements as their datatype and content type tell; a list for texts and what is nested."""
    if tensor.datatype is not Datatype.BYTES:
        if tensor.content_type not in {None, ARRAY, TABLE}:
            told = f"has the content type {excerpt(tensor.content_type)}, which needs the datatype BYTES"
            raise NotAllowed(f"The input {excerpt(tensor.name)} {told}", tensor=tensor.name[:80])
        if tensor.datatype.dtype.kind != "f" and None in tensor.values:
            told = f"is null, which {tensor.datatype.value} does not hold"
            raise NotAllowed(f"The input {excerpt(tensor.name)}, element {tensor.values.index(None)}, {told}")
        return np.array(tensor.values, dtype=tensor.datatype.dtype)
    try:
        if tensor.content_type == BASE64:
            return list(read_binaries(tensor.values))
        if tensor.content_type == DATETIME:
            return read_datetimes(tensor.values)
    except Misfit as misfit:
        told = f"The input {excerpt(tensor.name)}, element {misfit.at}, {misfit.reason}"
        raise NotAllowed(told, tensor=tensor.name[:80], element=misfit.at) from None
    return parse_elements(tensor) if tensor.content_type == JSON_TEXT else tensor.values


def _untyped_column(tensor: InputTensor) -> ColumnValue:
    cells = _untyped_cells(tensor)
    if isinstance(cells, np.ndarray):
        return ColumnValue(tensor.name, Storage.ARRAY, cells)
    return ColumnValue(tensor.name, _STORAGES.get(tensor.content_type, Storage.TEXT), cells)


def _untyped_array(tensor: InputTensor) -> np.ndarray[Any, np.dtype[Any]]:
    cells = _untyped_cells(tensor)
    if isinstance(cells, np.ndarray):
        return cells.reshape(tensor.shape)
    is_text = all(type(cell) is str and not cell.endswith("\0") for cell in cells)  # NumPy's own text ends before NUL
    if is_text and not is_padded_beyond_reason(cells):
        return np.array(cells, dtype=np.str_).reshape(tensor.shape)
    array = np.empty(len(cells), dtype=object)
    for at, cell in enumerate(cells):  # one by one: NumPy would take sequences in it for dimensions
        array[at] = cell
    return array.reshape(tensor.shape)
