"""Starts a server behind its lifeline and waits until it can predict."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import ServerError
from ..lifeline import Lease, read_status, supervised
from .launch import LaunchSpec
from .readiness import HOST, Startup, answers_health, wait_until_ready
from .state import Server, keep_path, read_server, status_path, write_server

_HEALTH_TIMEOUT_S: Final = 30.0  # a server busy with somebody else's long prediction is no reason to end it
_RUN_PREFIX: Final = "run-"
_LOG: Final = "server.log"
_BACKLOG: Final = 2048  # as uvicorn's default


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A server about to start: what `subprocess.Popen` needs, and what is watched after it.

    Attributes:
        home: What all servers of one name share: the lease, the state file and the logs.
        directory: The server's private directory, to be its working directory.
        command: Supervised, with file descriptor and port in their places.
        env: The complete environment.
        pass_fds: To be inherited by the command.
        port: Where it will listen on 127.0.0.1.
        log_path: Where standard output and standard error must go.
        exit_fd: Gets readable when the supervisor is gone.
        for_child: What only the child is to hold; closed as soon as it is started.
    """

    spec: LaunchSpec
    home: Path
    directory: Path
    command: tuple[str, ...]
    env: Mapping[str, str]
    pass_fds: tuple[int, ...]
    port: int
    log_path: Path
    exit_fd: int
    for_child: ExitStack


@contextmanager
def prepare(spec: LaunchSpec, lease: Lease, log_name: str, *, forget: tuple[Path, ...] = ()) -> Iterator[Prepared]:
    """Lay out a server's private directory and its listening socket, next to the lease that it lives by.

    The socket listens before the server starts, and the server inherits it: no other process can take the port, and
    no request is refused. A command that takes no `{fd}` gets a port that is kept reserved instead.

    Args:
        log_name: A link of this name, beside the lease, leads to the log of the newest server.
        forget: Files to remove when the server is gone.

    Raises:
        ServerError: If the port that was asked for is not to be had.
    """
    home = lease.path.parent
    directory = Path(tempfile.mkdtemp(prefix=_RUN_PREFIX, dir=home))  # readable by the user alone
    log_path = directory / _LOG
    log_path.touch()
    _sweep(home, keep=(directory, _relinked(home / log_name, log_path)))
    secrets = [_written(directory / name, content) for name, content in spec.files.items()]
    for name, target in spec.links.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).symlink_to(target)
    with ExitStack() as ours, ExitStack() as theirs:
        listener = _listening(spec.port) if _takes_socket(spec) else _reserved(spec.port)
        keeps_port = sys.platform == "linux" and not _takes_socket(spec)
        (ours if keeps_port else theirs).enter_context(listener)
        exit_fd, alive_fd = os.pipe()  # the supervisor alone holds the other end, so it closes with the supervisor
        ours.callback(os.close, exit_fd)
        theirs.callback(os.close, alive_fd)
        inherited = (listener.fileno(),) if _takes_socket(spec) else ()
        port = listener.getsockname()[1]
        command = supervised(
            [part.replace("{fd}", str(listener.fileno())).replace("{port}", str(port)) for part in spec.command],
            lease.path,
            stop_timeout_s=spec.stop_timeout_s,
            pass_fds=inherited,
            status_path=status_path(directory),
            forget=(*secrets, *spec.forget, *forget),
            hold=spec.hold,
            keep_path=keep_path(directory),
        )
        yield Prepared(
            spec=spec,
            home=home,
            directory=directory,
            command=tuple(command),
            env=spec.env,
            pass_fds=(*inherited, alive_fd),
            port=port,
            log_path=log_path,
            exit_fd=exit_fd,
            for_child=theirs,
        )


