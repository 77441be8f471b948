"""Ties a process to those who need it: when the last of them is gone, however it went, so is the process.

Whoever needs the process holds a shared lock on one file, the *lease*. A supervisor, this very file run as a script,
starts the process as the leader of a group and waits for the exclusive lock: the kernel grants it once every holder
has closed its lease, exited, or was killed by `kill -9`. Then the whole group ends. Nothing else is needed of the
platform, so Linux and macOS behave alike; only on macOS does a process that leaves the group outlive it.

One rule keeps those who come and those who go apart: take a lease first, look whether the process lives second. While
the supervisor ends the group it holds the exclusive lock, so a lease is only granted when the process is there to stay
or gone for good.

As a script it runs under `-I` and imports the standard library alone.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, final

_KILLED_TIMEOUT_S: Final = 2.0  # a zombie that its parent never reaps counts as a member of its group for ever
_FIRST_PAUSE_S: Final = 0.002  # a process that does nothing is gone this soon
_LONGEST_PAUSE_S: Final = 0.05  # no event tells that the last orphan of a group went
_LAST_HOLDER_GONE: Final = 0  # no signal has this number, so it can stand among them in the wake-up pipe
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
_NOT_STARTED: Final = 127  # what a shell exits with where a command cannot be started


@final
class Lease:
    """Hold one share in a supervised process for as long as this object, or this process, lives.

    Taking it waits while a supervisor is ending its group, a few seconds at most. Leases do not pass to programs that
    the holder starts; a copy in a forked child keeps the share only as long as the holder does not close it.

    Raises:
        OSError: If the file cannot be opened, or its file system has no locks.
    """

    __slots__ = ("_descriptor", "_owner", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._owner = os.getpid()
        self._descriptor: int | None = _shared_lock(path)

    @property
    def is_held(self) -> bool:
        """Whether it was not closed yet."""
        return self._descriptor is not None

    def close(self) -> None:
        """Give the share back; the last one out ends the process. A second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._owner == os.getpid():  # in a forked child the lock is still its parent's
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.close()

    def __repr__(self) -> str:
        return f"Lease({str(self.path)!r}, {'held' if self.is_held else 'closed'})"


def supervised(
    command: Sequence[str | os.PathLike[str]],
    lease_path: Path,
    *,
    stop_timeout_s: float = 10.0,
    pass_fds: Iterable[int] = (),
    status_path: Path | None = None,
) -> list[str]:
    """Wrap a command so that it ends with the last holder of a lease.

    Take a `Lease` on the path before starting the result: without a holder it ends at once. The supervisor exits as
    the command does, by the same code or the same signal, after killing what is left of its group; SIGTERM, SIGINT and
    SIGHUP to the supervisor end the group too. Both leave the caller's process group, so Ctrl-C in a terminal reaches
    the caller alone, who ends the command by closing its lease. The command reads nothing from standard input;
    directory, environment and output are the supervisor's.

    Args:
        command: The program and its arguments.
        lease_path: The file that the holders lock; it must exist when the supervisor starts.
        stop_timeout_s: How long the group may take to end on SIGTERM before SIGKILL.
        pass_fds: File descriptors for the command; give the same to the `Popen` of the result.
        status_path: Where the supervisor writes `{"pid": …, "returncode": null}`, and the return code (as
            `subprocess` counts, minus the signal) as soon as the command ends.
    """
    options = [option for fd in pass_fds for option in ("--pass-fd", str(fd))]
    if status_path is not None:
        options += ["--status", str(status_path)]
    script = str(Path(__file__).resolve())
    parts = [os.fspath(part) for part in command]
    return [sys.executable, "-I", script, *options, str(lease_path), str(stop_timeout_s), "--", *parts]


def read_status(path: Path) -> tuple[int, int | None] | None:
    """Read the pid and the return code (None while it runs) from a supervisor's status file, None before there is one.

    Raises:
        OSError: If the file is there but cannot be read.
    """
    try:
        status = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return status["pid"], status["returncode"]


