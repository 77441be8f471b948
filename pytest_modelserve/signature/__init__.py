"""The signature of a model: what it takes and what it gives, as frozen specs."""

from __future__ import annotations

from .datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector, ValueType
from .json_schema import predictions_schema, request_schema, response_schema
from .json_values import JsonSchema, param_schema, tensor_schema, value_schema
from .parse import parse_signature
from .serialize import as_mlmodel
from .specs import ColumnSchema, ColumnSpec, ParamSpec, Schema, Signature, TensorSchema, TensorSpec
from .text import as_text

__all__ = [
    "AnyType",
    "Array",
    "ColumnSchema",
    "ColumnSpec",
    "DataType",
    "JsonSchema",
    "Map",
    "Object",
    "ParamSpec",
    "Property",
    "Schema",
    "Signature",
    "SparkMLVector",
    "TensorSchema",
    "TensorSpec",
    "ValueType",
    "as_mlmodel",
    "as_text",
    "param_schema",
    "parse_signature",
    "predictions_schema",
    "request_schema",
    "response_schema",
    "tensor_schema",
    "value_schema",
]
