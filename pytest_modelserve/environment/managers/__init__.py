"""The ways to restore an environment, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Final

from ...errors import EnvironmentBroken
from ..restoration import EnvManager
from .conda import Conda
from .local import Local
from .uv import Uv
from .virtualenv import Virtualenv

MANAGERS: Final[Mapping[str, Callable[[], EnvManager]]] = {
    "conda": Conda,
    "local": Local,
    "uv": Uv,
    "virtualenv": Virtualenv,
}


def manager_named(name: str) -> EnvManager:
    """Give the manager of a name.

    Raises:
        EnvironmentBroken: If there is none of that name; it lists those there are.
    """
    if name in MANAGERS:
        return MANAGERS[name]()
    known = ", ".join(MANAGERS)
    near = difflib.get_close_matches(name, MANAGERS, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise EnvironmentBroken(
        f"there is no env manager {name!r}; there are {known}",
        facts={"asked for": name, "managers": known},
        fix=f"{meant}Choose one of {known}.",
    )
