"""Turns an exception into a record of plain data."""

from __future__ import annotations

import dis
import os
import traceback
from types import TracebackType
from typing import Optional

from .outgoing import name_of_type
from .values import ExceptionRecord, SourceLocation

_RAISE = dis.opmap["RAISE_VARARGS"]
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MESSAGE_CHARS = 10_000  # models put whole tables into messages
_TRACEBACK_CHARS = 50_000


def describe_exception(error: BaseException) -> ExceptionRecord:
    """Return what there is to know of an exception, this package's own frames left out."""
    trace = _without_own_frames(error.__traceback__)
    last = _last(trace)
    kind = type(error)
    return ExceptionRecord(
        type=kind.__qualname__,
        module=kind.__module__,
        mro_names=tuple(name_of_type(base) for base in kind.__mro__ if base is not object),
        message=_shortened(_message_of(error), _MESSAGE_CHARS),
        traceback=_shortened(_text_of(error, trace), _TRACEBACK_CHARS),
        deliberate=last is not None and _stands_on_raise(last),
        last_frame=None if last is None else _location_of(last),
    )


def _without_own_frames(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OWN_FOLDER):
        trace = trace.tb_next
    return trace


def _last(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _stands_on_raise(trace: TracebackType) -> bool:
    """Tell whether a frame stands on a `raise` statement; frames of compiled extensions have no such bytecode."""
    code = trace.tb_frame.f_code.co_code
    return 0 <= trace.tb_lasti < len(code) and code[trace.tb_lasti] == _RAISE


def _location_of(trace: TracebackType) -> SourceLocation:
    code = trace.tb_frame.f_code
    return SourceLocation(code.co_filename, trace.tb_lineno or 0, getattr(code, "co_qualname", code.co_name))


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # a broken __str__ must not hide the exception
        return "<its str raised {}>".format(type(broken).__name__)


def _text_of(error: BaseException, trace: Optional[TracebackType]) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, trace))
    except Exception as broken:  # likewise, for what the traceback module looks at
        return "<formatting the traceback raised {}>".format(type(broken).__name__)


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return "{}\n… {:,} characters left out …\n{}".format(text[:half], len(text) - 2 * half, text[-half:])
