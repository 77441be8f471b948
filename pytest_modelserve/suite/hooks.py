"""The hooks of the built-in contract; registered only where a run asks for it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from ..checks.choice import require_checks, require_known
from ..checks.context import as_example_case
from ..checks.hazards import shown_hazards
from ..checks.table import applying
from ..client.curl import shown_url
from ..environment.managers import manager_named
from ..errors import ModelServeError, SettingError
from ..report.collect import Collected, ModelFacts, facts_from
from ..report.json_file import write_json
from ..report.terminal import as_lines
from ..request import Request
from ..results import CheckResult, Outcome, ShownHazard, Verdict, as_document, check_result_from
from ..run import Run
from ..served import facts_of
from ..server.backends import load_backend
from ..subject import Subject
from .nodes import RESULT, CheckItem, items_of
from .selection import Selection

UNPROVEN: Final = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE})


def register(config: pytest.Config, selection: Selection) -> None:
    """Register the hooks, once it is sure that what is asked for can be run.

    Raises:
        pytest.UsageError: There is no check, server or env manager of a name that was asked for.
    """
    run = Run.of(config, pasted=selection.servers)
    try:
        require_known(run.settings.checks)
        require_checks(run.settings.skip)
        for server in run.servers:
            load_backend(server)
        manager_named(run.settings.env_manager)
        _require_one(run, selection)
    except ModelServeError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(ContractHooks(selection), "modelserve-contract")


def _require_one(run: Run, selection: Selection) -> None:
    """Make sure that what runs at a URL is held to one contract.

    Raises:
        SettingError: Several models, or several servers, are named for it.
    """
    settings = run.settings
    if settings.url and len(run.servers) > 1:
        raise SettingError(
            "--model-url is one server",
            facts={"servers": ", ".join(run.servers)},
            fix="Say by one --model-server which program runs there.",
        )
    if settings.url and len(selection.uris) > 1:
        raise SettingError(
            "--model-url is one server, which serves one model",
            facts={"models": ", ".join(selection.uris)},
            fix="Name its model alone by --model-uri.",
        )


class ContractHooks:
    """Adds the items, gathers their results from every process, and renders them.

    Args:
        selection: What of the contract is asked for.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._collected = Collected()
        self._unwritten = ""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remove the report of an earlier run, so that nobody takes it for one of this run, whatever happens to it.

        Raises:
            pytest.UsageError: No report could be written in its place.
        """
        path = _report_path(session.config)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise pytest.UsageError(f"--model-report: no report can be written: {error}") from error
        if not os.access(path.parent, os.W_OK):
            raise pytest.UsageError(f"--model-report: no report can be written to {str(path.parent)!r}")

    def pytest_report_header(self, config: pytest.Config) -> list[str]:
        """Return a line for each model."""
        return [self._header(config, uri) for uri in self._selection.uris]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add the items of the contract, before other plugins select among all items."""
        for uri in self._selection.uris:
            items.extend(item for item in items_of(session, uri) if self._selection.holds(item.nodeid))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the report of an item carry its result, also from an xdist worker to the controller."""
        report = yield
        if isinstance(item, CheckItem) and not (call.when == "teardown" and report.passed):
            result = item.stash.get(RESULT, None)
            if report.failed and call.excinfo is not None and (result is None or result.outcome is Outcome.PASSED):
                result = _error_of(item, call.excinfo.value)
            if result is not None:
                document = {
                    "uri": item.requests[0].uri,
                    "backend": item.backend,
                    "result": as_document(result),
                    "facts": as_document(_facts(item)),
                }
                report.__dict__["modelserve"] = document
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in what a report carries."""
        document: Mapping[str, Any] | None = report.__dict__.get("modelserve")
        if document is not None:
            self._collected.describe(facts_from(document["facts"]))
            self._collected.add(document["uri"], document["backend"], check_result_from(document["result"]))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, in the process that knows all results; after Ctrl-C too, as far as the run came.

        A run whose verdict is bad does not end well, although a plugin that runs items again may count them as passed.
        """
        config = session.config
        if is_worker(config) or config.option.collectonly:
            return
        self._expect(config)
        self._warn(config)
        report = self._collected.report()
        if session.exitstatus == pytest.ExitCode.OK and report.verdict in UNPROVEN:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        path = _report_path(config)
        if path is None:
            return
        try:
            write_json(report, path)
        except OSError as error:
            self._unwritten = f"the report was not written: {error}"
            if session.exitstatus == pytest.ExitCode.OK:  # a gate reads the file, and there is none
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # noqa: ANN401 # pytest has it private
        """Print a line a model."""
        config: pytest.Config = terminalreporter.config
        if config.option.collectonly:
            return
        self._expect(config)
        terminalreporter.write_sep("=", "model contract")
        for line in as_lines(self._collected.report()):
            terminalreporter.write_line(line)
        if self._unwritten:
            terminalreporter.write_line(self._unwritten, red=True)

    def _expect(self, config: pytest.Config) -> None:
        run = Run.of(config)
        for uri in self._selection.uris:
            titles: dict[str, list[str]] = {}
            for requests in run.groups(uri):
                titles.setdefault(run.reported(requests), []).extend(_titles(config, requests))
            for backend, expected in titles.items():
                self._collected.expect(uri, backend, expected)

    def _warn(self, config: pytest.Config) -> None:
        """Say what other servers are known to make of a model's columns, where nobody chose the server."""
        run = Run.of(config)
        for uri in self._selection.uris if run.is_auto and not run.settings.url else ():
            self._collected.warn(uri, run.settings.server, _hazards(config, uri))

    def _header(self, config: pytest.Config, uri: str) -> str:
        try:
            subject = _subject(config, uri)
        except ModelServeError as error:
            return f"model: {uri}: {error.happened}"
        run, model, settings = Run.of(config), subject.model, subject.settings
        flavors = ", ".join(name for name in model.flavors if name != "python_function") or "python_function"
        flavors = f"signature by {model.told_by}, no input example" if model.told_by else flavors
        environment = "" if settings.url else f"environment {settings.env_manager}, "
        servers = ", ".join(dict.fromkeys(name for group in run.groups(uri) for name in map(run.server_of, group)))
        server = f"{servers} at {shown_url(settings.url)}" if settings.url else servers
        return f"model: {uri} ({model.digest[:12]}), {flavors}; {environment}server {server}, seed {subject.seed}"


