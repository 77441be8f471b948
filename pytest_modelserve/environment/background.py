"""Environments that are restored one after the other by a process of their own, while others do something else.

A process, not a thread: it can be ended at any moment together with what it started, installers slow down no Python
code that runs meanwhile, and neither signals nor the working directory are shared with it. What it has built is found
in the cache, where processes wait for each other anyway. It lives by a lease, so that it outlives nobody.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Final, NoReturn

import psutil

from ..errors import EnvironmentBroken
from ..lifeline import Lease, supervised
from .pauses import end_pauses, paused
from .restoration import RestoreRequest
from .restore import restore

NICENESS: Final = 10  # whoever runs tests meanwhile comes first; a build that has the machine to itself loses nothing
_STOP_TIMEOUT_S: Final = 5.0  # its installer is given two seconds, then what is half-made is removed
_ENTRY: Final = "import sys; sys.path[:] = sys.argv[3:]; from {0} import main; main()"
_ERRORS_BYTES: Final = 4096  # of a traceback, the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What came of one of the environments.

    Attributes:
        at: Which one, by its place among those that were asked for.
        is_over: Whether it was restored, or could not be; else it was begun.
        cached: Whether it was there already.
        elapsed_s: How long it took to get.
    """

    at: int
    is_over: bool
    cached: bool = True
    elapsed_s: float = 0.0


class BackgroundBuild:
    """Restores environments in their order, and holds them until it is closed: nobody removes them before their use.

    One that cannot be restored is passed over: the cache tells why to whoever asks for it.

    Args:
        requests: What is to be restored; they must be silent, since they travel.
        directory: Where relative paths begin.

    Raises:
        OSError: The process cannot be started.
    """

    def __init__(self, requests: Sequence[RestoreRequest], directory: Path) -> None:
        self._known: dict[int, Built] = {}
        self._unread = b""
        with ExitStack() as stack:
            self._lease = stack.enter_context(_own_lease())
            stack.callback(self._lease.path.unlink, missing_ok=True)  # the supervisor removes it, if it comes so far
            order, self._errors = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            pickle.dump(tuple(requests), order)  # with the caller's variables: no file of a name ever holds them
            order.seek(0)
            self._outcomes, told = os.pipe()
            stack.callback(os.close, self._outcomes)
            with open(told, "wb") as theirs:  # noqa: PTH123 # a descriptor has no path
                self._process = _started((order.fileno(), theirs.fileno()), self._lease, self._errors, directory)
            order.close()
            self._stack = stack.pop_all()

    @property
    def is_running(self) -> bool:
        """Whether something may still be built, or is held for those who will ask for it."""
        return self._process.poll() is None

    def outcome(self, at: int, *, is_awaited: bool = False) -> Built | None:
        """Return what came of an environment; None where it was not begun, or where the process died over it.

        Args:
            at: Its place among those that were asked for.
            is_awaited: Whether to wait where it was begun and is not over, which ends a pause.
        """
        self._read(is_awaited=False)
        while is_awaited and (known := self._known.get(at)) is not None and not known.is_over:
            end_pauses()
            if not self._read(is_awaited=True):
                return None
        return self._known.get(at)

    def paused(self) -> AbstractContextManager[None]:
        """Let nothing be built for as long as the block lasts, or until this process needs an environment."""
        return paused(self._family)

    def close(self) -> str:
        """End what is being built, and return why the process had ended before all was done; empty where it had not.

        What was half-made is removed; nothing that was started runs when this returns.
        """
        if self._lease.is_held:
            has_failed = self._process.poll() not in {None, 0}
            self._lease.close()
            self._process.wait()
            said = self._last_words() if has_failed else ""
            self._stack.close()
            return said
        return ""

    def _read(self, *, is_awaited: bool) -> bool:
        """Take in what the process has told; return whether it may tell more."""
        os.set_blocking(self._outcomes, is_awaited)
        try:
            while chunk := os.read(self._outcomes, 65536):
                *lines, self._unread = (self._unread + chunk).split(b"\n")
                for line in lines:
                    built = Built(**json.loads(line))
                    self._known[built.at] = built
                if is_awaited:
                    return True
        except BlockingIOError:
            return True
        return False

    def _family(self) -> list[psutil.Process]:
        if not self.is_running:  # its PID may be anybody's now
            return []
        return psutil.Process(self._process.pid).children(recursive=True)

    def _last_words(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(size - _ERRORS_BYTES, 0))
        lines = self._errors.read().decode(errors="replace").split("\n")
        said = next((line for line in reversed(lines) if line.strip()), "")
        return f"{said or 'it said nothing'} (exit code {self._process.returncode})"


def main() -> None:
    """Restore what the parent asks for: the entry point of the process.

    Raises:
        SystemExit: It was told to end.
    """
    os.nice(NICENESS)
    signal.signal(signal.SIGTERM, _end)
    order, told = (int(word) for word in sys.argv[1:3])
    with open(order, "rb") as file:  # noqa: PTH123 # a descriptor has no path
        requests: Sequence[RestoreRequest] = pickle.load(file)  # noqa: S301 # written by the parent for us alone
    try:
        with ExitStack() as leases:
            with open(told, "wb", buffering=0) as outcomes:  # noqa: PTH123
                held = [_restore(at, request, outcomes, leases) for at, request in enumerate(requests)]
            if any(held):
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
                signal.sigwait({signal.SIGTERM})
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGTERM)


def _restore(at: int, request: RestoreRequest, outcomes: IO[bytes], leases: ExitStack) -> bool:
    """Restore an environment, and tell whether it is held from now on: no other run removes it before its use then."""
    _tell(outcomes, at=at, is_over=False)
    try:
        environment = leases.enter_context(restore(request))
    except EnvironmentBroken:
        _tell(outcomes, at=at, is_over=True)  # why, whoever asks for it is told
        return False
    _tell(outcomes, at=at, is_over=True, cached=environment.cached, elapsed_s=environment.elapsed_s)
    return environment.lease is not None


def _tell(outcomes: IO[bytes], **facts: object) -> None:
    outcomes.write(f"{json.dumps(facts)}\n".encode())


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """Leave as by Ctrl-C, so that what is half-made is removed; virtualenv takes SystemExit for a failure of its own.

    Raises:
        KeyboardInterrupt: Always.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt that
    raise KeyboardInterrupt


def _own_lease() -> Lease:
    descriptor, path = tempfile.mkstemp(prefix="modelserve-ahead-")
    os.close(descriptor)
    return Lease(Path(path))


def _started(descriptors: tuple[int, int], lease: Lease, errors: IO[bytes], directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _ENTRY.format(__name__), *map(str, descriptors), *sys.path]
    return subprocess.Popen(
        supervised(command, lease.path, stop_timeout_s=_STOP_TIMEOUT_S, pass_fds=descriptors, forget=(lease.path,)),
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        pass_fds=descriptors,
    )
