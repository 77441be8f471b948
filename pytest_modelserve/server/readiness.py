"""Waits until a server that is starting can predict, or says why it cannot."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from ..errors import ServerExited
from ..lifeline import read_status
from .deaths import exited_early, not_ready
from .launch import LaunchSpec

HOST: Final = "127.0.0.1"  # nobody but this machine is served
_FIRST_PAUSE_S: Final = 0.01  # most servers that answer before they are ready are ready soon after
_PAUSE_SHARE: Final = 0.1  # of the time that it has taken so far: so much later at most is it seen to be ready
_LONGEST_PAUSE_S: Final = 0.25  # an answer costs the loading server time too
_PATIENCE_S: Final = 15.0  # a server may forget a request that came while it was loading
_EARLY_S: Final = 0.5  # a server that is not ready says so at once, or leaves the request in the queue
_FAREWELL_S: Final = 10.0  # one that has given up ends by itself in a second or two, and its end tells more
_LAST_WORDS_S: Final = 1.0  # a process that dropped a connection by dying is gone by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """A server that was started and is to be watched until it is ready.

    Attributes:
        spec: What was started.
        port: Where it listens, or will.
        log_path: Where its output goes.
        status_path: Where its supervisor writes.
        exit_fd: A file descriptor that gets readable when the supervisor is gone.
        started: When it was started, by `time.monotonic()`.
    """

    spec: LaunchSpec
    port: int
    log_path: Path
    status_path: Path
    exit_fd: int
    started: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnswer:
    """What the server answered to its first prediction request, be it a prediction or an error of the model."""

    status: int
    body: bytes
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyAnswer:
    """What the server answered while it was not ready.

    Attributes:
        request: Method and path.
        status: Of the answer.
        elapsed_s: When it came, from the start of the process, in seconds.
    """

    request: str
    status: int
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """How a server got ready.

    Attributes:
        cold_start_s: From the start of the process to the first answer to a prediction, in seconds.
        first_answer: None where the probe has no body.
        early_answers: Those that came before it said that it was ready.
    """

    cold_start_s: float
    first_answer: FirstAnswer | None
    early_answers: tuple[EarlyAnswer, ...] = ()


def wait_until_ready(startup: Startup) -> Readiness:
    """Wait until the server is healthy and has answered one real prediction, in whatever way.

    The process is watched at every turn, so its death is told at once. While the server does not accept, the request
    waits in the queue of the socket that it inherited; there is nothing to poll.

    Raises:
        ServerExited: If the process ends first.
        ServerNotReady: If the time runs out, or the connection of the prediction is dropped.
    """
    early = tuple(_await_health(startup))
    first_answer = None if startup.spec.probe.body is None else _await_first_answer(startup)
    return Readiness(cold_start_s=time.monotonic() - startup.started, first_answer=first_answer, early_answers=early)


def answers_health(port: int, path: str, timeout_s: float) -> bool:
    """Whether a server says that it is healthy; one that does not answer in time is not."""
    connection = HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _await_health(startup: Startup) -> list[EarlyAnswer]:
    spec = startup.spec
    request = f"GET {spec.probe.health_path}"
    deadline = startup.started + spec.startup_timeout_s
    seen = f"gave no answer to {request}"
    early: list[EarlyAnswer] = []
    while (left_s := deadline - time.monotonic()) > 0:
        try:
            status, _ = _ask(startup, "GET", spec.probe.health_path, min(left_s, _PATIENCE_S))
        except TimeoutError:
            seen = f"gave no answer to {request}"
        except ConnectionError as error:
            seen = f"took no connection for {request} ({error})"
        else:
            if status == 200:
                return early
            seen = f"answered {status} to {request}"
            early.append(EarlyAnswer(request=request, status=status, elapsed_s=time.monotonic() - startup.started))
            if status in spec.probe.given_up:
                _await_farewell(startup)
            early += _asked_early(startup, left_s)
        pause_s = _PAUSE_SHARE * (time.monotonic() - startup.started)
        _watch(startup, min(max(pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S, left_s))
    raise not_ready(
        spec,
        startup.log_path,
        f"was not ready after {spec.startup_timeout_s:g} s: it {seen}",
        "Give it more time with a longer startup timeout if its log shows that it was still loading.",
    )


def _await_farewell(startup: Startup) -> None:
    """Wait for the end of a server that says that it will never be ready.

    Raises:
        ServerExited: It ends, as it should.
        ServerNotReady: It does not.
    """
    _watch(startup, _FAREWELL_S)
    request = f"GET {startup.spec.probe.health_path}"
    status, _ = _ask(startup, "GET", startup.spec.probe.health_path, _PATIENCE_S)
    if status in startup.spec.probe.given_up:
        reason = f"has no model that it could get ready: it answered {status} to {request}"
        raise not_ready(startup.spec, startup.log_path, reason, f"Read the whole log: {startup.log_path}")


def _asked_early(startup: Startup, left_s: float) -> list[EarlyAnswer]:
    """Ask a server that is not ready for a prediction, where that is wanted; none comes of one that lets it wait."""
    probe = startup.spec.probe
    if not probe.asks_early or probe.body is None:
        return []
    try:
        status, _ = _ask(startup, "POST", probe.predict_path, min(left_s, _EARLY_S))
    except (TimeoutError, ConnectionError):
        return []
    request = f"POST {probe.predict_path}"
    return [EarlyAnswer(request=request, status=status, elapsed_s=time.monotonic() - startup.started)]


def _await_first_answer(startup: Startup) -> FirstAnswer:
    probe, asked = startup.spec.probe, time.monotonic()
    request = f"its first request, POST {probe.predict_path}"
    try:
        status, body = _ask(startup, "POST", probe.predict_path, probe.timeout_s)
    except TimeoutError:
        reason = f"gave no answer to {request}, in {probe.timeout_s:g} s"
    except ConnectionError as error:
        _watch(startup, _LAST_WORDS_S)
        reason = f"dropped the connection of {request} ({error})"
    else:
        return FirstAnswer(status=status, body=body, elapsed_s=time.monotonic() - asked)
    fix = "Call the model's predict on its input example in its own environment: it should return."
    raise not_ready(startup.spec, startup.log_path, reason, fix)


def _ask(startup: Startup, method: str, path: str, timeout_s: float) -> tuple[int, bytes]:
    """Send one request and return status and body, giving up as soon as the process ends.

    Raises:
        ServerExited: If the process ends first.
        TimeoutError: If no answer comes in time.
        ConnectionError: If the connection is refused, or lost without an answer.
    """
    body, content_type = (startup.spec.probe.body, startup.spec.probe.content_type) if method == "POST" else (None, "")
    connection = HTTPConnection(HOST, startup.port, timeout=timeout_s)
    try:
        connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
        _watch(startup, timeout_s, connection.sock)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except HTTPException as error:
        raise ConnectionError(f"no HTTP: {error!r}") from error
    finally:
        connection.close()


def _watch(startup: Startup, timeout_s: float, connection: socket.socket | None = None) -> None:
    """Wait for the time given, for an answer on the connection if there is one, or for the end of the process.

    Raises:
        ServerExited: If the process ends.
        TimeoutError: If no answer comes in time.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(startup.exit_fd, selectors.EVENT_READ)
        if connection is not None:
            selector.register(connection, selectors.EVENT_READ)
        ready = {key.fileobj for key, _ in selector.select(timeout_s)}
    if startup.exit_fd in ready:
        raise _exited(startup)
    if connection is not None and not ready:
        raise TimeoutError(f"no answer in {timeout_s:g} s")


def _exited(startup: Startup) -> ServerExited:
    status = read_status(startup.status_path)
    return exited_early(
        startup.spec,
        startup.log_path,
        None if status is None else status.returncode,
        time.monotonic() - startup.started,
    )
