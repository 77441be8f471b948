"""Records each call of the model as one JSON line, so that a check knows what the model did with a request."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass
from typing import Any, Dict, Optional

from .values import ExceptionRecord


@dataclass(frozen=True)
class Call:
    """One call of the model.

    Attributes:
        id: The request id that came with it.
        number: Its place among the calls of this worker, from 1, in the order in which they began.
        elapsed_s: How long it took.
        exception: What it raised, None where it returned.
    """

    id: str
    number: int
    elapsed_s: float
    exception: Optional[ExceptionRecord] = None


class CallLog:
    """Appends call records to a file that others may read meanwhile.

    Args:
        path: The file; it is made where there is none. Empty for no records.
    """

    def __init__(self, path: str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600) if path else None
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """Return the number of a call that begins now."""
        return next(self._numbers)

    def append(self, call: Call) -> None:
        """Write the record of a call that ended, in one write, so that lines of several threads never mix."""
        if self._file is not None:
            os.write(self._file, json.dumps(_as_document(call)).encode("ascii") + b"\n")


def _as_document(call: Call) -> Dict[str, Any]:
    return {
        "id": call.id,
        "call": call.number,
        "outcome": "returned" if call.exception is None else "raised",
        "elapsed_s": call.elapsed_s,
        "exception": None if call.exception is None else as_document(call.exception),
    }


def as_document(record: ExceptionRecord) -> Dict[str, Any]:
    """Return an exception record as a JSON object."""
    frame = record.last_frame
    return {
        "type": record.type,
        "module": record.module,
        "mro": list(record.mro_names),
        "message": record.message,
        "traceback": record.traceback,
        "deliberate": record.deliberate,
        "last_frame": None if frame is None else {"file": frame.file, "line": frame.line, "function": frame.function},
    }
