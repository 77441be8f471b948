"""Lists in notes: a note is a line, so that it names some and counts the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SHOWN: Final = 5


def listed(texts: Sequence[str], *, n_shown: int = _SHOWN, separator: str = ", ") -> str:
    """Join the first texts and say how many more there are."""
    more = f" and {len(texts) - n_shown} more" if len(texts) > n_shown else ""
    return f"{separator.join(texts[:n_shown])}{more}"


def loose_note(names: Sequence[str]) -> str:
    """Say which packages no line pins; empty where all are pinned."""
    return f"without an exact version, so the first build decides: {listed(names)}" if names else ""
