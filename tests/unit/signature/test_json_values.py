from __future__ import annotations

import base64
import json
import math
import time
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from pytest_modelserve.signature import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    ParamSpec,
    Property,
    SparkMLVector,
    TensorSpec,
    ValueType,
    param_schema,
    tensor_schema,
    value_schema,
)

RECORD = Object(
    properties=(
        Property(name="n", type=DataType.LONG),
        Property(name="s", type=DataType.STRING, required=False),
    )
)


def _admits(schema: dict[str, object], value: object) -> bool:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema).is_valid(json.loads(json.dumps(value)))


ADMITTED: list[tuple[ValueType, list[Any]]] = [
    (DataType.BOOLEAN, [True, False]),
    (DataType.INTEGER, [0, -(2**31), 2**31 - 1, 3.0]),
    (DataType.LONG, [0, -(2**63), 2**63 - 1, 2**53 + 1]),
    (DataType.FLOAT, [0, -0.0, 0.1, 3.4028234663852886e38, 3.4028235e38, -3.4028235e38, 1e-45]),
    (DataType.DOUBLE, [0, 1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 2**60]),
    (DataType.STRING, ["", "001", "NaN", "2024-01-31", "\x00", "🎈", "é"]),
    (DataType.BINARY, ["", "aGk=", "aA==", "aGlp", "aGk", "_-8="]),
    (
        DataType.DATETIME,
        [
            "2024-01-31T23:59:59.123456789",
            "1677-09-21T00:12:43.145224193",
            "2262-04-11T23:47:16.854775807",
            "1969-12-31T23:59:59",
            "2024-01-31T12:30",
            "2024-01-31",
            "2024-01-31T12:30:00Z",
            "2024-01-31T12:30:00+02:00",
        ],
    ),
    (Array(items=DataType.LONG), [[], [1, 2]]),
    (Array(items=Array(items=DataType.STRING)), [[], [[]], [["a"], ["b", "c"]]]),
    (RECORD, [{"n": 1}, {"n": 1, "s": "x"}, {"n": 1, "s": None}, {"n": 1, "unknown": 0}]),
    (Map(values=DataType.DOUBLE), [{}, {"": 1}, {"ü": 0.5, "b": 2}]),
    (AnyType(), [None, True, 1, 0.5, "", [], {}, [{"a": [None]}]]),
    (SparkMLVector(), [[], [1, 0.5]]),
]
REFUSED: list[tuple[ValueType, list[Any]]] = [
    (DataType.BOOLEAN, [0, 1, "true", None, []]),
    (DataType.INTEGER, [2**31, -(2**31) - 1, 0.5, "1", True, None, 1e39]),
    (DataType.LONG, [2**63, -(2**63) - 1, 0.5, "1", True, None]),
    (DataType.FLOAT, [3.4028236e38, -3.4028236e38, 1e39, 10**39, "0.5", True, None]),
    (DataType.DOUBLE, [math.inf, -math.inf, 10**309, "0.5", True, None]),
    (DataType.STRING, [1, 0.5, True, [], {}, None]),
    (DataType.BINARY, ["a", "%%%%", "aGk=aGk=", "a===", "aGk=x", "aGk= ", 1, None, True]),
    (DataType.DATETIME, ["", "soon", "now", "2024", "2024-13-01", "2024-01-32", "T12:30", "2024-01-31T25:00", 5, None]),
    (Array(items=DataType.LONG), [1, "ab", {}, [0.5], ["1"], [[1]], None]),
    (Array(items=Array(items=DataType.STRING)), [["a"], [["a"], "b"], [[1]]]),
    (RECORD, [{}, {"s": "x"}, {"n": "1"}, {"n": None}, {"n": 1, "s": 1}, [], None]),
    (Map(values=DataType.DOUBLE), [[], {"a": "1"}, {"a": None}, "x", None]),
    (SparkMLVector(), [["a"], {}, 1.5, [True]]),
]


@pytest.mark.parametrize(("kind", "values"), ADMITTED)
def test_values_that_the_contract_accepts(kind: ValueType, values: list[Any]) -> None:
    assert [value for value in values if not _admits(value_schema(kind), value)] == []


