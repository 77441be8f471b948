"""The conda manager with a real solver and real installs, from a channel that is made here: no server but PyPI."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from live.environment.conda_channel import Package, channel_of, from_wheel, write_channel

from pytest_modelserve.environment.answers import Answers
from pytest_modelserve.environment.belonging import Belongings
from pytest_modelserve.environment.conda_channels import CondaSettings
from pytest_modelserve.environment.conda_file import read_conda
from pytest_modelserve.environment.consistency import find_conflicts
from pytest_modelserve.environment.freeze import read_conda_packages
from pytest_modelserve.environment.installed import InstalledPackages
from pytest_modelserve.environment.interpreter import Interpreter, Places, find_interpreters
from pytest_modelserve.environment.managers.conda import Conda
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.errors import EnvironmentBroken, InstallFailed, RequirementsError

pytest.importorskip("rattler", reason="py-rattler is not installed (dependency group clients)")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES: Final = Path(__file__).parents[3] / "example_models"
RECORDED: Final = ("3.11.7", "3.10.13")  # by the example models; their conda.yaml asks for the very patch
PROJECT: Final = """
[build-system]
requires = []
build-backend = "own_backend"
backend-path = ["."]
[project]
name = "built"
version = "1.0"
"""
BACKEND: Final = """
import os, subprocess, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    text = subprocess.check_output(["owntool"], text=True).strip()
    info = "built-1.0.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, "built-1.0-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("built.py", f"text = {text!r}")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: built\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "built.py,,\\n")
    return "built-1.0-py3-none-any.whl"
"""
Restore = Callable[..., Environment]


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Interpreter]:
    """The Pythons of this machine that can be packed, by version: those with a prefix of their own."""
    answers = Answers(tmp_path_factory.mktemp("answers") / "interpreters.json")
    found = find_interpreters(Places.of(os.environ), answers)
    own = [each for each in found if (each.path.parents[1] / "lib" / f"python{each.minor}" / "ensurepip").is_dir()]
    return {each.version: each for each in own if each.path.parents[1] != Path("/usr")}


@pytest.fixture(scope="module")
def channel(pythons: dict[str, Interpreter], cache_dir: Path) -> Path:
    """A channel with Python 3.11.7."""
    return packed(pythons, RECORDED[0], cache_dir)


def packed(pythons: dict[str, Interpreter], version: str, cache_dir: Path) -> Path:
    if sys.platform != "linux" or version not in pythons:
        pytest.skip(f"no Python {version} on this machine that could be packed for Linux")
    return channel_of([pythons[version]], cache_dir)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for this module, in which Python is unpacked once."""
    return tmp_path_factory.mktemp("conda cache")


@pytest.fixture
def restore(channel: Path, root: Path, tmp_path: Path) -> Restore:
    """Restore a model directory by conda with its channel conda-forge here, and no program of the user's."""

    def done(model: Path, *, uses_uv: bool = True, **changes: Any) -> Environment:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
        request = RestoreRequest(
            spec=read_conda(model),
            manager="conda",
            root=root,
            conda=CondaSettings(places={"conda-forge": channel.as_uri()}),
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), **pip},
            **changes,
        )
        return Conda(uses_uv=uses_uv).restore(request)

    return done


def model_of(
    folder: Path, *packages: str, channels: tuple[str, ...] = ("conda-forge",), pip: tuple[str, ...] = ()
) -> Path:
    """Write a model directory that has a conda.yaml and no more."""
    folder.mkdir()
    lines = ["channels:", *(f"- {each}" for each in channels), "dependencies:", *(f"- {each}" for each in packages)]
    lines += ["- pip:", *(f"  - {each}" for each in pip)] if pip else []
    (folder / "conda.yaml").write_text("\n".join([*lines, "name: mlflow-env", ""]))
    return folder


def wheel_of(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "".join(f"{each},,\n" for each in files))
    return path


def told_by(environment: Environment, code: str) -> str:
    """Return what the environment's Python prints."""
    done = subprocess.run([environment.python, "-I", "-c", code], capture_output=True, text=True, check=True, env={})
    return done.stdout.strip()


@pytest.mark.parametrize("uses_uv", [True, False], ids=["uv", "pip"])
def test_a_read_only_model_is_solved_and_installed(uses_uv: bool, restore: Restore, tmp_path: Path) -> None:
    lines = ("--find-links wheels", "-r requirements.txt", "-c limits.txt")
    model = model_of(tmp_path / "model", "python=3.11.7", pip=lines)
    (model / "requirements.txt").write_text("ownpkg\n")
    (model / "limits.txt").write_text("ownpkg<2\n")
    for version in ("1.0", "2.0"):
        wheel_of(model / "wheels", "ownpkg", version)
    model.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = sorted(model.rglob("*"))
    smoke = ("-c", "import ownpkg, ssl, sqlite3")
    try:
        environment = restore(model, uses_uv=uses_uv, smoke=smoke)
        assert sorted(model.rglob("*")) == before
    finally:
        model.chmod(stat.S_IRWXU)
    with environment:
        solved = read_conda_packages(environment.prefix)
        print("\n".join(solved))
        assert [each.split("=")[0] for each in solved] == ["pip", "python", "setuptools"]
        assert "python=3.11.7=0_repacked" in solved
        assert (environment.python_version, environment.cached) == ("3.11.7", False)
        assert "ownpkg==1.0" in environment.freeze
        roots = told_by(environment, "import sys; print(sys.prefix, sys.base_prefix, sep='\\n')")
        assert roots.splitlines() == [str(environment.prefix)] * 2
        assert list(find_conflicts(InstalledPackages.of(environment.prefix, "3.11.7"))) == []
        places = Belongings.of(environment.prefix, "3.11.7")
        for module in ("ssl", "sqlite3", "ownpkg"):
            file = Path(told_by(environment, f"import {module}; print({module}.__file__)"))
            assert places.hold(file), module
        assert list(environment.prefix.rglob("__pycache__/ownpkg.*.pyc"))  # by the one load
        assert not [note for note in environment.notes if "loading" in note]
        with restore(model, uses_uv=uses_uv, smoke=smoke) as again:
            assert (again.cached, again.digest, again.freeze) == (True, environment.digest, environment.freeze)


