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
Span: TypeAlias = "tuple[float, float]"
NO_SPAN: Final = (math.inf, -math.inf)
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
        spans = {name: _span(values) for name, values in self.cleared.items()}
        left = [Suspicion(judgement=one.judgement, cells=self._narrowed(one.cells, spans)) for one in suspicions]
        guilty: Cells = defaultdict(dict)
        for one in left:
            if sum(map(len, one.cells.values())) == 1:
                _merge(guilty, one.cells)
        limits = {name: _limits(values) for name, values in guilty.items()}
        unexplained = []
        for one in left:
            certain = {
                name: _only(values, guilty[name], limits[name]) for name, values in one.cells.items() if name in guilty
            }
            named = {name: values for name, values in certain.items() if values} or one.cells
            if len(named) == 1:
                ((name, values),) = named.items()
                columns[name].append(Suspicion(judgement=one.judgement, cells={name: values}))
            elif named is one.cells:
                unexplained.append(one)
        return columns, unexplained

    def _narrowed(self, cells: Cells, spans: Mapping[Name, Span]) -> Cells:
        """Return the cells that may be to blame; in a row of several, a number between cleared ones is innocent."""
        left = _without(_without(cells, self.cleared), self.known)
        if len(cells) == 1:
            return left
        outer = {
            name: {key: value for key, value in values.items() if not _is_between(value, spans.get(name, NO_SPAN))}
            for name, values in left.items()
        }
        return {name: values for name, values in outer.items() if values}


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
        # a name of another kind is simply not among them
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


def _only(values: Mapping[Hashable, object], guilty: Mapping[Hashable, object], limits: Span) -> dict[Hashable, object]:
    """Return the values that are guilty, and the numbers that are as far out as a guilty one."""
    below, above = limits
    return {
        key: value
        for key, value in values.items()
        if key in guilty or (_is_number(value) and (value <= below or value >= above))
    }


def _limits(values: Mapping[Hashable, object]) -> Span:
    """Return the negative and the positive number that are nearest to zero."""
    numbers = [value for value in values.values() if _is_number(value)]
    below = max((number for number in numbers if number < 0), default=-math.inf)
    return below, min((number for number in numbers if number > 0), default=math.inf)


def _span(values: Mapping[Hashable, object]) -> Span:
    """Return the least and the greatest number."""
    numbers = [value for value in values.values() if _is_number(value)]
    return (min(numbers), max(numbers)) if numbers else NO_SPAN


def _is_between(value: object, span: Span) -> bool:
    return _is_number(value) and span[0] <= value <= span[1]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 # NaN
