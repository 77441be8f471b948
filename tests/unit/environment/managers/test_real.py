"""uv and virtualenv at work, offline, on wheels made here."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.environment.additions import Additions
from pytest_modelserve.environment.freeze import read_freeze
from pytest_modelserve.environment.managers.virtualenv import Virtualenv
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.errors import RequirementsError

Restored = Callable[..., Environment]


def wanted_of(environment: Environment) -> tuple[str, ...]:
    """Leave out what `python -m venv` puts in, and `virtualenv` therefore too."""
    return tuple(line for line in environment.freeze if not line.startswith(("pip==", "setuptools==")))


@pytest.fixture
def restored(request_for: Callable[..., RestoreRequest], model: Callable[..., Path]) -> Restored:
    def done(text: str, files: dict[str, str | bytes] | None = None, **others: object) -> Environment:
        return restore(request_for(model({"requirements.txt": text, **(files or {})}), **others))

    return done


def run(environment: Environment, code: str) -> str:
    command = [str(environment.python), "-I", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_packages_arrive(restored: Restored, manager: str) -> None:
    with restored("leanpkg\n", manager=manager) as environment:
        assert environment.manager == manager
        assert wanted_of(environment) == ("leanpkg==1.0", "tinypkg==1.0")
        assert (
            run(environment, "import tinypkg, sys; print(tinypkg.version, sys.prefix)") == f"1.0 {environment.prefix}"
        )


def test_build_tools_and_requirements(restored: Restored) -> None:
    python_env = "build_dependencies: [leanpkg]\ndependencies: ['-r requirements.txt', '-c limits.txt']\n"
    files: dict[str, str | bytes] = {"python_env.yaml": python_env, "limits.txt": "tinypkg==1.0\n"}
    with restored("tinypkg\n", files) as environment:
        assert environment.freeze == ("leanpkg==1.0", "tinypkg==1.0")


def test_a_relative_wheel_from_a_read_only_model(
    restored: Restored, wheel: Callable[..., Path], tmp_path: Path
) -> None:
    made = wheel(tmp_path / "other", "ownpkg", "3.0").read_bytes()
    with restored(
        "./wheels/ownpkg-3.0-py3-none-any.whl\n", {"wheels/ownpkg-3.0-py3-none-any.whl": made}
    ) as environment:
        assert environment.freeze == ("ownpkg==3.0",)


def test_hashes_are_checked(restored: Restored, wheelhouse: Path) -> None:
    right = hashlib.sha256((wheelhouse / "tinypkg-2.0-py3-none-any.whl").read_bytes()).hexdigest()
    with restored(f"tinypkg==2.0 \\\n  --hash=sha256:{right}\n") as environment:
        assert environment.freeze == ("tinypkg==2.0",)
    with pytest.raises(RequirementsError) as caught:
        restored(f"tinypkg==2.0 --hash=sha256:{'0' * 64}\n")
    assert "another hash" in caught.value.happened


@pytest.mark.parametrize(
    ("text", "happened", "named"),
    [
        ("nosuchpkg==1.0\n", "nosuchpkg", "nosuchpkg==1.0 (requirements.txt, line 1)"),
        ("# note\ntinypkg==9.9\n", "tinypkg==9.9", "tinypkg==9.9 (requirements.txt, line 2)"),
        (
            "leanpkg==1.0\ntinypkg==2.0\n",
            "cannot be met together",
            "leanpkg==1.0 (requirements.txt, line 1)\ntinypkg==2.0 (requirements.txt, line 2)",
        ),
    ],
)
def test_what_cannot_be_resolved_is_named(restored: Restored, text: str, happened: str, named: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        restored(text)
    assert happened in caught.value.happened
    assert caught.value.facts["asked for"] == named


LEAN = Additions(wanted_by="a-server", requirements=("leanpkg==1.0",))


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_additions_are_resolved_together_with_the_models_requirements(restored: Restored, manager: str) -> None:
    with restored("tinypkg\n", manager=manager) as own, restored("tinypkg\n", manager=manager, additions=LEAN) as more:
        assert wanted_of(own) == ("tinypkg==2.0",)
        assert wanted_of(more) == ("leanpkg==1.0", "tinypkg==1.0")
        assert more.notes[-1] == "beside the model's own environment it has other versions: tinypkg 2.0 -> 1.0"


def test_additions_that_contradict_a_pin_are_named_with_it(restored: Restored) -> None:
    with pytest.raises(RequirementsError) as caught:
        restored("tinypkg==2.0\n", additions=LEAN)
    told = "installing the requirements with what a-server needs failed: the requirements cannot be met together"
    assert caught.value.happened == told
    wanted = "tinypkg==2.0 (requirements.txt, line 1)\nleanpkg==1.0 (added for a-server, line 1)"
    assert caught.value.facts["asked for"] == wanted


def test_uv_takes_the_best_of_all_indexes(
    restored: Restored, wheel: Callable[..., Path], offline: dict[str, str], tmp_path: Path
) -> None:
    for folder, version in (("one", "1.0"), ("two", "2.0")):
        wheel(tmp_path / folder / "tinypkg", "tinypkg", version)
        page = f'<a href="tinypkg-{version}-py3-none-any.whl">tinypkg-{version}-py3-none-any.whl</a>'
        (tmp_path / folder / "tinypkg" / "index.html").write_text(page)
    indexes = {"PIP_INDEX_URL": f"file://{tmp_path}/one", "PIP_EXTRA_INDEX_URL": f"file://{tmp_path}/two"}
    plain = {name: value for name, value in offline.items() if name not in {"PIP_NO_INDEX", "PIP_FIND_LINKS"}}
    for version in ("1.0", "2.0"):  # uv by itself would look at one of them only
        with restored(f"tinypkg=={version}\n", env={**plain, **indexes}) as environment:
            assert environment.freeze == (f"tinypkg=={version}",)


def test_the_first_load_leaves_bytecode(restored: Restored) -> None:
    with restored("tinypkg==1.0\n", smoke=("-c", "import tinypkg")) as environment:
        assert list(environment.prefix.rglob("tinypkg.*.pyc"))


@pytest.mark.parametrize("uses_uv", [True, False], ids=["uv", "pip"])
def test_virtualenv_has_the_pip_and_setuptools_that_venv_puts_in(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], tmp_path: Path, *, uses_uv: bool
) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "by_venv"], check=True)
    request = request_for(model({"requirements.txt": ""}), manager="virtualenv")
    with Virtualenv(uses_uv=uses_uv).restore(request) as environment:
        assert environment.freeze == read_freeze(tmp_path / "by_venv") != ()
        is_old = sys.version_info < (3, 12)
        found = run(environment, "import importlib.util; print(importlib.util.find_spec('pkg_resources') is not None)")
        assert found == str(is_old)


def test_pins_of_build_tools_are_stronger_than_what_venv_puts_in(
    restored: Restored, wheel: Callable[..., Path], wheelhouse: Path
) -> None:
    wheel(wheelhouse, "setuptools", "1.0")
    files: dict[str, str | bytes] = {"python_env.yaml": "build_dependencies: ['setuptools==1.0']\n"}
    with restored("", files, manager="virtualenv") as environment:
        assert "setuptools==1.0" in environment.freeze


def test_what_is_said_of_packages_does_not_forbid_what_venv_puts_in(
    restored: Restored, offline: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "limits.txt").write_text("pip<1\n")
    env = {**offline, "UV_CONSTRAINT": str(tmp_path / "limits.txt"), "UV_REQUIRE_HASHES": "1"}
    with restored("", manager="virtualenv", env=env) as environment:
        assert any(line.startswith("pip==") for line in environment.freeze)


def test_uv_puts_nothing_in(restored: Restored) -> None:
    with restored("tinypkg==1.0\n") as environment:
        assert environment.freeze == ("tinypkg==1.0",)


HIT = """
import json, os, sys, time
from pathlib import Path
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.environment.spec import EnvironmentSpec

