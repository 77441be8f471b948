"""What the reader makes of requests where a shorter way of reading would make something else."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.scoring.errors import NotAllowed, ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import Media
from pytest_modelserve.scoring.parameters import enforce_params
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

PERSON = Object(properties=(Property(name="age", type=DataType.LONG),))
WIDE = 10**29 + 1
TWO_TENSORS = Signature(
    inputs=TensorSchema(
        tensors=(TensorSpec(name="a", dtype="int64", shape=(-1,)), TensorSpec(name="b", dtype="int64", shape=(-1,)))
    )
)


def columns(*specs: tuple[str | None, Any, bool]) -> Signature:
    return Signature(
        inputs=ColumnSchema(
            columns=tuple(ColumnSpec(name=name, type=kind, required=required) for name, kind, required in specs)
        )
    )


def read(signature: Signature | None, body: Any, media: Media = Media.JSON) -> Any:
    return InputReader(signature).read(media, body if isinstance(body, bytes) else json.dumps(body).encode()).data


def cells_of(table: Any, name: str | int) -> list[Any]:
    (column,) = (column for column in table.columns if column.name == name)
    values = column.values.tolist() if isinstance(column.values, np.ndarray) else list(column.values)
    if column.nulls is None:
        return values
    return [None if is_null else value for value, is_null in zip(values, column.nulls, strict=True)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (AnyType(), WIDE),
        (Array(items=AnyType()), [WIDE]),
        (Map(values=AnyType()), {"a": WIDE}),
        (Object(properties=(Property(name="a", type=AnyType()),)), {"a": WIDE}),
        (
            Object(properties=(Property(name="b", type=DataType.LONG), Property(name="a", type=AnyType()))),
            {"b": 1, "a": WIDE},
        ),
    ],
)
def test_wide_integers_stay_integers_wherever_any_value_may_stand(kind: Any, value: Any) -> None:
    signature = columns(("first", DataType.LONG, True), ("x", kind, True))
    table = read(signature, {"dataframe_records": [{"first": 1, "x": value}]})
    assert cells_of(table, "x") == [value]


def test_wide_integers_stay_integers_in_tensors_of_any_value() -> None:
    specs = (TensorSpec(name="a", dtype="float64", shape=()), TensorSpec(name="b", dtype="object", shape=(-1,)))
    found = read(Signature(inputs=TensorSchema(tensors=specs)), {"inputs": {"a": 1, "b": [WIDE]}})
    assert found["b"].tolist() == [WIDE]
    found = read(Signature(inputs=TensorSchema(tensors=specs[1:])), {"inputs": {"b": [WIDE]}})
    assert found["b"].tolist() == [WIDE]


@pytest.mark.parametrize("n_full", [1, 2, 3, 4])
def test_a_cell_that_a_record_leaves_out_is_null(n_full: int) -> None:
    signature = columns(("x", DataType.LONG, True), ("y", DataType.STRING, False))
    table = read(signature, {"dataframe_records": [*([{"x": 1, "y": "a"}] * n_full), {"x": 2}]})
    assert cells_of(table, "y") == [*(["a"] * n_full), None]
    assert cells_of(table, "x") == [*([1] * n_full), 2]


def tensor(dtype: str, *shape: int) -> Signature:
    return Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype=dtype, shape=shape),)))


@pytest.mark.parametrize(
    ("signature", "content", "expected"),
    [
        (tensor("object", -1), [{"a": 1}, {}], [{"a": 1}, {}]),
        (tensor("object"), {"a": 1}, {"a": 1}),
        (tensor("timedelta64[s]", -1), [], []),
        (tensor("datetime64[s]", -1), [], []),
    ],
)
def test_a_tensor_without_a_name_is_what_stands_in_the_envelope(
    signature: Signature, content: Any, expected: Any
) -> None:
    assert read(signature, {"inputs": content}).tolist() == expected


@pytest.mark.parametrize(
    ("signature", "body", "ending"),
    [
        (columns(("x", DataType.LONG, True)), {"dataframe_records": [{"u": 1}]}, "the request has 'u'"),
        (
            columns(("x", DataType.LONG, True)),
            {"dataframe_records": [dict.fromkeys("abcdefgh", 1)]},
            "the request has 'a', 'b', 'c', 'd', 'e'",
        ),
        (columns(("x", DataType.LONG, True)), {"dataframe_split": {"data": [[]]}}, "the request has no column"),
        (columns(("x", DataType.LONG, True)), {}, "it has no key"),
        (columns(("x", DataType.LONG, True)), {"z": 1, "instances": 1, "inputs": 1}, "it has instances, inputs"),
        (
            columns(("x", Array(items=DataType.LONG), True)),
            {"inputs": [{"x": [1, True]}]},
            "Column 'x', row 0, at [1] is a boolean (true), not an integer",
        ),
        (columns(("x", DataType.LONG, True)), dict.fromkeys("abcde", 1), "it has 'a', 'b', 'c'"),
        (TWO_TENSORS, {"inputs": dict.fromkeys("tuvwxyz", 1)}, "has 't', 'u', 'v', 'w', 'x'"),
        (TWO_TENSORS, {"inputs": {}}, "the request has none"),
        (columns(("x", PERSON, True)), {"dataframe_records": [{"x": {"age": 1, "z": 1}}]}, "unknown property 'z'"),
    ],
)
def test_a_refusal_names_the_first_of_what_it_found(signature: Signature, body: Any, ending: str) -> None:
    with pytest.raises(ScoringError) as refused:
        read(signature, body)
    assert refused.value.message.endswith(ending)


def test_only_free_first_dimensions_are_one_batch() -> None:
    specs = (
        TensorSpec(name="a", dtype="int64", shape=(-1, 1)),
        TensorSpec(name="b", dtype="int64", shape=(3,)),
        TensorSpec(name="c", dtype="int64", shape=()),
    )
    signature = Signature(inputs=TensorSchema(tensors=specs))
    found = read(signature, {"inputs": {"a": [[1]], "b": [1, 2, 3], "c": 1}})
    assert {name: array.shape for name, array in found.items()} == {"a": (1, 1), "b": (3,), "c": ()}


@pytest.mark.parametrize(
    ("spec", "given", "message"),
    [
        (ParamSpec(name="p", type=PERSON, default=None), {"age": "1"}, "Param 'p', at .age, is a string ('1'),"),
        (
            ParamSpec(name="p", type=PERSON, default=(), shape=(-1,)),
            [{"age": 1}, {"age": "1"}],
            "Param 'p', at [1].age, is a string",
        ),
        (ParamSpec(name="p", type=DataType.LONG, default=(), shape=(-1,)), [1, "1"], "Param 'p', at [1], is a string"),
        (
            ParamSpec(name="p", type=DataType.LONG, default=(), shape=(-1,)),
            1,
            "Param 'p' is an integer (1), not a list",
        ),
        (ParamSpec(name="p", type=DataType.LONG, default=1), [1], "Param 'p' is a list"),
    ],
)
def test_a_param_is_refused_with_its_place(spec: ParamSpec, given: Any, message: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        enforce_params([spec], {"p": given})
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (DataType.STRING, b"x,y\n12,1\n-3.5,1\n", ["12", "-3.5"]),
        (DataType.STRING, b"x,y\n12,1\n,1\n", ["12", None]),
        (DataType.BINARY, b"x,y\n1234,1\ntrue,1\n", [b"\xd7m\xf8", b"\xb6\xbb\x9e"]),
        (DataType.DOUBLE, b"x,y\n1,1\n1.5e3,1\n-0.5,1\n", [1.0, 1500.0, -0.5]),
        (DataType.LONG, b'x,y\n"1",1\n2,1\n', [1, 2]),
        (None, b'x,y\n"1",1\n2,1\n', ["1", 2]),
        (None, b"x,y\n1,1\n,1\n", [1.0, None]),
        (None, b"x,y\ntrue,1\nFALSE,1\n", [True, False]),
        (None, b"x,y\n1.5,1\n1e2,1\n", [1.5, 100.0]),
        (None, b"x,y\n1e-3,1\n2E+2,1\n-1.25E-1,1\n", [0.001, 200.0, -0.125]),
        (None, b"x,y\n1e999,1\n-1,1\n", ["1e999", -1]),
        (None, b"x,y\n" + b"1" * 401 + b",1\n", [int("1" * 401)]),
        (None, b"x,y\n" + b"1" * 402 + b",1\n", ["1" * 402]),
    ],
)
def test_a_csv_column_is_read_by_its_type_or_by_its_cells(kind: DataType | None, body: bytes, expected: Any) -> None:
    signature = None if kind is None else columns(("x", kind, False), ("y", DataType.LONG, True))
    found = cells_of(read(signature, body, Media.CSV), "x")
    plain = [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in found]
    assert plain == expected
    assert list(map(type, plain)) == list(map(type, expected))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b'\n"3",c\n\n'])
def test_an_empty_line_is_passed_over_in_a_table_of_several_columns(end: bytes) -> None:
    signature = columns(("x", DataType.LONG, True), ("y", DataType.STRING, True))
    table = read(signature, b"x,y\n1,a\n\n2,b" + end, Media.CSV)
    assert cells_of(table, "x") == [1, 2, 3][: 3 if b"3" in end else 2]


def test_an_empty_line_is_null_in_a_table_of_one_column() -> None:
    table = read(columns(("y", DataType.STRING, True)), b"y\na\n\nb\n", Media.CSV)
    assert cells_of(table, "y") == ["a", None, "b"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01", dt.datetime.fromisoformat("1970-01-01")),
        ("2024-02-29T12:30:00.123456", dt.datetime.fromisoformat("2024-02-29T12:30:00.123456")),
        ("1969-12-31T23:59:59.999999999", dt.datetime.fromisoformat("1969-12-31T23:59:59.999999")),
    ],
)
def test_a_type_hint_gets_dates_of_python(text: str, moment: dt.datetime) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name=None, type=Map(values=Array(items=DataType.DATETIME))),))
    signature = Signature(inputs=schema, is_from_type_hint=True)
    assert read(signature, {"inputs": [{"a": [text]}]}) == [{"a": [moment]}]


@pytest.mark.parametrize("kind", [PERSON, Map(values=DataType.LONG), AnyType()])
@pytest.mark.parametrize("envelope", ["inputs", "instances"])
def test_a_list_of_objects_may_be_the_cells_of_the_only_column(kind: Any, envelope: str) -> None:
    table = read(columns((None, kind, True)), {envelope: [{"age": 1}, {"age": 2}]})
    assert cells_of(table, 0) == [{"age": 1}, {"age": 2}]
