"""A derived model directory is the original in everything but the loader that its MLmodel file names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.checks.loads import read_loads
from pytest_modelserve.errors import MlmodelError
from pytest_modelserve.server.spied_model import derive_spied_model, lay_out

FLAVOR = {
    "loader_module": "own_loader",
    "code": "code",
    "data": "weights",
    "predict_fn": "answer",
    "python_version": "3.8.2",
}
LOADER = """
    class Model:
        def answer(self, data, params=None):
            return [self.path, data, params]

    def _load_pyfunc(path):
        model = Model()
        model.path = path
        return model
"""


@pytest.fixture
def original(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "m 1"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "own_loader.py").write_text(dedent(LOADER))
    (folder / "weights").mkdir()
    (folder / "requirements.txt").write_text("pandas\n")
    document = {
        "flavors": {"python_function": FLAVOR, "sklearn": {"code": None}},
        "metadata": {"ä": [1, 2.5, "yes"], "when": "2024-01-01"},
        "model_uuid": "1e5",
        "signature": {"inputs": '[{"type": "long"}]'},
    }
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    return folder


def document_of(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    return document


def test_only_the_loader_and_its_folder_differ(original: Path, tmp_path: Path) -> None:
    derived = derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")

    document = document_of(derived.path)
    flavor = document["flavors"]["python_function"]
    assert flavor == {**FLAVOR, "loader_module": "modelserve_spy_loader", "code": "modelserve_spy"}
    document["flavors"]["python_function"] = FLAVOR
    assert document == document_of(original)
    links = {entry.name: entry.resolve() for entry in derived.path.iterdir() if entry.is_symlink()}
    assert links == {name: original / name for name in ("code", "weights", "requirements.txt")}


def test_the_original_is_left_as_it_is(original: Path, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in original.rglob("*"))
    derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")

    assert sorted((path, path.stat().st_mtime_ns) for path in original.rglob("*")) == before


def test_a_folder_that_has_the_name_of_the_spys_is_kept(original: Path, tmp_path: Path) -> None:
    (original / "modelserve_spy").mkdir()
    derived = derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")

    assert (derived.path / "modelserve_spy").resolve() == original / "modelserve_spy"
    assert document_of(derived.path)["flavors"]["python_function"]["code"] == derived.app_dir.name == "modelserve_spy_"


def test_another_process_loads_it_as_mlflow_does(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    derived = derive_spied_model(Path("models/m 1"), Path("derived"), Path("calls.jsonl"))  # relative ones will do
    code = """
        import importlib, json, sys
        folder = sys.argv[1]
        sys.path = [folder + "/modelserve_spy"] + sys.path
        model = importlib.import_module("modelserve_spy_loader")._load_pyfunc(folder + "/weights")
        print(json.dumps(model.answer([1], params={"k": 2})))
    """
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", dedent(code), str(derived.path.resolve())]
    done = subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [f"{original}/weights", [1], {"k": 2}]
    [call] = CallLog(tmp_path / "calls.jsonl").take_unnamed()
    assert (call.received.value, call.params.value) == ([1], {"k": 2})
    names = {json.loads(line)["name"] for line in (tmp_path / "modules.jsonl").read_text().splitlines()}
    assert "own_loader" in names
    assert not any("modelserve" in name for name in names)


APPLICATION = """
    import os

    def app(*arguments):
        return os.environ["__pyfunc_model_path__"], *arguments
"""


@pytest.mark.parametrize(("module", "theirs"), [("modelserve_spied_app", "app"), ("modelserve_spied_wsgi_app", "wsgi")])
def test_its_application_serves_the_directory_itself(original: Path, tmp_path: Path, module: str, theirs: str) -> None:
    derived = derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")
    package = tmp_path / "site" / "mlflow" / "pyfunc" / "scoring_server"
    package.mkdir(parents=True)
    (package / f"{theirs}.py").write_text(dedent(APPLICATION))
    code = """
        import importlib, json, sys
        sys.path[:0] = sys.argv[1:3]
        application = importlib.import_module(sys.argv[3]).app
        print(json.dumps([type(application).__name__, *application._application("a request")]))
    """
    command = [sys.executable, "-I", "-c", dedent(code), "derived/modelserve_spy", "site", module]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)

    names = {"app": "NamedRequests", "wsgi": "NamedWsgiRequests"}[theirs]
    assert json.loads(done.stdout) == [names, str(derived.path), "a request"]


def test_records_may_be_relative_to_the_folder_of_the_spy(original: Path, tmp_path: Path) -> None:
    layout = lay_out(original, calls_file="../../calls.jsonl", loads_file="../../loads.jsonl")
    folder = tmp_path / "run" / "model"
    (folder / layout.folder).mkdir(parents=True)
    for name, content in layout.files.items():
        (folder / name).write_bytes(content)
    (original / "weights" / "w.txt").write_text("1")
    source = LOADER.replace("model = Model()", "model = Model(); open(path + '/w.txt').close()")
    (original / "code" / "own_loader.py").write_text(dedent(source))
    code = """
        import importlib, os, sys
        sys.path.insert(0, sys.argv[1])
        loader = importlib.import_module("modelserve_spy_loader")
        os.chdir("/")  # as a model may while it is loaded
        loader._load_pyfunc("").answer([1])
    """
    command = [sys.executable, "-c", dedent(code), f"run/model/{layout.folder}"]
    subprocess.run(command, cwd=tmp_path, env={}, check=True)

    [call] = CallLog(tmp_path / "run" / "calls.jsonl").take_unnamed()
    assert call.received.value == [1]
    loads = read_loads(tmp_path / "run" / "loads.jsonl")
    assert loads.n_loaded == 1
    assert ("weights/w.txt", 0) in [(opening.file, opening.call) for opening in loads.openings]


@pytest.mark.parametrize("text", ["", "flavors: {}", "flavors: {python_function: {}}", "flavors: [", "\x00", "- 1"])
def test_a_file_without_a_loader_is_told(original: Path, tmp_path: Path, text: str) -> None:
    (original / "MLmodel").write_text(text)

    with pytest.raises(MlmodelError) as caught:
        derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")
    assert caught.value.facts["file"] == original / "MLmodel"
    assert not (tmp_path / "derived").exists()


def test_nothing_is_overwritten(original: Path, tmp_path: Path) -> None:
    derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")
    with pytest.raises(FileExistsError):
        derive_spied_model(original, tmp_path / "derived", tmp_path / "calls.jsonl")
