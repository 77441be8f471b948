"""The HTTP side of the scoring server: routes, one body for every error, and the way of a request to the model.

A model that raises is answered with 500 and `MODEL_ERROR`, where MLflow's server answers 400 and the traceback: the
request was right, so the fault is not the client's. The traceback goes to the log, with the request's id.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .body import read_body
from .encode import encode_predictions
from .errors import DecidedBy, ErrorCode, ScoringError
from .inputs import InputReader
from .media import parse_content_type, require_no_encoding
from .openapi import build_openapi
from .prediction import INLINE_BYTES, ModelSlot, answered, ask, run
from .responses import DECIDED_BY_HEADER, json_response, prediction_headers
from .settings import ServeSettings
from .v2_routes import V2_ROOT, V2Routes, v2_error


def create_app(
    settings: ServeSettings,
    slot: ModelSlot,
    run_worker: Callable[[], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """Return the application for one model.

    Args:
        settings: What is served.
        slot: Where the worker is, or will be.
        run_worker: Entered when the server starts, left when it stops.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if run_worker is None:
            yield
            return
        async with run_worker():
            yield

    version = importlib.metadata.version("pytest-modelserve")
    document = build_openapi(settings, version)
    routes = _Routes(settings, slot, version)
    app = FastAPI(
        title=document["info"]["title"],
        version=version,
        lifespan=lifespan,
        redoc_url=None,
        routes=[Route("/invocations", routes.invocations, methods=["POST"])],  # tried before the pages of documentation
    )
    app.router.routes.extend(V2Routes(settings, slot, version).routes())
    app.openapi = lambda: document  # type: ignore[method-assign] # FastAPI's documented way to give its own
    app.router.redirect_slashes = False  # a redirect would be a second request, and MLflow's clients do not follow it
    app.add_route("/ping", routes.ping, methods=["GET"])
    app.add_route("/health", routes.ping, methods=["GET"])
    app.add_route("/version", routes.version, methods=["GET"])
    app.add_exception_handler(HTTPException, _http_error)
    return app


class _Routes:
    def __init__(self, settings: ServeSettings, slot: ModelSlot, version: str) -> None:
        self._settings = settings
        self._slot = slot
        self._version = version
        self._reader = InputReader(settings.signature)

    async def ping(self, _request: Request) -> Response:
        try:
            self._slot.require()
        except ScoringError as error:
            return _error_response(error)
        return json_response(b'{"status":"ready"}')

    async def version(self, _request: Request) -> Response:
        ready = self._slot.worker and self._slot.worker.ready
        body = {
            "server": "pytest-modelserve",
            "version": self._version,
            "model_digest": self._settings.mlmodel_digest,
            "worker": ready and {"python": ready.python_version, "packages": dict(ready.versions)},
        }
        return json_response(json.dumps(body).encode())

    async def invocations(self, request: Request) -> Response:
        return await answered(request, self._predict, _error_response)

    async def _predict(self, request: Request, request_id: str) -> Response:
        body = await read_body(request, self._settings.max_body_bytes)
        require_no_encoding(request.headers.getlist("content-encoding"))
        media = parse_content_type(request.headers.getlist("content-type"))
        is_long = len(body) > INLINE_BYTES
        worker = self._slot.require()
        read = await run(lambda: self._reader.read(media, body), in_thread=is_long)
        answer = await ask(worker, read, request_id, body)
        encoded = await run(lambda: encode_predictions(answer.value, is_bare=read.is_unified), in_thread=is_long)
        headers = prediction_headers(read.ignored, encoded.lost)
        return json_response(encoded.body, headers=headers, request_id=request_id)


def _error_response(error: ScoringError, request_id: str = "") -> Response:
    headers = {DECIDED_BY_HEADER: error.decided_by.value}
    body = error.as_body(request_id or None)
    return json_response(body, status=error.code.status, headers=headers, request_id=request_id)


async def _http_error(request: Request, error: Any) -> Response:  # noqa: ANN401 - Starlette's handler type
    """Answer what the router refuses in the form that every error has."""
    if error.status_code == ErrorCode.METHOD_NOT_ALLOWED.status:
        code, message = ErrorCode.METHOD_NOT_ALLOWED, "The method is not allowed here; the header Allow tells which is"
    else:
        code, message = ErrorCode.ENDPOINT_NOT_FOUND, "There is nothing at this path"
    is_v2 = request.url.path == V2_ROOT or request.url.path.startswith(f"{V2_ROOT}/")
    refused = ScoringError(code, message, decided_by=DecidedBy.SERVER)
    response = v2_error(refused) if is_v2 else _error_response(refused)
    response.headers.update(error.headers or {})
    return response
