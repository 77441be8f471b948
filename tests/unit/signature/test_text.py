"""The form is held against MLflow in test_mlflow_agreement; here are the parts by themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pytest_modelserve.signature import (
    AnyType,
    Array,
    ColumnSchema,
    ColumnSpec,
    DataType,
    Map,
    Object,
    ParamSpec,
    Property,
    Signature,
    SparkMLVector,
    TensorSchema,
    TensorSpec,
    ValueType,
    as_text,
)

Parse = Callable[..., Signature]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, kind.value) for kind in DataType),
        (AnyType(), "Any"),
        (SparkMLVector(), "SparkML vector"),
        (Array(items=Array(items=DataType.LONG)), "Array(Array(long))"),
        (Map(values=DataType.LONG), "Map(str -> DataType.long)"),
        (Map(values=Map(values=AnyType())), "Map(str -> Map(str -> Any))"),
        (
            Object(
                properties=(
                    Property(name="a b", type=DataType.LONG),
                    Property(name="x", type=AnyType(), required=False),
                )
            ),
            "{a b: long (required), x: Any (optional)}",
        ),
    ],
)
def test_types(kind: ValueType, text: str) -> None:
    assert as_text(kind) == text


def test_specs_and_schemas() -> None:
    column = ColumnSpec(name="it's", type=DataType.STRING, required=False)
    unnamed = ColumnSpec(name=None, type=DataType.LONG)
    tensor = TensorSpec(name="x", dtype="float32", shape=(-1, 3))
    assert as_text(column) == '"it\'s": string (optional)'
    assert as_text(ColumnSchema(columns=(unnamed, unnamed))) == "[long (required), long (required)]"
    assert as_text(tensor) == "'x': Tensor('float32', (-1, 3))"
    assert as_text(TensorSchema(tensors=(TensorSpec(name=None, dtype="str", shape=(-1,)),))) == "[Tensor('str', (-1,))]"


def test_params() -> None:
    day, moment = np.datetime64("2024-01-31", "D"), np.datetime64("2024-01-31T12:30", "us")
    listed = ParamSpec(name="p", type=DataType.DATETIME, default=(day,), shape=(-1,))
    assert as_text(ParamSpec(name="p", type=DataType.STRING, default="x")) == "'p': string (default: x)"
    assert as_text(ParamSpec(name="p", type=DataType.DATETIME, default=moment)) == (
        "'p': datetime (default: 2024-01-31 12:30:00)"
    )
    assert as_text(listed) == "'p': datetime (default: [datetime.date(2024, 1, 31)]) (shape: (-1,))"


def test_a_signature_takes_six_lines(parse: Parse) -> None:
    signature = parse([{"type": "double", "name": "sepal length (cm)"}], params=[])
    assert as_text(signature).splitlines() == [
        "inputs: ",
        "  ['sepal length (cm)': double (required)]",
        "outputs: ",
        "  None",
        "params: ",
        "  []",
    ]
