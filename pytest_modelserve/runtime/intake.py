"""Turns what a request carries into what the model receives: the types that MLflow's server would have made."""

from __future__ import annotations

from typing import Any

from .frames import LibraryMissing
from .values import ColumnValue, Storage, TableValue


def as_model_input(data: Any) -> Any:
    """Return a table as a `pandas.DataFrame`, anything else as it is.

    Numbers, booleans and dates arrive in the dtype that was sent. Integers and booleans with nulls, for which numpy has
    no null, arrive as Python objects with None between them: exact, where a column of floats would not be. Text takes
    the dtype that the environment's pandas gives to text (`str` from pandas 3 on, `object` before).

    Raises:
        LibraryMissing: The environment lacks what the data needs, and `data` is the error that says so.
        ModuleNotFoundError: A table came, and the environment has no pandas.
    """
    if isinstance(data, LibraryMissing):
        raise data
    return as_frame(data) if isinstance(data, TableValue) else data


def as_frame(table: TableValue) -> Any:
    """Return a table as a `pandas.DataFrame`."""
    import pandas as pd

    index = pd.RangeIndex(table.n_rows) if table.index is None else pd.Index(list(table.index))
    cells = {at: _as_cells(column, index) for at, column in enumerate(table.columns)}  # by position: names may repeat
    frame = pd.DataFrame(cells, index=index)
    frame.columns = pd.Index([column.name for column in table.columns]) if table.columns else pd.RangeIndex(0)
    return frame


def _as_cells(column: ColumnValue, index: Any) -> Any:
    if column.storage is Storage.TEXT:
        return _as_text(column.values, index)
    if column.storage is not Storage.ARRAY:
        return _as_objects(column.values, index)
    if column.nulls is None:
        return column.values
    values = column.values.astype(object)
    values[column.nulls] = None
    return values


def _as_text(values: Any, index: Any) -> Any:
    import pandas as pd

    if all(value is None for value in values):  # no text to tell pandas what this is
        return _as_objects(values, index)
    try:
        return pd.Series(values, index=index)
    except UnicodeEncodeError:  # lone surrogates, which the Arrow text of pandas 3 cannot hold
        return _as_objects(values, index)


def _as_objects(values: Any, index: Any) -> Any:
    """Return cells as they are; a series, because pandas 3 would look into an array for text."""
    import numpy as np
    import pandas as pd

    cells = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):  # item by item: numpy would take lists for dimensions
        cells[at] = value
    return pd.Series(cells, index=index, dtype=object)
