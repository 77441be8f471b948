"""Makes a failing case small: fewer rows, fewer parameters, and every cell that does not matter back to the example's.

Bisection over rows, columns and cells instead of a shrinker over choices: each try is one request, and a table
of 300 columns needs no more tries than one of 30.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from ..cases import Case, Expectation, Table, Tensors
from ..wire.values import show_value

MAX_TRIES: Final = 60  # a two-cell fault in 300 columns takes about 25
_NAMED: Final = 3  # cells told in a label

Cell: TypeAlias = tuple[int, ...]  # row first, then the column or the place inside the row


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimized:
    """The smallest case found.

    Attributes:
        case: It fails as the first one did.
        tries: How many cases were sent to find it.
    """

    case: Case
    tries: int


def minimize(
    case: Case, example: Case | None, fails: Callable[[Case], bool], *, max_tries: int = MAX_TRIES
) -> Minimized:
    """Return the smallest variant of a failing case that still fails.

    What a case holds (`Case.held`) is left as it is: a request that breaks a rule is made small around its fault.

    Args:
        case: A case that fails.
        example: A case that is known to pass, with the same columns or tensors; its first row is what cells go back
            to. Without one, only rows and parameters are taken away.
        fails: Sends a case and tells whether it fails in the same way.
        max_tries: After so many cases the smallest so far is returned.
    """
    attempt = _Attempts(fails, max_tries)
    smallest = _without_params(case, attempt)
    if isinstance(smallest.payload, Table):
        smallest = _smaller_table(smallest, smallest.payload, _first_row(example), attempt)
    elif isinstance(smallest.payload, Tensors):
        smallest = _smaller_tensors(smallest, smallest.payload, example, attempt)
    return Minimized(case=smallest, tries=attempt.tries)


class _Attempts:
    """Counts tries, and answers no once there are none left."""

    def __init__(self, fails: Callable[[Case], bool], max_tries: int) -> None:
        self._fails = fails
        self._left = max_tries
        self.tries = 0

    def __call__(self, make: Callable[[], Case]) -> bool:
        if self.tries >= self._left:
            return False
        self.tries += 1
        return self._fails(make())


def smallest_subset(items: tuple[Cell, ...], fails: Callable[[frozenset[Cell]], bool]) -> tuple[Cell, ...]:
    """Return a subset that still fails, in order; no part of it can be left out where more items never mend a failure.

    Each needed item is found by bisection, as the last of the shortest prefix that fails together with those found
    before: k needed items of n take about k * (log2(n) + 1) calls.
    """
    needed: tuple[Cell, ...] = ()
    while items and not fails(frozenset(needed)):
        passing, failing = 0, len(items)  # lengths of prefixes
        while failing - passing > 1:
            middle = (passing + failing) // 2
            if fails(frozenset((*needed, *items[:middle]))):
                failing = middle
            else:
                passing = middle
        needed = (items[failing - 1], *needed)
        items = items[: failing - 1]
    return needed


def _without_params(case: Case, attempt: _Attempts) -> Case:
    held = {at for at, name in enumerate(case.params) if name == case.held}
    names = tuple((at,) for at in range(len(case.params)) if at not in held)

    def kept(some: Iterable[Cell]) -> Case:
        places = {at for (at,) in some} | held
        return replace(case, params={key: value for at, (key, value) in enumerate(case.params.items()) if at in places})

    return kept(smallest_subset(names, lambda some: attempt(lambda: kept(some))))


def _first_row(example: Case | None) -> Mapping[str | int, object]:
    if example is None or not isinstance(example.payload, Table) or not example.payload.rows:
        return {}
    return dict(zip(example.payload.columns, example.payload.rows[0], strict=True))


def _smaller_table(case: Case, table: Table, known: Mapping[str | int, object], attempt: _Attempts) -> Case:
    if any(len(row) != len(table.columns) for row in table.rows):
        return case
    if table.index is not None and len(table.index) != len(table.rows):
        return case
    last = len(table.rows) - 1
    held = frozenset((last, place) for place, name in enumerate(table.columns) if name == case.held)
    held_rows = frozenset((at,) for at, _ in held)

    def kept(rows: Iterable[int], dirty: frozenset[Cell] | None) -> Case:
        chosen = tuple(rows)
        body = tuple(
            tuple(
                cell if dirty is None or (at, place) in dirty or (at, place) in held else known.get(name, cell)
                for place, (name, cell) in enumerate(zip(table.columns, table.rows[at], strict=True))
            )
            for at in chosen
        )
        index = None if table.index is None else tuple(table.index[at] for at in chosen)
        is_whole = len(body) == len(table.rows) or case.expectation is Expectation.REJECT  # a fault stays what it is
        label = case.label if is_whole else _label(table.columns, body, known)
        return replace(case, payload=replace(table, rows=body, index=index), label=label)

    other_rows = tuple((at,) for at in range(len(table.rows)) if (at,) not in held_rows)
    chosen = smallest_subset(
        other_rows,
        lambda rows: bool(rows | held_rows) and attempt(lambda: kept(sorted(at for (at,) in rows | held_rows), None)),
    )
    rows = tuple(sorted(at for (at,) in {*chosen, *held_rows}))
    differs = [
        (at, place)
        for at in rows
        for place, name in enumerate(table.columns)
        if name in known and (at, place) not in held and not _is_same(table.rows[at][place], known[name])
    ]
    columns = tuple((place,) for place in sorted({place for _, place in differs}))

    def of_columns(some: frozenset[Cell]) -> frozenset[Cell]:
        return frozenset((at, place) for at, place in differs if (place,) in some)

    guilty = frozenset(smallest_subset(columns, lambda some: attempt(lambda: kept(rows, of_columns(some)))))
    cells = tuple(sorted(of_columns(guilty)))
    cells = smallest_subset(cells, lambda some: attempt(lambda: kept(rows, some)))
    return kept(rows, frozenset(cells) if known else None)


def _label(
    columns: tuple[str | int, ...], rows: tuple[tuple[object, ...], ...], known: Mapping[str | int, object]
) -> str:
    """Say what is special about rows that are left of more: what was said of all of them no longer holds."""
    differs = [
        f'{f"row {at} " if len(rows) > 1 else ""}"{name}" = {show_value(cell)}'
        for at, row in enumerate(rows)
        for name, cell in zip(columns, row, strict=True)
        if name in known and not _is_same(cell, known[name])
    ]
    if 0 < len(differs) <= _NAMED:
        return ", ".join(differs)
    return "one row" if len(rows) == 1 else f"{len(rows)} rows"


def _smaller_tensors(case: Case, tensors: Tensors, example: Case | None, attempt: _Attempts) -> Case:
    if case.expectation is Expectation.REJECT:  # with fewer rows its shape may be the right one
        return case
    arrays = {name: array for name, array in tensors.arrays.items() if isinstance(array, np.ndarray)}
    if len(arrays) != len(tensors.arrays) or any(array.ndim == 0 for array in arrays.values()):
        return case
    n_rows = min(len(array) for array in arrays.values())

    def of_rows(rows: Iterable[int]) -> Case:
        chosen = list(rows)
        return replace(case, payload=Tensors(arrays={name: array[chosen] for name, array in arrays.items()}))

    every_row = tuple((at,) for at in range(n_rows))
    chosen = smallest_subset(
        every_row, lambda rows: bool(rows) and attempt(lambda: of_rows(sorted(at for (at,) in rows)))
    )
    case = of_rows(at for (at,) in chosen)
    for name, known in _first_slices(example).items():
        case = _array_back(case, name, known, attempt)
    return case


def _first_slices(example: Case | None) -> Mapping[str | None, np.ndarray]:
    if example is None or not isinstance(example.payload, Tensors):
        return {}
    arrays = example.payload.arrays.items()
    return {name: array[0] for name, array in arrays if isinstance(array, np.ndarray) and array.ndim and len(array)}


def _array_back(case: Case, name: str | None, known: np.ndarray, attempt: _Attempts) -> Case:
    """Return the case with every place of one array that does not matter back to the example's."""
    arrays = case.payload.arrays if isinstance(case.payload, Tensors) else {}
    array = arrays.get(name)
    if not isinstance(array, np.ndarray) or array.shape[1:] != known.shape:
        return case
    base = np.broadcast_to(known, array.shape)

    def kept(places: Iterable[Cell]) -> Case:
        cleaned = base.copy()
        for place in places:
            cleaned[place] = array[place]
        return replace(case, payload=Tensors(arrays={**arrays, name: cleaned}))

    differs = tuple(tuple(int(at) for at in place) for place in np.argwhere(array != base))
    return kept(smallest_subset(differs, lambda some: attempt(lambda: kept(some))))


def _is_same(one: object, other: object) -> bool:
    """Tell whether two cells are the same value; 1, 1.0 and True are three, and so are 0.0 and -0.0."""
    return type(one) is type(other) and repr(one) == repr(other)
