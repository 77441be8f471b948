"""Kills at chosen moments of each phase of a build: what the next one gives is what a build without them gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.environment.spec import EnvironmentSpec

DEADLINE_S: Final = 60.0
N_MODULES: Final = 400  # so that installing them takes long enough to be killed in its midst
PHASES: Final = ("create", "install", "smoke", "pointer")
IMPORT_ALL: Final = "import manypkg.m0, manypkg.m1"

# Counts what our process does (files, folders, links, programs) in each phase, and kills it at the one asked for.
BUILDER: Final = """
import json, os, signal, sys, threading, time
from pathlib import Path
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.environment.spec import EnvironmentSpec

model, root, counts_file, phase_asked, moment, smoke, env = sys.argv[1:]
SEEN = {"open", "os.mkdir", "os.rename", "os.remove", "os.symlink", "os.utime", "subprocess.Popen", "shutil.rmtree"}
WORDS = {"creating": "create", "installing": "install", "loading": "smoke"}
phase, counts = "", {}

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def enter(name):
    global phase
    if phase != name:
        phase = name
        if name == phase_asked and moment == "files":
            threading.Thread(target=await_files, daemon=True).start()

def await_files():
    while not list(Path(root).glob("envs/*/g-*/env/lib/*/site-packages/manypkg/m*")):
        pass
    kill()

def count(event, arguments):
    if event not in SEEN or not phase:
        return
    if event == "open" and "current.json." in str(arguments[0]):
        enter("pointer")
    counts[phase] = counts.get(phase, 0) + 1
    if phase == phase_asked and moment == str(counts[phase]):
        kill()

class Steps:
    def step(self, text):
        enter(WORDS.get(text.split()[0], phase))

sys.addaudithook(count)
variables = json.loads(env)
restore(RestoreRequest(
    spec=EnvironmentSpec.read(Path(model)), manager="virtualenv", root=Path(root), env=variables, progress=Steps(),
    smoke=("-c", smoke), smoke_env=lambda prefix: {**variables, "BUILDER": str(os.getpid())},
))
phase = ""
Path(counts_file).write_text(json.dumps(counts))
"""


class Scene:
    """A model with one package of many modules, and the variables under which installers see its wheel alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model"
        self.model.mkdir()
        (self.model / "requirements.txt").write_text("manypkg==1.0\n")
        (folder / "builder.py").write_text(BUILDER)
        self._write_wheel(folder / "wheels")
        offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(folder / "wheels")}
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), **offline}

    def _write_wheel(self, folder: Path) -> None:
        folder.mkdir()
        info = "manypkg-1.0.dist-info"
        files = {f"manypkg/m{number}.py": f"n = {number}\n" for number in range(N_MODULES)} | {
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: manypkg\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(folder / "manypkg-1.0-py3-none-any.whl", "w") as wheel:
            for path, text in {**files, f"{info}/RECORD": record}.items():
                wheel.writestr(path, text)

    def build(self, root: Path, phase: str = "", moment: str = "", smoke: str = IMPORT_ALL) -> int:
        """Build in another process, killed at a moment of a phase; return how it ended."""
        words = [str(self.model), str(root), str(self.folder / "counts"), phase, moment, smoke, json.dumps(self.env)]
        command = [sys.executable, str(self.folder / "builder.py"), *words]
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=DEADLINE_S)
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        return done.returncode

    def restored(self, root: Path) -> tuple[bool, tuple[str, ...], list[str]]:
        """Restore as the next run would; give whether it was there, its freeze and its files."""
        spec = EnvironmentSpec.read(self.model)
        request = RestoreRequest(spec=spec, manager="virtualenv", root=root, env=self.env)
        with restore(request) as environment:
            assert len(list(root.glob("envs/*/g-*"))) == 1
            return environment.cached, environment.freeze, files_of(environment.prefix)


def files_of(prefix: Path) -> list[str]:
    found = (path.relative_to(prefix).as_posix() for path in prefix.rglob("*"))
    return sorted(path for path in found if not path.endswith((".pyc", "__pycache__")))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("killed"))


@pytest.fixture(scope="module")
def counts(scene: Scene) -> Mapping[str, int]:
    """How many things our process does in each phase of a build that nobody disturbs."""
    assert scene.build(scene.folder / "undisturbed") == 0
    found: dict[str, int] = json.loads((scene.folder / "counts").read_text())
    assert set(found) == set(PHASES)
    return found


@pytest.fixture(scope="module")
def clean(scene: Scene, counts: Mapping[str, int]) -> tuple[tuple[str, ...], list[str]]:
    """Freeze and files of that build."""
    is_hit, freeze, files = scene.restored(scene.folder / "undisturbed")
    assert is_hit
    assert freeze[0] == "manypkg==1.0"  # then pip and setuptools, which the Python brings
    assert sum("/manypkg/m" in path for path in files) == N_MODULES
    return freeze, files


@pytest.mark.parametrize("part", [0.0, 0.4, 0.8])
@pytest.mark.parametrize("phase", PHASES)
def test_a_kill_in_any_phase_leaves_nothing_half_made_in_use(
    scene: Scene,
    counts: Mapping[str, int],
    clean: tuple[tuple[str, ...], list[str]],
    tmp_path: Path,
    phase: str,
    part: float,
) -> None:
    moment = 1 + round(part * (counts[phase] - 1))
    assert scene.build(tmp_path, phase, str(moment)) == -signal.SIGKILL
    is_pointed_at = bool(list(tmp_path.glob("envs/*/current.json")))
    assert is_pointed_at is (phase == "pointer" and moment > 2)  # its draft is opened first, then renamed
    is_hit, freeze, files = scene.restored(tmp_path)
    assert is_hit is is_pointed_at
    assert (freeze, files) == clean


def test_a_kill_while_files_arrive(scene: Scene, clean: tuple[tuple[str, ...], list[str]], tmp_path: Path) -> None:
    forever = "import time; time.sleep(600)"  # or a machine that is busy might be done before it is killed
    assert scene.build(tmp_path, "install", "files", smoke=forever) == -signal.SIGKILL
    assert scene.restored(tmp_path) == (False, *clean)


@pytest.mark.parametrize("before", ["", "import manypkg.m0;", IMPORT_ALL + ";"], ids=["first", "amidst", "last"])
def test_a_kill_from_within_the_load(
    scene: Scene, clean: tuple[tuple[str, ...], list[str]], tmp_path: Path, before: str
) -> None:
    smoke = f"import os, time; {before} os.kill(int(os.environ['BUILDER']), 9); time.sleep(600)"
    assert scene.build(tmp_path, smoke=smoke) == -signal.SIGKILL
    assert scene.restored(tmp_path) == (False, *clean)
