"""A layer around the scoring application that reads a request whole, may change it, and may change the answer.

Without a change it is invisible: the healthy twin of every faulty server is the application behind this layer.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"
App: TypeAlias = "Callable[[Message, Receive, Send], Awaitable[None]]"

PREDICT: Final = "/invocations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body, parsed; None where it is no JSON."""
        return parsed(self.body)

    def saying(self, document: Any, **changes: Any) -> Reply:
        """Return the same with another body, as Python writes JSON: NaN included."""
        return replace(self, body=json.dumps(document).encode(), **changes)

    def with_predictions(self, change: Callable[[Any], Any]) -> Reply:
        """Return the same with other predictions, itself where there are none."""
        document = self.document
        if self.status != 200 or not isinstance(document, dict) or "predictions" not in document:
            return self
        return self.saying({**document, "predictions": change(document["predictions"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, read whole; headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """Return the body, parsed; None where it is no JSON."""
        return parsed(self.body)

    def saying(self, document: Any) -> Asked:
        """Return the same with another body, which is no shorter: what is too long stays so."""
        return replace(self, body=json.dumps(document).encode().ljust(len(self.body)))


class Lost(Exception):
    """Raised where a server is to break the connection instead of answering."""


@dataclass(slots=True)
class Fault:
    """What a faulty server does otherwise; this one does nothing otherwise.

    Attributes:
        kept: What it remembers.
    """

    kept: dict[Any, Any] = field(default_factory=dict)

    async def before(self, asked: Asked) -> Asked | Reply:
        """Return what the application is to be asked, or the answer that it does not get to give.

        Raises:
            Lost: The connection is to break.
        """
        return asked

    async def after(self, asked: Asked, reply: Reply) -> Reply:
        """Return what is answered in place of what the application said."""
        return reply


class Layer:
    """The application behind a fault."""

    def __init__(self, app: App, fault: Fault) -> None:
        self._app = app
        self._fault = fault

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, is_whole = await _read(receive)
        if not is_whole:  # the client went away
            return
        asked = Asked(method=scope["method"], path=scope["path"], headers=_texts(scope["headers"]), body=body)
        try:
            changed = await self._fault.before(asked)
        except Lost:
            await _break(send)
            return
        reply = changed if isinstance(changed, Reply) else await self._asked(scope, changed)
        await _send(send, await self._fault.after(asked, reply), has_body=asked.method != "HEAD")

    async def _asked(self, scope: Message, asked: Asked) -> Reply:
        waiting: list[Message] = [{"type": "http.request", "body": asked.body, "more_body": False}]
        said: list[Message] = []

        async def receive() -> Message:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message)

        await self._app({**scope, "headers": _with_length(scope["headers"], len(asked.body))}, receive, send)
        body = b"".join(message.get("body", b"") for message in said[1:])
        return Reply(status=said[0]["status"], headers=_texts(said[0]["headers"]), body=body)


def parsed(body: bytes) -> Any:
    """Return a body as JSON, None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


async def _read(receive: Receive) -> tuple[bytes, bool]:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body), False
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body), True


async def _send(send: Send, reply: Reply, *, has_body: bool) -> None:
    named = {**reply.headers, **({"content-length": str(len(reply.body))} if has_body else {})}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body if has_body else b""})


async def _break(send: Send) -> None:
    """Promise a body and give none, upon which the server closes the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


def _texts(headers: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _with_length(headers: Any, length: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() not in {b"content-length", b"transfer-encoding"}]
    return [*kept, (b"content-length", str(length).encode())]
