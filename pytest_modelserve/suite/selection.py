"""Tells when the built-in contract runs, and which of its items a pasted id means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from ..options import BY_NAME, URI


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of the contract is asked for.

    Attributes:
        uris: The models whose contract is checked.
        ids: Where ids were pasted, only these items, or what lies below them.
    """

    uris: tuple[str, ...]
    ids: tuple[str, ...] = ()

    def holds(self, nodeid: str) -> bool:
        """Tell whether an item is asked for."""
        return not self.ids or any(nodeid == one or nodeid.startswith((f"{one}::", f"{one}[")) for one in self.ids)


SELECTION: pytest.StashKey[Selection] = pytest.StashKey()


def select(config: pytest.Config, backends: Iterable[str]) -> Selection | None:
    """Return what of the contract a run asks for, or None where it asks for test files.

    The contract runs where `--model-uri` stands on the command line and no file is named, and where an id of one of
    its items is named. What is ours is taken out of pytest's own arguments.
    """
    known = frozenset(backends)
    ids = tuple(argument for argument in config.args if _is_ours(argument, known))
    given = tuple(config.getoption(BY_NAME[URI].key) or ())
    if ids:
        config.args = [argument for argument in config.args if argument not in ids]
        return Selection(uris=tuple(dict.fromkeys(one.partition("::")[0] for one in ids)), ids=ids)
    if given and config.args_source is not config.ArgsSource.ARGS:
        config.args = []
        return Selection(uris=tuple(dict.fromkeys(given)))
    return None


def _is_ours(argument: str, backends: frozenset[str]) -> bool:
    uri, _, rest = argument.partition("::")
    return bool(uri) and rest.partition("::")[0] in backends
