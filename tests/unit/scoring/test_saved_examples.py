"""What MLflow writes into the examples that it saves is read, though no other client would write it so."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.scoring.errors import NotParsed
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import Media
from pytest_modelserve.signature import parse_signature
from pytest_modelserve.signature.datatypes import Array, DataType, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

NOW = "2024-01-02T03:04:05"
GOLDEN = Path(__file__).parents[1] / "signature" / "golden" / "mlflow.json"  # what MLflow wrote for many examples
WRITTEN: dict[str, Any] = json.loads(GOLDEN.read_text())["examples"]
NO_JSON = {"frame with NaN", "frame of float32", "frame with infinity"}  # MLflow writes them as bare tokens


def unnamed(*kinds: ValueType) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=None, type=kind) for kind in kinds))


def instants(dtype: str = "datetime64[ns]") -> TensorSchema:
    return TensorSchema(tensors=(TensorSpec(name=None, dtype=dtype, shape=(-1,)),))


@pytest.mark.parametrize("name", WRITTEN)
def test_examples_as_mlflow_wrote_them(name: str) -> None:
    written = WRITTEN[name]
    reader = InputReader(parse_signature(written["mlmodel"]))
    if name in NO_JSON:
        with pytest.raises(NotParsed):
            reader.read(Media.JSON, written["request"].encode())
    else:
        assert not reader.read(Media.JSON, written["request"].encode()).ignored


@pytest.mark.parametrize("raw", [b"", b"hi", bytes(range(256)), b"x" * 1000], ids=len)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_base64_in_lines(serve: Any, cells: Any, raw: bytes, line_end: str) -> None:
    text = base64.encodebytes(raw).decode().replace("\n", line_end)
    assert cells(serve(DataType.BINARY).receive({"dataframe_records": [{"x": text}]}), "x") == [raw]


@pytest.mark.parametrize("envelope", ["inputs", "instances"])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DataType.STRING, "hello"),
        (DataType.STRING, ""),
        (DataType.LONG, 7),
        (DataType.DOUBLE, 0.5),
        (DataType.BOOLEAN, False),
    ],
    ids=str,
)
def test_one_value_by_itself(serve: Any, cells: Any, envelope: str, kind: DataType, value: object) -> None:
    table = serve(unnamed(kind)).receive({envelope: value})
    assert table.n_rows == 1
    assert cells(table, 0) == [value]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (unnamed(DataType.STRING, DataType.STRING), "hello"),
        (ColumnSchema(columns=(ColumnSpec(name="x", type=DataType.STRING),)), "hello"),
        (unnamed(DataType.STRING), None),
        (unnamed(DataType.STRING), 7),
    ],
    ids=["two columns", "a name", "null", "another type"],
)
def test_no_other_value_by_itself(serve: Any, schema: ColumnSchema, value: object) -> None:
    serve(schema).refuse({"inputs": value})


def test_elements_that_are_missing(serve: Any, cells: Any) -> None:
    def elements(kind: DataType, values: list[object]) -> list[Any]:
        (cell,) = cells(serve(Array(items=kind)).receive({"dataframe_records": [{"x": values}]}), "x")
        return list(cell)

    assert elements(DataType.STRING, ["abc", None]) == ["abc", None]
    assert elements(DataType.BINARY, ["aGk=", None]) == [b"hi", None]
    number, nan = elements(DataType.DOUBLE, [1.5, None])
    assert (number, math.isnan(nan)) == (1.5, True)
    moment, nat = elements(DataType.DATETIME, [NOW, None])
    assert (moment, bool(np.isnat(nat))) == (np.datetime64(NOW, "ns"), True)


def test_elements_of_an_inner_list_that_are_missing(serve: Any, cells: Any) -> None:
    table = serve(Array(items=Array(items=DataType.STRING))).receive({"dataframe_records": [{"x": [["a"], [None]]}]})
    assert cells(table, "x") == [[["a"], [None]]]


@pytest.mark.parametrize("others", [[NOW], [f"{NOW}Z"], ["1677-09-22"], [None], []], ids=str)
def test_the_text_of_no_date(serve: Any, cells: Any, others: list[str | None]) -> None:
    rows = [{"x": text} for text in ("NaT", *others)]
    first, *rest = cells(serve(DataType.DATETIME).receive({"dataframe_records": rows}), "x")
    assert np.isnat(first)
    assert [np.isnat(cell) for cell in rest] == [text is None for text in others]


@pytest.mark.parametrize("text", ["nat", "NAT", " NaT", "NaN"])
def test_no_other_text_is_no_date(serve: Any, text: str) -> None:
    error = serve(DataType.DATETIME).refuse({"dataframe_records": [{"x": "NaT"}, {"x": text}]})
    assert error["details"]["row"] == 1


@pytest.mark.parametrize(
    ("dtype", "count"), [("datetime64[ns]", 1), ("datetime64[ns]", 2**63 - 1), ("datetime64[s]", -1)]
)
def test_counts_of_the_unit_that_a_tensor_declares(serve: Any, dtype: str, count: int) -> None:
    received = serve(instants(dtype)).receive({"inputs": [0, count]})
    assert received.dtype == dtype
    assert received.astype("int64").tolist() == [0, count]


@pytest.mark.parametrize("values", [[0, NOW], [0, 1.0], [0, True], [0, -(2**63)], [0, 2**63]], ids=str)
def test_nothing_else_among_counts(serve: Any, values: list[object]) -> None:
    serve(instants()).refuse({"inputs": values})


@pytest.mark.parametrize("value", [0, 1_577_836_800_000_000_000])
def test_a_column_of_dates_takes_no_counts(serve: Any, value: int) -> None:
    serve(DataType.DATETIME).refuse({"dataframe_records": [{"x": value}]})
