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
_MODEL: Final = "model"  # the derived directory, in a server's private one
_UP: Final = "../.."  # from our folder in that one to the server's private one
_APP: Final = "modelserve_spied_app"
_WSGI_APP: Final = "modelserve_spied_wsgi_app"

LOADER: Final = "modelserve_spy_loader"
"""The module of our folder in a derived directory that makes our package known, and is the loader of the model."""

APP: Final = f"{_APP}:app"
"""MLflow's application with named requests, for uvicorn, in our folder of a derived directory; it serves that one."""

WSGI_APP: Final = f"{_WSGI_APP}:app"
"""The same of a version of MLflow that is built on Flask, for gunicorn."""

_LOADER_TEXT: Final = '''"""Loads the model that this directory stands for, and lets the spy watch it."""
import importlib
import importlib.util
import os
import sys

FOLDER = {runtime!r}
SETUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spy.json")

if "_modelserve_runtime" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "_modelserve_runtime", FOLDER + "/__init__.py", submodule_search_locations=[FOLDER]
    )
    sys.modules["_modelserve_runtime"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["_modelserve_runtime"])

_load_pyfunc = importlib.import_module("_modelserve_runtime.spied_loader").loader_of(SETUP)
'''
_APP_TEXT: Final = '''"""MLflow's own server of the model around this folder, with requests that the spy can name."""
import importlib
import os

import {loader}  # our package is there from here on

os.environ["__pyfunc_model_path__"] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # read by the next
_app = importlib.import_module("mlflow.pyfunc.scoring_server.{module}").app

app = importlib.import_module("_modelserve_runtime.named_requests").{names}(_app)
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiedModel:
    """A derived model directory.

    Attributes:
        path: The directory to serve in place of the original.
        app_dir: The folder in which a server finds `app` and `wsgi_app`: uvicorn's `--app-dir`, gunicorn's
            `--pythonpath`.
        app: MLflow's application with named requests, for uvicorn; it serves this directory.
    """

    path: Path
    app_dir: Path
    app: str = APP


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiedLayout:
    """What a derived model directory is made of, before it is made; every name is relative to it.

    Attributes:
        folder: The name of our folder in it.
        files: Name to content.
        links: Name to what a symbolic link of that name leads to.
    """

    folder: str
    files: Mapping[str, bytes]
    links: Mapping[str, Path]


def derive_spied_model(model_dir: Path, into: Path, calls_file: Path) -> SpiedModel:
    """Make `into` a directory that stands for a model, whose calls are recorded in `calls_file` and beside it.

    Raises:
        MlmodelError: The MLmodel file cannot be read, or has no python_function flavor.
        FileExistsError: `into` is there already.
    """
    layout = lay_out(model_dir, calls_file=str(calls_file.resolve()))
    into.mkdir(parents=True)
    for name, target in layout.links.items():
        (into / name).symlink_to(target)
    (into / layout.folder).mkdir()
    for name, content in layout.files.items():
        (into / name).write_bytes(content)
    return SpiedModel(path=into, app_dir=into / layout.folder)


def lay_out(model_dir: Path, *, calls_file: str, loads_file: str = "") -> SpiedLayout:
    """Return what a directory consists of that stands for a model; nothing is written.

    Args:
        model_dir: The model.
        calls_file: Where its calls are recorded; a relative path starts from our folder in the derived directory.
        loads_file: Where it is recorded which of its files are opened, likewise; empty for nowhere.

    Raises:
        MlmodelError: The MLmodel file cannot be read, or has no python_function flavor.
    """
    original = model_dir.resolve()
    document = _read(original / _MLMODEL)
    flavor = document["flavors"][_FLAVOR]
    folder = _free_name(original)
    setup = {"model_dir": str(original), "loader": flavor, "calls_file": calls_file, "loads_file": loads_file}
    derived = {**flavor, "loader_module": LOADER, "code": folder}
    changed = {**document, "flavors": {**document["flavors"], _FLAVOR: derived}}
    texts = {
        _MLMODEL: yaml.safe_dump(changed, sort_keys=False, allow_unicode=True),
        f"{folder}/spy.json": json.dumps(setup),
        f"{folder}/{LOADER}.py": _LOADER_TEXT.format(runtime=str(_RUNTIME)),
        f"{folder}/{_APP}.py": _APP_TEXT.format(loader=LOADER, module="app", names="NamedRequests"),
        f"{folder}/{_WSGI_APP}.py": _APP_TEXT.format(loader=LOADER, module="wsgi", names="NamedWsgiRequests"),
    }
    return SpiedLayout(
        folder=folder,
        files={name: text.encode("utf-8") for name, text in texts.items()},
        links={entry.name: entry for entry in sorted(original.iterdir()) if entry.name != _MLMODEL},
    )


def lay_out_for_server(model_dir: Path) -> SpiedLayout:
    """Return the same below `model` in the private directory of a server, in which the calls are recorded.

    Raises:
        MlmodelError: The MLmodel file cannot be read, or has no python_function flavor.
    """
    layout = lay_out(model_dir, calls_file=f"{_UP}/calls.jsonl", loads_file=f"{_UP}/loads.jsonl")
    return SpiedLayout(
        folder=f"{_MODEL}/{layout.folder}",
        files={f"{_MODEL}/{name}": content for name, content in layout.files.items()},
        links={f"{_MODEL}/{name}": target for name, target in layout.links.items()},
    )


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
