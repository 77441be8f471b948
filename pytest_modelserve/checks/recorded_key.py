"""A key of what a model was given: two requests share it only if the model could not tell them apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np

from .recorded import RecordedSeries, RecordedTable


def recorded_key(value: object) -> Hashable:
    """Return a key that two recorded values share only if they are the same, dtypes included and row labels left out.

    True is not 1, 1 is not 1.0, and 0.0 is not -0.0.
    """
    if isinstance(value, RecordedTable):
        columns = ((repr(column.name), column.dtype, recorded_key(column.values)) for column in value.columns)
        return ("table", value.n_rows, *columns)
    if isinstance(value, RecordedSeries):
        return ("series", value.column.dtype, recorded_key(value.column.values))
    if isinstance(value, np.ndarray):
        content = recorded_key(value.ravel().tolist()) if value.dtype.hasobject else value.tobytes()
        return ("array", value.dtype.str, value.shape, content)
    if isinstance(value, list | tuple):
        return (type(value).__name__, *map(recorded_key, value))
    if isinstance(value, Mapping):
        return ("map", *((repr(key), recorded_key(item)) for key, item in value.items()))
    return (type(value).__name__, repr(value))
