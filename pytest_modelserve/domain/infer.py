"""Propose a domain from real data, and write one as TOML."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import DomainError, MissingExtra
from .spec import ColumnDomain, Domain, Origin

if TYPE_CHECKING:
    import pandas as pd

_MAX_TEXT_LEVELS: Final = 100  # a category of more levels is better told by its length
_MAX_INT_LEVELS: Final = 10  # beyond that a whole number is a quantity
_REPEATS: Final = 2  # levels must come back this often on average, or they are names rather than categories


_NULLS_IN_CSV: Final = ("", "NaN", "nan", "NA", "null", "NULL", "None")


def read_data(path: Path, *, texts: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows of a CSV, Parquet or JSON file (records, or one object a line in .jsonl).

    Args:
        path: The file.
        texts: Columns that are text: in CSV, "001" stays what it is, and so does "NA".

    Raises:
        DomainError: The file is missing, has another suffix, or cannot be parsed.
        MissingExtra: A Parquet file without pyarrow.
    """
    import pandas as pd

    suffix = path.suffix.lower()
    try:
        if suffix == ".csv":
            names = pd.read_csv(path, nrows=0).columns
            return pd.read_csv(
                path,
                dtype={name: "object" for name in names if name in texts},
                keep_default_na=False,
                na_values={name: [""] if name in texts else list(_NULLS_IN_CSV) for name in names},
            )
        if suffix in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        if suffix in {".json", ".jsonl"}:
            # not pandas.read_json, which takes text for dates and numbers
            lines = path.read_text(encoding="utf-8")
            rows = (
                [json.loads(line) for line in lines.splitlines() if line] if suffix == ".jsonl" else json.loads(lines)
            )
            frame: pd.DataFrame = pd.DataFrame(rows)
            return frame
    except ImportError as error:
        raise MissingExtra("parquet", f"reading {path.name}") from error
    except (OSError, ValueError) as error:  # ParserError, ArrowInvalid and EmptyDataError are ValueErrors
        raise DomainError(
            f"the data file {path} cannot be read: {error}", facts={"file": path}, fix="Check the file."
        ) from error
    raise DomainError(
        f'the data file {path} has the suffix "{path.suffix}"',
        facts={"file": path},
        fix="Use .csv, .parquet, .json or .jsonl.",
    )


def from_frame(frame: pd.DataFrame, *, place: str = "data") -> Domain:
    """Return the domain that a frame's rows suggest; see `from_rows`."""
    names = [str(name) for name in frame.columns]
    cells = [[_cell(value) for value in frame.iloc[:, at].tolist()] for at in range(len(names))]
    return _from_columns(dict(zip(names, cells, strict=True)), place)


def from_rows(columns: Sequence[str | int], rows: Iterable[Sequence[object]], *, place: str = "data") -> Domain:
    """Return the domain that rows suggest.

    Numbers and datetimes get min and max; text and whole numbers of few levels that come back get values, the most
    frequent first; other text and bytes a max_length. A column is nullable where a null was seen.
    """
    by_column = list(zip(*rows, strict=True)) or [() for _ in columns]
    cells = {str(name): [_cell(value) for value in column] for name, column in zip(columns, by_column, strict=True)}
    return _from_columns(cells, place)


def as_toml(domain: Domain, *, table: str = "") -> str:
    """Write a domain as TOML that `read_file` reads back, its columns under `table` or at the top.

    In a pyproject.toml the table is `tool.modelserve.domain`.
    """
    prefix = f"{table}." if table else ""
    blocks = []
    for name, column in domain.columns.items():
        lines = [f"[{prefix}{_toml(name)}]"]
        for key in ("min", "max", "values", "pattern", "max_length", "nullable", "unique"):
            value = getattr(column, key)
            if value is not None and not (key == "unique" and value is False):
                lines.append(f"{key} = {_toml(value)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + ("\n" if blocks else "")


def _from_columns(cells: Mapping[str, Sequence[object]], place: str) -> Domain:
    columns = {name: _column(values) for name, values in cells.items()}
    return Domain(
        columns=columns,
        origins=dict.fromkeys(columns, Origin.DATA),
        places=dict.fromkeys(columns, place),
    )


def _column(cells: Sequence[object]) -> ColumnDomain:
    present = [cell for cell in cells if cell is not None]
    nullable = len(present) < len(cells)
    kinds = {type(cell) for cell in present}
    if kinds and kinds <= {int, float}:
        numbers: list[float] = [cell for cell in present if isinstance(cell, int | float)]
        finite = [number for number in numbers if math.isfinite(number)]
        levels = _levels(present, _MAX_INT_LEVELS) if kinds == {int} else None
        return ColumnDomain(
            min=min(finite, default=None), max=max(finite, default=None), values=levels, nullable=nullable
        )
    if kinds == {np.datetime64}:
        moments = np.array(present, dtype="datetime64[ns]")
        return ColumnDomain(min=moments.min(), max=moments.max(), nullable=nullable)
    if kinds == {str}:
        levels = _levels(present, _MAX_TEXT_LEVELS)
        length = None if levels else max(len(cell) for cell in present if isinstance(cell, str))
        return ColumnDomain(values=levels, max_length=length, nullable=nullable)
    if kinds == {bytes}:
        return ColumnDomain(max_length=max(len(c) for c in present if isinstance(c, bytes)), nullable=nullable)
    return ColumnDomain(nullable=nullable)


def _levels(present: Sequence[object], most: int) -> tuple[object, ...] | None:
    counts: dict[object, int] = {}
    for cell in present:
        counts[cell] = counts.get(cell, 0) + 1
    if len(counts) > most or len(counts) * _REPEATS > len(present):
        return None
    return tuple(sorted(counts, key=lambda level: (-counts[level], str(level))))


def _cell(value: object) -> object:
    import pandas as pd

    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.tz_convert(None).to_datetime64() if value.tzinfo else value.to_datetime64()
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        plain: object = value.item()
        return plain
    return value


def _toml(value: object) -> str:
    match value:
        case bool():
            text = "true" if value else "false"
        case np.datetime64():
            # TOML datetimes stop at microseconds in Python: text keeps the nanoseconds
            text = json.dumps(str(value))
        case bytes():
            text = json.dumps(base64.b64encode(value).decode("ascii"))
        case tuple() | list():
            text = f"[{', '.join(_toml(item) for item in value)}]"
        case Mapping():
            text = f"{{ {', '.join(f'{_toml(str(key))} = {_toml(item)}' for key, item in value.items())} }}"
        case str():
            # JSON's escapes are TOML's, but for the delete character, which TOML wants escaped
            text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            text = repr(value)  # inf, -inf and nan are spelled alike in Python and TOML
    return text
