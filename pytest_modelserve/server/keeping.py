"""Servers that outlive the run that started them: which they are, until when, and whether one is still fit for use."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ..lifeline import read_status
from .launch import LaunchSpec
from .readiness import HOST, answers_health
from .state import Server, keep_path, read_server, status_path

_MARK: Final = "-kept-"  # in the name of a server that may be kept: others never find it
_OURS: Final = (
    "lifeline",
    "runtime",
    "scoring",
    "server",
    "signature",
)  # the folders whose code is part of a running server
_DIGITS: Final = 8
_RECORDS: Final = ("calls.jsonl", "calls.bin")  # of the spy; they grow with every call
_CALLS, _MODULES = _RECORDS[0], "modules.jsonl"
_ID_HEADER: Final = "X-Modelserve-Request-Id"
_HEALTH_S: Final = 5.0  # nobody else uses it: one that does not answer at once never will
_SHORTEST_S: Final = 10.0
_FACTOR: Final = 20  # of what its first prediction took, which was the slowest of all
_INSTALLED: Final = re.compile(r"/lib(64)?/python3[\d.]*t?/")  # in the path of what an installer put in place
_MOST_LOG_BYTES: Final = 64 * 1024 * 1024  # what it writes to its log is never cut while it runs


def as_kept(spec: LaunchSpec, keep_s: float) -> LaunchSpec:
    """Return a launch whose server outlives its last user, under a name that only those share who ask for that.

    The name is another one with any change of our own code, which is a part of the server.
    """
    return replace(spec, name=f"{spec.name}{_MARK}{_fingerprint()}", keep_s=keep_s)


def keep(server: Server, keep_s: float, run_id: str) -> None:
    """Let a server outlive its last user by so many seconds; which run has started it is written down, too."""
    path = keep_path(server.directory)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(json.dumps({"keep_s": keep_s, "run_id": run_id}))
    draft.replace(path)


def note_use(server: Server) -> bool:
    """Count the time for which a server is kept from now, and tell whether it is kept."""
    try:
        os.utime(keep_path(server.directory))
    except FileNotFoundError:
        return False
    return server.is_alive()


def as_joined(server: Server, keep_s: float, run_id: str) -> Server:
    """Return a server that was found, with whether another run has started it; if it is kept, then as long as asked."""
    told = _read_keep(server)
    if told is None:
        return server
    keep(server, keep_s, told.run_id)
    return replace(server, is_warm=told.run_id != run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptServer:
    """One that runs, used or not, and is kept.

    Attributes:
        server: The server.
        until: When it ends if nobody uses it meanwhile, in seconds since the epoch.
        supervisor_pid: SIGTERM to it ends the server.
    """

    server: Server
    until: float
    supervisor_pid: int


def kept_servers(root: Path) -> Iterator[KeptServer]:
    """Yield the servers below a directory that are kept."""
    for home in homes_of_kept(root):
        server = read_server(home)
        status = None if server is None else read_status(status_path(server.directory))
        if server is None or status is None or not status.is_running:
            continue
        if told := _read_keep(server):
            yield KeptServer(server=server, until=told.used + told.keep_s, supervisor_pid=status.supervisor_pid)


def homes_of_kept(root: Path) -> Iterator[Path]:
    """Yield where servers below a directory have their files that were kept, or might have been."""
    yield from (home for home in sorted(root.glob(f"*{_MARK}*")) if home.is_dir())


def end_if_unfit(spec: LaunchSpec, home: Path) -> str:
    """End the server of a home if it runs and is not as it was when it got ready; return why, empty where it stays.

    Call it where nobody else uses the server: its records are emptied, so that they do not grow for ever.

    Raises:
        ServerError: It does not stop.
    """
    server = read_server(home)
    if server is None or not server.is_alive():
        return ""
    reason = _fault_of(spec, server)
    if reason:
        server.kill()
    return reason


def _fault_of(spec: LaunchSpec, server: Server) -> str:
    """Return what is wrong with a server, empty where nothing is; what cannot be told counts as wrong."""
    try:
        return _fault_found(spec, server)
    except (OSError, ValueError) as error:
        return f"it could not be told whether it is as it was: {error!r}"


def _fault_found(spec: LaunchSpec, server: Server) -> str:
    if _read_keep(server) is None:
        return "it was not to be kept"
    if server.log_path.stat().st_size > _MOST_LOG_BYTES:
        return f"its log has more than {_MOST_LOG_BYTES} bytes"
    if changed := _changed_module(server):
        return f"{changed} was changed since it was imported"
    if not answers_health(server.port, spec.probe.health_path, _HEALTH_S):
        return f"GET {spec.probe.health_path} was not answered by 200 in {_HEALTH_S:g} s"
    for name in _RECORDS:
        with suppress(FileNotFoundError):  # of a server without a spy
            os.truncate(server.directory / name, 0)  # whoever writes it appends
    return _fault_of_prediction(spec, server)


def _fault_of_prediction(spec: LaunchSpec, server: Server) -> str:
    first, probe = server.first_answer, spec.probe
    if first is None or probe.body is None:
        return ""
    identity = uuid.uuid4().hex
    timeout_s = min(max(_SHORTEST_S, _FACTOR * first.elapsed_s), probe.timeout_s)
    connection = HTTPConnection(HOST, server.port, timeout=timeout_s)
    try:
        headers = {"Content-Type": probe.content_type, _ID_HEADER: identity}
        connection.request("POST", probe.predict_path, probe.body, headers)
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except (OSError, HTTPException) as error:
        return f"its input example was not answered in {timeout_s:g} s: {error!r}"
    finally:
        connection.close()
    if status != first.status:
        return f"its input example was answered by {status}, and at first by {first.status}"
    if probe.is_repeatable and body != first.body:
        return "its input example was answered otherwise than at first"
    is_seen = not spec.has_spy or status != 200 or _has_recorded(server, identity)
    return "" if is_seen else "what it does is not recorded where it should be"


def _has_recorded(server: Server, identity: str) -> bool:
    """Tell whether the spy of this very server saw a request, and what it was: nobody else writes into its directory.

    A server that cannot name requests records it without the id.
    """
    lines = (server.directory / _CALLS).read_bytes().splitlines()
    documents = [json.loads(line) for line in lines if line]
    return any(one["id"] in {identity, None} and one.get("received") for one in documents)


def _changed_module(server: Server) -> str:
    """Return a file of the model's process that was written, or removed, after it was imported; empty where none was.

    What is installed in an environment stays; the code of env manager `local` is what the user is working at.
    """
    record = server.directory / _MODULES
    if not record.exists():
        return ""
    began = status_path(server.directory).stat().st_mtime
    scratch = tempfile.gettempdir() + os.sep  # what is generated while the model runs may go as it came
    imported = record.stat().st_mtime  # the last of it, so what was generated before that is no change
    written = record.read_bytes()  # a line that is being written now has no end yet
    for line in written[: written.rfind(b"\n") + 1].splitlines():
        file = json.loads(line)["file"]
        if file is None:
            continue
        is_scratch = file.startswith(scratch)
        try:
            if _placed_at(Path(file)) > (imported if is_scratch else began):
                return str(file)
        except FileNotFoundError:
            if not is_scratch:
                return str(file)
    return ""


def _placed_at(path: Path) -> float:
    """Return when a file, or the archive that it is in, got where it is: `mv` and `cp -p` keep the time of writing.

    In an environment only that counts: its files are links, and each further link of another environment to the same
    file is a change of the file.

    Raises:
        OSError: It is not there, or may not be seen.
    """
    try:
        status = path.stat()
    except NotADirectoryError:
        return _placed_at(path.parent)
    return status.st_mtime if _INSTALLED.search(str(path)) else max(status.st_mtime, status.st_ctime)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keep:
    """For how long a server is kept after its last use, which run has started it, and when it was used last."""

    keep_s: float
    run_id: str
    used: float


def _read_keep(server: Server) -> _Keep | None:
    """Read for how long a server is kept; None where it is not, or where a machine went down while that was written."""
    path = keep_path(server.directory)
    try:
        told, used = json.loads(path.read_text()), path.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None
    return _Keep(keep_s=told["keep_s"], run_id=told["run_id"], used=used)


def _fingerprint() -> str:
    """Return a digest of our own version and, since it may be under work, of the code that a server is made of."""
    root = Path(__file__).parents[1]
    files = sorted(path for folder in _OURS for path in (root / folder).rglob("*.py"))
    told = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((version("pytest-modelserve"), told)).encode()).hexdigest()[:_DIGITS]
