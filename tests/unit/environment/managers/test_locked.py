"""Models with a uv.lock: uv at work, offline, on wheels made here."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.environment.additions import Additions
from pytest_modelserve.environment.lock_file import Lock
from pytest_modelserve.environment.managers.locked import UvSync
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.errors import RequirementsError

Restored = Callable[..., Environment]
PROJECT = """\
[project]
name = "churn"
version = "0.1"
requires-python = ">=3.8"
dependencies = ["tinypkg"]
"""
PACKAGED = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
OTHERS = '[project]\nname = "mlflow-model-env"\nversion = "0.0.0"\nrequires-python = "==3.2.1"\ndependencies = []\n'
RUNNING = ".".join(map(str, sys.version_info[:3]))


def wanted_of(environment: Environment) -> tuple[str, ...]:
    """Leave out what `python -m venv` puts in, and `virtualenv` therefore too."""
    return tuple(line for line in environment.freeze if not line.startswith(("pip==", "setuptools==")))


@pytest.fixture
def lock(wheelhouse: Path) -> Callable[..., str]:
    """Write a lock of the project `churn` that pins packages of the wheelhouse."""

    def written(
        *pins: str,
        python: str = ">=3.8",
        root: str = "virtual",
        group: Sequence[str] = (),
        digest: str = "",
    ) -> str:
        packages = [
            f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "{wheelhouse}" }}\n'
            f'wheels = [{{ path = "{name}-{version}-py3-none-any.whl"{f", hash = {digest!r}" if digest else ""} }}]\n'
            for name, version in (pin.split("==") for pin in pins)
        ]
        names = [pin.split("==")[0] for pin in pins]
        project = f'[[package]]\nname = "churn"\nversion = "0.1"\nsource = {{ {root} = "." }}\n'
        project += f"dependencies = [{', '.join(f'{{ name = {name!r} }}' for name in names if name not in group)}]\n"
        grouped = ", ".join(f"{{ name = {name!r} }}" for name in group)
        project += f"[package.dev-dependencies]\nserving = [{grouped}]\n" if group else ""
        return "\n".join([f'version = 1\nrequires-python = "{python}"\n', *packages, project])

    return written


@pytest.fixture
def restored(request_for: Callable[..., RestoreRequest], model: Callable[..., Path]) -> Restored:
    def done(lock: str, text: str, files: dict[str, str | bytes] | None = None, **others: object) -> Environment:
        return restore(request_for(model({"uv.lock": lock, "requirements.txt": text, **(files or {})}), **others))

    return done


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"pyproject.toml": PROJECT}, id="its own project"),
        pytest.param({}, id="alone"),
        pytest.param({"pyproject.toml": OTHERS}, id="the project that MLflow makes"),
        pytest.param({"pyproject.toml": PROJECT.replace("tinypkg", "tinypkg>=2")}, id="a project that moved on"),
        pytest.param({"pyproject.toml": PROJECT, ".python-version": "3.2"}, id="a .python-version"),
    ],
)
def test_what_is_locked_is_installed(
    restored: Restored, lock: Callable[..., str], files: dict[str, str | bytes]
) -> None:
    with restored(lock("tinypkg==1.0"), "tinypkg==1.0\n", files) as environment:
        assert environment.freeze == ("tinypkg==1.0",)
        assert environment.python_version == RUNNING
        told = [note for note in environment.notes if "recorded no Python" not in note]
        said = f".python-version says 3.2, which is not followed: the environment has Python {RUNNING}"
        assert told == ([said] if ".python-version" in files else [])


def test_a_project_that_is_a_package_is_not_built(restored: Restored, lock: Callable[..., str]) -> None:
    files: dict[str, str | bytes] = {"pyproject.toml": PROJECT + PACKAGED}
    with restored(lock("tinypkg==1.0", root="editable"), "tinypkg==1.0\n", files) as environment:
        assert environment.freeze == ("tinypkg==1.0",)
        assert "the project churn of uv.lock is not installed: the model has no sources of it" in environment.notes


def test_the_lock_is_stronger_and_the_difference_is_told(restored: Restored, lock: Callable[..., str]) -> None:
    with restored(lock("tinypkg==1.0"), "# by hand\ntinypkg==2.0\n") as environment:
        assert environment.freeze == ("tinypkg==1.0",)
        told = "uv.lock is followed where the requirement files say otherwise: tinypkg 1.0 "
        assert environment.notes[-1] == f"{told}(requirements.txt, line 2: tinypkg==2.0)"


def test_what_the_lock_lacks_comes_from_the_requirements_and_moves_nothing(
    restored: Restored, lock: Callable[..., str], wheel: Callable[..., Path], wheelhouse: Path
) -> None:
    wheel(wheelhouse, "eagerpkg", "1.0", requires="tinypkg>=2")
    text = "tinypkg==2.0\neagerpkg==1.0\nabsentpkg==1.0 ; python_version < '3'\n"
    with restored(lock("tinypkg==1.0"), text) as environment:
        assert environment.freeze == ("eagerpkg==1.0", "tinypkg==1.0")
        told = "not in what uv.lock installs, so taken from the requirement files: eagerpkg==1.0 "
        assert f"{told}(requirements.txt, line 2)" in environment.notes


def test_groups_that_were_logged_come_from_the_requirements(restored: Restored, lock: Callable[..., str]) -> None:
    locked = lock("tinypkg==1.0", "leanpkg==1.0", group=["leanpkg"])
    with restored(locked, "tinypkg==1.0\nleanpkg==1.0\n") as environment:
        assert environment.freeze == ("leanpkg==1.0", "tinypkg==1.0")
        assert "leanpkg==1.0 (requirements.txt, line 2)" in environment.notes[-1]


def test_a_wheel_of_the_model_may_be_locked(
    restored: Restored, lock: Callable[..., str], wheel: Callable[..., Path], tmp_path: Path
) -> None:
    made = wheel(tmp_path / "other", "ownpkg", "3.0")
    registry = f'source = {{ registry = "{tmp_path / "wheels"}" }}'
    digest = f"sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}"  # a lock always has those of local files
    locked = lock("ownpkg==3.0", digest=digest).replace(registry, f'source = {{ path = "wheels/{made.name}" }}')
    locked = locked.replace(f'path = "{made.name}"', f'filename = "{made.name}"')
    files: dict[str, str | bytes] = {f"wheels/{made.name}": made.read_bytes()}
    with restored(locked, f"./wheels/{made.name}\n", files) as environment:
        assert environment.freeze == ("ownpkg==3.0",)
        assert not any("uv.lock" in note for note in environment.notes)


def test_requirements_that_the_lock_pins_are_not_loose(restored: Restored, lock: Callable[..., str]) -> None:
    with restored(lock("tinypkg==1.0"), "tinypkg\nleanpkg\n") as environment:
        assert "without an exact version, so the first build decides: leanpkg" in environment.notes


def test_build_tools_stay_unless_the_lock_has_them(restored: Restored, lock: Callable[..., str]) -> None:
    python_env = "build_dependencies: [leanpkg, 'tinypkg==1.0']\ndependencies: ['-r requirements.txt']\n"
    with restored(lock("tinypkg==2.0"), "tinypkg==2.0\n", {"python_env.yaml": python_env}) as environment:
        assert environment.freeze == ("leanpkg==1.0", "tinypkg==2.0")
        assert "(python_env.yaml, line 1: tinypkg==1.0)" in environment.notes[-1]


def test_additions_come_after_the_lock(restored: Restored, lock: Callable[..., str]) -> None:
    lean = Additions(wanted_by="a-server", requirements=("leanpkg==1.0",))
    with restored(lock("tinypkg==1.0"), "tinypkg==1.0\n", additions=lean) as environment:
        assert environment.freeze == ("leanpkg==1.0", "tinypkg==1.0")


def test_additions_that_would_move_what_is_locked_are_an_error(restored: Restored, lock: Callable[..., str]) -> None:
    lean = Additions(wanted_by="a-server", requirements=("leanpkg==1.0",))
    with pytest.raises(RequirementsError) as caught:
        restored(lock("tinypkg==2.0"), "tinypkg\n", additions=lean)
    told = "installing the requirements with what a-server needs failed: the requirements cannot be met together"
    assert caught.value.happened == told
    assert "leanpkg==1.0 (added for a-server, line 1)" in str(caught.value.facts["asked for"])
    assert "--model-server" in caught.value.fix


def test_what_the_user_told_uv_to_keep_stands_beside_the_lock(
    restored: Restored, lock: Callable[..., str], offline: dict[str, str], wheel: Callable[..., Path], tmp_path: Path
) -> None:
    wheel(tmp_path / "wheels", "leanpkg", "0.9")
    (tmp_path / "mine.txt").write_text("leanpkg==0.9\n")
    env = {**offline, "UV_OVERRIDE": str(tmp_path / "mine.txt")}
    with restored(lock("tinypkg==1.0"), "tinypkg\nleanpkg\n", env=env) as environment:
        assert environment.freeze == ("leanpkg==0.9", "tinypkg==1.0")


def test_another_lock_is_another_environment(restored: Restored, lock: Callable[..., str]) -> None:
    with restored(lock("tinypkg==1.0"), "tinypkg\n") as one, restored(lock("tinypkg==2.0"), "tinypkg\n") as two:
        assert (one.freeze, two.freeze) == (("tinypkg==1.0",), ("tinypkg==2.0",))
        assert one.digest != two.digest
    with restored(lock("tinypkg==1.0"), "tinypkg\n") as again:
        assert again.cached
        assert again.notes == one.notes


def test_virtualenv_follows_the_requirements_and_says_so(restored: Restored, lock: Callable[..., str]) -> None:
    with restored(lock("tinypkg==1.0"), "tinypkg==2.0\n", manager="virtualenv") as environment:
        assert wanted_of(environment) == ("tinypkg==2.0",)
        assert "uv.lock is not followed" in environment.notes[-1]


def test_a_python_that_the_lock_does_not_allow_is_refused_before_anything_is_built(
    restored: Restored, lock: Callable[..., str], tmp_path: Path
) -> None:
    files: dict[str, str | bytes] = {"python_env.yaml": f"python: '{RUNNING}'\ndependencies: ['-r requirements.txt']\n"}
    with pytest.raises(RequirementsError) as caught:
        restored(lock("tinypkg==1.0", python=">=3.99"), "tinypkg==1.0\n", files)
    assert caught.value.happened == f"uv.lock asks for Python >=3.99, and the environment would have {RUNNING}"
    assert caught.value.facts["recorded"] == RUNNING
    assert "--model-env-manager=virtualenv" in caught.value.fix
    assert not list((tmp_path / "cache").glob("envs/*/g-*"))


def test_another_hash_than_the_locked_one_is_an_error(restored: Restored, lock: Callable[..., str]) -> None:
    with pytest.raises(RequirementsError) as caught:
        restored(lock("tinypkg==1.0", digest="sha256:" + "0" * 64), "tinypkg==1.0\n")
    assert "installing what uv.lock pins failed: a package has another hash" in caught.value.happened
    assert caught.value.facts["asked for"] == "tinypkg==1.0 (requirements.txt, line 1)"


def test_the_locked_hash_is_met(restored: Restored, lock: Callable[..., str], wheelhouse: Path) -> None:
    digest = hashlib.sha256((wheelhouse / "tinypkg-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    with restored(lock("tinypkg==1.0", digest=f"sha256:{digest}"), "tinypkg==1.0\n") as environment:
        assert environment.freeze == ("tinypkg==1.0",)


def test_the_model_is_loaded_once_and_its_files_are_left_alone(
    restored: Restored, lock: Callable[..., str], model: Callable[..., Path]
) -> None:
    files: dict[str, str | bytes] = {"pyproject.toml": OTHERS, ".python-version": "3.2"}
    with restored(lock("tinypkg==1.0"), "tinypkg\n", files, smoke=("-c", "import tinypkg")) as environment:
        assert list(environment.prefix.rglob("tinypkg.*.pyc"))
        assert not (environment.prefix.parent / "work").exists()
    directory = model({})
    assert (directory / "pyproject.toml").read_text() == OTHERS
    assert sorted(path.name for path in directory.iterdir()) == [
        *(".python-version", "pyproject.toml", "requirements.txt", "uv.lock")
    ]


def test_the_lock_is_read_from_where_the_model_lies(
    restored: Restored, lock: Callable[..., str], request_for: Callable[..., RestoreRequest], model: Callable[..., Path]
) -> None:
    restored(lock("tinypkg==1.0"), "tinypkg\n").close()
    request = request_for(model({}))
    moved = request.spec.directory.rename(request.spec.directory.with_name("moved"))
    with restore(replace(request, spec=replace(request.spec, directory=moved))) as environment:
        assert environment.cached


def test_flags_of_pip_install_are_said_as_sync_has_them() -> None:
    flags = ["--no-index", "--prerelease=allow", "--no-binary=a", "--only-binary=b", "--allow-insecure-host=c"]
    sync = UvSync(
        uv=Path("uv"), lock=Lock(directory=Path()), flags=[*flags, "--no-binary=:all:", "--only-binary=:all:"]
    )
    said = ["--no-binary-package=a", "--no-build-package=b", "--allow-insecure-host=c", "--no-binary", "--no-build"]
    assert sync.command(Path("python"))[-len(said) :] == said


def test_the_locked_packages_run(restored: Restored, lock: Callable[..., str]) -> None:
    with restored(lock("tinypkg==1.0"), "tinypkg==1.0\n") as environment:
        command = [str(environment.python), "-I", "-c", "import tinypkg; print(tinypkg.version)"]
        assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "1.0\n"
