"""Records each call of the model as one JSON line, so that a check knows what the model did with a request."""

from __future__ import annotations

import itertools
import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, Optional

from .store import GrowingFile, print_error
from .values import ExceptionRecord


@dataclass(frozen=True)
class Call:
    """One call of the model.

    Attributes:
        id: The request id that came with it; None where nobody could say.
        number: Its place among the calls of this process, from 1, in the order in which they began.
        elapsed_s: How long it took.
        exception: What it raised, None where it returned.
    """

    id: Optional[str]
    number: int
    elapsed_s: float
    exception: Optional[ExceptionRecord] = None


class CallLog:
    """Appends call records to a file that others may read meanwhile.

    The contents of calls stand in a file beside it, `calls.bin` for `calls.jsonl`, to which the lines point. A write
    that fails changes no answer: it is told once on standard error, and by a line with the key `broken`.

    Args:
        path: The file; it is made where there is none. Empty for no records.
    """

    def __init__(self, path: str) -> None:
        self._lines = GrowingFile(path) if path else None
        self._contents = GrowingFile(os.path.splitext(path)[0] + ".bin")
        self._numbers = itertools.count(1)
        self._broken = ""
        self._breaking = threading.Lock()
        if self._lines is not None:
            self._lines.append(b"")  # a file that cannot be made ends the start, not a request

    @property
    def keeps_contents(self) -> bool:
        """Return whether contents would be written."""
        return self._lines is not None and not self._broken

    def next_number(self) -> int:
        """Return the number of a call that begins now."""
        return next(self._numbers)

    def append(self, call: Call, received: bytes = b"", returned: bytes = b"") -> None:
        """Write the record of a call that ended, in one write, so that lines of several threads never mix.

        Args:
            call: The call.
            received: The contents that it was given, data and params; empty where they are not kept.
            returned: The contents that it returned; likewise.
        """
        if self._lines is None:
            return
        document = _as_document(call)
        document.update(self._placed(received, returned))
        try:
            self._lines.append(json.dumps(document).encode("ascii") + b"\n")
        except OSError as error:
            self.break_off(self._lines.path, error)

    def break_off(self, path: str, error: OSError) -> None:
        """Tell that the records are no longer complete, once."""
        with self._breaking:
            if self._broken or self._lines is None:
                return
            self._broken = "{} cannot be written: {}".format(os.path.basename(path), error)
            print_error("modelserve: the record of calls is broken: {}\n".format(self._broken))
            mark = b"\n" + json.dumps({"id": None, "broken": self._broken}).encode("ascii") + b"\n"
            try:
                self._lines.append(mark)
            except OSError:  # a full disk: the contents, which nobody will trust any more, make room for the mark
                self._contents.clear()
                with suppress(OSError):  # it stands on standard error
                    self._lines.append(mark)

    def _placed(self, received: bytes, returned: bytes) -> Dict[str, Any]:
        """Write contents and return where they stand."""
        if not (received or returned) or self._broken:
            return {"received": None, "returned": None}
        try:
            start = self._contents.append(received + returned)
        except OSError as error:
            self.break_off(self._contents.path, error)
            return {"received": None, "returned": None}
        return {"received": _place(start, received), "returned": _place(start + len(received), returned)}


def _place(offset: int, contents: bytes) -> Optional[Dict[str, int]]:
    return {"offset": offset, "length": len(contents)} if contents else None


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
