"""Which models are known not to answer row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.rows import CHUNK, EXEMPT, why_not_by_row, why_quantized
from pytest_modelserve.model.flavor import PyfuncFlavor
from pytest_modelserve.model.mlmodel import ExampleInfo, Model
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, Signature, TensorSchema, TensorSpec


def table(*names: str) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=DataType.DOUBLE) for name in names))


def tensor(*shape: int) -> TensorSchema:
    return TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=shape),))


def model(
    folder: Path,
    *,
    flavor: str = "sklearn",
    loader: str = "mlflow.sklearn",
    inputs: Schema | None = None,
    outputs: Schema | None = None,
) -> Model:
    return Model(
        uri="models:/m/1",
        resolved="models:/m/1",
        path=folder,
        digest="d1" * 32,
        pyfunc=PyfuncFlavor(loader_module=loader, data_path=folder),
        flavors={flavor: {}, "python_function": {}},
        signature=Signature(inputs=inputs or table("x"), outputs=outputs),
    )


@pytest.mark.parametrize("exemption", [one for one in EXEMPT if one.name != "statsmodels"], ids=lambda one: one.name)
def test_flavors_and_loaders_are_known_by_name(exemption: Any, tmp_path: Path) -> None:
    assert exemption.reason in why_not_by_row(model(tmp_path, flavor=exemption.name))
    assert exemption.reason in why_not_by_row(model(tmp_path, loader=exemption.name))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, ""),
        ({"flavor": "statsmodels", "inputs": table("x", "const")}, ""),
        ({"flavor": "statsmodels", "inputs": table("start", "end")}, "statsmodels: "),
        ({"outputs": table("y")}, ""),
        ({"inputs": tensor(-1, 8), "outputs": tensor(-1, 2)}, ""),
        (
            {
                "inputs": tensor(-1, 8),
                "outputs": tensor(
                    2,
                ),
            },
            "the output is not by row",
        ),
        ({"inputs": tensor(4, 8), "outputs": tensor(-1, 2)}, "the input has a fixed size"),
    ],
)
def test_what_is_not_by_row_says_why(said: dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = why_not_by_row(model(tmp_path, **said))
    assert found.startswith(reason)
    assert bool(found) is bool(reason)


def test_a_model_without_rows_to_send_says_so(tmp_path: Path) -> None:
    unsigned = replace(model(tmp_path), signature=None)
    without_inputs = replace(unsigned, signature=Signature())
    for one in (unsigned, without_inputs):
        assert why_not_by_row(one) == "the model has neither a signature with inputs nor an input example"
        assert not why_not_by_row(replace(one, example_info=ExampleInfo(path=tmp_path, kind="dataframe")))


@pytest.mark.parametrize("before", [0, CHUNK - 10, 3 * CHUNK])
@pytest.mark.parametrize(("flavor", "word"), [("onnx", b"DynamicQuantizeLinear"), ("pytorch", b"quantized.dynamic")])
def test_a_dynamically_quantized_net_is_told_by_its_files(
    flavor: str, word: bytes, before: int, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "model.bin"
    file.write_bytes(bytes(before) + b"op:" + word + b":end")
    assert "quantized dynamically" in why_quantized(model(tmp_path, flavor=flavor))
    assert not why_quantized(model(tmp_path, flavor="sklearn"))
    file.write_bytes(bytes(before) + b"op:QuantizeLinear:end")
    assert not why_quantized(model(tmp_path, flavor=flavor))
