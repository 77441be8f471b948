"""A model behind a running server: what a check, a fixture and the command line use."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from .checks.context import CheckContext
from .checks.history import History
from .client.curl import shown_url
from .environment.restoration import Environment
from .errors import ServerError
from .followed import FollowedModel, SharedServers
from .report.collect import ModelFacts
from .running import UNKNOWN_ENVIRONMENT, RunningServers, access_of
from .server.deviations import deviations_of
from .server.family import Ending
from .server.launch import LaunchSpec
from .server.private import PrivateServers
from .signature import as_text
from .subject import Subject, launch_spec

LOADS_FILE: Final = "loads.jsonl"
TOLD_LIBRARIES: Final = frozenset(
    {
        *("catboost", "lightgbm", "mlflow", "numpy", "onnxruntime", "pandas", "polars", "scikit-learn"),
        *("statsmodels", "tensorflow", "torch", "xgboost"),
    }
)


def facts_of(subject: Subject, served: ServedModel | None, *, uri: str) -> ModelFacts:
    """Return what a report says of a model beside its checks, as far as it was served."""
    model = subject.model
    return ModelFacts(
        uri=uri,
        backend=subject.settings.server,
        resolved=model.resolved,
        digest=model.digest,
        seed=str(subject.seed),
        signature=as_text(model.signature) if model.signature else "",
        environment=_environment(served.environment) if served and served.is_managed else {},
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
        **({"added": environment.added} if environment.added else {}),
    }


def _server(served: ServedModel) -> dict[str, object]:
    server = served.server
    told = {"backend": server.backend, "version": served.server_version, "is_ours": served.is_ours}
    if served.is_managed and server.is_warm:
        return {**told, "kept": True}
    if served.is_managed:
        again = {"n_let_go": served.n_let_go} if served.n_let_go else {}
        return {**told, "cold_start_s": round(server.cold_start_s, 3), **again}
    origin = {"signature_from": served.model.told_by} if served.model.told_by else {}
    return {**told, "url": shown_url(server.base_url), **origin}


class PrivateModel(FollowedModel):
    """A model behind a server that nobody else uses, which may be stopped or worn out.

    Args:
        subject: The model.
        environment: In which it runs.
        servers: Runs the server.
        history: Is told how long it takes to start.

    Attributes:
        is_worn: Whether the running server was sent what may have left its marks, such as very large requests.

    Raises:
        ServerError: The server did not get ready.
    """

    def __init__(self, subject: Subject, environment: Environment, servers: PrivateServers, history: History) -> None:
        with history.starting():
            super().__init__(subject, environment, servers)
        self._private = servers
        self._history = history
        self.is_worn: bool = False

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
        with self._history.starting():
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
        servers: Where the server comes from, and where it goes back to; or the one that somebody else runs.

    Attributes:
        n_let_go: How often its servers were given back before the end, since others needed the memory.

    Raises:
        ServerError: The server did not get ready.
    """

    def __init__(self, subject: Subject, environment: Environment, servers: SharedServers | RunningServers) -> None:
        super().__init__(subject, environment, servers)
        self._pool = servers
        self._own: PrivateModel | None = None
        self._history = History()
        self.n_let_go: int = 0

    def private(self, *, is_fresh: bool = False) -> PrivateModel:
        """Return the model behind a healthy server that only this process uses, the same one at each call.

        Args:
            is_fresh: Start another one if it was handed out before.

        Raises:
            ServerError: That server did not get ready, or somebody else runs the one that is asked.
        """
        if isinstance(self._pool, RunningServers):
            raise ServerError(
                f"the server at {shown_url(self._spec.url)} is not ours to stop or wear out",
                fix="Leave --model-url out, so that the model is served here.",
            )
        if self._own is None:
            build = partial(_planted_launch, self.subject, self.environment)
            servers = PrivateServers(self._pool, build)
            try:
                self._own = PrivateModel(self.subject, self.environment, servers, self._history)
            except BaseException:
                servers.close()
                raise
        elif is_fresh:
            self._own.restart()
        else:
            self._own.revive()
        return self._own

    def restart(self) -> None:
        """Start a new server in place of one that died or hangs.

        Raises:
            ServerError: The new server did not get ready.
        """
        with self._history.starting():
            super().restart()

    def let_go(self) -> bool:
        """Give its servers back, since nobody uses them now, and return whether it had any; `revive` takes them again.

        Raises:
            ServerError: One of them does not stop.
        """
        if isinstance(self._pool, RunningServers):
            return False
        own, self._own = self._own, None
        with ExitStack() as stack:
            if own is not None:
                stack.callback(own.close)
            had_any = self._pool.give_back(self._spec) or own is not None
        self.n_let_go += had_any
        return had_any

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
        python = f"Python {environment.python_version} by {environment.manager}"
        kept = ", kept by an earlier run" if self.server.is_warm else ""
        return {
            "model": f"{self.model.uri} ({self.model.digest[:12]})",
            "served by": f"{program}, {python if self.is_managed else 'run by somebody else'}{kept}",
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


def as_running(subject: Subject) -> ServedModel:
    """Return a model behind the server that runs at the URL of its settings.

    Raises:
        ServerError: It does not answer, or wants to know who asks.
        RequestError: It is no http or https URL.
        SettingError: A token or certificates cannot be read.
    """
    servers = RunningServers(access_of(subject.settings), subject.settings.startup_timeout_s)
    return ServedModel(subject, UNKNOWN_ENVIRONMENT, servers)


def _planted_launch(subject: Subject, environment: Environment, planted: Mapping[str, str]) -> LaunchSpec:
    return launch_spec(subject, environment, planted=planted)
