"""What a signature says, as frozen values: columns or tensors in, columns or tensors out, parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .datatypes import DataType, Object, ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """One column of a table.

    Attributes:
        name: Its name; an int where the model was logged from a frame with integer labels; None where unnamed.
        type: The type of each cell.
        required: Whether the column must be present. It does not speak of nulls.
    """

    name: str | int | None
    type: ValueType
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One tensor.

    Attributes:
        name: Its name, or None for the only tensor of an unnamed schema.
        dtype: NumPy's name, such as `float32`, `str` or `datetime64[ns]`.
        shape: The size of each dimension, -1 for any.
    """

    name: str | None
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamSpec:
    """One inference parameter.

    Attributes:
        name: Its name.
        type: A scalar type (never binary) or an Object.
        default: The value where the request gives none, as a Python value of that type; None where it is null; a
            tuple where `shape` is (-1,). A datetime is a numpy.datetime64 in days ("D") where the MLmodel gives a date
            alone, which reaches the model as a date, else in microseconds ("us"), the finest that MLflow takes. An
            Object is a dict of JSON values, as it reaches the model.
        shape: None for one value, (-1,) for a list of any length.
    """

    name: str
    type: DataType | Object
    default: object
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSchema:
    """A table: its columns in order, all named or all unnamed."""

    columns: tuple[ColumnSpec, ...]

    @property
    def is_named(self) -> bool:
        """Tell whether columns go by name rather than by position."""
        return self.columns[0].name is not None

    @property
    def names(self) -> tuple[str | int, ...]:
        """Return the name of each column, its position where it has none."""
        return tuple(at if spec.name is None else spec.name for at, spec in enumerate(self.columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSchema:
    """One unnamed tensor, or any number of named ones."""

    tensors: tuple[TensorSpec, ...]

    @property
    def is_named(self) -> bool:
        """Tell whether tensors go by name."""
        return self.tensors[0].name is not None


Schema: TypeAlias = ColumnSchema | TensorSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model takes and gives; each side is None where the model does not say.

    Attributes:
        inputs: What a request carries.
        outputs: What an answer carries.
        params: The declared parameters; None where the model declares no parameters at all.
        is_from_type_hint: Whether it was inferred from the type hint of `predict`: such a model takes only the
            `inputs` envelope, whose rows are values of the one unnamed column's type.
    """

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: tuple[ParamSpec, ...] | None = None
    is_from_type_hint: bool = False
