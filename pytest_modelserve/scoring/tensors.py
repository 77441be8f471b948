"""Nested lists as the tensors that a schema declares: rank, every dimension, and every value by its dtype."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np

from ..signature.specs import TensorSchema, TensorSpec
from .envelopes import RawTable
from .errors import NotAllowed, excerpt, name_kind
from .scalars import Misfit, read_binaries, read_booleans, read_datetimes, read_integers, read_numbers, read_strings

_PADDED_BYTES: Final = 1 << 26  # that any texts may fill: below 64 MB nobody is hurt
_PADDED_TIMES: Final = 16  # the texts' own size, beyond which most of an array of fixed width is padding

Tensor: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"


@dataclass(frozen=True, slots=True)
class FlatTensor:
    """A tensor whose shape is told beside its values: nested lists cannot tell what stands below an empty one.

    Attributes:
        values: The elements as JSON values, row by row.
        shape: The size of each dimension; their product is the number of values.
    """

    values: Sequence[Any]
    shape: tuple[int, ...]


def enforce_tensors(schema: TensorSchema, nested: Mapping[str | None, Any]) -> Tensor | dict[str, Tensor]:
    """Return the tensors that the model receives: one array, or a dict of them where they have names.

    Args:
        schema: What the model takes.
        nested: Nested lists, or a `FlatTensor` of the declared rank, by tensor name; None for the only one of an
            unnamed schema.

    Raises:
        NotAllowed: A tensor is missing, of another shape, or holds a value that its dtype does not; the tensors
            whose first dimension is free differ in it.
    """
    tensors = {spec.name: _enforce_tensor(spec, _require(spec, nested)) for spec in schema.tensors}
    if not schema.is_named:
        return tensors[None]
    batches = {spec.name: len(tensors[spec.name]) for spec in schema.tensors if spec.shape[:1] == (-1,)}
    if len(set(batches.values())) > 1:
        sizes = ", ".join(f"{excerpt(name)} {size}" for name, size in batches.items())
        raise NotAllowed(f"The tensors of one request differ in their first dimension: {sizes}")
    return {str(name): tensor for name, tensor in tensors.items()}


def nest_table(schema: TensorSchema, raw: RawTable) -> dict[str | None, Any]:
    """Return the nested lists that a table stands for: a column for each named tensor, or the rows of the only one.

    Raises:
        NotAllowed: The only tensor has no name, and neither have the table's several columns an order.
    """
    if schema.is_named:
        return {str(label): list(cells) for label, cells in raw.columns.items()}
    columns = list(raw.columns.values())
    if len(columns) == 1:
        (spec,), (cells,) = schema.tensors, columns
        if len(spec.shape) != 2 or list in set(map(type, cells)):
            return {None: list(cells)}
    if not raw.is_ordered:
        columns = [raw.columns[label] for label in _ordered_labels(raw)]
    return {None: list(map(list, zip(*columns, strict=True))) if columns else [[] for _ in range(raw.n_rows)]}


def _ordered_labels(raw: RawTable) -> list[str]:
    labels = [str(at) for at in range(len(raw.columns))]
    if raw.columns.keys() != set(labels):
        raise NotAllowed('JSON keys have no order: call the columns of a tensor "0", "1", … or send dataframe_split')
    return labels


def _require(spec: TensorSpec, nested: Mapping[str | None, Any]) -> Any:  # noqa: ANN401 - JSON
    if spec.name not in nested:
        found = ", ".join(excerpt(name) for name in list(nested)[:5]) or "none"
        raise NotAllowed(f"The tensor {excerpt(spec.name)} is missing; the request has {found}", tensor=spec.name)
    return nested[spec.name]


def _enforce_tensor(spec: TensorSpec, nested: object) -> Tensor:
    what = "The tensor" if spec.name is None else f"Tensor {excerpt(spec.name)}"
    details: dict[str, object] = {} if spec.name is None else {"tensor": spec.name}
    try:
        flat, shape = (nested.values, nested.shape) if isinstance(nested, FlatTensor) else _flatten(spec, nested)
    except _WrongShape as wrong:
        raise NotAllowed(f"{what} {wrong}; the model takes shape {_text(spec.shape)}", **details) from None
    if any(wanted not in {-1, size} for wanted, size in zip(spec.shape, shape, strict=True)):
        raise NotAllowed(f"{what} has shape {_text(shape)}; the model takes shape {_text(spec.shape)}", **details)
    try:
        return _read_flat(np.dtype(spec.dtype), flat).reshape(shape)
    except Misfit as misfit:
        place = [int(at) for at in np.unravel_index(misfit.at, shape)]
        details["place"] = place
        raise NotAllowed(f"{what}, at {place}, {misfit.reason}", **details) from None


class _WrongShape(Exception):
    pass


def _flatten(spec: TensorSpec, nested: object) -> tuple[list[Any], tuple[int, ...]]:
    """Return the values and the shape; dimensions below an empty one are taken from the declared shape."""
    level: list[Any] = [nested]
    shape: list[int] = []
    for depth, declared in enumerate(spec.shape):
        if not level:
            shape.append(max(declared, 0))
            continue
        if set(map(type, level)) != {list}:
            stray = next(value for value in level if type(value) is not list)
            raise _WrongShape(f"has {name_kind(stray)} at depth {depth}, where a list must be")
        sizes = set(map(len, level))
        if len(sizes) > 1:
            raise _WrongShape(f"is ragged: lists of {min(sizes)} and {max(sizes)} values at depth {depth}")
        shape.append(sizes.pop())
        level = list(chain.from_iterable(level))
    if spec.dtype != "object" and list in set(map(type, level)):
        raise _WrongShape(f"has a list at depth {len(spec.shape)}, where a value must be")
    return level, tuple(shape)


def _read_flat(dtype: np.dtype[Any], flat: Sequence[Any]) -> Tensor:
    return _READERS[dtype.kind](dtype, flat)


def _read_objects(_dtype: np.dtype[Any], flat: Sequence[Any]) -> Tensor:
    cells = np.empty(len(flat), dtype=object)
    for at, value in enumerate(flat):  # one by one: NumPy would take lists in it for dimensions
        cells[at] = value
    return cells


def _read_durations(dtype: np.dtype[Any], flat: Sequence[Any]) -> Tensor:
    """Return durations or instants from counts of the dtype's unit; the smallest count stands for NaT."""
    counts = np.asarray(read_integers(flat, "int64"))
    if counts.size and int(counts.min()) == np.iinfo(np.int64).min:
        at = int(counts.argmin())
        raise Misfit(at, f"is {excerpt(flat[at])}, which {dtype.name} does not hold")
    return counts.astype(dtype)


