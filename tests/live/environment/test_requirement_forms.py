"""Every form of requirement, by both managers and both installers, from wheels and an index made here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve.environment.managers.uv import Uv
from pytest_modelserve.environment.managers.virtualenv import Virtualenv
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import EnvironmentBroken, InstallFailed, RequirementsError

ENGINES: Final[Mapping[str, Callable[[], Any]]] = {
    "uv": Uv,
    "virtualenv": Virtualenv,
    "pip": lambda: Virtualenv(uses_uv=False),
}
BY_UV: Final = ("uv", "virtualenv")
BY_ALL: Final = (*BY_UV, "pip")  # pip takes seconds an environment, so it has the forms that it reads by itself
SEEDED: Final = ("pip", "setuptools", "wheel")

Restored = Callable[..., Environment]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home, so that all environments share the installers' caches."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def restored(index: Any, home: Path, make_model: Callable[..., Path], tmp_path: Path) -> Restored:
    """Restore the environment of a model; `{index}`, `{model}` and `{hash}` in its files are filled in."""
    wheel = index.folder / "simple" / "tinypkg" / "tinypkg-1.0-py3-none-any.whl"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def done(engine: str, text: str, files: Mapping[str, str]) -> Environment:
        filled = {
            name: each.replace("{index}", index.url)
            .replace("{model}", str(tmp_path / "model"))
            .replace("{hash}", digest)
            .replace("{host}", index.url.removeprefix("http://"))
            for name, each in {"requirements.txt": text, **files}.items()
        }
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"{index.url}/simple", "PIP_RETRIES": "0"}
        env = {**pip, "PATH": os.environ["PATH"], "HOME": str(home), "UV_HTTP_RETRIES": "0"}
        env |= {"INDEX_TOKEN": "sesame%25open", "INDEX_PART": "simple"}
        return ENGINES[engine]().restore(  # type: ignore[no-any-return]
            RestoreRequest(
                spec=EnvironmentSpec.read(make_model(filled)),
                root=tmp_path / "cache",
                python=Path(sys.executable),
                env=env,
            )
        )

    return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A model's requirements and what must be installed, or what must be said.

    Attributes:
        text: requirements.txt.
        freeze: What is installed, but for what pip's way is seeded with.
        files: Further files.
        engines: Who is to build it.
        happened: Part of the error's first line; empty where it must work.
        asked_for: The requirements that the error names, with their places.
        kind: The error's class.
    """

    text: str
    freeze: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    engines: tuple[str, ...] = BY_UV  # of errors, `uv` alone: the installer is the same
    happened: str = ""
    asked_for: str = ""
    kind: type[EnvironmentBroken] = RequirementsError


