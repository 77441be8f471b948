"""Tensors: shape and dtype as declared, every dimension of -1 free, every envelope that can carry them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_modelserve.signature.specs import TensorSchema, TensorSpec


def tensor(dtype: str, *shape: int, name: str | None = None) -> TensorSchema:
    return TensorSchema(tensors=(TensorSpec(name=name, dtype=dtype, shape=shape),))


TWO = TensorSchema(
    tensors=(
        TensorSpec(name="a", dtype="float32", shape=(-1, 2)),
        TensorSpec(name="b", dtype="int64", shape=(-1,)),
    )
)
NOW = "2024-01-02T03:04:05.123456789"
VALUES: list[tuple[str, list[Any], list[Any]]] = [
    ("bool", [True, False], [True, False]),
    ("int8", [-128, 127], [-128, 127]),
    ("int16", [-32768, 32767], [-32768, 32767]),
    ("int32", [-(2**31), 2**31 - 1], [-(2**31), 2**31 - 1]),
    ("int64", [-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
    ("uint8", [0, 255], [0, 255]),
    ("uint16", [0, 65535], [0, 65535]),
    ("uint32", [0, 2**32 - 1], [0, 2**32 - 1]),
    ("uint64", [0, 2**64 - 1], [0, 2**64 - 1]),
    ("float16", [1, 65504.0], [1.0, 65504.0]),
    ("float32", [1, 0.1], [1.0, float(np.float32(0.1))]),
    ("float64", [1, 0.1], [1.0, 0.1]),
    ("str", ["", "é😀"], ["", "é😀"]),
    ("bytes", ["aGk=", ""], [b"hi", b""]),
    ("object", [1, [2, "x"]], [1, [2, "x"]]),
]
WRONG: list[tuple[str, Any]] = [
    *(("bool", value) for value in (1, "true", None)),
    *(("int8", value) for value in (128, -129, 1.5, "1", True, None)),
    *(("uint8", value) for value in (256, -1)),
    ("uint64", 2**64),
    ("int64", 2**63),
    *(("float16", value) for value in (70000, "1", True)),
    *(("float32", value) for value in (1e39, "1", True)),
    *(("float64", value) for value in ("5", False)),
    *(("str", value) for value in (1, True, None, "ends in nul\0")),
    *(("bytes", value) for value in ("!", 1, None, "AA==")),
    *(("datetime64[ns]", value) for value in (1.5, -(2**63), 2**63, "now", "9999-12-31", True)),
    *(("complex64", value) for value in ("1", 1e39)),
    *(("timedelta64[s]", value) for value in (1.5, "1", None)),
]


@pytest.mark.parametrize(("dtype", "sent", "expected"), VALUES)
def test_values_of_every_dtype_arrive(serve: Any, dtype: str, sent: list[Any], expected: list[Any]) -> None:
    received = serve(tensor(dtype, -1)).receive({"inputs": sent})
    assert received.dtype.kind == np.dtype(dtype).kind
    assert received.tolist() == expected


LONG_AND_SHORT: dict[str, list[str]] = {
    "str": ["a" * 1_000, *["b"] * 20_000],
    "bytes": ["QUFB" * 4_000, *["QQ=="] * 9_000],
}


@pytest.mark.parametrize("dtype", ["str", "bytes"])
def test_one_long_text_does_not_widen_all_others(serve: Any, dtype: str) -> None:
    error = serve(tensor(dtype, -1)).refuse({"inputs": LONG_AND_SHORT[dtype]})
    assert "tensors pad each of" in error["message"]
    assert error["details"] == {"place": [0]}


@pytest.mark.parametrize("texts", [["a" * 1_000] * 1_000, ["a" * 10_000, *["b"] * 100], ["a" * 100_000], []])
def test_long_texts_arrive(serve: Any, texts: list[str]) -> None:
    assert serve(tensor("str", -1)).receive({"inputs": texts}).tolist() == texts


def test_dates_arrive_to_the_nanosecond(serve: Any) -> None:
    received = serve(tensor("datetime64[ns]", -1)).receive({"inputs": [NOW, None]})
    assert received.dtype == "datetime64[ns]"
    assert received[0] == np.datetime64(NOW)
    assert np.isnat(received[1])


@pytest.mark.parametrize(("sent", "is_fine"), [("2024-01-02", True), ("2024-01-02T01", False)])
def test_dates_of_a_coarse_unit_lose_nothing(serve: Any, sent: str, is_fine: bool) -> None:
    answer = serve(tensor("datetime64[D]", -1)).post({"inputs": [sent]})
    assert (answer.status_code == 200) is is_fine


@pytest.mark.parametrize(("dtype", "value"), WRONG)
def test_values_of_another_dtype_are_refused(serve: Any, dtype: str, value: Any) -> None:
    error = serve(tensor(dtype, -1, 2)).refuse({"inputs": [[value, value]]})
    assert error["details"] == {"place": [0, 0]}


@pytest.mark.parametrize(
    ("shape", "content", "expected"),
    [
        ((-1,), [1, 2, 3], (3,)),
        ((-1,), [], (0,)),
        ((-1, 2), [[1, 2]], (1, 2)),
        ((-1, 2), [], (0, 2)),
        ((-1, -1), [], (0, 0)),
        ((-1, -1), [[], []], (2, 0)),
        ((-1, -1, 3), [[], []], (2, 0, 3)),
        ((2, -1), [[1], [2]], (2, 1)),
        ((1, 1, 1, 2), [[[[1, 2]]]], (1, 1, 1, 2)),
        ((), 5, ()),
    ],
)
@pytest.mark.parametrize("envelope", ["inputs", "instances"])
def test_shapes_that_fit(serve: Any, shape: tuple[int, ...], content: Any, expected: Any, envelope: str) -> None:
    assert serve(tensor("int64", *shape)).receive({envelope: content}).shape == expected


@pytest.mark.parametrize(
    ("shape", "content"),
    [
        ((-1,), 1),
        ((-1,), [[1]]),
        ((-1,), {"x": [1]}),
        ((-1, 2), [1, 2]),
        ((-1, 2), [[[1, 2]]]),
        ((-1, 2), [[1, 2, 3]]),
        ((-1, 2), [[1, 2], [1]]),
        ((-1, 2), [[1, 2], 1]),
        ((-1, 2), [[1, [2]]]),
        ((-1, -1), [[1], [1, 2]]),
        ((2, 2), []),
        ((2,), [1]),
        ((), [1]),
        ((-1,), None),
    ],
)
def test_shapes_that_do_not_fit(serve: Any, shape: tuple[int, ...], content: Any) -> None:
    serve(tensor("int64", *shape)).refuse({"inputs": content})


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"data": [[1, 2], [3, 4]]}},
        {"dataframe_split": {"columns": ["u", "v"], "index": [5, 6], "data": [[1, 2], [3, 4]]}},
        {"dataframe_split": {"columns": ["pixels"], "data": [[[1, 2]], [[3, 4]]]}},
        {"dataframe_records": [{"1": 2, "0": 1}, {"0": 3, "1": 4}]},
        {"dataframe_records": [{"pixels": [1, 2]}, {"pixels": [3, 4]}]},
    ],
)
def test_a_table_is_a_tensor_of_rows(serve: Any, body: Any) -> None:
    assert serve(tensor("float32", -1, 2)).receive(body).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_column_is_a_tensor_of_one_dimension(serve: Any) -> None:
    assert serve(tensor("int64", -1)).receive({"dataframe_split": {"index": [5], "data": [[1]]}}).tolist() == [1]
    assert serve(tensor("int64", -1, 1)).receive({"dataframe_split": {"data": [[1], [2]]}}).tolist() == [[1], [2]]
    assert serve(tensor("int64", -1, 2)).receive({"dataframe_split": {"columns": [], "data": []}}).shape == (0, 2)


def test_keys_in_no_order_are_no_tensor(serve: Any) -> None:
    serve(tensor("float64", -1, 4)).refuse({"dataframe_records": [{"d": 4, "a": 1, "b": 2, "c": 3}]})
    serve(tensor("float64", -1, 2)).refuse({"dataframe_records": [{"0": 4, "1": 1}, {"0": 1}]})


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": {"a": [[1, 2], [3, 4]], "b": [5, 6]}},
        {"instances": [{"b": 5, "a": [1, 2]}, {"a": [3, 4], "b": 6}]},
        {"inputs": [{"b": 5, "a": [1, 2]}, {"a": [3, 4], "b": 6}]},
        {"dataframe_records": [{"b": 5, "a": [1, 2]}, {"a": [3, 4], "b": 6}]},
        {"dataframe_split": {"columns": ["b", "a"], "data": [[5, [1, 2]], [6, [3, 4]]]}},
    ],
)
def test_named_tensors_in_every_envelope(serve: Any, body: Any) -> None:
    received = serve(TWO).receive(body)
    assert received["a"].dtype == "float32"
    assert received["a"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert received["b"].tolist() == [5, 6]


@pytest.mark.parametrize(
    "content",
    [
        {"a": [[1, 2]]},
        {"a": [[1, 2]], "b": [3, 4, 5]},
        {"a": 1, "b": 2},
        [[1, 2]],
        [{"a": [1, 2], "b": 1}, {"a": [1, 2]}],
        3,
    ],
)
def test_named_tensors_that_do_not_fit(serve: Any, content: Any) -> None:
    serve(TWO).refuse({"inputs": content})


@pytest.mark.parametrize("envelope", ["inputs", "instances"])
def test_no_rows_of_named_tensors(serve: Any, envelope: str) -> None:
    received = serve(TWO).receive({envelope: []})
    assert (received["a"].shape, received["b"].shape) == ((0, 2), (0,))


def test_the_smallest_count_is_no_duration(serve: Any) -> None:
    serve(tensor("timedelta64[s]", -1)).refuse({"inputs": [-(2**63)]})


def test_the_only_named_tensor_may_come_bare(serve: Any) -> None:
    assert serve(tensor("int64", -1, name="x")).receive({"inputs": [1, 2]})["x"].tolist() == [1, 2]
    assert serve(tensor("int64", name="x")).receive({"inputs": 0})["x"].tolist() == 0


def test_an_extra_tensor_is_left_out_and_told(serve: Any) -> None:
    server = serve(tensor("int64", -1, name="x"))
    answer = server.post({"inputs": {"x": [1], "z": "anything"}})
    assert answer.headers["X-Modelserve-Ignored"] == '["z"]'
    assert list(server.worker.received[0][0]) == ["x"]


def test_csv_carries_no_tensors(serve: Any) -> None:
    serve(TWO).refuse(b"a,b\n1,2\n", "text/csv")


@pytest.mark.parametrize(
    ("dtype", "sent", "expected"),
    [
        ("complex64", [0.5], [0.5 + 0j]),
        ("clongdouble", [0.5], [0.5 + 0j]),
        ("timedelta64[s]", [90], [np.timedelta64(90, "s")]),
        ("longdouble", [0.1], [0.1]),
    ],
)
def test_dtypes_that_json_has_no_word_for_take_their_numbers(
    serve: Any, dtype: str, sent: list[Any], expected: list[Any]
) -> None:
    received = serve(tensor(dtype, -1)).receive({"inputs": sent})
    assert received.dtype == np.dtype(dtype)
    assert list(received) == expected


@pytest.mark.parametrize(
    ("schema", "content", "message"),
    [
        (TWO, {"a": [[1, 2]], "b": ["x"]}, "Tensor 'b', at [0], is a string ('x'), not an integer"),
        (tensor("int64"), "x", "The tensor, at [], is a string ('x'), not an integer"),
        (
            tensor("int64", -1, 2),
            [[1, 2], 3],
            "The tensor has an integer at depth 1, where a list must be; the model takes shape (-1, 2)",
        ),
        (tensor("int64", -1, 2), [[1]], "The tensor has shape (1, 1); the model takes shape (-1, 2)"),
    ],
)
def test_a_refusal_tells_what_is_where(serve: Any, schema: TensorSchema, content: Any, message: str) -> None:
    assert serve(schema).refuse({"inputs": content})["message"] == message
