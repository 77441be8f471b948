"""A model behind a running server: what a check, a fixture and the command line use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from .checks.context import CheckContext
from .checks.history import History
from .client import AsyncModelClient, ModelClient
from .client.clients import DEFAULT_TIMEOUT_S
from .domain import Domain
from .environment.restoration import Environment
from .model.example import InputExample
from .model.mlmodel import Model
from .report.collect import ModelFacts
from .server.backends import ServeRequest, ServeSettings, load_backend
from .server.launch import LaunchSpec
from .server.state import Server
from .settings import Settings
from .signature import as_text
from .wire.payloads import Table

CALLS_FILE: Final = "calls.jsonl"
SPIED: Final = frozenset({"builtin"})  # the backends whose server loads the model behind our spy
TOLD_LIBRARIES: Final = frozenset(
    {
        *("catboost", "lightgbm", "mlflow", "numpy", "onnxruntime", "pandas", "polars", "scikit-learn"),
        *("statsmodels", "tensorflow", "torch", "xgboost"),
    }
)
_SEED_DIGITS: Final = 8  # of the model's digest: 32 bits are enough to tell models apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model as far as it is known without running it.

    Attributes:
        model: The model directory, read.
        example: Its input example, or None.
        domain: Which values its columns take.
        settings: How it is served and checked.
        data: Rows of real data that it must take, or None.
    """

    model: Model
    example: InputExample | None
    domain: Domain
    settings: Settings
    data: Table | None = None

    @property
    def seed(self) -> int:
        """Return the seed of every search: the one asked for, else one that only another model changes."""
        return self.settings.seed if self.settings.seed is not None else int(self.model.digest[:_SEED_DIGITS], 16)


class Servers(Protocol):
    """Hands out running servers, one for all who ask for the same."""

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the running server of a launch, started now or before."""
        ...

    def restart(self, spec: LaunchSpec) -> Server:
        """Return a server that is not the one handed out before."""
        ...


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
        server=_server(served.server) if served else {},
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


def _server(server: Server) -> dict[str, object]:
    return {"backend": server.backend, "cold_start_s": round(server.cold_start_s, 3)}


def launch_spec(subject: Subject, environment: Environment, *, port: int = 0) -> LaunchSpec:
    """Return what it takes to serve a model in its environment, on a port of one's own or any free one.

    Raises:
        ServerError: There is no backend of the name that the settings ask for.
    """
    model, example, settings = subject.model, subject.example, subject.settings
    request = ServeRequest(
        model_dir=model.path,
        model_uri=model.uri,
        model_digest=model.digest,
        python=environment.python,
        environment_prefix=environment.prefix,
        environment_digest=environment.digest,
        is_isolated=environment.manager != "local",
        signature=model.signature_mapping,
        is_signature_from_type_hint=model.is_signature_from_type_hint,
        loader=model.pyfunc.fields,
        env_vars=model.env_vars,
        input_example=example.document if example else None,
        probe_body=example.body if example else None,
        settings=_serve_settings(settings),
    )
    return replace(load_backend(settings.server).launch(request), port=port)


def _serve_settings(settings: Settings) -> ServeSettings:
    usual = ServeSettings()
    return replace(
        usual,
        startup_timeout_s=settings.startup_timeout_s,
        load_timeout_s=settings.startup_timeout_s,
        predict_timeout_s=max(usual.predict_timeout_s, settings.request_timeout_s or 0.0),
        pass_env=settings.pass_env,
    )


class ServedModel:
    """A model behind a running server, with clients that follow the server when it is replaced.

    Args:
        subject: The model.
        environment: In which it runs; closed with this object.
        servers: Where the server comes from, and where it goes back to.

    Raises:
        ServerError: The server did not get ready.
    """

    def __init__(self, subject: Subject, environment: Environment, servers: Servers) -> None:
        self.subject = subject
        self.environment = environment
        self._servers = servers
        self._spec = launch_spec(subject, environment)
        self._server = servers.obtain(self._spec)
        url, signature = self._server.base_url, subject.model.signature
        timeout_s = subject.settings.request_timeout_s or DEFAULT_TIMEOUT_S
        self._client = ModelClient(url, signature=signature, timeout_s=timeout_s)
        self._async_client = AsyncModelClient(url, signature=signature, timeout_s=timeout_s)
        self._history = History()

    @property
    def model(self) -> Model:
        """Return the model as it was read."""
        return self.subject.model

    @property
    def server(self) -> Server:
        """Return the running server."""
        return self._server

    @property
    def client(self) -> ModelClient:
        """Return the client of the running server."""
        return self._client

    @property
    def has_spy(self) -> bool:
        """Tell whether the running server records what reached the model, and what it returned or raised."""
        return self._server.backend in SPIED

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
        self._follow(self._servers.obtain(self._spec))
        if not self._client.ping():
            self.restart()

    def restart(self) -> None:
        """Start a new server in place of one that died or hangs.

        Raises:
            ServerError: The new server did not get ready.
        """
        self._follow(self._servers.restart(self._spec))

    def context(self) -> CheckContext:
        """Return what the checks work with."""
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
            facts=self.facts(),
            history=self._history,
        )

    def facts(self) -> Mapping[str, str]:
        """Return what every failure says beside its own: model, server and environment, a line each."""
        environment = self.environment
        return {
            "model": f"{self.model.uri} ({self.model.digest[:12]})",
            "served by": f"{self.server.backend}, Python {environment.python_version} by {environment.manager}",
            **_libraries(environment),
        }

    def close(self) -> None:
        """Give the client and the environment back; the server goes with the last who uses it."""
        self._client.close()
        self.environment.close()

    def _follow(self, server: Server) -> None:
        if server.base_url != self._server.base_url:
            self._client.move_to(server.base_url)
            self._async_client.move_to(server.base_url)
        self._server = server
