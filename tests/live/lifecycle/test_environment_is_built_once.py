"""An environment is built once: by the first of all who ask at the same time, and again only after a killed build."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

Processes = Callable[[Path], list[psutil.Process]]
Until = Callable[[Callable[[], object]], bool]

LOADER: Final = """
class Same:
    def predict(self, orders, params=None):
        return list(orders["n"])

def _load_pyfunc(path):
    return Same()
"""
SIGNATURE: Final = {
    "inputs": [{"type": "long", "name": "n", "required": True}],
    "outputs": [{"type": "long", "required": True}],
}
EXAMPLE: Final = {"dataframe_split": {"columns": ["n"], "data": [[1]]}}
SMOKE: Final = ("--model-checks", "smoke")
BACKEND: Final = '''
import os, time, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Say that it runs, then wait until it is let go."""
    with open(os.environ["STARTED"], "a") as started:
        started.write("built\\n")
    while not os.path.exists(os.environ["LET_GO"]):
        time.sleep(0.02)
    name, info = "slowpkg-1.0-py3-none-any.whl", "slowpkg-1.0.dist-info"
    files = {
        "slowpkg.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: slowpkg\\nVersion: 1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(path, text)
    return name
'''
PROJECT: Final = """
[build-system]
requires = []
build-backend = "slow_backend"
backend-path = ["."]
[project]
name = "slowpkg"
version = "1.0"
"""


@pytest.fixture
def fresh(contract: Any, tmp_path: Path) -> Any:
    """Run with a cache of its own, in which nothing is built yet."""
    return replace(contract, cache_dir=tmp_path / "cache")


@pytest.fixture
def model(model_source: Any, tmp_path: Path) -> Path:
    written: Path = model_source(loader=LOADER, signature=SIGNATURE, example=EXAMPLE).write(tmp_path / "model")
    return written


@pytest.fixture
def slow_model(model_source: Any, tmp_path: Path) -> Path:
    """A model with a package that takes until it is let go to build."""
    pins = ["numpy==2.2.6", "pandas==2.3.3", "./slow"]
    source = model_source(loader=LOADER, signature=SIGNATURE, example=EXAMPLE, requirements=pins)
    written: Path = source.write(tmp_path / "model")
    (written / "slow").mkdir()
    (written / "slow" / "slow_backend.py").write_text(BACKEND)
    (written / "slow" / "pyproject.toml").write_text(PROJECT)
    return written


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """How the slow package says that it is built, and is let go."""

    started: Path
    let_go: Path

    @property
    def env(self) -> dict[str, str]:
        return {"STARTED": str(self.started), "LET_GO": str(self.let_go)}


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(started=tmp_path / "started", let_go=tmp_path / "let go")


def generations(cache_dir: Path) -> list[Path]:
    return list(cache_dir.glob("envs/*/g-*"))


def test_a_second_run_installs_nothing(model: Path, fresh: Any, tmp_path: Path) -> None:
    first = fresh(model, *SMOKE)
    built = generations(fresh.cache_dir)
    barren = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "no cache"), "HTTPS_PROXY": "http://127.0.0.1:9"}
    second = fresh(model, *SMOKE, env=barren)
    assert (first.exit_code, second.exit_code) == (0, 0), second.output
    assert (first.model["environment"]["cached"], second.model["environment"]["cached"]) == (False, True)
    assert generations(fresh.cache_dir) == built
    assert len(built) == 1
    assert not (tmp_path / "no cache").exists()
    assert "installing the requirements" not in second.errors + second.output


def test_two_runs_at_once_build_it_once(slow_model: Path, fresh: Any, builds: Builds) -> None:
    builds.let_go.touch()
    runs = [fresh.start(slow_model, *SMOKE, env=builds.env) for _ in range(2)]
    ended = [(run.communicate(timeout=240)[0], run.returncode) for run in runs]
    assert [code for _, code in ended] == [0, 0], ended
    assert builds.started.read_text() == "built\n"
    assert len(generations(fresh.cache_dir)) == 1


def test_two_workers_build_it_once(slow_model: Path, fresh: Any, builds: Builds) -> None:
    builds.let_go.touch()
    run = fresh(slow_model, *SMOKE, "-n", "2", env=builds.env)
    assert run.exit_code == 0, run.output
    assert len(run.checks("passed")) == 4
    assert builds.started.read_text() == "built\n"
    assert len(generations(fresh.cache_dir)) == 1


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_build_is_built_again(
    way: signal.Signals, slow_model: Path, fresh: Any, builds: Builds, processes_of: Processes, until: Until
) -> None:
    tmp_path = slow_model.parent
    killed = fresh.start(slow_model, *SMOKE, env=builds.env)
    try:
        assert until(builds.started.exists)
        killed.send_signal(way)
        killed.communicate(timeout=60)
        assert until(lambda: not processes_of(tmp_path)), processes_of(tmp_path)
    finally:
        killed.kill()
        killed.wait()
    builds.let_go.touch()
    run = fresh(slow_model, *SMOKE, env=builds.env)
    assert (run.exit_code, run.model["environment"]["cached"]) == (0, False), run.output
    assert "slowpkg==1.0" in run.model["environment"]["freeze"]
    assert len(generations(fresh.cache_dir)) == 1
    assert processes_of(tmp_path) == []
