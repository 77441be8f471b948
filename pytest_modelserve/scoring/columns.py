"""Tables as the envelopes give them, held to a schema of columns: names, presence, then every column's type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..runtime.frames import ColumnValue, TableValue
from ..signature.specs import ColumnSchema, ColumnSpec
from .cells import read_column
from .envelopes import ABSENT, RawTable
from .errors import NotAllowed, excerpt
from .scalars import Misfit

_NAMES_SHOWN: Final = 5  # of columns in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcedTable:
    """A table that fits its schema.

    Attributes:
        table: What the model receives: the schema's columns in the schema's order, absent optional ones left out.
        ignored: Columns of the request that the schema does not name.
    """

    table: TableValue
    ignored: tuple[str, ...] = ()


def enforce_columns(schema: ColumnSchema, raw: RawTable) -> EnforcedTable:
    """Return the table that the model receives.

    Columns go by name, in any order; those of an unnamed schema go by position. A column with an integer for a name
    may come under the text of it, since JSON keys are texts. Columns that the schema does not name are left out, as
    on MLflow's server. A list of no records has every column, empty.

    Raises:
        NotAllowed: A required column is missing, or a cell is not of its column's type.
    """
    labels = _labels_by_name(schema, raw) if schema.is_named else _labels_by_position(schema, raw)
    specs = dict(zip(labels, schema.columns, strict=True))  # of a name that stands twice the last, as MLflow has it
    columns = tuple(
        _enforce_column(name, spec, raw, label)
        for (name, label), spec in specs.items()
        if _is_present(name, label, spec, raw)
    )
    taken = {label for _, label in labels}
    if raw.columns and not taken & raw.columns.keys():
        raise NotAllowed(f"The request has none of the model's columns; it has {_some(raw)}")
    ignored = tuple(str(label) for label in raw.columns if label not in taken)
    return EnforcedTable(table=TableValue(columns, raw.n_rows, raw.index), ignored=ignored)


def _labels_by_name(schema: ColumnSchema, raw: RawTable) -> list[tuple[str | int, str | int]]:
    """Return each column's name with the label under which the request has it."""
    return [(name, name if name in raw.columns else str(name)) for name in schema.names]


def _labels_by_position(schema: ColumnSchema, raw: RawTable) -> list[tuple[str | int, str | int]]:
    n_columns = len(schema.columns)
    labels = list(raw.columns)
    if not labels and not raw.n_rows and not raw.is_ordered:
        return [(at, at) for at in range(n_columns)]
    if len(labels) != n_columns:
        raise NotAllowed(f"The model takes {n_columns} columns, the request has {len(labels)}")
    by_text = {str(label): label for label in labels}
    if by_text.keys() == set(map(str, range(n_columns))):
        return [(at, by_text[str(at)]) for at in range(n_columns)]
    if not raw.is_ordered and n_columns > 1:
        raise NotAllowed(
            f"The model's {n_columns} columns have no names and JSON keys no order; "
            f'call them "0" to "{n_columns - 1}", or send dataframe_split'
        )
    return [(label, label) for label in labels]


def _is_present(name: str | int, label: str | int, spec: ColumnSpec, raw: RawTable) -> bool:
    if label in raw.columns or (not raw.columns and not raw.n_rows and not raw.is_ordered):
        return True
    if spec.required:
        raise NotAllowed(f"The required column {excerpt(name)} is missing; the request has {_some(raw)}", column=name)
    return False


def _enforce_column(name: str | int, spec: ColumnSpec, raw: RawTable, label: str | int) -> ColumnValue:
    values = raw.columns.get(label, [])
    if label in raw.lacking:
        if spec.required:
            row = values.index(ABSENT)
            raise NotAllowed(f"Row {row} lacks the required column {excerpt(name)}", column=name, row=row)
        values = [None if value is ABSENT else value for value in values]
    try:
        return read_column(name, spec.type, values, required=spec.required)
    except Misfit as misfit:
        place = f"Column {excerpt(name)}, row {misfit.at}"
        details: dict[str, object] = {"column": name, "row": misfit.at}
        if misfit.path:
            place = f"{place}, at {misfit.path}"
            details["path"] = misfit.path
        raise NotAllowed(f"{place} {misfit.reason}", **details) from None


def _some(raw: RawTable) -> str:
    return ", ".join(excerpt(label) for label in list(raw.columns)[:_NAMES_SHOWN]) or "no column"
