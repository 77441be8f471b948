"""The way without uv: virtualenv seeds pip, and pip installs."""

from __future__ import annotations

import os
import sys
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
        assert by_uv.freeze == ()
