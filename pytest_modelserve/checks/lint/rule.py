"""What a lint rule works with, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...environment.pins import versions_of
from ...model.example import InputExample
from ...model.example_sides import ExampleSide, read_sides
from ...model.mlmodel import Model
from ...signature import ColumnSchema, ColumnSpec, Schema, Signature
from ...wire.payloads import Table
from ...wire.values import show_value
from ..context import CheckContext
from ..static_rule import StaticRule

SHOWN: Final = 4  # names that a sentence lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """A model as far as it can be judged without running it.

    Attributes:
        model: As it was read.
        example: Its input example, or None.
        sides: The files of the example, as they stand.
        versions: What is installed in its environment, canonical name to version.
        python_version: Of its environment.
    """

    model: Model
    example: InputExample | None = None
    sides: tuple[ExampleSide, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    python_version: str = ""

    @classmethod
    def of(cls, context: CheckContext) -> Linted:
        """Read the files of the example, and what is installed."""
        return cls(
            model=context.model,
            example=context.example,
            sides=read_sides(context.model),
            versions=versions_of(context.environment.freeze),
            python_version=context.environment.python_version,
        )

    @property
    def signature(self) -> Signature:
        """Return the signature; an empty one where there is none."""
        return self.model.signature or Signature()

    @property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """Return the input columns; none where there are none, or tensors."""
        return columns_of(self.signature.inputs)

    def values_of(self, name: str | int | None, at: int) -> tuple[object, ...]:
        """Return the example's values of the column at a position, in row order; none where it has none."""
        payload = None if self.example is None else self.example.payload
        key = at if name is None else name
        if not isinstance(payload, Table) or key not in payload.columns:
            return ()
        place = payload.columns.index(key)
        return tuple(row[place] for row in payload.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One breach of a rule, or one piece of advice.

    Attributes:
        title: A sentence that stands alone.
        expected: What should be there.
        received: What is.
    """

    title: str
    expected: str = ""
    received: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule(StaticRule):
    """One rule with the function that looks for it.

    Attributes:
        find: Yields what it finds in a model.
    """

    find: Callable[[Linted], Iterator[Found]]


def columns_of(schema: Schema | None) -> tuple[ColumnSpec, ...]:
    """Return the columns of a schema; none of one of tensors."""
    return schema.columns if isinstance(schema, ColumnSchema) else ()


def listed(names: Sequence[str | int | None]) -> str:
    """Return names for reading, an unnamed column by its place in the schema alone."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join("the unnamed one" if name is None else show_value(name) for name in names[:SHOWN]) + more


def plural(names: Sequence[str | int | None], one: str = "column", many: str = "columns") -> str:
    """Return the word for so many columns with their names."""
    return f"{one if len(names) == 1 else many} {listed(names)}"
