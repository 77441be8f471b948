"""What the metadata promises of each kind of signature."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_modelserve.scoring.v2_metadata import TensorInfo, input_infos, model_metadata, model_version, output_infos
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec


def told(infos: tuple[TensorInfo, ...]) -> list[tuple[str, str, list[int], str]]:
    entries = [info.as_json() for info in infos]
    return [(one["name"], one["datatype"], one["shape"], one["parameters"]["content_type"]) for one in entries]


@pytest.mark.parametrize(
    ("kind", "datatype", "content_type"),
    [
        (DataType.BOOLEAN, "BOOL", "np"),
        (DataType.INTEGER, "INT32", "np"),
        (DataType.LONG, "INT64", "np"),
        (DataType.FLOAT, "FP32", "np"),
        (DataType.DOUBLE, "FP64", "np"),
        (DataType.STRING, "BYTES", "str"),
        (DataType.BINARY, "BYTES", "base64"),
        (DataType.DATETIME, "BYTES", "datetime"),
        (Array(items=DataType.LONG), "BYTES", "pd_json"),
        (Object(properties=()), "BYTES", "pd_json"),
        (Map(values=DataType.LONG), "BYTES", "pd_json"),
        (AnyType(), "BYTES", "pd_json"),
        (SparkMLVector(), "BYTES", "pd_json"),
    ],
)
def test_columns(kind: Any, datatype: str, content_type: str) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="a", type=kind),))
    both = Signature(inputs=schema, outputs=schema)
    assert told(input_infos(both)) == told(output_infos(both)) == [("a", datatype, [-1, 1], content_type)]


@pytest.mark.parametrize(
    ("dtype", "datatype", "content_type"),
    [
        ("bool", "BOOL", "np"),
        *((f"int{n}", f"INT{n}", "np") for n in (8, 16, 32, 64)),
        *((f"uint{n}", f"UINT{n}", "np") for n in (8, 16, 32, 64)),
        *((f"float{n}", f"FP{n}", "np") for n in (16, 32, 64)),
        ("longdouble", "FP64", "np"),
        ("complex64", "FP32", "np"),
        ("complex128", "FP64", "np"),
        ("timedelta64[s]", "INT64", "np"),
        ("str", "BYTES", "str"),
        ("object", "BYTES", "str"),
        ("bytes", "BYTES", "base64"),
        ("datetime64[ns]", "BYTES", "datetime"),
    ],
)
def test_tensors(dtype: str, datatype: str, content_type: str) -> None:
    schema = TensorSchema(tensors=(TensorSpec(name="t", dtype=dtype, shape=(-1, 28, 28)),))
    assert told(input_infos(Signature(inputs=schema))) == [("t", datatype, [-1, 28, 28], content_type)]


def test_what_has_no_name_gets_the_one_of_mlserver() -> None:
    columns = ColumnSchema(columns=tuple(ColumnSpec(name=None, type=DataType.LONG) for _ in range(2)))
    tensor = TensorSchema(tensors=(TensorSpec(name=None, dtype="int64", shape=(-1,)),))
    assert [info.name for info in input_infos(Signature(inputs=columns))] == ["input-0", "input-1"]
    assert [info.name for info in output_infos(Signature(outputs=columns))] == ["output-1", "output-2"]
    assert [info.name for info in input_infos(Signature(inputs=tensor))] == ["input-0"]
    assert [info.name for info in output_infos(Signature(outputs=tensor))] == ["output-1"]


def test_names_are_texts_and_what_may_be_left_out_says_so() -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name=3, type=DataType.LONG, required=False),))
    (entry,) = model_metadata("m", Signature(inputs=schema), "v")["inputs"]
    assert (entry["name"], entry["parameters"]) == ("3", {"content_type": "np", "required": False})


def test_a_model_without_a_signature_promises_nothing() -> None:
    assert model_metadata("mlflow-model", None, model_version("0123456789abcdef")) == {
        "name": "mlflow-model",
        "versions": ["0123456789ab"],
        "platform": "mlflow_pyfunc",
        "inputs": [],
        "outputs": [],
    }
