"""Loads a model for a server of somebody else's, so that the spy sees its calls: the loader of a derived directory.

The original loader is given the original directory, since loaders read the MLmodel file beside the data.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import time
from typing import Any, Callable

from .bytecode import write_none_below
from .calls import CallLog
from .loading import takes_params_of
from .loads import LoadLog
from .spy import Spy, request_id

_LOAD = "_load_pyfunc"  # the name that MLflow requires of every loader module


def loader_of(setup_file: str) -> Callable[..., Any]:
    """Return the `_load_pyfunc` of a derived directory.

    Args:
        setup_file: A JSON object: `model_dir`, the original directory; `loader`, its python_function flavor;
            `calls_file`, where the calls are recorded, and `loads_file`, where the files that are opened, if they
            are; both may be relative to the folder of this file.
    """
    with open(setup_file, encoding="utf-8") as file:
        setup = json.load(file)
    own_folder = os.path.dirname(os.path.abspath(setup_file))
    calls_file = os.path.normpath(os.path.join(own_folder, setup["calls_file"]))
    loads_file = setup.get("loads_file") and os.path.normpath(os.path.join(own_folder, setup["loads_file"]))

    def load(_path: str, *model_config: Any) -> Any:
        """Load the original model; MLflow says where the derived directory has its data, which is the same data."""
        loads = LoadLog(loads_file or "", setup["model_dir"])
        write_none_below(setup["model_dir"])
        loads.watch()
        started = time.perf_counter()
        implementation = _load_original(setup["model_dir"], setup["loader"], model_config)
        spy = Spy(CallLog(calls_file), calls_file, left_out=own_folder, model_dir=setup["model_dir"])
        spy.note_loaded(implementation)
        loads.loaded(time.perf_counter() - started)
        return Spied(implementation, setup["loader"].get("predict_fn") or "predict", spy, loads.began)

    return load


def _unheard(_number: int) -> None:
    return


class Spied:
    """A loaded model of which one method is watched; everything else is the model's own, its class included."""

    def __init__(
        self, implementation: Any, predict_fn: str, spy: Spy, on_call: Callable[[int], None] = _unheard
    ) -> None:
        own = self.__dict__
        own["_implementation"] = implementation
        if hasattr(implementation, predict_fn):  # else MLflow says so
            own[predict_fn] = watched(getattr(implementation, predict_fn), spy, on_call)

    @property  # type: ignore[misc] # so that isinstance sees the model
    def __class__(self) -> type:
        kind: type = type(self.__dict__["_implementation"])
        return kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_implementation"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_implementation"], name, value)


def watched(predict: Callable[..., Any], spy: Spy, on_call: Callable[[int], None] = _unheard) -> Callable[..., Any]:
    """Return a predict function that the spy watches, with the signature in which MLflow looks for `params`.

    A call is recorded under the id of the request that is being answered; under none where nobody names requests, and
    without contents where the request brought no id. Its number is told before it begins.
    """
    try:
        takes_params = takes_params_of(predict)
    except ValueError:  # compiled, without a signature
        takes_params = False

    @functools.wraps(predict)
    def call(data: Any, *args: Any, **kwargs: Any) -> Any:
        identity = request_id.get()
        record = spy.watch(identity, is_kept=identity != "")
        params = kwargs.get("params", args[0] if args else None)
        record.note_received(data, params, has_params=takes_params)
        on_call(record.number)
        try:
            value = predict(data, *args, **kwargs)
        except BaseException as error:
            record.note_raised(error)
            raise
        record.note_returned(value)
        return value

    return call


def _load_original(model_dir: str, loader: Any, model_config: Any) -> Any:
    if loader.get("code"):
        sys.path.insert(0, os.path.join(model_dir, loader["code"]))
    data_path = os.path.join(model_dir, loader["data"]) if "data" in loader else model_dir
    return getattr(importlib.import_module(loader["loader_module"]), _LOAD)(data_path, *model_config)
