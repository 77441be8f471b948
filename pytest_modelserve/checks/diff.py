"""In which cells a case differs from the input example, which is known to work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..cases import Case, RawBody, Table, Tensors
from ..wire.values import show_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cell that is not as in the example.

    Attributes:
        row: Its row, from 0.
        column: The name of its column, or the place inside its tensor.
        sent: What was sent.
        known: What the first row of the example has there.
        is_known: Whether the example has that column or place.
    """

    row: int
    column: str | int
    sent: object
    known: object = None
    is_known: bool = False


def differences(case: Case, example: Case | None) -> Iterator[Difference]:
    """Yield each cell that differs from the first row of the example; all cells where there is none to compare with."""
    if isinstance(case.payload, Table):
        yield from _of_table(case.payload, known_row(example))
    elif isinstance(case.payload, Tensors):
        yield from _of_tensors(case.payload, example)


def known_row(example: Case | None) -> Mapping[str | int, object]:
    """Return the first row of an example by column; empty where it is no table."""
    if example is None or not isinstance(example.payload, Table) or not example.payload.rows:
        return {}
    return dict(zip(example.payload.columns, example.payload.rows[0], strict=True))


def absent_columns(case: Case, example: Case | None) -> tuple[str | int, ...]:
    """Return the columns of the example that a case leaves out."""
    if not isinstance(case.payload, Table):
        return ()
    sent = case.payload.columns
    return tuple(name for name in known_row(example) if name not in sent)


def n_cells(case: Case) -> int:
    """Return how many cells of a table, or numbers of tensors, a case sends."""
    if isinstance(case.payload, Table):
        return len(case.payload.rows) * len(case.payload.columns)
    if isinstance(case.payload, Tensors):
        return sum(array.size for array in case.payload.arrays.values() if isinstance(array, np.ndarray))
    return 0


def shape_of(case: Case) -> str:
    """Return how large a case is and how it is wrapped, without its values."""
    payload = case.payload
    if isinstance(payload, Table):
        size = f"{_counted(len(payload.rows), 'row')} x {_counted(len(payload.columns), 'column')}"
        return f"{size} in {case.envelope.value}"
    if isinstance(payload, Tensors):
        shapes = ", ".join(f"{name or 'tensor'} {_array_shape(array)}" for name, array in payload.arrays.items())
        return f"{shapes} in {case.envelope.value}"
    if isinstance(payload, RawBody):
        return f"{payload.method} {payload.path}, Content-Type {payload.content_type}, {len(payload.body)} bytes"
    return "a JSON document"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _array_shape(array: object) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype} {array.shape}"
    return f"list of {len(array)}" if isinstance(array, list) else type(array).__name__


def _of_table(table: Table, known: Mapping[str | int, object]) -> Iterator[Difference]:
    for at, row in enumerate(table.rows):
        for name, cell in zip(table.columns, row, strict=False):
            if name not in known:
                yield Difference(row=at, column=name, sent=cell)
            elif repr(cell) != repr(known[name]):
                yield Difference(row=at, column=name, sent=cell, known=known[name], is_known=True)


def _of_tensors(tensors: Tensors, example: Case | None) -> Iterator[Difference]:
    known = example.payload.arrays if example is not None and isinstance(example.payload, Tensors) else {}
    for name, array in tensors.arrays.items():
        first = known.get(name)
        if not isinstance(array, np.ndarray) or not array.ndim:
            continue
        slices = first[0] if isinstance(first, np.ndarray) and first.ndim and len(first) else None
        if slices is None or slices.shape != array.shape[1:]:
            continue  # another shape: its size says what is special
        base = np.broadcast_to(slices, array.shape)
        for place in np.argwhere(_is_other(array, base)):
            index = tuple(int(at) for at in place)
            where = f"{name or ''}[{', '.join(map(str, index[1:]))}]"
            yield Difference(row=index[0], column=where, sent=array[index], known=base[index], is_known=True)


def _is_other(array: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Tell element by element what is another value; NaN is itself, and 0.0 is not -0.0."""
    other = np.asarray(array != base)
    if array.dtype.kind == "f":
        both_nan = np.isnan(array) & np.isnan(base.astype(array.dtype))
        other = (other & ~both_nan) | (np.signbit(array) != np.signbit(base))
        other &= ~both_nan
    return other


def show_difference(cell: Difference) -> str:
    """Return a difference as a line for reading."""
    was = f"{show_value(cell.known)} -> " if cell.is_known else ""
    return f"  row {cell.row}  {cell.column}  {was}{show_value(cell.sent)}"
