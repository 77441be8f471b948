"""The script that starts a command and ends its whole group with the last holder of its lease.

It runs by path under `-I`, so it imports the standard library alone.
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
from types import FrameType
from typing import Final

_KILLED_TIMEOUT_S: Final = 2.0  # a zombie that its parent never reaps counts as a member of its group for ever
_FIRST_PAUSE_S: Final = 0.002  # a process that does nothing is gone this soon
_LONGEST_PAUSE_S: Final = 0.05  # no event tells that the last orphan of a group went
_LAST_HOLDER_GONE: Final = 0  # no signal has this number, so it can stand among them in the wake-up pipe
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
_NOT_STARTED: Final = 127  # what a shell exits with where a command cannot be started
_LOOK_S: Final = 60.0  # how soon it is seen that a kept command is to be kept no longer, or that its files are gone


def _main(arguments: Sequence[str]) -> int:
    order = _parsed(arguments)
    if os.getpgrp() != os.getpid():
        os.setsid()  # whoever kills the caller's group must not orphan the command
    lease = os.open(order.lease, os.O_RDWR | os.O_CLOEXEC)
    for path in order.hold:  # until this process is gone
        fcntl.flock(os.open(path, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_SH)
    status = _locked_status(order.status)
    wakened, waker = os.pipe()
    os.set_blocking(waker, False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _ignore)  # its number goes into the pipe, and ignored signals would be inherited
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    _adopt_orphans()
    try:
        child = subprocess.Popen(
            order.command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=order.fds,
            preexec_fn=lambda: _begin(status),  # noqa: PLW1509 (no thread runs yet)
        )
    except OSError as error:
        sys.stderr.write(f"{order.command[0]} could not be started: {error}\n")
        _say(status, supervisor_pid=os.getpid(), pid=0, returncode=_NOT_STARTED)
        _forget(order.forget)
        return _NOT_STARTED
    for descriptor in order.fds:  # or the supervisor would hold the port of a dead server
        os.close(descriptor)
    threading.Thread(target=_await_last_holder, args=(lease, waker, order.keep), daemon=True).start()
    while _reap(child) is None:
        if set(os.read(wakened, 64)) - {signal.SIGCHLD}:
            _end_group(child, order.stop_timeout_s)
    try:
        _say(status, returncode=child.returncode)  # before all that may take time: others watch for it
    finally:  # a full disk is no reason to leave something behind
        _kill_leftovers(child)
        _forget(order.forget)
    return _exit_as(child.returncode)


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lifeline", description="Run a command until a lease has no holder.")
    parser.add_argument("--pass-fd", type=int, action="append", default=[], dest="fds", metavar="N")
    parser.add_argument("--status", type=Path)
    parser.add_argument("--forget", type=Path, action="append", default=[])
    parser.add_argument("--hold", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("lease", type=Path)
    parser.add_argument("stop_timeout_s", type=float)
    end = arguments.index("--") + 1  # the command may have a "--" of its own
    parser.set_defaults(command=arguments[end:])
    return parser.parse_args(arguments[: end - 1])


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wake-up pipe has the signal."""


def _await_last_holder(lease: int, waker: int, keep: Path | None) -> None:
    """Wait until nobody holds the lease, nor has for as long as the command is kept; the lock is held from then on."""
    used = 0.0
    try:
        while True:
            if not _is_free(lease):
                fcntl.flock(lease, fcntl.LOCK_EX)
                used = time.time()
            left_s = _kept_s(keep, used)
            if left_s <= 0:
                break
            fcntl.flock(lease, fcntl.LOCK_UN)  # whoever comes meanwhile finds the command alive
            time.sleep(min(left_s, _LOOK_S))
    finally:  # without locks nobody could tell when to end: end now
        os.write(waker, bytes([_LAST_HOLDER_GONE]))


def _is_free(lease: int) -> bool:
    """Take the exclusive lock if that can be done at once."""
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kept_s(keep: Path | None, used: float) -> float:
    """Return how long the command is still to be kept without a holder, by the file that says so; 0 where none does.

    Args:
        keep: Says how many seconds; its time is that of a use that may have been too short to be seen.
        used: When the last holder was seen to go, in seconds since the epoch.
    """
    if keep is None:
        return 0.0
    try:
        keep_s = float(json.loads(keep.read_text())["keep_s"])
        used = max(used, keep.stat().st_mtime)
    except (OSError, ValueError, LookupError, TypeError):  # gone, or none: the rule for all others holds
        return 0.0
    return min(keep_s, used + keep_s - time.time())  # a clock that was put back prolongs nothing


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


def _forget(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _adopt_orphans() -> None:
    """Have orphans come to this process, so that they are reaped at once and none gets away."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _begin(status: int | None) -> None:
    """Run in the child before the command, so that whoever hears of the command finds its status written."""
    _say(status, supervisor_pid=os.getppid(), pid=os.getpid())
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # whoever kills the supervisor


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)  # where it is refused the rest works without, only slower


def _adopted() -> list[int]:
    return [int(pid) for children in Path("/proc/self/task").glob("*/children") for pid in children.read_text().split()]


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: not permitted where only zombies are left
        return False
    return True


def _locked_status(path: Path | None) -> int | None:
    if path is None:
        return None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # until this process is gone
    return descriptor


def _say(status: int | None, **facts: int) -> None:
    if status is not None:
        os.write(status, f"{json.dumps(facts)}\n".encode())


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
