"""Strategies for the values of one type, and for the cells of one column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Expectation, Level
from ..domain import ColumnDomain
from ..signature.datatypes import AnyType, Array, DataType, Map, Object, SparkMLVector, ValueType
from ..signature.specs import ColumnSpec
from . import levels
from .edges import base_value
from .nested import any_json, arrays, maps, objects, texts, vectors
from .nulls import null_expectation

_INTEGER_BITS: Final = {DataType.INTEGER: 31, DataType.LONG: 63}
_FLOAT_WIDTHS: Final = {DataType.FLOAT: 32, DataType.DOUBLE: 64}
_FLOAT_KINDS: Final[Mapping[int, type[np.floating]]] = {16: np.float16, 32: np.float32, 64: np.float64}
_ANYTHING: Final = ColumnDomain()
_LONGEST_TEXT: Final = 1_000  # drawn at level EXTREME; longer ones are edges, since each character costs a choice
_LONGEST_BYTES: Final = 1_000
_SMALL: Final = 100
_NS_A_DAY: Final = 86_400_000_000_000
_FIRST_NS: Final = -(2**63) + 1  # the lowest number of nanoseconds means "not a time"
_LAST_NS: Final = 2**63 - 1


def values(
    kind: ValueType, *, domain: ColumnDomain | None = None, level: Level = Level.PLAUSIBLE
) -> SearchStrategy[object]:
    """Return valid values of a type, never null, that shrink towards the plainest.

    Args:
        kind: The type.
        domain: Narrows them; bound to the signature, as `domain.bound` returns it.
        level: PLAUSIBLE keeps to what production sends, EXTREME reaches the ends of the type; EXAMPLE gives values
            of the domain, or the plainest value where it says none. What the domain allows is drawn at every level.
    """
    limits = domain or _ANYTHING
    if limits.values is not None:
        return st.sampled_from([value for value in limits.values if value is not None and limits.contains(value)])
    if level is Level.EXAMPLE and not limits.says_values:
        return st.just(base_value(kind))
    if isinstance(kind, DataType):
        return _scalars(kind, limits, level)
    return _nested(kind, limits, level)


def cells(
    spec: ColumnSpec,
    *,
    domain: ColumnDomain | None = None,
    level: Level = Level.PLAUSIBLE,
    examples: Sequence[object] = (),
) -> SearchStrategy[object]:
    """Return the cells of a column, null among them where the server must accept it and the domain does not forbid it.

    Args:
        spec: The column.
        domain: Narrows them.
        level: See `values`.
        examples: Values that the model is known to take; the first is what cells shrink to.
    """
    known = [value for value in examples if value is not None and (domain is None or domain.contains(value))]
    drawn = values(spec.type, domain=domain, level=level)
    if known:
        drawn = st.sampled_from(known) if level is Level.EXAMPLE else st.sampled_from(known) | drawn
    return drawn | st.none() if takes_null(spec, domain, level) else drawn


def takes_null(spec: ColumnSpec, domain: ColumnDomain | None, level: Level) -> bool:
    """Tell whether a cell may be null: the server must accept it and the domain must not forbid it."""
    expectation = null_expectation(spec.type, required=spec.required)
    said = None if domain is None else domain.nullable
    if said is not None:
        return said and expectation is not Expectation.REJECT
    return expectation is Expectation.ACCEPT and level > Level.EXAMPLE


def _scalars(kind: DataType, domain: ColumnDomain, level: Level) -> SearchStrategy[object]:
    if kind is DataType.BOOLEAN:
        return st.booleans()
    if kind in _INTEGER_BITS:
        return _integers(_INTEGER_BITS[kind], domain, level)
    if kind in _FLOAT_WIDTHS:
        return floats(_FLOAT_WIDTHS[kind], domain=domain, level=level)
    if kind is DataType.STRING:
        return _texts(domain, level)
    if kind is DataType.BINARY:
        return st.binary(max_size=_shorter(domain.max_length, 64 if level < Level.EXTREME else _LONGEST_BYTES))
    return moments(domain=domain, level=level)


def _nested(kind: ValueType, domain: ColumnDomain, level: Level) -> SearchStrategy[object]:
    def inner(part: ValueType) -> SearchStrategy[object]:
        return values(part, level=max(level, Level.PLAUSIBLE))

    match kind:
        case Array(items=items):
            return arrays(inner(items), max_size=domain.max_length)
        case Object():
            return objects(kind, inner)
        case Map(values=parts):
            return maps(inner(parts))
        case SparkMLVector():
            return vectors(inner(DataType.DOUBLE))
        case AnyType():
            return any_json()
    raise AssertionError(f"no strategy for {kind!r}")


def _integers(bits: int, domain: ColumnDomain, level: Level) -> SearchStrategy[object]:
    end = 1 << bits
    limit = end if level is Level.EXTREME else min(end, 10**9 if bits < 63 else levels.PLAUSIBLE_INTEGER)
    low, high = _bounds(domain, float(-limit), float(limit - 1))
    least = max(-end, -limit if domain.min is None else math.ceil(low))
    most = min(end - 1, limit - 1 if domain.max is None else math.floor(high))
    if least > most:  # the domain lies beyond what is plausible
        least, most = (least, end - 1) if domain.min is not None else (-end, most)
    small, large = max(least, -_SMALL), min(most, _SMALL)
    if small > large:
        return st.integers(least, most)
    # two columns of a wide range would hardly ever hold an equal or a telling number
    return st.integers(small, large) | st.integers(least, most)


def floats(width: int, *, domain: ColumnDomain | None = None, level: Level = Level.PLAUSIBLE) -> SearchStrategy[object]:
    """Return finite floats that a type of 16, 32 or 64 bits holds exactly."""
    kind = _FLOAT_KINDS[width]
    end = float(np.finfo(kind).max)
    limit = end if level is Level.EXTREME else min(end, levels.PLAUSIBLE_NUMBER)
    low, high = _bounds(domain or _ANYTHING, -limit, limit)
    if low > high:  # the domain lies beyond what is plausible
        low, high = (low, end) if domain is not None and domain.min is not None else (-end, high)
    least, most = _inward(max(low, -end), kind, up=True), _inward(min(high, end), kind, up=False)
    if least > most:
        return st.just(least)  # the domain lies between two numbers of this width
    # 16, 32 or 64, which a checker takes for any integer
    drawn = st.floats(least, most, width=width, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
    if level is Level.EXTREME or not least <= 0.0 <= most:
        return drawn.map(_same)
    return drawn.map(levels.flushed)


def moments(*, domain: ColumnDomain | None = None, level: Level = Level.PLAUSIBLE) -> SearchStrategy[object]:
    """Return datetimes to the nanosecond that shrink to midnight of a day near 1970."""
    first, last = _FIRST_NS, _LAST_NS
    if level < Level.EXTREME:
        first = int(levels.EARLIEST_PLAUSIBLE.astype(np.int64))
        last = int(levels.LATEST_PLAUSIBLE.astype(np.int64)) - 1
    if domain is not None and isinstance(domain.min, np.datetime64):
        first = int(domain.min.astype("datetime64[ns]").astype(np.int64))
        last = max(last, first)
    if domain is not None and isinstance(domain.max, np.datetime64):
        last = int(domain.max.astype("datetime64[ns]").astype(np.int64))
        first = min(first, last)

    def moment(day: int, ns: int) -> np.datetime64:
        return np.datetime64(min(max(day * _NS_A_DAY + ns, first), last), "ns")

    days = st.integers(first // _NS_A_DAY, last // _NS_A_DAY)
    return st.builds(moment, days, st.integers(0, _NS_A_DAY - 1))


def _texts(domain: ColumnDomain, level: Level) -> SearchStrategy[object]:
    if domain.pattern is not None:
        matching = st.from_regex(domain.pattern, fullmatch=True, alphabet=st.characters(codec="utf-8"))
        most = domain.max_length
        return matching.map(_same) if most is None else matching.filter(lambda text: len(text) <= most).map(_same)
    is_extreme = level is Level.EXTREME
    longest = _shorter(domain.max_length, _LONGEST_TEXT if is_extreme else levels.PLAUSIBLE_TEXT)
    return texts(max_size=longest, with_controls=is_extreme).map(_same)


def _shorter(declared: int | None, usual: int) -> int:
    return usual if declared is None else min(declared, usual)


def _bounds(domain: ColumnDomain, low: float, high: float) -> tuple[float, float]:
    least = low if not isinstance(domain.min, int | float) else domain.min
    most = high if not isinstance(domain.max, int | float) else domain.max
    return least, most


def _inward(limit: float, kind: type[np.floating], *, up: bool) -> float:
    nearest = kind(limit)
    if (float(nearest) < limit) if up else (float(nearest) > limit):
        nearest = np.nextafter(nearest, kind(math.inf if up else -math.inf))
    return float(nearest)


def _same(value: object) -> object:
    return value
