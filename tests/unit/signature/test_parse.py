from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modelserve.errors import SignatureError
from pytest_modelserve.signature import (
    AnyType,
    Array,
    ColumnSchema,
    ColumnSpec,
    DataType,
    Map,
    Object,
    ParamSpec,
    Signature,
    SparkMLVector,
    TensorSchema,
    TensorSpec,
    as_mlmodel,
    parse_signature,
)

Parse = Callable[..., Signature]
Refusal = Callable[..., SignatureError]
Mappings: TypeAlias = st.SearchStrategy[dict[str, str | None]]
ARRAY: dict[str, Any] = {"type": "array", "items": {"type": "long"}}


def _columns(signature: Signature) -> tuple[ColumnSpec, ...]:
    assert isinstance(signature.inputs, ColumnSchema)
    return signature.inputs.columns


def _tensors(signature: Signature) -> tuple[TensorSpec, ...]:
    assert isinstance(signature.inputs, TensorSchema)
    return signature.inputs.tensors


def test_each_side_is_read_into_its_own_field(parse: Parse) -> None:
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}
    param = {"name": "p", "type": "long", "default": 1, "shape": None}
    assert parse([{"type": "long", "name": "a"}], [tensor], [param]) == Signature(
        inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG),)),
        outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 3)),)),
        params=(ParamSpec(name="p", type=DataType.LONG, default=1),),
    )


def test_no_signature_is_none() -> None:
    assert parse_signature(None) is None


@pytest.mark.parametrize(
    "mapping", [{}, {"inputs": None, "outputs": None, "params": None}, {"inputs": ""}, {"input": "[]"}]
)
def test_a_mapping_that_says_nothing_is_refused_as_mlflow_does(mapping: dict[str, str | None]) -> None:
    with pytest.raises(SignatureError) as caught:
        parse_signature(mapping)
    assert caught.value.facts["value"] == json.dumps(mapping)
    assert "infer_signature" in caught.value.fix


@pytest.mark.parametrize("value", ["inputs", [], 0])
def test_a_signature_that_is_no_mapping_is_refused(value: Any) -> None:
    with pytest.raises(SignatureError, match="not a mapping"):
        parse_signature(value)


def test_keys_besides_the_three_sides_are_ignored() -> None:
    mapping: dict[str, Any] = {"inputs": json.dumps([ARRAY]), "version": 2}
    assert parse_signature(mapping) == parse_signature({"inputs": json.dumps([ARRAY])})


def test_an_empty_text_is_a_side_that_says_nothing(parse: Parse) -> None:
    signature = parse("", [{"type": "long"}], "")
    assert signature.inputs is None
    assert signature.params is None


def test_an_empty_list_of_params_differs_from_no_params(parse: Parse) -> None:
    assert parse(params=[]).params == ()


@pytest.mark.parametrize("side", ["inputs", "outputs", "params"])
@pytest.mark.parametrize(
    "text", ["[", "{'a': 1}", "[] x", "", '"[]"', "null", "{}", "[" * 100_000, "1" * 5000, '[{"type": lnog}]']
)
def test_errors_name_the_side_of_a_broken_text(refusal: Refusal, side: str, text: str) -> None:
    error = refusal(**{side: text})
    assert error.facts["path"] == (side if text else "signature")
    assert len(str(error)) < 1000


def test_a_side_that_is_no_text_is_refused() -> None:
    mapping: dict[str, Any] = {"inputs": [ARRAY]}
    with pytest.raises(SignatureError) as caught:
        parse_signature(mapping)
    assert caught.value.facts == {"side": "inputs", "path": "inputs", "value": json.dumps([ARRAY])}
    assert caught.value.fix == "Write the list as a JSON string."


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ARRAY, False),
        ({"type": "object", "properties": {"x": {"type": "long"}}}, False),
        ({"type": "map", "values": {"type": "long"}}, False),
        ({"type": "any"}, False),
        ({"type": "sparkml_vector"}, False),
        ({"type": "long"}, True),
        ({"type": "datetime"}, True),
    ],
)
def test_required_missing_depends_on_the_type(parse: Parse, kind: dict[str, Any], expected: bool) -> None:
    assert _columns(parse([{**kind, "name": "a"}]))[0].required is expected
    assert _columns(parse([kind]))[0].required is expected


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
def test_required_as_said(parse: Parse, value: bool | None, expected: bool) -> None:
    assert _columns(parse([{"type": "long", "name": "a", "required": value}]))[0].required is expected
    assert _columns(parse([{**ARRAY, "name": "a", "required": value}]))[0].required is expected


