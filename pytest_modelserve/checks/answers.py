"""Reads an answer as columns of one value a row, however it came, so that rows of two answers can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..client import Invocation
from ..errors import DecodeError
from ..signature import ColumnSchema, Schema, TensorSchema
from ..wire.breach import Place, Told
from ..wire.breaches import Reading, read_table
from ..wire.json_text import parse_json
from .judge import Exchange
from .outcome import RequestOutcome

ABSENT: Final = Told("absent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered to one request.

    Attributes:
        columns: Name to values, one a row; the bare value of an output without a name is the column `0`. Where the
            answer is not by row, each column has its whole value as the only one.
        n_rows: How many rows it has; None where it is not by row.
        is_bare: Whether the only column has no name on the wire.
    """

    columns: Mapping[str, Sequence[object]]
    n_rows: int | None
    is_bare: bool = False

    def taken(self, rows: Sequence[int]) -> Answer:
        """Return the answer of some of its rows, in the order in which they are named."""
        columns = {name: [values[at] for at in rows] for name, values in self.columns.items()}
        return Answer(columns=columns, n_rows=len(rows), is_bare=self.is_bare)

    def place(self, column: str, row: int) -> Place:
        """Return where a value stands in the predictions."""
        here = Place() if self.n_rows is None else Place().in_row(row)
        named = here if self.is_bare else here.key(column)
        return Place(path=named.path, row=here.row, column=column)


def answer_in(exchange: Exchange, outputs: Schema | None) -> Answer | None:
    """Return the answer to an accepted request; None where there is none, or none that can be read."""
    return answer_to(exchange.invocation, outputs) if exchange.outcome is RequestOutcome.PREDICTED else None


def answer_to(invocation: Invocation, outputs: Schema | None) -> Answer | None:
    """Return the answer that an invocation got; None where it is none that can be read.

    Bare NaN is read as null: that it is no JSON matches_output_schema tells, and what it stands for can be compared.
    """
    if not invocation.is_success:
        return None
    try:
        document = parse_json(invocation.body, bare_as_null=True)
    except DecodeError:  # matches_output_schema tells it
        return None
    predictions = document["predictions"] if isinstance(document, dict) and "predictions" in document else document
    return read_answer(predictions, outputs)


def read_answer(predictions: object, outputs: Schema | None = None) -> Answer:
    """Return predictions as columns.

    Args:
        predictions: The decoded value under `predictions`, or arrays by name.
        outputs: The output schema, which tells rows from cells where both are lists; it need not be kept.
    """
    plain = _plain(predictions)
    if isinstance(outputs, ColumnSchema):
        reading = read_table(plain, outputs)[0]
        if reading is Reading.ONE_ROW:
            return _of_rows([plain], outputs)
        if reading is Reading.ROWS and isinstance(plain, list):
            return _of_rows(plain, outputs)
    if isinstance(outputs, TensorSchema) and any(spec.shape[:1] != (-1,) for spec in outputs.tensors):
        return _whole(plain)
    if isinstance(plain, list):
        return _of_rows(plain, outputs)
    if isinstance(plain, dict) and plain and all(isinstance(values, list) for values in plain.values()):
        lengths = set(map(len, plain.values()))
        if len(lengths) == 1:
            return Answer(columns=plain, n_rows=lengths.pop())
    return _whole(plain)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _whole(value: object) -> Answer:
    if isinstance(value, dict) and value:
        return Answer(columns={name: [item] for name, item in value.items()}, n_rows=None)
    return Answer(columns={"0": [value]}, n_rows=None, is_bare=True)


def _of_rows(rows: list[object], outputs: Schema | None) -> Answer:
    records = [row for row in rows if isinstance(row, dict)]
    if records and len(records) == len(rows):
        names = dict.fromkeys(name for record in records for name in record)
        return Answer(columns={name: [row.get(name, ABSENT) for row in records] for name in names}, n_rows=len(rows))
    named = [str(name) for name in outputs.names] if isinstance(outputs, ColumnSchema) else []
    cells = [row for row in rows if isinstance(row, list) and len(row) == len(named)]
    if len(named) > 1 and len(cells) == len(rows):
        return Answer(columns={name: [row[at] for row in cells] for at, name in enumerate(named)}, n_rows=len(rows))
    if isinstance(outputs, TensorSchema) and len(outputs.tensors) == 1:
        named = [outputs.tensors[0].name or "0"]
    return Answer(columns={named[0] if len(named) == 1 else "0": rows}, n_rows=len(rows), is_bare=True)
