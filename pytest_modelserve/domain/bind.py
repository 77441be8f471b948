"""Hold a domain against a signature: known names, values of the column's type, text turned into datetimes and bytes."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from typing import Final, NoReturn

import numpy as np

from ..errors import DomainError
from ..signature.datatypes import AnyType, Array, DataType, Map, Object, SparkMLVector, ValueType
from ..signature.specs import ColumnSchema, Signature, TensorSchema
from .read import did_you_mean
from .spec import ColumnDomain, Domain, Origin

_NUMBERS: Final = frozenset({DataType.INTEGER, DataType.LONG, DataType.FLOAT, DataType.DOUBLE})
_WHOLE: Final = {DataType.INTEGER: 1 << 31, DataType.LONG: 1 << 63}
_KIND_TO_TYPE: Final[Mapping[str, DataType]] = {
    "b": DataType.BOOLEAN,
    "i": DataType.LONG,
    "u": DataType.LONG,
    "f": DataType.DOUBLE,
    "U": DataType.STRING,
    "S": DataType.BINARY,
    "M": DataType.DATETIME,
}


def bound(domain: Domain, signature: Signature) -> Domain:
    """Return the domain with its values as cells of their columns: text of a datetime as numpy.datetime64, and so on.

    What was merely seen in data about columns that the model does not have (its target, say) is left out.

    Raises:
        DomainError: A declared column is none of the model's, or a value is not of its column's type.
    """
    types = _types(signature)
    columns: dict[str, ColumnDomain] = {}
    for name, column in domain.columns.items():
        place = domain.places.get(name, "")
        if name in types:
            columns[name] = _bound_column(column, types[name], place, name)
        elif domain.origins[name] is not Origin.DATA:
            raise DomainError(
                f'the domain in {place} is for the column "{name}", which the model does not have',
                facts={"place": place, "column": name},
                fix=did_you_mean(name, tuple(types)),
            )
    return Domain(
        columns=columns,
        origins={name: domain.origins[name] for name in columns},
        places={name: domain.places.get(name, "") for name in columns},
    )


def _types(signature: Signature) -> dict[str, ValueType]:
    types: dict[str, ValueType] = {param.name: param.type for param in signature.params or ()}
    match signature.inputs:
        case ColumnSchema() as schema:
            types |= {str(name): spec.type for name, spec in zip(schema.names, schema.columns, strict=True)}
        case TensorSchema(tensors=tensors):
            for at, tensor in enumerate(tensors):
                name = str(at) if tensor.name is None else tensor.name
                types[name] = _tensor_type(tensor.dtype)
    return types


def _tensor_type(dtype: str) -> ValueType:
    kind = np.dtype(dtype).kind
    return _KIND_TO_TYPE.get(kind, AnyType())


def _bound_column(column: ColumnDomain, kind: ValueType, place: str, name: str) -> ColumnDomain:
    for key in ("min", "max"):
        if getattr(column, key) is not None and kind not in _NUMBERS and kind is not DataType.DATETIME:
            _unfit(place, name, key, getattr(column, key), kind)
    if column.pattern is not None and kind is not DataType.STRING:
        _unfit(place, name, "pattern", column.pattern, kind)
    if column.max_length is not None and kind not in {DataType.STRING, DataType.BINARY} and not isinstance(kind, Array):
        _unfit(place, name, "max_length", column.max_length, kind)
    changes: dict[str, object] = {}
    for key in ("min", "max"):
        if getattr(column, key) is not None:
            changes[key] = _limit(getattr(column, key), kind, (place, name, key))
    if column.values is not None:
        changes["values"] = tuple(_cell(value, kind, (place, name, "values")) for value in column.values)
    return dataclasses.replace(column, **changes)  # type: ignore[arg-type] # the keys are fields


def _limit(value: object, kind: ValueType, where: tuple[str, str, str]) -> object:
    if kind in _NUMBERS:
        if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
            return value  # a limit may lie between two integers, or be infinite
        _unfit(*where, value, kind)
    return _cell(value, kind, where)


def _cell(value: object, kind: ValueType, where: tuple[str, str, str]) -> object:
    cell = value
    if kind is DataType.DATETIME:
        cell = _moment(value)
    elif kind is DataType.BINARY and isinstance(value, str):
        cell = _decoded(value)
    elif kind in {DataType.FLOAT, DataType.DOUBLE} and isinstance(value, int) and not isinstance(value, bool):
        cell = float(value)
    if not is_value_of(kind, cell):
        _unfit(*where, value, kind)
    return cell


def is_value_of(kind: ValueType, value: object) -> bool:
    """Tell whether a cell can stand in a column of this type; null cannot."""
    match kind:
        case AnyType():
            return True
        case Array(items=items):
            return isinstance(value, list) and all(is_value_of(items, item) for item in value)
        case SparkMLVector():
            return isinstance(value, list) and all(is_value_of(DataType.DOUBLE, item) for item in value)
        case Map(values=values):
            return isinstance(value, Mapping) and all(is_value_of(values, item) for item in value.values())
        case Object(properties=properties):
            return (
                isinstance(value, Mapping)
                and {item.name for item in properties if item.required} <= set(value)
                and set(value) <= {item.name for item in properties}
                and all(is_value_of(item.type, value[item.name]) for item in properties if item.name in value)
            )
    return _is_scalar_of(kind, value)


def _is_scalar_of(kind: DataType, value: object) -> bool:
    if kind is DataType.BOOLEAN:
        return isinstance(value, bool)
    if kind in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        limit = _WHOLE.get(kind)
        return math.isfinite(value) if limit is None else isinstance(value, int) and -limit <= value < limit
    wanted = {DataType.STRING: str, DataType.BINARY: bytes, DataType.DATETIME: np.datetime64}[kind]
    return isinstance(value, wanted)


def _moment(value: object) -> object:
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
    if isinstance(value, dt.datetime | dt.date | str | np.datetime64):
        try:
            moment: np.datetime64 = np.array([value], dtype="datetime64[ns]")[0]
        except (ValueError, OverflowError):
            return value
        # NumPy wraps around in silence beyond 1677 and 2262
        return (
            moment if str(np.array([value], dtype="datetime64[s]")[0]) == str(moment.astype("datetime64[s]")) else value
        )
    return value


def _decoded(text: str) -> object:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text


def _unfit(place: str, name: str, key: str, value: object, kind: ValueType) -> NoReturn:
    spelled = kind.value if isinstance(kind, DataType) else type(kind).__name__
    raise DomainError(
        f'column "{name}" is {spelled}, and {place} gives it {key} = {value!r}',
        facts={"place": place, "column": name, "type": spelled, "key": key, "value": repr(value)[:200]},
        fix=f'Change or remove "{key}" of "{name}".',
    )
