"""The way without uv: virtualenv seeds pip, and pip installs."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.environment.managers.virtualenv import Virtualenv
from pytest_modelserve.environment.restoration import RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import RequirementsError


@pytest.fixture
def request_(tmp_path: Path) -> RestoreRequest:
    model = tmp_path / "model"
    model.mkdir()
    (model / "requirements.txt").write_text("nosuchpkg==1.0\n")
    (tmp_path / "home").mkdir()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
    }
    return RestoreRequest(
        spec=EnvironmentSpec.read(model), root=tmp_path / "cache", env=env, python=Path(sys.executable)
    )


def test_pip_is_seeded_and_installs(request_: RestoreRequest) -> None:
    spec = replace(request_.spec, dependencies=("pip",), requirements=())
    with Virtualenv(uses_uv=False).restore(replace(request_, spec=spec)) as environment:
        assert any(line.startswith("pip==") for line in environment.freeze)


def test_pip_names_what_it_cannot_find(request_: RestoreRequest) -> None:
    with pytest.raises(RequirementsError) as caught:
        Virtualenv(uses_uv=False).restore(request_)
    assert caught.value.facts["asked for"] == "nosuchpkg==1.0 (requirements.txt, line 1)"


def test_the_engine_is_part_of_the_digest(request_: RestoreRequest) -> None:
    spec = replace(request_.spec, dependencies=(), requirements=())
    request = replace(request_, spec=spec)
    with Virtualenv(uses_uv=False).restore(request) as by_pip, Virtualenv().restore(request) as by_uv:
        assert by_pip.digest != by_uv.digest
        assert by_uv.freeze == by_pip.freeze  # what the Python brings


@pytest.fixture
def wheel(request_: RestoreRequest) -> Path:
    """A wheel inside the model directory."""
    path = request_.spec.directory / "wheels" / "ownpkg-1.0-py3-none-any.whl"
    path.parent.mkdir()
    files = {
        "ownpkg.py": "",
        "ownpkg-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: ownpkg\nVersion: 1.0\n",
        "ownpkg-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr("ownpkg-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in files))
    return path


def test_pip_takes_a_wheel_of_the_model_and_checks_its_hash(request_: RestoreRequest, wheel: Path) -> None:
    directory = request_.spec.directory
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    text = "--find-links wheels\nownpkg==1.0 --hash=sha256:{}\n"
    (directory / "requirements.txt").write_text(text.format(digest))
    with Virtualenv(uses_uv=False).restore(replace(request_, spec=EnvironmentSpec.read(directory))) as environment:
        assert "ownpkg==1.0" in environment.freeze
        assert not list(environment.prefix.rglob("ownpkg*.pyc"))  # what is never loaded is never compiled
    (directory / "requirements.txt").write_text(text.format("0" * 64))
    with pytest.raises(RequirementsError) as caught:
        Virtualenv(uses_uv=False).restore(replace(request_, spec=EnvironmentSpec.read(directory)))
    assert "another hash" in caught.value.happened


def test_pip_follows_a_constraint_file(request_: RestoreRequest, wheel: Path) -> None:
    directory = request_.spec.directory
    (directory / "requirements.txt").write_text("--find-links wheels\nownpkg\n-c limits.txt\n")
    (directory / "limits.txt").write_text("ownpkg>=2\n")
    with pytest.raises(RequirementsError) as caught:
        Virtualenv(uses_uv=False).restore(replace(request_, spec=EnvironmentSpec.read(directory)))
    assert "ownpkg" in str(caught.value.facts["asked for"])
