"""Instants that a server wrote in another form are read as the contract has them, if the model returned these."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.checks.instants import with_null_for_no_time, with_text_for_integers
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.signature.datatypes import Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, TensorSchema, TensorSpec

Exchanged = Callable[..., Exchange]

TAKEN = ColumnSchema(
    columns=(ColumnSpec(name="taken", type=DataType.DATETIME), ColumnSpec(name="n", type=DataType.LONG))
)
UNNAMED = TensorSchema(tensors=(TensorSpec(name=None, dtype="datetime64[ns]", shape=(-1,)),))
LISTS = ColumnSchema(columns=(ColumnSpec(name="times", type=Array(items=DataType.DATETIME)),))
NS, TEXT = 1714979289000000001, "2024-05-06T07:08:09.000000001"


@dataclass
class Recorded:
    value: object
    is_recorded: bool = True


def answered(exchanged: Exchanged, predictions: object, returned: Recorded | None = None) -> Exchange:
    exchange = exchanged(body=json.dumps({"predictions": predictions}).encode())
    kept: Any = returned or Recorded(None, is_recorded=False)
    assert exchange.call is not None
    return replace(exchange, call=replace(exchange.call, returned=kept))


def read(exchange: Exchange | None) -> object:
    return None if exchange is None else json.loads(exchange.invocation.body)["predictions"]


@pytest.mark.parametrize(
    ("outputs", "predictions", "expected"),
    [
        (
            TAKEN,
            [{"taken": "NaT", "n": 1}, {"taken": TEXT, "n": 2}],
            [{"taken": None, "n": 1}, {"taken": TEXT, "n": 2}],
        ),
        (TAKEN, {"taken": ["NaT"], "n": [1]}, {"taken": [None], "n": [1]}),
        (UNNAMED, ["NaT", TEXT], [None, TEXT]),
        (LISTS, [{"times": ["NaT"]}], [{"times": [None]}]),
        (TAKEN, [{"taken": TEXT, "n": "NaT"}], None),
        (TAKEN, [{"taken": "nat", "n": 1}], None),
        (None, ["NaT"], None),
    ],
)
def test_the_text_nat_is_read_as_null_where_instants_are_declared(
    outputs: Schema | None, predictions: object, expected: object, exchanged: Exchanged
) -> None:
    assert read(with_null_for_no_time(answered(exchanged, predictions), outputs)) == expected


@pytest.mark.parametrize(
    ("outputs", "predictions", "expected"),
    [
        (TAKEN, {"taken": [NS], "n": [NS]}, {"taken": [TEXT], "n": [NS]}),
        (UNNAMED, [NS, None], [TEXT, None]),
        (LISTS, [{"times": [NS]}], [{"times": [TEXT]}]),
        (UNNAMED, [True, 1.5, 2**63, -(2**63)], None),
        (UNNAMED, [TEXT], None),
    ],
)
def test_integers_are_read_as_text_where_instants_are_declared(
    outputs: Schema, predictions: object, expected: object, exchanged: Exchanged
) -> None:
    assert read(with_text_for_integers(answered(exchanged, predictions), outputs)) == expected


def test_an_answer_is_read_so_if_the_model_returned_instants_alone(exchanged: Exchanged) -> None:
    instants = Recorded(np.array([NS, "NaT"], dtype="datetime64[ns]"))
    assert read(with_text_for_integers(answered(exchanged, [NS, None], instants), UNNAMED)) == [TEXT, None]
    assert read(with_null_for_no_time(answered(exchanged, [TEXT, "NaT"], instants), UNNAMED)) == [TEXT, None]
    counts, texts = Recorded(np.array([NS])), Recorded(["NaT"])
    assert with_text_for_integers(answered(exchanged, [NS], counts), UNNAMED) is None
    assert with_null_for_no_time(answered(exchanged, ["NaT"], texts), UNNAMED) is None
    assert with_text_for_integers(answered(exchanged, [NS + 1], Recorded(instants.value)), UNNAMED) is None


@pytest.mark.parametrize("answer", [{"status": 400}, {"body": b"[NaN"}, {"body": b"[1]"}, {"body": b'{"error": 1}'}])
def test_any_other_answer_is_left_as_it_is(answer: dict[str, Any], exchanged: Exchanged) -> None:
    assert with_null_for_no_time(exchanged(**answer), UNNAMED) is None
