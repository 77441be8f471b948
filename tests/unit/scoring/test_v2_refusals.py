"""What a refusal of the Open Inference Protocol says besides its words: which part decided, and where it lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.scoring.errors import DecidedBy, ErrorCode, ScoringError
from pytest_modelserve.scoring.v2_binary import split_body
from pytest_modelserve.scoring.v2_inputs import InferenceReader, require_outputs
from pytest_modelserve.signature.datatypes import Array, DataType, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

LONG_NAME = "n" * 100
SHOWN = LONG_NAME[:80]  # what the details tell of it


def columns(*kinds: ValueType, name: str | None = LONG_NAME) -> Signature:
    return Signature(inputs=ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind) for kind in kinds)))


def one_tensor(dtype: str, *shape: int) -> Signature:
    return Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype=dtype, shape=shape),)))


def tensor(datatype: str, data: list[Any], *, name: str = LONG_NAME, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": data, **more}


def hinted(datatype: str, data: list[Any], content_type: str) -> dict[str, Any]:
    return tensor(datatype, data, parameters={"content_type": content_type})


def binary(datatype: str, shape: list[int], n_bytes: object) -> dict[str, Any]:
    parameters = {"binary_data_size": n_bytes}
    return {"name": LONG_NAME, "datatype": datatype, "shape": shape, "parameters": parameters}


def refusal_of(read: Callable[[], object]) -> ScoringError:
    with pytest.raises(ScoringError) as caught:
        read()
    assert caught.value.code is {
        DecidedBy.PARSER: ErrorCode.BAD_REQUEST,
        DecidedBy.SCHEMA: ErrorCode.INVALID_PARAMETER_VALUE,
    }.get(caught.value.decided_by)
    return caught.value


def refused(signature: Signature | None, inputs: list[Any], *, tail: bytes = b"", **rest: Any) -> ScoringError:
    body = json.dumps({"inputs": inputs, **rest}).encode()
    return refusal_of(lambda: InferenceReader(signature).read(body, tail))


LONG = columns(DataType.LONG)
ONE = tensor("INT64", [1])


@pytest.mark.parametrize(
    ("inputs", "told", "details"),
    [
        ([ONE, ONE], "stands twice in inputs", {"tensor": SHOWN}),
        ([tensor("INT8", [1, 300])], "out of the range", {"tensor": SHOWN, "element": 1}),
        ([{**ONE, "shape": {}}], "list of sizes for its shape", {"tensor": SHOWN}),
        ([{**ONE, "shape": None}], "list of sizes for its shape", {"tensor": SHOWN}),
        ([{**ONE, "shape": 1}], "list of sizes for its shape", {"tensor": SHOWN}),
        ([hinted("INT64", [1], "zzz")], "has the content type 'zzz'", {}),
        ([{**ONE, "parameters": {"content_type": ["pd"]}}], "has the content type a list of 1", {}),
        ([{**ONE, "parameters": {"content_type": {}}}], "has the content type an object of 0", {}),
        ([tensor("INT64", [2**64])], "out of the range", {"tensor": SHOWN, "element": 0}),
    ],
)
def test_what_the_parser_refuses_of_tensors(inputs: list[Any], told: str, details: dict[str, Any]) -> None:
    error = refused(LONG, inputs)
    assert told in error.message
    assert (error.decided_by, error.details) == (DecidedBy.PARSER, details)


@pytest.mark.parametrize(
    ("datatype", "shape", "n_bytes", "tail", "told"),
    [
        ("INT64", [1], -1, bytes(8), "must have a number of bytes"),
        ("INT64", [1], True, bytes(8), "must have a number of bytes"),
        ("INT64", [1], 8, bytes(7), "there are 7 left"),
        ("INT64", [1], 8, bytes(9), "there are 1 bytes more"),
        ("INT64", [1], 0, b"", "has 0 elements, its shape [1] says 1"),
        ("INT64", [1], 7, bytes(7), "no whole elements of INT64"),
        *(("BOOL", [1], 1, bytes([byte]), "neither 0 nor 1") for byte in range(2, 256)),
        ("BOOL", [3], 3, b"\x00\x02\x01", "neither 0 nor 1"),
        ("BYTES", [1], 5, b"\x02\x00\x00\x00a", "ends beyond the bytes"),
        ("BYTES", [1], 5, b"\x01\x00\x00\x00\xff", "is not UTF-8"),
    ],
)
def test_what_the_parser_refuses_of_bytes(
    datatype: str, shape: list[int], n_bytes: object, tail: bytes, told: str
) -> None:
    error = refused(columns(DataType.LONG), [binary(datatype, shape, n_bytes)], tail=tail)
    assert told in error.message
    assert error.decided_by is DecidedBy.PARSER


OF_COLUMNS: list[tuple[Signature, dict[str, Any], str]] = [
    (LONG, tensor("FP64", [1]), "has the datatype FP64; the model takes INT64"),
    (LONG, hinted("INT64", [1], "str"), "has the content type 'str'; the model takes np"),
    (LONG, hinted("INT64", [1], "pd_json"), "which needs the datatype BYTES"),
    (columns(Array(items=DataType.LONG)), hinted("BYTES", ["[1]"], "str"), "the model takes pd_json"),
    (LONG, {**ONE, "shape": [1, 1, 1]}, "has shape [1, 1, 1]; a column has"),
    (one_tensor("int64", -1, 2), ONE, "has shape [1]; the model takes shape [-1, 2]"),
]


@pytest.mark.parametrize(("signature", "sent", "told"), OF_COLUMNS)
def test_what_the_schema_refuses_of_one_tensor(signature: Signature, sent: dict[str, Any], told: str) -> None:
    error = refused(signature, [sent])
    assert told in error.message
    assert (error.decided_by, error.details) == (DecidedBy.SCHEMA, {"tensor": SHOWN})


PLACES = columns(DataType.LONG, DataType.LONG, name=None)
TYPED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.STRING),)), is_from_type_hint=True)


@pytest.mark.parametrize(
    ("signature", "inputs", "rest", "told"),
    [
        (PLACES, [ONE], {}, "The model takes 2 inputs, the request has 1"),
        (PLACES, [ONE, tensor("INT64", [1], name="input-0")], {}, "'input-0' stands at place 1"),
        (PLACES, [ONE, tensor("FP64", [1], name="b")], {}, "'b' has the datatype FP64; the model takes INT64"),
        (PLACES, [ONE, tensor("INT64", [1, 2], name="b")], {}, "differ in their number of rows"),
        (LONG, [ONE], {"parameters": {"content_type": "np"}}, "the model's signature makes it pd"),
        (one_tensor("int64", -1), [ONE, {**ONE, "name": "b"}], {}, "The model takes one input, the request has 2"),
        (TYPED, [tensor("BYTES", ["a"])], {"parameters": {"content_type": "np"}}, "signature makes it pd or str"),
        (TYPED, [{**tensor("BYTES", ["a", "b"]), "shape": [1, 2]}], {}, "has shape [1, 2]; a column has"),
        (None, [ONE], {}, "has no input signature"),
        (None, [ONE], {"parameters": {"content_type": "str"}}, "and no texts"),
        (None, [tensor("INT64", [None])], {"parameters": {"content_type": "np"}}, "element 0, is null"),
    ],
)
def test_what_the_schema_refuses_of_a_request(
    signature: Signature | None, inputs: list[Any], rest: dict[str, Any], told: str
) -> None:
    error = refused(signature, inputs, **rest)
    assert told in error.message
    assert error.decided_by is DecidedBy.SCHEMA


@pytest.mark.parametrize(
    ("sent", "told", "details"),
    [
        (hinted("INT64", [1], "base64"), "which needs the datatype BYTES", {"tensor": SHOWN}),
        (hinted("INT64", [1], "datetime"), "which needs the datatype BYTES", {"tensor": SHOWN}),
        (hinted("BYTES", ["AA==", "!"], "base64"), "element 1, is '!', not base64", {"tensor": SHOWN, "element": 1}),
    ],
)
def test_what_is_refused_without_a_signature(sent: Any, told: str, details: dict[str, Any]) -> None:
    error = refused(None, [sent], parameters={"content_type": "pd"})
    assert told in error.message
    assert (error.decided_by, error.details) == (DecidedBy.SCHEMA, details)


def test_a_text_that_is_no_json_is_refused_by_the_parser() -> None:
    error = refused(columns(Array(items=DataType.LONG)), [tensor("BYTES", ["[1]", "[1"])])
    assert "element 1, is not valid JSON" in error.message
    assert (error.decided_by, error.details) == (DecidedBy.PARSER, {"tensor": SHOWN, "element": 1})


def test_a_name_in_another_place_is_told() -> None:
    error = refused(PLACES, [tensor("INT64", [1], name="input-1"), ONE])
    assert (error.decided_by, error.details) == (DecidedBy.SCHEMA, {"tensor": "input-1"})


def test_an_output_twice_is_refused_by_the_parser() -> None:
    error = refused(LONG, [ONE], outputs=[{"name": LONG_NAME}, {"name": LONG_NAME}])
    assert "stands twice in outputs" in error.message
    assert (error.decided_by, error.details) == (DecidedBy.PARSER, {"tensor": SHOWN})


def test_an_output_that_the_model_lacks_is_told_with_the_first_five_it_has() -> None:
    known = {f"y{at}" for at in range(7)}
    error = refusal_of(lambda: require_outputs([LONG_NAME], known))
    assert error.message.endswith("it has 'y0', 'y1', 'y2', 'y3', 'y4'")
    assert (error.decided_by, error.details) == (DecidedBy.SCHEMA, {"tensor": SHOWN})


def test_numbers_of_rows_that_differ_are_told_of_the_first_five() -> None:
    names = "abcdefg"
    schema = ColumnSchema(columns=tuple(ColumnSpec(name=name, type=DataType.LONG) for name in names))
    inputs = [tensor("INT64", [1] * at, name=name) for at, name in enumerate(names, 1)]
    error = refused(Signature(inputs=schema), inputs)
    assert error.message.endswith("rows: 'a' 1, 'b' 2, 'c' 3, 'd' 4, 'e' 5")
    assert error.decided_by is DecidedBy.SCHEMA


@pytest.mark.parametrize(
    ("declared", "head", "tail"),
    [
        ([], b"{}ab", b""),
        (["2"], b"{}", b"ab"),
        (["0"], b"", b"{}ab"),
        (["4"], b"{}ab", b""),
        (["0000000000000000002"], b"{}", b"ab"),
    ],
)
def test_the_header_tells_where_the_json_ends(declared: list[str], head: bytes, tail: bytes) -> None:
    assert split_body(b"{}ab", declared) == (head, tail)


@pytest.mark.parametrize(
    "declared",
    [
        ["5"],
        ["-1"],
        ["2x"],
        ["2 "],
        ["+2"],
        [""],
        ["x"],
        ["2.0"],
        ["٢"],
        ["00000000000000000002"],
        ["2", "2"],
        ["2"] * 3,
    ],
)
def test_a_header_that_is_no_number_of_bytes_is_refused_by_the_parser(declared: list[str]) -> None:
    error = refusal_of(lambda: split_body(b"{}ab", declared))
    assert "not a number of bytes up to the 4 of the body" in error.message
    assert error.decided_by is DecidedBy.PARSER
