"""Reads out of an error what the model raised, where no spy has seen it: servers tell more or less of it."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping
from typing import Final

from ..client import Invocation
from .calls import Call, RaisedException

_BY_US: Final = re.compile(r"The model raised (?P<type>\w+)")
_DECIDED_BY: Final = "x-modelserve-decided-by"
_BY_MLFLOW: Final = "unexpected error while evaluating the model"  # any other error is of its parser or its schema
_FRAME: Final = re.compile(
    r'^  File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<function>.+)\n(?:    (?P<source>.*)\n)?', re.MULTILINE
)
_END: Final = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?\Z", re.MULTILINE | re.DOTALL)


def told_call(invocation: Invocation) -> Call | None:
    """Return the call of the model that an error tells of, or None where it tells of none.

    Our server names the type alone, so that nothing is known of a `raise` statement: it is then taken for one, since
    a type that is an accident counts as such in any case. MLflow's adds the traceback.
    """
    document = _document(invocation)
    message = str(document.get("message", ""))
    found = _BY_US.match(_said_by_us(invocation, document))
    if found:
        return _as_call(invocation, found["type"], "", "", is_deliberate=True)
    trace = document.get("stack_trace")
    if _BY_MLFLOW not in message or not isinstance(trace, str):
        return None
    frames = list(_FRAME.finditer(trace))
    last = frames[-1] if frames else None
    end = _END.search(trace.rstrip(), 0 if last is None else last.end())
    if end is None:
        return None
    is_deliberate = last is not None and (last["source"] or "").lstrip().startswith("raise")
    frame = {} if last is None else {"file": last["file"], "line": int(last["line"]), "function": last["function"]}
    said = end["message"] or ""
    return _as_call(invocation, end["type"], trace, said, is_deliberate=is_deliberate, last_frame=frame)


def _said_by_us(invocation: Invocation, document: Mapping[str, object]) -> str:
    """Return what our server says of an exception; the Open Inference Protocol (V2) has no code beside the text."""
    if document.get("error_code") == "MODEL_ERROR":
        return str(document.get("message", ""))
    is_of_v2 = "error_code" not in document and invocation.headers.get(_DECIDED_BY) == "model"
    return str(document.get("error", "")) if is_of_v2 else ""


def _as_call(
    invocation: Invocation,
    name: str,
    trace: str,
    message: str,
    *,
    is_deliberate: bool,
    last_frame: Mapping[str, object] | None = None,
) -> Call:
    module, _, kind = name.rpartition(".")
    known = getattr(builtins, kind, None) if not module else None
    bases = known.__mro__ if isinstance(known, type) and issubclass(known, BaseException) else ()
    raised = RaisedException(
        type=kind,
        module=module or "builtins",
        mro=tuple(f"{base.__module__}.{base.__qualname__}" for base in bases) or (name,),
        message=message,
        traceback=trace,
        is_deliberate=is_deliberate,
        last_frame=last_frame or {},
    )
    return Call(request_id=invocation.request_id, elapsed_s=invocation.elapsed_s, exception=raised)


def _document(invocation: Invocation) -> Mapping[str, object]:
    if invocation.status is None or invocation.status < 400:
        return {}
    try:
        document = json.loads(invocation.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
