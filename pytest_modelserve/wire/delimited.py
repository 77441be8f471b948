"""A table as CSV: the comma separated values that MLflow's server reads."""

from __future__ import annotations

from .json_text import write_json
from .payloads import Table
from .values import as_json_value


def as_csv(table: Table) -> bytes:
    """Return a table as UTF-8 text with a header line.

    Text is always quoted, quotes doubled; numbers, booleans and dates are bare; null, NaN and NaT are empty and
    bare, so that a reader can tell them from the empty text `""`. Lines end with a line feed.
    """
    lines = [",".join(_quoted(str(name)) for name in table.columns)]
    lines.extend(",".join(map(_cell, row)) for row in table.rows)
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _cell(value: object) -> str:
    plain = as_json_value(value)
    if plain is None:
        return ""
    if isinstance(plain, str):
        return _quoted(plain) if isinstance(value, str | bytes | bytearray) else plain
    return write_json(plain).decode("ascii")


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
