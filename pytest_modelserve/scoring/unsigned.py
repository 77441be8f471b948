"""What a model without an input signature receives: the types that JSON itself tells, nothing cast to fit.

| values | in a table | in an array |
|---|---|---|
| all true or false | bool | bool |
| all integers within int64, or within uint64 | int64, uint64 | int64, uint64 |
| numbers, integers among them up to 2**53 | float64, null is NaN | float64 |
| all strings | text, null is None | str, object where one ends in NUL or is far longer than the others |
| anything else, integers beyond 64 bits too | Python values as they are | object |

`dataframe_split` and `dataframe_records` become a table; `inputs` an array, a dict of arrays for an object, the list
itself for a list of objects; `instances` the same, but a dict of arrays for a list of objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..runtime.frames import ColumnValue, Storage, TableValue
from .envelopes import ABSENT, Envelope, Opened, RawTable, read_records, read_split
from .errors import NotParsed, excerpt
from .scalars import WIDEST_EXACT
from .tensors import Tensor, is_padded_beyond_reason

_NULL = type(None)


def read_unsigned(opened: Opened) -> object:
    """Return what a model without an input signature receives.

    Raises:
        NotParsed: The content does not have the envelope's form, is ragged, or its records differ in their keys.
    """
    content = opened.content
    if opened.envelope is Envelope.DATAFRAME_SPLIT:
        return infer_table(read_split(content))
    if opened.envelope is Envelope.DATAFRAME_RECORDS:
        return infer_table(read_records(content, envelope=opened.envelope))
    if isinstance(content, dict):
        return {name: infer_array(value, name) for name, value in content.items()}
    if isinstance(content, list) and set(map(type, content)) == {dict}:
        if opened.envelope is Envelope.INPUTS:
            return content
        raw = read_records(content, envelope=opened.envelope)
        _require_full(raw)
        return {str(name): infer_array(list(cells), str(name)) for name, cells in raw.columns.items()}
    return infer_array(content, opened.envelope.value)


def infer_table(raw: RawTable) -> TableValue:
    """Return a table with the types that its values tell; a cell that a record leaves out is null."""
    columns = tuple(
        _infer_column(name, [None if cell is ABSENT else cell for cell in cells] if name in raw.lacking else cells)
        for name, cells in raw.columns.items()
    )
    return TableValue(columns, raw.n_rows, raw.index)


def _infer_column(name: str | int, cells: Sequence[Any]) -> ColumnValue:
    kinds = set(map(type, cells))
    if kinds and kinds <= {str, _NULL} and kinds != {_NULL}:
        return ColumnValue(name, Storage.TEXT, list(cells))
    array = _infer_numbers(cells, kinds)
    return ColumnValue(name, Storage.NESTED, list(cells)) if array is None else ColumnValue(name, Storage.ARRAY, array)


def infer_array(nested: object, name: str) -> Tensor:
    """Return nested lists as an array with the dtype that its values tell.

    Raises:
        NotParsed: The lists are ragged.
    """
    level: list[Any] = [nested]
    shape: list[int] = []
    while list in (kinds := set(map(type, level))):
        sizes = set(map(len, level)) if kinds == {list} else set()
        if len(sizes) != 1:
            raise NotParsed(f"{excerpt(name)} is ragged at depth {len(shape)}; an array has lists of one length")
        shape.append(sizes.pop())
        level = list(chain.from_iterable(level))
    return _infer_flat(level).reshape(shape)


def _infer_flat(flat: list[Any]) -> Tensor:
    kinds = set(map(type, flat))
    if kinds == {str} and not any(value.endswith("\0") for value in flat) and not is_padded_beyond_reason(flat):
        return np.array(flat, dtype=np.str_)
    array = None if _NULL in kinds else _infer_numbers(flat, kinds)
    if array is None:
        array = np.empty(len(flat), dtype=object)
        for at, value in enumerate(flat):  # one by one: NumPy would take sequences in it for dimensions
            array[at] = value
    return array


def _infer_numbers(values: Sequence[Any], kinds: set[type]) -> Tensor | None:
    """Return an array that holds the values exactly, None where no type of numbers or booleans does."""
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds == {int}:
        return _infer_integers(values)
    if not kinds <= {int, float, _NULL} or kinds == {_NULL}:
        return None
    if any(type(value) is int and abs(value) > WIDEST_EXACT for value in values):
        return None
    return np.array(values, dtype=np.float64)


def _infer_integers(values: Sequence[int]) -> Tensor | None:
    for dtype in (np.int64, np.uint64):
        limits = np.iinfo(dtype)
        if min(values) >= limits.min and max(values) <= limits.max:
            return np.array(values, dtype=dtype)
    return None


def _require_full(raw: RawTable) -> None:
    for name in raw.lacking:
        row = raw.columns[name].index(ABSENT)
        raise NotParsed(f"Row {row} of instances lacks {excerpt(name)}, which other rows have", row=row)
