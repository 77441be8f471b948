"""Judges the answer to an accepted request: strict JSON, the output schema, one prediction a row, nothing missing.

Source: `CONTRACT` section 3, and section 0 for nulls in required outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from ..cases import Case, Expectation, Level, Table, Tensors
from ..errors import DecodeError
from ..signature import ColumnSchema, Signature
from ..wire.breach import Breach, BreachKind
from ..wire.breaches import breaches
from .judge import Exchange, Judgement
from .outcome import RequestOutcome

PLAUSIBLE_FACTOR: Final = 10.0  # a required output may not be missing within ten times the example's range
PLAUSIBLE_WITHOUT_EXAMPLE: Final = 100.0  # the same, where there is no example to tell a range


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
        if exchange.outcome is not RequestOutcome.PREDICTED:
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
        found = breaches(predictions, self._outputs, (n_rows or exchange.case.n_rows) if by_row else None, limit=100)
        return self._worst(exchange, found)

    def _worst(self, exchange: Exchange, found: tuple[Breach, ...]) -> Judgement | None:
        solid = [breach for breach in found if breach.kind is not BreachKind.NULL]
        if solid:
            return _as_judgement(exchange, solid[0], is_breach=True)
        if not found or exchange.case.expectation is Expectation.EITHER:
            return None
        return _as_judgement(exchange, found[0], is_breach=self._must_predict(exchange.case))

    def _must_predict(self, case: Case) -> bool:
        """Tell whether the inputs are tame enough that a missing required output is the model's failure."""
        if case.level is Level.EXTREME:
            return False
        if case.level is Level.EXAMPLE:
            return True
        return all(
            abs(number) <= PLAUSIBLE_FACTOR * self._ranges.get(name, PLAUSIBLE_WITHOUT_EXAMPLE / PLAUSIBLE_FACTOR)
            for name, number in numbers_in(case)
        )


def input_ranges(example: Case | None) -> Mapping[str | int | None, float]:
    """Return the largest magnitude of each numeric input of the example; a zero column counts as one."""
    ranges: dict[str | int | None, float] = {}
    for name, number in numbers_in(example) if example else ():
        ranges[name] = max(ranges.get(name, 0.0), abs(number))
    return {name: largest or 1.0 for name, largest in ranges.items()}


def numbers_in(case: Case) -> Iterator[tuple[str | int | None, float]]:
    """Yield the numbers of a case with the names of their columns or tensors; NaN is left out."""
    if isinstance(case.payload, Table):
        for row in case.payload.rows:
            for name, cell in zip(case.payload.columns, row, strict=False):
                if isinstance(cell, int | float) and not isinstance(cell, bool) and not _is_nan(cell):
                    yield name, float(cell) if abs(cell) < 1e300 else math.inf  # huge ints overflow
    elif isinstance(case.payload, Tensors):
        for tensor, array in case.payload.arrays.items():
            if isinstance(array, np.ndarray) and array.dtype.kind in "iuf":
                sizes = np.abs(array.astype("float64"))
                yield tensor, float(sizes[~np.isnan(sizes)].max(initial=0.0))


def _is_nan(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def _form(exchange: Exchange, problem: str) -> Judgement:
    return Judgement(
        key=f"form:{problem}",
        is_breach=True,
        title=f"an accepted request got an answer that cannot be read: {problem}",
        expected='strict JSON, {"predictions": …}, as application/json',
        received=exchange.invocation.body[:300].decode("utf-8", "replace"),
        exchange=exchange,
    )


def _as_judgement(exchange: Exchange, breach: Breach, *, is_breach: bool) -> Judgement:
    after = f" after {exchange.case.label}" if exchange.case.label else ""
    return Judgement(
        key=f"output:{breach.kind.value}:{breach.column}",
        is_breach=is_breach,
        title=f"{breach.path} is {breach.received}, not {breach.expected}{after}",
        expected=breach.expected,
        received=breach.received,
        exchange=exchange,
    )
