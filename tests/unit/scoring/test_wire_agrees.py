"""The package's own client writes requests with another codec: what it sends arrives as it was, in every envelope."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import Media
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.wire.capacity import why_not
from pytest_modelserve.wire.envelopes import encode
from pytest_modelserve.wire.payloads import Envelope, Table, Tensors

PERSON = Object(
    properties=(Property(name="age", type=DataType.LONG), Property(name="born", type=DataType.DATETIME, required=False))
)
NOW = np.datetime64("2024-01-02T03:04:05.123456789")
COLUMNS: list[tuple[Any, list[Any]]] = [
    (DataType.BOOLEAN, [True, False]),
    (DataType.INTEGER, [1, -(2**31)]),
    (DataType.LONG, [2**63 - 1, -(2**63)]),
    (DataType.FLOAT, [0.5, -0.0]),
    (DataType.DOUBLE, [1.7976931348623157e308, 5e-324]),
    (DataType.STRING, ["", 'a,"\n"\r\né😀', "NaN", " 007"]),
    (DataType.BINARY, [b"", bytes(range(256))]),
    (DataType.DATETIME, [NOW, np.datetime64("1677-09-22", "ns")]),
    (Array(items=DataType.LONG), [[1, 2], []]),
    (Array(items=Array(items=DataType.BINARY)), [[[b"x"]], []]),
    (PERSON, [{"age": 1, "born": None}, {"age": 2, "born": NOW}]),  # Parquet does not know absent from null
    (Map(values=DataType.LONG), [{"k": 1}, {}]),
    (AnyType(), [1, {"z": [None, "a"]}]),
    (SparkMLVector(), [[1.0, 2.5], []]),
]
NAMES = {"named": ("x", "y"), "unnamed": (None, None), "numbered": (0, 1)}


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("envelope", Envelope)
@pytest.mark.parametrize(("kind", "values"), COLUMNS, ids=[str(kind)[:20] for kind, _ in COLUMNS])
def test_tables(kind: Any, values: list[Any], envelope: Envelope, names: tuple[Any, ...], n_columns: int) -> None:
    columns = tuple(ColumnSpec(name=name, type=kind) for name in names[:n_columns])
    signature = Signature(inputs=ColumnSchema(columns=columns))
    table = Table(columns=ColumnSchema(columns=columns).names, rows=tuple((value,) * n_columns for value in values))
    if why_not(table, envelope, signature):
        return  # the client does not send it
    body, content_type = encode(table, envelope, signature=signature)
    received = InputReader(signature).read(Media(content_type), body).data
    assert received.n_rows == len(values)
    assert [list(column.values) for column in received.columns] == [values] * n_columns


@pytest.mark.parametrize("envelope", Envelope)
@pytest.mark.parametrize("n_rows", [0, 1, 3])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float32", "str", "bytes", "datetime64[ns]"])
@pytest.mark.parametrize("names", [(None,), ("t",), ("t", "u")])
def test_tensors(names: tuple[str | None, ...], dtype: str, n_rows: int, envelope: Envelope) -> None:
    signature = Signature(
        inputs=TensorSchema(tensors=tuple(TensorSpec(name=name, dtype=dtype, shape=(-1, 2)) for name in names))
    )
    sent = np.arange(n_rows * 2).reshape(n_rows, 2).astype(dtype)
    payload = Tensors(arrays=dict.fromkeys(names, sent))
    if why_not(payload, envelope, signature):
        return  # the client does not send it
    body, content_type = encode(payload, envelope, signature=signature)
    received = InputReader(signature).read(Media(content_type), body).data
    for array in received.values() if isinstance(received, dict) else [received]:
        assert array.dtype.kind == sent.dtype.kind
        np.testing.assert_array_equal(array, sent)
