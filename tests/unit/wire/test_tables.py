"""What callers hand over, as payloads."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import EncodeError
from pytest_modelserve.signature.datatypes import Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, Signature, TensorSchema
from pytest_modelserve.wire.payloads import Table, Tensors
from pytest_modelserve.wire.tables import as_payload

TableSchema = Callable[..., ColumnSchema]
TensorsSchema = Callable[..., TensorSchema]
_MIXED = {"n": DataType.LONG, "s": DataType.STRING}


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"n": [1, 2], "s": ["x", "y"]}),
        pd.DataFrame({"n": [1, 2], "s": ["x", "y"]}, index=[7, 9]),
        pd.DataFrame({"n": pd.array([1, 2], dtype="Int64"), "s": pd.Categorical(["x", "y"])}),
        {"n": [1, 2], "s": ["x", "y"]},
        {"n": np.array([1, 2]), "s": pd.Series(["x", "y"])},
        {"n": (1, 2), "s": np.array(["x", "y"])},
        [{"n": 1, "s": "x"}, {"n": 2, "s": "y"}],
        [[1, "x"], (2, "y")],
        np.array([[1, "x"], [2, "y"]], dtype=object),
        Table(columns=("n", "s"), rows=((1, "x"), (2, "y"))),
    ],
)
def test_every_form_of_two_rows_is_the_same_table(table_schema: TableSchema, data: object) -> None:
    payload = as_payload(data, Signature(inputs=table_schema(**_MIXED)))

    assert payload == Table(columns=("n", "s"), rows=((1, "x"), (2, "y")))
    assert isinstance(payload, Table)
    assert {type(value) for row in payload.rows for value in row} == {int, str}


@pytest.mark.parametrize("data", [{"s": "x", "n": 1}, pd.Series({"s": "x", "n": 1}), [{"s": "x", "n": 1}]])
def test_one_row_keeps_the_order_of_its_columns(table_schema: TableSchema, data: object) -> None:
    assert as_payload(data, Signature(inputs=table_schema(**_MIXED))) == Table(columns=("s", "n"), rows=(("x", 1),))


@pytest.mark.parametrize("data", [[1, 2], np.array([1, 2]), pd.Series([1, 2], name="y"), {"y": [1, 2]}])
def test_one_column_takes_bare_values(table_schema: TableSchema, data: object) -> None:
    assert as_payload(data, Signature(inputs=table_schema(y=DataType.LONG))) == Table(columns=("y",), rows=((1,), (2,)))


def test_rows_of_a_type_hint_are_values_of_its_type(table_schema: TableSchema) -> None:
    person = Object(properties=(Property(name="age", type=DataType.LONG),))
    of_people = Signature(inputs=table_schema(person), is_from_type_hint=True)
    of_lists = Signature(inputs=table_schema(Array(items=DataType.LONG)), is_from_type_hint=True)
    of_text = Signature(inputs=table_schema(DataType.STRING), is_from_type_hint=True)

    assert as_payload([{"age": 1}], of_people) == Table(columns=(0,), rows=(({"age": 1},),))
    assert as_payload([[1, 2], []], of_lists) == Table(columns=(0,), rows=(([1, 2],), ([],)))
    assert as_payload([1, 2], of_lists) == Table(columns=(0,), rows=(([1, 2],),))
    assert as_payload("x", of_text) == Table(columns=(0,), rows=(("x",),))


def test_lists_are_cells_of_an_array_column_or_a_column_of_them(table_schema: TableSchema) -> None:
    signature = Signature(inputs=table_schema(a=Array(items=DataType.LONG), m=Map(values=DataType.LONG)))

    one = as_payload({"a": [1, 2], "m": {"k": np.int64(1)}}, signature)
    two = as_payload({"a": [[1, 2], np.array([3])], "m": [{}, {"k": 1}]}, signature)

    assert one == Table(columns=("a", "m"), rows=(([1, 2], {"k": 1}),))
    assert two == Table(columns=("a", "m"), rows=(([1, 2], {}), ([3], {"k": 1})))


def test_missing_values_are_none_and_nan_in_float_columns(table_schema: TableSchema) -> None:
    signature = Signature(
        inputs=table_schema(d=DataType.DOUBLE, s=DataType.STRING, i=DataType.LONG, t=DataType.DATETIME)
    )
    frame = pd.DataFrame(
        {
            "d": [math.nan],
            "s": [None],
            "i": pd.array([None], dtype="Int64"),
            "t": pd.Series([None], dtype="datetime64[ns]"),
        }
    )

    payload = as_payload(frame, signature)

    assert isinstance(payload, Table)
    assert math.isnan(payload.rows[0][0])  # type: ignore[arg-type]  # a float by construction
    assert payload.rows[0][1:] == (None, None, None)


def test_dates_are_nanoseconds_where_these_hold_them(table_schema: TableSchema) -> None:
    signature = Signature(inputs=table_schema(t=DataType.DATETIME))
    dates = [
        pd.Timestamp("2024-01-02T00:00:00.000000001"),
        dt.datetime(2024, 1, 2),  # noqa: DTZ001 # zoneless on purpose
        dt.date(2024, 1, 2),
        np.datetime64("9999-12-31"),
    ]

    payload = as_payload({"t": dates}, signature)

    assert isinstance(payload, Table)
    read = [row[0] for row in payload.rows]
    assert read[0] == np.datetime64("2024-01-02T00:00:00.000000001")
    assert read[1] == read[2] == np.datetime64("2024-01-02", "ns")
    assert str(read[3]) == "9999-12-31"


def test_a_zone_is_refused_with_its_cell(table_schema: TableSchema) -> None:
    frame = pd.DataFrame({"t": pd.to_datetime(["2024-01-02T00:00:00Z"])})

    with pytest.raises(EncodeError) as caught:
        as_payload(frame, Signature(inputs=table_schema(t=DataType.DATETIME)))

    assert (caught.value.facts["row"], caught.value.facts["column"]) == (0, '"t"')


@pytest.mark.parametrize(
    "data",
    [
        {"n": [1, 2], "s": ["x"]},
        {"n": [1, 2], "s": "x"},
        [{"n": 1, "s": "x"}, {"n": 2}],
        [1, 2],
        [[1]],
        "text",
        pd.Series([1, 2]),
        pd.DataFrame([[1, 2]], columns=[1.5, 2.5]),
    ],
)
def test_data_without_a_reading_is_refused(table_schema: TableSchema, data: object) -> None:
    with pytest.raises(EncodeError):
        as_payload(data, Signature(inputs=table_schema(**_MIXED)))


def test_wrong_values_stay_for_the_server_to_judge(table_schema: TableSchema) -> None:
    payload = as_payload({"n": ["abc", 1.5], "z": [1, 2]}, Signature(inputs=table_schema(**_MIXED)))

    assert payload == Table(columns=("n", "z"), rows=(("abc", 1), (1.5, 2)))


def test_without_a_signature_frames_are_tables_and_arrays_tensors() -> None:
    assert as_payload(pd.DataFrame({"a": [1]})) == Table(columns=("a",), rows=((1,),))
    assert as_payload({"a": [1, 2]}) == Table(columns=("a",), rows=((1,), (2,)))
    assert as_payload([{"a": 1}]) == Table(columns=("a",), rows=((1,),))
    assert as_payload([[1], [2, 3]]) == Tensors(arrays={None: [[1], [2, 3]]})
    array = as_payload(np.ones(2))
    assert isinstance(array, Tensors)
    assert array.arrays[None] is not None


@pytest.mark.parametrize(
    ("data", "dtype", "sent"),
    [
        ([[1, 2]], "float32", "float32"),
        (np.array([[1.0, 2.0]]), "int64", "int64"),
        (np.array([[1.5, 2.0]]), "int64", "float64"),
        (np.array([[256, 0]]), "uint8", "int64"),
        (np.array([[1e39, 0]]), "float32", "float64"),
        (np.array([[0.1, 0]]), "float32", "float32"),
        (np.array([[True, False]]), "int64", "bool"),
        (pd.DataFrame([[1, 2]]), "float64", "float64"),
    ],
)
def test_a_tensor_gets_its_dtype_where_that_keeps_its_values(
    tensors_schema: TensorsSchema, data: object, dtype: str, sent: str
) -> None:
    payload = as_payload(data, Signature(inputs=tensors_schema(dtype, (-1, 2))))

    assert isinstance(payload, Tensors)
    array = payload.arrays[None]
    assert isinstance(array, np.ndarray)
    assert array.dtype == sent


def test_named_tensors_come_from_dicts_and_frames(tensors_schema: TensorsSchema) -> None:
    signature = Signature(inputs=tensors_schema(a=("float32", (-1,)), b=("int64", (-1,))))

    for data in ({"a": [1], "b": [2]}, pd.DataFrame({"b": [2], "a": [1]})):
        payload = as_payload(data, signature)
        assert isinstance(payload, Tensors)
        assert {name: getattr(array, "dtype", None) for name, array in payload.arrays.items()} == {
            "a": np.dtype("float32"),
            "b": np.dtype("int64"),
        }
    with pytest.raises(EncodeError):
        as_payload([1, 2], signature)
    single = as_payload([1, 2], Signature(inputs=tensors_schema(a=("float32", (-1,)))))
    assert isinstance(single, Tensors)
    assert list(single.arrays) == ["a"]


def test_ragged_and_text_tensors_stay_lists(tensors_schema: TensorsSchema) -> None:
    assert as_payload([[1], [2, 3]], Signature(inputs=tensors_schema("float32", (-1, 2)))) == Tensors(
        arrays={None: [[1], [2, 3]]}
    )
    assert as_payload(["a\0"], Signature(inputs=tensors_schema("str", (-1,)))) == Tensors(arrays={None: ["a\0"]})


@pytest.mark.parametrize(
    ("dtype", "data"),
    [("int64", [True, 2]), ("float32", [[0.5, False]]), ("int64", [2**53 + 1, 0.5]), ("uint64", [2**64 - 1, -1])],
)
def test_a_list_that_numpy_would_change_stays_a_list(
    tensors_schema: TensorsSchema, dtype: str, data: list[object]
) -> None:
    assert as_payload(data, Signature(inputs=tensors_schema(dtype, (-1,)))) == Tensors(arrays={None: data})


@pytest.mark.parametrize(("dtype", "data"), [("int64", [1, 2.0]), ("float64", [2**53 + 1, 0.5]), ("bool", [True])])
def test_a_list_of_like_numbers_becomes_an_array(tensors_schema: TensorsSchema, dtype: str, data: list[object]) -> None:
    payload = as_payload(data, Signature(inputs=tensors_schema(dtype, (-1,))))
    assert isinstance(payload, Tensors)
    assert getattr(payload.arrays[None], "dtype", None) == np.dtype(dtype)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_of_a_frame_arrive_exactly(numbers: list[int]) -> None:
    payload = as_payload(pd.DataFrame({"a": np.array(numbers, dtype="int64")}))

    assert isinstance(payload, Table)
    assert [row[0] for row in payload.rows] == numbers
