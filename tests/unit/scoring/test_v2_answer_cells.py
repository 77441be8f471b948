"""Outputs of which the single values decide: the ends of datatypes, nulls among them, and values of several kinds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import ColumnValue, Missing, Storage, TableValue, TimestampValue
from pytest_modelserve.scoring.errors import NotEncodable
from pytest_modelserve.scoring.v2_answer import encode_outputs, write_response
from pytest_modelserve.scoring.v2_metadata import output_infos
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, Signature, TensorSchema, TensorSpec

LONG_NAME = "n" * 50
STAMP = TimestampValue("2024-01-02T03:04:05", 0)


def columns(*kinds: Any, names: Any = None) -> ColumnSchema:
    found = names or [chr(ord("x") + at) for at in range(len(kinds))]
    return ColumnSchema(columns=tuple(ColumnSpec(name=n, type=kind) for n, kind in zip(found, kinds, strict=True)))


ROWS = columns(DataType.STRING, DataType.DOUBLE)


def outputs(value: object, schema: Schema | None = None) -> list[tuple[str, list[int], str, str, list[Any]]]:
    """Return each output as name, shape, datatype, content type and data."""
    told = [output.as_json() for output in encode_outputs(value, output_infos(Signature(outputs=schema)))]
    return [(t["name"], t["shape"], t["datatype"], t["parameters"]["content_type"], t["data"]) for t in told]


def array_column(name: Any, values: Any, nulls: Any = None) -> ColumnValue:
    return ColumnValue(name, Storage.ARRAY, np.array(values), nulls)


def nested(rank: int) -> Any:
    value: Any = 7
    for _ in range(rank):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "datatype"),
    [
        *((2**63 - 1, "INT64"), (-(2**63), "INT64"), (0, "INT64"), (2**63, "UINT64"), (2**64 - 1, "UINT64")),
        *((2**53, "INT64"), (1e300, "FP64"), (5e-324, "FP64")),
    ],
)
def test_the_ends_of_datatypes_beside_a_null(value: Any, datatype: str) -> None:
    assert outputs([value, None]) == [("output-1", [2], datatype, "np", [value, None])]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_integers_beyond_every_datatype_are_json_texts(value: int) -> None:
    assert outputs([value, None]) == [("output-1", [2], "BYTES", "pd_json", [str(value), None])]


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        ([0, 2**63, None], "UINT64"),
        ([-1, 2**63, None], None),
        ([2**53, 0.5, None], "FP64"),
        ([-(2**53), 1e300, None], "FP64"),
        ([2**53 + 1, 0.5, None], None),
        ([STAMP, "a"], None),
        (["a", STAMP], None),
        ([b"a", "a"], None),
        ([True, 1, None], None),
        ([True, 0.5, None], None),
    ],
)
def test_values_of_several_kinds_have_a_datatype_where_one_holds_all(values: list[Any], datatype: str | None) -> None:
    ((_, shape, found, content, data),) = outputs(values)
    assert (shape, found, content) == ([len(values)], datatype or "BYTES", "np" if datatype else "pd_json")
    assert datatype is None or data == values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.date(2024, 1, 2), "2024-01-02"),
        (dt.time(3, 4, 5), "03:04:05"),
        (np.datetime64("2024-01-02T03:04:05", "ns"), "2024-01-02T03:04:05"),
        (STAMP, "2024-01-02T03:04:05"),
    ],
)
def test_dates_and_times_beside_a_null(value: Any, text: str) -> None:
    assert outputs([value, None]) == [("output-1", [2], "BYTES", "datetime", [text, None])]


@pytest.mark.parametrize("value", ["a\0", "", "é"])
def test_a_text_alone_is_kept_to_its_last_character(value: str) -> None:
    assert outputs(value) == [("output-1", [1], "BYTES", "str", [value])]


@pytest.mark.parametrize(
    ("values", "texts"),
    [([[1], [None]], ["[1]", "[null]"]), ([["a"], [None]], ['["a"]', "[null]"]), ([[{}], ["a"]], ["[{}]", '["a"]'])],
)
def test_nested_lists_with_a_null_are_json_values(values: Any, texts: list[str]) -> None:
    assert outputs(values) == [("output-1", [2], "BYTES", "pd_json", texts)]


def test_nested_lists_are_a_tensor_as_far_as_arrays_have_dimensions() -> None:
    ((_, shape, datatype, _, data),) = outputs(nested(32))
    assert (shape, datatype, data) == ([1] * 32, "INT64", [7])
    ((_, shape, datatype, content, (text,)),) = outputs(nested(33))
    assert (shape, datatype, content, text) == ([1], "BYTES", "pd_json", "[" * 32 + "7" + "]" * 32)


@pytest.mark.parametrize(
    ("values", "kind", "datatype"),
    [
        ([-(2**31), 2**31 - 1], DataType.INTEGER, "INT32"),
        ([1, 2**31], DataType.INTEGER, "INT64"),
        ([-(2**31) - 1, 1], DataType.INTEGER, "INT64"),
        ([0.0, 0.5], DataType.INTEGER, "FP64"),
        ([1e10, 0.5], DataType.FLOAT, "FP32"),
        ([float(np.finfo("float32").max)], DataType.FLOAT, "FP32"),
        ([0.5, 1e39], DataType.FLOAT, "FP64"),
        ([0.5, -1e39], DataType.FLOAT, "FP64"),
        ([1, 2**24 + 1], DataType.FLOAT, "INT64"),
    ],
)
@pytest.mark.parametrize("as_array", [np.array, list])
def test_a_promise_holds_for_every_value_or_for_none(
    values: list[Any], kind: DataType, datatype: str, as_array: Any
) -> None:
    assert outputs(as_array(values), columns(kind)) == [("x", [len(values), 1], datatype, "np", values)]


PAIR = TensorSchema(
    tensors=(
        TensorSpec(name="a", dtype="float64", shape=(-1, 1)),
        TensorSpec(name="b", dtype="float64", shape=(-1,)),
    )
)


def test_an_output_is_a_column_only_where_all_are() -> None:
    told = outputs({"a": [1.5], "b": [2.5]}, PAIR)
    assert told == [("a", [1], "FP64", "np", [1.5]), ("b", [1], "FP64", "np", [2.5])]
    assert outputs(np.array([[1.5, 2.5]]), PAIR) == [("output-1", [1, 2], "FP64", "np", [1.5, 2.5])]


@pytest.mark.parametrize(
    ("value", "shape", "content", "data"),
    [
        (np.array([[1, 2, 3]]), [1, 3], "np", [1, 2, 3]),
        ([["a", 0.5, 1]], [1, 1], "pd_json", ['["a",0.5,1]']),
        ([["a", 1], "bc"], [2, 1], "pd_json", ['["a",1]', '"bc"']),
        ([["a", 1], [2]], [2, 1], "pd_json", ['["a",1]', "[2]"]),
        (["ab", "cd"], [2, 1], "str", ["ab", "cd"]),
        ([{"x": "a"}, 5], [2, 1], "pd_json", ['{"x":"a"}', "5"]),
        ([{1: "a"}], [1, 1], "pd_json", ['{"1":"a"}']),
        ([{"x": "a", 1: 2}], [1, 1], "pd_json", ['{"x":"a","1":2}']),
        ([], [0, 1], "np", []),
    ],
    ids=str,
)
def test_what_are_no_rows_of_the_declared_columns_is_one_output(
    value: Any, shape: list[int], content: str, data: list[Any]
) -> None:
    ((name, found, _, told, cells),) = outputs(value, ROWS)
    assert (name, found, told, cells) == ("output-1", shape, content, data)


def test_declared_columns_come_first_though_a_record_lacks_them() -> None:
    assert outputs([{"z": 1}, {"z": 2, "x": "b"}], ROWS) == [
        ("x", [2, 1], "BYTES", "str", [None, "b"]),
        ("z", [2, 1], "INT64", "np", [1, 2]),
    ]


@pytest.mark.parametrize("value", [{"x": [[1.5], [2.5]]}, [{"x": [1.5]}, {"x": [2.5]}]])
def test_a_named_column_of_json_values_goes_by_its_name(value: Any) -> None:
    told = [("x", [2, 1], "BYTES", "pd_json", ["[1.5]", "[2.5]"])]
    assert outputs(value, columns(Array(items=DataType.DOUBLE))) == told


def test_a_nameless_column_of_numbers_goes_by_the_name_of_the_metadata() -> None:
    told = [("output-1", [1, 1], "INT64", "np", [7])]
    for value in ({"output-1": [7]}, [{"output-1": 7}]):
        assert outputs(value, columns(DataType.LONG, names=(None,))) == told


def test_a_list_in_a_column_is_the_value_of_its_row() -> None:
    assert outputs([[1.5], [2.5]], columns(DataType.DOUBLE)) == [
        ("x", [2, 1], "BYTES", "pd_json", ["[1.5]", "[2.5]"]),
    ]


NULLS = np.array([True, False])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (TableValue((array_column("x", [5, 7], NULLS),), 2), None),  # no integer is null
        (TableValue((array_column("x", [5, 7]),), 2), np.array([5, 7], dtype="<i8").tobytes()),
        (TableValue((array_column("x", [5.5, 0.5], NULLS),), 2), np.array([np.nan, 0.5], dtype="<f8").tobytes()),
        (TableValue((array_column("x", [5.5, 0.5]),), 2), np.array([5.5, 0.5], dtype="<f8").tobytes()),
        ([0.5, None, np.inf], np.array([0.5, np.nan, np.inf], dtype="<f8").tobytes()),
        ([Missing.NA, 2, -np.inf], np.array([np.nan, 2, -np.inf], dtype="<f8").tobytes()),
    ],
)
def test_nulls_and_infinities_as_bytes(value: Any, written: bytes | None) -> None:
    (output,) = encode_outputs(value, ())
    assert output.as_bytes() == written


SHOWN = f"predictions.{LONG_NAME[:40]}"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({LONG_NAME: np.array([1j])}, f"The model returned at {SHOWN} complex128 values, for which JSON has no form"),
        ({LONG_NAME: [np.timedelta64(5, "s"), None]}, f"{SHOWN}[0] timedelta64[s] values"),
        ({LONG_NAME: [{"a": 1}, {"a": 1j}]}, f"{SHOWN}[1]"),
    ],
)
def test_the_place_of_what_json_has_no_form_for(value: Any, told: str) -> None:
    with pytest.raises(NotEncodable) as caught:
        outputs(value)
    assert told in caught.value.message


@pytest.mark.parametrize(
    "value",
    [
        {1: 1, "1": 2},
        TableValue((array_column("1", [1]), array_column(1, [1])), 1),
        {(1, 2): 1},
        TableValue((array_column((1, 2), [1]),), 1),
    ],
)
def test_names_that_are_none_are_told_as_those_of_predictions(value: Any) -> None:
    with pytest.raises(NotEncodable) as caught:
        outputs(value)
    assert " predictions " in f"{caught.value.message} "


def test_a_response_is_strict_json_however_deep() -> None:
    assert write_response({"data": ["\ud800", "a"]}) == b'{"data":["\\ud800","a"]}'
    assert write_response({"data": nested(300)}) == b'{"data":' + b"[" * 300 + b"7" + b"]" * 300 + b"}"


def test_json_values_of_a_promised_text_keep_their_nulls() -> None:
    infos = output_infos(Signature(outputs=columns(AnyType())))
    (output,) = encode_outputs(np.array([[1.5], [np.nan]]), infos)
    assert output.data == ["[1.5]", "[null]"]
    assert output.lost == {"NaN"}
