"""Sends one request again and again over a kept connection, with as little of our own time and memory as can be.

It bears no request id, so that servers record nothing of it.
"""

from __future__ import annotations

import http.client
from types import TracebackType
from urllib.parse import urlsplit

from .exchange import PREDICT_PATH


class BareConnection:
    """A connection that sends one body.

    Args:
        base_url: Of the server, such as `http://127.0.0.1:5000`.
        body: Of each request.
        content_type: Of the body; None sends none.
        timeout_s: For each answer.
    """

    def __init__(self, base_url: str, body: bytes, content_type: str | None, *, timeout_s: float) -> None:
        parts = urlsplit(base_url)
        self._path = parts.path.rstrip("/") + PREDICT_PATH
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
        self._body = body
        self._headers = {} if content_type is None else {"Content-Type": content_type}

    def send(self) -> int | None:
        """Send the request, wait for the whole answer, and return its status; None where none came."""
        try:
            self._connection.request("POST", self._path, self._body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request opens another
            return None
        return answer.status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> BareConnection:  # noqa: PYI034 # typing.Self is younger than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
