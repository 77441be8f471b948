"""What a model was given or returned, as the spy recorded it: exact, and free of the model's own libraries.

Everything that has no class here is itself: Python's own values, and numpy arrays and scalars with their dtype.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Missing(enum.Enum):
    """A missing value of pandas; None and NaN are themselves."""

    NAT = "NaT"
    NA = "NA"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedIndex:
    """The labels of rows, or of columns.

    Attributes:
        labels: In order; a tuple each where there are several levels.
        dtype: The name of the pandas dtype.
        names: The name of each level, None where it has none.
    """

    labels: tuple[object, ...]
    dtype: str
    names: tuple[object, ...] = (None,)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedColumn:
    """One column.

    Attributes:
        name: Its label.
        dtype: The name of the pandas dtype.
        values: The cells: numpy scalars of the column's own type where numpy holds them, `Missing.NA` where a column
            with a mask is null, else what Python shows of them.
        categories: Of a categorical column, its categories in order.
        is_ordered: Whether their order means something.
    """

    name: object
    dtype: str
    values: tuple[object, ...]
    categories: tuple[object, ...] | None = None
    is_ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTable:
    """A data frame.

    Attributes:
        columns: In order; names may repeat.
        n_rows: The number of rows, which a table of no columns has too.
        index: The row labels, None for a range from 0 without a name.
        labels: The index of the columns.
    """

    columns: tuple[RecordedColumn, ...]
    n_rows: int
    index: RecordedIndex | None = None
    labels: RecordedIndex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSeries:
    """A series of pandas: a column with row labels, None for a range from 0 without a name."""

    column: RecordedColumn
    index: RecordedIndex | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTimestamp:
    """A `pandas.Timestamp`.

    Attributes:
        text: ISO 8601, to the nanosecond, with the offset where there is a zone.
        unix_ns: Nanoseconds since 1970 in UTC; of a naive one as if it were in UTC.
        zone: The zone's name, None where naive.
    """

    text: str
    unix_ns: int
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOpaque:
    """What has no form here: an object of the model's own, or one that could not be read.

    Attributes:
        type_name: Module and qualified name of its type.
        text: Its `repr`, shortened, or why it could not be read.
    """

    type_name: str
    text: str
