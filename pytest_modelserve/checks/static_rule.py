"""What a rule is that a check holds without a request: it reads what the model says of itself, and what is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRule:
    """One thing that is looked at.

    Attributes:
        id: Its name in failures, advice and the reference.
        is_breach: Whether it fails the check; else it is advice.
        meaning: What it says of a model, in one sentence.
        mend: What to do about it.
    """

    id: str
    is_breach: bool
    meaning: str
    mend: str

    @property
    def weight(self) -> str:
        """Return `breach` or `advice`."""
        return "breach" if self.is_breach else "advice"
