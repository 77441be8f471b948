"""Env managers by name."""

from __future__ import annotations

import pytest

from pytest_modelserve.environment.managers import MANAGERS, manager_named
from pytest_modelserve.errors import EnvironmentBroken


@pytest.mark.parametrize("name", sorted(MANAGERS))
def test_a_manager_knows_its_name(name: str) -> None:
    assert manager_named(name).name == name


def test_a_name_that_is_none_is_told_with_those_there_are() -> None:
    with pytest.raises(EnvironmentBroken) as caught:
        manager_named("docker")
    assert caught.value.facts == {"asked for": "docker", "managers": "conda, local, uv, virtualenv"}
    assert caught.value.fix == "Choose one of conda, local, uv, virtualenv."


def test_a_near_name_is_offered() -> None:
    with pytest.raises(EnvironmentBroken) as caught:
        manager_named("virtual-env")
    assert caught.value.fix.startswith("Did you mean virtualenv? ")