TOOLS: Final = "build_dependencies:\n- leanpkg\ndependencies:\n- -r requirements.txt\n"
FORMS: Final[Mapping[str, Form]] = {
    "build dependencies": Form(
        text="innerpkg\n--find-links wheels\n",
        files={"python_env.yaml": TOOLS},
        freeze=("innerpkg==1.0", "leanpkg==1.0", "tinypkg==1.0"),
    ),
    "constraints": Form(
        text="tinypkg\n-c limits/all.txt\n", files={"limits/all.txt": "tinypkg<2\n"}, freeze=("tinypkg==1.0",)
    ),
    "includes": Form(
        text="--requirement=more/one.txt\n",
        files={"more/one.txt": "leanpkg\n-r two.txt\n", "more/two.txt": "--find-links ../wheels\ninnerpkg\n"},
        freeze=("innerpkg==1.0", "leanpkg==1.0", "tinypkg==1.0"),
        engines=BY_ALL,
    ),
    "a far include": Form(text="-r {index}/far.txt\n", freeze=("tinypkg==1.0",)),
    "the best of two indexes": Form(text="--extra-index-url {index}/second\ntinypkg\n", freeze=("tinypkg==3.0",)),
    "the other of two indexes": Form(text="--extra-index-url {index}/second\ntinypkg==1.0\n", freeze=("tinypkg==1.0",)),
    "an index of its own": Form(text="-i {index}/second\ntinypkg\n", freeze=("tinypkg==3.0",)),
    "a hash": Form(text="tinypkg==1.0 \\\n    --hash=sha256:{hash}\n", freeze=("tinypkg==1.0",)),
    "some hashes": Form(
        text="tinypkg==1.0 --hash=sha256:{hash}\nearlypkg==0.9\n", freeze=("earlypkg==0.9", "tinypkg==1.0")
    ),
    "file addresses": Form(
        text="innerpkg @ file://{model}/wheels/innerpkg-1.0-py3-none-any.whl\n", freeze=("innerpkg==1.0",)
    ),
    "a relative file address": Form(
        text="innerpkg @ file:wheels/innerpkg-1.0-py3-none-any.whl\n", freeze=("innerpkg==1.0",)
    ),
    "an address": Form(
        text="{index}/simple/tinypkg/tinypkg-1.0-py3-none-any.whl#sha256={hash}\n", freeze=("tinypkg==1.0",)
    ),
    "a named address": Form(
        text="tinypkg @ {index}/simple/tinypkg/tinypkg-1.0-py3-none-any.whl\n", freeze=("tinypkg==1.0",)
    ),
    "a wheel of the model": Form(
        text="wheels/innerpkg-1.0-py3-none-any.whl ; python_version > '3'\n", freeze=("innerpkg==1.0",)
    ),
    "sources of the model": Form(text="./own\n", freeze=("ownpkg==1.0",), engines=BY_ALL),
    "a source archive": Form(text="--find-links sources\nownpkg\n", freeze=("ownpkg==1.0",)),
    "markers": Form(
        text="winpkg==1.0 ; sys_platform == 'win32'\ntinypkg==1.0 ; python_version >= '3'\n", freeze=("tinypkg==1.0",)
    ),
    "no pre-release": Form(text="earlypkg\n", freeze=("earlypkg==0.9",)),
    "a pre-release pinned": Form(text="earlypkg==1.0rc1\n", freeze=("earlypkg==1.0rc1",)),
    "pre-releases": Form(text="--pre\nearlypkg\n", freeze=("earlypkg==1.0rc1",), engines=BY_ALL),
    "another hash": Form(
        text=f"# pinned\ntinypkg==1.0 --hash=sha256:{'0' * 64}\n",
        happened="a package has another hash",
        asked_for="tinypkg==1.0 --hash=sha256:",
        engines=("uv",),
    ),
    "some hashes by pip": Form(
        text="tinypkg==1.0 --hash=sha256:{hash}\nearlypkg==0.9\n",
        engines=("pip",),
        happened="some requirements have a hash and some have none",
        asked_for="earlypkg==0.9 (requirements.txt, line 2)",
    ),
    "what no index has": Form(
        text="-r more/one.txt\n",
        files={"more/one.txt": "\nabsentpkg==1.0\n"},
        happened="no index has absentpkg",
        asked_for="absentpkg==1.0 (more/one.txt, line 2)",
        engines=("uv", "pip"),
    ),
    "what another needs and no index has": Form(
        text="tinypkg\nneedypkg==1.0\n",
        happened="absentpkg",
        asked_for="needypkg==1.0 (requirements.txt, line 2)",
        engines=("uv",),
    ),
    "no such version": Form(
        text="tinypkg==9.9\n",
        happened="tinypkg==9.9",
        asked_for="tinypkg==9.9 (requirements.txt, line 1)",
        engines=("uv",),
    ),
    "a contradiction": Form(
        text="leanpkg\ntinypkg==2.0\n",
        happened="cannot be met together",
        asked_for="leanpkg (requirements.txt, line 1)\ntinypkg==2.0 (requirements.txt, line 2)",
        engines=("uv",),
    ),
    "a contradiction by a constraint": Form(
        text="tinypkg==2.0\n-c limits.txt\n",
        files={"limits.txt": "tinypkg<2\n"},
        happened="cannot be met together",
        asked_for="tinypkg==2.0 (requirements.txt, line 1)\ntinypkg<2 (limits.txt, line 1)",
        engines=("uv",),
    ),
    "logged on Windows": Form(
        text="tinypkg\nwinpkg==1.0\n",
        happened="winpkg==1.0 is for another platform",
        asked_for="winpkg==1.0 (requirements.txt, line 2)",
        engines=("uv",),
    ),
    "logged on Windows, by pip": Form(
        text="tinypkg\nwinpkg==1.0\n",
        happened="no index has winpkg==1.0 for this Python",
        asked_for="winpkg==1.0 (requirements.txt, line 2)",
        engines=("pip",),
    ),
    "a wheel for Windows": Form(
        text="tinypkg\n./wheels/winpkg-1.0-cp311-cp311-win_amd64.whl\n",
        happened="is for another platform",
        asked_for="./wheels/winpkg-1.0-cp311-cp311-win_amd64.whl (requirements.txt, line 2)",
        engines=("uv", "pip"),
    ),
    "sources that do not build": Form(
        text="tinypkg\n./own\n",
        files={"own/own_backend.py": "def build_wheel(*_):\n    raise SystemExit('no compiler')\n"},
        kind=InstallFailed,
        happened="could not be built",
        asked_for="./own (requirements.txt, line 2)",
        engines=("uv",),
    ),
    "an address that does not answer": Form(
        text="tinypkg @ http://127.0.0.1:9/tinypkg-1.0-py3-none-any.whl\n",
        kind=InstallFailed,
        happened="could not be reached",
        engines=("uv",),
    ),
    "a path counted from its file": Form(
        text="-r more/one.txt\n",
        files={"more/one.txt": "../own\n"},
        happened="more/one.txt, line 1: ../own is not there",
        engines=("uv",),
    ),
}


