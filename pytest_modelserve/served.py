"""A model behind a running server: what a check, a fixture and the command line use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from .cases import Case
from .checks.context import CheckContext, as_example_case
from .checks.history import History
from .client import AsyncModelClient, ModelClient
from .client.clients import DEFAULT_TIMEOUT_S
from .environment.restoration import Environment
from .errors import ServerError
from .model.mlmodel import Model
from .report.collect import ModelFacts
from .server.deviations import deviations_of
from .server.family import Ending
from .server.launch import LaunchSpec
from .server.private import PrivatePool, PrivateServers
from .server.state import Server
from .signature import as_text
from .subject import Subject, launch_spec

CALLS_FILE: Final = "calls.jsonl"
LOADS_FILE: Final = "loads.jsonl"
TOLD_LIBRARIES: Final = frozenset(
    {
        *("catboost", "lightgbm", "mlflow", "numpy", "onnxruntime", "pandas", "polars", "scikit-learn"),
        *("statsmodels", "tensorflow", "torch", "xgboost"),
    }
)


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


def facts_of(subject: Subject, served: ServedModel | None, *, uri: str) -> ModelFacts:
    """Return what a report says of a model beside its checks, as far as it was served."""
    model = subject.model
    return ModelFacts(
        uri=uri,
        resolved=model.resolved,
        digest=model.digest,
        seed=str(subject.seed),
        signature=as_text(model.signature) if model.signature else "",
        environment=_environment(served.environment) if served else {},
        server=_server(served) if served else {},
    )


def _libraries(environment: Environment) -> dict[str, str]:
    """Return the versions of the libraries that decide most about what a model does, as far as they are installed."""
    known = (line for line in environment.freeze if line.partition("==")[0].lower() in TOLD_LIBRARIES)
    told = ", ".join(line.replace("==", " ") for line in known)
    return {"with": told} if told else {}


def _environment(environment: Environment) -> dict[str, object]:
    return {
        "manager": environment.manager,
        "python": environment.python_version,
        "digest": environment.digest,
        "cached": environment.cached,
        "seconds": round(environment.elapsed_s, 3),
        "freeze": environment.freeze,
    }


def _server(served: FollowedModel) -> dict[str, object]:
    server = served.server
    return {
        "backend": server.backend,
        "version": served.server_version,
        "is_ours": served.is_ours,
        "cold_start_s": round(server.cold_start_s, 3),
    }


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
        self._spec = launch_spec(subject, environment)
        self._server = self._obtained(servers.obtain)
        url, signature = self._server.base_url, subject.model.signature
        timeout_s = subject.settings.request_timeout_s or DEFAULT_TIMEOUT_S
        self._client = ModelClient(url, signature=signature, timeout_s=timeout_s)
        self._async_client = AsyncModelClient(url, signature=signature, timeout_s=timeout_s)

    @property
    def model(self) -> Model:
        """Return the model as it was read."""
        return self.subject.model

    @property
    def example_case(self) -> Case | None:
        """Return the model's input example as a case, or None."""
        return as_example_case(self.model, self.subject.example)

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
        return self._spec.version

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
        return ModelClient(self._server.base_url, signature=self.model.signature, timeout_s=timeout_s)

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


class PrivateModel(FollowedModel):
    """A model behind a server that nobody else uses, which may be stopped or worn out.

    Args:
        subject: The model.
        environment: In which it runs.
        servers: Runs the server.

    Attributes:
        is_worn: Whether the running server was sent what may have left its marks, such as very large requests.

    Raises:
        ServerError: The server did not get ready.
    """

    def __init__(self, subject: Subject, environment: Environment, servers: PrivateServers) -> None:
        super().__init__(subject, environment, servers)
        self._private = servers
        self.is_worn = False

    @property
    def canaries(self) -> Mapping[str, str]:
        """Return where each secret was planted, and its text."""
        return self._private.canaries

    @property
    def loads_path(self) -> Path:
        """Return the file in which the running server records which files of the model it opens."""
        return self._server.directory / LOADS_FILE

    def temporary_files(self) -> tuple[str, ...]:
        """Return the names of what stands in the server's temporary directory, also after it was stopped."""
        return tuple(self._private.temporary_files())

    def restart(self) -> None:
        """Start a new server, which nobody has asked anything.

        Raises:
            ServerError: The new server did not get ready.
        """
        super().restart()
        self.is_worn = False

    def stop(self) -> Ending | None:
        """Stop the server and tell how it went; `revive` starts another.

        Raises:
            ServerError: It does not stop.
        """
        return self._private.stop()

    def close(self) -> None:
        """Close the client and stop the server."""
        super().close()
        self._private.close()


class ServedModel(FollowedModel):
    """A model behind a running server that is shared by all who ask for the same.

    Args:
        subject: The model.
        environment: In which it runs; closed with this object.
        servers: Where the server comes from, and where it goes back to.

    Raises:
        ServerError: The server did not get ready.
    """

    def __init__(self, subject: Subject, environment: Environment, servers: SharedServers) -> None:
        super().__init__(subject, environment, servers)
        self._pool = servers
        self._own: PrivateModel | None = None
        self._history = History()

    def private(self, *, is_fresh: bool = False) -> PrivateModel:
        """Return the model behind a healthy server that only this process uses, the same one at each call.

        Args:
            is_fresh: Start another one if it was handed out before.

        Raises:
            ServerError: That server did not get ready.
        """
        if self._own is None:
            build = partial(_planted_launch, self.subject, self.environment)
            servers = PrivateServers(self._pool, build)
            try:
                self._own = PrivateModel(self.subject, self.environment, servers)
            except BaseException:
                servers.close()
                raise
        elif is_fresh:
            self._own.restart()
        else:
            self._own.revive()
        return self._own

    def context(self, *, is_crowded: bool = False) -> CheckContext:
        """Return what the checks work with.

        Args:
            is_crowded: Whether other workers of this run use the machine, too.
        """
        subject = self.subject
        return CheckContext(
            model=subject.model,
            environment=self.environment,
            example=subject.example,
            domain=subject.domain,
            served=self,
            settings=subject.settings,
            seed=subject.seed,
            data=subject.data,
            stored=subject.stored,
            facts=self.facts(),
            history=self._history,
            known=() if subject.settings.strict else deviations_of(self.server.backend, self.server_version),
            is_crowded=is_crowded,
        )

    def facts(self) -> Mapping[str, str]:
        """Return what every failure says beside its own: model, server and environment, a line each."""
        environment = self.environment
        program = self.server.backend if self.is_ours else f"{self.server.backend} {self.server_version}".rstrip()
        return {
            "model": f"{self.model.uri} ({self.model.digest[:12]})",
            "served by": f"{program}, Python {environment.python_version} by {environment.manager}",
            **_libraries(environment),
        }

    def close(self) -> None:
        """Give the clients and the environment back; the shared server goes with the last who uses it.

        Raises:
            ServerError: The private server does not stop.
        """
        with ExitStack() as stack:
            stack.callback(self.environment.close)
            stack.callback(super().close)
            if self._own is not None:
                stack.callback(self._own.close)


def _planted_launch(subject: Subject, environment: Environment, planted: Mapping[str, str]) -> LaunchSpec:
    return launch_spec(subject, environment, planted=planted)
