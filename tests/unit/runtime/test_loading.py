"""A python_function model is loaded as MLflow loads it, without mlflow where its loader is its own code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from pytest_modelserve.runtime.config import WorkerConfig, read_config
from pytest_modelserve.runtime.loading import load_model, missing_module

MakeModel = Callable[..., WorkerConfig]

ECHO = """
    class Model:
        def predict(self, data, params=None):
            return [data, params]

    def _load_pyfunc(path, config=None):
        model = Model()
        model.path, model.config = path, config
        model.where = lambda data: [path, config]
        return model
"""


@pytest.fixture(autouse=True)
def untouched_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loading changes the process, which a worker has to itself: put path, modules and environment back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", raising=False)
    for name in ("SERVING_MODEL_CONFIG", "MLFLOW_PYFUNC_INFERENCE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("own_loader_"):
            del sys.modules[name]


def test_predict_is_called_with_data_and_params(make_model: MakeModel) -> None:
    predict = load_model(make_model(ECHO))

    assert predict([1], {"k": 2}) == [[1], {"k": 2}]


def test_params_are_left_out_where_predict_does_not_name_them(make_model: MakeModel) -> None:
    source = """
        class Model:
            def predict(self, data, **params):
                return [data, params]

        def _load_pyfunc(path):
            return Model()
    """

    assert load_model(make_model(source))([1], {"k": 2}) == [[1], {}]


def test_a_predict_function_without_a_signature_fails_when_it_is_called(make_model: MakeModel) -> None:
    source = """
        class Model:
            predict = range

        def _load_pyfunc(path):
            return Model()
    """
    predict = load_model(make_model(source))

    with pytest.raises(ValueError, match="no signature found"):
        predict(3, None)


def test_the_flavor_names_data_and_method(make_model: MakeModel) -> None:
    config = make_model(ECHO, data="weights", predict_fn="where")

    assert load_model(config)(None, None) == [f"{config.model_dir}/weights", None]


def test_without_data_the_loader_gets_the_model_directory(make_model: MakeModel) -> None:
    config = make_model(ECHO, predict_fn="where")

    assert load_model(config)(None, None) == [config.model_dir, None]


@pytest.mark.parametrize("variable", ["SERVING_MODEL_CONFIG", "MLFLOW_PYFUNC_INFERENCE_CONFIG"])
def test_the_environment_overrides_declared_configuration_only(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    monkeypatch.setenv(variable, json.dumps({"depth": 99, "unknown": 1}))

    predict = load_model(make_model(ECHO, predict_fn="where", config={"depth": 7, "width": 3}))

    assert predict(None, None)[1] == {"depth": 99, "width": 3}
    assert "unknown" in caplog.text


def test_a_loader_without_configuration_is_called_without_it(make_model: MakeModel) -> None:
    source = """
        class Model:
            predict = staticmethod(lambda data: data)

        def _load_pyfunc(path):
            return Model()
    """

    assert load_model(make_model(source, config=None))("x", None) == "x"


def test_a_missing_pandas_is_told_before_the_model_is_loaded(
    make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    config = replace(make_model("raise RuntimeError('the loader ran')"), hands_tables=True)

    with pytest.raises(ModuleNotFoundError, match="its environment has no pandas") as caught:
        load_model(config)

    assert missing_module(caught.value) == "pandas"


def test_the_missing_module_is_found_behind_other_exceptions(make_model: MakeModel) -> None:
    source = """
        def _load_pyfunc(path):
            try:
                import no_such_module_of_ours
            except ImportError as error:
                raise RuntimeError("cannot load") from error
    """

    with pytest.raises(RuntimeError) as caught:
        load_model(make_model(source))

    assert missing_module(caught.value) == "no_such_module_of_ours"


def test_no_module_is_missing_where_that_is_not_the_cause() -> None:
    error = ValueError("x")
    error.__cause__ = error.__context__ = KeyError("y")
    error.__cause__.__context__ = error  # a circle, which a model can make

    assert missing_module(error) is None


def test_a_configuration_file_needs_a_model_and_a_loader(
    make_model: MakeModel, write_config: Callable[[WorkerConfig], object]
) -> None:
    config = make_model(ECHO)

    assert read_config(str(write_config(config))) == config
