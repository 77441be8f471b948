"""Measures the latency of a request of the user's own; the fixture `latency` is one of these."""

from __future__ import annotations

from collections.abc import Mapping

from ..cases import Case, Envelope
from ..errors import RequestError
from ..results import Latency
from ..wire.envelopes import encode
from .bare import BareConnection
from .base import DEFAULT_TIMEOUT_S
from .clients import ModelClient
from .open_loop import OpenLoop, measure_latency


class LatencyMeter:
    """Sends one request at a fixed rate and ranks how long each waited for its answer.

    Args:
        client: Of the server; it types the data.
        example: What is sent where no data is given.
    """

    def __init__(self, client: ModelClient, example: Case | None = None) -> None:
        self._client = client
        self._example = example

    def __call__(
        self,
        data: object = None,
        *,
        params: Mapping[str, object] | None = None,
        envelope: Envelope | None = None,
        rate: float | None = None,
        duration_s: float = 3.0,
    ) -> Latency:
        """Return the latency of a request, each counted from the moment at which it was due.

        Args:
            data: Rows as `ModelClient.predict` takes them; None for the model's input example.
            params: The request's parameters.
            envelope: How the data is wrapped.
            rate: Requests a second; by default half of what the server can do for one caller.
            duration_s: How long requests arrive; a slow model is given twice as long to get twenty of them.

        Raises:
            EncodeError: The data has no reading under the signature, or the envelope cannot carry it.
            RequestError: There is no data, and the model has no input example.
        """
        case = self._example if data is None else self._client.as_case(data, params=params, envelope=envelope)
        if case is None:
            raise RequestError(
                "there is nothing to send: the model was saved without an input example",
                facts={"server": self._client.base_url},
                fix="Give the data of a request: latency(data).",
            )
        body, content_type = encode(case.payload, case.envelope, case.params, signature=self._client.signature)
        plan = OpenLoop(duration_s=duration_s, longest_s=2 * duration_s, rate=rate)
        with BareConnection(self._client.base_url, body, content_type, timeout_s=DEFAULT_TIMEOUT_S) as connection:
            connection.send()  # opens the connection
            return measure_latency(connection.send, plan)
