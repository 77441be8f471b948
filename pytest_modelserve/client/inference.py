"""The exchanges of the Open Inference Protocol (V2), as flows that leave the waiting to the client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ..errors import DecodeError
from ..settings import V2_NAME
from ..wire.envelopes import JSON_TYPE
from ..wire.inferred import ModelMetadata, read_model_metadata
from ..wire.open_inference import encode_inference
from ..wire.predictions import Predictions
from ..wire.tables import as_payload
from ..wire.values import show_value
from .exchange import Exchanges, Flow


def model_path(model: str = V2_NAME) -> str:
    """Return the path of a model's metadata; `/infer` and `/ready` follow it."""
    return f"/v2/models/{quote(model, safe='')}"


class Inferences:
    """The requests of the protocol that a client can make of one server.

    Args:
        exchanges: Those of the same client.
        name: Under which the server has the model, where a request does not say.
    """

    def __init__(self, exchanges: Exchanges, name: str = V2_NAME) -> None:
        self._exchanges = exchanges
        self.name = name

    def infer(
        self, data: object, params: Mapping[str, object] | None, outputs: Sequence[str], model: str | None
    ) -> Flow[Predictions]:
        """Send data as the signature takes it and return the typed predictions.

        Raises:
            DecodeError: The answer repeats another id than the request's.
        """
        signature = self._exchanges.signature
        payload = as_payload(data, signature)
        identity = f"infer-{self._exchanges.next_number()}"
        body = encode_inference(payload, params, signature=signature, identity=identity, outputs=outputs)
        headers = {"Content-Type": JSON_TYPE}
        invocation = yield self._exchanges.sending("POST", f"{model_path(model or self.name)}/infer", headers, body)
        inference = invocation.inference()
        if inference.id != identity:
            raise DecodeError(
                f"the answer repeats the id {show_value(inference.id)}, which is not that of its request",
                facts={"sent": identity},
                fix="Look whether the server mixes up the answers to concurrent requests.",
            )
        return inference.predictions(None if signature is None else signature.outputs)

    def metadata(self, model: str | None) -> Flow[ModelMetadata]:
        """Ask what the server says of a model."""
        invocation = yield self._exchanges.sending("GET", model_path(model or self.name), {}, b"")
        invocation.require_success()
        return read_model_metadata(invocation.json())
