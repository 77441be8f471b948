"""How far a value is from what a model is known to take, judged by the value alone."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Final

import numpy as np

from ..cases import Level

PLAUSIBLE_INTEGER: Final = 10**18  # ids of distributed systems come close; beyond lie the ends of the type
PLAUSIBLE_NUMBER: Final = 1e15  # no healthy model was seen to raise up to here, and many do from 1e39 on
PLAUSIBLE_NEAR_ZERO: Final = 1e-15  # its reciprocal is the limit above
PLAUSIBLE_TEXT: Final = 200  # characters
PLAUSIBLE_BYTES: Final = 65_536
PLAUSIBLE_ITEMS: Final = 100  # elements of a list or map
EARLIEST_PLAUSIBLE: Final = np.datetime64("1900-01-01", "ns")
LATEST_PLAUSIBLE: Final = np.datetime64("2101-01-01", "ns")


def level_of(value: object) -> Level:
    """Return PLAUSIBLE for what production sends one day, EXTREME beyond; a list or record is as its farthest part."""
    match value:
        case list():
            parts = max((level_of(item) for item in value), default=Level.PLAUSIBLE)
            return Level.EXTREME if len(value) > PLAUSIBLE_ITEMS else parts
        case Mapping():
            parts = max((max(level_of(key), level_of(item)) for key, item in value.items()), default=Level.PLAUSIBLE)
            return Level.EXTREME if len(value) > PLAUSIBLE_ITEMS else parts
    return Level.PLAUSIBLE if _is_plausible(value) else Level.EXTREME


def _is_plausible(value: object) -> bool:
    match value:
        case int():
            return abs(value) <= PLAUSIBLE_INTEGER
        case float():
            size = abs(value)
            return size == 0 or (math.isfinite(size) and PLAUSIBLE_NEAR_ZERO <= size <= PLAUSIBLE_NUMBER)
        case str():
            return len(value) <= PLAUSIBLE_TEXT and not any(is_control(character) for character in value)
        case bytes():
            return len(value) <= PLAUSIBLE_BYTES
        case np.datetime64():
            return bool(EARLIEST_PLAUSIBLE <= value < LATEST_PLAUSIBLE)
    return True


def flushed(number: float) -> float:
    """Return zero for a number that is nearer to it than is plausible, and the number itself otherwise."""
    return 0.0 if abs(number) < PLAUSIBLE_NEAR_ZERO else number


def is_control(character: str) -> bool:
    """Tell whether a character is a control character other than the whitespace that text has."""
    return character not in "\t\n\r" and unicodedata.category(character) == "Cc"
