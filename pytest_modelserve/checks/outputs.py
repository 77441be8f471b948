"""Judges the answer to an accepted request: strict JSON, the output schema, one prediction a row, nothing missing.

Source: `CONTRACT` section 3, and section 0 for nulls in required outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from ..cases import Case, Expectation, Level, RawBody, Table, Tensors
from ..client.exchange import PREDICT_PATH
from ..errors import DecodeError
from ..signature import ColumnSchema, Signature
from ..wire.breach import Breach, BreachKind
from ..wire.breaches import breaches
from .judge import Exchange, Judgement
from .outcome import RequestOutcome

PLAUSIBLE_FACTOR: Final = 10.0  # a required output may not be missing within ten times the example's range
WITHOUT_EXAMPLE: Final = (-10.0, 10.0)  # the range where there is no example to tell one
MAX_BREACHES: Final = 10_000  # looked at in one answer: many missing values must not hide one that is wrong


class OutputJudge:
    """Judges answers of one model.

    Args:
        signature: Its signature, or None; without outputs only the form of the answer is judged.
        example: Its input example as a case, which tells the range of each input.
    """

    def __init__(self, signature: Signature | None, example: Case | None) -> None:
        self._outputs = signature.outputs if signature else None
        self._ranges = input_ranges(example)

    def __call__(self, exchange: Exchange, *, n_rows: int | None = None) -> Judgement | None:
        """Return what is wrong with the answer of an accepted request, or None.

        Args:
            exchange: Any exchange; one that was not accepted is not judged.
            n_rows: How many rows were sent, where the case itself does not say.
        """
        if exchange.outcome is not RequestOutcome.PREDICTED or not _asks_for_predictions(exchange.case):
            return None
        try:
            predictions = exchange.invocation.predictions().raw
        except DecodeError as error:
            return _form(exchange, error.happened)
        media_type = exchange.invocation.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            return _form(exchange, f"the answer's Content-Type is {media_type or 'missing'}")
        if self._outputs is None:
            return None
        by_row = isinstance(self._outputs, ColumnSchema) or all(
            spec.shape[:1] == (-1,) for spec in self._outputs.tensors
        )
        sent = exchange.case.n_rows if n_rows is None else n_rows
        found = breaches(predictions, self._outputs, sent if by_row else None, limit=MAX_BREACHES)
        return self._worst(exchange, found)

    def _worst(self, exchange: Exchange, found: tuple[Breach, ...]) -> Judgement | None:
        solid = [breach for breach in found if breach.kind is not BreachKind.NULL]
        if solid:
            return _as_judgement(exchange, solid[0], is_breach=True)
        if not found or exchange.case.expectation is Expectation.EITHER:
            return None
        told = next((breach for breach in found if self.must_predict(exchange.case, breach.row)), None)
        return _as_judgement(exchange, told or found[0], is_breach=told is not None)

    def must_predict(self, case: Case, row: int | None) -> bool:
        """Tell whether the inputs are tame enough that a missing required output is the model's failure.

        Args:
            case: What was sent.
            row: Whose output is missing; None where that cannot be told, and all rows count.
        """
        if case.level is Level.EXTREME:
            return False
        if case.level is Level.EXAMPLE:
            return True
        return all(self._is_plausible(name, number) for name, number in numbers_in(case, row=row))

    def _is_plausible(self, name: str | int | None, number: float) -> bool:
        lowest, highest = self._ranges.get(name, WITHOUT_EXAMPLE)
        return PLAUSIBLE_FACTOR * lowest <= number <= PLAUSIBLE_FACTOR * highest


def input_ranges(example: Case | None) -> Mapping[str | int | None, tuple[float, float]]:
    """Return the lowest and the highest value of each numeric input of the example, and 0; -1 and 1 for zeros alone.

    So a column that is positive in the example has no negative number in its range: a logarithm of it is healthy.
    """
    ranges: dict[str | int | None, tuple[float, float]] = {}
    for name, number in numbers_in(example) if example else ():
        lowest, highest = ranges.get(name, (0.0, 0.0))
        ranges[name] = min(lowest, number), max(highest, number)
    return {name: range_ if any(range_) else (-1.0, 1.0) for name, range_ in ranges.items()}


def numbers_in(case: Case, *, row: int | None = None) -> Iterator[tuple[str | int | None, float]]:
    """Yield the numbers of a case, or of one row, with the names of their columns or tensors; NaN is left out.

    Of a tensor only the lowest and the highest.
    """
    if isinstance(case.payload, Table):
        for cells in case.payload.rows if row is None else case.payload.rows[row : row + 1]:
            for name, cell in zip(case.payload.columns, cells, strict=False):
                yield from ((name, number) for number in _numbers(cell))
    elif isinstance(case.payload, Tensors):
        for tensor, array in case.payload.arrays.items():
            if isinstance(array, np.ndarray) and array.dtype.kind in "iuf":
                numbers = (array if row is None or not array.ndim else array[row : row + 1]).astype("float64")
                known = numbers[~np.isnan(numbers)]
                yield from ((tensor, float(end)) for end in ((known.min(), known.max()) if known.size else ()))


def _numbers(cell: object) -> Iterator[float]:
    """Yield the numbers of a cell, those inside lists and records included."""
    if isinstance(cell, Mapping):
        yield from (number for value in cell.values() for number in _numbers(value))
    elif isinstance(cell, list | tuple):
        yield from (number for value in cell for number in _numbers(value))
    elif isinstance(cell, np.generic):
        yield from _numbers(None if isinstance(cell, np.datetime64) else cell.item())
    elif isinstance(cell, int | float) and not isinstance(cell, bool) and cell == cell:  # noqa: PLR0124 # NaN test
        yield float(cell) if abs(cell) < 1e300 else math.copysign(math.inf, 1 if cell > 0 else -1)  # huge ints overflow


def _asks_for_predictions(case: Case) -> bool:
    return not isinstance(case.payload, RawBody) or case.payload.path == PREDICT_PATH


def _form(exchange: Exchange, problem: str) -> Judgement:
    return Judgement(
        key=f"form:{problem.partition(':')[0]}",  # what follows tells the place, which moves as a case gets smaller
        is_breach=True,
        title=f"an accepted request got an answer that cannot be read: {problem}",
        expected='strict JSON, {"predictions": …}, as application/json',
        received=exchange.invocation.body[:300].decode("utf-8", "replace"),
        exchange=exchange,
    )


def _as_judgement(exchange: Exchange, breach: Breach, *, is_breach: bool) -> Judgement:
    where = f", on {exchange.case.label}" if exchange.case.label else ""
    return Judgement(
        key=f"output:{breach.kind.value}:{breach.column}",
        is_breach=is_breach,
        title=f"{breach.path}: expected {breach.expected}, received {breach.received}{where}",
        expected=breach.expected,
        received=breach.received,
        exchange=exchange,
    )