def test_names_are_kept_as_they_are(parse: Parse) -> None:
    names = ["", " a ", "sepal length (cm)", 0, -1, "0", "ü", "a", "a"]
    signature = parse([{"type": "long", "name": name} for name in names])
    assert [column.name for column in _columns(signature)] == names


@pytest.mark.parametrize("columns", [[{"type": "long"}], [{"type": "long", "name": None}]])
def test_columns_without_a_name(parse: Parse, columns: list[Any]) -> None:
    assert _columns(parse(columns)) == (ColumnSpec(name=None, type=DataType.LONG),)


def test_unknown_type_is_shown_with_its_place_and_the_likely_name(refusal: Refusal) -> None:
    nested = {"type": "array", "items": {"type": "lnog"}, "name": "d"}
    error = refusal([*({"type": "long", "name": name} for name in "abc"), nested])
    assert error.facts == {"side": "inputs", "path": "inputs[3].items.type", "value": '"lnog"'}
    assert error.happened == 'the signature is broken at inputs[3].items.type: "lnog" is no type'
    assert error.fix.startswith("Did you mean 'long'?")


@pytest.mark.parametrize(
    ("inputs", "path", "fix"),
    [
        ([], "inputs", "Write null"),
        ([1], "inputs[0]", ""),
        ([{"name": "a"}], "inputs[0]", "Add the key 'type'."),
        ([{"typ": "long"}], "inputs[0]", "Did you mean 'type' where it says 'typ'?"),
        ([{"type": "Long"}], "inputs[0].type", "Did you mean 'long'?"),
        ([{"type": "int"}], "inputs[0].type", "Did you mean 'integer'?"),
        ([{"type": None}], "inputs[0].type", "Use one of: any, array"),
        ([{"type": ["long"]}], "inputs[0].type", "Use one of: any, array"),
        ([{"type": "long", "nmae": "a"}], "inputs[0].nmae", "Did you mean 'name'?"),
        ([{"type": "long", "name": 0.5}], "inputs[0].name", "Rename the columns"),
        ([{"type": "long", "name": True}], "inputs[0].name", "Rename the columns"),
        ([{"type": "long", "name": "a", "required": "no"}], "inputs[0].required", ""),
        ([{"type": "long", "required": False}], "inputs[0].required", "Give the columns names."),
        ([{**ARRAY, "required": False}], "inputs[0].required", "Give the columns names."),
        ([{"type": "long", "name": "a"}, {"type": "long"}], "inputs", "Name all entries or none; named: 'a'."),
    ],
)
def test_malformed_columns(refusal: Refusal, inputs: Any, path: str, fix: str) -> None:
    error = refusal(inputs)
    assert error.facts["path"] == path
    assert error.fix.startswith(fix)


def test_every_nested_type_takes_keys_that_do_not_belong_to_it(parse: Parse) -> None:
    kinds = [
        ARRAY,
        {"type": "map", "values": {"type": "long"}},
        {"type": "any"},
        {"type": "sparkml_vector"},
        {"type": "object", "properties": {"x": {"type": "long", "k": 1}}},
    ]
    plain = [Array(items=DataType.LONG), Map(values=DataType.LONG), AnyType(), SparkMLVector()]
    read = [column.type for column in _columns(parse([{**kind, "k": 1} for kind in kinds]))]
    assert read[:4] == plain
    assert isinstance(read[4], Object)


@pytest.mark.parametrize(
    ("written", "name"),
    [("float32", "float32"), ("<f4", "float32"), (">i8", "int64"), ("float", "float64"), ("U", "str"), ("O", "object")],
)
def test_dtypes_get_their_plain_name(parse: Parse, written: str, name: str) -> None:
    signature = parse([{"type": "tensor", "tensor-spec": {"dtype": written, "shape": []}, "required": False, "k": 1}])
    assert _tensors(signature) == (TensorSpec(name=None, dtype=name, shape=()),)