def _shared_lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:  # Ctrl-C while waiting: whoever called never sees the descriptor
            os.close(descriptor)
            raise
        os.close(descriptor)  # the file was removed meanwhile, so nobody else would see this lock


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _main(arguments: Sequence[str]) -> int:
    order = _parsed(arguments)
    if os.getpgrp() != os.getpid():
        os.setsid()  # whoever kills the caller's group must not orphan the command
    lease = os.open(order.lease, os.O_RDWR | os.O_CLOEXEC)
    wakened, waker = os.pipe()
    os.set_blocking(waker, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _ignore)  # its number goes into the pipe, and ignored signals would be inherited
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    _adopt_orphans()
    try:
        child = subprocess.Popen(order.command, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=order.fds)
    except OSError as error:
        sys.stderr.write(f"{order.command[0]} could not be started: {error}\n")
        _write_status(order.status, 0, _NOT_STARTED)
        return _NOT_STARTED
    for descriptor in order.fds:  # or the supervisor would hold the port of a dead server
        os.close(descriptor)
    _write_status(order.status, child.pid, None)
    threading.Thread(target=_await_last_holder, args=(lease, waker), daemon=True).start()
    while _reap(child) is None:
        if set(os.read(wakened, 64)) - {signal.SIGCHLD}:
            _end_group(child, order.stop_timeout_s)
    _write_status(order.status, child.pid, child.returncode)
    _kill_leftovers(child)
    return _exit_as(child.returncode)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lifeline", description="Run a command until a lease has no holder.")
    parser.add_argument("--pass-fd", type=int, action="append", default=[], dest="fds", metavar="N")
    parser.add_argument("--status", type=Path)
    parser.add_argument("lease", type=Path)
    parser.add_argument("stop_timeout_s", type=float)
    end = arguments.index("--") + 1  # the command may have a "--" of its own
    parser.set_defaults(command=arguments[end:])
    return parser.parse_args(arguments[: end - 1])


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wake-up pipe has the signal."""


def _await_last_holder(lease: int, waker: int) -> None:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX)
    finally:  # without locks nobody could tell when to end: end now
        os.write(waker, bytes([_LAST_HOLDER_GONE]))


def _end_group(child: subprocess.Popen[bytes], stop_timeout_s: float) -> None:
    _signal_group(child.pid, signal.SIGTERM)
    _signal_group(child.pid, signal.SIGCONT)  # a stopped process acts on SIGTERM only when continued
    if not _has_ended(child, stop_timeout_s):
        _signal_group(child.pid, signal.SIGKILL)
        _has_ended(child, _KILLED_TIMEOUT_S)


def _kill_leftovers(child: subprocess.Popen[bytes]) -> None:
    """End what a server that crashed leaves: its workers and, on Linux, what left its group."""
    _signal_group(child.pid, signal.SIGKILL)
    _has_ended(child, _KILLED_TIMEOUT_S)
    while adopted := _adopted():  # each one killed may leave children of its own
        for pid in adopted:
            os.kill(pid, signal.SIGKILL)  # not reaped yet, so the pid is nobody else's
        for pid in adopted:
            os.waitpid(pid, 0)


def _has_ended(child: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait until the child and its whole group are gone."""
    deadline = time.monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while _reap(child) is None or _signal_group(child.pid, 0):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return True


def _reap(child: subprocess.Popen[bytes]) -> int | None:
    """Collect all that ended, orphans that came to us too; return the child's return code once it has one."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
        elif pid == 0:
            break
    return child.returncode


def _adopt_orphans() -> None:
    """Have orphans come to this process on Linux, so that they are reaped at once and none gets away."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # without it they only take longer to go


def _adopted() -> list[int]:
    return [int(pid) for children in Path("/proc/self/task").glob("*/children") for pid in children.read_text().split()]


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: not permitted where only zombies are left
        return False
    return True


def _write_status(path: Path | None, pid: int, returncode: int | None) -> None:
    if path is None:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"pid": pid, "returncode": returncode}))
    draft.replace(path)


def _exit_as(returncode: int) -> int:
    """Exit code of the child, or this process killed by the child's signal."""
    if returncode >= 0:
        return returncode
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core dump is enough
    if -returncode not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(-returncode, signal.SIG_DFL)
    os.kill(os.getpid(), -returncode)
    return 128 - returncode  # the signal is on its way; shells count like this


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
