"""The worker's command line: the smoke load of an environment build, and wrong modes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.runtime import frames
from pytest_modelserve.runtime.config import WorkerConfig

MakeModel = Callable[..., WorkerConfig]
WriteConfig = Callable[[WorkerConfig], Path]

MAIN = Path(frames.__file__).with_name("__main__.py")


def run_main(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(MAIN), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_model_that_loads(make_model: MakeModel, write_config: WriteConfig) -> None:
    source = """
        class Model:
            predict = print

        def _load_pyfunc(path):
            print("loading", path)
            return Model()
    """
    config = make_model(source)

    done = run_main("load", write_config(config))

    report = json.loads(done.stdout)  # nothing else is there
    assert done.returncode == 0
    assert (report["loaded"], report["missing_module"], report["exception"]) == (True, None, None)
    assert report["elapsed_s"] > 0
    assert f"loading {config.model_dir}" in done.stderr


def test_a_model_that_misses_a_module(make_model: MakeModel, write_config: WriteConfig) -> None:
    done = run_main("load", write_config(make_model("import no_such_module_of_ours")))

    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert (report["loaded"], report["missing_module"]) == (False, "no_such_module_of_ours")
    assert report["exception"]["type"] == "ModuleNotFoundError"
    assert "no_such_module_of_ours" in done.stderr


def test_a_model_without_its_predict_function(make_model: MakeModel, write_config: WriteConfig) -> None:
    config = make_model("def _load_pyfunc(path): return object()", predict_fn="forecast")

    report = json.loads(run_main("load", write_config(config)).stdout)

    assert (report["loaded"], report["missing_module"]) == (False, None)
    assert report["exception"]["type"] == "AttributeError"
    assert "forecast" in report["exception"]["message"]


def test_a_loader_that_exits_is_reported(make_model: MakeModel, write_config: WriteConfig) -> None:
    done = run_main("load", write_config(make_model("import sys; sys.exit(0)")))

    assert done.returncode == 3
    assert json.loads(done.stdout)["exception"]["type"] == "SystemExit"


def test_loading_leaves_bytecode_and_none_in_the_model(
    make_model: MakeModel, write_config: WriteConfig, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "installed.py").touch()
    (tmp_path / "link").symlink_to(tmp_path / "model")
    config = make_model(
        f"""
        import importlib.util, sys, types
        sys.path.insert(0, {str(site)!r})
        import installed
        spec = importlib.util.spec_from_file_location("by_path", {str(tmp_path / "link" / "code" / "other.py")!r})
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        def _load_pyfunc(path): return types.SimpleNamespace(predict=len)
        """
    )
    Path(config.model_dir, "code", "other.py").write_text("")

    done = run_main("load", write_config(config))
    assert done.returncode == 0, done.stderr
    assert list(site.glob("__pycache__/installed.*.pyc"))
    assert list(Path(config.model_dir).rglob("__pycache__")) == []


SERVED = {
    "mlflow/__init__.py": "",
    "mlflow/pyfunc/__init__.py": "",
    "mlflow/pyfunc/scoring_server/__init__.py": "print('the server is imported')",
    "mlflow/pyfunc/scoring_server/app.py": "raise AssertionError('it would load the model again')",
    "uvicorn/__init__.py": "",
    "uvicorn/protocols/late.py": "",
    "h11/__init__.py": "this is no Python",
}


@pytest.mark.parametrize(
    ("changes", "is_compiled"),
    [
        ({}, True),
        ({"mlflow/pyfunc/scoring_server/__init__.py": "raise SystemError('not with this Python')"}, False),
    ],
)
def test_loading_leaves_the_bytecode_of_the_server_that_may_follow(
    changes: dict[str, str], is_compiled: bool, make_model: MakeModel, write_config: WriteConfig, tmp_path: Path
) -> None:
    code = tmp_path / "site"
    config = make_model(
        f"""
        import sys, types
        sys.path.insert(0, {str(code)!r})
        def _load_pyfunc(path): return types.SimpleNamespace(predict=len)
        """
    )
    brought = Path(config.model_dir, "code", "flask", "__init__.py")  # by the model itself
    brought.parent.mkdir()
    brought.touch()
    for name, text in {**SERVED, **changes}.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    done = run_main("load", write_config(config))

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["loaded"]
    for name in ("uvicorn/protocols/late.py", "mlflow/pyfunc/scoring_server/app.py"):
        file = code / name
        assert bool(list(file.parent.glob(f"__pycache__/{file.stem}.*.pyc"))) is is_compiled
    assert list(Path(config.model_dir).rglob("__pycache__")) == []


@pytest.mark.parametrize("mode", ["spy", ""])
def test_an_unknown_mode_is_refused(mode: str) -> None:
    done = run_main(mode, "config.json")

    assert done.returncode == 1
    assert f"got {mode!r}" in done.stderr
