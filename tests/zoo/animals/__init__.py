"""Every animal of the zoo, by what is wrong with it."""

from __future__ import annotations

from typing import Final

from ..animal import Animal
from .answers import ANSWERS
from .batches import BATCHES
from .crashes import CRASHES
from .life import LIFE
from .papers import PAPERS
from .state import STATE

ANIMALS: Final[tuple[Animal, ...]] = (*PAPERS, *CRASHES, *ANSWERS, *BATCHES, *STATE, *LIFE)
