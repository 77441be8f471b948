"""The client that is awaited; all but the awaiting it shares with `ModelClient`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, TypeVar

import httpx

from ..cases import Case, Envelope
from ..settings import NO_HEADERS
from ..signature.specs import Signature
from ..wire.inferred import ModelMetadata
from ..wire.predictions import Predictions
from .access import Access
from .base import DEFAULT_TIMEOUT_S, BaseClient
from .exchange import PREDICT_PATH, Exchanges, Flow, HttpSettings, Reading, Sending
from .invocation import Invocation

_NOT_KEPT: Final = httpx.Limits(max_connections=None, max_keepalive_connections=0)

T = TypeVar("T")


class AsyncModelClient(BaseClient):
    """The client for asynchronous tests: as `ModelClient`, with every call awaited.

    It keeps no connection open, since a kept one belongs to the event loop that opened it, and every test may have
    its own.

    Args:
        base_url: Scheme, host and path prefix, such as `http://127.0.0.1:5000`.
        signature: Types what is sent and what comes back; without it values go by what they are.
        headers: Sent with every request, such as an Authorization; their values are never shown.
        timeout_s: For a connection, and for the whole answer; a server that trickles may take twice as long.
        transport: Replaces the network, as in `httpx.MockTransport(handler)`.

    Raises:
        RequestError: `base_url` is no http or https URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        signature: Signature | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        access = Access(headers=headers or {})
        self._open(Exchanges(base_url, signature, access, timeout_s), transport)

    def _open(self, exchanges: Exchanges, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super()._open(exchanges)
        settings: HttpSettings = {**exchanges.settings, "limits": _NOT_KEPT}
        self._http = httpx.AsyncClient(transport=transport, **settings)

    async def predict(
        self, data: object, *, params: Mapping[str, object] | None = None, envelope: Envelope | None = None
    ) -> Predictions:
        """Return the model's predictions; see `ModelClient.predict`.

        Raises:
            EncodeError: The data has no reading under the signature, or the envelope cannot carry it.
            RequestError: No answer came.
            ResponseError: The answer is an error; it has status, body and curl.
            DecodeError: The answer is not strict JSON with `predictions`.
        """
        return await self._run(self._exchanges.predict(data, params, envelope))

    async def invoke(self, case: Case) -> Invocation:
        """Return the exchange that a case led to, whatever its status or fate.

        Raises:
            EncodeError: The case's envelope cannot carry its payload.
            RequestError: The request cannot be written at all (an illegal header).
        """
        return await self._run(self._exchanges.invoke(case))

    async def send(
        self,
        body: bytes,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        method: str = "POST",
        path: str = PREDICT_PATH,
    ) -> Invocation:
        """Return the exchange that exactly these bytes and headers led to; no Content-Type is added.

        Raises:
            RequestError: The request cannot be written at all (an illegal header).
        """
        return await self._run(self._exchanges.send(body, headers, method, path))

    async def infer(
        self,
        data: object,
        *,
        params: Mapping[str, object] | None = None,
        outputs: Sequence[str] = (),
        model: str | None = None,
    ) -> Predictions:
        """Return the model's predictions by the Open Inference Protocol (V2); see `ModelClient.infer`.

        Args:
            data: Rows as the signature takes them.
            params: The request's parameters.
            outputs: The names of the outputs that are wanted; none for all.
            model: The name under which the server has the model; that of `--model-v2-name` where none is given.

        Raises:
            EncodeError: The data has no reading under the signature, or the protocol cannot carry it.
            RequestError: No answer came.
            ResponseError: The answer is an error; it has status, body and curl.
            DecodeError: The answer is not of the protocol, or repeats another id than the request's.
        """
        return await self._run(self._inferences.infer(data, params, outputs, model))

    async def v2_metadata(self, model: str | None = None) -> ModelMetadata:
        """Return what the server says of a model's tensors by the Open Inference Protocol (V2).

        Raises:
            RequestError: No answer came.
            ResponseError: The answer is an error, such as for a model that is not there.
            DecodeError: The answer is not of the protocol.
        """
        return await self._run(self._inferences.metadata(model))

    async def ping(self) -> bool:
        """Tell whether the server is there and ready."""
        return await self._run(self._exchanges.ping())

    async def version(self) -> str:
        """Return the version that the server tells.

        Raises:
            RequestError: No answer came.
            ResponseError: The answer is an error.
        """
        return await self._run(self._exchanges.version())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncModelClient:  # noqa: PYI034 # typing.Self is younger than Python 3.10
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        try:
            sending = next(flow)
            while True:
                sending = flow.send(await self._exchange(sending))
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]  # typed by the flow

    async def _exchange(self, sending: Sending) -> Invocation:
        if wait_s := self._exchanges.pace.wait_s(time.monotonic()):
            await asyncio.sleep(wait_s)
        reading = Reading(sending, self._exchanges.timeout_s)
        try:
            response = await self._http.send(sending.http, stream=True)
            try:
                if reading.start(response):
                    async for chunk in response.aiter_raw():
                        if not reading.feed(chunk):
                            break
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            return reading.failed(error)
        return reading.done()
