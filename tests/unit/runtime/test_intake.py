"""A table becomes the data frame that MLflow's server would have made of the same request."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.runtime.frames import ColumnValue, Storage, TableValue
from pytest_modelserve.runtime.intake import as_frame, as_model_input


def array(name: str | int, values: list[object], dtype: str, nulls: list[bool] | None = None) -> ColumnValue:
    return ColumnValue(name, Storage.ARRAY, np.array(values, dtype=dtype), None if nulls is None else np.array(nulls))


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "float64", "datetime64[ns]"])
@pytest.mark.parametrize("n_rows", [0, 2])
def test_arrays_keep_their_dtype(dtype: str, n_rows: int) -> None:
    frame = as_frame(TableValue((array("x", [0] * n_rows, dtype),), n_rows))

    assert frame["x"].dtype == np.dtype(dtype)
    assert len(frame) == n_rows


def test_text_takes_the_dtype_that_pandas_gives_to_text() -> None:
    frame = as_frame(TableValue((ColumnValue("x", Storage.TEXT, ["a", None]),), 2))

    assert frame["x"].dtype == pd.Series(["a"]).dtype
    assert frame["x"].isna().tolist() == [False, True]


@pytest.mark.parametrize("values", [[], [None, None], ["\ud800", "a"]])
def test_text_that_pandas_cannot_tell_or_hold_is_objects(values: list[str | None]) -> None:
    frame = as_frame(TableValue((ColumnValue("x", Storage.TEXT, values),), len(values)))

    assert frame["x"].dtype == np.dtype(object)
    assert frame["x"].tolist() == values


def test_bytes_and_nested_cells_stay_as_they_are() -> None:
    columns = (
        ColumnValue("b", Storage.BYTES, [b"", None]),
        ColumnValue("n", Storage.NESTED, [[1, [2]], {"a": None}]),
        ColumnValue("t", Storage.NESTED, ["text", "more"]),
    )

    frame = as_frame(TableValue(columns, 2))

    assert frame.dtypes.tolist() == [np.dtype(object)] * 3
    assert frame["b"].tolist() == [b"", None]
    assert frame["n"].tolist() == [[1, [2]], {"a": None}]


def test_integers_with_nulls_stay_exact() -> None:
    frame = as_frame(TableValue((array("x", [2**53 + 1, 0], "int64", [False, True]),), 2))

    assert frame["x"].tolist() == [2**53 + 1, None]


def test_names_may_repeat_and_be_integers() -> None:
    frame = as_frame(TableValue((array(0, [1], "int64"), array(0, [2], "int64")), 1))

    assert list(frame.columns) == [0, 0]
    assert frame.to_numpy().tolist() == [[1, 2]]


def test_the_index_labels_rows_of_every_kind_of_column() -> None:
    columns = (
        array("a", [1, 2], "int64"),
        ColumnValue("s", Storage.TEXT, ["x", "y"]),
        ColumnValue("n", Storage.NESTED, [[1], [2]]),
    )

    frame = as_frame(TableValue(columns, 2, (7, 9)))

    assert frame.index.tolist() == [7, 9]
    assert frame.loc[9].tolist() == [2, "y", [2]]


def test_a_table_of_no_columns_has_rows() -> None:
    assert as_frame(TableValue((), 3)).shape == (3, 0)


def test_what_is_no_table_is_handed_over_as_it_is() -> None:
    data = {"x": np.zeros(2)}

    assert as_model_input(data) is data
