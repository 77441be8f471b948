from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_modelserve.signature import (
    ColumnSchema,
    ColumnSpec,
    Signature,
    parse_signature,
    request_schema,
    response_schema,
    value_schema,
)

Parse = Callable[..., Signature]
Mappings: TypeAlias = st.SearchStrategy[dict[str, str | None]]
LONG = {"type": "long", "name": "a"}
TEXT = {"type": "string", "name": "b c", "required": False}
ARRAY = {"type": "array", "items": {"type": "double"}, "name": "v", "required": True}
MAP = {"type": "map", "values": {"type": "long"}, "name": "m", "required": True}


def _tensor(dtype: str, *shape: int, **keys: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **keys}


def _wrongly(schema: dict[str, object], bodies: list[Any], *, admitted: bool) -> list[Any]:
    """Give the bodies that the schema judges otherwise than said."""
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return [body for body in bodies if validator.is_valid(body) is not admitted]


def _split(columns: list[Any], *rows: list[Any], **keys: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": list(rows), **keys}}


TABULAR_ADMITTED: list[Any] = [
    _split(["a", "b c"], [1, "x"], [2, None]),
    _split(["a", "b c"], [1, "x"], index=[7]),
    _split(["a"], [1]),
    _split(["b c", "a"], ["x", 1]),
    _split(["a", "other"], [1, 2]),
    _split(["a", "b c"]),
    {"dataframe_records": [{"a": 1, "b c": "x"}, {"a": 2}, {"a": 3, "b c": None, "other": []}]},
    {"inputs": {"a": [1, 2], "b c": ["x", None]}},
    {"inputs": {"a": [1, 2]}},
    {"inputs": {"a": 1}},
    {"inputs": [{"a": 1}, {"a": 2, "b c": "x"}]},
    {"instances": [{"a": 1}]},
    {"instances": [{"a": 1}], "params": {"k": 0.5}, "unknown": 1},
    {"inputs": [{"a": 1}], "params": {}},
    {"inputs": [{"a": 1}], "params": {"other": None}},
]
TABULAR_REFUSED: list[Any] = [
    None,
    [],
    1,
    [{"a": 1}],
    {},
    {"params": {}},
    {"columns": ["a"], "data": [[1]]},
    {**_split(["a"], [1]), "inputs": [{"a": 1}]},
    {"inputs": [{"a": 1}], "instances": [{"a": "wrong"}]},
    _split(["b c"], ["x"]),
    _split(["a", "a"], [1, 1]),
    _split(["a"], ["1"]),
    _split(["a"], [None]),
    _split(["a", "b c"], [1]),
    _split(["a", "b c"], [1, "x", 2]),
    _split(["a", "b c"], ["x", 1]),
    {"dataframe_split": {"columns": ["a"], "data": [{"a": 1}]}},
    {"dataframe_split": {"columns": ["a"], "data": {"a": [1]}}},
    _split(["a"], [1], index_names=["x"]),
    _split(["a"], [1], index=1),
    {"dataframe_split": {"data": [[1]]}},
    {"dataframe_split": {"columns": ["a"]}},
    {"dataframe_split": [[1]]},
    {"dataframe_records": {"a": [1]}},
    {"dataframe_records": [{}]},
    {"dataframe_records": [{"b c": "x"}]},
    {"dataframe_records": [{"a": True}]},
    {"dataframe_records": [{"a": 1, "b c": 1}]},
    {"dataframe_records": [None]},
    {"inputs": {"b c": ["x"]}},
    {"inputs": {"a": ["1"]}},
    {"inputs": [1]},
    {"inputs": 1},
    {"instances": {"a": [1]}},
    {"inputs": [{"a": 1}], "params": {"k": "0.5"}},
    {"inputs": [{"a": 1}], "params": {"k": None}},
    {"inputs": [{"a": 1}], "params": [0.5]},
]


def test_named_scalar_columns(parse: Parse) -> None:
    schema = request_schema(parse([LONG, TEXT], params=[{"name": "k", "type": "double", "default": 0.1}]))
    assert _wrongly(schema, TABULAR_ADMITTED, admitted=True) == []
    assert _wrongly(schema, TABULAR_REFUSED, admitted=False) == []


def test_what_our_own_server_leaves_out_of_either(parse: Parse) -> None:
    optional = {"type": "long", "name": "n", "required": False}
    signature = parse([TEXT, optional], params=[{"name": "k", "type": "double", "default": 0.1}])
    taken = [{"inputs": [{"b c": None}], "params": None}, {"inputs": [{"b c": "x", "n": 1}], "params": {"k": 0.5}}]
    left_out = [{"inputs": [{"b c": "x", "n": None}]}, {"inputs": [{"b c": "x"}], "params": {"k": 0.5, "other": 1}}]
    assert _wrongly(request_schema(signature, admit_either=True), [*taken, *left_out], admitted=True) == []
    served = request_schema(signature, admit_either=True, as_served=True)
    assert _wrongly(served, taken, admitted=True) == []
    assert _wrongly(served, left_out, admitted=False) == []


def test_one_named_column_takes_plain_values(parse: Parse) -> None:
    schema = request_schema(parse([LONG]))
    assert _wrongly(schema, [{"inputs": [1, 2]}, {"instances": [1]}, {"inputs": []}], admitted=True) == []
    assert _wrongly(schema, [{"inputs": ["1"]}, {"instances": [[1]]}, {"inputs": 1}], admitted=False) == []


def test_optional_integers_may_be_absent_and_null_goes_either_way(parse: Parse) -> None:
    signature = parse([LONG, {"type": "long", "name": "n", "required": False}])
    absent, null = {"dataframe_records": [{"a": 1}]}, {"dataframe_records": [{"a": 1, "n": None}]}
    assert _wrongly(request_schema(signature), [absent], admitted=True) == []
    assert _wrongly(request_schema(signature), [null], admitted=False) == []
    assert _wrongly(request_schema(signature, admit_either=True), [absent, null], admitted=True) == []


def test_what_the_contract_rejects_is_refused_even_where_either_is_admitted(parse: Parse) -> None:
    signature = parse([LONG, TEXT], params=[{"name": "k", "type": "double", "default": 0.1}])
    schema = request_schema(signature, admit_either=True)
    assert _wrongly(schema, TABULAR_ADMITTED, admitted=True) == []
    assert _wrongly(schema, TABULAR_REFUSED, admitted=False) == []


def test_an_object_of_inputs_goes_either_way_beside_a_free_column(parse: Parse) -> None:
    signature = parse([LONG, {"type": "any", "name": "x"}])
    assert _wrongly(request_schema(signature), [{"inputs": {"a": 1, "x": None}}], admitted=False) == []
    assert (
        _wrongly(request_schema(signature, admit_either=True), [{"inputs": {"a": 1, "x": None}}], admitted=True) == []
    )


def test_only_optional_columns(parse: Parse) -> None:
    schema = request_schema(parse([TEXT]))
    bodies = [_split(["b c"], ["x"]), _split(["z"], [None]), {"dataframe_records": [{}]}]
    assert _wrongly(schema, bodies, admitted=True) == []
    assert _wrongly(schema, [_split(["b c"], [1])], admitted=False) == []


def test_columns_named_twice_count_once_and_the_last_type_holds(parse: Parse) -> None:
    schema = request_schema(parse([LONG, {**LONG, "type": "string"}]))
    assert _wrongly(schema, [_split(["a"], ["x"]), {"dataframe_records": [{"a": "x"}]}], admitted=True) == []
    assert _wrongly(schema, [_split(["a"], [1]), _split(["a", "a"], [1, "x"])], admitted=False) == []


def test_nested_columns_read_an_object_of_inputs_as_one_row(parse: Parse) -> None:
    schema = request_schema(parse([LONG, ARRAY]))
    admitted = [
        _split(["a", "v"], [1, [0.5, 2]], [2, []]),
        {"dataframe_records": [{"a": 1, "v": [1]}]},
        {"inputs": [{"a": 1, "v": [1]}]},
        {"inputs": {"a": 1, "v": [1]}},
        {"instances": [{"a": 1, "v": []}]},
    ]
    refused = [
        {"inputs": {"a": [1], "v": [[1]]}},
        {"inputs": [{"a": 1, "v": 1}]},
        {"inputs": [{"a": 1, "v": ["1"]}]},
        {"inputs": [{"a": 1, "v": None}]},
    ]
    assert _wrongly(schema, admitted, admitted=True) == []
    assert _wrongly(schema, refused, admitted=False) == []


def test_maps_are_sent_as_rows_only(parse: Parse) -> None:
    schema = request_schema(parse([LONG, MAP]))
    assert _wrongly(schema, [{"inputs": [{"a": 1, "m": {"k": 1}}]}, _split(["a", "m"], [1, {}])], admitted=True) == []
    assert (
        _wrongly(schema, [{"inputs": {"a": 1, "m": {"k": 1}}}, {"inputs": {"a": [1], "m": [{}]}}], admitted=False) == []
    )


def test_optional_nested_columns_may_be_null(parse: Parse) -> None:
    schema = request_schema(parse([LONG, {**ARRAY, "required": False}, {"type": "any", "name": "x"}]))
    assert _wrongly(schema, [{"dataframe_records": [{"a": 1, "v": None, "x": None}]}], admitted=True) == []


def test_integer_names_go_by_split_alone(parse: Parse) -> None:
    schema = request_schema(parse([{**LONG, "name": 0}, {**TEXT, "name": 1}]))
    admitted = [_split([0, 1], [1, "x"]), _split([0], [1]), {"dataframe_split": {"data": [[1, "x"]]}}]
    refused = [
        _split(["0", "1"], [1, "x"]),
        _split([0, 1], ["x", 1]),
        {"dataframe_split": {"data": [["x", 1]]}},
        {"dataframe_records": [{"0": 1}]},
        {"inputs": [[1, "x"]]},
    ]
    assert _wrongly(schema, admitted, admitted=True) == []
    assert _wrongly(schema, refused, admitted=False) == []


def test_integer_names_that_pandas_would_not_give_need_a_header(parse: Parse) -> None:
    schema = request_schema(parse([{**LONG, "name": 7}]))
    assert _wrongly(schema, [_split([7], [1])], admitted=True) == []
    assert _wrongly(schema, [{"dataframe_split": {"data": [[1]]}}], admitted=False) == []


def test_columns_without_names_go_by_position(parse: Parse) -> None:
    schema = request_schema(parse([{"type": "long"}, {"type": "string"}]))
    admitted = [
        {"dataframe_split": {"data": [[1, "x"]]}},
        _split(["any", "name"], [1, "x"]),
        {"dataframe_records": [[1, "x"]]},
        {"inputs": [[1, "x"], [2, "y"]]},
        {"instances": [[1, "x"]]},
    ]
    refused = [
        {"inputs": [["x", 1]]},
        {"inputs": [[1]]},
        {"inputs": [[1, "x", 2]]},
        {"inputs": [1, "x"]},
        {"inputs": {"a": 1}},
        _split(["a"], [1, "x"]),
    ]
    assert _wrongly(schema, admitted, admitted=True) == []
    assert _wrongly(schema, refused, admitted=False) == []


def test_one_column_without_a_name_takes_plain_values(parse: Parse) -> None:
    schema = request_schema(parse([{"type": "string"}]))
    assert _wrongly(schema, [{"inputs": ["x"]}, {"inputs": [["x"], ["y"]]}, {"inputs": "x"}], admitted=True) == []
    assert (
        _wrongly(
            schema, [{"instances": "x"}, {"inputs": [1]}, {"inputs": [["x", "y"]]}, {"inputs": None}], admitted=False
        )
        == []
    )


def test_an_unnamed_tensor(parse: Parse) -> None:
    schema = request_schema(parse([_tensor("float32", -1, 2)]))
    assert _wrongly(schema, [{"inputs": [[1, 0.5]]}, {"instances": [[1, 2], [3, 4]]}], admitted=True) == []
    refused = [
        {"inputs": [1, 2]},
        {"inputs": [[1]]},
        {"inputs": [["1", "2"]]},
        {"inputs": {"x": []}},
        _split(["a"], [1]),
    ]
    assert _wrongly(schema, refused, admitted=False) == []


def test_named_tensors(parse: Parse) -> None:
    schema = request_schema(parse([_tensor("float32", -1, 2, name="x"), _tensor("int8", -1, name="y")]))
    admitted = [
        {"inputs": {"x": [[1, 2]], "y": [3]}},
        {"inputs": {"x": [], "y": [], "extra": 0}},
        {"instances": [{"x": [1, 2], "y": 3}, {"x": [4, 5], "y": 6}]},
    ]
    refused = [
        {"inputs": {"x": [[1, 2]]}},
        {"inputs": {"x": [[1, 2]], "y": [300]}},
        {"inputs": [[1, 2]]},
        {"instances": [{"x": [[1, 2]], "y": [3]}]},
        {"instances": {"x": [[1, 2]], "y": [3]}},
        {"dataframe_records": [{"x": [1, 2], "y": 3}]},
    ]
    assert _wrongly(schema, admitted, admitted=True) == []
    assert _wrongly(schema, refused, admitted=False) == []


def test_one_named_tensor_goes_without_its_name_too(parse: Parse) -> None:
    schema = request_schema(parse([_tensor("bool", -1, name="x")]))
    assert _wrongly(schema, [{"inputs": [True]}, {"inputs": {"x": [True]}}], admitted=True) == []
    assert _wrongly(schema, [{"inputs": [1]}, {"inputs": {"y": [True]}}], admitted=False) == []


def test_tensors_without_dimensions_have_no_rows(parse: Parse) -> None:
    schema = request_schema(parse([_tensor("bool", name="x"), _tensor("bool", -1, name="y")]))
    assert _wrongly(schema, [{"inputs": {"x": True, "y": [False]}}], admitted=True) == []
    assert _wrongly(schema, [{"instances": [{"x": True, "y": False}]}], admitted=False) == []


def test_type_hint_models_take_inputs_alone(parse: Parse) -> None:
    record = {"type": "object", "properties": {"q": {"type": "string"}, "k": {"type": "long", "required": False}}}
    schema = request_schema(parse([{**record, "required": True}], hint=True))
    admitted = [{"inputs": []}, {"inputs": [{"q": "x"}, {"q": "y", "k": None}]}, {"inputs": [{"q": "x"}], "params": {}}]
    refused = [
        {"instances": [{"q": "x"}]},
        {"inputs": {"q": "x"}},
        {"inputs": [[{"q": "x"}]]},
        {"inputs": [{"k": 1}]},
        {"inputs": [{"q": "x"}], "instances": []},
        _split(["q"], ["x"]),
    ]
    assert _wrongly(schema, admitted, admitted=True) == []
    assert _wrongly(schema, refused, admitted=False) == []


def test_chat_models_take_one_row_as_the_body(parse: Parse) -> None:
    message = {"type": "object", "properties": {"role": {"type": "string"}, "content": {"type": "string"}}}
    columns = [
        {"type": "array", "items": message, "name": "messages", "required": True},
        {"type": "long", "name": "n", "required": False},
    ]
    schema = request_schema(parse(columns, params=[{"name": "temperature", "type": "double", "default": 1.0}]))
    chat = [{"role": "user", "content": "hi"}]
    admitted = [
        {"messages": chat},
        {"messages": chat, "n": 2, "temperature": 0.5, "unknown": None},
        {"inputs": [{"messages": chat}]},
        {"dataframe_records": [{"messages": chat}], "params": {"temperature": 2}},
    ]
    refused = [
        {"messages": "hi"},
        {"messages": [{"role": "user"}]},
        {"messages": chat, "n": "2"},
        {"messages": chat, "temperature": "hot"},
        {"prompt": "hi"},
        {"messages": chat, "inputs": [{"messages": chat}]},
    ]
    assert _wrongly(schema, admitted, admitted=True) == []
    assert _wrongly(schema, refused, admitted=False) == []


def test_models_without_such_a_column_take_no_unified_body(parse: Parse) -> None:
    schema = request_schema(parse([LONG]))
    assert _wrongly(schema, [{"messages": [], "a": 1}], admitted=False) == []
    assert _wrongly(schema, [{"inputs": [1], "messages": []}], admitted=True) == []


def test_models_without_inputs_take_any_data(parse: Parse) -> None:
    schema = request_schema(parse(outputs=[LONG]))
    bodies = [
        _split(["a"], [1]),
        {"dataframe_split": {"data": [[1], [None]]}},
        {"dataframe_records": [{"a": 1}, {}]},
        {"inputs": 5},
        {"instances": {"a": "x"}},
        {"messages": [], "prompt": "x"},
        {"input": "x"},
    ]
    assert _wrongly(schema, bodies, admitted=True) == []
    refused: list[Any] = [{}, {"inputs": 1, "instances": 1}, {"dataframe_split": [1]}, {"dataframe_records": {}}, []]
    assert _wrongly(schema, refused, admitted=False) == []


def test_each_envelope_is_one_titled_choice(parse: Parse) -> None:
    choices: Any = request_schema(parse([{**LONG, "name": "input"}]))["oneOf"]
    assert [choice["title"] for choice in choices] == [
        "dataframe_split",
        "dataframe_records",
        "inputs",
        "instances",
        "unified",
    ]


def test_examples_are_shown(parse: Parse) -> None:
    signature = parse([LONG], [LONG])
    body: dict[str, Any] = {"inputs": [1]}
    assert request_schema(signature, example=body)["examples"] == [body]
    assert response_schema(signature, example={"predictions": [1]})["examples"] == [{"predictions": [1]}]
    assert "examples" not in request_schema(signature)


def _value(schema: Any) -> Any:
    """Give a value that a schema of one value admits, by the simplest reading of it."""
    kind = schema.get("type", "null")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        known = {name: _value(part) for name, part in schema.get("properties", {}).items()}
        free = schema.get("additionalProperties")
        return {**known, **({"key": _value(free)} if isinstance(free, dict) else {})}
    if kind == "array":
        return [_value(schema["items"])] * schema.get("minItems", 2)
    if kind == "string":
        return "2024-01-31" if "2024" in schema.get("description", "") else "YWJj"
    return {"boolean": True, "integer": 1, "number": 0.5, "null": None}[kind]


def _row(columns: tuple[ColumnSpec, ...]) -> dict[str | int, Any]:
    return {at if spec.name is None else spec.name: _value(value_schema(spec.type)) for at, spec in enumerate(columns)}


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_signature_gives_schemas_that_admit_its_rows_and_miss_its_required_columns(
    data: st.DataObject, mappings: Mappings
) -> None:
    signature = parse_signature(data.draw(mappings))
    assert signature is not None
    Draft202012Validator.check_schema(response_schema(signature))
    request = Draft202012Validator(json.loads(json.dumps(request_schema(signature))))
    request.check_schema(request.schema)
    inputs = signature.inputs
    if not isinstance(inputs, ColumnSchema):
        return
    row = _row(inputs.columns)
    split = _split(list(row), list(row.values()), list(row.values()))
    assert request.is_valid(split)
    if all(isinstance(name, str) for name in row):
        assert request.is_valid({"dataframe_records": [row, row]})
        assert request.is_valid({"inputs": [row]})
        assert request.is_valid({"instances": [row, row]})
    for spec in inputs.columns:
        if spec.name is not None and {c.name: c.required for c in inputs.columns}[spec.name]:
            rest = {name: value for name, value in row.items() if name != spec.name}
            assert not request.is_valid(_split(list(rest), list(rest.values())))
            assert not request.is_valid({"dataframe_records": [rest]})
