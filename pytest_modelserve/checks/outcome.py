"""Tells what became of a request: predicted, rejected, refused by the model, crashed in it, or lost.

Source: `CONTRACT` section 0, "Refused or crashed".
"""

from __future__ import annotations

import enum
import re
from typing import Final

from ..client import ErrorKind, Invocation
from .calls import Call, RaisedException
from .native import is_native_accident, is_native_refusal


class RequestOutcome(enum.Enum):
    """What became of one request."""

    PREDICTED = "predicted"
    REJECTED = "rejected"
    MODEL_REFUSED = "model_refused"
    MODEL_CRASHED = "model_crashed"
    SERVER_ERROR = "server_error"
    TIMED_OUT = "timed_out"
    DISCONNECTED = "disconnected"


ACCIDENTS: Final = frozenset(
    {
        "ArithmeticError",
        "AssertionError",
        "AttributeError",
        "ImportError",
        "LookupError",
        "MemoryError",
        "NameError",
        "OSError",
        "OutOfMemoryError",
        "RecursionError",
        "ResourceExhaustedError",
        "TypeError",
        "UnicodeError",
        "KeyboardInterrupt",
        "SystemExit",
    }
)
"""Exceptions that nobody raises to refuse a value, and all that derive from them."""

DECODER_FOLDERS: Final = ("/PIL/",)
"""Folders of libraries that refuse bytes by an OSError that they raise themselves, such as UnidentifiedImageError."""

OVERFLOWS: Final = frozenset({"ArithmeticError", "IntCastingNaNError", "OutOfBoundsDatetime", "OutOfBoundsTimedelta"})
"""Arithmetic on the ends of a type: advice at level extreme, not a failure. The last three are pandas' own."""

UNNAMED_OVERFLOWS: Final = (
    ("ValueError", re.compile(r"cannot convert float NaN to integer|year -?\d+ is out of range")),
    ("OSError", re.compile(r"Value too large for defined data type")),
)
"""The same, where Python has no type of its own for it: `int` of what became NaN, `datetime` beyond year 9999."""


def classify(invocation: Invocation, call: Call | None) -> RequestOutcome:
    """Return what became of a request, from its answer and from what the model's process recorded of it."""
    if invocation.error is not None:
        return RequestOutcome.TIMED_OUT if invocation.error.kind is ErrorKind.TIMEOUT else RequestOutcome.DISCONNECTED
    status = invocation.status or 0
    if status == 504:
        return RequestOutcome.TIMED_OUT
    if call is not None and call.exception is not None and status >= 400:
        return RequestOutcome.MODEL_REFUSED if is_refusal(call.exception) else RequestOutcome.MODEL_CRASHED
    if 200 <= status < 300 and (call is None or call.exception is None):
        return RequestOutcome.PREDICTED
    if 400 <= status < 500 and call is None:
        return RequestOutcome.REJECTED
    return RequestOutcome.SERVER_ERROR


def is_refusal(exception: RaisedException) -> bool:
    """Tell whether a model raised on purpose, and with a type that is no accident."""
    bases = _bases(exception)
    kind, module, message = exception.type, exception.module, exception.message
    if is_native_accident(kind, module, message):
        return False
    if bases & ACCIDENTS:
        return _is_refusal_of_bytes(exception, bases)
    if exception.is_deliberate:
        return True
    file = str(exception.last_frame.get("file", ""))
    return not bases & OVERFLOWS and is_native_refusal(kind, module, message, file)


def is_overflow(exception: RaisedException) -> bool:
    """Tell whether arithmetic on the ends of a type overflowed."""
    if _bases(exception) & OVERFLOWS:
        return True
    return any(exception.type == kind and words.search(exception.message) for kind, words in UNNAMED_OVERFLOWS)


def _bases(exception: RaisedException) -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in exception.mro)


def _is_refusal_of_bytes(exception: RaisedException, bases: frozenset[str]) -> bool:
    """Tell whether a decoder raised, itself, for the bytes; a file that it cannot open, the interpreter raises for."""
    file = str(exception.last_frame.get("file", "")).replace("\\", "/")
    return exception.is_deliberate and "OSError" in bases and any(folder in file for folder in DECODER_FOLDERS)
