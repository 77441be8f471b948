"""Which checks a run asks for, by name or by preset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import SettingError, did_you_mean
from ..model.mlmodel import Model
from .check import Check
from .table import BY_NAME, PRESETS, applying


def chosen(model: Model, names: Iterable[str], *, n_servers: int = 1) -> Iterator[tuple[Check, str]]:
    """Yield the checks that were asked for and apply to a model, with each of their variants.

    Args:
        model: As it was read.
        names: Of checks or presets.
        n_servers: How many servers are looked at; several are compared.

    Raises:
        SettingError: A name is none of them.
    """
    wanted = tuple(names)
    require_known(wanted)
    for check, variant in applying(model, n_servers=n_servers):
        if check.name in wanted or check.presets & set(wanted):
            yield check, variant


def require_known(names: Iterable[str]) -> None:
    """Make sure that every name is that of a check or of a preset.

    Raises:
        SettingError: One is not.
    """
    for name in names:
        if name not in BY_NAME and name not in PRESETS:
            raise SettingError(f"there is no check named {name!r}", fix=did_you_mean(name, (*PRESETS, *BY_NAME)))


def require_checks(names: Iterable[str]) -> None:
    """Make sure that every name is that of a check.

    Raises:
        SettingError: One is not.
    """
    for name in names:
        if name not in BY_NAME:
            raise SettingError(f"there is no check named {name!r}", fix=did_you_mean(name, BY_NAME))
