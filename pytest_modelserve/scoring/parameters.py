"""The inference parameters of a request, held to the declared ones, with defaults where it gives none."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np

from ..signature.datatypes import FLOAT32_LIMIT, DataType, Object
from ..signature.specs import ParamSpec
from .cells import read_parts
from .errors import NotAllowed, excerpt, name_kind
from .scalars import Misfit, read_instant, require_kinds

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a datetime of the signature has no zone


def enforce_params(specs: Sequence[ParamSpec] | None, given: object) -> dict[str, Any] | None:
    """Return every declared parameter, from the request or by its default; None where the model declares none.

    A name that is not declared is refused: it is a slip of the pen, and without it the default would rule in silence.
    Null is refused but where it is the default. Dates arrive as `datetime.date` or `datetime.datetime`, as MLflow
    hands them over.

    Args:
        specs: The declared parameters.
        given: The JSON value under `params`, None where there is none.

    Raises:
        NotAllowed: It is no object, names an unknown parameter, or has a value of another type or shape.
    """
    if given is not None and not isinstance(given, dict):
        raise NotAllowed(f"params must be an object, not {name_kind(given)}")
    values: dict[str, Any] = given or {}
    declared = [spec.name for spec in specs or ()]
    for name in values:
        if name not in declared:
            raise NotAllowed(f"The model declares no param {excerpt(name)}{_suggest(name, declared)}", param=name[:80])
    if specs is None:
        return None
    return {spec.name: _read(spec, values[spec.name]) if spec.name in values else _default(spec) for spec in specs}


def _suggest(name: str, declared: Sequence[str]) -> str:
    if near := difflib.get_close_matches(name, declared):
        return f". Did you mean {excerpt(near[0])}?"
    return f"; it declares {', '.join(map(excerpt, declared))}" if declared else ""


def _default(spec: ParamSpec) -> object:
    if isinstance(spec.default, tuple):
        return [_as_python(value) for value in spec.default]
    return _as_python(spec.default)


def _as_python(value: object) -> object:
    return value.item() if isinstance(value, np.datetime64) else value


def _read(spec: ParamSpec, value: object) -> object:
    try:
        if spec.shape is not None:
            return _read_values(spec.type, _require_list(spec, value))
        (read,) = [None] if value is None and spec.default is None else _read_values(spec.type, [value])
    except Misfit as misfit:
        place = misfit.path if spec.shape is None else f"[{misfit.at}]{misfit.path}"
        where = f", at {place}," if place else ""
        raise NotAllowed(f"Param {excerpt(spec.name)}{where} {misfit.reason}", param=spec.name) from None
    return read


def _require_list(spec: ParamSpec, value: object) -> list[Any]:
    if not isinstance(value, list):
        found = f"{name_kind(value)} ({excerpt(value)})"
        raise NotAllowed(f"Param {excerpt(spec.name)} is {found}, not a list", param=spec.name)
    return value


def _read_values(kind: DataType | Object, values: list[Any]) -> list[Any]:
    if kind is DataType.FLOAT:
        return _read_floats(values)
    if kind is DataType.DATETIME:
        require_kinds(values, frozenset({str}), "a date and time as a string")
        return [_read_date(at, text) for at, text in enumerate(values)]
    read = read_parts(kind, values)
    return values if isinstance(kind, Object) else read


def _read_floats(values: list[Any]) -> list[Any]:
    """Return Python floats, not rounded to 32 bits: a default reaches the model as it is written, too."""
    read = read_parts(DataType.DOUBLE, values)
    for at, value in enumerate(read):
        if abs(value) >= FLOAT32_LIMIT:
            raise Misfit(at, f"is {excerpt(values[at])}, beyond the largest float32")
    return read


def _read_date(at: int, text: str) -> date | datetime:
    instant = read_instant(at, text)
    if instant.nanoseconds % 1000:
        raise Misfit(at, f"is {excerpt(text)}, finer than the microseconds of a datetime param")
    try:
        moment = _EPOCH + timedelta(seconds=instant.seconds, microseconds=instant.nanoseconds // 1000)
    except OverflowError:
        raise Misfit(at, f"is {excerpt(text)}, beyond the years 1 to 9999") from None
    return moment.date() if instant.is_date_alone else moment
