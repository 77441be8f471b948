"""The gate fails every server with a fault around a healthy model, and passes the same server without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from zoo.animal import Species
from zoo.servers.backend import TWIN, backend_name
from zoo.servers.cast import SERVERS, FaultyServer
from zoo.table import Row
from zoo.visit import visit

from pytest_modelserve.settings import Settings

Tell = Callable[[Row], None]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("backends")]

TWINS = list({(server.species.name, server.has_spy): (server.species, server.has_spy) for server in SERVERS}.values())


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_a_fault_is_caught(server: FaultyServer, settings: Settings, tell: Tell, tmp_path: Path) -> None:
    model = server.species.source().write(tmp_path / server.species.name)
    backend = backend_name(server.name, has_spy=server.has_spy)
    found = visit(model, replace(settings, server=backend, **server.settings))
    tell(Row(name=server.name, visit=found, source=server.source, check=server.check))
    assert found.verdict == "fail"
    assert server.check in found.caught_by


@pytest.mark.parametrize(("species", "has_spy"), TWINS, ids=lambda value: getattr(value, "name", str(value)))
def test_the_server_without_a_fault_passes(
    species: Species, has_spy: bool, settings: Settings, tell: Tell, tmp_path: Path
) -> None:
    model = species.source().write(tmp_path / species.name)
    backend = backend_name(TWIN, has_spy=has_spy)
    found = visit(model, replace(settings, server=backend))
    tell(Row(name=f"{backend} around {species.name}", visit=found))
    assert not found.caught_by
    assert found.verdict == "pass"
