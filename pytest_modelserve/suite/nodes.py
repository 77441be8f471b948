"""The collection tree of the built-in contract: model, server, checks.

Ids are the model URI, the backend and the check: `models:/churn/5::builtin::rejects_invalid[missing_column]`. Where
several backends are asked for, what compares them stands below all their names: `…::builtin+mlflow::servers_agree`.
Every node gets its id as text, since pytest 9.2 else takes the brackets for part of the name and `--lf` finds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from ..checks.budget import needed_later
from ..checks.check import Check
from ..checks.choice import chosen
from ..checks.conclusion import left_out
from ..checks.context import CheckContext
from ..checks.judge import Exchange
from ..checks.latencies import NAME as LATENCY
from ..checks.table import run_check
from ..errors import Failure, ModelServeError
from ..progress import TerminalProgress
from ..request import ASKED, Request
from ..results import CheckResult, Judges, Outcome, notes
from ..run import COMPARED, Run
from ..settings import TOGETHER

RESULT: pytest.StashKey[CheckResult] = pytest.StashKey()
UNREADABLE = "reads_model"
QUIET_S: Final = 5.0  # a check that takes no longer is not worth a line


class ModelNode(pytest.Collector):
    """One model; its children are the servers that it is checked on, and these together."""

    uri: str

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield a node for each server, and one for all of them where there are several."""
        run = Run.of(self.config)
        for requests in run.groups(self.uri):
            name = TOGETHER.join(map(run.server_of, requests))
            node: ServerNode = ServerNode.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}")
            node.requests = requests
            yield node


class ServerNode(pytest.Collector):
    """One model on one server, or on several that are compared; its children are the checks that apply there."""

    requests: tuple[Request, ...]

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each check and variant; only the MLmodel file is read.

        Raises:
            ModelServeError: A name among the checks asked for is none.
        """
        try:
            subject = Run.of(self.config).subject(self.requests[0])
        except ModelServeError:
            if len(self.requests) == 1:
                yield self._item(UNREADABLE, None, "")
            return
        for check, variant in chosen(subject.model, subject.settings.checks, n_servers=len(self.requests)):
            yield self._item(check.title(variant), check, variant)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Render our own errors as their text."""
        return str(excinfo.value) if isinstance(excinfo.value, ModelServeError) else super().repr_failure(excinfo)

    def _item(self, title: str, check: Check | None, variant: str) -> pytest.Item:
        item: CheckItem = CheckItem.from_parent(self, name=title, nodeid=f"{self.nodeid}::{title}")
        item.check, item.variant, item.requests = check, variant, self.requests
        item.backend = Run.of(self.config).reported(self.requests)
        item.stash[ASKED] = self.requests
        item.add_marker(pytest.mark.model_contract)
        return item


class CheckItem(pytest.Item):
    """One check of one model, or one variant of it, on one server or on several that are compared."""

    check: Check | None
    variant: str
    requests: tuple[Request, ...]
    backend: str

    @property
    def judges(self) -> Judges:
        """Return whom the check speaks about."""
        return self.check.judges if self.check else Judges.MODEL

    def setup(self) -> None:
        """Serve the model, unless it is served already; that it cannot be is told once, and skips the other items."""
        Run.of(self.config).begin(self.requests)
        for request in self.requests:
            self._serve(request)

    def _serve(self, request: Request) -> None:
        run = Run.of(self.config)
        try:
            run.served(request)
        except ModelServeError as error:
            if run.is_auto and request is not self.requests[0]:
                is_redacted = run.subject(request).settings.redact
                self.stash[RESULT] = _not_compared(self.name, type(error).__name__ if is_redacted else error.happened)
                pytest.skip(self.stash[RESULT].reason)
            told_by = run.first_told(request, self.nodeid)
            if told_by == self.nodeid:
                self.stash[RESULT] = self._result(Outcome.ERROR, error.happened)
                raise pytest.fail.Exception(str(error), pytrace=False) from None
            reason = f"the model is not served: {type(error).__name__}, told by {told_by}"
            self.stash[RESULT] = self._result(Outcome.SKIPPED, reason)
            pytest.skip(reason)

    def runtest(self) -> None:
        """Run the check.

        Raises:
            Failure: The contract is broken, or was not tested enough to say.
            ModelServeError: The server broke for reasons outside the model.
        """
        if self.check is None:
            return
        uri = self.requests[0].uri
        ahead, is_timed = Run.of(self.config).ahead, self.check.name == LATENCY
        with (
            ahead.paused() if is_timed else nullcontext(),
            TerminalProgress(self.config, uri, quiet_s=QUIET_S) as progress,
        ):
            progress.step(self.name)
            first, *others = (self._context(request, progress.count) for request in self.requests)
            watched = replace(first, beside=tuple(others), is_unasked=Run.of(self.config).is_auto)
            result = self.stash[RESULT] = run_check(watched, self.check, self.variant)
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)
        if result.failure is not None:
            raise Failure(result.failure.text)
        if result.outcome is not Outcome.PASSED:
            raise Failure(f"{result.name}: {result.outcome.value}: {result.reason}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401
        """Render breaches and our own errors as their text; anything else with its traceback."""
        if not isinstance(excinfo.value, Failure | ModelServeError):
            return super().repr_failure(excinfo, style)
        text = excinfo.getrepr(style="value")
        if text.reprcrash is not None:
            text.reprcrash.message = str(excinfo.value)  # its first line stands in the short summary
        return text

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return the model's place, which stands in for a test file."""
        return Path(self.config.rootpath, self.requests[0].uri), None, self.name

    def _context(self, request: Request, on_exchange: Callable[[Exchange], None]) -> CheckContext:
        context = Run.of(self.config).served(request).context(is_crowded=_n_workers(self.config) > 1)
        return replace(context, on_exchange=on_exchange, n_later=self._n_later(context))

    def _n_later(self, context: CheckContext) -> int:
        """Return how many predictions the checks of the model cost that this process still has before it."""
        items = self.session.items
        later = (item for item in items[items.index(self) + 1 :] if isinstance(item, CheckItem))
        its = ((item.check, item.variant) for item in later if item.requests == self.requests and item.check)
        return needed_later(context, its) // _n_workers(self.config)

    def _result(self, outcome: Outcome, reason: str) -> CheckResult:
        return CheckResult(name=self.name, judges=self.judges, outcome=outcome, reason=reason)


def _not_compared(name: str, why: str) -> CheckResult:
    """Return the result where nobody asked for the server that does not start, which is no fault of the model."""
    reason = f"no server to compare with: {why}"
    advice = notes([f"{reason} (pytest --model-server {COMPARED} tells more)"])
    return replace(left_out(name, Judges.SERVER, reason), advice=advice)


def _n_workers(config: pytest.Config) -> int:
    """Return how many workers of xdist run at the same time, this process among them."""
    workerinput: Mapping[str, Any] = getattr(config, "workerinput", {})
    return int(workerinput.get("workercount", 1))


def items_of(session: pytest.Session, uri: str) -> Iterator[pytest.Item]:
    """Yield the items of a model's contract, reported to pytest as collected."""
    node: ModelNode = ModelNode.from_parent(session, name=uri, nodeid=uri)
    node.uri = uri
    yield from _collected(node)


def _collected(node: pytest.Collector) -> Iterator[pytest.Item]:
    report = node.ihook.pytest_make_collect_report(collector=node)
    node.ihook.pytest_collectreport(report=report)
    for child in report.result if report.passed else ():
        if isinstance(child, pytest.Item):
            child.ihook.pytest_itemcollected(item=child)
            yield child
        else:
            yield from _collected(child)
