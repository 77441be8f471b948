"""The rows of a request as requests of their own, and rows of several as one request."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from ..cases import Case, Table, Tensors

NUDGE: Final = 1e-12  # relative: what a sum in another order may be off by


def row_cases_of(case: Case, most: int) -> Iterator[Case]:
    """Yield each row of a case as a case of its own."""
    for at in range(min(case.n_rows or 0, most)):
        one = of_rows(case, (at,))
        if one is not None:
            yield replace(one, label=f"row {at} of {case.label or 'the input example'}")


def of_rows(case: Case, rows: Sequence[int]) -> Case | None:
    """Return a case with some of its rows, in the order in which they are named; None where it has no rows."""
    payload = case.payload
    if isinstance(payload, Table):
        index = None if payload.index is None else tuple(payload.index[at] for at in rows)
        return replace(case, payload=replace(payload, rows=tuple(payload.rows[at] for at in rows), index=index))
    if not isinstance(payload, Tensors):
        return None
    arrays = {}
    for name, array in payload.arrays.items():
        if getattr(array, "ndim", 1) == 0:
            return None
        arrays[name] = [array[at] for at in rows] if isinstance(array, list) else array[list(rows)]
    return replace(case, payload=Tensors(arrays=arrays))


def shape_of(case: Case) -> Hashable:
    """Return what two rows must share to stand in one request: their columns, or the shape of each tensor."""
    if isinstance(case.payload, Table):
        return case.payload.columns
    if isinstance(case.payload, Tensors):
        shapes = ((name, getattr(array, "shape", (0,))[1:]) for name, array in case.payload.arrays.items())
        return tuple(shapes)
    return None


def merged_rows(rows: Sequence[Case]) -> Case:
    """Return rows of the same columns as one request."""
    first, level = rows[0], max(row.level for row in rows)
    label = f"{len(rows)} rows"
    if isinstance(first.payload, Table):
        cells = tuple(row.payload.rows[0] for row in rows if isinstance(row.payload, Table))
        payload: Table | Tensors = replace(first.payload, rows=cells, index=None)
        return replace(first, payload=payload, label=label, level=level)
    names = first.payload.arrays if isinstance(first.payload, Tensors) else {}
    arrays: dict[str | None, np.ndarray | list[object]] = {}
    for name in names:
        parts = [row.payload.arrays[name] for row in rows if isinstance(row.payload, Tensors)]
        dense = [part for part in parts if isinstance(part, np.ndarray)]
        arrays[name] = np.concatenate(dense) if len(dense) == len(parts) else [item for part in parts for item in part]
    return replace(first, payload=Tensors(arrays=arrays), label=label, level=level)


def nudged(case: Case, order: random.Random) -> Case:
    """Return a case with its fractions off by what rounding may be."""

    def moved(cell: object) -> object:
        return cell * (1 + order.choice((-1, 1)) * NUDGE) if isinstance(cell, float) else cell

    if isinstance(case.payload, Table):
        rows = tuple(tuple(moved(cell) for cell in row) for row in case.payload.rows)
        return replace(case, payload=replace(case.payload, rows=rows))
    if isinstance(case.payload, Tensors):
        return replace(
            case, payload=Tensors(arrays={name: _shaken(array, order) for name, array in case.payload.arrays.items()})
        )
    return case


def _shaken(array: np.ndarray | list[object], order: random.Random) -> np.ndarray | list[object]:
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        return array
    step = max(NUDGE, float(np.finfo(array.dtype).eps))
    signs = np.array([order.choice((-1, 1)) for _ in range(array.size)]).reshape(array.shape)
    moved: np.ndarray = (array * (1 + signs * step)).astype(array.dtype)
    return moved