def test_a_requirement_that_the_model_forgot_is_named(restore: Restore, tmp_path: Path) -> None:
    model = model_of(tmp_path / "model", "python=3.11")
    with restore(model, smoke=("-c", "import sklearn.pipeline")) as environment:
        assert "the model imports 'sklearn', which its requirements do not bring" in environment.notes


def test_channels_count_in_their_order_and_a_package_may_name_its_own(restore: Restore, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for channel, version in ((first, "1.0"), (second, "2.0")):
        write_channel(channel, [from_wheel(wheel_of(tmp_path / "wheels", "ownconda", version))])
    channels = (str(first), second.as_uri(), "conda-forge", "nodefaults")
    for name, wanted, version in (("a", "ownconda", "1.0"), ("b", f"{second.as_uri()}::ownconda", "2.0")):
        model = model_of(tmp_path / name, "conda-forge::python", f'"{wanted}"', channels=channels)
        with restore(model) as environment:
            assert told_by(environment, "import ownconda; print(ownconda.version)") == version
            assert f"ownconda=={version}" in environment.freeze


def test_a_program_of_a_conda_package_is_on_path_where_pip_builds(restore: Restore, tmp_path: Path) -> None:
    tool = Package(name="owntool", version="1.0", files={"bin/owntool": b"#!/bin/sh\necho made by owntool\n"})
    write_channel(tmp_path / "tools", [tool])
    channels = (str(tmp_path / "tools"), "conda-forge")
    model = model_of(tmp_path / "model", "python", "owntool", channels=channels, pip=("./source",))
    source = model / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "own_backend.py").write_text(BACKEND)
    with restore(model) as environment:
        assert told_by(environment, "import built; print(built.text)") == "made by owntool"


@pytest.mark.parametrize(
    ("packages", "channels", "kind", "happened", "asked_for"),
    [
        (
            ("python=3.11.99",),
            ("conda-forge",),
            RequirementsError,
            "no channel has python 3.11.99.*",
            "python=3.11.99 (conda.yaml, line 4)",
        ),
        (
            ("python=3.11", "pip=99"),
            ("conda-forge",),
            RequirementsError,
            "no channel has pip 99.*",
            "pip=99 (conda.yaml, line 5)",
        ),
        (("python=3.11", "pip===x"), ("conda-forge",), RequirementsError, "cannot read a package of conda.yaml", None),
        (("python",), ("/nowhere/at-all",), InstallFailed, "a channel could not be read: could not find", None),
    ],
)
def test_what_cannot_be_had_is_named(
    packages: tuple[str, ...],
    channels: tuple[str, ...],
    kind: type[EnvironmentBroken],
    happened: str,
    asked_for: str | None,
    restore: Restore,
    tmp_path: Path,
) -> None:
    with pytest.raises(kind) as caught:
        restore(model_of(tmp_path / "model", *packages, channels=channels))
    assert happened in caught.value.happened
    assert caught.value.facts.get("asked for") == asked_for


def test_packages_that_contradict_each_other_are_named(restore: Restore, tmp_path: Path) -> None:
    late = from_wheel(wheel_of(tmp_path / "wheels", "latepkg", "1.0"), ("python >=3.12",))
    write_channel(tmp_path / "late", [late])
    model = model_of(tmp_path / "model", "python=3.11", "latepkg", channels=(str(tmp_path / "late"), "conda-forge"))
    with pytest.raises(RequirementsError) as caught:
        restore(model)
    assert "the conda packages cannot be had together" in caught.value.happened
    assert caught.value.facts["asked for"] == "python=3.11 (conda.yaml, line 5)\nlatepkg (conda.yaml, line 6)"
    assert "latepkg" in str(caught.value.facts["log"])


@pytest.mark.parametrize(("name", "version"), [("penguins_rules", RECORDED[0]), ("old_world", RECORDED[1])])
def test_an_example_is_served_from_its_unchanged_conda_yaml(
    name: str, version: str, pythons: dict[str, Interpreter], cache_dir: Path, contract: Any
) -> None:
    channel = packed(pythons, version, cache_dir)
    place = f"conda-forge={channel.as_uri()}"
    options = ("--model-env-manager", "conda", "--model-conda-channel", place, "--model-server", "builtin")
    checks = ("--model-checks", "environment_restores,environment_parity")
    run = contract(EXAMPLES / name, *options, *checks, env={"CONDA_EXE": "", "MAMBA_EXE": ""})
    assert run.exit_code == 0, run.output
    environment = run.model["environment"]
    assert (environment["manager"], environment["python"]) == ("conda", version)
    assert set(run.checks("passed")) == {"environment_restores", "environment_parity"}