def _read_floats(dtype: np.dtype[Any], flat: Sequence[Any]) -> Tensor:
    """Return floats, or the complex numbers that they are the real part of: JSON has no others."""
    return np.asarray(read_numbers(flat, dtype.name))


def _read_instants(dtype: np.dtype[Any], flat: Sequence[Any]) -> Tensor:
    """Return instants from ISO 8601 texts, or all from counts of the dtype's unit since 1970, as MLflow writes them."""
    if set(map(type, flat)) == {int}:
        return _read_durations(dtype, flat)
    exact = np.asarray(read_datetimes(flat))
    cells = exact.astype(dtype)
    changed = (cells.astype(exact.dtype) != exact) & ~np.isnat(exact)
    if changed.any():
        at = int(changed.argmax())
        raise Misfit(at, f"is {excerpt(flat[at])}, finer than {dtype.name}")
    return cells


def _read_texts(dtype: np.dtype[Any], flat: Sequence[Any]) -> Tensor:
    """Return fixed-width texts or bytes, which NumPy ends at their last character that is not NUL."""
    if None in flat:
        raise Misfit(flat.index(None), f"is null, which {dtype.name} does not hold")
    read: list[Any] = list(read_strings(flat) if dtype.kind == "U" else read_binaries(flat))
    nul = "\0" if dtype.kind == "U" else b"\0"
    for at, value in enumerate(read):
        if value.endswith(nul):
            raise Misfit(at, f"is {excerpt(flat[at])}, which ends in NUL; {dtype.name} tensors lose that")
    if is_padded_beyond_reason(read):
        longest = max(range(len(read)), key=lambda at: len(read[at]))
        told = f"is {len(read[longest])} long, to which {dtype.name} tensors pad each of {len(read)} values"
        raise Misfit(longest, f"{told}; send it with fewer others")
    return np.array(read, dtype=dtype.kind)


_READERS: Final[Mapping[str, Callable[[np.dtype[Any], Sequence[Any]], Tensor]]] = {
    "O": _read_objects,
    "b": lambda _dtype, flat: np.asarray(read_booleans(flat)),
    "i": lambda dtype, flat: np.asarray(read_integers(flat, dtype.name)),
    "u": lambda dtype, flat: np.asarray(read_integers(flat, dtype.name)),
    "f": _read_floats,
    "c": _read_floats,
    "M": _read_instants,
    "m": _read_durations,
    "U": _read_texts,
    "S": _read_texts,
}


def is_padded_beyond_reason(texts: Sequence[str] | Sequence[bytes]) -> bool:
    """Tell whether an array of fixed width, as long as the longest text, would be far larger than the texts are.

    One text of a megabyte among 200,000 short ones asks for 800 GB.
    """
    width = max(map(len, texts), default=0)
    unit = 4 if texts and isinstance(texts[0], str) else 1  # bytes a character, in NumPy
    n_bytes = unit * width * len(texts)
    return n_bytes > _PADDED_BYTES and n_bytes > _PADDED_TIMES * unit * sum(map(len, texts))


def _text(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"
