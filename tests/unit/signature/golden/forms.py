"""Signatures as MLmodel files may hold them, right and wrong: what `write.py` asks MLflow about.

A side is a list to be written as JSON, a text to be taken as it stands, or None.
"""

from __future__ import annotations

import json
from typing import Any, Final

Side = Any

LONG: Final = {"type": "long", "name": "a"}
SCALARS: Final = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")


def _nested(kind: dict[str, Any], **keys: Any) -> list[dict[str, Any]]:
    return [{**kind, "name": "a", **keys}]


def _tensor(dtype: Any, shape: Any, **keys: Any) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **keys}


def _param(kind: str, default: Any, shape: Any = None, **keys: Any) -> dict[str, Any]:
    return {"name": "p", "type": kind, "default": default, "shape": shape, **keys}


_OBJECT: Final = {"type": "object", "properties": {"z": {"type": "long"}, "b c": {"type": "string", "required": False}}}

INPUTS: Final[dict[str, Side]] = {
    **{f"scalar {kind}": [{"type": kind, "name": "a", "required": True}] for kind in SCALARS},
    "required missing on a scalar": [LONG],
    "optional scalar": [{**LONG, "required": False}],
    "required null on a scalar": [{**LONG, "required": None}],
    "required a text": [{**LONG, "required": "false"}],
    "required a number": [{**LONG, "required": 0}],
    "names with spaces and quotes": [{**LONG, "name": "sepal length (cm)"}, {**LONG, "name": 'it\'s "ü"'}],
    "name empty": [{**LONG, "name": ""}],
    "name null": [{**LONG, "name": None}],
    "name an integer": [{**LONG, "name": 0}, {**LONG, "name": 1}],
    "name a fraction": [{**LONG, "name": 0.5}],
    "name a boolean": [{**LONG, "name": True}],
    "name a list": [{**LONG, "name": ["a", "b"]}],
    "duplicate names": [LONG, {**LONG, "type": "string"}],
    "unnamed": [{"type": "long"}, {"type": "string"}],
    "unnamed optional scalar": [{"type": "long", "required": False}],
    "unnamed scalar, required null": [{"type": "long", "required": None}],
    "unnamed array without required": [{"type": "array", "items": {"type": "long"}}],
    "unnamed required array": [{"type": "array", "items": {"type": "long"}, "required": True}],
    "unnamed optional array": [{"type": "array", "items": {"type": "long"}, "required": False}],
    "named and unnamed": [LONG, {"type": "long"}],
    "unknown type": [{**LONG, "type": "int"}],
    "type in capitals": [{**LONG, "type": "Long"}],
    "type null": [{**LONG, "type": None}],
    "type a number": [{**LONG, "type": 3}],
    "type a list": [{**LONG, "type": ["long"]}],
    "type missing": [{"name": "a"}],
    "column a text": ["long"],
    "column null": [None],
    "extra key in a scalar": [{**LONG, "nullable": True}],
    "extra key in an array": _nested({"type": "array", "items": {"type": "long", "nullable": 1}}, nullable=True),
    "array without required": _nested({"type": "array", "items": {"type": "long"}}),
    "array required": _nested({"type": "array", "items": {"type": "long"}}, required=True),
    "array of arrays": _nested({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
    "array of objects": _nested({"type": "array", "items": _OBJECT}, required=True),
    "array of any": _nested({"type": "array", "items": {"type": "any"}}),
    "array of maps": _nested({"type": "array", "items": {"type": "map", "values": {"type": "long"}}}),
    "array of vectors": _nested({"type": "array", "items": {"type": "sparkml_vector"}}),
    "array without items": _nested({"type": "array"}),
    "array with items as a text": _nested({"type": "array", "items": "long"}),
    "array of an unknown type": _nested({"type": "array", "items": {"type": "lnog"}}),
    "array of tensors": _nested({"type": "array", "items": _tensor("float32", [-1])}),
    "array items without type": _nested({"type": "array", "items": {}}),
    "object": _nested(_OBJECT, required=True),
    "object without required": _nested(_OBJECT),
    "object in an object": _nested({"type": "object", "properties": {"o": {**_OBJECT, "required": False}}}),
    "object property of each scalar": _nested(
        {"type": "object", "properties": {kind[:2]: {"type": kind} for kind in SCALARS}}
    ),
    "object without properties": _nested({"type": "object"}),
    "object with empty properties": _nested({"type": "object", "properties": {}}),
    "object with properties as a list": _nested({"type": "object", "properties": [{"type": "long"}]}),
    "object property as a text": _nested({"type": "object", "properties": {"x": "long"}}),
    "object property without type": _nested({"type": "object", "properties": {"x": {"required": True}}}),
    "object property required null": _nested(
        {"type": "object", "properties": {"x": {"type": "any", "required": None}}}
    ),
    "object property required a text": _nested(
        {"type": "object", "properties": {"x": {"type": "any", "required": "no"}}}
    ),
    "object property with an extra key": _nested({"type": "object", "properties": {"x": {"type": "long", "k": 1}}}),
    "object property a vector": _nested({"type": "object", "properties": {"x": {"type": "sparkml_vector"}}}),
    "map": _nested({"type": "map", "values": {"type": "long"}}, required=True),
    "map of maps": _nested({"type": "map", "values": {"type": "map", "values": {"type": "any"}}}),
    "map of objects": _nested({"type": "map", "values": _OBJECT}),
    "map of arrays": _nested({"type": "map", "values": {"type": "array", "items": {"type": "double"}}}),
    "map of vectors": _nested({"type": "map", "values": {"type": "sparkml_vector"}}),
    "map without values": _nested({"type": "map"}),
    "map with values as a text": _nested({"type": "map", "values": "long"}),
    "any": _nested({"type": "any"}),
    "any required": _nested({"type": "any"}, required=True),
    "any unnamed": [{"type": "any"}],
    "vector": _nested({"type": "sparkml_vector"}),
    "tensor": [_tensor("float32", [-1, 3])],
    "tensor of no dimension": [_tensor("int64", [])],
    "tensor of a fixed zero": [_tensor("uint8", [0, 28, 28])],
    "tensors named": [_tensor("float64", [-1], name="x"), _tensor("str", [-1, 2], name="y")],
    **{
        f"tensor {dtype}": [_tensor(dtype, [-1])]
        for dtype in ("bool", "bytes", "object", "datetime64[ns]", "complex64")
    },
    "tensor dtype by its letter": [_tensor("<f4", [-1])],
    "tensor dtype as Python": [_tensor("float", [-1])],
    "tensor dtype sized text": [_tensor("<U5", [-1])],
    "tensor dtype sized bytes": [_tensor("S5", [-1])],
    "tensor dtype unknown": [_tensor("flaot32", [-1])],
    "tensor dtype null": [_tensor(None, [-1])],
    "tensor dtype void": [_tensor("V8", [-1])],
    "tensor shape null": [_tensor("int8", None)],
    "tensor shape a text": [_tensor("int8", "ab")],
    "tensor shape with -2": [_tensor("int8", [-2])],
    "tensor shape with a fraction": [_tensor("int8", [1.5])],
    "tensor shape with null": [_tensor("int8", [None, 3])],
    "tensor optional": [_tensor("int8", [-1], required=False)],
    "tensor with an extra key": [_tensor("int8", [-1], kind="image")],
    "tensor name an integer": [_tensor("int8", [-1], name=0)],
    "tensor names twice": [_tensor("int8", [-1], name="x"), _tensor("int8", [-1], name="x")],
    "tensors unnamed": [_tensor("int8", [-1]), _tensor("int8", [-1])],
    "tensor without spec": [{"type": "tensor"}],
    "tensor without shape": [{"type": "tensor", "tensor-spec": {"dtype": "int8"}}],
    "tensor beside a column": [LONG, _tensor("int8", [-1], name="x")],
    "side empty list": [],
    "side an object": json.dumps(LONG),
    "side JSON null": "null",
    "side not JSON": "[{'type': 'long'}]",
    "side with trailing text": json.dumps([LONG]) + " x",
    "duplicate JSON key": '[{"type": "long", "type": "string", "name": "a"}]',
}

PARAMS: Final[dict[str, Side]] = {
    "no params": [],
    **{
        f"param {kind}": [_param(kind, default)]
        for kind, default in {
            "boolean": True,
            "integer": 3,
            "long": 2**40,
            "float": 0.5,
            "double": 0.1,
            "string": "x y",
            "datetime": "2024-01-31T12:30:00",
        }.items()
    },
    "param two": [_param("long", 1), _param("string", "it's", name="q r")],
    **{f"param {kind} null": [_param(kind, None)] for kind in ("boolean", "long", "double", "string")},
    "param legacy dtype": [{"name": "p", "dtype": "long", "default": 1, "shape": None}],
    "param legacy dtype object": [
        {"name": "p", "dtype": "object", "default": {"z": 1}, "properties": _OBJECT["properties"]}
    ],
    "param without shape": [{"name": "p", "type": "long", "default": 1}],
    "param double from an integer": [_param("double", 2)],
    "param float from an integer": [_param("float", 2)],
    "param long from a whole fraction": [_param("long", 2.0)],
    "param long from a boolean": [_param("long", True)],
    "param long from a text": [_param("long", "1")],
    "param boolean from a number": [_param("boolean", 1)],
    "param string from a number": [_param("string", 1)],
    "param integer beyond 32 bits": [_param("integer", 2**31)],
    "param long beyond 64 bits": [_param("long", 2**63)],
    "param float beyond 32 bits": [_param("float", 1e39)],
    "param double of 310 digits": [_param("double", 10**309)],
    "param double NaN": [_param("double", float("nan"))],
    "param datetime a date": [_param("datetime", "2024-01-31")],
    "param datetime with microseconds": [_param("datetime", "2024-01-31 12:30:00.123456")],
    "param datetime with nanoseconds": [_param("datetime", "2024-01-31T12:30:00.123456789")],
    "param datetime with zone": [_param("datetime", "2024-01-31T12:30:00+02:00")],
    "param datetime Z": [_param("datetime", "2024-01-31T12:30:00Z")],
    "param datetime year 9999": [_param("datetime", "9999-12-31")],
    "param datetime year 1": [_param("datetime", "0001-01-01T00:00:00")],
    "param datetime year 10000": [_param("datetime", "10000-01-01")],
    "param datetime not a date": [_param("datetime", "soon")],
    "param datetime February 30th": [_param("datetime", "2024-02-30")],
    "param datetime a number": [_param("datetime", 5)],
    "param datetime a year alone": [_param("datetime", "2024")],
    "param list": [_param("long", [1, 2, 3], [-1])],
    "param list empty": [_param("double", [], [-1])],
    "param list of datetimes": [_param("datetime", ["2024-01-31", "2024-01-31T12:30:00"], [-1])],
    "param list with null": [_param("string", ["a", None], [-1])],
    "param list null": [_param("long", None, [-1])],
    "param list from a scalar": [_param("long", 1, [-1])],
    "param list nested": [_param("long", [[1]], [-1])],
    "param list of a wrong type": [_param("long", [1, "2"], [-1])],
    "param scalar from a list": [_param("long", [1])],
    "param scalar from an object": [_param("string", {"a": 1})],
    "param shape [3]": [_param("long", [1, 2, 3], [3])],
    "param shape []": [_param("long", 1, [])],
    "param shape [-1, -1]": [_param("long", [[1]], [-1, -1])],
    "param object": [_param("object", {"z": 1, "b c": "x"}, properties=_OBJECT["properties"])],
    "param object with an optional property null": [
        _param("object", {"z": 1, "b c": None}, properties=_OBJECT["properties"])
    ],
    "param object lacks a property": [_param("object", {"b c": "x"}, properties=_OBJECT["properties"])],
    "param object with an unknown property": [_param("object", {"z": 1, "y": 1}, properties=_OBJECT["properties"])],
    "param object null": [_param("object", None, properties=_OBJECT["properties"])],
    "param object of a wrong type": [_param("object", {"z": "1"}, properties=_OBJECT["properties"])],
    "param object with a whole double": [_param("object", {"x": 2}, properties={"x": {"type": "double"}})],
    "param object with an integer": [_param("object", {"x": 2}, properties={"x": {"type": "integer"}})],
    "param object with a datetime": [_param("object", {"x": "2024-01-31"}, properties={"x": {"type": "datetime"}})],
    "param object with a list": [
        _param("object", {"x": ["a"]}, properties={"x": {"type": "array", "items": {"type": "string"}}})
    ],
    "param object without properties": [_param("object", {})],
    "param object, shape [-1]": [_param("object", [], [-1], properties=_OBJECT["properties"])],
    "param binary": [_param("binary", "aGk=")],
    "param array": [_param("array", [1], items={"type": "long"})],
    "param any": [_param("any", 1)],
    "param unknown type": [_param("lnog", 1)],
    "param twice": [_param("long", 1), _param("double", 1.0)],
    "param without default": [{"name": "p", "type": "long", "shape": None}],
    "param without name": [{"type": "long", "default": 1, "shape": None}],
    "param without type": [{"name": "p", "default": 1, "shape": None}],
    "param name an integer": [_param("long", 1, name=5)],
    "param with an extra key": [_param("long", 1, description="how many")],
    "params an object": json.dumps(_param("long", 1)),
}


def forms() -> dict[str, dict[str, Any]]:
    """Give every form as the `signature` mapping of an MLmodel file, by name."""
    return {
        **{name: _mapping(inputs=side) for name, side in INPUTS.items()},
        **{name: _mapping(params=side) for name, side in PARAMS.items()},
        "outputs only": _mapping(outputs=[LONG]),
        "all three": _mapping(inputs=[LONG], outputs=[_tensor("float64", [-1])], params=[_param("double", 0.5)]),
        "all null": _mapping(),
        "empty mapping": {},
        "inputs empty text": {"inputs": "", "outputs": json.dumps([LONG])},
        "inputs a YAML list": {"inputs": [LONG], "outputs": None, "params": None},
        "inputs an empty YAML list": {"inputs": [], "outputs": json.dumps([LONG]), "params": None},
        "sibling keys": {**_mapping(inputs=[LONG]), "version": 2},
        "keys missing": {"inputs": json.dumps([LONG])},
    }


def _mapping(**sides: Side) -> dict[str, Any]:
    texts = {name: side if isinstance(side, str) else json.dumps(side) for name, side in sides.items()}
    return {"inputs": None, "outputs": None, "params": None, **texts}
