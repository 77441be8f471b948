"""Loads a model once and tells how that went: the last step of building an environment, which also leaves bytecode."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import time
from contextlib import suppress
from typing import Any, Dict, Iterator, NoReturn

from .bytecode import write_none_below
from .calls import as_document
from .config import read_config
from .loading import load_model, missing_module
from .raised import describe_exception
from .worker import EXIT_LOAD_FAILED, end_process

_SERVER = "mlflow.pyfunc.scoring_server"
# What MLflow's server loads beside mlflow, some of it only as it starts or answers: of 2.21 and later, then of before.
_SERVED_BY = ("uvicorn", "h11", "anyio", "fastapi", "importlib_metadata", "gunicorn", "flask", "werkzeug")


def load(config_file: str) -> NoReturn:
    """Load the model and end the process: 0 where that worked, 3 where it raised.

    Standard output carries one line, a JSON object: `loaded`, `elapsed_s`, `missing_module` (a name or null) and
    `exception` (as in a call record, or null). What the model prints goes to standard error, and so does a traceback.
    """
    config = read_config(config_file)
    report = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    write_none_below(config.model_dir)
    started = time.perf_counter()
    outcome: Dict[str, Any] = {"loaded": True, "missing_module": None, "exception": None}
    try:
        load_model(config)
    except BaseException as error:  # SystemExit too: whatever ends the loading is reported
        record = describe_exception(error)
        outcome = {"loaded": False, "missing_module": missing_module(error), "exception": as_document(record)}
        print(record.traceback, file=sys.stderr, end="")
    outcome["elapsed_s"] = time.perf_counter() - started
    if outcome["loaded"]:
        compile_server(config.model_dir)
    with report:
        print(json.dumps(outcome), file=report)
    end_process(0 if outcome["loaded"] else EXIT_LOAD_FAILED)


def compile_server(model_dir: str) -> None:
    """Leave the bytecode of MLflow's server, too, where the environment has one: no start of it has to compile.

    Args:
        model_dir: Nothing is written here, should the model bring one of the packages itself.
    """
    own = os.path.join(os.path.realpath(model_dir), "")
    with suppress(Exception):  # a server that is not there, or cannot be imported, is the concern of who starts it
        importlib.import_module(_SERVER)
        folders = [folder for name in (_SERVER, *_SERVED_BY) for folder in _folders_of(name)]
        compiling = importlib.import_module("compileall")
        for folder in folders:
            if os.path.realpath(folder).startswith(own):
                continue
            compiling.compile_dir(folder, quiet=2)  # what is compiled already is left as it is


def _folders_of(package: str) -> Iterator[str]:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield folder
