"""JSON Schemas of single values: of a type, of a tensor, of a parameter.

A schema admits all that the contract accepts and nothing that it rejects. Of what the contract leaves to the server
("either") it admits what costs nothing to say, such as unknown properties, and leaves out what would only blur it, such
as null in a required number; with `admit_either` it admits that too, and is then fit to judge a body. What JSON Schema
cannot say (February 30th, a lone surrogate) it admits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from .datatypes import FLOAT32_LIMIT, AnyType, Array, DataType, Map, Object, ValueType
from .serialize import default_json
from .specs import ParamSpec, TensorSpec

JsonSchema: TypeAlias = dict[str, object]

_FLOAT64_MAX: Final = 1.7976931348623157e308  # beyond it a parser reads infinity
_FLOAT_LIMITS: Final = MappingProxyType(
    {"float16": 65520.0, "float32": FLOAT32_LIMIT}
)  # the least that round to infinity
_END: Final = r"$(?!\n)"  # Python's `$` also stands before a last newline, JavaScript's does not
_ISO_DATETIME: Final = (
    "^[+-]?[0-9]{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "([T ]([01][0-9]|2[0-4])(:[0-5][0-9](:([0-5][0-9]|60)([.,][0-9]+)?)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?" + _END
)
_DATETIME_NOTE: Final = "ISO 8601 without time zone, to the nanosecond: 2024-01-31T23:59:59.123456789"
_SIXTET: Final = r"[A-Za-z0-9+/_-][\r\n]*"  # MLflow breaks its base64 into lines, in examples and in answers
_BASE64: Final = rf"^(({_SIXTET}){{4}})*(({_SIXTET}){{2}}(=[\r\n]*=[\r\n]*)?|({_SIXTET}){{3}}(=[\r\n]*)?)?" + _END
_NULL_AS_NAN: Final = frozenset({DataType.STRING, DataType.FLOAT, DataType.DOUBLE, DataType.DATETIME})
_SCHEMAS_BY_KIND: Final[Mapping[str, JsonSchema]] = MappingProxyType(
    {
        "b": {"type": "boolean"},
        "f": {"type": "number", "minimum": -_FLOAT64_MAX, "maximum": _FLOAT64_MAX},
        "c": {"type": "number", "description": "The real part; JSON has no complex numbers."},
        "m": {"type": "integer", "description": "A duration in the unit of the dtype."},
        "M": {"type": "string", "pattern": _ISO_DATETIME, "description": _DATETIME_NOTE},
        "S": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64},
        "U": {"type": "string"},
        "O": {"description": "Any JSON value."},
    }
)


def value_schema(kind: ValueType, *, is_nullable: bool = False, admit_either: bool = False) -> JsonSchema:
    """Return the JSON Schema (draft 2020-12) of one value of a type.

    Args:
        kind: The type.
        is_nullable: Whether null is admitted as well.
        admit_either: Whether what the contract leaves to the server is admitted as well: null where it becomes NaN,
            NaT or None, and as an element of a list; `NaT` for a datetime.
    """
    schema = _plain_schema(kind, admit_either=admit_either)
    if isinstance(kind, AnyType) or not (is_nullable or (admit_either and kind in _NULL_AS_NAN)):
        return schema
    return {**schema, "type": [schema["type"], "null"]}


def tensor_schema(spec: TensorSpec, *, skip_dimensions: int = 0, admit_either: bool = False) -> JsonSchema:
    """Return the JSON Schema of a tensor as nested arrays; of one of its rows with `skip_dimensions=1`.

    The size of a dimension of -1 is free, zero included.

    Args:
        spec: The tensor.
        skip_dimensions: How many of the first dimensions to leave out.
        admit_either: Whether what the contract leaves to the server is admitted as well: null for NaN and NaT, and
            whole nanoseconds for a datetime.
    """
    schema = _dtype_schema(np.dtype(spec.dtype))
    if admit_either and spec.dtype.startswith("datetime64"):
        schema = {**schema, "type": ["string", "integer", "null"], "pattern": _or_nat(_ISO_DATETIME)}
    elif admit_either and schema.get("type") == "number":
        schema = {**schema, "type": ["number", "null"]}
    for size in reversed(spec.shape[skip_dimensions:]):
        bounds = {} if size == -1 else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def param_schema(spec: ParamSpec) -> JsonSchema:
    """Return the JSON Schema of a parameter with its default; null is admitted only where the default has it."""
    default = spec.default
    if spec.shape is None:
        schema = value_schema(spec.type, is_nullable=default is None)
    else:
        has_null = isinstance(default, tuple) and None in default
        schema = {"type": "array", "items": value_schema(spec.type, is_nullable=has_null)}
    return {**schema, "default": default_json(default)} if _is_json(default) else schema


def _plain_schema(kind: ValueType, *, admit_either: bool) -> JsonSchema:
    if isinstance(kind, DataType):
        return _scalar_schema(kind, admit_either=admit_either)
    if isinstance(kind, Array):
        return {"type": "array", "items": _element_schema(kind.items, admit_either=admit_either)}
    if isinstance(kind, Map):
        return {"type": "object", "additionalProperties": value_schema(kind.values, admit_either=admit_either)}
    if isinstance(kind, Object):
        return {
            "type": "object",
            "properties": {
                prop.name: value_schema(prop.type, is_nullable=not prop.required, admit_either=admit_either)
                for prop in kind.properties
            },
            "required": [prop.name for prop in kind.properties if prop.required],
            "additionalProperties": True,
        }
    if isinstance(kind, AnyType):
        return {"description": "Any JSON value."}
    return {"type": "array", "items": _element_schema(DataType.DOUBLE, admit_either=admit_either)}


def _element_schema(kind: ValueType, *, admit_either: bool) -> JsonSchema:
    return value_schema(kind, is_nullable=admit_either, admit_either=admit_either)


def _scalar_schema(kind: DataType, *, admit_either: bool) -> JsonSchema:
    schema = _dtype_schema(np.dtype(kind.numpy_name))
    if kind is DataType.DATETIME and admit_either:
        return {**schema, "pattern": _or_nat(_ISO_DATETIME)}
    formats = {DataType.INTEGER: "int32", DataType.LONG: "int64", DataType.FLOAT: "float", DataType.DOUBLE: "double"}
    return {**schema, "format": formats[kind]} if kind in formats else schema


def _dtype_schema(dtype: np.dtype[Any]) -> JsonSchema:
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(bounds.min), "maximum": int(bounds.max)}
    if dtype.kind == "f" and (limit := _FLOAT_LIMITS.get(dtype.name)) is not None:
        return {"type": "number", "exclusiveMinimum": -limit, "exclusiveMaximum": limit}
    return dict(_SCHEMAS_BY_KIND[dtype.kind])


def _or_nat(pattern: str) -> str:
    return f"^NaT{_END}|{pattern}"


def _is_json(default: object) -> bool:
    if isinstance(default, tuple):
        return all(_is_json(element) for element in default)
    if isinstance(default, dict | list):
        return all(_is_json(part) for part in (default.values() if isinstance(default, dict) else default))
    return not isinstance(default, float) or math.isfinite(default)
