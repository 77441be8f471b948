"""Turns what a request carries into what the model receives: the types that MLflow's server would have made."""

from __future__ import annotations

from typing import Any

from .values import ColumnValue, Storage, TableValue


def as_model_input(data: Any) -> Any:
    """Return a table as a `pandas.DataFrame`, anything else as it is.

    Numbers, booleans and dates arrive in the dtype that was sent. Integers and booleans with nulls, for which numpy has
    no null, arrive as Python objects with None between them: exact, where a column of floats would not be. Text takes
    the dtype that the environment's pandas gives to text (`str` from pandas 3 on, `object` before).
    """
    return as_frame(data) if isinstance(data, TableValue) else data


def as_frame(table: TableValue) -> Any:
    """Return a table as a `pandas.DataFrame`."""
    import pandas as pd

    cells = {at: _as_cells(column) for at, column in enumerate(table.columns)}  # by position: names may repeat
    index = pd.RangeIndex(table.n_rows) if table.index is None else pd.Index(list(table.index))
    frame = pd.DataFrame(cells, index=index)
    frame.columns = _labels([column.name for column in table.columns])
    return frame


def _labels(names: Any) -> Any:
    import pandas as pd

    return pd.RangeIndex(0) if not names else pd.Index(names)


def _as_cells(column: ColumnValue) -> Any:
    if column.storage is Storage.TEXT:
        return column.values
    if column.storage is Storage.ARRAY:
        if column.nulls is None:
            return column.values
        values = column.values.astype(object)
        values[column.nulls] = None
        return values
    return _as_objects(column.values)


def _as_objects(values: Any) -> Any:
    import numpy as np

    cells = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):  # item by item: numpy would take lists for dimensions
        cells[at] = value
    return cells
