"""The healthy twins: each species once, and once more for each set of limits that a defect of it is held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .animal import Species
from .animals import ANIMALS
from .species import SPECIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A healthy model, and what it must pass.

    Attributes:
        species: The model.
        settings: Of the run, beside the defaults.
        checks: Those that catch a defect of this species; a twin has to pass them, not only to be spared by them.
    """

    species: Species
    settings: Mapping[str, Any] = field(default_factory=dict)
    checks: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Return the species and its limits."""
        return "-".join([self.species.name, *(f"{name}={value}" for name, value in self.settings.items())])


def _twins() -> Iterator[Twin]:
    for species in SPECIES:
        animals = [animal for animal in ANIMALS if animal.species == species]
        known: list[Mapping[str, Any]] = [{}]
        known += [animal.settings for animal in animals if animal.settings]
        for settings in (limits for at, limits in enumerate(known) if limits not in known[:at]):
            checks = frozenset(animal.check for animal in animals if animal.settings == settings)
            yield Twin(species=species, settings=settings, checks=checks)


TWINS: Final = tuple(_twins())
