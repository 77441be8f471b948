"""The one call: a manager by its name, an environment that closes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.eviction import list_cached
from pytest_modelserve.environment.restoration import RestoreRequest, cache_root, default_root
from pytest_modelserve.environment.restore import restore
from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import EnvironmentBroken, RequirementsError


def test_an_unknown_manager_is_refused_before_anything_else(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentBroken) as caught:
        restore(request_for(model({"requirements.txt": "tinypkg\n"}), manager="docker"))
    assert caught.value.facts["managers"] == "conda, local, uv, virtualenv"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("manager", ["uv", "virtualenv"])
def test_a_model_without_files_needs_local(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], manager: str
) -> None:
    directory = model({"MLmodel": ""})
    with pytest.raises(RequirementsError) as caught:
        restore(request_for(directory, manager=manager))
    assert caught.value.facts["model"] == directory
    restore(request_for(directory, manager="local")).close()


def test_it_is_in_use_until_closed(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path], tmp_path: Path
) -> None:
    environment = restore(request_for(model({"requirements.txt": "tinypkg==1.0\n"})))
    assert [each.is_in_use for each in list_cached(tmp_path / "cache")] == [True]
    with environment:
        pass
    assert [each.is_in_use for each in list_cached(tmp_path / "cache")] == [False]


def test_errors_travel_between_processes(
    request_for: Callable[..., RestoreRequest], model: Callable[..., Path]
) -> None:
    with pytest.raises(RequirementsError) as caught:
        restore(request_for(model({"requirements.txt": "nosuchpkg==1.0\n"})))
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (type(twin), str(twin)) == (RequirementsError, str(caught.value))


def test_the_defaults_are_the_users_own(model: Callable[..., Path]) -> None:
    request = RestoreRequest(spec=EnvironmentSpec.read(model({})))
    assert request.root == default_root()
    assert default_root().name == "pytest-modelserve"
    assert request.manager == "virtualenv"


def test_the_root_of_the_cache_is_absolute_wherever_a_process_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cache_root(Path("cache")) == tmp_path / "cache"
    assert cache_root(None) == default_root().absolute()
