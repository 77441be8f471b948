"""The front's link to the worker: sends it requests, many at a time, and tells when it died."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..runtime.frames import (
    FrameError,
    LoadFailed,
    Predictions,
    PredictRequest,
    Raised,
    Ready,
    Unencodable,
    encode_message,
)
from .worker_process import (
    WorkerDeath,
    WorkerDied,
    WorkerError,
    WorkerLoadFailed,
    WorkerProcess,
    WorkerSpec,
    WorkerTimeout,
)

__all__ = [
    "Answer",
    "WorkerDeath",
    "WorkerDied",
    "WorkerError",
    "WorkerLink",
    "WorkerLoadFailed",
    "WorkerSpec",
    "WorkerTimeout",
]

Answer: TypeAlias = Predictions | Raised | Unencodable

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    request_id: str
    answer: asyncio.Future[Answer]


class WorkerLink:
    """A worker that runs and has loaded its model.

    Its death is final: every request in flight and every later one raises `WorkerDied`. Starting another is up to
    whoever runs the server, so that a death is seen. Made by `start`, closed by `close`.

    Attributes:
        ready: What the worker told when the model was loaded.
        pid: The worker's process id.
    """

    def __init__(self, spec: WorkerSpec, process: WorkerProcess, ready: Ready) -> None:
        self.ready = ready
        self.pid: int = process.pid
        self._spec = spec
        self._process = process
        self._pending: dict[int, _Pending] = {}
        self._numbers = itertools.count(1)
        self._death: WorkerDeath | None = None
        self._closing = False
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def start(cls, spec: WorkerSpec) -> WorkerLink:
        """Start a worker and wait until it has loaded its model.

        Raises:
            WorkerLoadFailed: Loading raised.
            WorkerDied: The process ended while it was loading.
            WorkerTimeout: Loading took longer than `spec.load_timeout_s`.
            OSError: The interpreter cannot be started, or the configuration not be written.
            FrameError: The process sent something that is no message of the protocol.
        """
        process = await WorkerProcess.start(spec)
        try:
            first = await process.read_first(spec.load_timeout_s)
        except BaseException:
            await process.end()
            raise
        if isinstance(first, Ready):
            return cls(spec, process, first)
        await process.end()
        if isinstance(first, LoadFailed):
            raise WorkerLoadFailed(first)
        raise WorkerDied(process.death())

    @property
    def death(self) -> WorkerDeath | None:
        """Return how the worker ended, None while it runs."""
        return self._death

    async def predict(
        self, data: object, params: Mapping[str, object] | None = None, *, request_id: str = ""
    ) -> Answer:
        """Send one request and return its answer.

        Args:
            data: See `PredictRequest.data`.

        Raises:
            TreeError: The data cannot be sent; the worker was not reached.
            WorkerDied: The process ended, before or during this request.
            WorkerTimeout: No answer came within `WorkerSpec.predict_timeout_s`.
        """
        if self._death is not None:
            raise WorkerDied(self._death)
        seq = next(self._numbers)
        message = encode_message(PredictRequest(seq, request_id, data, params))
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[seq] = _Pending(request_id=request_id, answer=answer)
        try:
            self._process.write(message)
            return await asyncio.wait_for(answer, self._spec.predict_timeout_s)
        except asyncio.TimeoutError:
            _logger.error("request %r: no answer within %g s", request_id, self._spec.predict_timeout_s)  # noqa: TRY400
            raise WorkerTimeout("the prediction", self._spec.predict_timeout_s) from None
        finally:
            self._pending.pop(seq, None)

    async def close(self) -> None:
        """Close the socket, upon which the worker ends, and wait for its end; it is killed after a second."""
        self._closing = True
        self._process.hang_up()
        await self._watching

    async def _watch(self) -> None:
        reading = asyncio.create_task(self._read_answers())
        await self._process.until_over(reading)
        reading.cancel()
        await self._process.end()
        in_flight = tuple(pending.request_id for pending in self._pending.values())
        self._death = self._process.death(in_flight)
        if not self._closing:
            _logger.error("%s; last request: %r", self._death, self._death.last_request_id)
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(WorkerDied(self._death))

    async def _read_answers(self) -> None:
        try:
            while isinstance(message := await self._process.read(), Predictions | Raised | Unencodable):
                pending = self._pending.get(message.seq)  # None: nobody waits any more
                if pending is not None and not pending.answer.done():
                    pending.answer.set_result(message)
        except FrameError:
            _logger.exception("the model's process sent what is no answer: it is ended")
