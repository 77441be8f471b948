"""Answers, typed by the output schema."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import DecodeError
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema
from pytest_modelserve.wire.predictions import Predictions, as_predictions
from pytest_modelserve.wire.values import as_json_value

TableSchema = Callable[..., ColumnSchema]
TensorsSchema = Callable[..., TensorSchema]

_EXACT: dict[DataType, st.SearchStrategy[object]] = {
    DataType.BOOLEAN: st.booleans(),
    DataType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    DataType.LONG: st.integers(-(2**63), 2**63 - 1),
    DataType.FLOAT: st.floats(width=32, allow_nan=False, allow_infinity=False),
    DataType.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    DataType.STRING: st.text(),
    DataType.BINARY: st.binary(),
    DataType.DATETIME: st.integers(-(2**63) + 1, 2**63 - 1).map(lambda tick: np.datetime64(tick, "ns")),
}


def _record_types() -> st.SearchStrategy[tuple[ValueType, st.SearchStrategy[object]]]:
    """Draw a type with a strategy of its values, nested two deep."""
    scalar = st.sampled_from(list(_EXACT.items()))
    return st.recursive(
        scalar,
        lambda part: (
            part.map(lambda p: (Array(items=p[0]), st.lists(p[1], max_size=3)))
            | part.map(lambda p: (Map(values=p[0]), st.dictionaries(st.text(), p[1], max_size=3)))
            | part.map(
                lambda p: (
                    Object(properties=(Property(name="p", type=p[0]),)),
                    p[1].map(lambda value: {"p": value}),
                )
            )
        ),
        max_leaves=3,
    )


@given(st.data())
def test_values_of_every_type_travel_to_json_and_back(data: st.DataObject) -> None:
    types = data.draw(st.lists(_record_types(), min_size=1, max_size=4))
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=f"c{at}", type=kind) for at, (kind, _) in enumerate(types)))
    rows = data.draw(st.lists(st.tuples(*(values for _, values in types)), max_size=3))
    records = [{f"c{at}": value for at, value in enumerate(row)} for row in rows]

    document = json.loads(json.dumps(as_json_value(records)))
    back = Predictions(raw=document, schema=schema).to_list()

    assert repr(back) == repr(records)


def test_a_frame_has_the_declared_types(table_schema: TableSchema) -> None:
    schema = table_schema(
        i=DataType.INTEGER,
        f=DataType.FLOAT,
        b=DataType.BOOLEAN,
        s=DataType.STRING,
        t=DataType.DATETIME,
        x=DataType.BINARY,
    )
    record = {"x": "aGk=", "i": 3.0, "f": 0.1, "b": True, "s": "a", "t": "2024-01-02T00:00:00.000000001", "more": 1}

    frame = Predictions(raw=[record], schema=schema).to_pandas()

    assert [str(kind) for kind in frame.dtypes] == ["int32", "float32", "bool", "object", "datetime64[ns]", "object"]
    assert frame.loc[0].tolist() == [
        3,
        np.float32(0.1),
        True,
        "a",
        pd.Timestamp("2024-01-02T00:00:00.000000001"),
        b"hi",
    ]


def test_null_is_missing_in_the_way_of_each_type(table_schema: TableSchema) -> None:
    schema = table_schema(
        i=DataType.LONG, d=DataType.DOUBLE, b=DataType.BOOLEAN, s=DataType.STRING, t=DataType.DATETIME
    )
    big = 2**63 - 1
    predictions = Predictions(
        raw=[dict.fromkeys("idbst"), {"i": big, "d": 1, "b": True, "s": "", "t": "2024-01-02"}], schema=schema
    )

    frame = predictions.to_pandas()

    assert [str(kind) for kind in frame.dtypes] == ["Int64", "float64", "boolean", "object", "datetime64[ns]"]
    assert frame["i"][0] is pd.NA
    assert frame["i"][1] == big
    assert math.isnan(frame["d"][0])
    assert frame["s"][0] is None
    assert frame["t"][0] is pd.NaT
    assert predictions.to_list()[0] == dict.fromkeys("idbst")
    assert predictions.to_numpy()[0].tolist()[0] is None  # type: ignore[index]  # one array


@pytest.mark.parametrize("raw", [[{"a": 1, "b": 2}, {"a": 3, "b": 4}], {"a": [1, 3], "b": [2, 4]}])
def test_records_and_columns_are_the_same_table(table_schema: TableSchema, raw: object) -> None:
    predictions = Predictions(raw=raw, schema=table_schema(a=DataType.LONG, b=DataType.LONG))

    array = predictions.to_numpy()

    assert isinstance(array, np.ndarray)
    assert (array.dtype, array.tolist()) == (np.dtype("int64"), [[1, 2], [3, 4]])
    assert predictions.to_list() == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_one_unnamed_column_is_bare(table_schema: TableSchema) -> None:
    schema = table_schema(DataType.LONG)

    for raw in ([1, 2], [{"0": 1}, {"0": 2}], [{"score": 1}, {"score": 2}], {"0": [1, 2]}):
        predictions = Predictions(raw=raw, schema=schema)
        assert predictions.to_list() == [1, 2]
        assert predictions.to_numpy().tolist() == [1, 2]  # type: ignore[union-attr]  # one array
        assert predictions.to_pandas()[0].tolist() == [1, 2]


def test_a_list_is_the_one_value_where_only_that_fits(table_schema: TableSchema) -> None:
    predictions = Predictions(raw=[1, 2], schema=table_schema(Array(items=DataType.LONG)))

    assert predictions.to_list() == [[1, 2]]


def test_any_value_stays_as_json_has_it(table_schema: TableSchema) -> None:
    assert Predictions(raw=[{"a": [1]}, None], schema=table_schema(AnyType())).to_list() == [{"a": [1]}, None]


@pytest.mark.parametrize(
    ("raw", "row", "column"),
    [
        ([{"a": 1}, {"a": "x"}], 1, '"a"'),
        ([{"a": 1}, {"a": 1.5}], 1, '"a"'),
        ([{"b": 1}], 0, '"a"'),
        ({"a": [1, 2, 2**63]}, 2, '"a"'),
    ],
)
def test_a_wrong_value_is_told_with_row_and_column(
    table_schema: TableSchema, raw: object, row: int, column: str
) -> None:
    predictions = Predictions(raw=raw, schema=table_schema(a=DataType.LONG))

    for read in (predictions.to_list, predictions.to_numpy, predictions.to_pandas):
        with pytest.raises(DecodeError) as caught:
            read()
        assert (caught.value.facts["row"], caught.value.facts["column"]) == (row, column)


@pytest.mark.parametrize(
    ("dtype", "shape", "raw", "expected"),
    [
        ("float32", (-1, 2), [[1, None]], np.array([[1, np.nan]], dtype="float32")),
        ("int64", (-1,), [1.0, 2**53 + 1], np.array([1, 2**53 + 1])),
        ("bool", (-1,), [True], np.array([True])),
        ("str", (-1,), ["a", "bc"], np.array(["a", "bc"])),
        ("str", (-1,), ["a\0"], np.array(["a\0"], dtype=object)),
        ("bytes", (-1,), ["YQA="], np.array([b"a\0"], dtype=object)),
        ("datetime64[ns]", (-1,), ["2024-01-02", None], np.array(["2024-01-02", "NaT"], dtype="datetime64[ns]")),
        ("int64", (-1,), [1, None], np.array([1, None], dtype=object)),
        ("float64", (-1, 3, 2), [], np.zeros((0, 3, 2))),
        ("float64", (), 1.5, np.array(1.5)),
    ],
)
def test_a_tensor_has_its_dtype_and_shape(
    tensors_schema: TensorsSchema, dtype: str, shape: tuple[int, ...], raw: object, expected: np.ndarray
) -> None:
    array = Predictions(raw=raw, schema=tensors_schema(dtype, shape)).to_numpy()

    assert isinstance(array, np.ndarray)
    assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("raw", [{"a": [[1], [2]], "b": [3, 4]}, [{"a": [1], "b": 3}, {"a": [2], "b": 4}]])
def test_named_tensors_are_a_dict_of_arrays(tensors_schema: TensorsSchema, raw: object) -> None:
    predictions = Predictions(raw=raw, schema=tensors_schema(a=("float32", (-1, 1)), b=("int64", (-1,))))

    arrays = predictions.to_numpy()

    assert isinstance(arrays, dict)
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "a": ("float32", (2, 1)),
        "b": ("int64", (2,)),
    }
    assert predictions.to_pandas()["b"].tolist() == [3, 4]
    assert [row["b"] for row in predictions.to_list()] == [3, 4]  # type: ignore[index]  # dicts


def test_objects_in_an_unnamed_tensor_are_its_elements(tensors_schema: TensorsSchema) -> None:
    assert Predictions(raw=[{"a": 1}], schema=tensors_schema("object", (-1,))).to_list() == [{"a": 1}]
    assert Predictions(raw={}, schema=tensors_schema("object", ())).to_list() == [{}]


def test_an_unnamed_tensor_is_a_list_of_rows(tensors_schema: TensorsSchema) -> None:
    assert Predictions(raw=[[1], [2]], schema=tensors_schema("int64", (-1, 1))).to_list() == [[1], [2]]
    assert Predictions(raw=1.5, schema=tensors_schema("float64", ())).to_list() == [1.5]
    moments = Predictions(raw=["2024-01-02"], schema=tensors_schema("datetime64[ns]", (-1,))).to_list()
    assert moments == [np.datetime64("2024-01-02", "ns")]


def test_without_a_schema_values_are_plain() -> None:
    assert Predictions(raw=[1, "a"]).to_list() == [1, "a"]
    assert Predictions(raw={"a": 1}).to_list() == [{"a": 1}]
    assert Predictions(raw=[[1, 2], [3, 4]]).to_numpy().tolist() == [[1, 2], [3, 4]]  # type: ignore[union-attr]
    assert Predictions(raw=[[1], [2, 3]]).to_numpy().tolist() == [[1], [2, 3]]  # type: ignore[union-attr]
    assert Predictions(raw=[{"a": 1}]).to_pandas()["a"].tolist() == [1]


@pytest.mark.parametrize("document", [[1], "x", None, {"prediction": [1]}])
def test_an_answer_without_predictions_is_refused(document: object) -> None:
    with pytest.raises(DecodeError) as caught:
        as_predictions(document)

    assert caught.value.facts["received"]
