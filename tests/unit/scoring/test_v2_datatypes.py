"""Which datatypes a declared one takes: those each value of which is exactly one of its own."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_modelserve.scoring.scalars import Misfit
from pytest_modelserve.scoring.v2_datatypes import Datatype, datatype_of, is_taken, read_values

TAKEN = {
    "BOOL": "BOOL",
    "BYTES": "BYTES",
    "INT8": "INT8",
    "INT16": "INT16 INT8 UINT8",
    "INT32": "INT32 INT16 INT8 UINT16 UINT8",
    "INT64": "INT64 INT32 INT16 INT8 UINT32 UINT16 UINT8",
    "UINT8": "UINT8",
    "UINT16": "UINT16 UINT8",
    "UINT32": "UINT32 UINT16 UINT8",
    "UINT64": "UINT64 UINT32 UINT16 UINT8",
    "FP16": "FP16 INT8 UINT8",
    "FP32": "FP32 FP16 INT16 INT8 UINT16 UINT8",
    "FP64": "FP64 FP32 FP16 INT32 INT16 INT8 UINT32 UINT16 UINT8",
}


@pytest.mark.parametrize("declared", Datatype)
def test_what_a_datatype_takes(declared: Datatype) -> None:
    assert {sent.value for sent in Datatype if is_taken(sent, declared)} == set(TAKEN[declared.value].split())


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        *(("BOOL", "bool"), ("BYTES", "object"), ("UINT8", "uint8"), ("INT64", "int64")),
        *(("FP16", "float16"), ("FP32", "float32"), ("FP64", "float64")),
    ],
)
def test_the_dtype_that_holds_a_datatype(datatype: str, dtype: str) -> None:
    assert Datatype(datatype).dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "datatype"),
    [
        *(("bool", "BOOL"), ("int8", "INT8"), ("uint32", "UINT32"), ("float16", "FP16"), ("float64", "FP64")),
        *(("longdouble", "FP64"), ("complex64", "FP32"), ("complex128", "FP64"), ("clongdouble", "FP64")),
        *(("m8[s]", "INT64"), ("M8[s]", "BYTES"), ("object", "BYTES"), ("U3", "BYTES"), ("S3", "BYTES")),
    ],
)
def test_the_datatype_that_carries_a_dtype(dtype: str, datatype: str) -> None:
    assert datatype_of(np.dtype(dtype)) is Datatype(datatype)


def test_the_place_of_a_misfit_counts_nulls() -> None:
    with pytest.raises(Misfit) as caught:
        read_values(Datatype.INT8, [None, 1, None, 300])
    assert caught.value.at == 3


@pytest.mark.parametrize(
    ("datatype", "values", "read"),
    [
        (Datatype.FP16, [0.1, None, 1], [0.0999755859375, None, 1.0]),
        (Datatype.FP32, [None, 0.1, 16777217], [None, 0.10000000149011612, 16777216.0]),
        (Datatype.FP64, [0.1, None], [0.1, None]),
        (Datatype.INT64, [2**53 + 1, None], [2**53 + 1, None]),
        (Datatype.BYTES, ["a", None], ["a", None]),
    ],
)
def test_values_are_the_nearest_of_their_datatype(datatype: Datatype, values: list[object], read: list[object]) -> None:
    assert read_values(datatype, values) == read
