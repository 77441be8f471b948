"""One pytest run: what it was asked for, and the served models that its tests share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from .ahead import BuildsAhead
from .bounded import BoundedServers, usual_bound
from .casebook import CASES_DIR, KEPT_DIR
from .discovered import is_discovered, uri_of
from .domain import read_ini
from .environment.restoration import Environment, RestoreRequest, cache_root
from .environment.restore import restore
from .errors import ModelServeError
from .managed import managed_servers
from .model.mlmodel import read_model
from .option import SERVER, URI
from .options import BY_NAME
from .pipeline import environment_request, read_subject, requires
from .precedence import parse_servers, servers_from, settings_from, settings_from_marker, uris_from
from .progress import TerminalProgress, tell
from .request import Request, asked_by, without_slash
from .running import only_of
from .served import ServedModel, as_running
from .settings import AUTO, TOGETHER, Settings
from .subject import Subject


@dataclass(slots=True)
class Run:
    """What one process of a test run knows; made on the first use of a model.

    Attributes:
        config: Of the run.
        settings: As far as no marker changes them.
        servers: The backends on which each model is checked; the first is the one that `settings` names.
        is_auto: Whether nobody named a backend, so that MLflow's server is compared with ours where a model has one.
        requests: The models of `--model-uri`, or of its twins, on each of the servers.
        run_id: Equal in all processes of one run, and in no other run.
        ahead: Restores environments before a test asks for them.
    """

    config: pytest.Config
    settings: Settings
    servers: tuple[str, ...]
    is_auto: bool
    requests: tuple[Request, ...]
    run_id: str
    ahead: BuildsAhead
    _marked: dict[Request, Request] = field(default_factory=dict)
    _subjects: dict[Request, Subject | ModelServeError] = field(default_factory=dict)
    _served: dict[Request, ServedModel | ModelServeError] = field(default_factory=dict)
    _groups: dict[str, tuple[tuple[Request, ...], ...]] = field(default_factory=dict)
    _told: dict[Request, str] = field(default_factory=dict)
    _used: dict[Request, None] = field(default_factory=dict)  # the least recently used first
    _in_use: set[Request] = field(default_factory=set)
    _servers: BoundedServers | None = None

    @classmethod
    def of(cls, config: pytest.Config, *, pasted: Sequence[str] = ()) -> Run:
        """Return the run of a configuration, made where it is asked for first.

        Args:
            config: Of the run.
            pasted: The backends in ids on the command line, which count where no option names any.

        Raises:
            pytest.UsageError: A setting cannot be read.
        """
        if RUN not in config.stash:
            try:
                asked = servers_from(config, os.environ, pasted)
                is_auto, usual = asked == (AUTO,), settings_from(config, os.environ)
                servers = (usual.server,) if is_auto else asked
                settings = replace(usual, server=servers[0])
            except ModelServeError as error:
                raise pytest.UsageError(str(error)) from error
            workerinput: Mapping[str, Any] = getattr(config, "workerinput", {})
            run_id = workerinput.get("testrunuid") or uuid.uuid4().hex  # a container gives each run the same PID
            named = _requests(config) or _discovered(config, settings)
            requests = tuple(one for request in named for one in _on_each(request, servers))
            run = cls(
                config=config,
                settings=settings,
                servers=servers,
                is_auto=is_auto,
                requests=requests,
                run_id=run_id,
                ahead=BuildsAhead(config.invocation_params.dir, partial(tell, config)),
            )
            config.stash[RUN] = run
            config.add_cleanup(run.close)
        return config.stash[RUN]

    def marked(self, mark: pytest.Mark) -> tuple[Request, ...]:
        """Return the requests of a `served_model` marker, one for each server that it, or else the run, asks for.

        They are the same objects for equal ones, so that fixtures are shared.

        Raises:
            SettingError: It names no model, a keyword is no setting, or its value cannot be read.
        """
        asked = Request.of_marker(mark, self.config.rootpath)
        named = asked.overrides.get(SERVER)
        text = ",".join(map(str, named)) if isinstance(named, list | tuple | set | frozenset) else str(named)
        servers = (AUTO,) if named is None else parse_servers(text, origin="the marker served_model")
        is_usual = servers == (AUTO,)
        requests = _on_each(asked.on_any(), self.servers) if is_usual else tuple(map(asked.on, servers))
        for request in requests:
            settings_from_marker(self.settings, request.overrides)
        return tuple(self._marked.setdefault(request, request) for request in requests)

    def given(self, uri: str) -> tuple[Request, ...]:
        """Return the requests of a model that was named on the command line, one for each server."""
        return _on_each(Request(uri, self.config.invocation_params.dir), self.servers)

    def groups(self, uri: str) -> tuple[tuple[Request, ...], ...]:
        """Return the requests of a model as the contract is checked: on each server alone, then on all together."""
        if uri not in self._groups:
            self._groups[uri] = self._grouped(self.given(uri))
        return self._groups[uri]

    def _grouped(self, requests: tuple[Request, ...]) -> tuple[tuple[Request, ...], ...]:
        together = requests
        if self.is_auto and not self.settings.url and self._has_mlflow(requests[0]):
            together = (*requests, requests[0].on(COMPARED))
        alone = tuple((request,) for request in requests)
        return (*alone, together) if len(together) > 1 else alone

    def reported(self, requests: Sequence[Request]) -> str:
        """Return the server, or the servers, under whose name a report tells what requests came to."""
        return self.settings.server if self.is_auto else TOGETHER.join(map(self.server_of, requests))

    def server_of(self, request: Request) -> str:
        """Return the backend that a request asks for."""
        return str(request.overrides.get(SERVER) or self.settings.server)

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
        self._in_use.add(request)
        self._used.pop(request, None)
        self._used[request] = None
        known = self._served.get(request)
        if known is None:
            known = self._served[request] = self._start(request)
        if isinstance(known, ModelServeError):
            raise known
        known.revive()
        return known

    def foresee(self, items: Sequence[pytest.Item]) -> None:
        """Let the environments of the models that tests will ask for be restored ahead, in the order of the tests.

        Of xdist's workers one does so for all: each of them knows all tests, and none knows which will be its own.
        """
        workerinput: Mapping[str, Any] = getattr(self.config, "workerinput", {})
        if workerinput.get("workerid", FIRST_WORKER) != FIRST_WORKER:
            return
        asked = [request for item in items for request in asked_by(item)]
        if len(set(asked)) > 1:
            self.ahead.plan(self._foreseen(asked))
        if items and not asked_by(items[0]):  # else the first environment is built here, and the others after it
            self.ahead.begin()

    def begin(self, requests: Iterable[Request]) -> None:
        """Take in which models the test uses that begins now; they are not let go before another test begins."""
        self._in_use = set(requests)

    def known(self, request: Request) -> ServedModel | None:
        """Return a model that is served already, or None."""
        known = self._served.get(request)
        return known if isinstance(known, ServedModel) else None

    def first_told(self, request: Request, nodeid: str) -> str:
        """Return the item in which the failure to serve a model is told: the first that asks."""
        return self._told.setdefault(request, nodeid)

    def close(self) -> None:
        """Give back every server and environment."""
        with ExitStack() as stack:  # what one of them raises keeps none of the others
            if self._servers is not None:
                stack.callback(self._servers.close)
            for served in self._served.values():
                if isinstance(served, ServedModel):
                    stack.callback(served.close)
            stack.callback(self.ahead.close)  # which is called first
            self._served.clear()

    def _has_mlflow(self, request: Request) -> bool:
        try:
            return requires(self.subject(request), COMPARED)
        except ModelServeError:  # which the first item tells
            return False

    def _read(self, request: Request) -> Subject | ModelServeError:
        try:
            asked = settings_from_marker(self.settings, request.overrides)
            if SERVER in request.overrides and not asked.url:  # a model is read once, whatever serves it
                known = self.subject(request.on_any())
                return replace(known, settings=replace(known.settings, server=asked.server))
            workerinput: Mapping[str, Any] = getattr(self.config, "workerinput", {})
            shared = only_of(asked, int(workerinput.get("workercount", 1)))
            settings = _with_folders(shared, self.config.rootpath)
            pyproject = self.config.rootpath / "pyproject.toml"
            domain = read_ini(pyproject) if pyproject.is_file() else None
            location = request.uri if is_discovered(request.uri, settings) else request.location
            subject = read_subject(location, settings, ini_domain=domain)
            return replace(subject, model=replace(subject.model, uri=request.uri))
        except ModelServeError as error:
            return error

    def _start(self, request: Request) -> ServedModel | ModelServeError:
        try:
            subject = self.subject(request)
            with TerminalProgress(self.config, request.uri) as progress:
                if subject.settings.url:
                    return as_running(subject)
                model, settings = subject.model, subject.settings
                asked = environment_request(model, settings, progress=progress, run_id=self.run_id)
                environment = self._restored(asked)
                progress.step(f"starting the {subject.settings.server} server")
                try:
                    return ServedModel(subject, environment, self._pool())
                except BaseException:
                    environment.close()
                    raise
        except ModelServeError as error:
            return error

    def _foreseen(self, requests: Iterable[Request]) -> Iterator[RestoreRequest]:
        """Yield the environments that are built for models; what is broken in any way, its own test tells.

        Nothing is remembered of what is read here: a fixture may yet write the model, or write it anew.
        """
        for request in dict.fromkeys(requests):
            with suppress(Exception):  # one odd model, or backend of others', is no reason to run no tests at all
                settings = settings_from_marker(self.settings, request.overrides)
                if settings.build_ahead and not settings.url and settings.env_manager not in UNBUILT:
                    known = self._subjects.get(request.on_any(), self._subjects.get(request))
                    model = (
                        known.model if isinstance(known, Subject) else read_model(request.location, with_digest=False)
                    )
                    yield environment_request(model, settings, run_id=self.run_id)

    def _restored(self, request: RestoreRequest) -> Environment:
        try:
            environment = self.ahead.told(request, restore(request))
        except ModelServeError:  # after Ctrl-C nothing is begun
            self.ahead.begin()
            raise
        self.ahead.begin()
        return environment

    def _pool(self) -> BoundedServers:
        if self._servers is None:
            root = cache_root(self.settings.cache_dir)
            self._servers = BoundedServers(
                managed_servers(self.config, root / "servers"),
                self.settings.memory_bytes or usual_bound(),
                idle=self._idle,
                tell=self._tell_more,
            )
        return self._servers

    def _idle(self) -> Iterator[ServedModel]:
        """Yield the models that the running test does not use, the least recently used first."""
        in_use = {known.server_name for request in self._in_use if (known := self.known(request))}
        for request in (*self._used,):
            known = self.known(request)
            if known is not None and request not in self._in_use and known.server_name not in in_use:
                yield known

    def _tell_more(self, text: str) -> None:
        if self.config.getoption("verbose", default=0) > 0:
            tell(self.config, text)


RUN: pytest.StashKey[Run] = pytest.StashKey()
UNBUILT: Final = frozenset({"local"})  # env managers that build nothing
FIRST_WORKER: Final = "gw0"  # as xdist names it
COMPARED: Final = "mlflow"  # the server that ours is compared with, and the package that brings it


def _with_folders(settings: Settings, root: Path) -> Settings:
    """Return the settings with the usual folders of stored and kept cases, where none is named."""
    return replace(
        settings,
        cases_dir=settings.cases_dir or root / CASES_DIR,
        kept_dir=settings.kept_dir or root / KEPT_DIR,
    )


def _on_each(request: Request, servers: Sequence[str]) -> tuple[Request, ...]:
    """Return the requests of a model on several servers; on a single one of the run it stays as it is."""
    return tuple(map(request.on, servers)) if len(servers) > 1 else (request,)


def _discovered(config: pytest.Config, settings: Settings) -> tuple[Request, ...]:
    """Return the request of the model of which only the server is known."""
    return (Request(uri_of(settings), config.invocation_params.dir),) if settings.url else ()


def _requests(config: pytest.Config) -> tuple[Request, ...]:
    """Return what `--model-uri` or its twins ask for; a relative path in the ini file begins at the root directory."""
    option = BY_NAME[URI]
    is_of_ini = not config.getoption(option.key) and not os.environ.get(option.variable)
    directory = config.rootpath if is_of_ini else config.invocation_params.dir
    uris = dict.fromkeys(without_slash(uri) for uri in uris_from(config, os.environ))
    return tuple(Request(uri, directory) for uri in uris)
