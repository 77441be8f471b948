"""Comma-separated values with a header line, read by the types of a schema.

Text is taken as it stands, quoted or not; an empty cell without quotes is null, one in quotes is the empty text. Any
other cell is the JSON text of its type: `true` (in any case), `12`, `1.5e3`, an ISO 8601 date, base64.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import orjson

from ..signature.datatypes import DataType
from ..signature.specs import ColumnSchema, Schema
from .envelopes import RawTable
from .errors import NotAllowed, NotParsed, excerpt

_CELL: Final = re.compile(r'(?:"(?P<quoted>[^"]*(?:""[^"]*)*)"|(?P<bare>[^",\r\n]*))(?P<end>,|\r\n|\n|\r|\Z)')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,400})(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_NUMBERS: Final = frozenset({DataType.INTEGER, DataType.LONG, DataType.FLOAT, DataType.DOUBLE})
_NUMBERS_ONLY: Final = re.compile(r"[-+.0-9eE,]+")
_TEXTS: Final = frozenset({DataType.STRING, DataType.BINARY, DataType.DATETIME})


class _Quoted(str):
    """A cell that stood in quotes: never null, never anything but text where the schema does not say."""

    __slots__ = ()


def read_csv(body: bytes, schema: Schema | None) -> RawTable:
    """Return the table of a CSV body, its cells as the JSON values of their columns' types.

    A byte order mark is passed over, so is an empty line in a table of several columns; in a table of one column it
    is a null.

    Raises:
        NotParsed: It is not UTF-8 or not CSV, has no header, has a column twice, or rows of another length.
        NotAllowed: The schema has tensors or nested columns, which CSV cannot carry.
    """
    require_flat(schema)
    try:
        text = body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as broken:
        raise NotParsed(f"The body is not UTF-8: {broken.reason}", position=broken.start) from None
    if not text.strip():
        raise NotParsed("The body is empty")
    header, *rows = _split_rows(text)
    labels = [str(label) for label in header]
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise NotParsed(f"The column {excerpt(twice)} stands twice in the header", column=twice[:80])
    if len(labels) > 1:
        rows = [row for row in rows if row != [""]]
    for at, row in enumerate(rows):
        if len(row) != len(labels):
            raise NotParsed(f"Row {at} has {len(row)} cells, the header {len(labels)}", row=at)
    kinds = _kinds(schema, labels)
    cells = zip(*rows, strict=True) if rows else [()] * len(labels)
    columns: dict[str | int, Sequence[Any]] = {
        label: _read_column(column, kind) for label, kind, column in zip(labels, kinds, cells, strict=True)
    }
    return RawTable(columns=columns, n_rows=len(rows))


def require_flat(schema: Schema | None) -> None:
    """Pass a schema whose data CSV can carry.

    Raises:
        NotAllowed: It has tensors or nested columns.
    """
    if schema is None:
        return
    if not isinstance(schema, ColumnSchema):
        raise NotAllowed("CSV cannot carry tensors; send inputs as JSON")
    for name, spec in zip(schema.names, schema.columns, strict=True):
        if not isinstance(spec.type, DataType):
            raise NotAllowed(f"CSV cannot carry column {excerpt(name)}, which is nested; send JSON", column=name)


def _kinds(schema: Schema | None, labels: list[str]) -> list[DataType | None]:
    """Return the scalar type of each column, None for one that the schema does not name."""
    if not isinstance(schema, ColumnSchema):
        return [None] * len(labels)
    by_name = {str(name): spec.type for name, spec in zip(schema.names, schema.columns, strict=True)}
    if not schema.is_named and len(labels) == len(schema.columns) and by_name.keys() != set(labels):
        by_name = {label: spec.type for label, spec in zip(labels, schema.columns, strict=True)}
    kinds = [by_name.get(label) for label in labels]
    return [kind if isinstance(kind, DataType) else None for kind in kinds]


def _split_rows(text: str) -> list[list[str]]:
    """Return the cells of each line; the lines below the last quote, most often all but the header, are split at once.

    Raises:
        NotParsed: A quote stands where none can.
    """
    first_plain = text.find("\n", text.rfind('"') + 1) + 1 if "\r" not in text else 0
    if not first_plain:
        return _split_quoted_rows(text)
    plain = text[first_plain:].removesuffix("\n")
    rows = _split_quoted_rows(text[:first_plain])
    return [*rows, *(line.split(",") for line in plain.split("\n"))] if first_plain < len(text) else rows


def _split_quoted_rows(text: str) -> list[list[str]]:
    rows: list[list[str]] = []
    row: list[str] = []
    position = 0
    while True:
        found = _CELL.match(text, position)
        if found is None:
            raise NotParsed(f"Row {len(rows)} of the body is not CSV: a quote stands alone", position=position)
        quoted = found["quoted"]
        row.append(found["bare"] if quoted is None else _Quoted(quoted.replace('""', '"')))
        position = found.end()
        if found["end"] != ",":
            rows.append(row)
            row = []
            if position == len(text):
                return rows


def _read_column(cells: Sequence[str], kind: DataType | None) -> list[Any]:
    if kind in _NUMBERS and set(map(type, cells)) == {str}:
        text = ",".join(cells)
        if _NUMBERS_ONLY.fullmatch(text):
            with suppress(orjson.JSONDecodeError):  # the cell that is no JSON is found one by one
                values: list[Any] = orjson.loads(f"[{text}]")
                return values
    return [_read_cell(cell, kind) for cell in cells]


def _read_cell(cell: str, kind: DataType | None) -> object:
    """Return the JSON value of a cell; a text where it is none of its type, for the type's reader to refuse."""
    if cell == "" and not isinstance(cell, _Quoted):
        return None
    if kind in _TEXTS or (kind is None and isinstance(cell, _Quoted)):
        return str(cell)
    if kind is DataType.BOOLEAN or kind is None:
        known = _BOOLEANS.get(cell.lower())
        if known is not None or kind is not None:
            return str(cell) if known is None else known
    number = _NUMBER.fullmatch(cell)
    if number is None:
        return str(cell)
    if number["fraction"] or number["exponent"]:
        value = float(cell)
        return value if abs(value) != float("inf") else str(cell)
    return int(cell)
