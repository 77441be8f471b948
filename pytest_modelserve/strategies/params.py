"""Values of inference parameters: defaults, edges, and strategies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..cases import Level
from ..domain import Domain
from ..signature.datatypes import DataType
from ..signature.specs import ParamSpec, Signature
from .columns import values
from .edges import base_value
from .pools import Entry, Pool, pool_of, value_entries

_MOST: Final = 5  # elements of a drawn list
_NS_A_MICROSECOND: Final = 1_000
_FIRST_NS: Final = -(2**63)  # "not a time"
_COARSER: Final[Mapping[str, str]] = {
    "nanoseconds": "microseconds",
    "earliest nanosecond": "1677",
    "latest nanosecond": "2262",
}
_NUMBERS: Final = frozenset({DataType.INTEGER, DataType.LONG, DataType.FLOAT, DataType.DOUBLE})


def params_from_signature(
    signature: Signature,
    *,
    domain: Domain | None = None,
    level: Level = Level.PLAUSIBLE,
    params: Mapping[str, SearchStrategy[object]] | None = None,
    raised: float | None = None,
) -> SearchStrategy[dict[str, object]]:
    """Return valid parameters of a request: each absent at times, none where the model declares none.

    Args:
        signature: What the model takes.
        domain: Narrows parameters by name, bound to the signature.
        level: How far values may go.
        params: Your own strategy of a parameter, by name; it wins over all else.
        raised: How many times its default a number may grow at most, for models whose time or cost grows with it.
    """
    known = domain or Domain()
    own = params or {}
    return st.fixed_dictionaries(
        {},
        optional={
            spec.name: own.get(spec.name, _strategy(spec, known, level, raised)) for spec in signature.params or ()
        },
    )


def param_pools(signature: Signature, domain: Domain, *, raised: float | None = None) -> tuple[Pool, ...]:
    """Return the values that each parameter is tried with, its default first."""
    return tuple(_pool(spec, domain, raised) for spec in signature.params or ())


def _strategy(spec: ParamSpec, domain: Domain, level: Level, raised: float | None) -> SearchStrategy[object]:
    one = values(spec.type, domain=domain.of(spec.name), level=level)
    if spec.type is DataType.DATETIME:
        one = one.map(_to_microseconds)
    if raised is not None and spec.type in _NUMBERS:
        one = one.filter(lambda value: _is_within(value, spec.default, raised))
    if spec.shape is None:
        return one
    return st.lists(one, max_size=_MOST).map(_same)


def _pool(spec: ParamSpec, domain: Domain, raised: float | None) -> Pool:
    said = domain.of(spec.name)
    defaults = list(spec.default) if isinstance(spec.default, tuple) else [spec.default]
    entries = (_held(entry) for entry in value_entries(spec.type, defaults, said))
    found = [
        entry
        for entry in entries
        if (raised is None or _is_within(entry.value, spec.default, raised))
        and (said is None or not said.says_values or said.contains(entry.value))
    ]
    if spec.default is None:  # null cannot be sent, so that the plainest value is none that the model is known to take
        found = [entry if entry.name else replace(entry, name="plainest", level=Level.PLAUSIBLE) for entry in found]
    if spec.shape is None:
        return pool_of(spec.name, found)
    plain = found[0].value if found else base_value(spec.type)
    lists = [
        Entry(value=list(defaults), name="", level=Level.EXAMPLE),
        Entry(value=[], name="empty list", level=Level.PLAUSIBLE),
        Entry(value=[plain, plain], name="two equal elements", level=Level.PLAUSIBLE),
        *(Entry(value=[entry.value], name=f"element {entry.name}", level=entry.level) for entry in found if entry.name),
    ]
    return pool_of(spec.name, lists)


def _is_within(value: object, default: object, raised: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    defaults = default if isinstance(default, tuple) else (default,)
    numbers = [abs(number) for number in defaults if isinstance(number, int | float)]
    return bool(np.abs(float(value)) <= raised * (max(numbers, default=0) or 1))  # ten times nothing is nothing


def _held(entry: Entry) -> Entry:
    value = _to_microseconds(entry.value)
    return entry if value is entry.value else replace(entry, value=value, name=_COARSER.get(entry.name, entry.name))


def _to_microseconds(value: object) -> object:
    """Return a datetime as Python's own holds it, which is how a model gets a parameter; anything else as it is."""
    if not isinstance(value, np.datetime64):
        return value
    ns = int(value.astype("datetime64[ns]").astype(np.int64))
    if not ns % _NS_A_MICROSECOND:
        return value
    floor = ns // _NS_A_MICROSECOND * _NS_A_MICROSECOND
    return np.datetime64(floor if floor > _FIRST_NS else floor + _NS_A_MICROSECOND, "ns")


def _same(value: object) -> object:
    return value
