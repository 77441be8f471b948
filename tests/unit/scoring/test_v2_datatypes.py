"""Which datatypes a declared one takes: those each value of which is exactly one of its own."""

from __future__ import annotations

import pytest

from pytest_modelserve.scoring.scalars import Misfit
from pytest_modelserve.scoring.v2_datatypes import Datatype, is_taken, require_values

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


def test_the_place_of_a_misfit_counts_nulls() -> None:
    with pytest.raises(Misfit) as caught:
        require_values(Datatype.INT8, [None, 1, None, 300])
    assert caught.value.at == 3
