"""What arrives with a request besides its data: the body up to a limit, and the caller's id for it."""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from .errors import DecidedBy, ErrorCode, NotParsed, ScoringError, excerpt

REQUEST_ID_HEADER: Final = "X-Modelserve-Request-Id"
REQUEST_ID_PATTERN: Final = r"[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?"
_REQUEST_ID: Final = re.compile(REQUEST_ID_PATTERN)
_DRAINED: Final = 16  # times the limit: a client that is cut off while it sends cannot read why


class BodyTooLarge(ScoringError):
    """Report a body longer than the server reads."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            ErrorCode.REQUEST_TOO_LARGE, f"The body is longer than {limit} bytes", decided_by=DecidedBy.SERVER
        )


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; what is beyond the limit is read and thrown away, so that the answer arrives.

    Raises:
        BodyTooLarge: It is longer than `limit` bytes.
        ClientDisconnect: The client went away.
    """
    parts: list[bytes] = []
    n_bytes = 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes <= limit:
            parts.append(part)
        else:
            parts.clear()
        if n_bytes > limit * _DRAINED:
            break
    if n_bytes > limit:
        raise BodyTooLarge(limit)
    return b"".join(parts)


def read_request_id(headers: Headers) -> str:
    """Return the caller's id for the request, empty where it gives none.

    Raises:
        NotParsed: There are several, or it is not printable ASCII of at most 128 characters.
    """
    found = headers.getlist(REQUEST_ID_HEADER)
    if not found:
        return ""
    request_id, *others = found
    if others or not _REQUEST_ID.fullmatch(request_id):
        raise NotParsed(f"{REQUEST_ID_HEADER} must be 1 to 128 printable ASCII characters, not {excerpt(request_id)}")
    return request_id