def test_an_old_letter_of_a_dtype_gives_no_warning_of_numpys() -> None:
    side = json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "a", "shape": [-1]}}])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        refused = _refused({"inputs": side})  # NumPy reads it up to 2.3
    assert caught == []
    assert refused is None or refused.facts["value"] == '"a"'


def test_named_tensors(parse: Parse) -> None:
    spec = {"type": "tensor", "tensor-spec": {"dtype": "bool", "shape": [-1, 0]}}
    tensors = _tensors(parse([{**spec, "name": "x"}, {**spec, "name": ""}]))
    assert [tensor.name for tensor in tensors] == ["x", ""]
    assert {tensor.shape for tensor in tensors} == {(-1, 0)}


@pytest.mark.parametrize(
    ("spec", "path", "fix"),
    [
        ({"dtype": "flaot32", "shape": []}, "['tensor-spec'].dtype", "Did you mean 'float32'?"),
        ({"dtype": "U5", "shape": []}, "['tensor-spec'].dtype", "Write 'str' instead."),
        ({"dtype": "S5", "shape": []}, "['tensor-spec'].dtype", "Write 'bytes' instead."),
        ({"dtype": "i4,f4", "shape": []}, "['tensor-spec'].dtype", "Use one of: bool"),
        ({"dtype": "(", "shape": []}, "['tensor-spec'].dtype", "Use one of: bool"),
        ({"dtype": None, "shape": []}, "['tensor-spec'].dtype", "Use one of: bool"),
        ({"dtype": "int8"}, "['tensor-spec']", "Add the key 'shape'."),
        ({"shape": []}, "['tensor-spec']", "Add the key 'dtype'."),
        ({"dtype": "int8", "shape": None}, "['tensor-spec'].shape", ""),
        ({"dtype": "int8", "shape": [-1, -2]}, "['tensor-spec'].shape[1]", "Write -1 for any size."),
        ({"dtype": "int8", "shape": [True]}, "['tensor-spec'].shape[0]", "Write -1 for any size."),
        ("float32", "['tensor-spec']", ""),
    ],
)
def test_malformed_tensors(refusal: Refusal, spec: Any, path: str, fix: str) -> None:
    error = refusal(outputs=[{"type": "tensor", "tensor-spec": spec}])
    assert error.facts["side"] == "outputs"
    assert error.facts["path"] == f"outputs[0]{path}"
    assert error.fix.startswith(fix)


def test_tensors_that_do_not_go_together(refusal: Refusal) -> None:
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "int8", "shape": [-1]}}
    assert "2 tensors without a name" in refusal([tensor, tensor]).happened
    assert "1 columns and 1 tensors" in refusal([{**tensor, "name": "x"}, {"type": "long", "name": "a"}]).happened
    assert refusal([{**tensor, "name": 0}]).facts["path"] == "inputs[0].name"
    assert refusal([{"type": "tensor"}]).fix == "Add the key 'tensor-spec'."


def test_types_nested_too_deep_to_read(parse: Parse, refusal: Refusal) -> None:
    def nested(n_arrays: int) -> str:
        return "[" + '{"type": "array", "items": ' * n_arrays + '{"type": "long"}' + "}" * n_arrays + "]"

    assert parse(nested(98)).inputs is not None
    error = refusal(nested(99))
    assert "100 levels deep" in error.happened


def test_params_in_every_form(parse: Parse) -> None:
    params = [
        {"name": "old", "dtype": "double", "default": 1},
        {"name": "list", "type": "long", "default": [], "shape": [-1], "k": 1},
        {"name": "", "type": "object", "default": {"x": True}, "properties": {"x": {"type": "boolean"}}, "shape": None},
    ]
    old, listed, nested = parse(params=params).params or ()
    assert old == ParamSpec(name="old", type=DataType.DOUBLE, default=1.0)
    assert listed == ParamSpec(name="list", type=DataType.LONG, default=(), shape=(-1,))
    assert (nested.name, nested.default, nested.shape) == ("", {"x": True}, None)
    assert isinstance(nested.type, Object)


