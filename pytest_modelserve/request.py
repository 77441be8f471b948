"""What one test asks for: a model URI, where relative ones begin, and the settings of its marker."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from .errors import SettingError
from .model.uri import LOCAL_SCHEME, parse_uri
from .option import SERVED_MODEL, SERVER

_NO_KEYWORDS: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Request:
    """A model as one test asks for it: two that are equal share a server.

    Attributes:
        uri: As the user wrote it, but for a slash at its end, which shells add to directories.
        directory: Where it begins if it is a relative path.
        overrides: The marker's keywords.
        identity: The same for equal keywords; unlike them it can be hashed.
    """

    uri: str
    directory: Path
    overrides: Mapping[str, Any] = field(default_factory=lambda: _NO_KEYWORDS, compare=False)
    identity: Hashable = ()

    @classmethod
    def of_marker(cls, mark: pytest.Mark, directory: Path) -> Request:
        """Return the request that a `served_model` marker makes.

        Raises:
            SettingError: It names no model.
        """
        overrides = dict(mark.kwargs)
        named = (*mark.args, overrides.pop("uri")) if "uri" in overrides else mark.args
        if len(named) != 1 or not isinstance(named[0], str | os.PathLike):
            raise SettingError(
                f"the marker served_model takes one model URI, not {', '.join(map(repr, named)) or 'none'}",
                fix='Write @pytest.mark.served_model("models/churn", env_manager="local").',
            )
        uri = without_slash(os.fspath(named[0]))
        return cls(uri, directory, overrides, _hashable(overrides))

    def on(self, server: str) -> Request:
        """Return the request of the same model on one backend."""
        overrides = {**self.overrides, SERVER: server}
        return Request(self.uri, self.directory, overrides, _hashable(overrides))

    def on_any(self) -> Request:
        """Return the request of the same model on whatever backend the run asks for."""
        overrides = {name: value for name, value in self.overrides.items() if name != SERVER}
        return Request(self.uri, self.directory, overrides, _hashable(overrides))

    @property
    def location(self) -> str:
        """Return the URI as it is followed: a relative path begins at `directory`, wherever the process is now.

        Raises:
            ModelUriError: The URI is malformed.
        """
        if self.directory == Path.cwd():
            return self.uri  # messages then name it as the user did
        beside = os.path.join(self.directory, self.uri)  # noqa: PTH118 - a Path would drop `./` and `//`
        if os.path.exists(beside):  # noqa: PTH110 - False, where Path raises for a name that is too long
            return beside
        is_path = parse_uri(self.uri).scheme == LOCAL_SCHEME and not self.uri.lower().startswith(
            (f"{LOCAL_SCHEME}:", "~")
        )
        return beside if is_path else self.uri


ASKED: Final[pytest.StashKey[tuple[Request, ...]]] = pytest.StashKey()  # by items that have no fixtures


def asked_by(item: pytest.Item) -> tuple[Request, ...]:
    """Return the models that a test is served."""
    callspec = getattr(item, "callspec", None)
    asked = None if callspec is None else callspec.params.get(SERVED_MODEL)
    return item.stash.get(ASKED, ()) if asked is None else (asked,)


def without_slash(uri: str) -> str:
    """Return a URI without slashes at its end, so that a model has one name however a shell completes it."""
    return uri.rstrip("/") or uri


def _hashable(value: object) -> Hashable:
    """Return what is equal for equal values and can be hashed, whatever a marker holds."""
    if isinstance(value, Mapping):
        return frozenset((str(key), _hashable(item)) for key, item in value.items())
    if isinstance(value, list | tuple | set):
        return tuple(_hashable(item) for item in value)
    try:
        hash(value)
    except TypeError:
        return id(value)  # the request keeps it alive
    return value
