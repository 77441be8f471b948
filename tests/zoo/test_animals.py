"""The gate fails every model with a defect, by the check that is there to catch it, and passes every healthy twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from zoo.animal import Animal
from zoo.animals import ANIMALS
from zoo.table import Row
from zoo.twins import TWINS, Twin
from zoo.visit import UNSERVED, visit

from pytest_modelserve.settings import Settings

Tell = Callable[[Row], None]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: animal.name)
def test_a_defect_is_caught(animal: Animal, settings: Settings, tell: Tell, tmp_path: Path) -> None:
    model = animal.model().write(tmp_path / animal.name)
    found = visit(model, replace(settings, **animal.settings))
    tell(Row(name=animal.name, visit=found, source=animal.source, check=animal.check))
    assert found.verdict == ("error" if animal.check in UNSERVED.values() else "fail")
    assert animal.check in found.caught_by


def test_what_an_animal_broke_is_sent_first_when_it_comes_again(settings: Settings, tmp_path: Path) -> None:
    animal = next(animal for animal in ANIMALS if animal.name == "wants_a_first_word")
    model = animal.model().write(tmp_path / animal.name)
    storing = replace(settings, cases_dir=tmp_path / "cases")
    assert "replays_stored" not in visit(model, storing).caught_by
    again = visit(model, replace(storing, checks=("replays_stored",)))
    assert again.verdict == "fail"
    assert set(again.caught_by) == {"replays_stored"}


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_a_healthy_twin_passes(twin: Twin, settings: Settings, tell: Tell, tmp_path: Path) -> None:
    model = twin.species.source().write(tmp_path / twin.species.name)
    found = visit(model, replace(settings, **twin.settings))
    tell(Row(name=twin.name, visit=found))
    assert not found.caught_by
    assert found.verdict == "pass"
    assert twin.checks <= set(found.passed)
