"""JSON Schemas of single values: of a type, of a tensor, of a parameter.

A schema admits all that the contract accepts and nothing that it rejects. Of what may go either way it admits what
costs nothing to say, such as unknown properties, and leaves out what would only blur it, such as null elements. What
JSON Schema cannot say (February 30th, a lone surrogate) it admits.
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
_BASE64: Final = "^([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2}(==)?|[A-Za-z0-9+/_-]{3}=?)?" + _END
_BASE64_IN_LINES: Final = r"^[A-Za-z0-9+/\n]*={0,2}\n?$"  # MLflow's server breaks its base64 into lines of 76


def value_schema(kind: ValueType, *, is_nullable: bool = False, is_answer: bool = False) -> JsonSchema:
    """Return the JSON Schema (draft 2020-12) of one value of a type.

    Args:
        kind: The type.
        is_nullable: Whether null is admitted as well.
        is_answer: Whether the value stands in an answer, where base64 may be broken into lines.
    """
    schema = _plain_schema(kind, is_answer=is_answer)
    if not is_nullable or isinstance(kind, AnyType):
        return schema
    return {**schema, "type": [schema["type"], "null"]}


def tensor_schema(spec: TensorSpec, *, skip_dimensions: int = 0, is_answer: bool = False) -> JsonSchema:
    """Return the JSON Schema of a tensor as nested arrays; of one of its rows with `skip_dimensions=1`.

    The size of a dimension of -1 is free, zero included.
    """
    schema = _dtype_schema(np.dtype(spec.dtype), is_answer=is_answer)
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


def is_nullable_cell(kind: ValueType) -> bool:
    """Tell whether an optional cell of that type may be null as well as absent."""
    return not isinstance(kind, DataType) or kind.holds_null


def _plain_schema(kind: ValueType, *, is_answer: bool) -> JsonSchema:
    if isinstance(kind, DataType):
        return _scalar_schema(kind, is_answer=is_answer)
    if isinstance(kind, Array):
        return {"type": "array", "items": value_schema(kind.items, is_answer=is_answer)}
    if isinstance(kind, Map):
        return {"type": "object", "additionalProperties": value_schema(kind.values, is_answer=is_answer)}
    if isinstance(kind, Object):
        return {
            "type": "object",
            "properties": {
                prop.name: value_schema(prop.type, is_nullable=not prop.required, is_answer=is_answer)
                for prop in kind.properties
            },
            "required": [prop.name for prop in kind.properties if prop.required],
            "additionalProperties": True,
        }
    if isinstance(kind, AnyType):
        return {"description": "Any JSON value."}
    return {"type": "array", "items": _scalar_schema(DataType.DOUBLE, is_answer=is_answer)}


def _scalar_schema(kind: DataType, *, is_answer: bool) -> JsonSchema:
    if kind is DataType.STRING:
        return {"type": "string"}
    schema = _dtype_schema(np.dtype(kind.numpy_name), is_answer=is_answer)
    formats = {DataType.INTEGER: "int32", DataType.LONG: "int64", DataType.FLOAT: "float", DataType.DOUBLE: "double"}
    return {**schema, "format": formats[kind]} if kind in formats else schema


def _dtype_schema(dtype: np.dtype[Any], *, is_answer: bool) -> JsonSchema:
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return {"type": "integer", "minimum": int(bounds.min), "maximum": int(bounds.max)}
    if dtype.kind == "f" and (limit := _FLOAT_LIMITS.get(dtype.name)) is not None:
        return {"type": "number", "exclusiveMinimum": -limit, "exclusiveMaximum": limit}
    if dtype.kind == "M":
        return {"type": "string", "pattern": _ISO_DATETIME, "description": _DATETIME_NOTE}
    if dtype.kind == "S":
        pattern = _BASE64_IN_LINES if is_answer else _BASE64
        return {"type": "string", "contentEncoding": "base64", "pattern": pattern}
    return dict(_SCHEMAS_BY_KIND[dtype.kind])


_DATETIME_NOTE: Final = "ISO 8601 without time zone, to the nanosecond: 2024-01-31T23:59:59.123456789"
_SCHEMAS_BY_KIND: Final[Mapping[str, JsonSchema]] = MappingProxyType(
    {
        "b": {"type": "boolean"},
        "f": {"type": "number", "minimum": -_FLOAT64_MAX, "maximum": _FLOAT64_MAX},
        "c": {"type": "number", "description": "The real part; JSON has no complex numbers."},
        "m": {"type": "integer", "description": "A duration in the unit of the dtype."},
        "U": {"type": "string"},
        "O": {"description": "Any JSON value."},
    }
)


def _is_json(default: object) -> bool:
    if isinstance(default, tuple):
        return all(_is_json(element) for element in default)
    if isinstance(default, dict | list):
        return all(_is_json(part) for part in (default.values() if isinstance(default, dict) else default))
    return not isinstance(default, float) or math.isfinite(default)
