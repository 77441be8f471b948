"""Prints signatures, schemas, specs and types as MLflow 3 prints them, so that users meet the form they know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from .datatypes import AnyType, Array, DataType, Map, Object, ValueType
from .specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

Printable: TypeAlias = Signature | ColumnSchema | TensorSchema | ColumnSpec | TensorSpec | ParamSpec | ValueType


def as_text(part: Printable) -> str:
    """Return what MLflow's `repr` gives of a signature, or of any part of one.

    A signature takes six lines, each side indented under its name; everything else takes one.
    """
    if isinstance(part, Signature):
        inputs, outputs = (None if side is None else as_text(side) for side in (part.inputs, part.outputs))
        params = None if part.params is None else _listed(part.params)
        return f"inputs: \n  {inputs}\noutputs: \n  {outputs}\nparams: \n  {params}\n"
    if isinstance(part, ColumnSchema | TensorSchema):
        return _listed(part.columns if isinstance(part, ColumnSchema) else part.tensors)
    if isinstance(part, ColumnSpec | TensorSpec | ParamSpec):
        return _spec_text(part)
    return _type_text(part)


def _listed(specs: Sequence[ColumnSpec | TensorSpec | ParamSpec]) -> str:
    return f"[{', '.join(_spec_text(spec) for spec in specs)}]"


def _spec_text(spec: ColumnSpec | TensorSpec | ParamSpec) -> str:
    prefix = "" if spec.name is None else f"{spec.name!r}: "
    if isinstance(spec, ColumnSpec):
        return f"{prefix}{_type_text(spec.type)} ({_presence(spec.required)})"
    if isinstance(spec, TensorSpec):
        return f"{prefix}Tensor({spec.dtype!r}, {spec.shape!r})"
    shape = "" if spec.shape is None else f" (shape: {spec.shape})"
    return f"{prefix}{_type_text(spec.type)} (default: {_as_python(spec.default)}){shape}"


def _type_text(kind: ValueType) -> str:
    if isinstance(kind, DataType):
        return kind.value
    if isinstance(kind, Array):
        return f"Array({_type_text(kind.items)})"
    if isinstance(kind, Map):  # MLflow prints a scalar here by str() of its enum
        values = f"DataType.{kind.values.value}" if isinstance(kind.values, DataType) else _type_text(kind.values)
        return f"Map(str -> {values})"
    if isinstance(kind, Object):
        entries = (f"{prop.name}: {_type_text(prop.type)} ({_presence(prop.required)})" for prop in kind.properties)
        return f"{{{', '.join(entries)}}}"
    return "Any" if isinstance(kind, AnyType) else "SparkML vector"


def _presence(required: bool) -> str:  # noqa: FBT001 - the spec's own field
    return "required" if required else "optional"


def _as_python(default: object) -> object:
    if isinstance(default, tuple):
        return [_as_python(element) for element in default]
    return default.item() if isinstance(default, np.datetime64) else default
