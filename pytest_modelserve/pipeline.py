"""The whole flow in one place: model URI, model, environment, server, client. Only this module knows the order.

The stages, each given the value before it:
    subject = read_subject(uri, settings)              MLmodel file, input example, domain
    environment = restore_environment(subject, …)      the model's own interpreter and packages
    served = ServedModel(subject, environment, pool)   a server and a client of it
    context = served.context()                         what the checks work with
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from .checks.context import CheckContext
from .checks.data_rows import read_rows
from .checks.history import History
from .client import AsyncModelClient, ModelClient
from .client.clients import DEFAULT_TIMEOUT_S
from .domain import Domain, Origin, bound, from_metadata, from_rows, from_table, merged, read_file
from .environment.progress import SILENCE, Progress
from .environment.restoration import Environment, RestoreRequest, default_root
from .environment.restore import restore
from .environment.spec import EnvironmentSpec
from .model.example import InputExample, read_example
from .model.mlmodel import Model, read_model
from .server.backends import ServeRequest, ServeSettings, load_backend
from .server.backends.environ import build_worker_env
from .server.launch import LaunchSpec
from .server.sharing import ServerPool
from .server.state import Server
from .settings import Settings
from .wire.payloads import Table

WORKER: Final = Path(__file__).parent / "runtime" / "__main__.py"
CALLS_FILE: Final = "calls.jsonl"
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


def read_subject(uri: str, settings: Settings, *, ini_domain: Domain | None = None) -> Subject:
    """Read a model and all that is known of it; nothing is built or started.

    Raises:
        ModelError: There is no model, or it is broken.
        DomainError: A declared domain, or a file of data, is contradictory, unreadable, or not this model's.
        EncodeError: The data cannot be read as rows.
    """
    model = read_model(uri)
    data = read_rows(settings.data_file, model.signature) if settings.data_file else None
    declared = merged(
        from_table(settings.domain, origin=Origin.MARKER, place="the marker served_model"),
        ini_domain or Domain(),
        read_file(settings.domain_file) if settings.domain_file else Domain(),
        from_metadata(model.metadata),
        Domain() if data is None else from_rows(data.columns, data.rows, place=str(settings.data_file)),
    )
    domain = bound(declared, model.signature) if model.signature else declared
    return Subject(model=model, example=read_example(model), domain=domain, settings=settings, data=data)


def restore_environment(subject: Subject, *, progress: Progress = SILENCE, run_id: str = "") -> Environment:
    """Restore the model's own environment, from the cache where it was built before; the caller closes it.

    Raises:
        EnvironmentBroken: It could not be restored.
    """
    model, settings = subject.model, subject.settings
    root = settings.cache_dir or default_root()
    spec = EnvironmentSpec.read(model.path, model.pyfunc.env)
    return restore(
        RestoreRequest(
            spec=spec,
            manager=settings.env_manager,
            root=root,
            python=settings.python,
            progress=progress,
            smoke=(str(WORKER), "load", str(_written_config(model, root))),
            smoke_env=partial(build_worker_env, os.environ, names=model.env_vars, patterns=settings.pass_env),
            run_id=run_id,
        )
    )


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


@contextmanager
def serve(uri: str, settings: Settings | None = None, *, progress: Progress = SILENCE) -> Iterator[ServedModel]:
    """Serve a model for as long as the block lasts, without pytest.

    Raises:
        ModelServeError: The model cannot be read, its environment not restored, or its server not started.
    """
    subject = read_subject(uri, settings or Settings())
    root = subject.settings.cache_dir or default_root()
    with ServerPool(root / "servers") as servers, ExitStack() as stack:
        environment = stack.enter_context(restore_environment(subject, progress=progress))
        served = ServedModel(subject, environment, servers)
        stack.callback(served.close)
        yield served


def _written_config(model: Model, root: Path) -> Path:
    """Write what the worker needs to load the model once, at the end of an environment build."""
    path = root / "smoke" / f"{model.digest}.json"
    document = {"model_dir": str(model.path), "loader": dict(model.pyfunc.fields)}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(document), encoding="utf-8")
    draft.replace(path)
    return path
