"""Tells whether two answers of one model agree: names, number of rows, and values as far as arithmetic is exact.

Source: `CONTRACT` section 4, "Tolerance". Two requests for the same rows may take different paths through a linear
algebra library, so that the last digits differ; a label may only flip where two scores are equal within that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeGuard

import numpy as np

from ..settings import Settings
from ..signature import AnyType, Array, ColumnSchema, DataType, Map, Object, Schema, SparkMLVector, TensorSchema
from ..wire.breach import Place, Told
from ..wire.values import show_value
from .answers import Answer, read_answer

Limits: TypeAlias = tuple[float, float]
"""How far two numbers may differ: relative to the larger one, or relative to the spread of their column."""

HALF: Final[Limits] = (1e-2, 1e-3)  # float16 has 11 bits: one step is 1e-3
SINGLE: Final[Limits] = (1e-4, 1e-5)
DOUBLE: Final[Limits] = (1e-9, 1e-12)  # the second for what is zero but for cancellation, as a centred column is
OWN_PART: Final = 0.1  # of a tolerance that the user gives, for the spread

_BY_TYPE: Final[Mapping[object, Limits]] = {"float16": HALF, "float32": SINGLE, DataType.FLOAT: SINGLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place in which two answers differ by more than arithmetic explains.

    Attributes:
        path: The place, such as `predictions[2]["score"]`.
        one: The value in the first answer.
        other: The value in the second.
        distance: Between two numbers, relative to the larger one; infinite between anything else.
        row: The row, where the answers are by row.
        column: The output column or tensor; None where the answers differ as a whole.
    """

    path: str
    one: object
    other: object
    distance: float = math.inf
    row: int | None = None
    column: str | None = None

    @property
    def is_flip(self) -> bool:
        """Tell whether it is one label in place of another."""
        return all(isinstance(value, str | int) and not isinstance(value, Told) for value in (self.one, self.other))

    def told(self, first: str, second: str) -> str:
        """Return the difference as a sentence; the words say where each value came from."""
        far = f" ({self.distance:.1e} apart, relative)" if math.isfinite(self.distance) else ""
        return f"{self.path} is {_shown(self.one)} {first}, but {_shown(self.other)} {second}{far}"


OUTCOME: Final = "the outcome"  # the path of a difference of fates, where there are no two answers to compare


def of_outcomes(one: str, other: str) -> Difference:
    """Return what became of two requests as a difference."""
    return Difference(path=OUTCOME, one=Told(one), other=Told(other))


_DATE: Final = re.compile(
    r"(?P<whole>-?\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.(?P<part>\d{1,9}))?(?P<zone>Z|[+-]\d\d:\d\d)?"
)


@dataclass(slots=True)
class _Seen:
    """What was seen of the numbers of one output column; zero counts, so that one value has a spread, too."""

    low: float = 0.0
    high: float = 0.0
    is_single: bool = True  # every number is one that 32 bits hold
    is_whole: bool = True

    def add(self, numbers: Iterable[float]) -> None:
        for number in numbers:
            if math.isfinite(number):
                self.low, self.high = min(self.low, number), max(self.high, number)
                self.is_whole = self.is_whole and number == int(number)
                self.is_single = self.is_single and _is_single(number)


