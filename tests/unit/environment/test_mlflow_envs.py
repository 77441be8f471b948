"""Environments that MLflow built: taken only where everything that was asked for is there."""

from __future__ import annotations

import os
import platform
import venv
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.environment.additions import Additions
from pytest_modelserve.environment.mlflow_envs import MANAGER, find_mlflow_environment, mlflow_name
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.restore import restore

RUNNING = platform.python_version()
IRIS = {
    "python_env.yaml": "python: 3.11.7\nbuild_dependencies:\n- pip==26.3\n- setuptools==80.10.2\n- wheel==0.48.0\n"
    "dependencies:\n- -r requirements.txt\n",
    "requirements.txt": "mlflow==3.17.2\nnumpy==2.2.6\npandas==2.3.3\n"
    "scikit-learn==1.7.2\nscipy==1.15.3\nskops==0.16.0",
}
KNOTTY = {
    **IRIS,
    "requirements.txt": "--index-url https://x/simple\nb==2 # why\n\n# no\n"
    "mlflow==3.17.2\nnumpy \\\n  ==2.2.6\n-c limits.txt\n",
    "limits.txt": "pandas<3\n",
}
FILES: dict[str, str | bytes] = {
    "python_env.yaml": f"python: {RUNNING}\nbuild_dependencies: []\ndependencies:\n- -r requirements.txt\n",
    "requirements.txt": "leanpkg==1.0\n",
}


@pytest.fixture
def asked(request_for: Callable[..., RestoreRequest], model: Callable[..., Path]) -> RestoreRequest:
    return request_for(model(FILES), reuses_mlflow=True)


@pytest.fixture
def prefix(asked: RestoreRequest, wheelhouse: Path, tmp_path: Path) -> Path:
    """What MLflow would have built for it."""
    prefix = tmp_path / "home" / ".mlflow" / "envs" / mlflow_name(asked)
    venv.create(prefix, with_pip=False, symlinks=True)
    for name in ("leanpkg", "tinypkg"):
        with zipfile.ZipFile(wheelhouse / f"{name}-1.0-py3-none-any.whl") as wheel:
            wheel.extractall(site(prefix))
    return prefix


def site(prefix: Path) -> Path:
    (folder,) = prefix.glob("lib/python*/site-packages")
    return folder


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (IRIS, "mlflow-7d0b9215eb97dd1725abffafdf31f09fc3024e06"),
        (KNOTTY, "mlflow-3cdfb847bc57f1cb17ac8d7eef006f9eedfbd13d"),
    ],
)
def test_the_name_is_the_one_that_mlflow_3_17_2_gives(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], files: dict[str, str], name: str
) -> None:
    assert mlflow_name(request_for(model(files))) == name


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_a_whole_one_is_taken_as_it_is(asked: RestoreRequest, prefix: Path, manager: str) -> None:
    before = sorted(prefix.rglob("*"))
    with restore(replace(asked, manager=manager)) as environment:
        assert (environment.manager, environment.prefix, environment.cached) == (MANAGER, prefix, True)
        assert environment.python == prefix / "bin" / "python"
        assert (environment.python_version, environment.freeze) == (RUNNING, ("leanpkg==1.0", "tinypkg==1.0"))
        assert environment.notes[-1].endswith(f"after every file was looked at: {prefix}")
        assert environment.lease is None
    assert sorted(prefix.rglob("*")) == before
    assert not (asked.root / "envs").exists()


def test_another_root_is_named_by_the_variable(asked: RestoreRequest, prefix: Path, tmp_path: Path) -> None:
    moved = (tmp_path / "elsewhere") / prefix.name
    moved.parent.mkdir()
    prefix.rename(moved)
    found, _ = find_mlflow_environment(replace(asked, env={**asked.env, "MLFLOW_ENV_ROOT": str(moved.parent)}))
    assert found is not None
    assert found.prefix == moved


def torn(prefix: Path) -> None:
    (site(prefix) / "tinypkg.py").write_text("")