def _subject(config: pytest.Config, uri: str) -> Subject:
    run = Run.of(config)
    return run.subject(run.given(uri)[0])


def _report_path(config: pytest.Config) -> Path | None:
    """Return where this process writes the report: only that of the whole run does, and only where tests are run."""
    if is_worker(config) or config.option.collectonly:
        return None
    return Run.of(config).settings.report_file


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def _titles(config: pytest.Config, requests: tuple[Request, ...]) -> Iterator[str]:
    try:
        model = Run.of(config).subject(requests[0]).model
    except ModelServeError:
        return
    for check, variant in applying(model, n_servers=len(requests)):
        yield check.title(variant)


def _hazards(config: pytest.Config, uri: str) -> tuple[ShownHazard, ...]:
    try:
        subject = _subject(config, uri)
        return shown_hazards(subject.model, as_example_case(subject.model, subject.example))
    except ModelServeError:  # which the first item tells
        return ()


def _error_of(item: CheckItem, error: BaseException) -> CheckResult:
    reason = error.happened if isinstance(error, ModelServeError) else f"{type(error).__name__}: {error}"
    return CheckResult(name=item.name, judges=item.judges, outcome=Outcome.ERROR, reason=reason)


def _facts(item: CheckItem) -> ModelFacts:
    """Return what is known of the model on the server, or on the servers, of an item."""
    run, request = Run.of(item.config), item.requests[0]
    try:
        subject = run.subject(request)
    except ModelServeError:
        return ModelFacts(uri=request.uri, backend=item.backend)
    if len(item.requests) == 1 or run.is_auto:
        return facts_of(subject, run.known(request), uri=request.uri)
    return replace(facts_of(subject, None, uri=request.uri), backend=item.backend)
