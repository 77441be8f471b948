"""What a model did with each value of each column: took it, or a request with it went wrong.

A request that went wrong has many cells. Those that other requests carried safely are cleared; if all that is left
stands in one column, that column is what went wrong.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeGuard

import numpy as np

from ..cases import Case, Table, Tensors
from ..signature import ColumnSchema, Signature, TensorSchema
from ..strategies.values import fingerprint
from .judge import Exchange, Judgement
from .outcome import RequestOutcome

Name: TypeAlias = "str | int | None"
Cells: TypeAlias = "dict[Name, dict[Hashable, object]]"  # column to the key of each value and the value itself
NULL: Final = fingerprint(None)
ABSENT: Final = ("absent",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A request that went wrong, with the cells that may be to blame."""

    judgement: Judgement
    cells: Cells


@dataclass(slots=True)
class ColumnNotes:
    """Notes what became of the values that a model was sent.

    Attributes:
        signature: The model's; its columns are those that may be absent.
        known: The values of its input example.
        accepted: Values of requests that were predicted.
        cleared: Values of requests in which nothing was wrong.
        refused: Values of requests that the model refused and that the example does not have.
        suspicions: Requests that were judged as advice.
    """

    signature: Signature | None
    known: Cells
    accepted: Cells = field(default_factory=lambda: defaultdict(dict))
    cleared: Cells = field(default_factory=lambda: defaultdict(dict))
    refused: Cells = field(default_factory=lambda: defaultdict(dict))
    suspicions: list[Suspicion] = field(default_factory=list)

    @classmethod
    def of(cls, signature: Signature | None, example: Case | None) -> ColumnNotes:
        """Return empty notes for a model."""
        return cls(signature, cells_of(example, signature) if example else {})

    def note(self, exchange: Exchange, judgement: Judgement | None) -> None:
        """Take in what became of a request, and how it was judged."""
        cells = cells_of(exchange.case, self.signature)
        if exchange.outcome is RequestOutcome.PREDICTED:
            _merge(self.accepted, cells)
            if judgement is None:
                _merge(self.cleared, cells)
        elif exchange.outcome is RequestOutcome.MODEL_REFUSED:
            _merge(self.refused, _without(cells, self.known))
        if judgement is not None and not judgement.is_breach:
            self.suspicions.append(Suspicion(judgement=judgement, cells=_without(cells, self.known)))

    def blamed(self, suspicions: Iterable[Suspicion]) -> tuple[dict[Name, list[Suspicion]], list[Suspicion]]:
        """Return the suspicions of each column, narrowed to its cells, and those that no single column explains.

        A cell that was the only one left of a request is guilty for certain, and explains every request that has it.
        """
        columns: dict[Name, list[Suspicion]] = defaultdict(list)
        left = [Suspicion(judgement=one.judgement, cells=self._narrowed(one.cells)) for one in suspicions]
        guilty: Cells = defaultdict(dict)
        for one in left:
            if sum(map(len, one.cells.values())) == 1:
                _merge(guilty, one.cells)
        unexplained = []
        for one in left:
            certain = {name: _as_far_as(guilty.get(name, {}), values) for name, values in one.cells.items()}
            named = {name: values for name, values in certain.items() if values} or one.cells
            if len(named) == 1:
                ((name, values),) = named.items()
                columns[name].append(Suspicion(judgement=one.judgement, cells={name: values}))
            elif named is one.cells:
                unexplained.append(one)
        return columns, unexplained

    def _narrowed(self, cells: Cells) -> Cells:
        """Return the cells that may be to blame; in a row of several, a number between cleared ones is innocent."""
        left = _without(_without(cells, self.cleared), self.known)
        if len(cells) == 1:
            return left
        inner = {name: _between(self.cleared.get(name, {}), values) for name, values in left.items()}
        return _without(left, inner)


def cells_of(case: Case, signature: Signature | None) -> Cells:
    """Return the values of each column, tensor and parameter of a case; a column that is left out is `ABSENT`."""
    payload = case.payload
    cells: Cells = {}
    if isinstance(payload, Table):
        for at, name in enumerate(payload.columns):
            values = (row[at] for row in payload.rows if at < len(row))
            cells[name] = {_key(value): value for value in values}
        if signature is not None and isinstance(signature.inputs, ColumnSchema):
            absent = (name for name in signature.inputs.names if name not in cells)
            cells |= {name: {ABSENT: ABSENT} for name in absent}
    elif isinstance(payload, Tensors):
        cells |= {name: {_key(value): value for value in _elements(array)} for name, array in payload.arrays.items()}
    return cells | {name: {_key(value): value} for name, value in case.params.items()}


def type_of(signature: Signature | None, name: Name) -> object:
    """Return the type of a column, the kind of number of a tensor, or None for a parameter."""
    inputs = signature.inputs if signature else None
    if isinstance(inputs, ColumnSchema):
        return dict(zip(inputs.names, (spec.type for spec in inputs.columns), strict=True)).get(name)  # type: ignore[arg-type]
    if isinstance(inputs, TensorSchema):
        return next((np.dtype(spec.dtype).kind for spec in inputs.tensors if spec.name == name), None)
    return None


def _elements(array: object) -> Iterator[object]:
    if isinstance(array, np.ndarray) and not array.dtype.hasobject:
        yield from np.unique(array) if array.dtype.kind in "mM" else np.unique(array).tolist()
    elif isinstance(array, np.ndarray | list | tuple):
        for item in array.reshape(-1).tolist() if isinstance(array, np.ndarray) else array:
            yield from _elements(item) if isinstance(item, list | tuple | np.ndarray) else (item,)
    else:
        yield array


def _key(value: object) -> Hashable:
    is_missing = value is None or (isinstance(value, float | np.floating | np.datetime64) and value != value)  # noqa: PLR0124 # NaN and NaT
    if is_missing:
        return NULL
    return fingerprint(0.0 if isinstance(value, float) and value == 0 else value)  # -0.0 is no second value


def _merge(into: Cells, cells: Cells) -> None:
    for name, values in cells.items():
        into[name] |= values


def _without(cells: Cells, others: Mapping[Name, Mapping[Hashable, object]]) -> Cells:
    """Return the cells that are not among the others, and only columns that have any left."""
    left = {
        name: {key: value for key, value in values.items() if key not in others.get(name, {})}
        for name, values in cells.items()
    }
    return {name: values for name, values in left.items() if values}


def _as_far_as(guilty: Mapping[Hashable, object], values: Mapping[Hashable, object]) -> dict[Hashable, object]:
    """Return the values that are guilty, and the numbers that are farther out than a guilty one."""
    numbers = [value for value in guilty.values() if _is_number(value)]
    least = min((number for number in numbers if number > 0), default=math.inf)
    most = max((number for number in numbers if number < 0), default=-math.inf)
    return {
        key: value
        for key, value in values.items()
        if key in guilty or (_is_number(value) and (value >= least or value <= most))
    }


def _between(cleared: Mapping[Hashable, object], values: Mapping[Hashable, object]) -> dict[Hashable, object]:
    """Return the numbers that lie between cleared ones."""
    numbers = [value for value in cleared.values() if _is_number(value)]
    least, most = min(numbers, default=math.inf), max(numbers, default=-math.inf)
    return {key: value for key, value in values.items() if _is_number(value) and least <= value <= most}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
