"""The four envelopes of MLflow's protocol, opened into tables of JSON values."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from .errors import NotParsed, excerpt, name_kind


class Envelope(enum.Enum):
    """The key that wraps the data of a JSON request."""

    DATAFRAME_SPLIT = "dataframe_split"
    DATAFRAME_RECORDS = "dataframe_records"
    INPUTS = "inputs"
    INSTANCES = "instances"


PARAMS: Final = "params"
UNIFIED_KEYS: Final = frozenset({"messages", "prompt", "input"})  # a body that has one needs no envelope, MLflow says
_ENVELOPES: Final = {envelope.value: envelope for envelope in Envelope}
_SPLIT_KEYS: Final = frozenset({"columns", "index", "data"})


class _Absent:
    """The type of the mark for a cell that a record leaves out."""

    __slots__ = ()


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A document taken out of its envelope.

    Attributes:
        envelope: Which one it was.
        content: What it held.
        params: What stood beside it under `params`; None where nothing did.
        ignored: Keys beside it that mean nothing.
    """

    envelope: Envelope
    content: Any
    params: Any = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """A table of JSON values, column by column.

    Attributes:
        columns: The cells by label, `ABSENT` where a record has no such key. Labels of records are always texts.
        n_rows: The number of rows, which a table of no columns has too.
        index: The row labels, where the request gives them.
        lacking: The labels of the columns that have an `ABSENT` cell.
        is_ordered: Whether the order of the columns means something; that of JSON keys does not.
    """

    columns: Mapping[str | int, Sequence[Any]]
    n_rows: int
    index: tuple[Any, ...] | None = None
    lacking: frozenset[str | int] = frozenset()
    is_ordered: bool = True


def open_document(document: object) -> Opened:
    """Take the data of a request out of its one envelope.

    Raises:
        NotParsed: The document is no object, or has no envelope or several.
    """
    if not isinstance(document, dict):
        raise NotParsed(f"The body must be a JSON object with an envelope, not {name_kind(document)}")
    found = [key for key in document if key in _ENVELOPES]
    if len(found) != 1:
        many = f"it has {', '.join(found)}" if found else f"it has {_some(document) or 'no key'}"
        raise NotParsed(f"The body must have exactly one of {', '.join(_ENVELOPES)}; {many}")
    (name,) = found
    if unified := sorted(UNIFIED_KEYS & document.keys()):
        raise NotParsed(f"The body has the envelope {name} and {excerpt(unified[0])} beside it: two inputs in one")
    ignored = tuple(key for key in document if key not in _ENVELOPES and key != PARAMS)
    content, params = document[name], document.get(PARAMS)
    return Opened(envelope=_ENVELOPES[name], content=content, params=params, ignored=ignored)


def read_split(content: object) -> RawTable:
    """Read a table in pandas' orientation "split": `columns`, `data`, and an `index` that may be left out.

    Raises:
        NotParsed: A part is missing, unknown or of another form; rows are ragged; a column stands twice.
    """
    if not isinstance(content, dict):
        raise NotParsed(f"dataframe_split must be an object, not {name_kind(content)}")
    if unknown := [key for key in content if key not in _SPLIT_KEYS]:
        raise NotParsed(f"dataframe_split has the unknown key {excerpt(unknown[0])}; it takes columns, index and data")
    rows = content.get("data")
    if not isinstance(rows, list) or not set(map(type, rows)) <= {list}:
        raise NotParsed("dataframe_split needs data, a list with a list for each row")
    labels = _read_labels(content.get("columns"), rows)
    widths = set(map(len, rows))
    if widths - {len(labels)}:
        row = next(at for at, row in enumerate(rows) if len(row) != len(labels))
        raise NotParsed(f"Row {row} of data has {len(rows[row])} cells for {len(labels)} columns", row=row)
    cells: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ([] for _ in labels)
    columns = dict(zip(labels, map(list, cells), strict=True))
    return RawTable(columns=columns, n_rows=len(rows), index=_read_index(content.get("index"), len(rows)))


