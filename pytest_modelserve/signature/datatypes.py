"""The types that a column, a parameter or a part of one can have, as MLflow names them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias


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

    @property
    def numpy_name(self) -> str:
        """Return the name of the NumPy dtype that holds it, as MLflow maps it."""
        return _NUMPY_NAMES[self]

    @property
    def is_integer(self) -> bool:
        """Tell whether values are whole numbers of limited range."""
        return self in {DataType.INTEGER, DataType.LONG}

    @property
    def is_floating(self) -> bool:
        """Tell whether values are floating-point numbers."""
        return self in {DataType.FLOAT, DataType.DOUBLE}

    @property
    def holds_null(self) -> bool:
        """Tell whether a cell can be null and still keep its type: as NaN, NaT or None."""
        return self not in {DataType.BOOLEAN, DataType.INTEGER, DataType.LONG}

    @property
    def integer_bounds(self) -> tuple[int, int]:
        """Return the least and the greatest value of an integer type.

        Raises:
            ValueError: The type is not an integer type.
        """
        if not self.is_integer:
            raise ValueError(f"{self.value} has no integer bounds; only integer and long have")
        n_bits = 32 if self is DataType.INTEGER else 64
        return -(1 << (n_bits - 1)), (1 << (n_bits - 1)) - 1


_NUMPY_NAMES: Final[Mapping[DataType, str]] = MappingProxyType(
    {
        DataType.BOOLEAN: "bool",
        DataType.INTEGER: "int32",
        DataType.LONG: "int64",
        DataType.FLOAT: "float32",
        DataType.DOUBLE: "float64",
        DataType.STRING: "str",
        DataType.BINARY: "bytes",
        DataType.DATETIME: "datetime64[ns]",
    }
)

FLOAT32_LIMIT: Final = (2 - 2**-24) * 2.0**127  # IEEE 754 binary32: the least number that rounds to infinity


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
