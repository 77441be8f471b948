"""Tells when the built-in contract runs, and which of its items a pasted id means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..option import URI, URL
from ..options import BY_NAME
from ..precedence import settings_from, uris_from
from ..request import without_slash
from ..settings import TOGETHER

if TYPE_CHECKING:
    import pytest

_IPV6_HOST: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\[\]]*\[[^/\[\]]*\]")  # its colons part nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of the contract is asked for.

    Attributes:
        uris: The models whose contract is checked.
        ids: Where ids were pasted, only these items, or what lies below them.
    """

    uris: tuple[str, ...]
    ids: tuple[str, ...] = ()

    @property
    def servers(self) -> tuple[str, ...]:
        """Return the backends that the ids name."""
        return tuple(dict.fromkeys(name for one in self.ids for name in _servers_in(one)))

    def holds(self, nodeid: str) -> bool:
        """Tell whether an item is asked for."""
        return not self.ids or any(nodeid == one or nodeid.startswith((f"{one}::", f"{one}[")) for one in self.ids)


def select(config: pytest.Config) -> Selection | None:
    """Return what of the contract a run asks for, or None where it asks for test files.

    The contract runs where `--model-uri`, or `--model-url` alone, stands on the command line and no file is named, and
    where an id of one of its items is named. What is ours is taken out of pytest's own arguments.
    """
    ids = tuple(argument for argument in config.args if _is_ours(argument))
    if ids:
        config.args = [argument for argument in config.args if argument not in ids]
        named = tuple(f"{without_slash(uri)}::{rest}" for uri, rest in map(_parted, ids))
        return Selection(uris=tuple(dict.fromkeys(_parted(one)[0] for one in named)), ids=named)
    given = config.getoption(BY_NAME[URI].key) or _server_alone(config)
    if given and config.args_source is not config.ArgsSource.ARGS:
        config.args = []
        return Selection(uris=tuple(dict.fromkeys(map(without_slash, given))))
    return None


def _server_alone(config: pytest.Config) -> tuple[str, ...]:
    """Return how the model of a server is called of which nothing else is known."""
    if not config.getoption(BY_NAME[URL].key) or uris_from(config, os.environ):
        return ()
    from ..discovered import uri_of

    return (uri_of(settings_from(config, os.environ)),)


def _is_ours(argument: str) -> bool:
    """Tell whether an argument is the id of an item of the contract; backends are looked up only where it may be."""
    uri, rest = _parted(argument)
    if not uri or not rest or Path(uri).suffix == ".py":
        return False
    from ..server.backends import backend_names

    return set(_servers_in(argument)) <= set(backend_names())


def _servers_in(nodeid: str) -> list[str]:
    return _parted(nodeid)[1].partition("::")[0].split(TOGETHER)


def _parted(nodeid: str) -> tuple[str, str]:
    """Return the URI at the beginning of an id, and what follows it."""
    host = _IPV6_HOST.match(nodeid)
    start = host.end() if host else 0
    uri, _, rest = nodeid[start:].partition("::")
    return f"{nodeid[:start]}{uri}", rest