@pytest.mark.parametrize(
    ("form", "engine"),
    [
        pytest.param(form, engine, id=f"{name}-{engine}")
        for name, form in FORMS.items()
        if not form.happened
        for engine in form.engines
    ],
)
def test_what_a_form_installs(restored: Restored, index: Any, form: Form, engine: str, tmp_path: Path) -> None:
    (index.folder / "far.txt").write_text("tinypkg==1.0\n")
    with restored(engine, form.text, form.files) as environment:
        assert tuple(line for line in environment.freeze if line.partition("==")[0] not in SEEDED) == form.freeze
        assert not (environment.prefix.parent / "work").exists()
    assert not (tmp_path / "model" / "own" / "build.log").exists()  # packages are built beside the model


@pytest.mark.parametrize(
    ("form", "engine"),
    [
        pytest.param(form, engine, id=f"{name}-{engine}")
        for name, form in FORMS.items()
        if form.happened
        for engine in form.engines
    ],
)
def test_what_is_said_of_a_form_that_fails(restored: Restored, form: Form, engine: str) -> None:
    with pytest.raises(form.kind) as caught:
        restored(engine, form.text, form.files)
    assert form.happened in caught.value.happened
    assert str(caught.value.facts.get("asked for", "")).startswith(form.asked_for)
    assert caught.value.fix


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("engine", BY_ALL)
def test_an_editable_package_outlives_the_model_and_leaves_it_alone(
    restored: Restored, engine: str, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    with restored(engine, "-e ./own\n", {}) as environment:
        assert "ownpkg==1.0" in environment.freeze
        assert not [name for name in tree(model) if "build.log" in name or "info" in name]
        shutil.rmtree(model)
        code = "import ownpkg; print(ownpkg.version, ownpkg.__file__)"
        done = subprocess.run([environment.python, "-I", "-c", code], check=True, capture_output=True, text=True)
        version, file = done.stdout.split()
        assert version == "1.0"
        assert Path(file).is_relative_to(environment.prefix.parent)


@pytest.mark.parametrize("engine", ["uv", "pip"])
def test_a_password_from_the_environment_is_used_and_not_told(
    restored: Restored, index: Any, engine: str, tmp_path: Path
) -> None:
    before = index.n_allowed
    address = "--index-url http://me:${INDEX_TOKEN}@{host}/private\n"
    with restored(engine, f"{address}hiddenpkg==1.0\n", {}) as environment:
        assert "hiddenpkg==1.0" in environment.freeze
    assert index.n_allowed > before
    with pytest.raises(RequirementsError) as caught:
        restored(engine, f"--index-url {{index}}/${{INDEX_TOKEN}}\n{address}absentpkg==1.0\n", {})
    logs = [path.read_text(errors="replace") for path in (tmp_path / "cache").rglob("*.log")]
    assert len(logs) == 2
    for text in (*logs, str(caught.value), *(path.read_text() for path in (tmp_path / "cache").rglob("*.json"))):
        assert "sesame" not in text


def test_packages_in_a_folder_of_the_model_decide(restored: Restored, tmp_path: Path) -> None:
    text = "--find-links wheels\ninnerpkg\n"
    with restored("uv", text, {}) as before:
        pass
    (tmp_path / "model" / "wheels" / "more.txt").write_text("as if another wheel")
    with restored("uv", text, {}) as after:
        assert after.digest != before.digest