@dataclass(slots=True, kw_only=True)
class Agreement:
    """Compares answers of one model.

    Attributes:
        outputs: Its output schema, or None.
        tolerance: How far two numbers may differ, relative to their size; None goes by the type.
        ignored: Output columns that need not agree.
    """

    outputs: Schema | None = None
    tolerance: float | None = None
    ignored: Collection[str] = ()
    _seen: dict[str, _Seen] = field(default_factory=dict)

    @classmethod
    def of(cls, outputs: Schema | None, settings: Settings) -> Agreement:
        """Return the comparison that the settings ask for."""
        return cls(outputs=outputs, tolerance=settings.tolerance, ignored=frozenset(settings.ignored_outputs))

    def read(self, predictions: object) -> Answer:
        """Return predictions, or arrays by name, as an answer to compare."""
        return read_answer(predictions, self.outputs)

    def learn(self, answer: Answer) -> None:
        """Take in an ordinary answer, such as that to the input example: it tells the spread of each column.

        Answers to far-off values are not for this: with a spread of 1e9 all ordinary numbers would be equal. Where
        nothing was learned, two answers are compared by their own spread.
        """
        for name, values in answer.columns.items():
            self._seen.setdefault(name, _Seen()).add(_numbers(values))

    def agree(self, one: Answer, other: Answer) -> bool:
        """Tell whether two answers agree."""
        return next(self._found(one, other), None) is None

    def differences(self, one: Answer, other: Answer) -> list[Difference]:
        """Return where two answers differ, the worst first; nothing where they agree."""
        return sorted(self._found(one, other), key=lambda difference: -difference.distance)

    def _found(self, one: Answer, other: Answer) -> Iterator[Difference]:
        if one.n_rows != other.n_rows:
            yield Difference(path=Place().path, one=_size(one.n_rows), other=_size(other.n_rows))
            return
        names = [name for name in dict.fromkeys((*one.columns, *other.columns)) if name not in self.ignored]
        lacking = [name for name in names if name not in one.columns or name not in other.columns]
        if lacking:
            told = [Told(f"with {_names(answer, self.ignored)}") for answer in (one, other)]
            yield Difference(path=Place().path, one=told[0], other=told[1], column=lacking[0])
            return
        rules = {name: self._rule(name, one, other) for name in names}
        for name, rule in rules.items():
            for row, (left, right) in enumerate(zip(one.columns[name], other.columns[name], strict=True)):
                for difference in rule.differences(left, right, one.place(name, row)):
                    is_open = difference.is_flip and all(_has_tie(rules, answer, row) for answer in (one, other))
                    if not is_open:
                        yield difference

    def _rule(self, column: str, one: Answer, other: Answer) -> _Rule:
        seen = self._seen.get(column)
        if seen is None:
            seen = _Seen()
            seen.add(_numbers([*one.columns[column], *other.columns[column]]))
        return _Rule(declared=self._declared(column), seen=seen, tolerance=self.tolerance)

    def _declared(self, column: str) -> object:
        """Return the declared type of a column, numpy's name of that of a tensor, or None."""
        if isinstance(self.outputs, ColumnSchema):
            specs = dict(zip(map(str, self.outputs.names), self.outputs.columns, strict=True))
            return specs[column].type if column in specs else None
        if isinstance(self.outputs, TensorSchema):
            return next((spec.dtype for spec in self.outputs.tensors if (spec.name or "0") == column), None)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How far the values of one output column may differ."""

    declared: object
    seen: _Seen
    tolerance: float | None

    def differences(self, one: object, other: object, place: Place) -> Iterator[Difference]:
        yield from self._leaves(one, other, place, self.declared)

    def is_even(self, one: float, other: float) -> bool:
        """Tell whether two scores are equal as far as arithmetic is exact; both have an error."""
        return abs(one - other) <= 2 * self._allowed(one, other, self.declared)

    def _leaves(self, one: object, other: object, place: Place, declared: object) -> Iterator[Difference]:
        if type(one) is type(other) and not isinstance(one, list | dict) and one == other:
            return
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            for at, (left, right) in enumerate(zip(one, other, strict=True)):
                yield from self._leaves(left, right, place.at(at), _inside(declared, at))
        elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            for key, left in one.items():
                yield from self._leaves(left, other[key], place.key(key), _inside(declared, key))
        elif _is_number(one) and _is_number(other):
            yield from self._of_numbers(one, other, place, declared)
        elif not (_is_one_moment(one, other, declared) or _is_one_binary(one, other, declared)):
            yield _difference(place, one, other)

    def _of_numbers(self, one: float, other: float, place: Place, declared: object) -> Iterator[Difference]:
        if one == other or (one != one and other != other):  # noqa: PLR0124 # NaN alone differs from itself
            return
        if _is_of_labels(declared) or (declared is None and isinstance(one, int) and isinstance(other, int)):
            yield _difference(place, one, other)
            return
        left, right = _as_float(one), _as_float(other)
        if not (math.isfinite(left) and math.isfinite(right)):
            yield _difference(place, one, other)
            return
        apart = abs(left - right)
        if apart > self._allowed(left, right, declared):
            yield _difference(place, one, other, apart / max(abs(left), abs(right)))

    def _allowed(self, one: float, other: float, declared: object) -> float:
        """Return how far two numbers may be apart."""
        relative, part = self._limits((one, other), declared)
        return max(relative * max(abs(one), abs(other)), part * (self.seen.high - self.seen.low))

    def _limits(self, numbers: Sequence[float], declared: object) -> Limits:
        if self.tolerance is not None:
            return self.tolerance, OWN_PART * self.tolerance
        if declared in _BY_TYPE:
            return _BY_TYPE[declared]
        # What a model computes in 32 bits and declares as double, or not at all, has no digit beyond them.
        is_whole = self.seen.is_whole and all(map(float.is_integer, numbers))
        return SINGLE if self.seen.is_single and not is_whole and all(map(_is_single, numbers)) else DOUBLE


def _has_tie(rules: Mapping[str, _Rule], answer: Answer, row: int) -> bool:
    """Tell whether the two best scores of a row are equal as far as arithmetic is exact.

    Scores are the numbers of one vector, or of all columns with one number; a single one is a probability or a
    distance from the border of two classes.
    """
    alone: list[tuple[float, _Rule]] = []
    for name, rule in rules.items():
        value = answer.columns[name][row]
        if _is_of_labels(rule.declared):
            continue
        if isinstance(value, float):
            alone.append((value, rule))
        elif isinstance(value, list) and len(value) > 1 and all(isinstance(item, float) for item in value):
            *_, second, best = sorted(value)
            if rule.is_even(best, second):
                return True
    if len(alone) == 1:
        ((score, rule),) = alone
        return rule.is_even(score, 0.5) or rule.is_even(score, 0.0)
    ranked = sorted(alone, key=lambda scored: scored[0])
    return len(ranked) > 1 and ranked[-1][1].is_even(ranked[-1][0], ranked[-2][0])


def _difference(place: Place, one: object, other: object, distance: float = math.inf) -> Difference:
    column = None if place.column is None else str(place.column)
    return Difference(path=place.path, one=one, other=other, distance=distance, row=place.row, column=column)


def _inside(declared: object, key: str | int) -> object:
    """Return the declared type of a part of a value; a tensor has one for all its elements."""
    if isinstance(declared, Array):
        return declared.items
    if isinstance(declared, Map):
        return declared.values
    if isinstance(declared, Object):
        return next((member.type for member in declared.properties if member.name == key), None)
    if isinstance(declared, SparkMLVector):
        return DataType.DOUBLE
    return None if isinstance(declared, AnyType) else declared


def _is_of_labels(declared: object) -> bool:
    if isinstance(declared, str):
        return np.dtype(declared).kind != "f"
    return isinstance(declared, DataType) and not declared.is_floating


def _is_one_moment(one: object, other: object, declared: object) -> bool:
    """Tell whether two dates differ in nothing but the digits that a server writes, which go by the whole column."""
    is_date = declared in {None, DataType.DATETIME} or (isinstance(declared, str) and np.dtype(declared).kind == "M")
    if not (is_date and isinstance(one, str) and isinstance(other, str)):
        return False
    found = [_DATE.fullmatch(text) for text in (one, other)]
    moments = {(date["whole"], (date["part"] or "").rstrip("0"), date["zone"]) for date in found if date}
    return all(found) and len(moments) == 1


def _is_one_binary(one: object, other: object, declared: object) -> bool:
    """Tell whether two texts are base64 of the same bytes but for line ends, which its oldest form has."""
    is_base64 = declared is DataType.BINARY and isinstance(one, str) and isinstance(other, str)
    return is_base64 and "".join(str(one).split()) == "".join(str(other).split())


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numbers(value: object) -> Iterator[float]:
    """Yield the numbers of a value, those inside lists and records included."""
    if isinstance(value, list | tuple):
        yield from (number for item in value for number in _numbers(item))
    elif isinstance(value, dict):
        yield from (number for item in value.values() for number in _numbers(item))
    elif _is_number(value):
        yield _as_float(value)


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if number > 0 else -math.inf


def _is_single(number: float) -> bool:
    with np.errstate(over="ignore"):
        return float(np.float32(number)) == number


def _size(n_rows: int | None) -> Told:
    return Told("no rows" if n_rows is None else f"{n_rows} row{'' if n_rows == 1 else 's'}")


def _names(answer: Answer, ignored: Collection[str]) -> str:
    return show_value([name for name in answer.columns if name not in ignored])


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Told) else show_value(value)
