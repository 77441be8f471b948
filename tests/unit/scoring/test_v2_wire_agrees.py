"""The package's own client has another codec of the Open Inference Protocol: what it sends arrives, and returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import ColumnValue, Storage, TableValue
from pytest_modelserve.scoring.v2_metadata import input_infos
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.wire.declared import DeclaredModel, read_openapi, signature_of
from pytest_modelserve.wire.inferred import read_inference, read_model_metadata
from pytest_modelserve.wire.open_inference import DATATYPES, encode_inference
from pytest_modelserve.wire.payloads import Table, Tensors

NOW = np.datetime64("2024-01-02T03:04:05.123456789")
PERSON = Object(
    properties=(Property(name="age", type=DataType.LONG), Property(name="born", type=DataType.DATETIME, required=False))
)
COLUMNS: list[tuple[Any, list[Any]]] = [
    (DataType.BOOLEAN, [True, False]),
    (DataType.INTEGER, [1, -(2**31)]),
    (DataType.LONG, [2**63 - 1, -(2**63)]),
    (DataType.FLOAT, [0.5, -0.0]),
    (DataType.DOUBLE, [1.7976931348623157e308, 5e-324]),
    (DataType.STRING, ["", 'a,"\n"\r\né😀\0']),
    (DataType.BINARY, [b"", bytes(range(256))]),
    (DataType.DATETIME, [NOW, np.datetime64("1677-09-22", "ns")]),
    (Array(items=DataType.LONG), [[1, 2], []]),
    (Array(items=Array(items=DataType.BINARY)), [[[b"x"]], []]),
    (PERSON, [{"age": 1}, {"age": 2, "born": NOW}]),
    (Map(values=DataType.LONG), [{"k": 1}, {}]),
    (AnyType(), [1, {"z": [None, "a"]}]),
    (SparkMLVector(), [[1.0, 2.5], []]),
]


@pytest.mark.parametrize("names", [("x",), ("x", "y"), (None,), (None, None), (0, 1)])
@pytest.mark.parametrize(("kind", "values"), COLUMNS, ids=[str(kind)[:20] for kind, _ in COLUMNS])
def test_tables_there_and_back(serve: Any, kind: Any, values: list[Any], names: tuple[Any, ...]) -> None:
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name in names))
    server = serve(Signature(inputs=schema, outputs=schema))
    table = Table(columns=schema.names, rows=tuple((value,) * len(names) for value in values))
    body = encode_inference(table, signature=server.settings.signature, identity="r")
    assert server.infer(body).status_code == 200
    received = server.worker.received[-1][0]
    assert [list(column.values) for column in received.columns] == [values] * len(names)
    labels = names if names[0] is not None else [f"output-{at}" for at in range(1, len(names) + 1)]
    columns = [
        ColumnValue(label, column.storage, column.values)
        for label, column in zip(labels, received.columns, strict=True)
    ]
    server.worker.answer = TableValue(tuple(columns), len(values))
    answer = read_inference(server.infer(body).json())
    promised = {one.name: (one.datatype, one.shape) for one in metadata_of(server).outputs}
    assert {one.name: (one.datatype, (-1, 1)) for one in answer.outputs} == promised
    rows: list[Any] = answer.predictions(schema).to_list()
    if len(names) == 1 and names[0] is None:
        assert rows == values
    else:
        assert [list(row.values()) for row in rows] == [[value] * len(names) for value in values]


def metadata_of(server: Any) -> Any:
    return read_model_metadata(server.request("GET", "/v2/models/mlflow-model").json())


TOLD = [
    *(ColumnSchema(columns=(ColumnSpec(name="x", type=kind, required=False),)) for kind, _ in COLUMNS),
    ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.LONG), ColumnSpec(name=None, type=DataType.DOUBLE))),
    *(
        TensorSchema(tensors=(TensorSpec(name=None, dtype=dtype, shape=(-1, 2)),))
        for dtype in ("bool", "uint64", "float16", "str", "bytes", "datetime64[ns]")
    ),
    TensorSchema(tensors=tuple(TensorSpec(name=name, dtype="float32", shape=(-1,)) for name in "ab")),
]


@pytest.mark.parametrize("schema", TOLD, ids=lambda schema: str(schema)[:60])
def test_the_signature_comes_back_out_of_what_the_server_tells(serve: Any, schema: Any) -> None:
    params = (ParamSpec(name="k", type=DataType.DOUBLE, default=0.5),)
    signature = Signature(inputs=schema, outputs=schema, params=params)
    server = serve(signature)
    told = read_openapi(server.request("GET", "/openapi.json").json())
    assert told == DeclaredModel(signature=signature, digest="0123")
    kinds = [spec.type for spec in schema.columns] if isinstance(schema, ColumnSchema) else []
    if all(isinstance(kind, DataType) for kind in kinds):  # of what nests the metadata tell no more than that
        inputs_alone = signature_of(metadata_of(server))
        assert inputs_alone is not None
        assert (inputs_alone.inputs, inputs_alone.params) == (schema, None)


def test_a_model_without_a_signature_tells_none(serve: Any) -> None:
    server = serve(None)
    assert read_openapi(server.request("GET", "/openapi.json").json()) is None
    assert signature_of(metadata_of(server)) is None


@pytest.mark.parametrize("n_rows", [0, 1, 3])
@pytest.mark.parametrize(
    "dtype", [*(name for name in DATATYPES.values() if name != "object"), "str", "bytes", "M8[ns]"]
)
@pytest.mark.parametrize("names", [(None,), ("t",), ("t", "u")])
def test_tensors_there_and_back(serve: Any, names: tuple[str | None, ...], dtype: str, n_rows: int) -> None:
    declared = {"M8[ns]": "datetime64[ns]"}.get(dtype, dtype)
    schema = TensorSchema(tensors=tuple(TensorSpec(name=name, dtype=declared, shape=(-1, 2)) for name in names))
    signature = Signature(inputs=schema, outputs=schema)
    server = serve(signature)
    sent = np.arange(n_rows * 2).reshape(n_rows, 2).astype(dtype)
    body = encode_inference(Tensors(arrays=dict.fromkeys(names, sent)), signature=signature)
    assert server.infer(body).status_code == 200, server.infer(body).text
    received = server.worker.received[-1][0]
    for array in received.values() if isinstance(received, dict) else [received]:
        assert array.dtype.kind == sent.dtype.kind
        np.testing.assert_array_equal(array, sent)
    server.worker.answer = received
    answer = read_inference(server.infer(body).json())
    assert {one.datatype for one in answer.outputs} == {input_infos(signature)[0].datatype.value}
    returned = answer.predictions(schema).to_numpy()
    for array in returned.values() if isinstance(returned, dict) else [returned]:
        assert array.tolist() == sent.tolist()


def test_bytes_of_a_table_are_not_their_base64(serve: Any) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="x", type=DataType.BINARY),))
    server = serve(Signature(inputs=schema, outputs=schema))
    server.worker.answer = TableValue((ColumnValue("x", Storage.BYTES, [b"YQ=="]),), 1)
    body = encode_inference(Table(columns=("x",), rows=((b"a",),)), signature=server.settings.signature)
    (row,) = read_inference(server.infer(body).json()).predictions(schema).to_list()
    assert row == {"x": b"YQ=="}
