"""Reads what the model's own process wrote of each call: was it reached, did it return or raise, and what exactly."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import ServerError
from .record_reader import RecordError, read_contents


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


class Contents:
    """A value that the spy recorded, read from its file when it is asked for, or none.

    Args:
        block: Where it stands, None where nothing was recorded.
        name: Under which name in that block.
    """

    def __init__(self, block: _Block | None = None, name: str = "") -> None:
        self._block = block
        self._name = name

    @property
    def is_recorded(self) -> bool:
        """Return whether there is a value: the model may well have returned None."""
        return self._block is not None and self._name in self._block.values

    @property
    def value(self) -> object:
        """Return the value, see `recorded`.

        Raises:
            LookupError: Nothing was recorded; ask `is_recorded` before.
            ServerError: The record is broken.
        """
        if self._block is None:
            raise LookupError("of this call no contents were recorded")
        return self._block.values[self._name]


NO_CONTENTS: Final = Contents()
_TAIL_BYTES: Final = 1 << 16  # a line is far shorter, but for a long traceback; then all is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the model.

    Attributes:
        request_id: The id of the request that led to it; empty where the server could not say.
        elapsed_s: How long predict took.
        exception: What it raised, or None.
        number: Its place among the calls of its process, from 1.
        received: The data that predict was given.
        params: The params that it was given; not recorded where it takes none.
        returned: What it returned; not recorded where it raised.
    """

    request_id: str
    elapsed_s: float
    exception: RaisedException | None
    number: int = 0
    received: Contents = field(default=NO_CONTENTS, compare=False, repr=False)
    params: Contents = field(default=NO_CONTENTS, compare=False, repr=False)
    returned: Contents = field(default=NO_CONTENTS, compare=False, repr=False)


class CallLog:
    """The calls of one running server, read as they are written.

    A line is complete before the answer leaves the server, so after an answer its call is there or never will be.

    Args:
        path: Of the record.
        is_from_now: Whether only the calls from now on are wanted: the record of a server that has answered thousands
            of requests takes long to read.
    """

    def __init__(self, path: Path, *, is_from_now: bool = False) -> None:
        self._path = path
        self._offset = _end_of_lines(path) if is_from_now else 0
        self._calls: dict[str, Call] = {}
        self._unnamed: list[Call] = []
        self._contents: _ContentsFile | None = None

    def find(self, request_id: str) -> Call | None:
        """Return the call that a request led to, or None where the model was not reached.

        Raises:
            ServerError: The model's process could not write what it did.
        """
        if request_id not in self._calls:
            self._read_on()
        return self._calls.pop(request_id, None)

    def take_unnamed(self) -> list[Call]:
        """Return the calls since the last time whose request the server could not name, in the order of their end.

        Raises:
            ServerError: The model's process could not write what it did.
        """
        self._read_on()
        taken, self._unnamed = self._unnamed, []
        return taken

    def _read_on(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            written = file.read()
        complete = written[: written.rfind(b"\n") + 1]
        documents = [self._parse(line) for line in complete.splitlines() if line]
        self._offset += len(complete)  # a broken record is told each time
        for document in documents:
            if document["id"] is None:
                self._unnamed.append(self._as_call(document))
            else:
                self._calls[str(document["id"])] = self._as_call(document)

    def _parse(self, line: bytes) -> dict[str, object]:
        try:
            document: dict[str, object] = json.loads(line)
        except ValueError:
            raise self._broken(f"a line that is no JSON: {line[:200]!r}") from None
        if "broken" in document:
            raise self._broken(str(document["broken"]))
        return document

    def _broken(self, reason: str) -> ServerError:
        return ServerError(
            "the record of the model's calls is broken, so that nothing can be said of them",
            facts={"record": self._path, "reason": reason},
            fix="Make room where the server runs, or see in its log why it could not write.",
        )

    def _as_call(self, document: Mapping[str, object]) -> Call:
        raised = document["exception"]
        received, returned = self._block(document.get("received")), self._block(document.get("returned"))
        number = document.get("call")
        return Call(
            request_id=str(document["id"] or ""),
            elapsed_s=float(str(document["elapsed_s"])),
            exception=_as_exception(raised) if isinstance(raised, dict) else None,
            number=number if isinstance(number, int) else 0,
            received=Contents(received, "data"),
            params=Contents(received, "params"),
            returned=Contents(returned, "value"),
        )

    def _block(self, place: object) -> _Block | None:
        if not isinstance(place, dict):
            return None
        if self._contents is None:
            try:
                self._contents = _ContentsFile(self._path.with_suffix(".bin"))
            except OSError as error:
                raise self._broken(f"{error.strerror}: {error.filename}") from error
        return _Block(self._contents, place["offset"], place["length"])


def _end_of_lines(path: Path) -> int:
    """Return where the last complete line of a file ends."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        start = max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0)
        file.seek(start)
        tail = file.read()
    end = tail.rfind(b"\n") + 1
    return start + end if end else 0


class _ContentsFile:
    """The file of contents, kept open: a server that is replaced takes its directory with it, but not the evidence."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)

    def read(self, offset: int, length: int) -> bytes:
        found = os.pread(self._file, length, offset)
        if len(found) < length:
            raise RecordError(f"expected {length} bytes at {offset}, got {len(found)}")
        return found


class _Block:
    """The contents of one side of a call, decoded at most once."""

    def __init__(self, file: _ContentsFile, offset: int, length: int) -> None:
        self._file = file
        self._place = (offset, length)
        self._values: dict[str, object] | None = None

    @property
    def values(self) -> dict[str, object]:
        if self._values is None:
            try:
                self._values = read_contents(self._file.read(*self._place))
            except RecordError as error:
                raise ServerError(
                    "what the model was given or returned cannot be read from its record",
                    facts={"record": self._file.path, "reason": error},
                ) from error
        return self._values


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
