"""Whether each column was really tested: a model that refuses all but its example has proven nothing.

Source: `CONTRACT` section 0, "Refusal is no free pass".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from ..domain import Domain
from ..signature import ColumnSchema, DataType, TensorSchema
from ..wire.values import show_value
from .columns import ABSENT, NULL, ColumnNotes, Name, type_of

CATEGORICAL: Final = frozenset({DataType.STRING, DataType.INTEGER, DataType.LONG, *"iuUSO"})
"""Types whose values may be the names of categories: of columns, and the kinds of numpy's for tensors."""

FORMATTED: Final = DataType.BINARY
"""The type whose values have a format, a picture's or an archive's: no bytes that we make up are of it."""

BOOLEAN: Final = frozenset({DataType.BOOLEAN, "b"})
LEVELS: Final = 2  # one value is a constant; two show that the model looks at the column
SHOWN: Final = 3  # values that a line names


def untested(notes: ColumnNotes, domain: Domain, *, is_redacted: bool = False) -> Iterator[str]:
    """Yield a sentence for each column that was only tested on its example; with counts for values if redacted."""
    told = _counted if is_redacted else shown
    for name in _names(notes):
        if not _is_tested(notes, name, domain):
            accepted = (
                told([value for key, value in notes.accepted[name].items() if key not in {NULL, ABSENT}]) or "nothing"
            )
            refused = told(list(refused_values(notes, name).values()))
            yield f"column {_title(name)} was only tested on {accepted}{f' (refused: {refused})' if refused else ''}"


def is_categorical(notes: ColumnNotes, name: Name) -> bool:
    """Tell whether all unseen values of a text or integer column were refused: then its values are categories."""
    return type_of(notes.signature, name) in CATEGORICAL and _refuses_unseen(notes, name)


def is_formatted(notes: ColumnNotes, name: Name) -> bool:
    """Tell whether all unseen values of a column of bytes were refused: then its values are of one format."""
    return type_of(notes.signature, name) is FORMATTED and _refuses_unseen(notes, name)


def _refuses_unseen(notes: ColumnNotes, name: Name) -> bool:
    beyond = _levels(notes, name) - notes.known.get(name, {}).keys()
    return not beyond and bool(refused_values(notes, name).keys() - {NULL, ABSENT})


def refused_values(notes: ColumnNotes, name: Name) -> dict[Hashable, object]:
    """Return the values of a column that were refused and in no request accepted."""
    accepted = notes.accepted[name]
    return {key: value for key, value in notes.refused[name].items() if key not in accepted}


def shown(values: list[object]) -> str:
    """Return the first values for reading, and how many there are more."""
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join("absent" if value is ABSENT else show_value(value) for value in values[:SHOWN]) + more


def _counted(values: list[object]) -> str:
    return f"{len(values)} value{'' if len(values) == 1 else 's'}" if values else ""


def _names(notes: ColumnNotes) -> tuple[Name, ...]:
    inputs = notes.signature.inputs if notes.signature else None
    if isinstance(inputs, ColumnSchema):
        return inputs.names
    return tuple(spec.name for spec in inputs.tensors) if isinstance(inputs, TensorSchema) else ()


def _title(name: Name) -> str:
    return "0" if name is None else show_value(name)


def _levels(notes: ColumnNotes, name: Name) -> set[Hashable]:
    """Return the keys of the accepted values; what is missing is no value."""
    return {key for key in notes.accepted[name] if key not in {NULL, ABSENT}}


def _is_tested(notes: ColumnNotes, name: Name, domain: Domain) -> bool:
    accepted = _levels(notes, name)
    said = domain.of(name)
    if said is not None and domain.is_declared(name) and said.says_values:
        is_constant = (said.values is not None and len(said.values) == 1) or (
            said.min is not None and said.min == said.max
        )
        return len(accepted) >= (1 if is_constant else LEVELS)
    kind = type_of(notes.signature, name)
    if len(accepted) < LEVELS:
        return False
    is_closed = is_categorical(notes, name) or is_formatted(notes, name)
    return kind in BOOLEAN or is_closed or bool(accepted - notes.known.get(name, {}).keys())
