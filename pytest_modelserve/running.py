"""A server that somebody else runs, `--model-url`, as the flow takes the servers that it starts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .client import Invocation, ModelClient
from .client.access import AT_ONCE, AUTHORIZATION, Access, Pace, bearer
from .client.curl import shown_url
from .environment.restoration import Environment
from .errors import ServerError, ServerNotReady
from .server.backends import load_backend
from .server.launch import VERSION_PATH, LaunchSpec
from .server.state import Server
from .settings import Settings
from .subject import Subject

ANSWER_S: Final = 30.0  # for the first answer: a server that sleeps is woken by it
AGAIN_S: Final = 0.5
STARTING: Final = 503
OURS: Final = "builtin"
CERTIFICATE: Final = "CERTIFICATE_VERIFY_FAILED"
UNKNOWN_ENVIRONMENT: Final = Environment(
    manager="",
    python=Path(),
    python_version="",
    prefix=Path(),
    digest="",
    cached=True,
    elapsed_s=0.0,
    freeze=(),
)
"""Of a server that runs already: nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer(Server):
    """A server that somebody else runs: it has no process, directory or log of ours.

    Attributes:
        version: Of its program, as it tells; empty where it does not.
    """

    version: str = ""

    def is_alive(self) -> bool:
        """Count it as alive; that it no longer answers is told by the requests."""
        return True

    def log_tail(self, n_lines: int = 20) -> list[str]:  # noqa: ARG002 # as any server's
        """Return nothing: its log is not ours to read."""
        return []


class RunningServers:
    """Hands out the one server that runs at a URL, and never starts or stops it.

    Args:
        access: How it is reached.
        wait_s: How long it is waited for where it does not answer.
    """

    def __init__(self, access: Access, wait_s: float) -> None:
        self.access = access
        self._wait_s = wait_s
        self._found: Server | None = None

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the server, once it has answered; one that says that it is starting is waited for.

        Raises:
            ServerNotReady: It does not answer, or not as one that is ready.
            ServerError: It wants to know who asks.
        """
        if self._found is None:
            self._found = self._awaited(spec, is_back=False)
        return self._found

    def restart(self, spec: LaunchSpec) -> Server:
        """Return the server, once it answers again: somebody else may be starting it anew.

        Raises:
            ServerNotReady: It does not.
            ServerError: It wants to know who asks.
        """
        self._found = None
        self._found = self._awaited(spec, is_back=True)
        return self._found

    def _awaited(self, spec: LaunchSpec, *, is_back: bool) -> Server:
        started = time.monotonic()
        with ModelClient.reaching(spec.url, self.access, timeout_s=ANSWER_S) as client:
            while (answer := client.send(b"", method="GET", path=spec.probe.health_path)).status != 200:
                may_come = is_back or answer.status == STARTING
                if not may_come or time.monotonic() - started >= self._wait_s:
                    raise _not_ready(spec, answer)
                time.sleep(AGAIN_S)  # between two questions: nothing tells when a server that is not ours is there
            version = _version_of(client, spec.version_path)
        return RunningServer(
            backend=spec.backend,
            model_uri=spec.model_uri,
            base_url=spec.url,
            pid=0,
            directory=Path(),
            log_path=Path(),
            cold_start_s=time.monotonic() - started,
            stop_timeout_s=0.0,
            version=version,
        )


def _not_ready(spec: LaunchSpec, answer: Invocation) -> ServerError:
    shown = shown_url(spec.url)
    facts = {"url": shown, "asked": f"GET {spec.probe.health_path}"}
    if answer.status in {401, 403}:
        return ServerError(
            f"the server at {shown} wants to know who asks: it answered {answer.status}",
            facts=facts,
            fix="Name the environment variable that holds the token: --model-token-env NAME, "
            "or give a header: --model-header 'Name: value'.",
        )
    said, fix = f"it answered {answer.status}", "Start it, or correct --model-url."
    if answer.error is not None:
        said = answer.error.text
        fix = "Name the certificates that count: --model-ca-file FILE." if CERTIFICATE in said else fix
    elif "location" in answer.headers:
        said, fix = f"{said}, and to ask {shown_url(answer.headers['location'])}", "Name that address by --model-url."
    return ServerNotReady(f"no server is ready at {shown}: {said}", facts=facts, fix=fix)


def access_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> Access:
    """Return how the server of `--model-url` is reached.

    Raises:
        SettingError: The variable that is to hold the token is not set.
    """
    headers = dict(settings.headers)
    if settings.token_env:
        headers = {name: value for name, value in headers.items() if name.lower() != AUTHORIZATION.lower()}
        headers.update(bearer(environ, settings.token_env))
    return Access(
        headers=headers,
        ca_file=settings.ca_file,
        is_insecure=settings.insecure,
        pace=Pace(settings.rate) if settings.rate else AT_ONCE,
    )


def as_spec(subject: Subject) -> LaunchSpec:
    """Return a running server as if it was to be started: `--model-server` says which program it is.

    Raises:
        ServerError: There is no backend of that name.
    """
    return spec_of(subject.settings, subject.model.uri)


def spec_of(settings: Settings, model_uri: str) -> LaunchSpec:
    """Return the server of `--model-url` as if it was to be started.

    Raises:
        ServerError: There is no backend of the name that `--model-server` gives.
    """
    backend = load_backend(settings.server)
    return LaunchSpec(
        name="running",
        backend=settings.server,
        model_uri=model_uri,
        command=(),
        env={},
        url=settings.url.rstrip("/"),
        is_ours=settings.server == OURS,
        version_path=getattr(backend, "version_path", VERSION_PATH),
    )


def _version_of(client: ModelClient, path: str) -> str:
    answer = client.send(b"", method="GET", path=path)
    if not answer.is_success:  # few servers tell, and none must
        return ""
    told = answer.body.decode("utf-8", "replace").strip().strip('"')
    try:
        document = json.loads(told)  # ours tells of its worker, too
    except ValueError:
        return told
    return str(document.get("version", "")) if isinstance(document, dict) else told


def only_of(settings: Settings, n_processes: int) -> Settings:
    """Return the settings of one of several processes that share the rate of `--model-rate`."""
    return replace(settings, rate=settings.rate / n_processes) if settings.rate else settings
