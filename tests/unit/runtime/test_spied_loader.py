"""The loader of a derived directory gives the original model, with a predict function that the spy watches."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import types
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.calls import Call, CallLog
from pytest_modelserve.checks.loads import read_loads
from pytest_modelserve.runtime.config import WorkerConfig
from pytest_modelserve.runtime.named_requests import NamedRequests, NamedWsgiRequests
from pytest_modelserve.runtime.spied_loader import loader_of
from pytest_modelserve.runtime.spy import request_id

MakeModel = Callable[..., WorkerConfig]

ECHO = """
    class Model:
        size = 3

        def predict(self, data, params=None):
            return [data, params]

        def score(self, frame):
            return len(frame)

        def fail(self, data):
            raise ValueError("no such animal")

        def place(self, data):
            return [self.path, *self.config]

    def _load_pyfunc(path, *config):
        model = Model()
        model.path, model.config = path, config
        return model
"""


class Derived:
    """A loaded model behind the spy."""

    def __init__(self, config: WorkerConfig, folder: Path, *model_config: object) -> None:
        folder.mkdir()
        calls_file = folder.with_name("calls.jsonl")
        self.loads_file = folder.with_name("loads.jsonl")
        setup = {"model_dir": config.model_dir, "loader": config.loader, "calls_file": str(calls_file)}
        setup["loads_file"] = "../loads.jsonl"
        (folder / "spy.json").write_text(json.dumps(setup))
        self.model = loader_of(str(folder / "spy.json"))("the data of the derived directory", *model_config)
        self.log = CallLog(calls_file)

    def unnamed(self) -> Call:
        [call] = self.log.take_unnamed()
        return call


@pytest.fixture
def derive(make_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Derived]]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(SourceFileLoader, "set_data", SourceFileLoader.set_data)  # the tests' own process goes on
    before = set(sys.modules)

    def make(*model_config: object, source: str = ECHO, **flavor: object) -> Derived:
        return Derived(make_model(source, **flavor), tmp_path / "spy", *model_config)

    yield make
    for name in set(sys.modules) - before:
        if name.startswith("own_loader_"):
            del sys.modules[name]


def test_a_call_whose_request_nobody_names_is_recorded_by_its_number(derive: Callable[..., Derived]) -> None:
    derived = derive()

    assert derived.model.predict([1], params={"k": 2}) == [[1], {"k": 2}]

    call = derived.unnamed()
    assert (call.request_id, call.number) == ("", 1)
    assert (call.received.value, call.params.value, call.returned.value) == ([1], {"k": 2}, [[1], {"k": 2}])


def test_a_named_request_is_found_by_its_name(derive: Callable[..., Derived]) -> None:
    derived = derive()
    token = request_id.set("r1")
    derived.model.predict([1])
    request_id.reset(token)

    call = derived.log.find("r1")
    assert call is not None
    assert call.received.value == [1]


def test_a_request_that_brought_no_name_leaves_no_contents(derive: Callable[..., Derived]) -> None:
    derived = derive()
    token = request_id.set("")
    derived.model.predict(["the data of a user"])
    request_id.reset(token)

    call = derived.log.find("")
    assert call is not None
    assert not call.received.is_recorded


def test_the_named_method_is_the_one_that_is_watched(derive: Callable[..., Derived]) -> None:
    derived = derive(predict_fn="score")
    derived.model.predict([1])

    assert derived.model.score([1, 2]) == 2
    assert derived.unnamed().returned.value == 2


def test_an_exception_passes_and_is_recorded(derive: Callable[..., Derived]) -> None:
    derived = derive(predict_fn="fail")
    with pytest.raises(ValueError, match="no such animal"):
        derived.model.fail([1])

    call = derived.unnamed()
    assert call.exception is not None
    assert (call.exception.is_deliberate, call.exception.last_frame["function"]) == (
        True,
        "Model.fail" if sys.version_info >= (3, 11) else "fail",  # older Pythons know no qualified name of code
    )
    assert call.received.value == [1]


def test_the_signature_of_the_watched_method_is_the_models(derive: Callable[..., Derived]) -> None:
    model = derive(predict_fn="score").model

    assert [*inspect.signature(model.score).parameters] == ["frame"]
    assert [*inspect.signature(model.predict).parameters] == ["data", "params"]


def test_everything_else_is_the_models_own(derive: Callable[..., Derived]) -> None:
    model = derive().model
    model.size = 5

    assert (type(model).__name__, model.__class__.__name__, model.size) == ("Spied", "Model", 5)
    assert isinstance(model, model.__class__)
    with pytest.raises(AttributeError, match="'Model' object has no attribute 'unheard_of'"):
        _ = model.unheard_of


def test_nothing_is_written_into_the_model(
    derive: Callable[..., Derived], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    derive()
    assert list((tmp_path / "model").rglob("__pycache__")) == []


def test_a_model_without_the_method_is_left_to_the_server(derive: Callable[..., Derived]) -> None:
    assert not hasattr(derive(predict_fn="unheard_of").model, "unheard_of")


@pytest.mark.parametrize("model_config", [(), ({"depth": 7},)])
def test_the_original_loader_gets_the_original_directory(
    derive: Callable[..., Derived], tmp_path: Path, model_config: tuple[object, ...]
) -> None:
    derived = derive(*model_config, data="weights")

    assert derived.model.place(None) == [f"{tmp_path}/model/weights", *model_config]
    assert sys.path[0] == f"{tmp_path}/model/code"


def test_a_predict_function_without_a_signature_is_watched(derive: Callable[..., Derived]) -> None:
    source = """
        class Model:
            predict = staticmethod(range)

        def _load_pyfunc(path):
            return Model()
    """
    derived = derive(source=source)

    assert derived.model.predict(3) == range(3)
    assert not derived.unnamed().params.is_recorded
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(derived.model.predict)


def test_modules_of_the_model_are_recorded_and_the_loader_is_not(
    derive: Callable[..., Derived], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = types.ModuleType("a_loader_of_ours")
    ours.__file__ = f"{tmp_path}/spy/a_loader_of_ours.py"
    monkeypatch.setitem(sys.modules, ours.__name__, ours)
    derive()

    names = {json.loads(line)["name"] for line in (tmp_path / "modules.jsonl").read_text().splitlines()}
    assert any(name.startswith("own_loader_") for name in names)
    assert ours.__name__ not in names


def answered(scope: dict[str, Any]) -> list[str | None]:
    """Return what an application sees of a request's id while it answers, in a thread as MLflow's does, and after."""
    seen: list[str | None] = []

    async def application(_scope: object, _receive: object, _send: object) -> None:
        seen.append(request_id.get())
        seen.append(await asyncio.to_thread(request_id.get))

    async def scenario() -> None:
        await NamedRequests(application)(scope, None, None)
        seen.append(request_id.get())

    asyncio.run(scenario())
    return seen


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"type": "http", "headers": [(b"x-modelserve-request-id", b"r1")]}, "r1"),
        ({"type": "http", "headers": [(b"X-Modelserve-Request-Id", b"r1"), (b"x-other", b"r2")]}, "r1"),
        ({"type": "http", "headers": []}, ""),
        ({"type": "lifespan"}, None),
    ],
)
def test_an_application_answers_with_the_id_at_hand(scope: dict[str, Any], expected: str | None) -> None:
    assert answered(scope) == [expected, expected, None]


@pytest.mark.parametrize(
    ("environ", "expected"), [({"HTTP_X_MODELSERVE_REQUEST_ID": "r1"}, "r1"), ({"HTTP_X_OTHER": "r2"}, "")]
)
def test_a_wsgi_application_answers_with_the_id_at_hand(environ: dict[str, Any], expected: str) -> None:
    seen = []

    def application(given: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(request_id.get())
        start_response("200 OK")
        return [b"answer"]

    assert NamedWsgiRequests(application)(environ, seen.append) == [b"answer"]
    assert [*seen, request_id.get()] == [expected, "200 OK", None]


def test_a_wsgi_application_that_raises_leaves_no_id_behind() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise ValueError("no such animal")

    with pytest.raises(ValueError, match="no such animal"):
        NamedWsgiRequests(application)({"HTTP_X_MODELSERVE_REQUEST_ID": "r1"}, None)
    assert request_id.get() is None


def test_the_files_that_are_opened_are_told_by_call(derive: Callable[..., Derived]) -> None:
    source = """
        import os

        class Model:
            def predict(self, data):
                with open(self.path) as file:
                    return file.read()

        def _load_pyfunc(path):
            model = Model()
            model.path = os.path.join(path, "weights.txt")
            with open(model.path, "w") as file:
                file.write("1")
            return model
    """
    derived = derive(source=source)
    for _ in range(2):
        assert derived.model.predict([1]) == "1"

    loads = read_loads(derived.loads_file)
    assert loads.n_loaded == 1
    assert [opening.call for opening in loads.openings if opening.file == "weights.txt"] == [1, 2]
