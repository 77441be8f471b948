"""The user's rows of real data: read as cells of the model's columns, and sent as requests that it must take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ..cases import Case, Envelope, Expectation, Table
from ..domain import read_data
from ..errors import DomainError
from ..model.cells import Unfit, typed_cell
from ..signature import ColumnSchema, DataType, Signature, ValueType
from ..strategies.nulls import null_expectation
from ..wire.tables import as_payload
from .context import CheckContext

MAX_ROWS: Final = 2_000  # of the user's data, in some forty requests


def read_rows(path: Path, signature: Signature | None, *, is_whole: bool = True) -> Table:
    """Return the rows of a file of data, without columns that the model does not know, such as its target.

    Args:
        path: The file.
        signature: The model's.
        is_whole: Whether every required column must be there.

    Raises:
        DomainError: The model has no columns, a required one is missing, or a cell is not of its column's type.
    """
    inputs = signature.inputs if signature is not None else None
    if not isinstance(inputs, ColumnSchema):
        raise DomainError(
            f"the rows of {path} have no columns to go to: the signature declares none",
            facts={"file": path},
            fix="Leave out --model-data.",
        )
    specs = dict(zip(map(str, inputs.names), inputs.columns, strict=True))
    names = dict(zip(specs, inputs.names, strict=True))
    frame = read_data(path, texts=[name for name, spec in specs.items() if spec.type is DataType.STRING])
    frame.columns = frame.columns.map(str)
    lacking = [name for name, spec in specs.items() if spec.required and name not in frame.columns]
    if lacking and is_whole:
        raise DomainError(
            f"{path} lacks the required column {lacking[0]!r}",
            facts={"file": path, "columns": ", ".join(frame.columns)},
            fix="Name the columns as the signature does.",
        )
    known = [name for name in frame.columns if name in specs]
    payload = as_payload(frame[known].rename(columns=names), signature)
    rows = payload.rows if isinstance(payload, Table) else ()
    kinds = [(name, specs[name].type) for name in known]
    return Table(
        columns=tuple(names[name] for name in known),
        rows=tuple(tuple(_typed(cells, kinds, f"row {at} of {path}")) for at, cells in enumerate(rows, 1)),
    )


def _typed(cells: Sequence[object], kinds: Sequence[tuple[str, ValueType]], place: str) -> Iterator[object]:
    for cell, (name, kind) in zip(cells, kinds, strict=True):
        typed = cell if isinstance(cell, bytes | np.datetime64) else typed_cell(cell, kind)
        if isinstance(typed, Unfit):
            raise DomainError(
                f"{place} does not fit the column {name!r}: {typed.reason}",
                facts={"column": name},
                fix="Correct the cell, or leave the row out.",
            )
        yield typed


def row_cases(context: CheckContext, envelope: Envelope) -> Iterator[Case]:
    """Yield each row of the user's data, which the model must take as it takes its example."""
    if context.data is not None:
        for at, row in enumerate(context.data.rows[:MAX_ROWS], 1):
            payload = Table(columns=context.data.columns, rows=(row,))
            label = f"row {at} of {context.settings.data_file}"
            yield Case(payload=payload, envelope=envelope, label=label, expectation=_expectation(context, payload))


def _expectation(context: CheckContext, row: Table) -> Expectation:
    """Return EITHER for a row with a null that the contract does not want accepted, ACCEPT for any other."""
    inputs = context.model.signature.inputs if context.model.signature else None
    if not isinstance(inputs, ColumnSchema):
        return Expectation.ACCEPT
    specs = dict(zip(inputs.names, inputs.columns, strict=True))
    nulls = [specs[name] for name, cell in zip(row.columns, row.rows[0], strict=True) if cell is None]
    is_open = any(null_expectation(spec.type, required=spec.required) is not Expectation.ACCEPT for spec in nulls)
    return Expectation.EITHER if is_open else Expectation.ACCEPT
