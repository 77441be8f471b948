"""One difference between an answer and the output schema, and where it stands."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from .values import show_value

ROOT: Final = "predictions"


class BreachKind(enum.Enum):
    """What is wrong about one place of an answer."""

    FORM = "form"  # neither rows nor columns nor tensors, as a whole or at one row
    ROWS = "rows"  # another number of rows than were sent
    MISSING = "missing"  # a column, property or tensor is not there
    EXTRA = "extra"  # a column, property or tensor that the schema does not know
    NULL = "null"  # null in a required place
    TYPE = "type"  # another JSON type
    FRACTION = "fraction"  # a fraction for an integer type
    RANGE = "range"  # beyond what the declared type holds
    TEXT = "text"  # text that is no base64, or no date without zone
    SHAPE = "shape"  # another size or rank than the tensor spec declares
    RAGGED = "ragged"  # parts of one tensor differ in size


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One place where an answer differs from the output schema.

    Attributes:
        kind: What is wrong there.
        path: The place, such as `predictions[2]["score"]`.
        expected: What the schema wants.
        received: What came, as a person can tell it from its neighbours.
        row: The row, where the place is in one.
        column: The column or tensor, where the place is in one that is named.
    """

    kind: BreachKind
    path: str
    expected: str
    received: str
    row: int | None = None
    column: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in an answer a value stands."""

    path: str = ROOT
    row: int | None = None
    column: str | int | None = None

    def at(self, index: int) -> Place:
        """Return the place of an item."""
        return Place(path=f"{self.path}[{index}]", row=self.row, column=self.column)

    def key(self, name: str | int) -> Place:
        """Return the place of a member."""
        return Place(path=f"{self.path}[{show_value(str(name))}]", row=self.row, column=self.column)

    def in_row(self, row: int) -> Place:
        """Return the place of an item that is a row."""
        return Place(path=f"{self.path}[{row}]", row=row, column=self.column)

    def in_column(self, name: str | int) -> Place:
        """Return the place of a member that is a column or tensor."""
        return Place(path=f"{self.path}[{show_value(str(name))}]", row=self.row, column=name)

    def breach(self, kind: BreachKind, expected: str, value: object) -> Breach:
        """Return the breach that a value makes here; a `Told` is shown as it stands."""
        return Breach(
            kind=kind,
            path=self.path,
            expected=expected,
            received=str(value) if isinstance(value, Told) else show_value(value),
            row=self.row,
            column=self.column,
        )


class Told(str):
    """What came, in words instead of a value."""

    __slots__ = ()


Found: TypeAlias = Iterator[Breach]
