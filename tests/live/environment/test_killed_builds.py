"""Builds that are killed, or run out of disk, with the real installers: nothing half-made, nothing left running."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest
from live.environment.watched import DEADLINE_S, processes_of, until

INHERITED: Final = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

BACKEND: Final = '''
import base64, hashlib, os, time, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Say that it runs, then wait until it is let go."""
    with open(os.environ["STARTED"], "a") as started:
        started.write(f"{os.getpid()}\\n")
    while not os.path.exists(os.environ["LET_GO"]):
        time.sleep(0.02)
    name = "slowpkg-1.0-py3-none-any.whl"
    files = {
        "slowpkg.py": "",
        "slowpkg-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: slowpkg\\nVersion: 1.0\\n",
        "slowpkg-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{path},,\\n" for path in [*files, "slowpkg-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for path, text in {**files, "slowpkg-1.0.dist-info/RECORD": record}.items():
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
RESTORE: Final = """
import json, os, sys
from pathlib import Path
from pytest_modelserve.environment.managers.uv import Uv
from pytest_modelserve.environment.managers.virtualenv import Virtualenv
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec

class Said:
    def step(self, text):
        with open(os.environ["SAID"], "a") as said:
            said.write(f"{os.getpid()} {text}\\n")

manager = {"uv": Uv, "virtualenv": Virtualenv, "pip": lambda: Virtualenv(uses_uv=False)}[sys.argv[1]]()
spec = EnvironmentSpec.read(Path(sys.argv[2]))
with manager.restore(RestoreRequest(spec=spec, root=Path(sys.argv[3]), progress=Said())) as environment:
    print(json.dumps({"prefix": str(environment.prefix), "freeze": environment.freeze, "cached": environment.cached}))
"""


class Scene:
    """A model whose one package takes until it is let go to build, and processes that restore it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model"
        self.root = folder / "cache"
        self.started = folder / "started"
        self.let_go = folder / "let go"
        self.said = folder / "said"
        package = self.model / "slow"
        package.mkdir(parents=True)
        (package / "slow_backend.py").write_text(BACKEND)
        (package / "pyproject.toml").write_text(PROJECT)
        (self.model / "requirements.txt").write_text("./slow\n")
        (folder / "home").mkdir()
        (folder / "restore.py").write_text(RESTORE)

    def restore(self, manager: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.folder / "restore.py"), manager, str(self.model), str(self.root)]
        offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "HOME": str(self.folder / "home")}
        signals = {"STARTED": str(self.started), "LET_GO": str(self.let_go), "SAID": str(self.said)}
        env = {**INHERITED, **offline, **signals}
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def builders(self) -> list[int]:
        """Give the pids of all package builds begun."""
        return [int(line) for line in self.started.read_text().split()] if self.started.exists() else []

    def waiting(self) -> set[str]:
        """Give the pids of all that said they wait for a builder."""
        said = self.said.read_text().splitlines() if self.said.exists() else []
        return {line.split()[0] for line in said if " waiting for " in line}

    def processes(self) -> list[psutil.Process]:
        """Give all processes that have to do with this scene."""
        return processes_of(self.folder)

    def generations(self) -> list[Path]:
        return list(self.root.glob("envs/*/g-*"))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    for process in scene.processes():
        process.kill()


def finished(process: subprocess.Popen[str]) -> dict[str, object]:
    output, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    document: dict[str, object] = json.loads(output)
    return document


@pytest.mark.parametrize("manager", ["uv", "virtualenv", "pip"])
def test_kill_9_ends_the_installer_and_the_next_run_rebuilds(scene: Scene, manager: str) -> None:
    killed = scene.restore(manager)
    assert until(scene.builders, killed)
    (half,) = scene.generations()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    assert until(lambda: not scene.processes()), scene.processes()
    scene.let_go.touch()
    done = finished(scene.restore(manager))
    assert done["cached"] is False
    assert "slowpkg==1.0" in str(done["freeze"])
    (whole,) = scene.generations()
    assert whole != half
    assert finished(scene.restore(manager)) == {**done, "cached": True}


def test_one_of_those_who_wait_takes_over(scene: Scene) -> None:
    killed = scene.restore("uv")
    assert until(scene.builders, killed)
    waiting = [scene.restore("uv") for _ in range(3)]
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=30)
    assert until(lambda: len(scene.builders()) == 2)
    scene.let_go.touch()
    prefixes = {str(finished(each)["prefix"]) for each in waiting}
    assert len(prefixes) == 1
    assert len(scene.builders()) == 2
    assert len(scene.generations()) == 1


def test_ctrl_c_leaves_nothing(scene: Scene) -> None:
    interrupted = scene.restore("uv")
    assert until(scene.builders, interrupted)
    interrupted.send_signal(signal.SIGINT)
    _, errors = interrupted.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert until(lambda: not scene.processes())
    assert scene.generations() == []


def test_eight_processes_build_once(scene: Scene) -> None:
    started = [scene.restore("uv") for _ in range(8)]
    assert until(lambda: len(scene.waiting()) == 7)
    scene.let_go.touch()
    done = [finished(each) for each in started]
    assert len(scene.builders()) == 1
    assert len({str(each["prefix"]) for each in done}) == 1
    assert len(scene.generations()) == 1


@pytest.mark.parametrize("size", ["4k", "48k", "3m"])  # enough to begin, to create it, to install
def test_a_full_disk_is_told_and_the_next_try_works(scene: Scene, tmp_path: Path, size: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={size} none '{disk}' && "
    private = ["unshare", "-rm", "sh", "-c"]
    if subprocess.run([*private, f"{mount} true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    data = scene.model / "slow" / "slow_backend.py"
    data.write_text(BACKEND.replace('"slowpkg.py": ""', '"slowpkg.py": "#" + "x" * 8_000_000'))
    scene.let_go.touch()
    restore = f"'{sys.executable}' '{scene.folder}/restore.py' uv '{scene.model}' '{disk}'"
    left = f"find '{disk}/envs' -name 'g-*' -o -name '*.json'"
    again = f"echo now; {left}; mount -o remount,size=60m '{disk}' && {restore}"
    env = {**INHERITED, "HOME": str(scene.folder / "home"), "PIP_CONFIG_FILE": os.devnull}
    env |= {"PIP_NO_INDEX": "1", "UV_CACHE_DIR": str(tmp_path / "uv"), "UV_LINK_MODE": "copy"}
    env |= {"STARTED": str(scene.started), "LET_GO": str(scene.let_go), "SAID": str(scene.said)}
    command = [*private, f"{mount}{restore}; {again}"]
    done = subprocess.run(command, check=False, capture_output=True, env=env, text=True)
    assert re.search(r"InstallFailed: .*: the disk is full", done.stderr)
    assert "modelserve envs prune" in done.stderr
    before, _, after = done.stdout.partition("now\n")
    *left_behind, answer = after.splitlines()
    assert (done.returncode, before) == (0, ""), done.stderr
    assert [Path(path).name for path in left_behind] in ([], ["failure.json"])
    assert "slowpkg==1.0" in json.loads(answer)["freeze"]
