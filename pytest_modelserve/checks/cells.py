"""What stands in the rows of a request, as far as known deviations of servers show by it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ..cases import Case, RawBody, Table
from ..errors import DecodeError
from ..server.deviations import Cells
from ..signature import ColumnSchema, DataType, Signature
from ..wire.json_text import parse_json
from ..wire.values import as_json_value
from .exact_values import is_missing

_INTEGERS: Final = frozenset({DataType.INTEGER, DataType.LONG})
_FORM: Final = re.compile(
    r"[^T ]*(?P<time>[T ]\d\d:\d\d(?P<second>:\d\d)?(?P<fraction>\.\d+)?)?(?P<zone>Z|[+-][\d:]+)?$"
)

Columns = Iterator[tuple[DataType, list[object]]]


def cells_of(case: Case, signature: Signature | None) -> frozenset[Cells]:
    """Return what is special about the cells of a request; nothing of one whose rows cannot be told.

    Args:
        case: The request; a body that is sent as it is says it by its data frame.
        signature: By which the types of its columns are known.
    """
    inputs = signature.inputs if signature else None
    if not isinstance(inputs, ColumnSchema):
        return frozenset()
    types = {
        name: column.type
        for name, column in zip(inputs.names, inputs.columns, strict=True)
        if isinstance(column.type, DataType)
    }
    found = {Cells.DATES} if DataType.DATETIME in types.values() else set()
    for declared, cells in _columns(case, types):
        missing = any(map(is_missing, cells))
        if missing and declared in _INTEGERS:
            found.add(Cells.NULL_IN_INTEGERS)
        if missing and declared is DataType.BOOLEAN:
            found.add(Cells.NULL_IN_BOOLEANS)
        if missing and declared is DataType.BINARY:
            found.add(Cells.NULL_IN_BYTES)
        if declared is DataType.DATETIME and len({form for cell in cells if (form := _form_of(cell))}) > 1:
            found.add(Cells.DATES_OF_TWO_FORMS)
    return frozenset(found)


def _columns(case: Case, types: Mapping[str | int, DataType]) -> Columns:
    """Yield the cells of each column of a known type."""
    for row_names, rows in _tables(case):
        for place, name in enumerate(row_names):
            if name in types:
                yield types[name], [row[place] for row in rows if len(row) > place]


def _tables(case: Case) -> Iterator[tuple[list[str | int], list[list[object]]]]:
    payload = case.payload
    if isinstance(payload, Table):
        yield list(payload.columns), [list(row) for row in payload.rows]
    elif isinstance(payload, RawBody):
        yield from _tables_in(payload.body)


def _tables_in(body: bytes) -> Iterator[tuple[list[str | int], list[list[object]]]]:
    try:
        document = parse_json(body, bare_as_null=True)
    except DecodeError:
        return
    split = document.get("dataframe_split") if isinstance(document, dict) else None
    if isinstance(split, dict) and isinstance(names := split.get("columns"), list):
        rows = split.get("data")
        if isinstance(rows, list) and all(isinstance(row, list) for row in rows):
            yield [name for name in names if isinstance(name, str | int)], [list(row) for row in rows]
    records = document.get("dataframe_records") if isinstance(document, dict) else None
    if isinstance(records, list) and all(isinstance(record, dict) for record in records):
        named = list(dict.fromkeys(name for record in records for name in record))
        yield [*named], [[record.get(name) for name in named] for record in records]


def _form_of(cell: object) -> str:
    """Return the form of a date's text, as a parser tells it from the first; empty where there is none."""
    if is_missing(cell):
        return ""
    text = as_json_value(cell)
    if not isinstance(text, str):
        return "no text"
    parts = _FORM.match(text)
    return (
        "other text" if parts is None else " ".join(name for name, text in parts.groupdict().items() if text) or "day"
    )