@pytest.mark.parametrize(("kind", "values"), REFUSED)
def test_values_that_the_contract_rejects(kind: ValueType, values: list[Any]) -> None:
    assert [value for value in values if _admits(value_schema(kind), value)] == []


@pytest.mark.parametrize(("kind", "values"), REFUSED)
def test_null_is_all_that_nullable_adds(kind: ValueType, values: list[Any]) -> None:
    schema = value_schema(kind, is_nullable=True)
    assert _admits(schema, None)
    assert [value for value in values if value is not None and _admits(schema, value)] == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (DataType.STRING, [None]),
        (DataType.FLOAT, [None]),
        (DataType.DOUBLE, [None]),
        (DataType.DATETIME, [None, "NaT"]),
        (Array(items=DataType.LONG), [[None, 1]]),
        (Array(items=Array(items=DataType.LONG)), [[None, [None]]]),
        (Map(values=DataType.DOUBLE), [{"a": None}]),
        (SparkMLVector(), [[None]]),
        (Object(properties=(Property(name="x", type=DataType.DOUBLE),)), [{"x": None}]),
        (Object(properties=(Property(name="x", type=DataType.LONG, required=False),)), [{"x": None}]),
    ],
)
def test_what_may_go_either_way_is_admitted_when_asked(kind: ValueType, values: list[Any]) -> None:
    assert [value for value in values if not _admits(value_schema(kind, admit_either=True), value)] == []


@pytest.mark.parametrize(("kind", "values"), REFUSED)
def test_what_the_contract_rejects_is_refused_even_then(kind: ValueType, values: list[Any]) -> None:
    schema = value_schema(kind, admit_either=True)
    becomes_nan = {DataType.STRING, DataType.FLOAT, DataType.DOUBLE, DataType.DATETIME}
    may_be_null = kind in becomes_nan or kind == Map(values=DataType.DOUBLE)
    rejected = [value for value in values if not (may_be_null and value in (None, {"a": None}))]
    assert len(rejected) >= 3
    assert [value for value in rejected if _admits(schema, value)] == []


def test_base64_may_be_broken_into_lines() -> None:
    in_lines = base64.encodebytes(bytes(range(256))).decode()
    assert in_lines.count("\n") > 3
    assert _admits(value_schema(DataType.BINARY), in_lines)
    assert _admits(value_schema(DataType.BINARY), in_lines.replace("\n", "\r\n"))
    assert not _admits(value_schema(DataType.BINARY), in_lines[:-4])
    assert not _admits(value_schema(DataType.BINARY), in_lines.replace("\n", " "))


def test_long_base64_is_judged_in_linear_time() -> None:
    started = time.perf_counter()
    assert not _admits(value_schema(DataType.BINARY), "A" * 1_000_000 + "!")
    assert time.perf_counter() - started < 5


def test_what_readers_of_an_openapi_page_look_for() -> None:
    assert value_schema(DataType.LONG)["format"] == "int64"
    assert value_schema(DataType.INTEGER)["format"] == "int32"
    assert value_schema(DataType.BINARY)["contentEncoding"] == "base64"
    assert "without time zone" in str(value_schema(DataType.DATETIME)["description"])


@pytest.mark.parametrize(
    ("dtype", "admitted", "refused"),
    [
        ("bool", [True], [1, "true"]),
        ("int8", [-128, 127], [-129, 128, 0.5]),
        ("uint64", [0, 2**64 - 1], [-1, 2**64]),
        ("float16", [65504, 65519.9], [65520]),
        ("float32", [3.4028235e38], [3.4028236e38]),
        ("float64", [1e308], [math.inf, "1"]),
        ("str", [""], [1]),
        ("bytes", ["aGk="], ["%", 1]),
        ("datetime64[ns]", ["2024-01-31"], [0, "x"]),
        ("timedelta64[s]", [5], ["5", 0.5]),
        ("complex64", [0.5], ["1j"]),
        ("object", [None, 1, "x", []], []),
    ],
)
def test_leaves_of_tensors(dtype: str, admitted: list[Any], refused: list[Any]) -> None:
    schema = tensor_schema(TensorSpec(name=None, dtype=dtype, shape=()))
    assert [value for value in admitted if not _admits(schema, value)] == []
    assert [value for value in refused if _admits(schema, value)] == []


