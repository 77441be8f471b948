from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.errors import SignatureError
from pytest_modelserve.signature import (
    AnyType,
    Array,
    ColumnSchema,
    DataType,
    Map,
    Object,
    Property,
    Signature,
    SparkMLVector,
    ValueType,
)

Parse = Callable[..., Signature]
Refusal = Callable[..., SignatureError]
LONG = {"type": "long"}


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        *(({"type": kind.value}, kind) for kind in DataType),
        ({"type": "array", "items": {"type": "array", "items": LONG}}, Array(items=Array(items=DataType.LONG))),
        ({"type": "array", "items": {"type": "sparkml_vector"}}, Array(items=SparkMLVector())),
        ({"type": "map", "values": {"type": "map", "values": {"type": "any"}}}, Map(values=Map(values=AnyType()))),
        ({"type": "array", "items": {**LONG, "required": False}}, Array(items=DataType.LONG)),
    ],
)
def test_types(parse: Parse, written: dict[str, Any], kind: ValueType) -> None:
    schema = parse([{**written, "name": "a"}]).inputs
    assert isinstance(schema, ColumnSchema)
    assert schema.columns[0].type == kind


def test_properties_are_sorted_and_required_unless_said(parse: Parse) -> None:
    properties: dict[str, Any] = {
        "z": LONG,
        "b": {"type": "string", "required": False},
        "a b": {"type": "any", "required": None},
        "B": {"type": "array", "items": LONG},
    }
    schema = parse([{"type": "object", "properties": properties, "name": "o"}]).inputs
    assert isinstance(schema, ColumnSchema)
    assert schema.columns[0].type == Object(
        properties=(
            Property(name="B", type=Array(items=DataType.LONG), required=True),
            Property(name="a b", type=AnyType(), required=False),
            Property(name="b", type=DataType.STRING, required=False),
            Property(name="z", type=DataType.LONG, required=True),
        )
    )


@pytest.mark.parametrize(
    ("written", "path", "fix"),
    [
        ({"type": "array"}, "", "Add the key 'items'."),
        ({"type": "array", "item": LONG}, "", "Did you mean 'items' where it says 'item'?"),
        ({"type": "array", "items": "long"}, ".items", ""),
        ({"type": "array", "items": {}}, ".items", "Add the key 'type'."),
        ({"type": "array", "items": {"type": "tensor"}}, ".items.type", "Use one of: any"),
        ({"type": "map"}, "", "Add the key 'values'."),
        ({"type": "map", "values": [LONG]}, ".values", ""),
        ({"type": "object"}, "", "Add the key 'properties'."),
        ({"type": "object", "properties": {}}, ".properties", "Use the type 'map' for free keys."),
        ({"type": "object", "properties": [LONG]}, ".properties", ""),
        ({"type": "object", "properties": {"x": "long"}}, ".properties.x", ""),
        (
            {"type": "object", "properties": {"x y": {"type": "strnig"}}},
            ".properties['x y'].type",
            "Did you mean 'string'",
        ),
        ({"type": "object", "properties": {"x": {**LONG, "required": 1}}}, ".properties.x.required", ""),
        ({"type": "object", "properties": {"x": {"type": "sparkml_vector"}}}, ".properties.x", 'Use {"type": "array"'),
    ],
)
def test_malformed_types(refusal: Refusal, written: dict[str, Any], path: str, fix: str) -> None:
    error = refusal([{**LONG, "name": "a"}, {**written, "name": "b"}])
    assert error.facts["path"] == f"inputs[1]{path}"
    assert error.fix.startswith(fix)
    assert error.fix
