"""The protocol between front and worker: messages over a stream socket, each a prefix, a JSON header and raw buffers.

Prefix: magic, header length, body length. Header: the number and sizes of the buffers, then JSON. Body: the buffers
one after the other, each padded to 16 bytes. Nothing is pickled, so neither side runs what the other sent.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, fields
from typing import Any, BinaryIO, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from .trees import Buffer, TreeError, TreeWriter, as_json, parse_json, refuse_foreign
from .values import (
    ColumnValue,
    ExceptionRecord,
    Missing,
    OpaqueValue,
    SeriesValue,
    SourceLocation,
    Storage,
    TableValue,
    TimestampValue,
)

__all__ = [
    "PREFIX_BYTES",
    "ColumnValue",
    "ExceptionRecord",
    "FrameError",
    "LibraryMissing",
    "LoadFailed",
    "Message",
    "Missing",
    "OpaqueValue",
    "PredictRequest",
    "Predictions",
    "Raised",
    "Ready",
    "SeriesValue",
    "SourceLocation",
    "Storage",
    "TableValue",
    "TimestampValue",
    "TreeError",
    "Unencodable",
    "decode_message",
    "encode_message",
    "parse_prefix",
    "read_message",
]

_MAGIC = b"MSF1"
_PREFIX = struct.Struct("!4sIQ")
PREFIX_BYTES = _PREFIX.size
_ALIGNMENT = 16  # the widest item of numpy; arrays over the body are then aligned as numpy's own
_MAX_BODY_BYTES = 2**36  # 64 GiB: no message is that large, so such a length is noise
_MALFORMED = (  # what reading a broken header raises, one way or another
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)


class FrameError(Exception):
    """What came over the socket is no message of this protocol."""


class LibraryMissing(Exception):
    """A message holds arrays, and its reader has no numpy to hold them.

    Attributes:
        seq: The message's number.
        id: The second field of the message: of a request, its id.
        name: The module that is missing.
    """

    def __init__(self, seq: int, id: str, name: str) -> None:  # noqa: A002
        super().__init__("the request carries arrays, and the model's environment has no {}".format(name))
        self.seq = seq
        self.id = id
        self.name = name


@dataclass(frozen=True, eq=False)
class PredictRequest:
    """Ask the worker for one prediction.

    Attributes:
        seq: A number that no other request on this socket has; the answer repeats it.
        id: The caller's request id, written into the call record; empty where the caller gave none.
        data: What the model shall receive: a `TableValue` becomes a `pandas.DataFrame`; a numpy array, a dict of
            them, and lists, dicts and scalars arrive as they are.
        params: The inference parameters with their defaults filled in, or None.
    """

    seq: int
    id: str
    data: Any
    params: Optional[Mapping[str, Any]] = None


@dataclass(frozen=True, eq=False)
class Ready:
    """Tell that the model is loaded.

    Attributes:
        python_version: Of the worker's interpreter, such as `3.11.7`.
        versions: Distribution name to version, for those of numpy, pandas and mlflow that the model loaded.
        elapsed_s: How long loading took.
    """

    python_version: str
    versions: Mapping[str, str]
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class LoadFailed:
    """Tell that loading the model raised; the worker exits after it.

    Attributes:
        exception: What was raised.
        missing_module: The module that could not be found, where that was the cause.
    """

    exception: ExceptionRecord
    missing_module: Optional[str] = None


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answer what the model returned.

    Attributes:
        seq: That of the request.
        value: None, bool, int, float, str, bytes, date, time, datetime, tuple, list, dict (keys of any type), numpy
            arrays and scalars, and the neutral values: a data frame is a `TableValue`, a series a `SeriesValue`,
            what has no form an `OpaqueValue`, wherever in the answer they stand.
        type_name: Module and qualified name of the type of the whole, such as `pandas.core.frame.DataFrame`.
        elapsed_s: How long `predict` took.
    """

    seq: int
    value: Any
    type_name: str
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class Raised:
    """Answer that `predict` raised."""

    seq: int
    exception: ExceptionRecord
    elapsed_s: float


@dataclass(frozen=True, eq=False)
class Unencodable:
    """Answer that what the model returned cannot travel as a whole: nested too deep, holding itself.

    Attributes:
        seq: That of the request.
        type_name: Module and qualified name of the type of the whole.
        reason: Why, as the rest of a sentence that begins with the type's name.
        elapsed_s: How long `predict` took.
    """

    seq: int
    type_name: str
    reason: str
    elapsed_s: float


