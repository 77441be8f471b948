"""The zoo itself is in order: large enough, every check covered, every defect one change to a healthy model."""

from __future__ import annotations

import ast
from collections import Counter
from difflib import SequenceMatcher

import pytest
from zoo.animal import CONTRACT, Animal, swapped
from zoo.animals import ANIMALS
from zoo.servers.cast import SERVERS
from zoo.species import SPECIES

from pytest_modelserve.checks.table import CHECKS

OF_SERVERS_ALONE = frozenset({"round_trip_input", "envelopes_agree", "leaks_nothing", "v2_conformance"})
"""No model can break these on our server: it gets typed values, whatever they came in, and its words stay inside."""

OF_A_SECOND_RUN = frozenset({"replays_stored"})
"""It has something to send only where a run before stored a case: `test_animals` visits one animal twice."""

OF_SEVERAL_SERVERS = frozenset({"servers_agree"})
"""It compares two servers around one model: `test_pairs` does."""


def test_the_zoo_is_large_enough() -> None:
    assert len(ANIMALS) >= 44
    assert len(SERVERS) >= 12


def test_names_are_unique() -> None:
    names = Counter([animal.name for animal in ANIMALS] + [server.name for server in SERVERS])
    assert [name for name, count in names.items() if count > 1] == []


def test_every_check_is_covered_twice() -> None:
    covered = Counter([animal.check for animal in ANIMALS] + [server.check for server in SERVERS])
    checks = {check.name for check in CHECKS} - OF_A_SECOND_RUN - OF_SEVERAL_SERVERS
    assert {check: covered[check] for check in checks if covered[check] < 2} == {}


def test_every_check_that_a_model_can_break_has_a_model() -> None:
    apart = OF_SERVERS_ALONE | OF_A_SECOND_RUN | OF_SEVERAL_SERVERS
    assert {check.name for check in CHECKS} - apart <= {animal.check for animal in ANIMALS}


def test_every_species_has_a_defect() -> None:
    assert {animal.species.name for animal in ANIMALS} == {species.name for species in SPECIES}


def test_most_defects_were_seen_in_the_world() -> None:
    sources = [animal.source for animal in ANIMALS] + [server.source for server in SERVERS]
    assert all(source == CONTRACT or source.startswith("https://github.com/") for source in sources)
    assert sum(source != CONTRACT for source in sources) >= 0.6 * len(sources)


@pytest.mark.parametrize("animal", ANIMALS, ids=lambda animal: animal.name)
def test_a_twin_differs_in_one_place(animal: Animal) -> None:
    healthy, broken = animal.species.source(), animal.model()
    assert broken != healthy
    changed = {name for name in broken.__slots__ if getattr(broken, name) != getattr(healthy, name)}
    assert len(changed) == 1
    if changed == {"loader"}:
        ast.parse(broken.loader)
        lines = SequenceMatcher(None, healthy.loader.splitlines(), broken.loader.splitlines(), autojunk=False)
        places = [code for code in lines.get_opcodes() if code[0] != "equal"]
        span = places[-1][2] - places[0][1]
        assert span <= len(animal.healthy.strip().splitlines())


def test_a_block_is_found_at_any_depth() -> None:
    assert swapped("if x:\n    a\n    b\nc\n", "a\nb", "d\nif e:\n    f") == "if x:\n    d\n    if e:\n        f\nc\n"


@pytest.mark.parametrize("healthy", ["a", "z"])
def test_a_block_that_is_not_there_once_is_an_error(healthy: str) -> None:
    with pytest.raises(ValueError, match="times in the loader, not once"):
        swapped("a\na\n", healthy, "b")
