"""Whether a param arrived as the value, and the type, that was sent."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np

from ..signature import DataType, ParamSpec
from ..wire.values import show_value


def is_same(spec: ParamSpec, sent: object, received: object) -> bool:
    """Tell whether the model received a param as it was sent, or as its default: the same value of the same type."""
    if isinstance(sent, list | tuple):
        there = received.tolist() if isinstance(received, np.ndarray) else received
        if not isinstance(there, list | tuple) or len(there) != len(sent):
            return False
        return all(is_same(spec, one, other) for one, other in zip(sent, there, strict=True))
    plain = (
        received.item() if isinstance(received, np.generic) and not isinstance(received, np.datetime64) else received
    )
    if isinstance(sent, np.datetime64):
        return _is_moment(plain) and np.datetime64(plain, "ns") == sent  # type: ignore[call-overload]
    if spec.type in {DataType.FLOAT, DataType.DOUBLE} and isinstance(sent, int | float):
        return isinstance(plain, float) and _is_number(spec, float(sent), plain)  # 1 is sent for 1.0, too
    if isinstance(sent, dict):  # an Object, whose parts are JSON values
        return isinstance(plain, dict) and sent == plain
    return type(sent) is type(plain) and sent == plain


def _is_moment(value: object) -> bool:
    return isinstance(value, dt.date | np.datetime64) and getattr(value, "tzinfo", None) is None


def _is_number(spec: ParamSpec, sent: float, received: float) -> bool:
    if math.isnan(sent) or math.isnan(received):
        return math.isnan(sent) and math.isnan(received)
    if spec.type is DataType.FLOAT and math.isfinite(sent) and sent:
        return bool(np.float32(sent) == np.float32(received))
    return sent == received and math.copysign(1, sent) == math.copysign(1, received)


def typed(value: object) -> str:
    """Return a value with its type, in which what arrived may differ alone."""
    return f"{show_value(value)} ({type(value).__name__})"
