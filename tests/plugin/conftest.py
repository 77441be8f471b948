"""Tiny models that serve in the running interpreter, and runs of pytest over them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

# In the process of the outer run from the start: pytester drops what an inner run imports, and NumPy bears no second
# import.
for _name in ("suite.hooks", "given", "run", "scoring.app", "server.backends.builtin", "environment.managers.local"):
    importlib.import_module(f"pytest_modelserve.{_name}")

LOADER = '''
"""A model that answers each row with its n, as a float; it tells each load and can be asked to die."""

import os
import pathlib

LOADS = pathlib.Path({loads!r})


class Echo:
    def predict(self, data):
        if "die" in set(data.get("word", ())):
            os._exit(7)
        return data[["n"]].astype("float64").rename(columns={{"n": "y"}})


def _load_pyfunc(path):
    with LOADS.open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    return {model}
'''
INPUTS = (
    {"name": "n", "type": "long", "required": True},
    {"name": "x", "type": "double", "required": True},
    {"name": "word", "type": "string", "required": True},
    {"name": "flag", "type": "boolean", "required": False},
)
PLAIN = ("-p", "no:randomly", "-p", "no:asyncio")  # in the order written; asyncio warns of a setting that is unset
EXAMPLE = {"columns": ["n", "x", "word", "flag"], "data": [[1, 0.5, "a", True], [20, 1.5, "b", False]]}


class TinyModel:
    """A model directory, and what is known of its life."""

    def __init__(self, path: Path, loads: Path) -> None:
        self.path = path
        self._loads = loads

    @property
    def name(self) -> str:
        """The URI relative to the folder of the run."""
        return self.path.name

    @property
    def loads(self) -> int:
        """How often it was loaded, in whatever process."""
        return len(self._loads.read_text().splitlines()) if self._loads.exists() else 0


MakeModel = Callable[..., TinyModel]


@pytest.fixture
def make_model(pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Write a model directory below the folder of the run; keywords change what it is made of."""
    scratch = tmp_path_factory.mktemp("scratch")

    def make(name: str = "model", **changed: Any) -> TinyModel:
        path, loads = pytester.path / name, scratch / f"{len(list(scratch.iterdir()))}.loads"
        loads.touch()
        (path / "code").mkdir(parents=True)
        model = changed.get("model", "Echo()")
        (path / "code" / "tiny_loader.py").write_text(LOADER.format(loads=str(loads), model=model))
        pyfunc = {"loader_module": "tiny_loader", "code": "code", "python_version": "3.11.7"}
        document: dict[str, object] = {"flavors": {"python_function": pyfunc}}
        inputs = changed.get("inputs", INPUTS)
        if inputs:
            outputs = changed.get("outputs", [{"name": "y", "type": "double", "required": True}])
            document["signature"] = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}
        example: Mapping[str, object] | None = changed.get("example", EXAMPLE)
        if example:
            document["saved_input_example_info"] = {
                "artifact_path": "input_example.json",
                "serving_input_path": "serving_input_example.json",
                "type": "dataframe",
                "pandas_orient": "split",
            }
            (path / "input_example.json").write_text(json.dumps(example))
            (path / "serving_input_example.json").write_text(json.dumps({"dataframe_split": example}))
        (path / "MLmodel").write_text(json.dumps(document))
        return TinyModel(path, loads)

    return make


@pytest.fixture
def model(make_model: MakeModel) -> TinyModel:
    """A healthy model in the folder `model`."""
    return make_model()


class Runs:
    """Runs pytest as a user does, with the model's own code in this interpreter and a cache of its own."""

    def __init__(self, pytester: pytest.Pytester, cache_dir: Path) -> None:
        self._pytester = pytester
        self.cache_dir = cache_dir
        self.report_path = pytester.path / "report.json"

    def _arguments(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        cache = f"--model-cache-dir={self.cache_dir}"
        return (*PLAIN, "--model-env-manager=local", cache, "--model-examples=2", *arguments)

    def __call__(self, *arguments: str) -> pytest.RunResult:
        """Run in this process, in the order written."""
        return self._pytester.runpytest_inprocess(*self._arguments(arguments))

    def apart(self, *arguments: str) -> pytest.RunResult:
        """Run in a process of its own."""
        return self._pytester.runpytest_subprocess(*self._arguments(arguments))

    def collected(self, *arguments: str) -> list[str]:
        """Return the ids that a run would run."""
        result = self(*arguments, "--collect-only", "-q")
        return [line for line in result.outlines if "::" in line and not line.startswith(("ERROR", "FAILED"))]

    @property
    def report(self) -> dict[str, Any]:
        """What the last run with `--model-report=report.json` wrote."""
        document: dict[str, Any] = json.loads(self.report_path.read_text())
        return document


@pytest.fixture
def run(pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Run pytest in a folder of its own, on a terminal that is wide enough for whole messages."""
    monkeypatch.setenv("COLUMNS", "300")
    return Runs(pytester, tmp_path_factory.mktemp("cache"))
