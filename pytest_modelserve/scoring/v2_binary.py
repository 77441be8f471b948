"""The binary extension of the Open Inference Protocol (V2): tensors as bytes behind the JSON, the default of clients.

The header `Inference-Header-Content-Length` tells where the JSON ends; what follows are the tensors that say
`binary_data_size`, one after the other: numbers in little-endian order, a byte for each boolean, and for each text its
length as 32 bits and then its UTF-8. Elements mean what they mean in JSON: a binary column is base64 here, too.

Source: Triton's `extension_binary_data.md`, which KServe follows.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from .errors import NotParsed, excerpt
from .v2_datatypes import Datatype

EXTENSION: Final = "binary_tensor_data"
BINARY_HEADER: Final = "Inference-Header-Content-Length"
OCTETS: Final = "application/octet-stream"  # of a body that is not JSON alone
BINARY_SIZE: Final = "binary_data_size"
_LITTLE_ENDIAN: Final = "<"
_LENGTH: Final = struct.Struct("<I")
_SIZE: Final = re.compile(r"[0-9]{1,19}")


def split_body(body: bytes, declared: Sequence[str]) -> tuple[bytes, bytes]:
    """Return the JSON of a request and what stands behind it.

    Args:
        body: The whole.
        declared: Every header that tells where the JSON ends.

    Raises:
        NotParsed: It ends nowhere in the body.
    """
    if not declared:
        return body, b""
    size, *more = declared
    if more or not _SIZE.fullmatch(size) or int(size) > len(body):
        told = f"is {excerpt(', '.join(declared))}, not a number of bytes up to the {len(body)} of the body"
        raise NotParsed(f"{BINARY_HEADER} {told}")
    return body[: int(size)], body[int(size) :]


class BinaryTail:
    """What stands behind the JSON, taken tensor by tensor.

    Args:
        content: All of it.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, size: object, what: str) -> bytes:
        """Return the bytes of the next tensor.

        Raises:
            NotParsed: There are not so many.
        """
        if type(size) is not int or size < 0:
            raise NotParsed(f"{what} must have a number of bytes for its {BINARY_SIZE}, not {excerpt(size)}")
        found = self._content[self._at : self._at + size]
        if len(found) < size:
            raise NotParsed(f"{what} says that it has {size} bytes behind the JSON; there are {len(found)} left")
        self._at += size
        return found

    def require_end(self) -> None:
        """Make sure that every byte belongs to a tensor.

        Raises:
            NotParsed: There are more.
        """
        if left := len(self._content) - self._at:
            raise NotParsed(f"Behind the JSON there are {left} bytes more than the tensors say")


def read_elements(datatype: Datatype, content: bytes, what: str) -> list[Any]:
    """Return the elements of a tensor as JSON has them.

    Raises:
        NotParsed: The bytes are not those of whole elements.
    """
    if datatype is Datatype.BYTES:
        return _read_texts(content, what)
    if len(content) % datatype.dtype.itemsize:
        raise NotParsed(f"{what} has {len(content)} bytes, which are no whole elements of {datatype.value}")
    if datatype is Datatype.BOOL:
        if content.strip(b"\x00\x01"):
            raise NotParsed(f"{what} has a byte that is neither 0 nor 1, and no BOOL")
        return [byte == 1 for byte in content]
    values: list[Any] = np.frombuffer(content, dtype=datatype.dtype.newbyteorder(_LITTLE_ENDIAN)).tolist()
    return values


def _read_texts(content: bytes, what: str) -> list[Any]:
    texts: list[Any] = []
    at = 0
    while at < len(content):
        start = at + _LENGTH.size
        length = _LENGTH.unpack_from(content, at)[0] if start <= len(content) else len(content)
        at = start + length
        if at > len(content):
            raise NotParsed(f"{what}, element {len(texts)}, ends beyond the bytes of its tensor")
        texts.append(_as_text(content[start:at], f"{what}, element {len(texts)},"))
    return texts


def _as_text(content: bytes, what: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise NotParsed(f"{what} is not UTF-8; a binary column takes base64") from None


def write_elements(datatype: Datatype, data: Sequence[Any] | np.ndarray[Any, np.dtype[Any]]) -> bytes | None:
    """Return the elements of an output as bytes; None where only JSON can tell them.

    Null has no bytes but as NaN, and a number below the least normal one of its datatype may have too few of them.
    """
    if datatype.dtype.kind == "f":
        return _write_floats(datatype.dtype, np.asarray(data, dtype="f8"))
    if None in data:
        return None
    if datatype is not Datatype.BYTES:
        return np.array(data, dtype=datatype.dtype.newbyteorder(_LITTLE_ENDIAN)).tobytes()
    texts = [text.encode(errors="surrogatepass") for text in data]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))


def _write_floats(dtype: np.dtype[Any], floats: np.ndarray[Any, np.dtype[Any]]) -> bytes | None:
    """Return the nearest floats as bytes; None where one is not even near: 1e-50 as a float32 is 0."""
    with np.errstate(under="ignore"):
        cells = floats.astype(dtype.newbyteorder(_LITTLE_ENDIAN))
    is_far = (cells != floats) & (np.abs(floats) < np.finfo(dtype).tiny)
    return None if is_far.any() else cells.tobytes()
