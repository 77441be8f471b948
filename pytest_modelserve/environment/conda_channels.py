"""Where conda's packages come from: the channels of conda.yaml, and the places that the user has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from typing import Final

from .conda_file import CondaSpec, MatchSpec, with_variables
from .indexes import as_identity, secrets_named, without_credentials

ALL: Final = "*"  # in place of a channel's name: where all channels are that have no place of their own
_ALIAS: Final = "https://conda.anaconda.org"  # where conda has channels that are given by name
_DEFAULTS: Final = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")  # what `defaults` means


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaSettings:
    """How the `conda` manager works.

    Attributes:
        executable: The user's conda, mamba or micromamba; None looks for one.
        places: Channel names to addresses in their place: a mirror, or a `file://` channel.
    """

    executable: Path | None = None
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The channels of one conda.yaml.

    Attributes:
        spec: The file.
        places: As of `CondaSettings`.
        env: Variables that addresses may name.
    """

    spec: CondaSpec
    places: Mapping[str, str]
    env: Mapping[str, str]

    @property
    def named(self) -> tuple[str, ...]:
        """Return the channels in the order of their priority; those that only a package names come last."""
        of_packages = (each.channel for each in self.spec.packages if each.channel)
        return tuple(dict.fromkeys([*(self.spec.channels or ("defaults",)), *of_packages]))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return where they are; `defaults`, which is two channels, is spelled out."""
        return tuple(dict.fromkeys(address for name in self.named for address in self._addresses_of(name)))

    @property
    def is_moved(self) -> bool:
        """Whether the user has another place for one of them."""
        return any(self._place_of(name) for name in self.named)

    def as_written(self) -> tuple[str, ...]:
        """Return them for conda itself, which knows its own names: only what the user has moved is an address."""
        return tuple(self._place_of(name) or self._local(name) for name in self.named)

    def spec_text(self, package: MatchSpec, *, is_spelled_out: bool) -> str:
        """Return a match spec with its channel, as an address if that is asked for or the channel was moved."""
        if not package.channel:
            return package.text
        place = self._place_of(package.channel)
        if is_spelled_out and not place:
            place = self._addresses_of(package.channel)[0]
        return f"{place or self._local(package.channel)}::{package.text}"

    def identity(self) -> tuple[str, ...]:
        """Return what of them decides an environment: the addresses, without what only lets one in.

        Variables stay names: the token of a CI job is another in each, and would have each build anew.
        """
        return tuple(as_identity(address) for address in replace(self, env={}).addresses)

    def secrets(self) -> tuple[str, ...]:
        """Return the values of the variables that addresses name: conda writes them wherever it writes an address."""
        texts = (*self.named, *self.places.values())
        found = (match for text in texts for match in Template.pattern.finditer(text))
        names = (match["named"] or match["braced"] for match in found)
        return secrets_named(filter(None, names), self.env)

    def _addresses_of(self, name: str) -> tuple[str, ...]:
        if place := self._place_of(name):
            return (place,)
        if name == "defaults":
            return _DEFAULTS
        local = self._local(name)
        return (local if "://" in local else f"{_ALIAS}/{local}",)

    def _place_of(self, name: str) -> str:
        if name in self.places:
            return self.places[name].rstrip("/")
        if ALL in self.places and "://" not in name and not _is_path(name):
            return f"{self.places[ALL].rstrip('/')}/{name}"
        return ""

    def _local(self, name: str) -> str:
        """Return a channel that is a folder by its address; beside the model, if it is relative."""
        filled = with_variables(name, self.env)
        return (self.spec.directory / filled).resolve().as_uri() if _is_path(filled) else filled.rstrip("/")


def shown(address: str) -> str:
    """Return an address for reading: without password and token."""
    return without_credentials(address, "")


def as_flags(places: Mapping[str, str]) -> Iterator[str]:
    """Yield what the user writes for places, as `NAME=ADDRESS`."""
    return (f"{name}={shown(address)}" for name, address in places.items())


def _is_path(name: str) -> bool:
    return name.startswith(("/", "./", "../")) or name in {".", ".."}
