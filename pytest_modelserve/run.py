"""One pytest run: what it was asked for, and the served models that its tests share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from .domain import read_ini
from .environment.restoration import default_root
from .errors import ModelServeError
from .managed import ManagedServers, managed_servers
from .options import settings_from, settings_from_marker, uris_from
from .pipeline import ServedModel, Subject, read_subject, restore_environment
from .progress import TerminalProgress
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """A model as one test asks for it: two that are equal share a server.

    Attributes:
        uri: As the user wrote it.
        overrides: The marker's keywords, as sorted pairs.
    """

    uri: str
    overrides: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of_marker(cls, mark: pytest.Mark) -> Request:
        """Return the request that a `served_model` marker makes.

        Raises:
            pytest.UsageError: It names no model.
        """
        if len(mark.args) != 1 or not isinstance(mark.args[0], str):
            raise pytest.UsageError(f"served_model takes one model URI and keywords, not {mark.args!r}")
        return cls(mark.args[0], tuple(sorted(mark.kwargs.items())))


@dataclass(slots=True)
class Run:
    """What one process of a test run knows; made on the first use of a model.

    Attributes:
        config: Of the run.
        settings: As far as no marker changes them.
        uris: The models of `--model-uri`, or of its twins.
    """

    config: pytest.Config
    settings: Settings
    uris: tuple[str, ...]
    _subjects: dict[Request, Subject | ModelServeError] = field(default_factory=dict)
    _served: dict[Request, ServedModel | ModelServeError] = field(default_factory=dict)
    _told: dict[Request, str] = field(default_factory=dict)
    _servers: ManagedServers | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> Run:
        """Return the run of a configuration.

        Raises:
            pytest.UsageError: A setting cannot be read.
        """
        if RUN not in config.stash:
            try:
                settings = settings_from(config, os.environ)
            except ModelServeError as error:
                raise pytest.UsageError(str(error)) from error
            run = config.stash[RUN] = cls(config=config, settings=settings, uris=uris_from(config, os.environ))
            config.add_cleanup(run.close)
        return config.stash[RUN]

    def subject(self, request: Request) -> Subject:
        """Return a model as it is read, the same one for the same request.

        Raises:
            ModelServeError: It cannot be read.
        """
        known = self._subjects.get(request)
        if known is None:
            known = self._subjects[request] = self._read(request)
        if isinstance(known, ModelServeError):
            raise known
        return known

    def served(self, request: Request) -> ServedModel:
        """Return a model behind a running server, the same one for the same request.

        Raises:
            ModelServeError: It cannot be read, its environment not restored, or its server not started.
        """
        known = self._served.get(request)
        if known is None:
            known = self._served[request] = self._start(request)
        if isinstance(known, ModelServeError):
            raise known
        known.revive()
        return known

    def known(self, request: Request) -> ServedModel | None:
        """Return a model that is served already, or None."""
        known = self._served.get(request)
        return known if isinstance(known, ServedModel) else None

    def first_told(self, request: Request, nodeid: str) -> str:
        """Return the item in which the failure to serve a model is told: the first that asks."""
        return self._told.setdefault(request, nodeid)

    def close(self) -> None:
        """Give back every server and environment."""
        for served in self._served.values():
            if isinstance(served, ServedModel):
                served.close()
        self._served.clear()
        if self._servers is not None:
            self._servers.close()

    def _read(self, request: Request) -> Subject | ModelServeError:
        try:
            settings = settings_from_marker(self.settings, dict(request.overrides))
            pyproject = self.config.rootpath / "pyproject.toml"
            domain = read_ini(pyproject) if pyproject.is_file() else None
            return read_subject(request.uri, settings, ini_domain=domain)
        except ModelServeError as error:
            return error

    def _start(self, request: Request) -> ServedModel | ModelServeError:
        try:
            subject = self.subject(request)
            with TerminalProgress(self.config, request.uri) as progress:
                environment = restore_environment(subject, progress=progress, run_id=run_id_of(self.config))
                progress.step(f"starting the {subject.settings.server} server")
                try:
                    return ServedModel(subject, environment, self._pool())
                except BaseException:
                    environment.close()
                    raise
        except ModelServeError as error:
            return error

    def _pool(self) -> ManagedServers:
        if self._servers is None:
            root = self.settings.cache_dir or default_root()
            self._servers = managed_servers(self.config, root / "servers")
        return self._servers


RUN: pytest.StashKey[Run] = pytest.StashKey()


def run_id_of(config: pytest.Config) -> str:
    """Return what is equal in all processes of one run: xdist's id, else this process and its start."""
    workerinput: Mapping[str, Any] = getattr(config, "workerinput", {})
    return str(workerinput.get("testrunuid", os.getpid()))