def settle(prepared: Prepared, process: subprocess.Popen[bytes], started: float) -> Server:
    """Wait until a server that was started as prepared is ready, and make it known to other processes.

    Where it does not get ready it is ended first.

    Raises:
        ServerExited: If it ends first.
        ServerNotReady: If it does not predict in time.
    """
    prepared.for_child.close()
    status_file = status_path(prepared.directory)
    startup = Startup(
        spec=prepared.spec,
        port=prepared.port,
        log_path=prepared.log_path,
        status_path=status_file,
        exit_fd=prepared.exit_fd,
        started=started,
    )
    try:
        readiness = wait_until_ready(startup)
        status = read_status(status_file)
        server = Server(
            backend=prepared.spec.backend,
            model_uri=prepared.spec.model_uri,
            base_url=f"http://{HOST}:{prepared.port}",
            pid=0 if status is None else status.pid,
            directory=prepared.directory,
            log_path=prepared.log_path,
            cold_start_s=readiness.cold_start_s,
            stop_timeout_s=prepared.spec.stop_timeout_s,
            first_answer=readiness.first_answer,
            early_answers=readiness.early_answers,
            process=process,
        )
        write_server(prepared.home, server)
    except BaseException:  # Ctrl-C too: nobody would know the server
        process.terminate()
        process.wait()
        raise
    return server


def start(spec: LaunchSpec, lease: Lease) -> Server:
    """Start a server that lives as long as a lease on the same path is held, and wait until it is ready.

    Raises:
        ServerError: If the port that was asked for is not to be had.
        ServerExited: If it ends before it is ready.
        ServerNotReady: If it does not predict in time.
    """
    with prepare(spec, lease, _LOG) as prepared:
        started = time.monotonic()
        with prepared.log_path.open("wb") as log:
            process = subprocess.Popen(
                prepared.command,
                cwd=prepared.directory,
                env=dict(prepared.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=prepared.pass_fds,
            )
        return settle(prepared, process, started)


def find(spec: LaunchSpec, home: Path) -> Server | None:
    """Return the server of this name that runs and is healthy, whoever started it, or None.

    Hold a lease first, or it may end meanwhile. One that runs but is not healthy is stopped.

    Raises:
        ServerError: If the unhealthy one does not stop.
    """
    server = read_server(home)
    if server is None or not server.is_alive():
        return None
    if answers_health(server.port, spec.probe.health_path, _HEALTH_TIMEOUT_S):
        return server
    server.stop()
    return None


@contextmanager
def serving(spec: LaunchSpec, home: Path) -> Iterator[Server]:
    """Run a server of one's own, in a directory that nobody else uses, for as long as the block lasts.

    Raises:
        ServerExited: If it ends before it is ready.
        ServerNotReady: If it does not predict in time.
        ServerError: If it does not stop at the end.
    """
    with Lease(lease_path(home)) as lease:
        server = start(spec, lease)
        try:
            yield server
        finally:
            server.stop()
            server.clean_up()


def lease_path(home: Path) -> Path:
    """Return the file by which the users of the server in a home keep it alive."""
    return home / "lease"


def _takes_socket(spec: LaunchSpec) -> bool:
    return any("{fd}" in part for part in spec.command)


def _listening(port: int) -> socket.socket:
    try:
        listener = socket.create_server((HOST, port), backlog=_BACKLOG)
    except OSError as error:
        raise _no_port(port, error) from error
    listener.set_inheritable(True)
    return listener


def _reserved(port: int) -> socket.socket:
    """Bind a port without listening: on Linux a server that sets SO_REUSEADDR can still listen there, no other can."""
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, port))
    except OSError as error:
        holder.close()
        raise _no_port(port, error) from error
    return holder


def _no_port(port: int, error: OSError) -> ServerError:
    what = "is taken by another process" if error.errno == errno.EADDRINUSE else "cannot be opened"
    return ServerError(
        f"port {port} on {HOST} {what}",
        facts={"reason": f"{error.strerror or error} (errno {error.errno})"},
        fix="Ask for another port, or for any free one with 0.",
    )


def _relinked(link: Path, target: Path) -> Path:
    """Point a link to another file, and return the directory of the one before: someone may be reading why it died."""
    before = link.readlink().parent if link.is_symlink() else target.parent
    draft = target.with_name("link")
    draft.symlink_to(target)
    draft.replace(link)
    return before


def _sweep(home: Path, keep: tuple[Path, ...]) -> None:
    for old in home.glob(f"{_RUN_PREFIX}*"):
        if old not in keep:
            shutil.rmtree(old)


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path
