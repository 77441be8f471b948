"""The HTTP side of the scoring server: routes, one body for every error, and the way of a request to the model.

A model that raises is answered with 500 and `MODEL_ERROR`, where MLflow's server answers 400 and the traceback: the
request was right, so the fault is not the client's. The traceback goes to the log, with the request's id.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol, TypeVar

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..runtime.frames import Predictions, Raised, Ready, TreeError, Unencodable
from .body import REQUEST_ID_HEADER, read_body, read_request_id
from .encode import Encoded, encode_predictions
from .errors import DecidedBy, ErrorCode, NotAllowed, NotEncodable, ScoringError
from .inputs import InputReader, ModelInput
from .media import Media, parse_content_type, require_no_encoding
from .openapi import build_openapi
from .settings import ServeSettings
from .worker_link import WorkerDied, WorkerTimeout

DECIDED_BY_HEADER: Final = "X-Modelserve-Decided-By"
IGNORED_HEADER: Final = "X-Modelserve-Ignored"
LOSSY_HEADER: Final = "X-Modelserve-Lossy"
_INLINE_BYTES: Final = 1 << 16  # about 1 ms of parsing; longer bodies are read in a thread, so that /ping stays quick
_BODY_LOGGED: Final = 500  # bytes: enough to tell a request from others
_IGNORED_SHOWN: Final = 10  # names in the header
_logger = logging.getLogger(__name__)
_T = TypeVar("_T")


class Worker(Protocol):
    """A model that is loaded in a process of its own; `WorkerLink` is one."""

    @property
    def ready(self) -> Ready:
        """Return what the worker told when it was ready."""

    @property
    def death(self) -> object | None:
        """Return how it ended, None while it runs."""

    async def predict(
        self, data: object, params: Mapping[str, object] | None, *, request_id: str
    ) -> Predictions | Raised | Unencodable:
        """Return the model's answer.

        Raises:
            WorkerDied: The process ended.
            WorkerTimeout: No answer came in time.
            TreeError: The data is nested too deep to be sent.
        """


class ModelSlot:
    """The place of the worker, empty until it has loaded the model."""

    def __init__(self, worker: Worker | None = None) -> None:
        self.worker = worker

    def require(self) -> Worker:
        """Return the worker.

        Raises:
            ScoringError: It is still loading the model, or has ended.
        """
        if self.worker is None:
            raise _unavailable("The model is still loading")
        if self.worker.death is not None:
            raise _unavailable("The model's process has ended")
        return self.worker


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
        return _json_response(b'{"status":"ready"}')

    async def version(self, _request: Request) -> Response:
        ready = self._slot.worker and self._slot.worker.ready
        body = {
            "server": "pytest-modelserve",
            "version": self._version,
            "model_digest": self._settings.mlmodel_digest,
            "worker": ready and {"python": ready.python_version, "packages": dict(ready.versions)},
        }
        return _json_response(json.dumps(body).encode())

    async def invocations(self, request: Request) -> Response:
        request_id = ""
        try:
            request_id = read_request_id(request.headers)
            return await self._predict(request, request_id)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except ScoringError as error:
            return _error_response(error, request_id)
        except Exception:  # the seam to the client: a mistake of this server is told as JSON, the connection lives
            _logger.exception("request %r: the scoring server failed", request_id)
            message = "The scoring server failed; its log says how"
            failed = ScoringError(ErrorCode.INTERNAL_ERROR, message, decided_by=DecidedBy.SERVER)
            return _error_response(failed, request_id)

    async def _predict(self, request: Request, request_id: str) -> Response:
        body = await read_body(request, self._settings.max_body_bytes)
        require_no_encoding(request.headers.getlist("content-encoding"))
        media = parse_content_type(request.headers.getlist("content-type"))
        is_long = len(body) > _INLINE_BYTES
        worker = self._slot.require()
        read = await _run(lambda: self._reader.read(media, body), in_thread=is_long)
        try:
            answer = await _ask(worker, read, request_id)
        except _Lost as lost:
            _logger.error("request %r: %s; its body began %r", request_id, lost.message, body[:_BODY_LOGGED])  # noqa: TRY400
            raise
        encoded = await _run(lambda: encode_predictions(answer.value, is_bare=read.is_unified), in_thread=is_long)
        return _prediction_response(encoded, read, request_id)


class _Lost(ScoringError):
    """Report that the worker gave no answer: the request is then worth a line in the log."""


async def _run(work: Callable[[], _T], *, in_thread: bool) -> _T:
    return await asyncio.to_thread(work) if in_thread else work()


async def _ask(worker: Worker, read: ModelInput, request_id: str) -> Predictions:
    """Return what the model returned.

    Raises:
        ScoringError: It returned nothing.
    """
    try:
        answer = await worker.predict(read.data, read.params, request_id=request_id)
    except TreeError as error:
        raise NotAllowed(f"The request cannot be handed to the model: {error}") from None
    except WorkerDied:
        message = "The model's process ended during the request"
        raise _Lost(ErrorCode.TEMPORARILY_UNAVAILABLE, message, decided_by=DecidedBy.SERVER) from None
    except WorkerTimeout as late:
        message = f"The model gave no answer within {late.timeout_s:g} s"
        raise _Lost(ErrorCode.DEADLINE_EXCEEDED, message, decided_by=DecidedBy.MODEL) from None
    if isinstance(answer, Raised):
        raised = answer.exception
        _logger.error("request %r: the model raised\n%s", request_id, raised.traceback)
        raise ScoringError(ErrorCode.MODEL_ERROR, f"The model raised {raised.type}", decided_by=DecidedBy.MODEL)
    if isinstance(answer, Unencodable):
        raise NotEncodable(f"The model returned a {answer.type_name} that JSON cannot carry: {answer.reason}")
    return answer


def _unavailable(message: str) -> ScoringError:
    return ScoringError(ErrorCode.TEMPORARILY_UNAVAILABLE, message, decided_by=DecidedBy.SERVER)


def _prediction_response(encoded: Encoded, read: ModelInput, request_id: str) -> Response:
    headers = {DECIDED_BY_HEADER: DecidedBy.MODEL.value}
    if read.ignored:
        headers[IGNORED_HEADER] = json.dumps([name[:40] for name in read.ignored[:_IGNORED_SHOWN]])
    if encoded.lost:
        headers[LOSSY_HEADER] = ", ".join(encoded.lost)
    return _json_response(encoded.body, headers=headers, request_id=request_id)


def _error_response(error: ScoringError, request_id: str = "") -> Response:
    headers = {DECIDED_BY_HEADER: error.decided_by.value}
    body = error.as_body(request_id or None)
    return _json_response(body, status=error.code.status, headers=headers, request_id=request_id)


def _json_response(
    body: bytes, *, status: int = 200, headers: dict[str, str] | None = None, request_id: str = ""
) -> Response:
    found = dict(headers or {})
    if request_id:
        found[REQUEST_ID_HEADER] = request_id
    return Response(body, status_code=status, headers=found, media_type=Media.JSON.value)


async def _http_error(_request: Request, error: Any) -> Response:  # noqa: ANN401 - Starlette's handler type
    """Answer what the router refuses in the form that every error has."""
    if error.status_code == ErrorCode.METHOD_NOT_ALLOWED.status:
        code, message = ErrorCode.METHOD_NOT_ALLOWED, "The method is not allowed here; the header Allow tells which is"
    else:
        code, message = ErrorCode.ENDPOINT_NOT_FOUND, "There is nothing at this path"
    response = _error_response(ScoringError(code, message, decided_by=DecidedBy.SERVER))
    response.headers.update(error.headers or {})
    return response
