"""Writes a signature as the MLmodel file holds it: the inverse of `parse_signature`."""

from __future__ import annotations

import json
from datetime import date

import numpy as np

from .datatypes import AnyType, Array, DataType, Map, Object, ValueType
from .specs import ColumnSpec, ParamSpec, Schema, Signature, TensorSchema, TensorSpec


def as_mlmodel(signature: Signature) -> dict[str, str | None]:
    """Return the `signature` mapping of an MLmodel file: each side a JSON string, or None.

    The strings are MLflow 3's own, byte for byte, but for what MLflow writes as `"required": null`: the optional
    columns of a nested type in models that it read from a file without that key. `parse_signature` gives back an equal
    signature, where no default is NaN; it must be told `is_from_type_hint`, which is another field of the MLmodel file.
    """
    return {
        "inputs": None if signature.inputs is None else _schema_json(signature.inputs),
        "outputs": None if signature.outputs is None else _schema_json(signature.outputs),
        "params": None if signature.params is None else json.dumps([_param_json(spec) for spec in signature.params]),
    }


def type_json(kind: ValueType) -> dict[str, object]:
    """Return the JSON object of a type."""
    if isinstance(kind, DataType):
        return {"type": kind.value}
    if isinstance(kind, Array):
        return {"type": "array", "items": type_json(kind.items)}
    if isinstance(kind, Map):
        return {"type": "map", "values": type_json(kind.values)}
    if isinstance(kind, Object):
        properties = {prop.name: {**type_json(prop.type), "required": prop.required} for prop in kind.properties}
        return {"type": "object", "properties": properties}
    return {"type": "any" if isinstance(kind, AnyType) else "sparkml_vector"}


def default_json(default: object) -> object:
    """Return the JSON value of a default."""
    if isinstance(default, tuple):
        return [default_json(element) for element in default]
    if isinstance(default, np.datetime64):
        moment: date = default.item()  # a datetime is a date too
        return moment.isoformat()
    return default


def _schema_json(schema: Schema) -> str:
    if isinstance(schema, TensorSchema):
        return json.dumps([_tensor_json(spec) for spec in schema.tensors])
    return json.dumps([_column_json(spec) for spec in schema.columns])


def _column_json(spec: ColumnSpec) -> dict[str, object]:
    if spec.name is None:  # MLflow refuses `false` without a name, and writes null
        return {**type_json(spec.type), "required": spec.required or None}
    return {**type_json(spec.type), "name": spec.name, "required": spec.required}


def _tensor_json(spec: TensorSpec) -> dict[str, object]:
    named = {} if spec.name is None else {"name": spec.name}
    return {**named, "type": "tensor", "tensor-spec": {"dtype": spec.dtype, "shape": spec.shape}}


def _param_json(spec: ParamSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "default": default_json(spec.default),
        "shape": spec.shape,
        **type_json(spec.type),
    }