def _read_labels(labels: object, rows: Sequence[Sequence[Any]]) -> list[str | int]:
    if labels is None:
        return list(range(len(rows[0]))) if rows else []
    if not isinstance(labels, list) or not set(map(type, labels)) <= {str, int}:
        raise NotParsed("The columns of dataframe_split must be a list of strings or integers")
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise NotParsed(f"The column {excerpt(twice)} stands twice in dataframe_split", column=twice)
    return labels


def _read_index(index: object, n_rows: int) -> tuple[Any, ...] | None:
    if index is None:
        return None
    if not isinstance(index, list) or set(map(type, index)) & {list, dict}:
        raise NotParsed("The index of dataframe_split must be a list of row labels")
    if len(index) != n_rows:
        raise NotParsed(f"dataframe_split has {len(index)} row labels in index for {n_rows} rows in data")
    return tuple(index)


def read_records(content: object, *, envelope: Envelope) -> RawTable:
    """Read a list of objects, one a row.

    Raises:
        NotParsed: It is no list, or a row is no object.
    """
    if not isinstance(content, list):
        raise NotParsed(f"{envelope.value} must be a list of objects, not {name_kind(content)}")
    if not set(map(type, content)) <= {dict}:
        row = next(at for at, record in enumerate(content) if type(record) is not dict)
        raise NotParsed(f"Row {row} of {envelope.value} is {name_kind(content[row])}, not an object", row=row)
    columns: dict[str | int, Sequence[Any]] = {}
    lacking: set[str | int] = set()
    names = dict.fromkeys(chain.from_iterable(content))
    is_full = sum(map(len, content)) == len(names) * len(content)
    for name in names:
        cells = [record.get(name, ABSENT) for record in content]
        columns[name] = cells
        if not is_full and any(cell is ABSENT for cell in cells):
            lacking.add(name)
    return RawTable(columns=columns, n_rows=len(content), lacking=frozenset(lacking), is_ordered=False)


def read_columns(content: Mapping[str, Any], *, envelope: Envelope) -> RawTable:
    """Read an object of columns, or of one row where no value is a list.

    Raises:
        NotParsed: Some values are lists and some are not, or lists differ in length: nothing is repeated to fit.
    """
    are_lists = {type(value) is list for value in content.values()}
    if are_lists == {False}:
        return read_one_row(content)
    if not content or len(are_lists) > 1:
        raise NotParsed(f"{envelope.value} must hold a list for each column, or one value for each")
    n_rows = len(next(iter(content.values())))
    for name, cells in content.items():
        if len(cells) != n_rows:
            first = excerpt(next(iter(content)))
            raise NotParsed(f"Column {excerpt(name)} has {len(cells)} cells, column {first} has {n_rows}", column=name)
    columns: dict[str | int, Sequence[Any]] = dict(content.items())
    return RawTable(columns=columns, n_rows=n_rows, is_ordered=False)


def read_one_row(content: Mapping[str, Any]) -> RawTable:
    """Read an object as one row."""
    return RawTable(columns={name: [value] for name, value in content.items()}, n_rows=1, is_ordered=False)


def read_rows(rows: Sequence[Any], n_columns: int, *, envelope: Envelope) -> RawTable:
    """Read a list of rows of a table without column names.

    Raises:
        NotParsed: A row is no list of `n_columns` values.
    """
    for at, row in enumerate(rows):
        if type(row) is not list or len(row) != n_columns:
            raise NotParsed(f"Row {at} of {envelope.value} is {excerpt(row)}, not a list of {n_columns} values", row=at)
    columns: dict[str | int, Sequence[Any]] = {at: [row[at] for row in rows] for at in range(n_columns)}
    return RawTable(columns=columns, n_rows=len(rows))


def _some(document: Mapping[str, Any]) -> str:
    return ", ".join(excerpt(key) for key in list(document)[:3])
