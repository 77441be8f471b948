"""Says why a server does not serve: which end it took, and what its log has to say."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import Final

from ..errors import ServerExited, ServerNotReady
from ..forgotten import how_to_mend, missing_module
from .launch import LaunchSpec
from .logs import last_cause, read_tail

_SHOWN_LINES: Final = 20  # a traceback's end without the frames of the server around it
_SEARCHED_LINES: Final = 400  # a traceback with its causes


def as_exit(returncode: int | None) -> str:
    """Name an end in words: `exit code 3`, `killed by SIGSEGV`; None stands for an end that nobody saw."""
    if returncode is None:
        return "exit code unknown"
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def exited_early(spec: LaunchSpec, log_path: Path, returncode: int | None, elapsed_s: float) -> ServerExited:
    """Build the error for a server that ended before it was ready."""
    lines = read_tail(log_path, _SEARCHED_LINES)
    cause = last_cause(lines)
    happened = f"the {spec.backend} server ended before it was ready"
    if returncode is not None and returncode in spec.exit_codes:
        happened = ": ".join(filter(None, (spec.exit_codes[returncode], cause)))
    return ServerExited(
        f"{happened} ({as_exit(returncode)}, after {elapsed_s:.1f} s)",
        facts=_facts(spec, log_path),
        fix=_fix(lines, log_path, returncode),
    )


def not_ready(spec: LaunchSpec, log_path: Path, reason: str, fix: str) -> ServerNotReady:
    """Build the error for a server that runs but does not predict; `reason` says what it does instead."""
    return ServerNotReady(f"the {spec.backend} server {reason}", facts=_facts(spec, log_path), fix=fix)


def exited_later(backend: str, model_uri: str, log_path: Path, returncode: int | None) -> ServerExited:
    """Build the error for a server that was ready once and is gone."""
    lines = read_tail(log_path, _SEARCHED_LINES)
    return ServerExited(
        f"the {backend} server ended while it was in use ({as_exit(returncode)})",
        facts={"model": model_uri, "log": _shown(log_path)},
        fix=_fix(lines, log_path, returncode),
    )


def _facts(spec: LaunchSpec, log_path: Path) -> dict[str, object]:
    return {"model": spec.model_uri, "command": shlex.join(spec.command), "log": _shown(log_path)}


def _shown(log_path: Path) -> str:
    lines = read_tail(log_path, _SHOWN_LINES)
    if not lines:
        return f"{log_path} is empty"
    return "\n".join([f"last lines of {log_path}:", *(f"  {line}" for line in lines)])


def _fix(lines: list[str], log_path: Path, returncode: int | None) -> str:
    if missing := missing_module(last_cause(lines)):
        return how_to_mend(missing)
    if returncode == -signal.SIGKILL:
        return "Look for an out-of-memory kill in the system's log, and give the machine or container more memory."
    if missing := missing_module("\n".join(lines)):  # it was raised again as something else
        return how_to_mend(missing)
    return f"Read the whole log: {log_path}"
