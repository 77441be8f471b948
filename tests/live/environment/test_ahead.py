"""Environments that are built while tests of other models run: with the real installer, in runs as users start them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest
from live.environment.watched import DEADLINE_S, processes_of, until

BACKEND: Final = '''
"""Builds a package with nothing in it, once the file named by LET_GO is there where NAME is to wait."""

import os, time, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open(os.environ["STARTED"], "a") as started:
        started.write("NAME\\n")
    while IS_SLOW and not os.path.exists(os.environ["LET_GO"]):
        time.sleep(0.02)
    info = "NAME-1.0.dist-info"
    files = {
        "NAME.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: NAME\\nVersion: 1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(os.path.join(wheel_directory, "NAME-1.0-py3-none-any.whl"), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return "NAME-1.0-py3-none-any.whl"
'''
PROJECT: Final = """
[build-system]
requires = []
build-backend = "own_backend"
backend-path = ["."]
[project]
name = "NAME"
version = "1.0"
"""
LOADER: Final = """
class Constant:
    def predict(self, data):
        return [1.0]

def _load_pyfunc(path):
    return Constant()
"""
TESTS: Final = """
import os
import time

import pytest

def is_begun(name):
    return os.path.exists(os.environ["STARTED"]) and name in open(os.environ["STARTED"]).read().split()

@pytest.mark.served_model("first")
def test_first(model_environment):
    deadline = time.monotonic() + 60
    while not is_begun("second"):  # while this test runs, or never
        assert time.monotonic() < deadline
        time.sleep(0.02)
    open(os.environ["READY"], "w").close()
    while not os.path.exists(os.environ["LET_GO"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)

@pytest.mark.served_model("second")
def test_second(model_environment):
    assert model_environment.freeze == ("second==1.0",)
    assert not model_environment.cached
"""


class Scene:
    """Two models whose environments have a package of their own each; that of the second waits to be let go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started, self.ready, self.let_go = (folder / name for name in ("started", "ready", "let go"))
        for name in ("first", "second"):
            package = folder / name / "package"
            package.mkdir(parents=True)
            backend = BACKEND.replace("NAME", name).replace("IS_SLOW", str(name == "second"))
            (package / "own_backend.py").write_text(backend)
            (package / "pyproject.toml").write_text(PROJECT.replace("NAME", name))
            (folder / name / "requirements.txt").write_text("./package\n")
            (folder / name / "code").mkdir()
            (folder / name / "code" / f"{name}_loader.py").write_text(LOADER)
            flavor = {"loader_module": f"{name}_loader", "code": "code"}
            (folder / name / "MLmodel").write_text(json.dumps({"flavors": {"python_function": flavor}}))
        (folder / "test_own.py").write_text(TESTS)

    def run(self, *options: str) -> subprocess.Popen[str]:
        cache = f"--model-cache-dir={self.folder / 'cache'}"
        signals = {"STARTED": str(self.started), "READY": str(self.ready), "LET_GO": str(self.let_go)}
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:randomly", cache, *options],
            cwd=self.folder,
            env={**os.environ, **signals, "PIP_NO_INDEX": "1", "UV_CACHE_DIR": str(self.folder / "uv")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def begun(self) -> list[str]:
        """The packages whose builds were begun."""
        return self.started.read_text().split() if self.started.exists() else []

    def processes(self) -> list[psutil.Process]:
        return processes_of(self.folder)

    def environments(self) -> list[str]:
        """The packages of the environments that are finished, and of the builds that are not."""
        return sorted(
            path.name for path in self.folder.glob("cache/envs/*/g-*/env/lib/*/site-packages/*-1.0.dist-info")
        )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    for process in scene.processes():
        process.kill()


def test_the_second_is_built_while_the_test_of_the_first_runs(scene: Scene) -> None:
    running = scene.run()
    assert until(scene.ready.exists, running)
    assert scene.environments() == ["first-1.0.dist-info"]
    scene.let_go.touch()
    output, _ = running.communicate(timeout=DEADLINE_S)
    assert "2 passed" in output
    assert scene.begun() == ["first", "second"]
    assert scene.environments() == ["first-1.0.dist-info", "second-1.0.dist-info"]
    assert not scene.processes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_however_the_run_ends_the_build_ends_with_it(scene: Scene, number: signal.Signals) -> None:
    running = scene.run()
    assert until(scene.ready.exists, running)
    running.send_signal(number)
    output, _ = running.communicate(timeout=DEADLINE_S)
    assert until(lambda: not scene.processes()), scene.processes()
    assert scene.begun() == ["first", "second"]
    assert scene.environments() == ["first-1.0.dist-info"]
    assert ("KeyboardInterrupt" in output) is (number == signal.SIGINT)
