"""The processes of a running server, seen from outside: what they hold, and which are left after a stop."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from ..lifeline import read_status
from .readiness import HOST
from .state import Server, status_path

_LEFT_S: Final = 2.0  # what a server started may take to notice that it is gone
_KILL_MARGIN_S: Final = 3.0  # the supervisor kills what does not stop in time, which is no instant either
_PAUSE_S: Final = 0.005
_CONNECT_S: Final = 1.0
_SHOWN_WORDS: Final = 120  # characters of a command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one process holds.

    Attributes:
        memory_bytes: Its resident memory.
        threads: How many it has.
        descriptors: How many files, sockets and pipes are open.
    """

    memory_bytes: int
    threads: int
    descriptors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a server ended that was asked to stop.

    Attributes:
        elapsed_s: From SIGTERM to the end of the server's own process, in seconds.
        allowed_s: How long that may take before it is killed.
        returncode: As `subprocess` counts; None where nobody saw it.
        left: Command lines of the processes that outlived it.
        is_port_free: Whether nobody takes connections at its port any more.
    """

    elapsed_s: float
    allowed_s: float
    returncode: int | None
    left: tuple[str, ...] = ()
    is_port_free: bool = True

    @property
    def was_killed(self) -> bool:
        """Tell whether it did not stop on SIGTERM."""
        return self.returncode == -signal.SIGKILL or self.elapsed_s >= self.allowed_s


def family_of(server: Server) -> list[psutil.Process]:
    """Return the processes of a server, its own first; none where it is gone."""
    status = read_status(status_path(server.directory))
    if status is None or not status.is_running:
        return []
    try:
        members = psutil.Process(status.supervisor_pid).children(recursive=True)
    except psutil.Error:
        return []
    return sorted(members, key=lambda member: member.pid != status.pid)


def holdings(processes: Iterable[psutil.Process]) -> Mapping[int, Held]:
    """Return what each process holds by its PID, those left out that are gone."""
    found: dict[int, Held] = {}
    for process in processes:
        with suppress(psutil.Error):  # it ended meanwhile
            with process.oneshot():
                found[process.pid] = Held(
                    memory_bytes=process.memory_info().rss,
                    threads=process.num_threads(),
                    descriptors=process.num_fds(),
                )
    return found


def stop_watched(server: Server) -> Ending:
    """Stop a server as a deployment does, by SIGTERM, and tell how it went; nothing is left when this returns.

    Raises:
        ServerError: If it is still there when it should have been killed.
    """
    status, family = read_status(status_path(server.directory)), family_of(server)
    started = time.monotonic()
    left: list[str] = []
    elapsed_s = 0.0
    if status is not None and family:
        names = {member.pid: _words(member) for member in family}
        detached = {member.pid for member in family if not _is_in_group(member, status.pid)}
        with suppress(ProcessLookupError):
            os.kill(status.supervisor_pid, signal.SIGTERM)
        own, *rest = family
        outlived = set(detached)
        while _is_running(own) and time.monotonic() - started < server.stop_timeout_s + _KILL_MARGIN_S:
            outlived &= {member.pid for member in rest if _is_running(member)}
            time.sleep(_PAUSE_S)  # the supervisor ends what is detached at once, so it must be seen before
        elapsed_s = time.monotonic() - started
        _, alive = psutil.wait_procs(rest, timeout=_LEFT_S)
        late = outlived | {member.pid for member in alive if _is_running(member)}
        left = [names[member.pid] for member in rest if member.pid in late]
    server.await_end()
    return Ending(
        elapsed_s=elapsed_s,
        allowed_s=server.stop_timeout_s,
        returncode=server.returncode,
        left=tuple(left),
        is_port_free=_is_free(server.port),
    )


def _is_in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group
    except ProcessLookupError:
        return True  # it has ended, and is no matter


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _words(process: psutil.Process) -> str:
    try:
        line = " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        line = "a process"
    return line if len(line) <= _SHOWN_WORDS else f"{line[: _SHOWN_WORDS - 1]}…"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_CONNECT_S)
        return probe.connect_ex((HOST, port)) != 0
