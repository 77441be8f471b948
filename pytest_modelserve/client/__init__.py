"""Send requests to a scoring server and read its answers."""

from __future__ import annotations

from .awaited import AsyncModelClient
from .clients import ModelClient
from .exchange import REQUEST_ID_HEADER
from .invocation import ErrorKind, ExchangeError, Invocation, Request

__all__ = [
    "REQUEST_ID_HEADER",
    "AsyncModelClient",
    "ErrorKind",
    "ExchangeError",
    "Invocation",
    "ModelClient",
    "Request",
]
