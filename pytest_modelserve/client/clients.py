"""The client that waits; all but the waiting it shares with `AsyncModelClient`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TypeVar

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

T = TypeVar("T")


class ModelClient(BaseClient):
    """A client of one scoring server, over connections that it keeps; safe to share between threads.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        access = Access(headers=headers or {})
        self._open(Exchanges(base_url, signature, access, timeout_s), transport)

    def _open(self, exchanges: Exchanges, transport: httpx.BaseTransport | None = None) -> None:
        super()._open(exchanges)
        self._send, self._close = _opened(exchanges.settings, transport, has_login="@" in exchanges.base_url)

    def predict(
        self, data: object, *, params: Mapping[str, object] | None = None, envelope: Envelope | None = None
    ) -> Predictions:
        """Return the model's predictions for a frame, dict, list, array, scalar, Table or Tensors.

        Args:
            data: Rows as the signature takes them.
            params: The request's parameters.
            envelope: How the data is wrapped; the usual one of the signature by default.

        Raises:
            EncodeError: The data has no reading under the signature, or the envelope cannot carry it.
            RequestError: No answer came.
            ResponseError: The answer is an error; it has status, body and curl.
            DecodeError: The answer is not strict JSON with `predictions`.
        """
        return self._run(self._exchanges.predict(data, params, envelope))

    def invoke(self, case: Case) -> Invocation:
        """Return the exchange that a case led to, whatever its status or fate.

        Raises:
            EncodeError: The case's envelope cannot carry its payload.
            RequestError: The request cannot be written at all (an illegal header).
        """
        return self._run(self._exchanges.invoke(case))

    def send(
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
        return self._run(self._exchanges.send(body, headers, method, path))

    def infer(
        self,
        data: object,
        *,
        params: Mapping[str, object] | None = None,
        outputs: Sequence[str] = (),
        model: str | None = None,
    ) -> Predictions:
        """Return the model's predictions by the Open Inference Protocol (V2).

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
        return self._run(self._inferences.infer(data, params, outputs, model))

    def v2_metadata(self, model: str | None = None) -> ModelMetadata:
        """Return what the server says of a model's tensors by the Open Inference Protocol (V2).

        Raises:
            RequestError: No answer came.
            ResponseError: The answer is an error, such as for a model that is not there.
            DecodeError: The answer is not of the protocol.
        """
        return self._run(self._inferences.metadata(model))

    def ping(self) -> bool:
        """Tell whether the server is there and ready."""
        return self._run(self._exchanges.ping())

    def version(self) -> str:
        """Return the version that the server tells.

        Raises:
            RequestError: No answer came.
            ResponseError: The answer is an error.
        """
        return self._run(self._exchanges.version())

    def close(self) -> None:
        """Close the connections."""
        self._close()

    def __enter__(self) -> ModelClient:  # noqa: PYI034 # typing.Self is younger than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        try:
            sending = next(flow)
            while True:
                sending = flow.send(self._exchange(sending))
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]  # typed by the flow

    def _exchange(self, sending: Sending) -> Invocation:
        if wait_s := self._exchanges.pace.wait_s(time.monotonic()):
            time.sleep(wait_s)
        reading = Reading(sending, self._exchanges.timeout_s)
        try:
            response = self._send(sending.http)
            try:
                if reading.start(response):
                    for chunk in response.iter_raw():
                        if not reading.feed(chunk):
                            break
            finally:
                response.close()
        except httpx.TransportError as error:
            return reading.failed(error)
        return reading.done()


def _opened(
    settings: HttpSettings, transport: httpx.BaseTransport | None, *, has_login: bool
) -> tuple[Callable[[httpx.Request], httpx.Response], Callable[[], None]]:
    """Return what sends a request, and what closes the connections.

    On our own machine the requests go to httpx's transport at once: what its client does beside, proxies, redirects
    and cookies, is not wanted there, and costs a quarter of a request; but for the login in a URL, which it sends.
    """
    if transport is None and not settings["trust_env"] and not has_login:
        direct = httpx.HTTPTransport(**settings)
        return direct.handle_request, direct.close
    client = httpx.Client(transport=transport, **settings)
    return partial(client.send, stream=True), client.close