def lost(prefix: Path) -> None:
    (site(prefix) / "leanpkg.py").unlink()


def killed_before_a_package(prefix: Path) -> None:
    for path in site(prefix).glob("leanpkg*"):
        path.rename(prefix / path.name)


def killed_before_what_it_requires(prefix: Path) -> None:
    for path in site(prefix).glob("tinypkg*"):
        path.rename(prefix / path.name)


def without_record(prefix: Path) -> None:
    (site(prefix) / "tinypkg-1.0.dist-info" / "RECORD").unlink()


def without_python(prefix: Path) -> None:
    (prefix / "bin" / "python").unlink()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (torn, "tinypkg.py of tinypkg is not there, or not whole"),
        (lost, "leanpkg.py of leanpkg is not there, or not whole"),
        (killed_before_a_package, "leanpkg==1.0 is not installed"),
        (killed_before_what_it_requires, "leanpkg 1.0 requires tinypkg<2, which is not installed"),
        (without_record, "tinypkg does not say which files it has"),
        (without_python, "is no Python that runs"),
    ],
)
def test_one_that_is_not_whole_is_left_and_ours_is_built(
    asked: RestoreRequest, prefix: Path, harm: Callable[[Path], None], reason: str
) -> None:
    harm(prefix)
    with restore(asked) as environment:
        assert (environment.manager, environment.freeze) == ("uv", ("leanpkg==1.0", "tinypkg==1.0"))
        assert environment.notes[-1].startswith(f"MLflow's environment {prefix} is not reused: ")
        assert reason in environment.notes[-1]


def test_there_is_none(asked: RestoreRequest) -> None:
    found, note = find_mlflow_environment(asked)
    assert found is None
    assert note.startswith("no environment of MLflow's is reused: there is no ")


@pytest.mark.parametrize(
    ("files", "changes", "reason"),
    [
        ({"uv.lock": "version = 1\n"}, {}, "the model has a uv.lock"),
        ({"python_env.yaml": "dependencies: ['-r requirements.txt']\n"}, {}, "its Python is not the one"),
        ({}, {"python": Path("/usr/bin/python3")}, "its Python is not the one"),
        ({}, {"additions": Additions(wanted_by="mlserver", requirements=("a==1",))}, "mlserver needs more"),
        ({"requirements.txt": "./a.whl\n", "a.whl": "x"}, {}, "what is at ./a.whl may have changed"),
        ({"requirements.txt": "-r https://host/more.txt\n"}, {}, "a requirements file at an address"),
        ({"requirements.txt": "-r file:more.txt\n", "more.txt": ""}, {}, "takes a file that cannot be read"),
        ({"requirements.txt": "-r 'more.txt'\n", "more.txt": ""}, {}, "takes a file that cannot be read"),
        ({"requirements.txt": "a @ https://host/a.whl\n"}, {}, "what is at a @ https://host/a.whl may have changed"),
    ],
)
def test_what_the_name_does_not_cover_is_not_reused(
    asked: RestoreRequest,
    model: Callable[..., Path],
    request_for: Callable[..., RestoreRequest],
    files: dict[str, str],
    changes: dict[str, object],
    reason: str,
) -> None:
    request = request_for(model({**FILES, **files}), **changes)
    found, note = find_mlflow_environment(request)
    assert found is None
    assert reason in note


@pytest.mark.parametrize("reuses", [True, False])
def test_local_and_those_who_do_not_ask_never_look(asked: RestoreRequest, prefix: Path, reuses: bool) -> None:
    request = replace(asked, manager="local" if reuses else "uv", reuses_mlflow=reuses)
    with restore(request) as environment:
        assert environment.manager == request.manager
        assert not any("MLflow" in note for note in environment.notes)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users_is_not_taken(asked: RestoreRequest, prefix: Path) -> None:
    prefix.parent.chmod(0o777)
    os.chown(prefix, 61234, 61234)
    found, note = find_mlflow_environment(asked)
    assert found is None
    assert "files of another user" in note
