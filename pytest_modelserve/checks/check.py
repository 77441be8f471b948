"""What a check is: one rule of the contract that pytest shows as one item, or as one item a variant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..model.mlmodel import Model
from ..results import CheckResult, Judges
from .context import CheckContext


def _always(_: Model) -> str:
    return ""


def _one_variant(_: Model) -> tuple[str, ...]:
    return ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule of the contract.

    Attributes:
        name: As it stands in ids, options and reports.
        judges: Whom it speaks about.
        purpose: What it proves, in one sentence for the reference page.
        presets: The presets that contain it.
        run: Runs one variant against a served model.
        why_not: Why it cannot apply to a model, in a sentence; empty where it applies.
        variants: The variants that apply to a model, in a fixed order; one empty name for a check without any.
        own_server_for: The variants that ask a server of their own, which can be worn out, stopped or started anew.
        takes_environment: Whether it looks into the model's environment.
        takes_cases: Whether it sends the cases of its context in place of its own, where there are any, so that a
            stored one can be replayed alone.
        follows_itself: Whether a variant may begin with the answer that the one before ended with.
        compares_servers: Whether it compares several servers, and looks at none alone.
    """

    name: str
    judges: Judges
    purpose: str
    presets: frozenset[str]
    run: Callable[[CheckContext, str], CheckResult]
    why_not: Callable[[Model], str] = field(default=_always)
    variants: Callable[[Model], tuple[str, ...]] = field(default=_one_variant)
    own_server_for: frozenset[str] = frozenset()
    takes_environment: bool = False
    takes_cases: bool = False
    follows_itself: bool = False
    compares_servers: bool = False

    def title(self, variant: str) -> str:
        """Return the name of one variant, as it stands in ids."""
        return f"{self.name}[{variant}]" if variant else self.name
