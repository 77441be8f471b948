"""What the contract says of null, by type."""

from __future__ import annotations

from typing import Final

from ..cases import Expectation
from ..signature.datatypes import AnyType, DataType, ValueType

_HAVE_A_NULL: Final = frozenset({DataType.STRING, DataType.FLOAT, DataType.DOUBLE, DataType.DATETIME})


def null_expectation(kind: ValueType, *, required: bool) -> Expectation:
    """Return what must come of a null cell.

    `required` speaks of presence, so a required type that has a null of its own (NaN, NaT, missing text) may arrive as
    it; one that has none must be refused. Where a column is optional, null stands for absent, which a type without a
    null of its own may refuse to hold.
    """
    if isinstance(kind, AnyType):
        return Expectation.ACCEPT
    if required:
        return Expectation.EITHER if kind in _HAVE_A_NULL else Expectation.REJECT
    return Expectation.ACCEPT if kind in _HAVE_A_NULL or kind is DataType.BINARY else Expectation.EITHER