@pytest.mark.parametrize(
    ("change", "path", "fix"),
    [
        ({"type": "lnog"}, "params[1].type", "Did you mean 'long'?"),
        ({"type": "binary"}, "params[1].type", "Use one of: boolean, datetime"),
        ({"type": "array", "items": {"type": "long"}}, "params[1].type", ""),
        ({"type": "object"}, "params[1]", "Add the key 'properties'."),
        ({"type": "object", "properties": {}}, "params[1].properties", "Use the type 'map'"),
        ({"type": "object", "properties": {"x": {"type": "any"}}, "shape": [-1]}, "params[1].shape", ""),
        ({"name": 5}, "params[1].name", "Write its name as a string."),
        ({"name": "first"}, "params[1]", "Keep one of them."),
        ({"shape": [3]}, "params[1].shape", "Write null for one value, [-1] for a list."),
        ({"shape": []}, "params[1].shape", "Write null for one value, [-1] for a list."),
        ({"shape": -1}, "params[1].shape", "Write null for one value, [-1] for a list."),
        ({"shape": [-1]}, "params[1].default", "Write a list, or set shape to null."),
        ({"default": "1"}, "params[1].default", "Write an integer."),
    ],
)
def test_malformed_params(refusal: Refusal, change: dict[str, Any], path: str, fix: str) -> None:
    param = {"name": "p", "type": "long", "default": 1, "shape": None}
    error = refusal(params=[{**param, "name": "first"}, {**param, **change}])
    assert error.facts["path"] == path
    assert error.fix.startswith(fix)


@pytest.mark.parametrize("key", ["name", "type", "default"])
def test_keys_that_a_param_needs(refusal: Refusal, key: str) -> None:
    param = {"name": "p", "type": "long", "default": 1, "shape": None}
    del param[key]
    assert refusal(params=[param]).fix == f"Add the key {key!r}."


def test_an_object_cannot_stand_under_the_legacy_key(refusal: Refusal) -> None:
    error = refusal(
        params=[{"name": "p", "dtype": "object", "properties": {"x": {"type": "any"}}, "default": {"x": 1}}]
    )
    assert error.facts["path"] == "params[0].dtype"


def test_type_hint_signatures_have_one_column_without_a_name(parse: Parse, refusal: Refusal) -> None:
    assert parse([{"type": "string"}], hint=True).is_from_type_hint
    for inputs in ([{"type": "string", "name": "a"}], [{"type": "string"}] * 2, None):
        error = refusal(inputs, [{"type": "long"}], hint=True)
        assert "is_signature_from_type_hint" in error.happened
        assert error.facts["side"] == "inputs"


@settings(deadline=None)
@given(data=st.data())
def test_written_and_read_again_is_the_same(data: st.DataObject, mappings: Mappings) -> None:
    signature = parse_signature(data.draw(mappings))
    assert signature is not None
    written = as_mlmodel(signature)
    assert parse_signature(written) == signature
    assert as_mlmodel(signature) == written


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_signature_with_one_part_exchanged_is_read_or_refused_but_never_crashes(
    data: st.DataObject, mappings: Mappings
) -> None:
    mapping = data.draw(mappings)
    side = data.draw(st.sampled_from([name for name, text in mapping.items() if text is not None]))
    tree = json.loads(mapping[side] or "")
    holder = data.draw(st.sampled_from(_holders(tree) or [[tree]]))
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    holder[data.draw(st.sampled_from(keys))] = data.draw(_NOISE)
    refused = _refused({**mapping, side: json.dumps(tree)})
    assert refused is None or (str(refused.facts["path"]).startswith(side) and refused.fix)


_NOISE = st.sampled_from((None, True, 0, -1, 0.5, "", "long", "tensor", "object", [], [-1], {}, {"type": "long"}))


def _refused(mapping: dict[str, str | None]) -> SignatureError | None:
    try:
        parse_signature(mapping)
    except SignatureError as error:
        return error
    return None


def _holders(tree: Any) -> list[Any]:
    """Give every list and object of a JSON tree that is not empty."""
    if not isinstance(tree, list | dict) or not tree:
        return []
    parts = tree.values() if isinstance(tree, dict) else tree
    return [tree, *(holder for part in parts for holder in _holders(part))]
