"""Whether one JSON value is a value of a declared type, and the value itself in Python."""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Final

import numpy as np

from ..signature.datatypes import AnyType, Array, DataType, Map, Object, ValueType
from .breach import BreachKind

_BITS: Final = {DataType.INTEGER: "int32", DataType.LONG: "int64"}
_FLOATS: Final = {DataType.FLOAT: "float32", DataType.DOUBLE: "float64"}
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?")


def misfit(value: object, declared: DataType) -> BreachKind | None:
    """Return why a JSON value other than null is not one of a scalar type; None where it is.

    A number is judged by its value: 3.0 is an integer, 3 a double, and for a float any double within its range.
    """
    if declared in _BITS:
        return _integer_misfit(value, _BITS[declared])
    if declared in _FLOATS:
        return _float_misfit(value, _FLOATS[declared])
    if declared is DataType.BOOLEAN:
        return None if isinstance(value, bool) else BreachKind.TYPE
    if not isinstance(value, str):
        return BreachKind.TYPE
    if declared is DataType.BINARY:
        return None if read_base64(value) is not None else BreachKind.TEXT
    return _moment_misfit(value) if declared is DataType.DATETIME else None


def tensor_misfit(value: object, dtype: str) -> BreachKind | None:
    """Return why a JSON value other than null is not an element of a tensor of this dtype; None where it is."""
    if dtype == "str":
        return None if isinstance(value, str) else BreachKind.TYPE
    if dtype == "bytes":
        return misfit(value, DataType.BINARY)
    kind = np.dtype(dtype).kind
    if kind == "M":
        return misfit(value, DataType.DATETIME)
    if kind == "b":
        return misfit(value, DataType.BOOLEAN)
    if kind == "m":
        return _integer_misfit(value, "int64")
    return _integer_misfit(value, dtype) if kind in "iu" else _float_misfit(value, dtype)


def expectation(declared: ValueType) -> str:
    """Return a type in a few words, in MLflow's spelling."""
    if isinstance(declared, DataType):
        return declared.value
    if isinstance(declared, Array):
        return f"Array({expectation(declared.items)})"
    if isinstance(declared, Map):
        return f"Map({expectation(declared.values)})"
    if isinstance(declared, Object):
        members = ", ".join(
            f"{member.name}: {expectation(member.type)}{'' if member.required else ' (optional)'}"
            for member in declared.properties
        )
        return f"{{{members}}}"
    return "Any" if isinstance(declared, AnyType) else "SparkML vector"


def read_base64(text: str) -> bytes | None:
    """Return the bytes that base64 text stands for, line breaks passed over; None where it is no base64.

    MLflow's server breaks lines after 76 characters (`base64.encodebytes`).
    """
    try:
        return base64.b64decode(text.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def read_moment(text: str) -> np.datetime64 | None:
    """Return the moment that ISO 8601 text without zone stands for, in nanoseconds; None where it is none."""
    return np.datetime64(text, "ns") if _moment_misfit(text) is None else None


def _moment_misfit(text: str) -> BreachKind | None:
    if not _ISO.fullmatch(text):
        return BreachKind.TEXT
    try:
        day = np.datetime64(text[:19])
    except ValueError:  # the 30th of February, hour 25
        return BreachKind.TEXT
    if not np.datetime64("1677-09-21") < day.astype("datetime64[D]") < np.datetime64("2262-04-11"):
        # At the ends every digit decides, and NumPy wraps around beyond them without a word.
        inside = "1677-09-21T00:12:43.145224193" <= _padded(text) <= "2262-04-11T23:47:16.854775807"
        return None if inside else BreachKind.RANGE
    return None


def _padded(text: str) -> str:
    template = "0000-00-00T00:00:00.000000000"
    return text + template[len(text) :]


def _integer_misfit(value: object, dtype: str) -> BreachKind | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return BreachKind.TYPE
    if isinstance(value, float):
        if not math.isfinite(value):
            return BreachKind.RANGE
        if not value.is_integer():
            return BreachKind.FRACTION
    limits = np.iinfo(dtype)
    return None if int(limits.min) <= value <= int(limits.max) else BreachKind.RANGE


def _float_misfit(value: object, dtype: str) -> BreachKind | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return BreachKind.TYPE
    try:
        with np.errstate(over="ignore"):
            finite = bool(np.isfinite(np.dtype(dtype).type(float(value))))
    except OverflowError:  # an integer beyond float64
        finite = False
    return None if finite else BreachKind.RANGE
