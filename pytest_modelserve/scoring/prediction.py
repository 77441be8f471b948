"""One prediction, whatever the protocol: the worker that holds the model, its place, and what comes of asking it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..runtime.frames import Predictions, Raised, Ready, TreeError, Unencodable
from .body import read_request_id
from .errors import DecidedBy, ErrorCode, NotAllowed, NotEncodable, ScoringError
from .inputs import ModelInput
from .worker_link import WorkerDied, WorkerTimeout

INLINE_BYTES: Final = 1 << 16  # about 1 ms of parsing; longer bodies are read in a thread, so that /ping stays quick
_BODY_LOGGED: Final = 500  # bytes: enough to tell a request from others
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


class _Lost(ScoringError):
    """Report that the worker gave no answer: the request is then worth a line in the log."""


async def run(work: Callable[[], _T], *, in_thread: bool) -> _T:
    """Return what a function returns, which runs here or in a thread, where it stops nobody else."""
    return await asyncio.to_thread(work) if in_thread else work()


async def answered(
    request: Request,
    predict: Callable[[Request, str], Awaitable[Response]],
    as_response: Callable[[ScoringError, str], Response],
) -> Response:
    """Return the response to a request for a prediction, an error's where there is none.

    Args:
        request: As it came.
        predict: Takes the request and its id, and answers or raises a `ScoringError`.
        as_response: Renders that error.
    """
    request_id = ""
    try:
        request_id = read_request_id(request.headers)
        return await predict(request, request_id)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    except ScoringError as error:
        return as_response(error, request_id)
    except Exception:  # the seam to the client: a mistake of this server is told as JSON, the connection lives
        _logger.exception("request %r: the scoring server failed", request_id)
        message = "The scoring server failed; its log says how"
        return as_response(ScoringError(ErrorCode.INTERNAL_ERROR, message, decided_by=DecidedBy.SERVER), request_id)


async def ask(worker: Worker, read: ModelInput, request_id: str, body: bytes) -> Predictions:
    """Return what the model returned.

    Raises:
        ScoringError: It returned nothing; where its process is to blame, a line in the log tells how the body began.
    """
    try:
        return await _ask(worker, read, request_id)
    except _Lost as lost:
        _logger.error("request %r: %s; its body began %r", request_id, lost.message, body[:_BODY_LOGGED])  # noqa: TRY400
        raise


async def _ask(worker: Worker, read: ModelInput, request_id: str) -> Predictions:
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
