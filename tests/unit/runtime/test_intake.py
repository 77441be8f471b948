"""A table becomes the data frame that MLflow's server would have made of the same request."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelserve.runtime.frames import ColumnValue, Predictions, Storage, TableValue, read_message
from pytest_modelserve.runtime.intake import as_frame, as_model_input
from pytest_modelserve.runtime.outgoing import encode_predictions


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


CELLS = {
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "datetime64[ns]": st.integers(-(2**63) + 1, 2**63 - 1),
}


@st.composite
def tables(draw: st.DrawFn) -> TableValue:
    n_rows = draw(st.integers(0, 4))

    def cells(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=n_rows, max_size=n_rows))

    def column(name: str) -> ColumnValue:
        kind = draw(st.sampled_from([*CELLS, "text", "bytes", "nested"]))
        if kind in CELLS:
            return ColumnValue(name, Storage.ARRAY, np.array(cells(CELLS[kind]), dtype=kind))
        if kind == "text":
            return ColumnValue(name, Storage.TEXT, cells(st.text()))
        if kind == "bytes":
            return ColumnValue(name, Storage.BYTES, cells(st.binary(min_size=1)))
        return ColumnValue(name, Storage.NESTED, cells(st.lists(st.integers() | st.text())))

    return TableValue(tuple(column(name) for name in draw(st.lists(st.sampled_from("abc"), max_size=4))), n_rows)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(tables())
def test_a_model_that_returns_its_input_answers_what_was_asked(table: TableValue) -> None:
    answer = encode_predictions(1, as_frame(table), 0.0)
    message = read_message(io.BufferedReader(io.BytesIO(answer)))

    assert isinstance(message, Predictions)
    assert (message.value.n_rows, message.value.index) == (table.n_rows, None)
    assert [column.name for column in message.value.columns] == [column.name for column in table.columns]
    for received, sent in zip(message.value.columns, table.columns, strict=True):
        if sent.storage is Storage.ARRAY:
            assert received.values.dtype == sent.values.dtype
            assert received.values.tobytes() == sent.values.tobytes()
        else:
            assert received.values == sent.values


def test_what_is_no_table_is_handed_over_as_it_is() -> None:
    data = {"x": np.zeros(2)}

    assert as_model_input(data) is data
