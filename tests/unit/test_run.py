"""One run: models are read and served once for equal requests, failures are remembered, and all is given back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.errors import MlmodelError, ModelServeError, ModelUriError, SettingError
from pytest_modelserve.request import Request
from pytest_modelserve.run import Run
from pytest_modelserve.served import ServedModel

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

    def __init__(self, *, fails: bool = False) -> None:  # nothing is started
        self.revived = 0
        self.closed = 0
        self._fails = fails

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