def get():
    started = time.process_time()
    spec = EnvironmentSpec.read(Path(sys.argv[1]))
    request = RestoreRequest(spec=spec, manager="uv", root=Path(sys.argv[2]), env=json.loads(sys.argv[3]))
    environment = restore(request)
    return environment.cached, time.process_time() - started

def forbid(event, arguments):
    if event in {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system"}:
        raise AssertionError(event)

get()
sys.addaudithook(forbid)
print(json.dumps(get()))
"""


def test_a_hit_starts_no_process(
    script: Callable[..., subprocess.Popen[str]], model: Callable[..., Path], offline: dict[str, str], tmp_path: Path
) -> None:
    directory = model({"requirements.txt": "tinypkg==1.0\n"})
    done = script(HIT, directory, tmp_path / "cache", json.dumps(offline))
    output, errors = done.communicate(timeout=60)
    assert done.returncode == 0, errors
    cached, cpu_s = json.loads(output)
    assert cached
    assert cpu_s < 0.05


def test_the_same_environment_serves_two_models(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], tmp_path: Path
) -> None:
    request = request_for(model({"requirements.txt": "tinypkg==1.0\n"}))
    twin = replace(request, spec=replace(request.spec, directory=tmp_path))
    with restore(request) as first, restore(twin) as second:
        assert second.cached
        assert first.prefix == second.prefix


def test_python_comes_by_its_path(restored: Restored) -> None:
    with restored("tinypkg==1.0\n", python=Path(sys.executable)) as environment:
        config = (environment.prefix / "pyvenv.cfg").read_text()
        assert str(Path(sys.executable).resolve().parent) in config