@pytest.mark.parametrize(
    ("shape", "admitted", "refused"),
    [
        ((-1,), [[], [1], [1, 2]], [1, [[1]], None]),
        ((-1, 2), [[], [[1, 2]], [[1, 2], [3, 4]]], [[1, 2], [[1]], [[1, 2, 3]], [[1, 2], [3]]]),
        ((2, -1), [[[], []], [[1], [2]]], [[], [[1]], [[1], [2], [3]]]),
        ((0, 3), [[]], [[[1, 2, 3]]]),
        ((1, 1, 1), [[[[1]]]], [[[1]], [[[1, 1]]]]),
    ],
)
def test_shapes_of_tensors(shape: tuple[int, ...], admitted: list[Any], refused: list[Any]) -> None:
    spec = TensorSpec(name=None, dtype="int64", shape=shape)
    assert [value for value in admitted if not _admits(tensor_schema(spec), value)] == []
    assert [value for value in refused if _admits(tensor_schema(spec), value)] == []


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        ("float32", None),
        ("float64", None),
        ("datetime64[ns]", None),
        ("datetime64[ns]", 10**18),
        ("datetime64[D]", "NaT"),
    ],
)
def test_what_may_go_either_way_in_a_tensor(dtype: str, value: Any) -> None:
    spec = TensorSpec(name=None, dtype=dtype, shape=(-1,))
    assert _admits(tensor_schema(spec, admit_either=True), [value])
    assert not _admits(tensor_schema(spec), [value])


@pytest.mark.parametrize(
    ("dtype", "value"), [("int64", None), ("bool", None), ("float32", "1"), ("datetime64[ns]", "x")]
)
def test_what_no_tensor_takes(dtype: str, value: Any) -> None:
    spec = TensorSpec(name=None, dtype=dtype, shape=(-1,))
    assert not _admits(tensor_schema(spec, admit_either=True), [value])


def test_a_row_of_a_tensor_has_one_dimension_less() -> None:
    spec = TensorSpec(name=None, dtype="int64", shape=(-1, 2))
    assert _admits(tensor_schema(spec, skip_dimensions=1), [1, 2])
    assert not _admits(tensor_schema(spec, skip_dimensions=1), [[1, 2]])


def test_params_show_their_default_and_admit_it() -> None:
    moment = np.datetime64("2024-01-31T12:30:00", "us")
    specs = [
        ParamSpec(name="p", type=DataType.LONG, default=3),
        ParamSpec(name="p", type=DataType.DOUBLE, default=None),
        ParamSpec(name="p", type=DataType.STRING, default=("a", None), shape=(-1,)),
        ParamSpec(name="p", type=DataType.DATETIME, default=moment),
        ParamSpec(name="p", type=RECORD, default={"n": 1}),
    ]
    defaults = [param_schema(spec)["default"] for spec in specs]
    assert defaults == [3, None, ["a", None], "2024-01-31T12:30:00", {"n": 1}]
    assert all(_admits(param_schema(spec), default) for spec, default in zip(specs, defaults, strict=True))


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (DataType.DOUBLE, math.nan),
        (Object(properties=(Property(name="x", type=DataType.DOUBLE),)), {"x": [math.inf]}),
    ],
)
def test_a_default_that_json_cannot_carry_is_not_shown(kind: DataType | Object, default: object) -> None:
    assert "default" not in param_schema(ParamSpec(name="p", type=kind, default=default))


def test_a_list_with_nan_is_not_shown_as_default_either() -> None:
    spec = ParamSpec(name="p", type=DataType.DOUBLE, default=(1.0, math.nan), shape=(-1,))
    assert "default" not in param_schema(spec)


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        (ParamSpec(name="p", type=DataType.LONG, default=3), [None, "3", 0.5, [3], True, 2**63]),
        (ParamSpec(name="p", type=DataType.LONG, default=(), shape=(-1,)), [None, 3, [None], ["3"], [[3]]]),
        (ParamSpec(name="p", type=RECORD, default={"n": 1}), [None, {}, []]),
    ],
)
def test_params_that_the_contract_rejects(spec: ParamSpec, refused: list[Any]) -> None:
    assert [value for value in refused if _admits(param_schema(spec), value)] == []
