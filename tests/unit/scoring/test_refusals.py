"""What a refusal says besides its words: the kind of error, which part decided, and where the fault lies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_modelserve.scoring.errors import DecidedBy, ErrorCode, ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import Media
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

LONG_NAME = "n" * 100
PERSON = Object(
    properties=(
        Property(name="age", type=DataType.LONG),
        Property(name="tags", type=Array(items=DataType.STRING), required=False),
        Property(name=LONG_NAME, type=DataType.LONG, required=False),
    )
)


def columns(*specs: ColumnSpec, params: tuple[ParamSpec, ...] | None = None, is_hint: bool = False) -> Signature:
    return Signature(inputs=ColumnSchema(columns=specs), params=params, is_from_type_hint=is_hint)


def column(kind: Any, name: str | int | None = "x", *, required: bool = True) -> ColumnSpec:
    return ColumnSpec(name=name, type=kind, required=required)


def tensors(*specs: tuple[str | None, str, tuple[int, ...]]) -> Signature:
    return Signature(
        inputs=TensorSchema(
            tensors=tuple(TensorSpec(name=name, dtype=dtype, shape=size) for name, dtype, size in specs)
        )
    )


def of_params(kind: Any, *, is_list: bool = False, default: object = None) -> Signature:
    spec = ParamSpec(name="p", type=kind, default=default, shape=(-1,) if is_list else None)
    return columns(column(DataType.LONG), params=(spec,))


def with_params(given: Any) -> dict[str, Any]:
    return {"inputs": {"x": [1]}, "params": given}


TABLE = columns(column(DataType.LONG), column(DataType.LONG, "y", required=False))
UNNAMED = columns(column(DataType.LONG, None), column(DataType.LONG, None))
PAIR = Array(items=DataType.LONG)
PERSONS = columns(column(PERSON))
LISTS = columns(column(Array(items=Array(items=DataType.LONG))))
MAPS = columns(column(Map(values=DataType.LONG)))
HINT = columns(column(PERSON, None), is_hint=True)
MATRIX = tensors((None, "int64", (-1, 2)))
NAMED = tensors(("a", "int64", (-1,)), ("b", "int64", (-1,)))
CHAT = columns(
    column(Array(items=AnyType()), "messages"),
    params=(ParamSpec(name="p", type=DataType.LONG, default=1), ParamSpec(name="a", type=DataType.LONG, default=1)),
)
NOTHING = Signature()


def split(*rows: Any, **parts: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": ["x", "y"], "data": list(rows), **parts}}


def records(*rows: Any) -> dict[str, Any]:
    return {"dataframe_records": list(rows)}


# The body is not what it should be: signature, body, where.
NOT_PARSED: list[tuple[Signature, Any, dict[str, Any]]] = [
    (TABLE, b" ", {}),
    (TABLE, b'{"inputs": [1,}', {"position": 14}),
    (TABLE, b"[" * 500 + b"]" * 500, {}),
    (TABLE, b'{"inputs": 1, "inputs": 2}', {"key": "'inputs'"}),
    (TABLE, b'{"a": 1, "inputs": 1, "inputs" : 2}', {"key": "'inputs'"}),
    (TABLE, b'{"inputs": 1, "inputs"\t:\n2}', {"key": "'inputs'"}),
    (columns(column(AnyType())), b'{"inputs": {"x": [' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"]}}", {}),
    (columns(column(AnyType())), b'{"inputs": {"x": [' + b"[" * 300 + b"]" * 300 + b"]}}", {}),
    (TABLE, [], {}),
    (TABLE, {}, {}),
    (TABLE, {"x": 1}, {}),
    (TABLE, {**split([1, 2]), **records({"x": 1})}, {}),
    (TABLE, {**split([1, 2]), "prompt": "x"}, {}),
    (TABLE, {"dataframe_split": []}, {}),
    (TABLE, split([1, 2], rows=[]), {}),
    (TABLE, split(1), {}),
    (TABLE, split(data={}), {}),
    (TABLE, split([1, 2], [3], [4]), {"row": 1}),
    (TABLE, split([1, 2], columns="xy"), {}),
    (TABLE, split([1, 2], columns=["x", 1.5]), {}),
    (TABLE, split([1, 2, 3], columns=["y", "x", "x"]), {"column": "x"}),
    (TABLE, split([1, 2], index=0), {}),
    (TABLE, split([1, 2], index=[[0]]), {}),
    (TABLE, split([1, 2], index=[{}]), {}),
    (TABLE, split([1, 2], index=[0, 1]), {}),
    (UNNAMED, {"dataframe_split": {"data": [[1, 2], [3]]}}, {"row": 1}),
    (TABLE, {"dataframe_records": {}}, {}),
    (TABLE, records({"x": 1}, [1], [2]), {"row": 1}),
    (TABLE, {"inputs": {"x": [1], "y": 2}}, {}),
    (TABLE, {"inputs": {}}, {}),
    (TABLE, {"inputs": {"x": [1], "y": [1, 2]}}, {"column": "y"}),
    (TABLE, {"inputs": 1}, {}),
    (UNNAMED, {"inputs": 1}, {}),
    (TABLE, records([1, 2]), {"row": 0}),
    (TABLE, {"inputs": [[1, 2]]}, {"row": 0}),
    (UNNAMED, {"dataframe_records": {"0": 1}}, {}),
    (TABLE, {"inputs": [{"x": 1}, 2, 3]}, {"row": 1}),
    (UNNAMED, {"inputs": [[1, 2], [3], [4]]}, {"row": 1}),
    (UNNAMED, records([1, 2], {"0": 1}), {"row": 1}),
    (UNNAMED, records([1, 2], {"0": 1, "1": 2}), {"row": 1}),
    (UNNAMED, records([1, 2], "12"), {"row": 1}),
    (UNNAMED, records({"0": 1, "1": 1}, [1, 2]), {"row": 1}),
    (columns(column(DataType.LONG)), {"inputs": 1}, {}),
    (columns(column(DataType.LONG, None)), {"inputs": None}, {}),
    (HINT, records({"age": 1}), {}),
    (HINT, {"inputs": {"age": 1}}, {}),
    (NAMED, {"inputs": [1]}, {}),
    (tensors(("input", "int64", (-1,))), {"input": [1]}, {}),
    (CHAT, {"messages": [], "p": 1, "params": {"p": 2}}, {}),
    (NOTHING, {"x": 1}, {}),
    (NOTHING, {"inputs": [[1], [1, 2]]}, {}),
    (NOTHING, {"inputs": [1, [1]]}, {}),
    (NOTHING, {"instances": [{"a": 1}, {}, {}]}, {"row": 1}),
]
# The body is, and the signature does not allow it.
NOT_ALLOWED: list[tuple[Signature, Any, dict[str, Any]]] = [
    (TABLE, records({"z": 1}), {"column": "x"}),
    (TABLE, {"dataframe_split": {"columns": [], "data": []}}, {"column": "x"}),
    (TABLE, {"inputs": {"y": []}}, {"column": "x"}),
    (columns(column(DataType.LONG, required=False)), records({"z": 1}), {}),
    (TABLE, records({"x": 1}, {"y": 1}, {"y": 1}), {"column": "x", "row": 1}),
    (TABLE, records({"x": 1}, {"x": 1.5}, {"x": 2.5}), {"column": "x", "row": 1}),
    (TABLE, records({"x": 1}, {"x": "1"}), {"column": "x", "row": 1}),
    (columns(column(DataType.LONG)), {"inputs": [[1]]}, {"column": "x", "row": 0}),
    (TABLE, records({"x": 1}, {"x": 2**63}), {"column": "x", "row": 1}),
    (TABLE, records({"x": 1}, {"x": 2.0**54}), {"column": "x", "row": 1}),
    (columns(column(DataType.FLOAT)), records({"x": 1}, {"x": 1e39}), {"column": "x", "row": 1}),
    (columns(column(DataType.BINARY)), records({"x": ""}, {"x": "!"}), {"column": "x", "row": 1}),
    (columns(column(DataType.BINARY)), records({"x": ""}, {"x": "AAA"}), {"column": "x", "row": 1}),
    (columns(column(DataType.BINARY)), records({"x": ""}, {"x": None}), {"column": "x", "row": 1}),
    (columns(column(DataType.DATETIME)), records({"x": None}, {"x": "now"}), {"column": "x", "row": 1}),
    (columns(column(DataType.DATETIME)), records({"x": None}, {"x": "2024-13-01"}), {"column": "x", "row": 1}),
    (columns(column(DataType.DATETIME)), records({"x": None}, {"x": "9999-12-01"}), {"column": "x", "row": 1}),
    *(
        (columns(column(DataType.DATETIME)), records({"x": None}, {"x": text}), {"column": "x", "row": 1})
        for text in ("2262-04-12", "2262-05-01T00:00:00", "1677-09-21", "1677-01-01", "2300-01-01", "2024-02-30")
    ),
    (UNNAMED, {"inputs": {"0": [1], "1": [1], "2": [1]}}, {}),
    (UNNAMED, records({"u": 1, "v": 1}), {}),
    (UNNAMED, records({}), {}),
    (UNNAMED, {"dataframe_split": {"data": []}}, {}),
    (UNNAMED, {"inputs": {"u": [1], "v": [1]}}, {}),
    (columns(column(PAIR, None), column(PAIR, None)), {"inputs": {"u": [1], "v": [1]}}, {}),
    (LISTS, records({"x": []}, {"x": [[1], [2, "3"]]}), {"column": "x", "row": 1, "path": "[1][1]"}),
    (LISTS, records({"x": [[0]]}, {"x": [[], 1]}), {"column": "x", "row": 1, "path": "[1]"}),
    (LISTS, records({"x": [[0]]}, {"x": 1}), {"column": "x", "row": 1}),
    (MAPS, records({"x": {"a": 0}}, {"x": {"a": 1, "b": None}}), {"column": "x", "row": 1, "path": "['b']"}),
    (
        columns(column(Map(values=Array(items=DataType.LONG)))),
        records({"x": {}}, {"x": {"a": [], "b": [1, "2"]}}),
        {"column": "x", "row": 1, "path": "['b'][1]"},
    ),
    (MAPS, records({"x": {}}, {"x": []}), {"column": "x", "row": 1}),
    (PERSONS, records({"x": {"age": 1}}, {"x": []}), {"column": "x", "row": 1}),
    (PERSONS, records({"x": {"age": 1}}, {"x": {}}), {"column": "x", "row": 1}),
    (PERSONS, records({"x": {"age": 1}}, {"x": {"age": 1, "z": 1}}), {"column": "x", "row": 1}),
    (PERSONS, records({"x": {"age": 1}}, {"x": {"age": "1"}}), {"column": "x", "row": 1, "path": ".age"}),
    (
        PERSONS,
        records({"x": {"age": 1}}, {"x": {"age": 1, "tags": ["", 1]}}),
        {"column": "x", "row": 1, "path": ".tags[1]"},
    ),
    (
        PERSONS,
        records({"x": {"age": 1, LONG_NAME: None}}, {"x": {"age": 1, LONG_NAME: "1"}}),
        {"column": "x", "row": 1, "path": f".{LONG_NAME[:40]}"},
    ),
    (
        columns(column(PERSON, required=False)),
        records({"x": None}, {"x": {"age": 0}}, {"x": {"age": "1"}}),
        {"column": "x", "row": 2, "path": ".age"},
    ),
    (HINT, {"inputs": [{"age": 1}, {"age": "1"}]}, {"row": 1}),
    (Signature(inputs=MATRIX.inputs, is_from_type_hint=True), {"inputs": [[1, 2]]}, {}),
    (MATRIX, {"inputs": [1]}, {}),
    (MATRIX, {"inputs": [[1, 2], [3]]}, {}),
    (MATRIX, {"inputs": [[1], [3]]}, {}),
    (MATRIX, {"inputs": [[1, [2]]]}, {}),
    (MATRIX, {"inputs": [[1, 2], [3, "4"]]}, {"place": [1, 1]}),
    (MATRIX, records({"u": 1, "v": 2}), {}),
    (MATRIX, records({}, {}), {}),
    (MATRIX, records({"0": 1, "1": 2}, {"0": 1}), {"tensor": "1"}),
    (
        tensors(("a", "int64", (-1,)), (LONG_NAME, "int64", (-1,))),
        records({"a": 1, LONG_NAME: 1}, {"a": 1}),
        {"tensor": LONG_NAME[:80]},
    ),
    (tensors((None, "int64", ())), {"inputs": "1"}, {"place": []}),
    (tensors((None, "datetime64[D]", (-1,))), {"inputs": ["2024-01-02", "2024-01-02T01"]}, {"place": [1]}),
    (tensors((None, "timedelta64[s]", (-1,))), {"inputs": [0, -(2**63)]}, {"place": [1]}),
    (tensors((None, "str", (-1,))), {"inputs": ["", None]}, {"place": [1]}),
    (tensors((None, "str", (-1,))), {"inputs": ["", "\0"]}, {"place": [1]}),
    (NAMED, {"inputs": {"a": [1]}}, {"tensor": "b"}),
    (NAMED, {"inputs": {"a": [1], "b": 1}}, {"tensor": "b"}),
    (NAMED, {"inputs": {"a": [1], "b": ["1"]}}, {"tensor": "b", "place": [0]}),
    (NAMED, {"inputs": {"a": [1], "b": [1, 2]}}, {}),
    (TABLE, with_params([]), {}),
    (TABLE, with_params({"p": 1}), {"param": "p"}),
    (of_params(DataType.LONG), with_params({LONG_NAME: 1}), {"param": LONG_NAME[:80]}),
    (of_params(DataType.LONG), with_params({"p": "1"}), {"param": "p"}),
    (of_params(DataType.LONG, default=1), with_params({"p": None}), {"param": "p"}),
    (of_params(DataType.LONG, is_list=True, default=()), with_params({"p": 1}), {"param": "p"}),
    (of_params(DataType.FLOAT), with_params({"p": 1e39}), {"param": "p"}),
    (of_params(DataType.DATETIME), with_params({"p": 1}), {"param": "p"}),
    (of_params(DataType.DATETIME), with_params({"p": "2024-01-01T00:00:00.0000001"}), {"param": "p"}),
    (of_params(DataType.DATETIME), with_params({"p": "0000-01-01"}), {"param": "p"}),
    (CHAT, {"messages": [], "params": 1}, {}),
]
# The same in CSV.
CSV: list[tuple[Signature, bytes, ErrorCode, dict[str, Any]]] = [
    (TABLE, b"x\n\xff", ErrorCode.BAD_REQUEST, {"position": 2}),
    (TABLE, b"\n ", ErrorCode.BAD_REQUEST, {}),
    (TABLE, b"y,x,x\n1,2,3", ErrorCode.BAD_REQUEST, {"column": "x"}),
    (TABLE, f"y,{LONG_NAME},{LONG_NAME}\n".encode(), ErrorCode.BAD_REQUEST, {"column": LONG_NAME[:80]}),
    (TABLE, b"x,y\n1,2\n3", ErrorCode.BAD_REQUEST, {"row": 1}),
    (TABLE, b'x,y\n1,"2', ErrorCode.BAD_REQUEST, {"position": 6}),
    (TABLE, b"x\n1\nz", ErrorCode.INVALID_PARAMETER_VALUE, {"column": "x", "row": 1}),
    (MATRIX, b"0,1\n1,2", ErrorCode.INVALID_PARAMETER_VALUE, {}),
    (
        columns(column(DataType.LONG), column(PERSON, "y")),
        b"x,y\n1,2",
        ErrorCode.INVALID_PARAMETER_VALUE,
        {"column": "y"},
    ),
    (UNNAMED, b"u,v,w\n1,2,3", ErrorCode.INVALID_PARAMETER_VALUE, {}),
    (HINT, b"age\n1", ErrorCode.INVALID_PARAMETER_VALUE, {}),
]


def refuse(signature: Signature, body: bytes, media: Media = Media.JSON) -> ScoringError:
    with pytest.raises(ScoringError) as refused:
        InputReader(signature).read(media, body)
    return refused.value


def as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(("signature", "body", "details"), NOT_PARSED)
def test_a_body_of_another_form_is_a_bad_request(signature: Signature, body: Any, details: dict[str, Any]) -> None:
    error = refuse(signature, as_bytes(body))
    assert (error.code, error.decided_by, error.details) == (ErrorCode.BAD_REQUEST, DecidedBy.PARSER, details)


@pytest.mark.parametrize(("signature", "body", "details"), NOT_ALLOWED)
def test_data_against_the_signature_is_an_invalid_value(
    signature: Signature, body: Any, details: dict[str, Any]
) -> None:
    error = refuse(signature, as_bytes(body))
    assert (error.code, error.decided_by) == (ErrorCode.INVALID_PARAMETER_VALUE, DecidedBy.SCHEMA)
    assert error.details == details


@pytest.mark.parametrize(("signature", "body", "code", "details"), CSV)
def test_csv_is_refused_likewise(signature: Signature, body: bytes, code: ErrorCode, details: dict[str, Any]) -> None:
    error = refuse(signature, body, Media.CSV)
    assert (error.code, error.details) == (code, details)
