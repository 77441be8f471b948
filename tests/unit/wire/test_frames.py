"""A payload in a test's own terms: every cell arrives in the frame as it is, with the declared dtype where it fits."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature
from pytest_modelserve.wire.frames import as_frame
from pytest_modelserve.wire.payloads import Table, Tensors

NS = np.datetime64("2001-02-03T04:05:06.123456789", "ns")


def signature(**types: DataType) -> Signature:
    columns = tuple(ColumnSpec(name=name, type=kind, required=True) for name, kind in types.items())
    return Signature(inputs=ColumnSchema(columns=columns))


def column(kind: DataType, *cells: object) -> pd.Series:
    frame = as_frame(Table(columns=("c",), rows=tuple((cell,) for cell in cells)), signature(c=kind))
    assert isinstance(frame, pd.DataFrame)
    return frame["c"]


@pytest.mark.parametrize(
    ("kind", "cells", "dtype"),
    [
        (DataType.BOOLEAN, (True, False), "bool"),
        (DataType.INTEGER, (-(2**31), 2**31 - 1), "int32"),
        (DataType.LONG, (-(2**63), 2**63 - 1), "int64"),
        (DataType.FLOAT, (1.5, 3), "float32"),
        (DataType.DOUBLE, (1e308, 2**53), "float64"),
        (DataType.DATETIME, (NS, datetime.fromisoformat("2001-02-03")), "datetime64[ns]"),
        (DataType.STRING, ("a", "nan"), "object"),
        (DataType.BINARY, (b"\x00", b""), "object"),
    ],
)
def test_the_dtype_is_the_declared_one(kind: DataType, cells: tuple[object, ...], dtype: str) -> None:
    series = column(kind, *cells)
    assert series.dtype == dtype
    assert [cell == given for cell, given in zip(series, cells, strict=True)] == [True, True]


@pytest.mark.parametrize("kind", [DataType.FLOAT, DataType.DOUBLE, DataType.DATETIME])
def test_a_null_becomes_the_one_of_the_dtype(kind: DataType) -> None:
    series = column(kind, None)
    assert series.isna().all()
    assert series.dtype != object


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (DataType.LONG, None),
        (DataType.BOOLEAN, None),
        (DataType.BOOLEAN, 1),
        (DataType.LONG, True),
        (DataType.LONG, 1.5),
        (DataType.LONG, 2**63),
        (DataType.INTEGER, 2**31),
        (DataType.LONG, "7"),
        (DataType.DOUBLE, "7"),
        (DataType.DOUBLE, True),
        (DataType.DOUBLE, 2**53 + 1),
        (DataType.DOUBLE, 10**400),
        (DataType.FLOAT, 1e39),
        (DataType.FLOAT, 2**24 + 1),
        (DataType.DATETIME, "2001-01-01"),
        (DataType.DATETIME, datetime.fromisoformat("3000-01-01")),
        (DataType.DATETIME, np.datetime64("3000-01-01", "s")),
        (DataType.DATETIME, datetime(2001, 1, 1, tzinfo=timezone.utc)),
        (DataType.STRING, 7),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_cell_that_the_dtype_cannot_hold_stays_what_it_is(kind: DataType, cell: object) -> None:
    series = column(kind, cell)
    assert series.dtype == object
    assert series[0] is cell


@given(st.lists(st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=2)), max_size=4))
def test_no_cell_changes_its_value_whatever_the_declared_type(cells: list[Any]) -> None:
    for kind in (DataType.BOOLEAN, DataType.INTEGER, DataType.LONG, DataType.DOUBLE, DataType.STRING):
        for shown, cell in zip(column(kind, *cells), cells, strict=True):
            if cell is None or cell != cell:  # noqa: PLR0124 - only NaN is not itself
                assert pd.isna(shown)
            else:
                assert shown == cell


def test_columns_keep_their_order_and_may_repeat_or_be_numbers() -> None:
    frame = as_frame(Table(columns=("b", 0, "b"), rows=((1, "x", 2.5), (3, "y", None))), signature(b=DataType.LONG))
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["b", 0, "b"]
    assert frame.iloc[0].tolist() == [1, "x", 2.5]
    assert [str(dtype) for dtype in frame.dtypes] == ["int64", "object", "object"]


def test_no_rows_keep_columns_and_dtypes_and_no_columns_keep_rows() -> None:
    empty = as_frame(Table(columns=("n",), rows=()), signature(n=DataType.LONG))
    assert isinstance(empty, pd.DataFrame)
    assert (empty.shape, str(empty["n"].dtype)) == ((0, 1), "int64")
    bare = as_frame(Table(columns=(), rows=((), ())))
    assert isinstance(bare, pd.DataFrame)
    assert bare.shape == (2, 0)


def test_without_a_signature_cells_are_what_they_are() -> None:
    frame = as_frame(Table(columns=("n",), rows=((1,),)))
    assert isinstance(frame, pd.DataFrame)
    assert frame["n"].dtype == object


def test_the_only_tensor_comes_bare_and_named_ones_in_a_dict() -> None:
    array = np.zeros((2, 3))
    assert as_frame(Tensors(arrays={None: array})) is array
    assert as_frame(Tensors(arrays={None: [[1], [2, 3]]})) == {None: [[1], [2, 3]]}
    named = as_frame(Tensors(arrays={"image": array}))
    assert isinstance(named, dict)
    assert named["image"] is array
