"""Reads what the model's own process wrote of each call: was it reached, and did it return or raise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedException:
    """What the model raised.

    Attributes:
        type: The class's name.
        module: Where the class is defined.
        mro: Qualified names of the class and its bases.
        message: Its text.
        traceback: As Python prints it.
        is_deliberate: Whether the last frame stood on a `raise` statement in Python code.
        last_frame: file, line and function of that frame.
    """

    type: str
    module: str
    mro: tuple[str, ...]
    message: str
    traceback: str
    is_deliberate: bool
    last_frame: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the model."""

    request_id: str
    elapsed_s: float
    exception: RaisedException | None


class CallLog:
    """The calls of one running server, read as they are written.

    A line is complete before the answer leaves the server, so after an answer its call is there or never will be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._calls: dict[str, Call] = {}

    def find(self, request_id: str) -> Call | None:
        """Return the call that a request led to, or None where the model was not reached."""
        if request_id not in self._calls:
            self._read_on()
        return self._calls.pop(request_id, None)

    def _read_on(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            written = file.read()
        complete = written[: written.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            document = json.loads(line)
            if document["id"] is not None:
                self._calls[document["id"]] = _as_call(document)


def _as_call(document: Mapping[str, object]) -> Call:
    raised = document["exception"]
    return Call(
        request_id=str(document["id"]),
        elapsed_s=float(str(document["elapsed_s"])),
        exception=_as_exception(raised) if isinstance(raised, dict) else None,
    )


def _as_exception(raised: Mapping[str, object]) -> RaisedException:
    frame, mro = raised["last_frame"], raised["mro"]
    return RaisedException(
        type=str(raised["type"]),
        module=str(raised["module"]),
        mro=tuple(str(name) for name in mro) if isinstance(mro, list) else (),
        message=str(raised["message"]),
        traceback=str(raised["traceback"]),
        is_deliberate=bool(raised["deliberate"]),
        last_frame=frame if isinstance(frame, dict) else {},
    )
