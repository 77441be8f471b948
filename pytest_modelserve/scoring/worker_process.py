"""The worker as a process of the model's interpreter: how it is started, its socket, and how it ended."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..runtime.frames import (
    PREFIX_BYTES,
    ExceptionRecord,
    LoadFailed,
    Message,
    decode_message,
    parse_prefix,
)

_WORKER_MAIN: Final = Path(__file__).parents[1] / "runtime" / "__main__.py"
_READ_AHEAD_BYTES: Final = 1 << 22  # below it, asyncio stops and restarts reading in the middle of every large answer
_FAREWELL_S: Final = 1.0  # between the end of the process and the end of its socket, or the other way round


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """A worker, not yet started.

    Attributes:
        python: The model's interpreter.
        model_dir: The model directory.
        loader: The python_function flavor of its MLmodel file.
        env: The complete environment of the process.
        calls_file: Where the worker writes its call records; its configuration is written beside it.
        hands_tables: Whether requests will be tables, so that loading fails where pandas is missing.
        isolated: Whether to leave out `PYTHONPATH` and the user's site packages (`python -I`).
        predict_threads: How many predictions may run at the same time.
        load_timeout_s: How long loading may take.
        predict_timeout_s: How long one prediction may take, waiting for a free thread included.
    """

    python: Path
    model_dir: Path
    loader: Mapping[str, object]
    env: Mapping[str, str]
    calls_file: Path
    hands_tables: bool = False
    isolated: bool = True
    predict_threads: int = 6
    load_timeout_s: float = 120.0
    predict_timeout_s: float = 60.0

    @property
    def config_file(self) -> Path:
        """Return the file that tells the worker what to load."""
        return self.calls_file.with_name("worker.json")

    @property
    def config(self) -> dict[str, object]:
        """Return the content of `config_file`, JSON-ready."""
        return {
            "model_dir": str(self.model_dir),
            "loader": dict(self.loader),
            "hands_tables": self.hands_tables,
            "calls_file": str(self.calls_file),
            "loads_file": str(self.calls_file.with_name("loads.jsonl")),
            "predict_threads": self.predict_threads,
        }

    def command(self, fd: int) -> list[str]:
        """Return the command line of a worker on the socket `fd`."""
        flags = ["-u", "-X", "faulthandler", *(["-I"] if self.isolated else [])]
        return [str(self.python), *flags, str(_WORKER_MAIN), "serve", str(self.config_file), str(fd)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDeath:
    """How the worker ended.

    Attributes:
        exit_code: What the process answered, None where a signal ended it.
        signal_name: Such as `SIGSEGV`, None where it ended by itself.
        request_ids: The ids of the requests that were in flight, the last one last.
    """

    exit_code: int | None
    signal_name: str | None
    request_ids: tuple[str, ...] = ()

    @property
    def last_request_id(self) -> str | None:
        """Return the id of the last request in flight, None where there was none."""
        return self.request_ids[-1] if self.request_ids else None

    def __str__(self) -> str:
        how = f"ended by {self.signal_name}" if self.signal_name else f"ended with exit code {self.exit_code}"
        return f"the model's process {how}"


class WorkerError(Exception):
    """Report that the worker gave no answer."""


class WorkerLoadFailed(WorkerError):
    """Report that loading the model raised."""

    def __init__(self, failed: LoadFailed) -> None:
        exception = failed.exception
        super().__init__(f"loading the model raised {exception.type}: {exception.message}")
        self.exception: ExceptionRecord = exception
        self.missing_module: str | None = failed.missing_module


class WorkerDied(WorkerError):
    """Report that the worker's process ended."""

    def __init__(self, death: WorkerDeath) -> None:
        super().__init__(str(death))
        self.death = death


class WorkerTimeout(WorkerError):
    """Report that the worker did not answer in time; its thread goes on, and other requests are still answered."""

    def __init__(self, doing: str, timeout_s: float) -> None:
        super().__init__(f"{doing} took longer than {timeout_s:g} s")
        self.timeout_s = timeout_s


class WorkerProcess:
    """A worker's process and our end of its socket. Made by `start`, ended by `end`.

    Attributes:
        pid: Its process id.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.pid: int = process.pid
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, spec: WorkerSpec) -> WorkerProcess:
        """Start the process; it begins to load the model.

        Raises:
            OSError: The interpreter cannot be started, or the configuration not be written.
        """
        spec.config_file.write_text(json.dumps(spec.config), encoding="utf-8")
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *spec.command(theirs.fileno()),
                    env=dict(spec.env),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                )
            reader, writer = await asyncio.open_connection(sock=ours, limit=_READ_AHEAD_BYTES)
        except BaseException:
            ours.close()
            raise
        return cls(process, reader, writer)

    def write(self, message: bytes) -> None:
        """Send a message. It does not wait: a sender awaits its answer, which bounds what is buffered."""
        self._writer.write(message)

    async def read(self) -> Message | None:
        """Return the next message, None where the stream ended.

        Raises:
            FrameError: Something else came.
        """
        try:
            header_bytes, body_bytes = parse_prefix(await self._reader.readexactly(PREFIX_BYTES))
            header = await self._reader.readexactly(header_bytes)
            return decode_message(header, await self._reader.readexactly(body_bytes))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def read_first(self, timeout_s: float) -> Message | None:
        """Return the first message, None where the process ended without one.

        Raises:
            WorkerTimeout: Neither happened in time.
            FrameError: Something else came.
        """
        reading = asyncio.create_task(self.read())
        try:
            if not await self.until_over(reading, timeout_s=timeout_s):
                raise WorkerTimeout("loading the model", timeout_s)
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()

    async def until_over(self, reading: asyncio.Task[Any], *, timeout_s: float | None = None) -> bool:
        """Wait until a task that reads is done, or the process has ended, and tell whether either came in time.

        After the process ended the task has a second for what was sent before. It is left running.
        """
        exited = asyncio.create_task(self._process.wait())
        try:
            over, _ = await asyncio.wait({reading, exited}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if exited in over:
                await asyncio.wait({reading}, timeout=_FAREWELL_S)
        finally:
            exited.cancel()
        return bool(over)

    def hang_up(self) -> None:
        """Close the socket, upon which the worker ends."""
        self._writer.close()

    async def end(self) -> None:
        """Close the socket and wait for the end of the process; it is killed after a second."""
        self.hang_up()
        try:
            await asyncio.wait_for(self._process.wait(), _FAREWELL_S)
        except asyncio.TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def death(self, request_ids: tuple[str, ...] = ()) -> WorkerDeath:
        """Return how the process ended; only after `end`."""
        code = self._process.returncode
        if code is not None and code < 0:
            return WorkerDeath(exit_code=None, signal_name=_signal_name(-code), request_ids=request_ids)
        return WorkerDeath(exit_code=code, signal_name=None, request_ids=request_ids)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time signals between the first and the last have no name
        return f"signal {number}"
