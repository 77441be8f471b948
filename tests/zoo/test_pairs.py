"""Two servers around one healthy model: a fault of one shows beside the other, and equal ones agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from zoo.animal import Species
from zoo.servers.backend import TWIN, backend_name
from zoo.servers.cast import SERVERS

from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.pipeline import serve
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("backends")]

CAUGHT: Final = (
    "cuts_floats_to_six_digits",
    "answers_without_fractions_of_seconds",
)
FAULTY: Final = {server.name: server for server in SERVERS}
SPECIES: Final = {FAULTY[fault].species.name: FAULTY[fault].species for fault in CAUGHT}


def compared(species: Species, backend: str, settings: Settings, folder: Path) -> CheckResult:
    """Serve a healthy model by our own server and by another, and compare the two."""
    model = str(species.source().write(folder / species.name))
    other = replace(settings, server=backend)
    with serve(model, settings) as served, serve(model, other) as beside:
        context = replace(served.context(), beside=(beside.context(),))
        return run_check(context, BY_NAME["servers_agree"], "")


@pytest.mark.parametrize("fault", CAUGHT)
def test_a_fault_shows_beside_our_own_server(fault: str, settings: Settings, tmp_path: Path) -> None:
    backend = backend_name(fault, has_spy=FAULTY[fault].has_spy)
    result = compared(FAULTY[fault].species, backend, settings, tmp_path)
    assert result.failure is not None, result
    assert f"builtin+{backend}::servers_agree" in result.failure.text


@pytest.mark.parametrize(
    "species",
    {FAULTY[fault].species.name: FAULTY[fault].species for fault in CAUGHT}.values(),
    ids=lambda species: species.name,
)
def test_the_server_without_a_fault_agrees(species: Species, settings: Settings, tmp_path: Path) -> None:
    result = compared(species, backend_name(TWIN, has_spy=True), settings, tmp_path)
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
    assert all(one.is_agreed for one in result.answers)
