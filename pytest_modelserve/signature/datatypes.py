"""The types that a column, a parameter or a part of one can have, as MLflow names them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias


class DataType(enum.Enum):
    """A scalar type; the value is MLflow's spelling."""

    BOOLEAN = "boolean"
    INTEGER = "integer"  # 32 bits, signed
    LONG = "long"  # 64 bits, signed
    FLOAT = "float"  # 32 bits
    DOUBLE = "double"  # 64 bits
    STRING = "string"
    BINARY = "binary"
    DATETIME = "datetime"  # nanoseconds, without zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """A list of values of one type."""

    items: ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One named value of an Object."""

    name: str
    type: ValueType
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A record with fixed property names, sorted by name as MLflow writes them."""

    properties: tuple[Property, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A record with free string keys and values of one type."""

    values: ValueType


@dataclass(frozen=True, slots=True)
class AnyType:
    """Any JSON value."""


@dataclass(frozen=True, slots=True)
class SparkMLVector:
    """A Spark ML vector; on the wire a list of doubles."""


ValueType: TypeAlias = DataType | Array | Object | Map | AnyType | SparkMLVector
