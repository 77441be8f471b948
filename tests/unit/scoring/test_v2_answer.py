"""What the model returned as outputs of the Open Inference Protocol: names, shapes, datatypes and data."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.runtime.frames import ColumnValue, Missing, SeriesValue, Storage, TableValue, TimestampValue
from pytest_modelserve.scoring.errors import NotEncodable
from pytest_modelserve.scoring.v2_answer import encode_outputs, write_response
from pytest_modelserve.scoring.v2_metadata import output_infos
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, Signature, TensorSchema, TensorSpec

STAMP = TimestampValue("2024-01-02T03:04:05", 0)
DEEP: list[Any] = []
for _ in range(5_000):
    DEEP = [DEEP]


def columns(*kinds: Any, names: Any = None) -> ColumnSchema:
    found = names or [chr(ord("x") + at) for at in range(len(kinds))]
    return ColumnSchema(columns=tuple(ColumnSpec(name=n, type=kind) for n, kind in zip(found, kinds, strict=True)))


def tensors(*specs: tuple[str | None, str, tuple[int, ...]]) -> TensorSchema:
    return TensorSchema(tensors=tuple(TensorSpec(name=n, dtype=dtype, shape=shape) for n, dtype, shape in specs))


def outputs(value: object, schema: Schema | None = None) -> list[tuple[str, list[int], str, str, list[Any]]]:
    """Return each output as name, shape, datatype, content type and data."""
    found = encode_outputs(value, output_infos(Signature(outputs=schema)))
    told = [output.as_json() for output in found]
    return [(t["name"], t["shape"], t["datatype"], t["parameters"]["content_type"], t["data"]) for t in told]


def array_column(name: Any, values: Any, nulls: Any = None) -> ColumnValue:
    return ColumnValue(name, Storage.ARRAY, np.array(values), nulls)


@pytest.mark.parametrize(
    ("value", "shape", "datatype", "content", "data"),
    [
        (np.array([True, False]), [2], "BOOL", "np", [True, False]),
        (np.array([[1, 2]], dtype="int8"), [1, 2], "INT8", "np", [1, 2]),
        (np.array([2**64 - 1], dtype="uint64"), [1], "UINT64", "np", [2**64 - 1]),
        (np.array([0.5], dtype="float16"), [1], "FP16", "np", [0.5]),
        (np.array([2.1], dtype="float32"), [1], "FP32", "np", [2.0999999046325684]),
        (np.array([0.1, np.nan, np.inf]), [3], "FP64", "np", [0.1, None, None]),
        (np.array(["a", "é"]), [2], "BYTES", "str", ["a", "é"]),
        (np.array([b"ab", b"cd"]), [2], "BYTES", "base64", ["YWI=", "Y2Q="]),
        (np.array(["2024-01-02", "NaT"], dtype="M8[ns]"), [2], "BYTES", "datetime", ["2024-01-02T00:00:00", None]),
        (np.array([1, None], dtype=object), [2], "INT64", "np", [1, None]),
        (np.array([["a", 1]], dtype=object), [1], "BYTES", "pd_json", ['["a",1]']),
        (np.array([["a"], [1]], dtype=object), [2], "BYTES", "pd_json", ['["a"]', "[1]"]),
        (np.array(5), [1], "INT64", "np", [5]),
        (np.float32(0.5), [1], "FP32", "np", [0.5]),
        (np.empty((0, 3)), [0, 3], "FP64", "np", []),
        ([1, 2], [2], "INT64", "np", [1, 2]),
        ([[1, 2], [3, 4]], [2, 2], "INT64", "np", [1, 2, 3, 4]),
        ([1, 0.5, None], [3], "FP64", "np", [1, 0.5, None]),
        ([2**63, 1], [2], "UINT64", "np", [2**63, 1]),
        ([2**63, -1], [2], "BYTES", "pd_json", ["9223372036854775808", "-1"]),
        ([2**70], [1], "BYTES", "pd_json", ["1180591620717411303424"]),
        ([2**60, 0.5], [2], "BYTES", "pd_json", ["1152921504606846976", "0.5"]),
        ([True, None], [2], "BOOL", "np", [True, None]),
        (["a", None], [2], "BYTES", "str", ["a", None]),
        ([b"ab"], [1], "BYTES", "base64", ["YWI="]),
        ([dt.date(2024, 1, 2), STAMP], [2], "BYTES", "datetime", ["2024-01-02", "2024-01-02T03:04:05"]),
        ([np.int64(7), np.int64(8)], [2], "INT64", "np", [7, 8]),
        ([{"a": 1}, None], [2], "BYTES", "pd_json", ['{"a":1}', None]),
        ([[1], [2, 3]], [2], "BYTES", "pd_json", ["[1]", "[2,3]"]),
        ([], [0], "FP64", "np", []),
        ("text", [1], "BYTES", "str", ["text"]),
        (0.5, [1], "FP64", "np", [0.5]),
        (None, [1], "FP64", "np", [None]),
        (Missing.NA, [1], "FP64", "np", [None]),
    ],
    ids=lambda value: str(value)[:24],
)
def test_values_that_nothing_is_promised_of(
    value: object, shape: list[int], datatype: str, content: str, data: list[Any]
) -> None:
    assert outputs(value) == [("output-1", shape, datatype, content, data)]


def test_texts_of_no_fixed_width_are_a_tensor_all_the_same() -> None:
    texts = ["a" * 1_000, *["b"] * 19_999]
    assert outputs([texts[:10_000], texts[10_000:]]) == [("output-1", [2, 10_000], "BYTES", "str", texts)]
    assert outputs([["a\0"], ["b"]]) == [("output-1", [2, 1], "BYTES", "str", ["a\0", "b"])]


def test_a_table_is_an_output_a_column() -> None:
    table = TableValue(
        (
            array_column("n", [1, 2], np.array([False, True])),
            ColumnValue(3, Storage.TEXT, ["a", None]),
            ColumnValue("l", Storage.NESTED, [[1], {"k": 2}]),
            ColumnValue("b", Storage.BYTES, [b"ab", None]),
        ),
        2,
    )
    assert outputs(table) == [
        ("n", [2, 1], "INT64", "np", [1, None]),
        ("3", [2, 1], "BYTES", "str", ["a", None]),
        ("l", [2, 1], "BYTES", "pd_json", ["[1]", '{"k":2}']),
        ("b", [2, 1], "BYTES", "base64", ["YWI=", None]),
    ]


def test_a_null_is_no_json_text() -> None:
    table = TableValue((array_column("x", [5, 1], np.array([False, True])),), 2)
    assert outputs(table, columns(AnyType())) == [("x", [2, 1], "BYTES", "pd_json", ["5", None])]


def test_a_series_takes_the_only_name_that_is_promised() -> None:
    series = SeriesValue(array_column("other", [1.5]))
    assert outputs(series) == [("output-1", [1, 1], "FP64", "np", [1.5])]
    assert outputs(series, columns(DataType.DOUBLE)) == [("x", [1, 1], "FP64", "np", [1.5])]


def test_a_dict_is_an_output_a_key() -> None:
    value = {"a": np.array([[1.5]]), "b": ["t", "u"], "c": 1, 2: SeriesValue(array_column(None, [7]))}
    assert outputs(value) == [
        ("a", [1, 1], "FP64", "np", [1.5]),
        ("b", [2], "BYTES", "str", ["t", "u"]),
        ("c", [1], "INT64", "np", [1]),
        ("2", [1, 1], "INT64", "np", [7]),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "datatype", "data"),
    [
        (np.array([1], dtype="int32"), DataType.LONG, "INT64", [1]),
        (np.array([1]), DataType.INTEGER, "INT32", [1]),
        (np.array([2**31]), DataType.INTEGER, "INT64", [2**31]),
        (np.array([3.0]), DataType.LONG, "INT64", [3]),
        (np.array([3.5]), DataType.LONG, "FP64", [3.5]),
        (np.array([3.0, np.nan]), DataType.LONG, "FP64", [3.0, None]),
        (np.array([0.1]), DataType.FLOAT, "FP32", [0.1]),
        (np.array([1e39]), DataType.FLOAT, "FP64", [1e39]),
        (np.array([0.5], dtype="float32"), DataType.DOUBLE, "FP64", [0.5]),
        (np.array([7]), DataType.DOUBLE, "FP64", [7]),
        (np.array([2**53 + 1]), DataType.DOUBLE, "INT64", [2**53 + 1]),
        (np.array([2**24]), DataType.FLOAT, "FP32", [2**24]),
        (np.array([2**24 + 1]), DataType.FLOAT, "INT64", [2**24 + 1]),
        (np.array([-(2**24) - 1]), DataType.FLOAT, "INT64", [-(2**24) - 1]),
        (np.array([True]), DataType.LONG, "BOOL", [True]),
        (np.array([1]), DataType.BOOLEAN, "INT64", [1]),
        (np.array([1]), DataType.STRING, "INT64", [1]),
        (["1"], DataType.LONG, "BYTES", ["1"]),
        ([1, None], DataType.DOUBLE, "FP64", [1, None]),
        ([None], DataType.STRING, "BYTES", [None]),
        ([], DataType.LONG, "INT64", []),
    ],
)
def test_a_promised_datatype_is_kept_where_no_value_changes(
    value: Any, kind: DataType, datatype: str, data: list[Any]
) -> None:
    ((name, shape, found, _, cells),) = outputs(value, columns(kind))
    assert (name, shape, found, cells) == ("x", [len(data), 1], datatype, data)
    assert all(type(cell) is type(wanted) for cell, wanted in zip(cells, data, strict=True))


ROWS = columns(DataType.STRING, DataType.DOUBLE)
TWO = [("x", [2, 1], "BYTES", "str", ["a", "b"]), ("y", [2, 1], "FP64", "np", [0.5, 1])]


@pytest.mark.parametrize(
    "value",
    [
        [{"x": "a", "y": 0.5}, {"y": 1, "x": "b"}],
        [["a", 0.5], ["b", 1]],
        [("a", 0.5), ("b", 1)],
        np.array([["a", 0.5], ["b", 1]], dtype=object),
        {"x": ["a", "b"], "y": [0.5, 1]},
    ],
    ids=["records", "rows", "tuples", "array", "columns"],
)
def test_rows_of_declared_columns_in_every_form(value: object) -> None:
    assert outputs(value, ROWS) == TWO


def test_records_with_what_is_not_declared_and_without_what_is() -> None:
    assert outputs([{"z": 1, "x": "a"}, {"x": "b"}], ROWS) == [
        ("x", [2, 1], "BYTES", "str", ["a", "b"]),
        ("z", [2, 1], "INT64", "np", [1, None]),
    ]


def test_one_row_as_scalars() -> None:
    assert outputs({"x": "a", "y": 1}, ROWS) == [
        ("x", [1, 1], "BYTES", "str", ["a"]),
        ("y", [1, 1], "FP64", "np", [1]),
    ]


RECORD = Object(properties=(Property(name="k", type=DataType.LONG),))


@pytest.mark.parametrize(
    ("value", "kind", "texts"),
    [
        ([[1.5], []], Array(items=DataType.DOUBLE), ["[1.5]", "[]"]),
        (np.array([[1, 2], [3, 4]]), Array(items=DataType.LONG), ["[1,2]", "[3,4]"]),
        (np.array([[1.5], [2.5]]), Array(items=DataType.DOUBLE), ["[1.5]", "[2.5]"]),
        ([[1.5], [2.5]], Array(items=DataType.DOUBLE), ["[1.5]", "[2.5]"]),
        (np.array([["a"], [1]], dtype=object), Array(items=AnyType()), ['["a"]', "[1]"]),
        (np.array([1.5, 2.5]), AnyType(), ["1.5", "2.5"]),
        (np.array([[[1]], [[2]]]), Array(items=Array(items=DataType.LONG)), ["[[1]]", "[[2]]"]),
        ([{"k": 1}, {"k": 2}], RECORD, ['{"k":1}', '{"k":2}']),
        ({"k": 1}, RECORD, ['{"k":1}']),
        ([{"a": 1}], Map(values=DataType.LONG), ['{"a":1}']),
        ([None, "é"], Array(items=DataType.STRING), [None, '"é"']),
    ],
)
def test_json_values_without_a_name(value: object, kind: Any, texts: list[Any]) -> None:
    told = ("output-1", [len(texts), 1], "BYTES", "pd_json", texts)
    assert outputs(value, columns(kind, names=(None,))) == [told]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.array([1, 2]), [("output-1", [2], "FP32", "np", [1, 2])]),
        ([[1.5, 2.5]], [("output-1", [1, 2], "FP32", "np", [1.5, 2.5])]),
    ],
)
def test_one_tensor_keeps_its_shape(value: object, told: object) -> None:
    assert outputs(value, tensors((None, "float32", (-1,)))) == told


@pytest.mark.parametrize(("value", "datatype"), [(2048, "FP16"), (2049, "INT64"), (-2048, "FP16"), (-2049, "INT64")])
def test_half_floats_are_promised_integers_only_as_far_as_they_hold_them(value: int, datatype: str) -> None:
    ((_, _, found, _, data),) = outputs(np.array([value]), tensors((None, "float16", (-1,))))
    assert (found, data) == (datatype, [value])


def test_named_tensors() -> None:
    schema = tensors(("a", "float32", (-1, 2)), ("b", "str", (-1,)))
    value = {"a": np.array([[1, 2]], dtype="float32"), "b": np.array(["t"])}
    assert outputs(value, schema) == [("a", [1, 2], "FP32", "np", [1.0, 2.0]), ("b", [1], "BYTES", "str", ["t"])]
    assert outputs(value["b"], tensors(("only", "str", (-1,)))) == [("only", [1], "BYTES", "str", ["t"])]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.array([1 + 2j]), "complex128 values"),
        (np.array([1], dtype="m8[s]"), "timedelta64[s] values"),
        ([np.timedelta64(5, "ns")], "timedelta64[ns] values"),
        ([np.timedelta64(5, "s"), None], "timedelta64[s] values"),
        ({1: 1, "1": 2}, "the name '1' twice"),
        (TableValue((array_column("a", [1]), array_column("a", [1])), 1), "the name 'a' twice"),
        ({(1, 2): 1}, "a key of type tuple"),
        ([1, {"a": 1 + 2j}], "complex"),
        ([DEEP], "nested too deep"),
    ],
)
def test_what_json_has_no_form_for(value: object, told: str) -> None:
    with pytest.raises(NotEncodable) as caught:
        outputs(value)
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("value", "lost"),
    [
        (np.array([np.nan, np.inf]), {"Infinity", "NaN"}),
        ([{"a": float("nan")}], {"NaN"}),
        ([Missing.NAT, STAMP], {"NaT"}),
        ([1, 2], set()),
    ],
)
def test_what_is_lost_is_told(value: object, lost: set[str]) -> None:
    (output,) = encode_outputs(value, ())
    assert output.lost == output.lost_as(is_binary=False) == lost


@pytest.mark.parametrize(
    ("value", "lost"),
    [
        (np.array([np.nan, np.inf]), set()),
        ([0.5, float("inf")], set()),
        ([0.5, Missing.NA], {"NA"}),
        ([{"a": float("nan")}], {"NaN"}),  # in the text of a JSON value
    ],
)
def test_floats_lose_nothing_in_binary(value: object, lost: set[str]) -> None:
    (output,) = encode_outputs(value, ())
    assert output.lost_as(is_binary=True) == lost


def test_a_response_is_strict_json_whatever_texts_it_holds() -> None:
    assert write_response({"data": ["é"]}) == '{"data":["é"]}'.encode()
    assert write_response({"data": ["\ud800"]}) == b'{"data":["\\ud800"]}'
