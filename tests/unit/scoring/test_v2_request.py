"""Requests of the Open Inference Protocol taken apart; the documents are its specification's, or written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_modelserve.scoring.errors import NotParsed
from pytest_modelserve.scoring.v2_datatypes import Datatype
from pytest_modelserve.scoring.v2_request import parse_request

ONE: dict[str, Any] = {"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}
OF_THE_SPECIFICATION = {  # inference_rest.md, "Inference Request Examples"
    "id": "42",
    "inputs": [
        {"name": "input0", "shape": [2, 2], "datatype": "UINT32", "data": [1, 2, 3, 4]},
        {"name": "input1", "shape": [3], "datatype": "BOOL", "data": [True, False, True]},
    ],
    "outputs": [{"name": "output0"}],
}


def test_the_example_of_the_specification() -> None:
    request = parse_request(OF_THE_SPECIFICATION)
    first, second = request.tensors.values()
    assert (request.id, request.outputs, request.params, request.content_type) == ("42", {"output0": False}, None, None)
    assert (first.name, first.datatype, first.shape, first.values) == ("input0", Datatype.UINT32, (2, 2), [1, 2, 3, 4])
    assert (second.datatype, second.values) == (Datatype.BOOL, [True, False, True])


@pytest.mark.parametrize(
    ("shape", "data", "values"),
    [
        ([2, 2], [1, 2, 3, 4], [1, 2, 3, 4]),
        ([2, 2], [[1, 2], [3, 4]], [1, 2, 3, 4]),
        ([2, 1, 2], [[[1, 2]], [[3, 4]]], [1, 2, 3, 4]),
        ([2, 1], [1, 2], [1, 2]),
        ([2, 1], [[1], [2]], [1, 2]),
        ([0], [], []),
        ([0, 2], [], []),
        ([2, 0], [[], []], []),
        ([2, 0], [], []),
        ([], [7], [7]),
    ],
)
def test_data_is_flat_or_nested(shape: list[int], data: list[Any], values: list[int]) -> None:
    (tensor,) = parse_request({"inputs": [{**ONE, "shape": shape, "data": data}]}).tensors.values()
    assert (tensor.values, tensor.shape) == (values, tuple(shape))


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("UINT16", [0, 65535]),
        ("UINT32", [0, 4294967295]),
        ("UINT64", [0, 18446744073709551615]),
        ("INT8", [-128, 127]),
        ("INT16", [-32768, 32767]),
        ("INT32", [-2147483648, 2147483647]),
        ("INT64", [-9223372036854775808, 9223372036854775807]),
        ("INT64", [3.0, 9007199254740993]),
        ("FP16", [65504.0, -0.5]),
        ("FP32", [3.4028234663852886e38, 1]),
        ("FP64", [1.7976931348623157e308, None]),
        ("BYTES", ["", "é\x00😀"]),
        ("INT64", [None, 1]),  # whether null may be, the declared type says
    ],
)
def test_values_of_every_datatype(datatype: str, values: list[Any]) -> None:
    (tensor,) = parse_request(
        {"inputs": [{**ONE, "datatype": datatype, "shape": [2], "data": values}]}
    ).tensors.values()
    assert (tensor.datatype.value, tensor.values) == (datatype, values)


@pytest.mark.parametrize(
    ("datatype", "value", "told"),
    [
        ("BOOL", 1, "is an integer (1), not true or false"),
        ("BOOL", "true", "is a string"),
        ("UINT8", -1, "out of the range 0 to 255"),
        ("INT8", 300, "out of the range"),
        ("UINT64", 18446744073709551616, "out of the range"),
        ("INT32", 1.7, "not an integer"),
        ("INT64", "5", "is a string"),
        ("INT64", 9007199254740993.0, "does not say which integer it stands for"),
        ("INT64", -9007199254740992.0, "does not say which integer it stands for"),
        ("INT64", True, "is a boolean"),
        ("FP16", 70000, "beyond the largest float16"),
        ("FP32", 1e39, "beyond the largest float32"),
        ("FP32", "x", "not a number"),
        ("FP64", True, "not a number"),
        ("BYTES", 5, "not a string"),
        ("BYTES", {}, "not a string"),
    ],
)
def test_values_of_no_datatype(datatype: str, value: object, told: str) -> None:
    good: Any = {"BOOL": True, "BYTES": "a"}.get(datatype, 1)
    with pytest.raises(NotParsed) as caught:
        parse_request({"inputs": [{**ONE, "datatype": datatype, "shape": [2], "data": [good, value]}]})
    assert caught.value.message.startswith("The input 'x', element 1, ")
    assert told in caught.value.message
    assert caught.value.details == {"tensor": "x", "element": 1}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": [2]}, "The input 'x' has 1 elements, its shape [2] says 2"),
        ({"shape": [2, 2], "data": [1, 2, 3]}, "has 3 elements"),
        ({"shape": [4], "data": [[1, 2], [3, 4]]}, "at depth 0 each list must have 4 elements"),
        ({"shape": [2, 2], "data": [[1, 2], [3]]}, "at depth 1 each list must have 2 elements"),
        ({"shape": [2, 2], "data": [[1, 2], 3]}, "at depth 1"),
        ({"shape": [2], "data": [[1], [2]]}, "has 2 elements"),
        ({"shape": [-1]}, "sizes for its shape"),
        ({"shape": [1.0]}, "sizes for its shape"),
        ({"shape": [True]}, "sizes for its shape"),
        ({"shape": "1"}, "sizes for its shape"),
        ({"shape": [1] * 33}, "has 33 dimensions; the most are 32"),
        ({"shape": [2**40 + 1, 0], "data": []}, "has a dimension of 1099511627777; the largest is 1099511627776"),
        ({"shape": [10**300] * 32}, "has a dimension of 1000"),
        ({"shape": [2**40] * 32}, "has 1 elements, its shape [1099511627776"),
        ({"shape": [2**20 + 1, 0], "data": []}, "has no data and 1048577 places for it; the most are 1048576"),
        ({"shape": [2**40, 2**40, 0], "data": []}, "has no data and 1208925819614629174706176 places"),
        ({"shape": [0, 2**11, 2**11], "data": []}, "has no data and 4194304 places"),
        ({"data": 1}, "must have a list for its data, not an integer"),
        ({"data": {"0": 1}}, "must have a list for its data, not an object"),
        ({"datatype": "int64"}, "has the datatype 'int64'"),
        ({"datatype": "BF16"}, "has the datatype 'BF16'"),
        ({"datatype": ["INT64"]}, "has the datatype a list of 1"),
        ({"name": 1}, "Element 0 of inputs must have a string for its name"),
        ({"parameters": []}, "must have an object for its parameters"),
        ({"parameters": {"content_type": "zzz"}}, "has the content type 'zzz'"),
        ({"parameters": {"content_type": 1}}, "has the content type 1"),
        ({"parameters": {"binary_data_size": 8}}, "has both data and binary_data_size"),
    ],
)
def test_a_tensor_that_is_none(change: dict[str, Any], told: str) -> None:
    with pytest.raises(NotParsed) as caught:
        parse_request({"inputs": [{**ONE, **change}]})
    assert told in caught.value.message
    assert len(caught.value.message) < 700  # whatever the numbers of the request


@pytest.mark.parametrize("lacking", ["shape", "datatype", "data"])
def test_a_tensor_that_lacks_a_part(lacking: str) -> None:
    with pytest.raises(NotParsed, match=f"The input 'x' lacks {lacking}"):
        parse_request({"inputs": [{key: value for key, value in ONE.items() if key != lacking}]})


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "must be a JSON object"),
        ("x", "must be a JSON object"),
        ({}, "inputs must be a list of objects, and is missing"),
        ({"inputs": {}}, "inputs must be a list of objects"),
        ({"inputs": []}, "at least one tensor"),
        ({"inputs": [1]}, "inputs must be a list of objects"),
        ({"inputs": [ONE, ONE]}, "'x' stands twice"),
        ({"inputs": [ONE], "id": 7}, "id must be a string, not an integer"),
        ({"inputs": None}, "inputs must be a list of objects, and is null"),
        ({"inputs": [ONE], "parameters": "x"}, "must have an object for its parameters"),
        ({"inputs": [ONE], "parameters": {"content_type": "zzz"}}, "The request has the content type 'zzz'"),
        ({"inputs": [ONE], "outputs": {"name": "y"}}, "outputs must be a list of objects"),
        ({"inputs": [ONE], "outputs": [{}]}, "Element 0 of outputs must have a string"),
        ({"inputs": [ONE], "outputs": [{"name": "y", "parameters": 1}]}, "must have an object"),
        ({"inputs": [ONE], "outputs": [{"name": "y"}, {"name": "y"}]}, "'y' stands twice"),
        (
            {"inputs": [ONE], "outputs": [{"name": "y", "parameters": {"classification": 3}}]},
            "The output 'y' has the parameter classification, of an extension",
        ),
        (
            {"inputs": [ONE], "outputs": [{"name": "y", "parameters": {"shared_memory_region": "r"}}]},
            "The output 'y' has the parameter shared_memory_region, of an extension",
        ),
        (
            {"inputs": [{**ONE, "parameters": {"shared_memory_region": "r"}}]},
            "The input 'x' has the parameter shared_memory_region, of an extension",
        ),
        (
            {"inputs": [ONE], "outputs": [{"name": "y", "parameters": {"binary_data": 1}}]},
            "true or false for binary_data",
        ),
        ({"inputs": [ONE], "parameters": {"binary_data_output": "x"}}, "true or false for binary_data_output"),
    ],
)
def test_a_document_that_is_no_request(document: object, told: str) -> None:
    with pytest.raises(NotParsed) as caught:
        parse_request(document)
    assert told in caught.value.message


def test_parameters_are_the_model_s_but_for_those_of_codecs_and_clients() -> None:
    parameters = {"content_type": "pd", "headers": {"a": "b"}, "binary_data_output": True, "k": [1]}
    request = parse_request({"inputs": [ONE], "parameters": parameters, "note": 1})
    assert (request.content_type, request.params, request.ignored) == ("pd", {"k": [1]}, ("note", "headers"))
    assert request.is_binary


@pytest.mark.parametrize(
    ("declared", "params", "content_type", "is_binary"),
    [
        ("headers", {"headers": 7}, "pd", True),
        ("content_type", {"content_type": "pd"}, None, True),
        ("binary_data_output", {"binary_data_output": True}, "pd", False),
    ],
)
def test_declared_params_are_the_model_s_whatever_their_names(
    declared: str, params: dict[str, Any], content_type: str | None, is_binary: bool
) -> None:
    parameters = {"content_type": "pd", "headers": 7, "binary_data_output": True}
    request = parse_request({"inputs": [ONE], "parameters": parameters}, declared={declared})
    assert (request.params, request.content_type, request.is_binary) == (params, content_type, is_binary)
    assert request.ignored == (() if declared == "headers" else ("headers",))


def test_no_wanted_outputs_are_all() -> None:
    assert parse_request({"inputs": [ONE], "outputs": []}).outputs is None


@pytest.mark.parametrize("is_binary", [True, False])
def test_outputs_are_wanted_in_binary_as_the_request_says_but_for_those_that_say_so(*, is_binary: bool) -> None:
    outputs = [
        {"name": "a"},
        *({"name": name, "parameters": {"binary_data": wanted}} for name, wanted in [("b", True), ("c", False)]),
    ]
    request = parse_request({"inputs": [ONE], "outputs": outputs, "parameters": {"binary_data_output": is_binary}})
    assert request.outputs == {"a": is_binary, "b": True, "c": False}


@pytest.mark.parametrize("content_type", ["np", "pd", "str", "base64", "datetime", "pd_json"])
def test_content_types_of_tensors(content_type: str) -> None:
    sent = {**ONE, "parameters": {"content_type": content_type}}
    (tensor,) = parse_request({"inputs": [sent]}).tensors.values()
    assert tensor.content_type == content_type


def test_what_is_missing_is_told_as_that() -> None:
    with pytest.raises(NotParsed) as caught:
        parse_request({})
    assert caught.value.message == "inputs must be a list of objects, and is missing"


def test_null_is_an_optional_part_that_is_absent() -> None:
    nulls = {"id": None, "outputs": None, "parameters": None}
    assert parse_request({"inputs": [{**ONE, "parameters": None}], **nulls}) == parse_request({"inputs": [ONE]})
