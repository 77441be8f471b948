"""The spy: sees what reaches the model's predict function and what comes out of it, and records both exactly.

What predict is given is written down before the call, because a model may change it; what it returned, before
anything else looks at it.
"""

from __future__ import annotations

import os
import time
from contextvars import ContextVar
from typing import Any, Dict, Mapping, Optional, Tuple

from .calls import Call, CallLog
from .exact import encode_contents
from .modules import ModuleLog
from .raised import describe_exception
from .values import ExceptionRecord

request_id: "ContextVar[Optional[str]]" = ContextVar("modelserve_request_id", default=None)
"""The id of the request that is being answered, set by whoever wraps the server; None where nobody does."""


class Spy:
    """Watches the calls of one model.

    Args:
        log: Takes the records of calls.
        calls_file: Where `log` writes; the modules are recorded beside it, in `modules.jsonl`. Empty for nowhere.
        left_out: A folder whose modules are not recorded, beside our own.
        model_dir: The model directory, of whose modules it is recorded what they import.
    """

    def __init__(self, log: CallLog, calls_file: str, left_out: str = "", model_dir: str = "") -> None:
        self._log = log
        modules_file = os.path.join(os.path.dirname(calls_file), "modules.jsonl")
        self._modules = ModuleLog(modules_file, left_out, model_dir) if calls_file else None

    def note_loaded(self, model: Any = None) -> None:
        """Record the modules that are there when the model is loaded, and what its functions out of a pickle import."""
        self.note_modules("load", model)

    def note_modules(self, phase: str, model: Any = None) -> None:
        """Record the modules that came since."""
        if self._modules is None:
            return
        try:
            self._modules.note(phase, model)
        except OSError as error:
            self._log.break_off(self._modules.path, error)

    def watch(self, identity: Optional[str], *, is_kept: bool) -> "WatchedCall":
        """Return the record of a call that begins now.

        Args:
            identity: The id of its request; None where nobody can say.
            is_kept: Whether its contents are recorded.
        """
        return WatchedCall(self, self._log, identity, is_kept=is_kept and self._log.keeps_contents)


class WatchedCall:
    """The record of one call while it lasts; the time that the record itself takes does not count."""

    def __init__(self, spy: Spy, log: CallLog, identity: Optional[str], *, is_kept: bool) -> None:
        self._spy = spy
        self._log = log
        self._identity = identity
        self._is_kept = is_kept
        self.number: int = log.next_number()
        self._received = b""
        self._started = time.perf_counter()

    def note_received(self, data: Any, params: Optional[Mapping[str, Any]], *, has_params: bool) -> None:
        """Write down what predict is about to be given; without params where it takes none."""
        if not self._is_kept:
            return
        paused = time.perf_counter()
        contents: Dict[str, Any] = {"data": data}
        if has_params:
            contents["params"] = params
        self._received = encode_contents(contents)
        self._started += time.perf_counter() - paused

    def note_returned(self, value: Any) -> float:
        """Record that predict returned, and return the seconds that it took."""
        elapsed_s = time.perf_counter() - self._started
        returned = encode_contents({"value": value}) if self._is_kept else b""
        self._end(Call(self._identity, self.number, elapsed_s), returned)
        return elapsed_s

    def note_raised(self, error: BaseException) -> Tuple[ExceptionRecord, float]:
        """Record that predict raised, and return what, and the seconds that it took."""
        elapsed_s = time.perf_counter() - self._started
        record = describe_exception(error)
        self._end(Call(self._identity, self.number, elapsed_s, record), b"")
        return record, elapsed_s

    def _end(self, call: Call, returned: bytes) -> None:
        self._spy.note_modules("predict")
        self._log.append(call, self._received, returned)
