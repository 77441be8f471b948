"""A running server as any process sees it, and the file by which processes find it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import ServerError, ServerExited
from ..lifeline import is_over, read_status
from .deaths import exited_later
from .logs import read_tail
from .readiness import EarlyAnswer, FirstAnswer

_SCHEMA: Final = 1  # to be raised when the file changes its form
_STATE_FILE: Final = "server.json"
_STATUS_FILE: Final = "lifeline.status"
_KEEP_FILE: Final = "keep.json"
_KILL_MARGIN_S: Final = 10.0  # beyond its own time to stop: to be killed, and its orphans after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that got ready; whether it still runs, `is_alive` tells.

    Attributes:
        backend: Which program it is, for messages.
        model_uri: What it serves, for messages.
        base_url: `http://127.0.0.1:port`, without a slash at the end.
        pid: Of the server itself, which leads its own session and process group.
        directory: Its private directory, in which it runs.
        log_path: What it writes to standard output and standard error.
        cold_start_s: From the start of the process to its first answer, in seconds.
        stop_timeout_s: How long it may take to stop before it is killed.
        first_answer: To the probe's request; None where the probe has none.
        early_answers: What it answered before it was ready; known to the process that started it.
        process: The supervisor, in the process that started it.
        is_warm: Whether another run has started it, which kept it.
    """

    backend: str
    model_uri: str
    base_url: str
    pid: int
    directory: Path
    log_path: Path
    cold_start_s: float
    stop_timeout_s: float
    first_answer: FirstAnswer | None = None
    early_answers: tuple[EarlyAnswer, ...] = field(default=(), compare=False, repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, compare=False, repr=False)
    is_warm: bool = field(default=False, compare=False)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.base_url.rpartition(":")[2])

    @property
    def returncode(self) -> int | None:
        """How it ended, as `subprocess` counts; None while it runs, or where nobody saw its end."""
        status = read_status(status_path(self.directory))
        return None if status is None else status.returncode

    def is_alive(self) -> bool:
        """Whether the process runs; one that runs may still hang."""
        if self.process is not None:
            self.process.poll()  # `--xkill` of another run waits long for a dead child that nobody collects
        status = read_status(status_path(self.directory))
        return status is not None and status.is_running

    def log_tail(self, n_lines: int = 20) -> list[str]:
        """Return the last lines of its log."""
        return read_tail(self.log_path, n_lines)

    def as_death(self) -> ServerExited:
        """Build the error that tells of its end, with exit code and log, for whoever found it dead."""
        return exited_later(self.backend, self.model_uri, self.log_path, self.returncode)

    def stop(self) -> None:
        """End it for everyone who uses it, and wait until its whole group is gone. A second call does nothing.

        Raises:
            ServerError: If it is still there when it should have been killed.
        """
        status = read_status(status_path(self.directory))
        if status is not None and status.is_running:
            with suppress(ProcessLookupError):  # it ended between the two lines
                os.kill(status.supervisor_pid, signal.SIGTERM)
        self.await_end()

    def kill(self) -> None:
        """End it for everyone who uses it without giving it any time, and wait until its whole group is gone.

        For one that is dead or hangs: it would take all the time that it has to stop.

        Raises:
            ServerError: If it is still there.
        """
        status = read_status(status_path(self.directory))
        if status is not None and status.is_running:
            with suppress(ProcessLookupError):  # it ended between the two lines
                os.killpg(status.pid, signal.SIGKILL)  # its supervisor sees to what has left the group
        self.await_end()

    def await_end(self) -> None:
        """Wait until its whole group is gone.

        Raises:
            ServerError: If it is still there when it should have been killed.
        """
        if not is_over(status_path(self.directory), self.stop_timeout_s + _KILL_MARGIN_S):
            raise ServerError(
                f"the {self.backend} server did not stop in {self.stop_timeout_s + _KILL_MARGIN_S:g} s",
                facts={"model": self.model_uri, "pid": self.pid, "log": self.log_path},
                fix=f"Run: kill -9 -- -{self.pid}",
            )
        if self.process is not None:
            self.process.wait()

    def clean_up(self) -> None:
        """Remove all from its private directory but the log and how it ended, once nobody uses it."""
        for path in self.directory.glob("*"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path not in {self.log_path, status_path(self.directory)}:
                path.unlink()

    def disown(self) -> None:
        """Leave it to the others who use it: they, not this process, see its end."""
        if self.process is not None and self.process.poll() is None:
            self.process.returncode = 0  # or Popen warns that a child was left running, which is the purpose


def status_path(directory: Path) -> Path:
    """Return where the supervisor of the server in a private directory writes."""
    return directory / _STATUS_FILE


def keep_path(directory: Path) -> Path:
    """Return where it is written that the server in a private directory outlives its users."""
    return directory / _KEEP_FILE


def write_server(home: Path, server: Server) -> None:
    """Make a server known to other processes, all at once."""
    answer = server.first_answer
    document = {
        "schema": _SCHEMA,
        "backend": server.backend,
        "model_uri": server.model_uri,
        "base_url": server.base_url,
        "pid": server.pid,
        "directory": str(server.directory),
        "log_path": str(server.log_path),
        "cold_start_s": server.cold_start_s,
        "stop_timeout_s": server.stop_timeout_s,
        "first_answer": answer
        and {
            "status": answer.status,
            "body": base64.b64encode(answer.body).decode(),
            "elapsed_s": answer.elapsed_s,
        },
    }
    draft = server.directory / _STATE_FILE
    draft.write_text(json.dumps(document))
    draft.replace(home / _STATE_FILE)


def read_server(home: Path) -> Server | None:
    """Read which server was last made known, None where none was; it may be long gone.

    What another version of this package wrote, or a machine that went down while writing, tells of none.
    """
    try:
        document = json.loads((home / _STATE_FILE).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):  # file managers leave files of their own beside homes
        return None
    if document.pop("schema", None) != _SCHEMA:
        return None
    if answer := document["first_answer"]:
        answer = FirstAnswer(**{**answer, "body": base64.b64decode(answer["body"])})
    paths = {name: Path(document[name]) for name in ("directory", "log_path")}
    return Server(**{**document, **paths, "first_answer": answer})
