"""What starts a command under a supervisor, and what the supervisor says of it."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FIRST_PAUSE_S: Final = 0.002  # an idle server is gone this soon
_LONGEST_PAUSE_S: Final = 0.05  # a lock cannot be waited for with a limit


def supervised(
    command: Sequence[str | os.PathLike[str]],
    lease_path: Path,
    *,
    stop_timeout_s: float = 10.0,
    pass_fds: Iterable[int] = (),
    status_path: Path | None = None,
    forget: Iterable[Path] = (),
    hold: Iterable[Path] = (),
    keep_path: Path | None = None,
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
        status_path: A new file for `read_status`, written when the command starts and as soon as it ends.
        forget: Files that the supervisor removes once the group is gone, such as those that hold secrets.
        hold: Lease files of others in which the supervisor takes a share of its own, so that what the command needs
            stays as long as the command does.
        keep_path: A file that may be written later, a JSON object: for `keep_s` seconds the command then outlives its
            last holder, counted from when that one went or the file was touched, whichever is later.
    """
    options = [option for fd in pass_fds for option in ("--pass-fd", str(fd))]
    options += [option for path in forget for option in ("--forget", str(path))]
    options += [option for path in hold for option in ("--hold", str(path))]
    if keep_path is not None:
        options += ["--keep", str(keep_path)]
    if status_path is not None:
        options += ["--status", str(status_path)]
    script = str(Path(__file__).with_name("supervisor.py").resolve())
    parts = [os.fspath(part) for part in command]
    return [sys.executable, "-I", script, *options, str(lease_path), str(stop_timeout_s), "--", *parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a supervisor says of its command.

    Attributes:
        supervisor_pid: SIGTERM to it ends the group.
        pid: Of the command, which leads its group; 0 where it could not be started.
        returncode: As `subprocess` counts, minus the signal; None while it runs, or if the supervisor was killed.
        is_running: Whether the command runs, and under its supervisor. True only while the supervisor holds the lock
            on the file, so neither a reused pid nor a reboot can deceive it.
    """

    supervisor_pid: int
    pid: int
    returncode: int | None
    is_running: bool


def read_status(path: Path) -> Status | None:
    """Read what the supervisor says of its command, None before it said anything.

    Raises:
        OSError: If the file is there but cannot be read.
    """
    try:
        with path.open() as file:
            *lines, _unfinished = file.read().split("\n")
            is_supervised = _is_locked(file.fileno())
    except FileNotFoundError:
        return None
    if not lines:
        return None
    facts = {key: value for line in lines for key, value in json.loads(line).items()}
    returncode = facts.pop("returncode", None)
    return Status(**facts, returncode=returncode, is_running=is_supervised and returncode is None)


def is_over(status_path: Path, timeout_s: float) -> bool:
    """Wait until a supervisor and all that it started are gone; return False where the time ran out."""
    deadline = time.monotonic() + timeout_s
    pause_s = _FIRST_PAUSE_S
    while _is_supervised(status_path):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    return True


def _is_supervised(status_path: Path) -> bool:
    try:
        with status_path.open() as file:
            return _is_locked(file.fileno())
    except FileNotFoundError:
        return False


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
