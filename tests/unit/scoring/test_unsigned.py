"""Models without an input signature: the types that JSON tells, and nothing cast to fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import Storage
from pytest_modelserve.scoring.unsigned import infer_array
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ParamSpec, Signature


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        ([True, False], "bool"),
        ([1, -2], "int64"),
        ([-(2**63), 2**63 - 1], "int64"),
        ([2**63, 1], "uint64"),
        ([0, 2**64 - 1], "uint64"),
        ([1, 2.5], "float64"),
        ([1, None], "float64"),
        ([1, 2.5, None], "float64"),
        ([2**53, 0.5], "float64"),
        ([-(2**53), None], "float64"),
        ([], "float64"),
    ],
)
def test_columns_of_one_kind_of_number_are_arrays(serve: Any, cells: list[Any], dtype: str) -> None:
    (column,) = serve().receive({"dataframe_split": {"columns": ["x"], "data": [[c] for c in cells]}}).columns
    assert (column.storage, column.values.dtype) == (Storage.ARRAY, dtype)
    np.testing.assert_array_equal(column.values, np.array([np.nan if c is None else c for c in cells], dtype=dtype))


@pytest.mark.parametrize(
    "cells",
    [
        [2**63, -1],
        [2**53 + 1, 0.5],
        [-(2**53) - 1, None],
        [-(2**63) - 1],
        [2**64, 0],
        [2**70, 1],
        [True, 1],
        [1, "a"],
        [None, None],
        [[1], {"a": 2}],
    ],
)
def test_what_no_array_holds_exactly_stays_as_it_is(serve: Any, cells: list[Any]) -> None:
    (column,) = serve().receive({"dataframe_records": [{"x": c} for c in cells]}).columns
    assert column.storage is Storage.NESTED
    assert [(type(cell), cell) for cell in column.values] == [(type(cell), cell) for cell in cells]


def test_one_long_text_does_not_widen_all_others(serve: Any) -> None:
    texts = ["a" * 1_000, *["b"] * 20_000]
    received = serve().receive({"inputs": texts})
    assert (received.dtype, received.tolist()) == (object, texts)


def test_text_stays_text(serve: Any) -> None:
    (column,) = serve().receive({"dataframe_records": [{"x": "007"}, {"x": None}, {}]}).columns
    assert (column.storage, column.values) == (Storage.TEXT, ["007", None, None])


def test_a_split_without_columns_counts_them(serve: Any) -> None:
    table = serve().receive({"dataframe_split": {"data": [[1, "a"]], "index": [7]}})
    assert ([column.name for column in table.columns], table.index) == ([0, 1], (7,))


@pytest.mark.parametrize("envelope", ["inputs", "instances"])
@pytest.mark.parametrize(
    ("content", "dtype", "shape"),
    [
        ([1, 2], "int64", (2,)),
        ([[1.5, 2]], "float64", (1, 2)),
        ([[True]], "bool", (1, 1)),
        (["a", "bc"], "<U2", (2,)),
        (["a\0"], "object", (1,)),
        ([1, "a"], "object", (2,)),
        ([True, 1], "object", (2,)),
        ([1.5, None], "object", (2,)),
        ([2**63, -1], "object", (2,)),
        (3, "int64", ()),
        ([], "float64", (0,)),
        ([[], []], "float64", (2, 0)),
    ],
)
def test_lists_are_arrays(serve: Any, envelope: str, content: Any, dtype: str, shape: tuple[int, ...]) -> None:
    received = serve().receive({envelope: content})
    assert (received.dtype, received.shape) == (np.dtype(dtype), shape)
    assert received.tolist() == content


def test_objects_are_dicts_of_arrays(serve: Any) -> None:
    received = serve().receive({"inputs": {"a": [1, 2], "b": [["x"]]}})
    assert {name: array.shape for name, array in received.items()} == {"a": (2,), "b": (1, 1)}


def test_lists_of_objects(serve: Any) -> None:
    rows = [{"a": 1, "b": [1.5]}, {"a": 2, "b": [2.5]}]
    assert serve().receive({"inputs": rows}) == rows
    joined = serve().receive({"instances": rows})
    assert (joined["a"].tolist(), joined["b"].tolist()) == ([1, 2], [[1.5], [2.5]])


@pytest.mark.parametrize("content", [[[1], [1, 2]], [1, [2]], {"a": [[1], 2]}, [{"a": 1}, {"b": 1}]])
def test_ragged_lists_and_records_are_refused(serve: Any, content: Any) -> None:
    serve().refuse({"instances": content})


def test_csv_is_read_by_its_looks_and_loses_nothing(serve: Any) -> None:
    body = b'i,f,b,t,q,n\n1,1.5,true,007,"1",\n-2,2,FALSE,x,"",\n'
    table = serve().receive(body, "text/csv")
    columns = {column.name: list(column.values) for column in table.columns}
    assert columns == {
        "i": [1, -2],
        "f": [1.5, 2.0],
        "b": [True, False],
        "t": ["007", "x"],
        "q": ["1", ""],
        "n": [None, None],
    }


def test_params_may_be_declared_without_inputs(serve: Any) -> None:
    server = serve(Signature(params=(ParamSpec(name="k", type=DataType.LONG, default=3),)))
    server.receive({"inputs": [1]})
    assert server.worker.received[0][1] == {"k": 3}


@pytest.mark.parametrize("texts", [["a\0", "b"], ["b", "a\0"], ["a\0"]])
def test_an_array_with_a_text_that_ends_in_nul_keeps_it(texts: list[str]) -> None:
    found: Any = infer_array(texts, "inputs")
    assert (found.dtype, found.tolist()) == (object, texts)
