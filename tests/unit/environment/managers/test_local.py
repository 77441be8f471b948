"""The running interpreter as the model's environment."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.restore import restore


@pytest.fixture
def local(request_for: Callable[..., RestoreRequest], model: Callable[..., Path]) -> Callable[..., Environment]:
    return lambda files: restore(request_for(model(files), manager="local"))


def test_it_is_the_running_interpreter(local: Callable[..., Environment], tmp_path: Path) -> None:
    environment = local({"requirements.txt": f"pytest=={version('pytest')}\n"})
    assert environment.python == Path(sys.executable)
    assert environment.python_version == platform.python_version()
    assert environment.prefix == Path(sys.prefix)
    assert f"pytest=={version('pytest')}" in environment.freeze
    assert environment.notes == ()
    assert environment.lease is None
    assert not (tmp_path / "cache").exists()


def test_a_model_without_files_is_served_and_noted(local: Callable[..., Environment]) -> None:
    with local({}) as environment:
        assert environment.notes == ("the model has no environment files, so nothing could be compared",)


def test_what_differs_is_noted(local: Callable[..., Environment]) -> None:
    text = f"pytest==1.0\nnosuch-package>=2\nhypothesis=={version('hypothesis')}\nwheel==0.1\n-c limits.txt\n"
    limits = f"numpy<1\nabsent<1\npandas=={version('pandas')}\n"
    (note,) = local({"requirements.txt": text, "limits.txt": limits}).notes
    assert note == (
        f"local differs from the model's requirements: pytest==1.0, installed is {version('pytest')}; "
        f"nosuch-package>=2 is not installed; numpy<1, installed is {version('numpy')}"
    )


def test_many_differences_are_cut(local: Callable[..., Environment]) -> None:
    notes = local({"requirements.txt": "".join(f"absent{number}==1\n" for number in range(8))}).notes
    assert notes[-1].endswith("absent4==1 is not installed and 3 more")


def test_requirements_for_other_machines_and_places_are_not_compared(local: Callable[..., Environment]) -> None:
    text = "absent==1 ; python_version < '3'\ngit+https://host/absent@v1\n./absent.whl\n-e ./package\n"
    assert local({"requirements.txt": text, "absent.whl": "x", "package/setup.py": "x"}).notes == ()


def test_another_python_is_noted(local: Callable[..., Environment]) -> None:
    environment = local({"python_env.yaml": "python: '3.7.1'\n"})
    assert environment.notes == (f"the model recorded Python 3.7.1; local runs {platform.python_version()}",)


def test_the_digest_is_stable(local: Callable[..., Environment]) -> None:
    assert local({"requirements.txt": ""}).digest == local({"requirements.txt": "a==1"}).digest
