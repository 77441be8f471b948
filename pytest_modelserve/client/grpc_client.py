"""The client of the Open Inference Protocol (V2) over gRPC, behind the extra `[grpc]`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from ..errors import DecodeError, MissingExtra, RequestError, ResponseError
from ..settings import NO_HEADERS, V2_NAME
from ..signature.specs import Signature
from ..wire.grpc_messages import metadata_document, read_response, write_request
from ..wire.inferred import ModelMetadata, read_model_metadata
from ..wire.open_inference import inference_document
from ..wire.predictions import Predictions
from ..wire.tables import as_payload
from ..wire.values import show_value
from .base import DEFAULT_TIMEOUT_S
from .exchange import LOOPBACK

_SECURE: Final = "grpcs://"
_PLAIN: Final = "grpc://"
_UNANSWERED: Final = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"})
_OF_NULL: Final = (  # in MLServer, which turns NaN into null and then has no way to write it
    "A prediction is missing (NaN), which this server cannot write over gRPC: send the same over REST, "
    "or let the model predict a number."
)
_UNLIMITED: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class GrpcModelClient:
    """A client of one server over gRPC, with the calls that `ModelClient` has for V2; safe to share between threads.

    Args:
        target: `host:port`, or `grpcs://host:port` where the server speaks TLS.
        signature: Types what is sent and what comes back; without it values go by what they are.
        headers: Sent with every call, such as an Authorization.
        timeout_s: For the whole call.
        v2_name: The name under which the server has the model, where a call does not say.

    Raises:
        MissingExtra: The extra `[grpc]` is not installed.
    """

    def __init__(
        self,
        target: str,
        *,
        signature: Signature | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        v2_name: str = V2_NAME,
    ) -> None:
        grpc, self._messages, services = _generated()
        self.target: Final = target.removeprefix(_SECURE).removeprefix(_PLAIN)
        self.signature: Final = signature
        self._error: type[Exception] = grpc.RpcError
        self._timeout_s = timeout_s
        self._metadata = tuple((name.lower(), value) for name, value in (headers or NO_HEADERS).items())
        self._name = v2_name
        self._numbers = itertools.count(1)
        is_here = self.target.rpartition(":")[0].strip("[]") in LOOPBACK  # which no proxy of the environment reaches
        options = (*_UNLIMITED, ("grpc.enable_http_proxy", int(not is_here)))
        if target.startswith(_SECURE):
            self._channel = grpc.secure_channel(self.target, grpc.ssl_channel_credentials(), options=options)
        else:
            self._channel = grpc.insecure_channel(self.target, options=options)
        self._service = services.GRPCInferenceServiceStub(self._channel)

    def infer(
        self,
        data: object,
        *,
        params: Mapping[str, object] | None = None,
        outputs: Sequence[str] = (),
        model: str | None = None,
    ) -> Predictions:
        """Return the model's predictions.

        Args:
            data: Rows as the signature takes them.
            params: The request's parameters.
            outputs: The names of the outputs that are wanted; none for all.
            model: The name under which the server has the model.

        Raises:
            EncodeError: The data has no reading under the signature, or gRPC cannot carry it.
            RequestError: No answer came.
            ResponseError: The answer is an error.
            DecodeError: The answer is not of the protocol, or repeats another id than the request's.
        """
        payload = as_payload(data, self.signature)
        identity = f"infer-{next(self._numbers)}"
        document = {"id": identity, **inference_document(payload, params, signature=self.signature)}
        document["outputs"] = [{"name": name} for name in outputs]
        request = self._messages.ModelInferRequest(model_name=model or self._name)
        write_request(request, document)
        inference = read_response(self._asked(self._service.ModelInfer, request))
        if inference.id != identity:
            raise DecodeError(
                f"the answer repeats the id {show_value(inference.id)}, which is not that of its request",
                facts={"sent": identity},
                fix="Look whether the server mixes up the answers to concurrent requests.",
            )
        return inference.predictions(None if self.signature is None else self.signature.outputs)

    def v2_metadata(self, model: str | None = None) -> ModelMetadata:
        """Return what the server says of a model's tensors.

        Raises:
            RequestError: No answer came.
            ResponseError: The answer is an error, such as for a model that is not there.
            DecodeError: The answer is not of the protocol.
        """
        request = self._messages.ModelMetadataRequest(name=model or self._name)
        return read_model_metadata(metadata_document(self._asked(self._service.ModelMetadata, request)))

    def is_ready(self, model: str | None = None) -> bool:
        """Tell whether the server is there, and a model in it ready."""
        try:
            request = self._messages.ModelReadyRequest(name=model or self._name)
            return bool(self._asked(self._service.ModelReady, request).ready)
        except (RequestError, ResponseError):
            return False

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> GrpcModelClient:  # noqa: PYI034 # typing.Self is younger than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _asked(self, call: Callable[..., Any], request: object) -> Any:  # noqa: ANN401 # of generated code
        try:
            return call(request, timeout=self._timeout_s, metadata=self._metadata)
        except self._error as failed:
            code, details = _told(failed)
        facts = {"call": type(request).__name__, "code": code}
        if code in _UNANSWERED:
            raise RequestError(
                f"no answer from {self.target} over gRPC: {details}", facts=facts, fix="Look into the server's log."
            )
        raise ResponseError(
            f"the server answered {code}: {show_value(details)}",
            facts=facts,
            fix=_OF_NULL if "NoneType" in details else "Send the same over REST, where the answer says more.",
            body=details.encode(),
        )


def _told(failed: Any) -> tuple[str, str]:  # noqa: ANN401 # has no type: grpc's errors are their calls, too
    return failed.code().name, str(failed.details() or "")


def _generated() -> tuple[Any, Any, Any]:
    """Return grpc and the generated code of the protocol, whose messages are named as those of KServe and MLServer."""
    try:
        import grpc
        from tritonclient.grpc import service_pb2, service_pb2_grpc
    except ModuleNotFoundError:
        raise MissingExtra("grpc", "the client over gRPC") from None
    return grpc, service_pb2, service_pb2_grpc
