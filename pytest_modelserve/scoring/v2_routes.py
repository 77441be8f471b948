"""The routes of the Open Inference Protocol (V2): health, metadata and inference, with its own body for every error.

The server has one model in one version. Where the protocol leaves the body of a health route open, it has the JSON that
KServe's server gives; Triton's clients look at the status alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..runtime.frames import SeriesValue, TableValue
from ..signature.specs import Signature
from .body import read_body
from .errors import DecidedBy, ErrorCode, ScoringError, excerpt
from .media import Media, parse_content_type, require_no_encoding
from .prediction import INLINE_BYTES, ModelSlot, answered, ask, run
from .responses import DECIDED_BY_HEADER, json_response, prediction_headers
from .settings import ServeSettings
from .v2_answer import OutputTensor, encode_outputs, write_response
from .v2_binary import BINARY_HEADER, EXTENSION, OCTETS, split_body
from .v2_datatypes import MAX_RANK
from .v2_inputs import InferenceReader, ReadRequest, require_outputs
from .v2_metadata import model_metadata, model_version, output_infos

V2_ROOT: Final = "/v2"
_INLINE_VALUES: Final = INLINE_BYTES // 8  # of an answer, about 8 bytes each: more are written in a thread


class V2Routes:
    """Answers the protocol's requests.

    Args:
        settings: What is served.
        slot: Where the worker is, or will be.
        version: Of this server.
    """

    def __init__(self, settings: ServeSettings, slot: ModelSlot, version: str) -> None:
        self._settings = settings
        self._slot = slot
        self._server = {"name": "pytest-modelserve", "version": version, "extensions": [EXTENSION]}
        self._version = model_version(settings.mlmodel_digest)
        self._name = settings.v2_name
        self._metadata = model_metadata(self._name, settings.signature, self._version)
        self._infos = output_infos(settings.signature or Signature())
        self._reader = InferenceReader(settings.signature)

    def routes(self) -> list[BaseRoute]:
        """Return the routes, each of a model with and without its version."""
        model = f"{V2_ROOT}/models/{{name}}"
        found: list[BaseRoute] = [
            Route(V2_ROOT, self._server_metadata, methods=["GET"]),
            Route(f"{V2_ROOT}/", self._server_metadata, methods=["GET"]),  # as the protocol's OpenAPI file has it
            Route(f"{V2_ROOT}/health/live", self._live, methods=["GET"]),
            Route(f"{V2_ROOT}/health/ready", self._ready, methods=["GET"]),
        ]
        for path in (model, f"{model}/versions/{{version}}"):
            found += [
                Route(path, self._model_metadata, methods=["GET"]),
                Route(f"{path}/ready", self._model_ready, methods=["GET"]),
                Route(f"{path}/infer", self._infer, methods=["POST"]),
            ]
        return found

    async def _server_metadata(self, _request: Request) -> Response:
        return _document(self._server)

    async def _live(self, _request: Request) -> Response:
        if self._slot.worker is not None and self._slot.worker.death is not None:
            return self._unready({})  # whoever sees to it that servers live has to start another
        return _document({"live": True})

    async def _ready(self, _request: Request) -> Response:
        return self._unready({"ready": True})

    async def _model_metadata(self, request: Request) -> Response:
        return self._unknown(request) or _document(self._metadata)

    async def _model_ready(self, request: Request) -> Response:
        return self._unknown(request) or self._unready({"name": self._name, "ready": True})

    def _unready(self, document: Mapping[str, Any]) -> Response:
        """Return a document, an error where the model cannot predict."""
        try:
            self._slot.require()
        except ScoringError as error:
            return v2_error(error)
        return _document(document)

    def _unknown(self, request: Request) -> Response | None:
        """Return an error where the path names another model or version than the one there is."""
        try:
            self._require_known(request)
        except ScoringError as error:
            return v2_error(error)
        return None

    def _require_known(self, request: Request) -> None:
        name, version = request.path_params["name"], request.path_params.get("version", self._version)
        if name != self._name:
            raise _not_found(f"There is no model {excerpt(name)}; there is {self._name}")
        if version != self._version:
            raise _not_found(f"The model has no version {excerpt(version)}; it has {self._version}")

    async def _infer(self, request: Request) -> Response:
        return await answered(request, self._predict, v2_error)

    async def _predict(self, request: Request, request_id: str) -> Response:
        body = await read_body(request, self._settings.max_body_bytes)
        self._require_known(request)
        declared = request.headers.getlist(BINARY_HEADER)
        _require_media(request, is_binary=bool(declared))
        text, tail = split_body(body, declared)
        is_long = len(body) > INLINE_BYTES
        worker = self._slot.require()
        read = await run(lambda: self._reader.read(text, tail), in_thread=is_long)
        answer = await ask(worker, read.given, request_id, body)
        is_long = is_long or _n_values(answer.value) > _INLINE_VALUES
        return await run(lambda: self._response(read, self._outputs(answer.value, read), request_id), in_thread=is_long)

    def _response(self, read: ReadRequest, outputs: list[OutputTensor], request_id: str) -> Response:
        document: dict[str, object] = {"model_name": self._name, "model_version": self._version}
        if read.id is not None:
            document["id"] = read.id
        told: list[dict[str, Any]] = []
        tail: list[bytes] = []
        lost: set[str] = set()
        for output in outputs:
            raw = output.as_bytes() if read.is_wanted_binary(output.name) else None
            lost |= output.lost_as(is_binary=raw is not None)
            told.append(output.as_json(None if raw is None else len(raw)))
            tail += [] if raw is None else [raw]
        body = write_response({**document, "outputs": told})
        headers = prediction_headers(read.given.ignored, sorted(lost))
        if not tail:
            return json_response(body, headers=headers, request_id=request_id)
        headers = {**headers, BINARY_HEADER: str(len(body))}
        return json_response(b"".join((body, *tail)), headers=headers, request_id=request_id, media_type=OCTETS)

    def _outputs(self, value: object, read: ReadRequest) -> list[OutputTensor]:
        """Return the outputs that are wanted, in the order in which they are."""
        outputs = encode_outputs(value, self._infos)
        if read.outputs is None:
            return outputs
        by_name = {output.name: output for output in outputs}
        require_outputs(read.outputs, set(by_name))  # those of which no signature tells are known only now
        return [by_name[name] for name in read.outputs]


def _n_values(value: object, depth: int = 0) -> int:
    """Return about how many values an answer has, from the first of each list: to count them all takes its time."""
    if isinstance(value, TableValue):
        return value.n_rows * len(value.columns)
    if isinstance(value, SeriesValue):
        return len(value.column.values)
    if isinstance(value, np.ndarray):
        return value.size
    if depth == MAX_RANK or not isinstance(value, dict | list | tuple) or not value:
        return 1
    if isinstance(value, dict):
        return sum(_n_values(part, depth + 1) for part in value.values())
    return len(value) * _n_values(value[0], depth + 1)


def v2_error(error: ScoringError, request_id: str = "") -> Response:
    """Return the response that tells an error as the protocol has it."""
    headers = {DECIDED_BY_HEADER: error.decided_by.value}
    body = write_response({"error": error.message})
    return json_response(body, status=error.code.status, headers=headers, request_id=request_id)


def _document(document: Mapping[str, Any]) -> Response:
    return json_response(write_response(document))


def _not_found(message: str) -> ScoringError:
    return ScoringError(ErrorCode.ENDPOINT_NOT_FOUND, message, decided_by=DecidedBy.SERVER)


def _require_media(request: Request, *, is_binary: bool) -> None:
    """Pass a body of JSON; the protocol wants no Content-Type, and its clients send none.

    Raises:
        UnsupportedMedia: It says that it is something else, or compressed.
    """
    require_no_encoding(request.headers.getlist("content-encoding"))
    declared = request.headers.getlist("content-type")
    if is_binary and declared == [OCTETS]:
        return
    if declared:
        parse_content_type(declared, known=(Media.JSON,))
