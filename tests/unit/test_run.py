"""One run: models are read and served once for equal requests, failures are remembered, and all is given back."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from pytest_modelserve.ahead import BuildsAhead
from pytest_modelserve.checks.table import CHECKS
from pytest_modelserve.environment.background import BackgroundBuild, Built
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.errors import EnvironmentBroken, MlmodelError, ModelServeError, ModelUriError, SettingError
from pytest_modelserve.fixtures import undisturbed
from pytest_modelserve.request import ASKED, Request
from pytest_modelserve.results import CheckResult, Judges, Outcome
from pytest_modelserve.run import Run
from pytest_modelserve.served import ServedModel
from pytest_modelserve.suite import nodes

pytest_plugins = ["pytester"]


@pytest.fixture
def config(pytester: pytest.Pytester) -> pytest.Config:
    """The configuration of a run with two models in its command line."""
    for name in ("one", "two"):
        path = pytester.mkdir(name)
        flavors = {"python_function": {"loader_module": "none"}}
        (path / "MLmodel").write_text(json.dumps({"flavors": flavors}))
    return pytester.parseconfig("--model-uri=one/", "--model-uri=two", "--model-uri=one", "-p", "no:asyncio")


class Served(ServedModel):
    """A served model without a server."""

    def __init__(self, *, fails: bool = False, name: str = "") -> None:  # nothing is started
        self._name = name
        self.revived = 0
        self.closed = 0
        self._fails = fails

    @property
    def server_name(self) -> str:
        return self._name

    def revive(self) -> None:
        self.revived += 1

    def close(self) -> None:
        self.closed += 1
        if self._fails:
            raise ModelServeError("it does not stop")


def test_a_run_is_made_once(config: pytest.Config) -> None:
    assert Run.of(config) is Run.of(config)
    assert [request.uri for request in Run.of(config).requests] == ["one", "two"]


def test_a_setting_that_cannot_be_read_is_wrong_usage(pytester: pytest.Pytester) -> None:
    with pytest.raises(pytest.UsageError, match="--model-seed cannot be 'x'"):
        Run.of(pytester.parseconfig("--model-seed=x", "-p", "no:asyncio"))


def test_a_model_is_read_once_and_keeps_its_name(config: pytest.Config, pytester: pytest.Pytester) -> None:
    run = Run.of(config)
    subject = run.subject(run.given("one")[0])
    assert run.subject(run.given("one")[0]) is subject
    assert (subject.model.uri, subject.model.path) == ("one", pytester.path / "one")


def test_what_cannot_be_read_is_told_again_without_reading(config: pytest.Config, pytester: pytest.Pytester) -> None:
    run = Run.of(config)
    (pytester.path / "one" / "MLmodel").write_text("flavors: [")
    with pytest.raises(MlmodelError) as first:
        run.subject(run.given("one")[0])
    (pytester.path / "one" / "MLmodel").unlink()
    with pytest.raises(MlmodelError) as second:
        run.served(run.given("one")[0])
    assert second.value is first.value


def test_markers_are_one_object_where_they_are_equal(config: pytest.Config) -> None:
    run = Run.of(config)
    (one,) = run.marked(pytest.mark.served_model("one", seed=1).mark)
    assert run.marked(pytest.mark.served_model("one/", seed=1).mark)[0] is one
    assert run.marked(pytest.mark.served_model("one", seed=2).mark)[0] != one
    assert run.subject(one).settings.seed == 1


@pytest.mark.parametrize("keywords", [{"sed": 1}, {"seed": "x"}])
def test_a_wrong_keyword_is_told_before_anything_is_read(config: pytest.Config, keywords: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        Run.of(config).marked(pytest.mark.served_model("gone", **keywords).mark)


def test_a_served_model_is_revived_for_each_who_asks(config: pytest.Config) -> None:
    run, served = Run.of(config), Served()
    request = Request("one", Path.cwd())
    run._served[request] = served
    assert run.served(request) is served
    assert run.served(request) is served
    assert served.revived == 2


class Item:
    """A test that is served models."""

    def __init__(self, *requests: Request) -> None:
        self.stash = pytest.Stash()
        self.stash[ASKED] = requests


@dataclass(frozen=True)
class Context:
    """What a check is given, of which none is looked at."""

    beside: tuple[()] = ()
    is_unasked: bool = False


class Started:
    """Builds that are begun ahead, which build nothing."""

    def __init__(self) -> None:
        self.directories: list[Path] = []
        self.is_paused = False
        self.n_closed = 0

    def __call__(self, requests: Sequence[RestoreRequest], directory: Path) -> BackgroundBuild:
        self.directories = [request.spec.directory for request in requests]
        pickle.dumps(requests)  # they travel
        return self  # type: ignore[return-value]  # as far as it is used here

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.is_paused = True
        yield
        self.is_paused = False

    def outcome(self, at: int, *, is_awaited: bool) -> Built:
        return Built(at=at, is_over=True, cached=False, elapsed_s=1e9 if is_awaited else 0.0)

    def close(self) -> str:
        self.n_closed += 1
        return ""


def foreseeing(config: pytest.Config) -> tuple[Run, Started]:
    """Return a run that begins no process to build ahead."""
    run, started = Run.of(config), Started()
    run.ahead = BuildsAhead(Path(), pytest.fail, started)
    return run, started


def test_what_the_tests_need_is_built_ahead_in_their_order(config: pytest.Config, pytester: pytest.Pytester) -> None:
    run, started = foreseeing(config)
    one, two = (run.given(name)[0] for name in ("one", "two"))
    items = [Item(), Item(two), Item(run.given("gone")[0]), Item(one, two)]
    run.foresee(cast("list[pytest.Item]", items))
    assert started.directories == [pytester.path / "two", pytester.path / "one"]
    run.close()
    assert started.n_closed == 1


def test_an_odd_model_keeps_no_other_from_being_built_ahead(config: pytest.Config, pytester: pytest.Pytester) -> None:
    run, started = foreseeing(config)
    odd = pytester.mkdir("odd")
    flavor = {"loader_module": "none", "env": {"virtualenv": "x" * 300}}  # OSError: File name too long
    (odd / "MLmodel").write_text(json.dumps({"flavors": {"python_function": flavor}}))
    items = [Item(), *(Item(run.given(name)[0]) for name in ("one", "odd", "two"))]
    run.foresee(cast("list[pytest.Item]", items))
    assert [directory.name for directory in started.directories] == ["one", "two"]


def test_the_first_environment_is_restored_by_who_asks_before_others_are_begun(config: pytest.Config) -> None:
    run, started = foreseeing(config)
    one, two = (run.given(name)[0] for name in ("one", "two"))
    run.foresee(cast("list[pytest.Item]", [Item(one), Item(two)]))
    assert started.directories == []
    with pytest.raises(EnvironmentBroken):  # they have no environment files
        run.served(one)
    assert [directory.name for directory in started.directories] == ["one", "two"]


def test_after_an_interrupt_nothing_more_is_begun(config: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    run, started = foreseeing(config)
    one, two = (run.given(name)[0] for name in ("one", "two"))
    run.foresee(cast("list[pytest.Item]", [Item(one), Item(two)]))

    def interrupted(_request: RestoreRequest) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_modelserve.run.restore", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.served(one)
    assert started.directories == []


def test_no_model_is_hashed_before_its_test(config: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    run, started = foreseeing(config)
    hashed: list[Path] = []
    monkeypatch.setattr("pytest_modelserve.model.mlmodel.digest_of", hashed.append)
    run.foresee(cast("list[pytest.Item]", [Item(), *(Item(run.given(name)[0]) for name in ("one", "two"))]))
    assert [directory.name for directory in started.directories] == ["one", "two"]
    assert hashed == []


def test_what_a_fixture_writes_later_is_read_when_its_test_begins(
    config: pytest.Config, pytester: pytest.Pytester
) -> None:
    run, _ = foreseeing(config)
    late, changed = (run.given(name)[0] for name in ("late", "two"))
    run.foresee(cast("list[pytest.Item]", [Item(), Item(late), Item(changed)]))
    (pytester.path / "one").rename(pytester.path / "late")
    (pytester.path / "two" / "more").write_text("x")
    fresh = Run.of(pytester.parseconfig("-p", "no:asyncio"))
    for request in (late, changed):
        assert run.subject(request).model.digest == fresh.subject(request).model.digest


@pytest.mark.parametrize("overrides", [{"env_manager": "local"}, {"url": "http://127.0.0.1:1"}, {"build_ahead": False}])
def test_what_is_not_built_is_not_built_ahead(config: pytest.Config, overrides: dict[str, str]) -> None:
    run, started = foreseeing(config)
    (unbuilt,) = run.marked(pytest.mark.served_model("one", **overrides).mark)
    run.foresee(cast("list[pytest.Item]", [Item(), Item(unbuilt), Item(run.given("two")[0])]))
    assert started.directories == []


@pytest.mark.parametrize(("option", "n_built"), [("true", 2), ("false", 0)])
def test_building_ahead_can_be_switched_off(
    config: pytest.Config, pytester: pytest.Pytester, option: str, n_built: int
) -> None:
    switched = pytester.parseconfig(f"--model-build-ahead={option}", "-p", "no:asyncio")
    run, started = foreseeing(switched)
    run.foresee(cast("list[pytest.Item]", [Item(), *(Item(run.given(name)[0]) for name in ("one", "two"))]))
    assert len(started.directories) == n_built


@pytest.mark.parametrize(("worker", "n_built"), [("gw0", 2), ("gw1", 0)])
def test_one_worker_builds_ahead_for_all(config: pytest.Config, worker: str, n_built: int) -> None:
    config.workerinput = {"workerid": worker, "testrunuid": "u"}  # type: ignore[attr-defined]  # as xdist does
    run, started = foreseeing(config)
    items = [Item(), *(Item(run.given(name)[0]) for name in ("one", "two"))]
    run.foresee(cast("list[pytest.Item]", items))
    assert len(started.directories) == n_built


@pytest.mark.parametrize(
    ("names", "is_paused"),
    [
        (("served_model", "model_client", "latency"), True),
        (("served_model", "model_client"), False),
        (("latency",), False),  # one that is not ours
    ],
)
def test_nothing_is_built_beside_a_test_that_takes_times(
    config: pytest.Config, names: tuple[str, ...], is_paused: bool
) -> None:
    run, started = foreseeing(config)
    run.foresee(cast("list[pytest.Item]", [Item(), *(Item(run.given(name)[0]) for name in ("one", "two"))]))
    item = SimpleNamespace(config=config, fixturenames=names)
    with undisturbed(cast("pytest.Item", item)):
        assert started.is_paused is is_paused
    assert not started.is_paused


@pytest.mark.parametrize(("check", "is_paused"), [("latency", True), ("signature_lint", False)])
def test_nothing_is_built_beside_the_check_that_takes_times(
    config: pytest.Config, monkeypatch: pytest.MonkeyPatch, check: str, is_paused: bool
) -> None:
    run, started = foreseeing(config)
    one, two = (run.given(name)[0] for name in ("one", "two"))
    run.foresee(cast("list[pytest.Item]", [Item(), Item(one), Item(two)]))
    seen: list[bool] = []

    def run_check(_context: object, _check: object, _variant: str) -> CheckResult:
        seen.append(started.is_paused)
        return CheckResult(name=check, judges=Judges.MODEL, outcome=Outcome.PASSED)

    monkeypatch.setattr(nodes, "run_check", run_check)
    monkeypatch.setattr(nodes.CheckItem, "_context", lambda *_: Context())
    session = pytest.Session.from_config(config)
    item: nodes.CheckItem = nodes.CheckItem.from_parent(session, name=check, nodeid=check)
    item.check, item.variant, item.requests = next(each for each in CHECKS if each.name == check), "", (one,)
    item.runtest()
    assert seen == [is_paused]


def test_idle_are_the_models_that_the_running_test_does_not_use(config: pytest.Config) -> None:
    run = Run.of(config)
    requests = {name: run.given(name)[0] for name in ("a", "b", "c", "twin of c")}
    models = {name: Served(name="c" if name == "twin of c" else name) for name in requests}
    run._served.update({requests[name]: model for name, model in models.items()})
    for name in ("a", "twin of c", "c", "b", "a", "c"):
        run.begin([requests[name]])
        run.served(requests[name])
    assert list(run._idle()) == [models["b"], models["a"]]  # the twin has the server of c
    run.begin([requests["a"]])
    assert list(run._idle()) == [models["twin of c"], models["b"], models["c"]]
    run.served(requests["b"])  # a test may use more models than it began with
    assert list(run._idle()) == [models["twin of c"], models["c"]]


@pytest.mark.parametrize(("verbosity", "n_told"), [("-q", 0), ("-v", 1)])
def test_a_server_that_is_let_go_is_told_where_more_is_asked_for(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str], verbosity: str, n_told: int
) -> None:
    run = Run.of(pytester.parseconfig(verbosity, "-p", "no:asyncio"))
    run._tell_more("models/a: the server is let go")
    assert capsys.readouterr().err.count("models/a: the server is let go") == n_told


def test_all_is_given_back_though_one_does_not_stop(config: pytest.Config) -> None:
    run, models = Run.of(config), [Served(), Served(fails=True), Served()]
    run._served.update({run.given(str(at))[0]: model for at, model in enumerate(models)})
    with pytest.raises(ModelServeError):
        run.close()
    assert [model.closed for model in models] == [1, 1, 1]
    run.close()
    assert [model.closed for model in models] == [1, 1, 1]


def test_the_first_item_that_asks_tells_a_failure(config: pytest.Config) -> None:
    run = Run.of(config)
    assert run.first_told(run.given("gone")[0], "a") == "a"
    assert run.first_told(run.given("gone")[0], "b") == "a"
    assert run.first_told(run.given("other")[0], "b") == "b"
    with pytest.raises(ModelUriError):
        run.served(run.given("gone")[0])
    assert run.known(run.given("gone")[0]) is None


def test_workers_of_one_run_have_one_id(pytester: pytest.Pytester) -> None:
    workers = [pytester.parseconfig("-p", "no:asyncio") for _ in range(2)]
    for worker in workers:
        worker.workerinput = {"testrunuid": "abc"}  # type: ignore[attr-defined]  # as xdist does
    assert [Run.of(worker).run_id for worker in workers] == ["abc", "abc"]


def test_two_runs_with_one_pid_are_two(pytester: pytest.Pytester) -> None:
    first, second = (pytester.parseconfig("-p", "no:asyncio") for _ in range(2))
    assert Run.of(first).run_id == Run.of(first).run_id != Run.of(second).run_id
