"""Creators that cannot do what they should."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.environment.install import BuildSite
from pytest_modelserve.environment.interpreter import Interpreter
from pytest_modelserve.environment.managers.packages import find_uv
from pytest_modelserve.environment.managers.uv import UvCreator, demand_uv
from pytest_modelserve.environment.managers.virtualenv import VirtualenvCreator
from pytest_modelserve.errors import InstallFailed


@pytest.fixture
def site(tmp_path: Path, heard: Any) -> BuildSite:
    (tmp_path / "build").mkdir()
    return BuildSite(directory=tmp_path / "build", env={"PATH": os.environ["PATH"]}, progress=heard)


@pytest.fixture
def no_python(interpreter: Interpreter) -> Interpreter:
    return replace(interpreter, path=Path("/bin/false"))


def test_uv_cannot(site: BuildSite, interpreter: Interpreter, tmp_path: Path) -> None:
    broken = tmp_path / "uv"
    broken.write_text("#!/bin/sh\necho No space left on device; exit 2\n")
    broken.chmod(0o755)
    with pytest.raises(InstallFailed) as caught:
        UvCreator(uv=broken).create(site, interpreter)
    assert caught.value.happened.startswith("creating an environment with Python 3.11.7 failed: the disk is full")
    assert str(tmp_path / "failure.log") in str(caught.value.facts["log"])


def test_virtualenv_cannot(site: BuildSite, no_python: Interpreter, tmp_path: Path) -> None:
    with pytest.raises(InstallFailed) as caught:
        VirtualenvCreator(app_data=tmp_path / "data", uv=None).create(site, no_python)
    assert caught.value.facts["python"] == Path("/bin/false")


def test_uv_on_path_is_the_second_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)  # as where the package is not installed
    assert find_uv({"PATH": str(tmp_path)}) is None
    with pytest.raises(InstallFailed) as caught:
        demand_uv({"PATH": str(tmp_path)})
    assert caught.value.facts["looked in"] == str(tmp_path)
    (tmp_path / "uv").touch(mode=0o755)
    assert find_uv({"PATH": str(tmp_path)}) == tmp_path / "uv"
