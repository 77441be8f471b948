"""Signatures that have everything, and what is valid, written from the contract and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Table, Tensors
from pytest_modelserve.signature.datatypes import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    ValueType,
)
from pytest_modelserve.signature.specs import (
    ColumnSchema,
    ColumnSpec,
    ParamSpec,
    Signature,
    TensorSchema,
    TensorSpec,
)
from pytest_modelserve.strategies import envelopes_for
from pytest_modelserve.strategies.carriers import plain_payload

MESSAGE = Object(
    properties=(Property(name="content", type=DataType.STRING), Property(name="role", type=DataType.STRING))
)
RECORD = Object(
    properties=(
        Property(name="count", type=DataType.INTEGER),
        Property(name="note", type=DataType.STRING, required=False),
        Property(name="when", type=DataType.DATETIME),
    )
)
KINDS: tuple[ValueType, ...] = (
    *DataType,
    Array(items=DataType.DOUBLE),
    Array(items=Array(items=DataType.LONG)),
    Array(items=MESSAGE),
    RECORD,
    Map(values=DataType.INTEGER),
    AnyType(),
    SparkMLVector(),
)
PARAMS = (
    ParamSpec(name="temperature", type=DataType.DOUBLE, default=0.5),
    ParamSpec(name="max_tokens", type=DataType.LONG, default=20),
    ParamSpec(name="mode", type=DataType.STRING, default="fast"),
    ParamSpec(name="since", type=DataType.DATETIME, default=np.datetime64("2024-01-01", "ns")),
    ParamSpec(name="stops", type=DataType.STRING, default=("a", "b"), shape=(-1,)),
    ParamSpec(name="seeds", type=DataType.INTEGER, default=(), shape=(-1,)),
    ParamSpec(name="extra", type=RECORD, default={"count": 1, "when": np.datetime64("2024-01-01", "ns")}),
)
DTYPES = ("float32", "float64", "float16", "int8", "uint8", "int64", "uint64", "bool", "str", "bytes", "datetime64[ns]")


def columns(*specs: ColumnSpec) -> ColumnSchema:
    return ColumnSchema(columns=specs)


EVERYTHING = Signature(
    inputs=columns(
        *(ColumnSpec(name=f"r{at}", type=kind) for at, kind in enumerate(KINDS)),
        *(ColumnSpec(name=f"o{at}", type=kind, required=False) for at, kind in enumerate(KINDS)),
    ),
    params=PARAMS,
)
FLAT = Signature(
    inputs=columns(*(ColumnSpec(name=f"c {kind.value}", type=kind) for kind in DataType)), params=PARAMS[:2]
)
OPTIONAL = Signature(inputs=columns(*(ColumnSpec(name=kind.value, type=kind, required=False) for kind in DataType)))
UNNAMED = Signature(inputs=columns(*(ColumnSpec(name=None, type=kind) for kind in DataType)))
TENSORS = Signature(
    inputs=TensorSchema(
        tensors=(
            *(TensorSpec(name=dtype, dtype=dtype, shape=(-1, 2)) for dtype in DTYPES),
            TensorSpec(name="free", dtype="int32", shape=(-1, -1)),
        )
    ),
    params=PARAMS[:1],
)
SIGNATURES = {
    "everything": EVERYTHING,
    "flat": FLAT,
    "optional": OPTIONAL,
    "unnamed": UNNAMED,
    "integer_names": Signature(inputs=columns(*(ColumnSpec(name=at, type=DataType.LONG) for at in range(3)))),
    "one_column": Signature(inputs=columns(ColumnSpec(name="only", type=DataType.STRING))),
    "chat": Signature(inputs=columns(ColumnSpec(name="messages", type=Array(items=MESSAGE))), params=PARAMS[:2]),
    "hint_long": Signature(inputs=columns(ColumnSpec(name=None, type=DataType.LONG)), is_from_type_hint=True),
    "hint_record": Signature(inputs=columns(ColumnSpec(name=None, type=RECORD)), is_from_type_hint=True),
    "tensors": TENSORS,
    "image": Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 8, 8)),))),
    "scalar_tensor": Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=()),))),
    "object_tensor": Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="object", shape=(-1,)),))),
}
EDGES_OF_INTEGERS = {DataType.INTEGER: 2**31, DataType.LONG: 2**63}


def is_valid_value(kind: ValueType, value: object) -> bool:
    match kind:
        case AnyType():
            return True
        case Array(items=items):
            return type(value) is list and all(is_valid_value(items, item) for item in value)
        case SparkMLVector():
            return (
                type(value) is list and len(value) > 0 and all(is_valid_value(DataType.DOUBLE, item) for item in value)
            )
        case Map(values=values):
            return type(value) is dict and all(
                type(key) is str and is_valid_value(values, item) for key, item in value.items()
            )
        case Object(properties=properties):
            types = {item.name: item.type for item in properties}
            return (
                type(value) is dict
                and {item.name for item in properties if item.required} <= set(value) <= set(types)
                and all(is_valid_value(types[name], item) for name, item in value.items())
            )
    return is_valid_scalar(kind, value)


def is_valid_scalar(kind: DataType, value: object) -> bool:
    plain = {DataType.BOOLEAN: bool, DataType.STRING: str, DataType.BINARY: bytes}
    if kind in plain:
        return type(value) is plain[kind]
    if kind is DataType.DATETIME:
        return isinstance(value, np.datetime64) and np.datetime_data(value.dtype)[0] == "ns" and not np.isnat(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind in EDGES_OF_INTEGERS:
        return isinstance(value, int) and -EDGES_OF_INTEGERS[kind] <= value < EDGES_OF_INTEGERS[kind]
    return bool(abs(value) <= (np.finfo(np.float32).max if kind is DataType.FLOAT else np.finfo(np.float64).max))


def is_valid_cell(spec: ColumnSpec, value: object) -> bool:
    if value is None:
        has_null = {DataType.STRING, DataType.DOUBLE, DataType.FLOAT, DataType.DATETIME, DataType.BINARY}
        return spec.type == AnyType() or (not spec.required and spec.type in has_null)
    return is_valid_value(spec.type, value)


def is_valid_payload(signature: Signature, payload: object) -> bool:
    match signature.inputs, payload:
        case ColumnSchema() as schema, Table() as table:
            specs = dict(zip(schema.names, schema.columns, strict=True))
            return (
                set(table.columns) <= set(specs)
                and len(set(table.columns)) == len(table.columns) > 0
                and {name for name, spec in specs.items() if spec.required} <= set(table.columns)
                and all(len(row) == len(table.columns) for row in table.rows)
                and all(
                    is_valid_cell(specs[name], cell)
                    for row in table.rows
                    for name, cell in zip(table.columns, row, strict=True)
                )
            )
        case TensorSchema() as schema, Tensors() as tensors:
            return set(tensors.arrays) == {spec.name for spec in schema.tensors} and all(
                is_valid_tensor(spec, tensors.arrays[spec.name]) for spec in schema.tensors
            )
    return False


def is_valid_tensor(spec: TensorSpec, array: object) -> bool:
    if not isinstance(array, np.ndarray) or array.ndim != len(spec.shape):
        return False
    if any(size not in {-1, found} for size, found in zip(spec.shape, array.shape, strict=True)):
        return False
    kind = np.dtype(spec.dtype).kind
    if kind in "biuf":
        return array.dtype == np.dtype(spec.dtype) and bool(np.isfinite(array).all())
    if kind == "M":
        return array.dtype == np.dtype("datetime64[ns]") and not bool(np.isnat(array).any())
    held = {"U": str, "S": bytes, "O": str}[kind]
    ends = "\x00" if held is str else b"\x00"
    return all(type(item) is held and (kind == "O" or not item.endswith(ends)) for item in array.reshape(-1))


def are_valid_params(signature: Signature, params: Mapping[str, object]) -> bool:
    specs = {spec.name: spec for spec in signature.params or ()}
    for name, value in params.items():
        spec = specs[name]
        if spec.shape is None:
            if not is_valid_value(spec.type, value):
                return False
        elif type(value) is not list or not all(is_valid_value(spec.type, item) for item in value):
            return False
    return True


@pytest.fixture(params=KINDS, ids=lambda kind: kind.value if isinstance(kind, DataType) else type(kind).__name__)
def kind(request: pytest.FixtureRequest) -> ValueType:
    found: ValueType = request.param
    return found


@pytest.fixture(params=SIGNATURES)
def signature(request: pytest.FixtureRequest) -> Signature:
    return SIGNATURES[request.param]


@pytest.fixture
def everything() -> Signature:
    return EVERYTHING


@pytest.fixture
def tensor_signature() -> Signature:
    return TENSORS


@pytest.fixture
def valid_value() -> Callable[[ValueType, object], bool]:
    return is_valid_value


@pytest.fixture
def valid_payload() -> Callable[[Signature, object], bool]:
    return is_valid_payload


@pytest.fixture
def valid_params() -> Callable[[Signature, Mapping[str, object]], bool]:
    return are_valid_params


@pytest.fixture
def base_of() -> Callable[[Signature], Case]:
    def base(signature: Signature) -> Case:
        payload = plain_payload(signature)
        assert payload is not None
        return Case(payload=payload, envelope=envelopes_for(signature)[0])

    return base


@pytest.fixture
def table_of() -> Callable[..., Signature]:
    """Return a signature of columns, by name and type."""

    def table(**types: ValueType) -> Signature:
        return Signature(inputs=columns(*(ColumnSpec(name=name, type=kind) for name, kind in types.items())))

    return table


@pytest.fixture
def wide() -> Callable[[int], Signature]:
    """Return a signature of many columns of everyday types."""
    cycle = (DataType.DOUBLE, DataType.LONG, DataType.STRING, DataType.BOOLEAN)

    def signature(width: int) -> Signature:
        return Signature(inputs=columns(*(ColumnSpec(name=f"c{at}", type=cycle[at % 4]) for at in range(width))))

    return signature
