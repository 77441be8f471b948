"""Tells the spy behind somebody else's application, ASGI or WSGI, which request is being answered."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, Iterable, List, Tuple

from .spy import request_id

HEADER = b"x-modelserve-request-id"

VARIABLE = "HTTP_" + HEADER.decode("ascii").upper().replace("-", "_")  # the same in WSGI

Application = Callable[..., Awaitable[None]]


class NamedRequests:
    """An application that puts the id of each request where the spy finds it, and changes nothing.

    It is no middleware of a framework: those may run the application in a task whose context the model does not see.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request, or take part in the start and the end of the server."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        token = request_id.set(_id_in(scope["headers"]))
        try:
            await self._application(scope, receive, send)
        finally:
            request_id.reset(token)


class NamedWsgiRequests:
    """The same for a WSGI application, which calls the model before it returns the answer."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: Dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        token = request_id.set(environ.get(VARIABLE, ""))
        try:
            return self._application(environ, start_response)
        finally:
            request_id.reset(token)


def _id_in(headers: List[Tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == HEADER), "")
