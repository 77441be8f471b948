"""One place where a value did not arrive as it left: in the model, or at the client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from .exact_values import shown

Name: TypeAlias = "str | int | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed on the way.

    Attributes:
        kind: How, in one word that stays the same while a case is made small: `value`, `lost`, `type`, `dtype` ….
        path: The place, such as `"id" in row 3`.
        before: The value as it left.
        after: What came.
        name: The column, tensor or parameter; None where it is about none, or the only one has no name.
    """

    kind: str
    path: str
    before: str
    after: str
    name: Name = None

    @property
    def key(self) -> str:
        """Return what makes two differences the same one."""
        return f"{'' if self.name is None else self.name}:{self.kind}"

    def inside(self, path: str, name: Name) -> Difference:
        """Return the difference of a part as one of the whole, whose path stands before its own."""
        return replace(self, path=f"{path}{self.path}", name=name)


def changed(kind: str, before: object, after: object, path: str = "") -> Difference:
    """Return the difference between two values."""
    return Difference(kind=kind, path=path, before=shown(before), after=shown(after))
