"""A model behind a running server, and clients that follow the server when it is replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from .cases import Case
from .checks.context import as_example_case
from .client import AsyncModelClient, ModelClient
from .client.access import Access
from .client.base import DEFAULT_TIMEOUT_S
from .environment.restoration import Environment
from .errors import ServerError
from .model.mlmodel import Model
from .running import RunningServer, RunningServers, as_spec
from .server.launch import LaunchSpec
from .server.private import PrivatePool
from .server.state import Server
from .subject import Subject, launch_spec

CALLS_FILE: Final = "calls.jsonl"


class Servers(Protocol):
    """Hands out running servers, one for all who ask for the same."""

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the running server of a launch, started now or before."""
        ...

    def restart(self, spec: LaunchSpec) -> Server:
        """Return a server that is not the one handed out before."""
        ...


class SharedServers(Servers, PrivatePool, Protocol):
    """Hands out servers that are shared, and runs others that are not."""

    def give_back(self, spec: LaunchSpec) -> bool:
        """Give a server back, and return whether there was one."""
        ...


class FollowedModel:
    """A model behind a running server, with clients that follow the server when it is replaced.

    Args:
        subject: The model.
        environment: In which it runs.
        servers: Where the server comes from, and where it goes back to.

    Raises:
        ServerError: The server did not get ready.
    """

    def __init__(self, subject: Subject, environment: Environment, servers: Servers) -> None:
        self.subject = subject
        self.environment = environment
        self._servers = servers
        settings = subject.settings
        self._access = servers.access if isinstance(servers, RunningServers) else Access()
        self._spec = as_spec(subject) if settings.url else launch_spec(subject, environment)
        self._server = self._obtained(servers.obtain)
        timeout_s = settings.request_timeout_s or DEFAULT_TIMEOUT_S
        self._client = self.connect(timeout_s=timeout_s)
        self._async_client = AsyncModelClient.reaching(
            self._server.base_url,
            self._access,
            signature=subject.model.signature,
            timeout_s=timeout_s,
            v2_name=settings.v2_name,
        )

    @property
    def is_managed(self) -> bool:
        """Tell whether the server was started here, so that it may be worn out, stopped and replaced."""
        return not self._spec.url

    @property
    def model(self) -> Model:
        """Return the model as it was read."""
        return self.subject.model

    @property
    def example_case(self) -> Case | None:
        """Return the model's input example as a case, or None."""
        return as_example_case(self.model, self.subject.example)

    @property
    def server_name(self) -> str:
        """Return the name of the server's place, which models share that are served alike."""
        return self._spec.name

    @property
    def server(self) -> Server:
        """Return the running server."""
        return self._server

    @property
    def client(self) -> ModelClient:
        """Return the client of the running server."""
        return self._client

    @property
    def server_version(self) -> str:
        """Return the version of the program that serves; empty where it is of no interest."""
        return self._server.version if isinstance(self._server, RunningServer) else self._spec.version

    @property
    def is_ours(self) -> bool:
        """Tell whether the server is of this package, so that what it does wrong is ours to mend."""
        return self._spec.is_ours

    @property
    def has_spy(self) -> bool:
        """Tell whether the running server records what reached the model, and what it returned or raised."""
        return self._spec.has_spy

    @property
    def calls_path(self) -> Path:
        """Return the file in which the running server records each call of the model."""
        return self._server.directory / CALLS_FILE

    def connect(self, *, timeout_s: float) -> ModelClient:
        """Return a new client of the running server, which the caller closes."""
        return ModelClient.reaching(
            self._server.base_url,
            self._access,
            signature=self.model.signature,
            timeout_s=timeout_s,
            v2_name=self.subject.settings.v2_name,
        )

    @property
    def async_client(self) -> AsyncModelClient:
        """Return the asynchronous client of the running server, for any event loop; it keeps nothing open."""
        return self._async_client

    def revive(self) -> None:
        """Make sure that the server can predict, whoever ended it or the model's process behind it.

        Raises:
            ServerError: A new server did not get ready.
        """
        self._follow(self._obtained(self._servers.obtain))
        if not self._client.ping():
            self.restart()

    def restart(self) -> None:
        """Start a new server in place of one that died or hangs.

        Raises:
            ServerError: The new server did not get ready.
        """
        self._follow(self._obtained(self._servers.restart))

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _obtained(self, obtain: Callable[[LaunchSpec], Server]) -> Server:
        try:
            return obtain(self._spec)
        except ServerError as error:
            if self.subject.settings.redact:
                error.facts.pop("log", None)  # quotes what the model has written, of its example, too
            raise

    def _follow(self, server: Server) -> None:
        if server.base_url != self._server.base_url:
            self._client.move_to(server.base_url)
            self._async_client.move_to(server.base_url)
        self._server = server
