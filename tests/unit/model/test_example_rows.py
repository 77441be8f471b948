"""An input example becomes the table or the tensors that the signature describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from pytest_modelserve.model.example_rows import payload_of
from pytest_modelserve.signature.datatypes import Array, DataType, Map, Object, Property, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec
from pytest_modelserve.wire.payloads import Table, Tensors

PLAN_AGE = {"plan": DataType.STRING, "age": DataType.LONG}


def named(types: Mapping[str, ValueType]) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for name, kind in types.items()))


def unnamed(*types: ValueType) -> ColumnSchema:
    return ColumnSchema(columns=tuple(ColumnSpec(name=None, type=kind) for kind in types))


def tensor(dtype: str, *shape: int, name: str | None = None) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


def table(data: object, kind: str, schema: ColumnSchema | None) -> tuple[tuple[object, ...], Sequence[object]]:
    rows = payload_of(data, kind, schema)
    assert isinstance(rows.payload, Table), rows.notes
    assert rows.notes == ()
    return rows.payload.columns, rows.payload.rows


def note_of(data: object, kind: str, schema: ColumnSchema | TensorSchema | None) -> str:
    rows = payload_of(data, kind, schema)
    assert rows.payload is None
    (note,) = rows.notes
    assert note.startswith("the input example gives no rows: ")
    return note


def test_a_frame_keeps_its_columns_and_their_order() -> None:
    data = {"columns": ["age", "plan"], "data": [[31.0, "basic"], [54, None]]}
    assert table(data, "dataframe", named(PLAN_AGE)) == (("age", "plan"), ((31, "basic"), (54, None)))


def test_a_frame_without_columns_counts_them() -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name=0, type=DataType.LONG), ColumnSpec(name=1, type=DataType.DOUBLE)))
    assert table({"data": [[1, 2], [3, 4]]}, "dataframe", schema) == ((0, 1), ((1, 2.0), (3, 4.0)))


def test_unnamed_columns_go_by_position() -> None:
    data = {"columns": ["a", "b"], "data": [[1, "x"]]}
    assert table(data, "dataframe", unnamed(DataType.DOUBLE, DataType.STRING)) == ((0, 1), ((1.0, "x"),))


def test_an_empty_frame_has_columns_and_no_rows() -> None:
    assert table({"columns": ["plan", "age"], "data": []}, "dataframe", named(PLAN_AGE)) == (("plan", "age"), ())


def test_one_document_is_one_row() -> None:
    types: dict[str, ValueType] = {"tags": Array(items=DataType.STRING), "age": DataType.LONG}
    schema = named(types)
    assert table({"tags": ["a", "b"], "age": 5}, "json_object", schema) == (("tags", "age"), ((["a", "b"], 5),))


def test_a_document_of_lists_for_scalar_columns_is_columns() -> None:
    data = {"plan": ["basic", "pro"], "age": [31, 54]}
    assert table(data, "json_object", named(PLAN_AGE)) == (("plan", "age"), (("basic", 31), ("pro", 54)))


def test_arrays_by_name_are_columns() -> None:
    data = {"plan": ["basic", "pro"], "age": [31, 54]}
    assert table(data, "ndarray", named(PLAN_AGE)) == (("plan", "age"), (("basic", 31), ("pro", 54)))


def test_a_list_of_documents_is_a_row_each_with_none_for_what_is_absent() -> None:
    data = [{"plan": "basic"}, {"age": 54, "plan": "pro"}]
    assert table(data, "json_object", named(PLAN_AGE)) == (("plan", "age"), (("basic", None), ("pro", 54)))


@pytest.mark.parametrize(
    ("data", "rows"), [(["a", "b"], (("a",), ("b",))), ("a", (("a",),)), ([["a"], ["b"]], (("a",), ("b",)))]
)
def test_one_column_takes_bare_values(data: object, rows: object) -> None:
    assert table(data, "json_object", unnamed(DataType.STRING)) == ((0,), rows)
    assert table(data, "json_object", named({"text": DataType.STRING})) == (("text",), rows)


def test_one_unnamed_compound_column_takes_each_value_whole() -> None:
    lists = unnamed(Array(items=DataType.LONG))
    assert table([[1, 2], [3]], "json_object", lists) == ((0,), (([1, 2],), ([3],)))
    objects = unnamed(Object(properties=(Property(name="a", type=DataType.LONG),)))
    assert table([{"a": 1}, {"a": 2}], "json_object", objects) == ((0,), (({"a": 1},), ({"a": 2},)))
    assert table({"a": 1}, "json_object", unnamed(Map(values=DataType.LONG))) == ((0,), (({"a": 1},),))


def test_an_array_for_named_columns_goes_by_position() -> None:
    assert table([["basic", 31]], "ndarray", named(PLAN_AGE)) == (("plan", "age"), (("basic", 31),))


def test_a_cell_that_does_not_fit_stays_and_its_column_is_noted_once() -> None:
    data = {"columns": ["plan", "age"], "data": [["basic", "old"], ["pro", "young"], ["pro", 5]]}
    rows = payload_of(data, "dataframe", named(PLAN_AGE))
    assert isinstance(rows.payload, Table)
    assert rows.payload.rows == (("basic", "old"), ("pro", "young"), ("pro", 5))
    assert rows.notes == ("column 'age' of the input example: 'old' is no integer",)


def test_a_column_that_the_signature_lacks_is_left_out_with_a_note() -> None:
    data = {"columns": ["id", "plan"], "data": [[7, "basic"]]}
    rows = payload_of(data, "dataframe", named(PLAN_AGE))
    assert rows.payload == Table(columns=("plan",), rows=(("basic",),))
    assert rows.notes == ("column 'id' of the input example is not in the signature",)


def test_no_known_column_keeps_the_count_of_rows() -> None:
    rows = payload_of({"columns": ["id"], "data": [[7], [8]]}, "dataframe", named(PLAN_AGE))
    assert rows.payload == Table(columns=(), rows=((), ()))


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        ([1], "dataframe", "without `data`"),
        ({"data": "x"}, "dataframe", "without `data`"),
        ({"columns": ["a"], "data": [[1, 2]]}, "dataframe", "1 columns"),
        ({"columns": [["a", "b"]], "data": [[1]]}, "dataframe", "not names"),
        ({"plan": ["a"], "age": [1, 2]}, "ndarray", "different lengths"),
        ({"plan": ["a"], "age": 5}, "ndarray", "different lengths"),
        ([["a"]], "ndarray", "2 columns"),
        (5, "json_object", "2 columns"),
    ],
)
def test_an_example_that_is_no_table_says_why(data: object, kind: str, reason: str) -> None:
    assert reason in note_of(data, kind, named(PLAN_AGE))


def test_one_tensor_has_its_dtype() -> None:
    rows = payload_of([[1, 2], [3, 4]], "ndarray", TensorSchema(tensors=(tensor("float32", -1, 2),)))
    assert isinstance(rows.payload, Tensors)
    array = rows.payload.arrays[None]
    assert isinstance(array, np.ndarray)
    np.testing.assert_array_equal(array, np.array([[1, 2], [3, 4]], dtype="float32"), strict=True)


@pytest.mark.parametrize(
    ("dtype", "data", "array"),
    [
        ("int64", [2**53 + 1], np.array([2**53 + 1])),
        ("uint8", [0, 255], np.array([0, 255], dtype="uint8")),
        ("bool", [True, False], np.array([True, False])),
        ("str", ["a", "bc"], np.array(["a", "bc"])),
        ("bytes", ["AP8=\n"], np.array([b"\x00\xff"])),
        ("datetime64[ns]", ["2024-01-02"], np.array(["2024-01-02"], dtype="datetime64[ns]")),
        ("datetime64[ns]", [1], np.array([1], dtype="datetime64[ns]")),
        ("int32", [1.0], np.array([1], dtype="int32")),
    ],
)
def test_every_dtype_comes_out_exactly(dtype: str, data: list[object], array: np.ndarray) -> None:
    payload = payload_of(data, "ndarray", TensorSchema(tensors=(tensor(dtype, -1),))).payload
    assert isinstance(payload, Tensors)
    got = payload.arrays[None]
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, array, strict=True)


def test_null_in_a_float_tensor_is_nan() -> None:
    payload = payload_of([1.5, None], "ndarray", TensorSchema(tensors=(tensor("float64", -1),))).payload
    assert isinstance(payload, Tensors)
    np.testing.assert_array_equal(payload.arrays[None], [1.5, np.nan])


@pytest.mark.parametrize(
    ("dtype", "data"),
    [
        ("int64", [1.5]),
        ("uint8", [256]),
        ("int64", [1e39]),
        ("float32", [1e39]),
        ("float64", [10**400]),
        ("uint8", [-1]),
        ("int64", [None]),
        ("int64", ["5"]),
        ("int64", [True]),
        ("float32", ["x"]),
        ("bytes", [5]),
        ("float64", [[1], [1, 2]]),
    ],
)
def test_a_value_that_a_dtype_cannot_hold_gives_no_rows(dtype: str, data: object) -> None:
    assert note_of(data, "ndarray", TensorSchema(tensors=(tensor(dtype, -1),)))


def test_named_tensors_are_found_by_name_alone_or_in_a_frame() -> None:
    schema = TensorSchema(tensors=(tensor("int64", -1, name="a"), tensor("str", -1, name="b")))
    frame = {"columns": ["b", "a"], "data": [["x", 1], ["y", 2]]}
    for data, kind in (({"a": [1, 2], "b": ["x", "y"], "c": [0]}, "ndarray"), (frame, "dataframe")):
        payload = payload_of(data, kind, schema).payload
        assert isinstance(payload, Tensors)
        assert {name: np.asarray(array).tolist() for name, array in payload.arrays.items()} == {
            "a": [1, 2],
            "b": ["x", "y"],
        }


def test_a_frame_for_one_unnamed_tensor_is_its_rows() -> None:
    payload = payload_of({"data": [[1, 2]]}, "dataframe", TensorSchema(tensors=(tensor("float64", -1, 2),))).payload
    assert isinstance(payload, Tensors)
    assert np.asarray(payload.arrays[None]).tolist() == [[1.0, 2.0]]


def test_a_bare_array_is_the_only_tensor_by_name() -> None:
    payload = payload_of([1.0], "ndarray", TensorSchema(tensors=(tensor("float64", -1, name="x"),))).payload
    assert isinstance(payload, Tensors)
    assert list(payload.arrays) == ["x"]


def test_another_shape_is_noted_and_kept() -> None:
    rows = payload_of([[1.0]], "ndarray", TensorSchema(tensors=(tensor("float64", -1, 2),)))
    assert isinstance(rows.payload, Tensors)
    assert rows.notes == ("tensor None of the input example has the shape (1, 1), not (-1, 2)",)


@pytest.mark.parametrize("data", [{"a": [1]}, [1]])
def test_tensors_that_are_missing_give_no_rows(data: object) -> None:
    schema = TensorSchema(tensors=(tensor("int64", -1, name="a"), tensor("int64", -1, name="b")))
    assert note_of(data, "ndarray", schema)


def test_names_for_an_unnamed_tensor_give_no_rows() -> None:
    assert note_of({"a": [1]}, "ndarray", TensorSchema(tensors=(tensor("int64", -1),)))


def test_without_signature_a_frame_is_a_table_of_json_values() -> None:
    data = {"columns": ["a"], "data": [["2024-01-02"], [None]]}
    assert table(data, "dataframe", None) == (("a",), (("2024-01-02",), (None,)))


def test_without_signature_documents_are_a_table() -> None:
    assert table([{"a": 1}, {"a": 2}], "json_object", None) == (("a",), ((1,), (2,)))


def test_without_signature_arrays_are_tensors_as_numpy_infers() -> None:
    for data, names in (([[1.5]], [None]), ({"x": [1], "y": ["a"]}, ["x", "y"])):
        payload = payload_of(data, "ndarray", None).payload
        assert isinstance(payload, Tensors)
        assert list(payload.arrays) == names


@pytest.mark.parametrize("data", [5, "text", {"question": "why"}])
def test_without_signature_one_value_is_only_its_body(data: object) -> None:
    rows = payload_of(data, "json_object", None)
    assert (rows.payload, rows.notes) == (None, ())


@pytest.mark.parametrize("data", [[1, None], [[1], [1, 2]]])
def test_without_signature_mixed_arrays_give_no_rows(data: object) -> None:
    assert note_of(data, "ndarray", None)
