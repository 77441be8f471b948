"""Loads a python_function model as `mlflow.pyfunc.load_model` does, without its schema enforcement.

The front has enforced the signature; MLflow's own would do it a second time, and is not there at all where a model's
loader is its own code.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional

from .config import WorkerConfig

_LOAD = "_load_pyfunc"  # the name that MLflow requires of every loader module
_logger = logging.getLogger("modelserve.worker")


@dataclass(frozen=True)
class LoadedModel:
    """A model in two steps, between which one can see what it is given.

    Attributes:
        convert: Turns what a request carries into what predict is given.
        predict: Calls the predict function with converted data and params.
        takes_params: Whether the predict function is given the params.
    """

    convert: Callable[[Any], Any]
    predict: Callable[[Any, Optional[Mapping[str, Any]]], Any]
    takes_params: bool

    def __call__(self, data: Any, params: Optional[Mapping[str, Any]]) -> Any:
        """Convert the data and predict."""
        return self.predict(self.convert(data), params)


def load_model(config: WorkerConfig) -> LoadedModel:
    """Load the model.

    Raises:
        Exception: Whatever the loader raises.
        ModuleNotFoundError: Requests will be data frames, and the environment has no pandas.
    """
    loader = config.loader
    if config.hands_tables:
        _require_pandas()
    if loader.get("code"):
        sys.path.insert(0, os.path.join(config.model_dir, loader["code"]))
    implementation = _call_loader(config)
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = (
        "true"  # as MLflow's server does at this point; mlflow looks at it
    )
    predict = getattr(implementation, loader.get("predict_fn") or "predict")
    convert = _example_format(config)
    try:
        takes_params = takes_params_of(predict)
    except ValueError:  # compiled, without a signature: MLflow looks at it in each call, and fails there
        return LoadedModel(convert, lambda _data, _params: takes_params_of(predict), takes_params=False)
    if takes_params:
        return LoadedModel(convert, lambda data, params: predict(data, params=params), takes_params=True)
    return LoadedModel(convert, lambda data, _params: predict(data), takes_params=False)


def missing_module(error: BaseException) -> Optional[str]:
    """Return the name of the module whose absence caused an exception, or None where that is not why."""
    seen = set()
    current: Optional[BaseException] = error
    while current is not None and id(current) not in seen:
        if isinstance(current, ModuleNotFoundError) and current.name:
            return current.name
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None


def _require_pandas() -> None:
    try:
        importlib.import_module("pandas")
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        message = (
            "the model's inputs are columns, which it is given as a pandas.DataFrame: its environment has no pandas"
        )
        raise ModuleNotFoundError(message, name="pandas") from error


def _call_loader(config: WorkerConfig) -> Any:
    loader = config.loader
    data_path = os.path.join(config.model_dir, loader["data"]) if "data" in loader else config.model_dir
    load: Callable[..., Any] = getattr(importlib.import_module(loader["loader_module"]), _LOAD)
    model_config = _model_config(loader.get("config"))
    return load(data_path, model_config) if model_config else load(data_path)


def _model_config(declared: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """Return the declared configuration with the values that the environment overrides, as MLflow reads them."""
    overrides: Dict[str, Any] = {}
    for variable in ("MLFLOW_PYFUNC_INFERENCE_CONFIG", "SERVING_MODEL_CONFIG"):
        overrides.update(json.loads(os.environ.get(variable) or "{}"))
    config = dict(declared or {})
    unknown = sorted(set(overrides) - set(config))
    if unknown:
        _logger.warning("the model declares no configuration %s: its override is ignored", ", ".join(unknown))
    config.update((name, value) for name, value in overrides.items() if name in config)
    return config or None


def takes_params_of(predict: Callable[..., Any]) -> bool:
    """Tell whether a predict function is given params, as MLflow decides it.

    Raises:
        ValueError: It is compiled and has no signature.
    """
    parameter = inspect.signature(predict).parameters.get("params")
    return parameter is not None and parameter.kind is not inspect.Parameter.VAR_KEYWORD


def _example_format(config: WorkerConfig) -> Callable[[Any], Any]:
    """Return what turns a data frame into the Python type of the input example, for models that ask for it.

    Only MLflow's own loaders know such models, so the conversion is that of the environment's mlflow.
    """
    if not config.loader["loader_module"].startswith("mlflow."):
        return _as_it_is
    with open(os.path.join(config.model_dir, "MLmodel"), encoding="utf-8") as file:
        if not re.search(r"^type_hint_from_example:\s*true\b", file.read(), re.MULTILINE):
            return _as_it_is
    from mlflow.models import Model
    from mlflow.types import type_hints

    example = Model.load(os.path.join(config.model_dir, "MLmodel")).load_input_example(config.model_dir)
    if example is None:
        return _as_it_is
    as_example: Callable[[Any, Any], Any] = getattr(type_hints, "_convert_dataframe_to_example_format")  # noqa: B009
    return lambda data: as_example(data, example)


def _as_it_is(data: Any) -> Any:
    return data
