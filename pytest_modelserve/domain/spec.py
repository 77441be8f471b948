"""A domain as data: the values that each column takes, who said so, and whether a value is one of them."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Bound: TypeAlias = "int | float | str | np.datetime64"


class Origin(enum.IntEnum):
    """Who said what a column takes; the lowest number wins a column."""

    MARKER = 1
    INI = 2
    FILE = 3
    METADATA = 4
    DATA = 5  # seen, not declared: what lies outside is merely new


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDomain:
    """The values that one column takes; what is None or False is not said.

    Attributes:
        min: The least value of a number or datetime.
        max: The greatest value of a number or datetime.
        values: The only values, the most ordinary one first.
        pattern: A regular expression that the whole text matches.
        max_length: The most characters of a text, bytes of a binary or elements of a list.
        nullable: Whether the column takes nulls.
        unique: Whether no value stands twice in one request.
    """

    min: Bound | None = None
    max: Bound | None = None
    values: tuple[object, ...] | None = None
    pattern: str | None = None
    max_length: int | None = None
    nullable: bool | None = None
    unique: bool = False

    @property
    def says_values(self) -> bool:
        """Tell whether it narrows the values themselves, rather than only nulls or repetition."""
        return any(limit is not None for limit in (self.min, self.max, self.values, self.pattern, self.max_length))

    def contains(self, value: object) -> bool:
        """Tell whether the column takes this value; None counts as taken unless the domain says otherwise.

        Datetimes are compared once the domain is bound to a signature, which turns its text into numpy.datetime64.
        """
        if value is None:
            return self.nullable is not False
        if self.values is not None and not any(_is_same(value, known) for known in self.values):
            return False
        if not self._is_between(value):
            return False
        if self.max_length is not None and isinstance(value, str | bytes | list) and len(value) > self.max_length:
            return False
        return (
            self.pattern is None or not isinstance(value, str) or _compiled(self.pattern).fullmatch(value) is not None
        )

    def _is_between(self, value: object) -> bool:
        if isinstance(value, bool | str | bytes | list | dict):
            return True
        least, most = self.min, self.max  # numbers and numpy.datetime64 both compare with their like
        return bool(
            (least is None or value >= least) and (most is None or value <= most)  # type: ignore[operator]  # of one kind
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """What is known of the values of a model's columns, tensors and parameters.

    Attributes:
        columns: By name; a column or tensor without a name goes by its position, as text.
        origins: Who said it, by the same names.
        places: Where it was said, for messages: a file, a table, the marker.
    """

    columns: Mapping[str, ColumnDomain] = field(default_factory=lambda: MappingProxyType({}))
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}))
    places: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, name: str | int | None) -> ColumnDomain | None:
        """Return what is known of a column, or None; a name of None is the first unnamed one."""
        return self.columns.get("0" if name is None else str(name))

    def is_declared(self, name: str | int | None) -> bool:
        """Tell whether someone declared the column's values, rather than them being merely seen in data."""
        key = "0" if name is None else str(name)
        return key in self.columns and self.origins.get(key) is not Origin.DATA


def merged(*domains: Domain) -> Domain:
    """Return one domain in which each column is as its highest origin says it, whole, whatever the order given."""
    columns: dict[str, ColumnDomain] = {}
    origins: dict[str, Origin] = {}
    places: dict[str, str] = {}
    for domain in domains:
        for name, column in domain.columns.items():
            if name not in origins or domain.origins[name] < origins[name]:
                columns[name], origins[name] = column, domain.origins[name]
                places[name] = domain.places.get(name, "")
    return Domain(columns=columns, origins=origins, places=places)


def _is_same(left: object, right: object) -> bool:
    # True equals 1 in Python, and does not on the wire
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


@functools.lru_cache(maxsize=256)  # one pattern a column; a model has hundreds at most
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
