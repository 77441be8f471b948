"""Whether the types of the columns are those that the example, and what comes after it, need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ...signature import DataType
from ...wire.values import show_value
from .rule import Found, Linted, plural

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # 007 is a name, and so is 1.
_DATE: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?")
_LEAST: Final = 2  # different texts; one alone may be a name that looks like a number


def find_numbers_as_text(linted: Linted) -> Iterator[Found]:
    """Look for columns of text whose values are all numbers."""
    yield from _as_text(linted, _NUMBER.fullmatch, "numbers", "double or long")


def find_dates_as_text(linted: Linted) -> Iterator[Found]:
    """Look for columns of text whose values are all dates."""
    yield from _as_text(linted, _DATE.fullmatch, "dates", "datetime")


def find_optional_without_null(linted: Linted) -> Iterator[Found]:
    """Look for optional columns of a type that has no null."""
    columns = [(at, spec) for at, spec in enumerate(linted.columns) if not spec.required and _has_no_null(spec.type)]
    if not columns:
        return
    nulls = [spec.name for at, spec in columns if None in linted.values_of(spec.name, at)]
    seen = f"; the example itself has null in {plural(nulls)}" if nulls else ""
    names = plural([spec.name for _, spec in columns])
    yield Found(
        title=f"{names} may be left out, but not be null: integer, long and boolean have no null, and MLflow's server "
        f"answers 400{seen}; declare double, or string for a flag, if callers send null"
    )


def find_integers_beside_gaps(linted: Linted) -> Iterator[Found]:
    """Look for required integers in a model whose example has gaps: MLflow warns of all integers when it logs one."""
    values = [(spec, linted.values_of(spec.name, at)) for at, spec in enumerate(linted.columns)]
    if not any(None in cells for _, cells in values):
        return
    names = [spec.name for spec, _ in values if spec.required and spec.type in {DataType.INTEGER, DataType.LONG}]
    if names:
        yield Found(
            title=f"the example has gaps, but the integers of {plural(names)} cannot have any: if real rows can lack "
            "one, turn it into float64 before infer_signature, so that it is declared double"
        )


def _has_no_null(kind: object) -> bool:
    return isinstance(kind, DataType) and not kind.holds_null


def _as_text(linted: Linted, matches: Callable[[str], object], what: str, kind: str) -> Iterator[Found]:
    found = []
    first = ""
    for at, spec in enumerate(linted.columns):
        texts = _texts(linted.values_of(spec.name, at)) if spec.type is DataType.STRING else []
        if len(texts) >= _LEAST and all(map(matches, texts)):
            found.append(spec.name)
            first = first or texts[0]
    if found:
        yield Found(
            title=f"{plural(found)} declared string: the example has only {what} there, such as {show_value(first)}; "
            f"if they are {what}, convert them before infer_signature, so that {kind} is declared and others are "
            "refused"
        )


def _texts(values: Sequence[object]) -> list[str]:
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))