Message = Union[PredictRequest, Ready, LoadFailed, Predictions, Raised, Unencodable]

_KINDS: Dict[str, Type[Any]] = {
    "predict": PredictRequest,
    "ready": Ready,
    "load_failed": LoadFailed,
    "predictions": Predictions,
    "raised": Raised,
    "unencodable": Unencodable,
}
_NAMES: Dict[Type[Any], str] = {kind: name for name, kind in _KINDS.items()}
_FIELDS: Dict[Type[Any], Tuple[str, ...]] = {kind: tuple(f.name for f in fields(kind)) for kind in _NAMES}


def encode_message(message: Message, foreign: Callable[[Any], Any] = refuse_foreign) -> bytes:
    """Return the bytes of a message, prefix included.

    `foreign` turns a value of an unknown type into one that travels.

    Raises:
        TreeError: A value in it does not travel.
    """
    writer = TreeWriter(foreign)
    items = [writer.write(getattr(message, name)) for name in _FIELDS[type(message)]]
    text = as_json({"kind": _NAMES[type(message)], "items": items})
    sizes = [len(buffer) for buffer in writer.buffers]
    table = struct.pack("!I{}Q".format(len(sizes)), len(sizes), *sizes)
    parts: List[Buffer] = []
    for buffer, size in zip(writer.buffers, sizes):
        parts += (buffer, bytes(-size % _ALIGNMENT))
    body_bytes = sum(map(len, parts))
    return b"".join([_PREFIX.pack(_MAGIC, len(table) + len(text), body_bytes), table, text, *parts])


def parse_prefix(prefix: Buffer) -> Tuple[int, int]:
    """Return how many bytes of header and then of body follow a prefix.

    Raises:
        FrameError: It is no prefix.
    """
    magic, header_bytes, body_bytes = _PREFIX.unpack(prefix)
    if magic != _MAGIC or body_bytes > _MAX_BODY_BYTES:
        raise FrameError("expected a message, got bytes that begin with {!r}".format(bytes(prefix)))
    return header_bytes, body_bytes


def decode_message(header: Buffer, body: Buffer) -> Message:
    """Return the message of a header and a body.

    Arrays share the memory of `body`, and are writable where it is.

    Raises:
        FrameError: They are no message.
        LibraryMissing: It holds arrays, and numpy cannot be imported.
    """
    try:
        (count,) = struct.unpack_from("!I", header)
        sizes = struct.unpack_from("!{}Q".format(count), header, 4)
        text = bytes(memoryview(header)[4 + 8 * count :])
        document = _parse(text, _split(memoryview(body), sizes))
        message: Message = _KINDS[document["kind"]](*document["items"])
    except _MALFORMED as error:
        raise FrameError("a message that cannot be read: {!r}".format(error)) from error
    return message


def read_message(stream: BinaryIO) -> Optional[Message]:
    """Return the next message of a buffered, blocking stream, or None where it ended between two messages.

    Raises:
        FrameError: The stream holds something else, or ended within a message.
        LibraryMissing: It holds arrays, and numpy cannot be imported; the stream can be read on.
    """
    prefix = stream.read(PREFIX_BYTES)
    if not prefix:
        return None
    if len(prefix) < PREFIX_BYTES:
        raise FrameError("the stream ended within a message")
    header_bytes, body_bytes = parse_prefix(prefix)
    header = stream.read(header_bytes)
    body = bytearray(body_bytes)  # writable: a model may change what it is given
    # typeshed gives readinto to the classes of streams, not to BinaryIO
    if len(header) < header_bytes or stream.readinto(body) < body_bytes:  # type: ignore[attr-defined]
        raise FrameError("the stream ended within a message")
    return decode_message(header, body)


def _parse(text: bytes, buffers: List[Buffer]) -> Any:
    try:
        return parse_json(text, buffers)
    except ImportError as error:
        seq, identity = json.loads(text.decode("utf-8", "surrogatepass"))["items"][:2]
        raise LibraryMissing(seq, identity, error.name or "numpy") from error


def _split(body: memoryview, sizes: Sequence[int]) -> List[Buffer]:
    buffers: List[Buffer] = []
    start = 0
    for size in sizes:
        buffers.append(body[start : start + size])
        start += size + -size % _ALIGNMENT
    if start != len(body):
        raise ValueError("the buffers' sizes do not add up to the body")
    return buffers
