"""Signatures that the tests of the wire share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelserve.signature.datatypes import ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

TableSchema = Callable[..., ColumnSchema]
TensorsSchema = Callable[..., TensorSchema]


@pytest.fixture(scope="session")
def table_schema() -> TableSchema:
    """Build a schema from `name=type` pairs, of optional columns where `required=False`, or of unnamed types."""

    def build(*unnamed: ValueType, required: bool = True, **named: ValueType) -> ColumnSchema:
        specs = [*((None, kind) for kind in unnamed), *named.items()]
        return ColumnSchema(columns=tuple(ColumnSpec(name=name, type=kind, required=required) for name, kind in specs))

    return build


@pytest.fixture(scope="session")
def tensors_schema() -> TensorsSchema:
    """Build a schema from `name=(dtype, shape)` pairs, or of one unnamed tensor from dtype and shape."""

    def build(*unnamed: object, **named: tuple[str, tuple[int, ...]]) -> TensorSchema:
        if unnamed:
            dtype, shape = unnamed
            return TensorSchema(tensors=(TensorSpec(name=None, dtype=dtype, shape=shape),))  # type: ignore[arg-type]
        return TensorSchema(
            tensors=tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, (dtype, shape) in named.items())
        )

    return build
