"""Builds a model directory that stands for another one and lets the spy watch it, for servers that load it themselves.

Everything is linked but the MLmodel file, whose python_function flavor names a loader of ours. That one hands the
original directory to the original loader, so that the model is the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ..errors import MlmodelError

_RUNTIME: Final = Path(__file__).resolve().parents[1] / "runtime"
_MLMODEL: Final = "MLmodel"
_FLAVOR: Final = "python_function"
_FOLDER: Final = "modelserve_spy"
_LOADER: Final = "modelserve_spy_loader"
_APP: Final = "modelserve_spied_app"

_LOADER_TEXT: Final = '''"""Loads the model that this directory stands for, and lets the spy watch it."""
import importlib
import importlib.util
import sys

FOLDER = {runtime!r}

if "_modelserve_runtime" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "_modelserve_runtime", FOLDER + "/__init__.py", submodule_search_locations=[FOLDER]
    )
    sys.modules["_modelserve_runtime"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["_modelserve_runtime"])

_load_pyfunc = importlib.import_module("_modelserve_runtime.spied_loader").loader_of({setup!r})
'''
_APP_TEXT: Final = '''"""MLflow's own server, with requests that the spy can name."""
import importlib

import {loader}  # our package is there from here on
from mlflow.pyfunc.scoring_server.app import app as _app

app = importlib.import_module("_modelserve_runtime.named_requests").NamedRequests(_app)
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiedModel:
    """A derived model directory.

    Attributes:
        path: The directory to serve in place of the original.
        app_dir: The folder to start uvicorn with as its `--app-dir`.
        app: MLflow's application with named requests, for uvicorn.
    """

    path: Path
    app_dir: Path
    app: str = f"{_APP}:app"


def derive_spied_model(model_dir: Path, into: Path, calls_file: Path) -> SpiedModel:
    """Make `into` a directory that stands for a model, whose calls are recorded in `calls_file` and beside it.

    Raises:
        MlmodelError: The MLmodel file cannot be read, or has no python_function flavor.
        FileExistsError: `into` is there already.
    """
    original = model_dir.resolve()
    document = _read(original / _MLMODEL)
    flavor = document["flavors"][_FLAVOR]
    into.mkdir(parents=True)
    for entry in original.iterdir():
        if entry.name != _MLMODEL:
            (into / entry.name).symlink_to(entry)
    folder = _free_name(original)
    _write_loader(
        into / folder, {"model_dir": str(original), "loader": flavor, "calls_file": str(calls_file.resolve())}
    )
    derived = {**flavor, "loader_module": _LOADER, "code": folder}
    changed = {**document, "flavors": {**document["flavors"], _FLAVOR: derived}}
    (into / _MLMODEL).write_text(yaml.safe_dump(changed, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return SpiedModel(path=into, app_dir=into / folder)


def _write_loader(folder: Path, setup: Mapping[str, Any]) -> None:
    folder.mkdir()
    setup_file = folder / "spy.json"
    setup_file.write_text(json.dumps(setup), encoding="utf-8")
    loader = _LOADER_TEXT.format(runtime=str(_RUNTIME), setup=str(setup_file.resolve()))
    (folder / f"{_LOADER}.py").write_text(loader, encoding="utf-8")
    (folder / f"{_APP}.py").write_text(_APP_TEXT.format(loader=_LOADER), encoding="utf-8")


def _read(file: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        document["flavors"][_FLAVOR]["loader_module"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError) as error:
        raise MlmodelError(
            "the spy cannot take the place of the model's loader", facts={"file": file, "reason": repr(error)}
        ) from error
    return document


def _free_name(original: Path) -> str:
    taken = {entry.name for entry in original.iterdir()}
    return next(name for name in (_FOLDER + "_" * more for more in range(len(taken) + 1)) if name not in taken)
