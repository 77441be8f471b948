"""The neutral values that travel between front and worker where JSON and numpy have no form of their own.

Both interpreters know these classes under their own module name; nothing of either side's libraries is pickled.
Python 3.8 has neither slots nor keyword-only fields for dataclasses, hence plain frozen ones.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple


class Storage(enum.Enum):
    """How the cells of a column are held."""

    ARRAY = "array"  # a one-dimensional numpy array of booleans, numbers, dates or durations
    TEXT = "text"  # a list of str and None
    BYTES = "bytes"  # a list of bytes and None
    NESTED = "nested"  # a list of anything that travels


class Missing(enum.Enum):
    """A missing value of pandas; None and NaN travel as themselves."""

    NAT = "NaT"
    NA = "NA"


@dataclass(frozen=True, eq=False)
class ColumnValue:
    """One column of a table.

    Attributes:
        name: Its label; str or int in a request, any value that travels in an answer.
        storage: How `values` is held.
        values: The cells, one for each row.
        nulls: With `Storage.ARRAY`, a boolean array that is True where the cell is null and the array's own type
            has no null (integers, booleans); None where there is none. Null dates are NaT, null floats NaN.
        dtype: In an answer the name of the pandas dtype that the model gave; empty in a request.
    """

    name: Any
    storage: Storage
    values: Any
    nulls: Any = None
    dtype: str = ""


@dataclass(frozen=True, eq=False)
class TableValue:
    """A data frame.

    Attributes:
        columns: In order; names may repeat in an answer.
        n_rows: The number of rows, which a table of no columns has too.
        index: The row labels, or None for 0 to n - 1.
    """

    columns: Tuple[ColumnValue, ...]
    n_rows: int
    index: Optional[Tuple[Any, ...]] = None


@dataclass(frozen=True, eq=False)
class SeriesValue:
    """A series of pandas: one column, with its name and row labels."""

    column: ColumnValue
    index: Optional[Tuple[Any, ...]] = None


@dataclass(frozen=True, eq=False)
class ExactAxis:
    """The labels of the rows or columns of an `ExactFrame`.

    Attributes:
        length: How many there are.
        labels: An array or a list, or None for a range from 0; a label of several levels is a tuple.
        dtype: The name of the pandas dtype.
        names: The name of each level.
    """

    length: int
    labels: Any
    dtype: str
    names: List[Any]


@dataclass(frozen=True, eq=False)
class ExactPart:
    """Columns of one dtype of an `ExactFrame`.

    Attributes:
        positions: Which columns.
        dtype: The name of the pandas dtype.
        values: An array of rows and columns, or the list of the cells of one column.
        nulls: Of one column with a mask, where it is null.
        categories: Of one categorical column, the categories in order.
        is_ordered: Whether the order of the categories means something.
    """

    positions: List[int]
    dtype: str
    values: Any
    nulls: Any = None
    categories: Any = None
    is_ordered: bool = False


@dataclass(frozen=True, eq=False)
class ExactFrame:
    """A data frame, or a series where `is_series`, with all that a record keeps and an answer does not need."""

    parts: List[ExactPart]
    columns: ExactAxis
    index: ExactAxis
    is_series: bool = False


@dataclass(frozen=True, eq=False)
class ExactMasked:
    """A masked array of numpy, the values below the mask included."""

    values: Any
    mask: Any


@dataclass(frozen=True, eq=False)
class ExactFields:
    """A structured array of numpy: one array for each field."""

    names: Tuple[str, ...]
    arrays: Tuple[Any, ...]
    shape: Tuple[int, ...]


@dataclass(frozen=True)
class TimestampValue:
    """A `pandas.Timestamp`.

    Attributes:
        text: ISO 8601, to the nanosecond, with the offset where there is a zone.
        unix_ns: Nanoseconds since 1970 in UTC; of a naive one as if it were in UTC.
        zone: The zone's name, or None where naive.
    """

    text: str
    unix_ns: int
    zone: Optional[str] = None


@dataclass(frozen=True)
class OpaqueValue:
    """A value that neither JSON nor this protocol has a form for, such as a set, a Decimal or a sparse matrix.

    Attributes:
        type_name: Module and qualified name of its type, such as `decimal.Decimal`.
        text: Its `repr`, shortened.
    """

    type_name: str
    text: str


@dataclass(frozen=True)
class SourceLocation:
    """Where in the source code a frame of a traceback stands."""

    file: str
    line: int
    function: str


@dataclass(frozen=True)
class ExceptionRecord:
    """An exception that the model raised, as data.

    Attributes:
        type: The class's qualified name.
        module: The class's module.
        mro_names: Module and qualified name (without `builtins.`) of the class and its bases, in order, `object`
            left out.
        message: `str()` of the exception.
        traceback: As the interpreter prints it, chained exceptions included, this package's own frames left out.
        deliberate: Whether the last frame stands on a `raise` statement of Python code.
        last_frame: The innermost frame, None where the exception has no traceback.
    """

    type: str
    module: str
    mro_names: Tuple[str, ...]
    message: str
    traceback: str
    deliberate: bool
    last_frame: Optional[SourceLocation] = None
