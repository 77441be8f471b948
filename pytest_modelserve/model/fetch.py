"""Bring a model URI to a local directory that holds an MLmodel file."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from ..errors import ModelUriError
from .uri import LOCAL_SCHEME, ModelUri, parse_uri, suggested_uri

MLMODEL_FILE: Final = "MLmodel"
_MAX_SUGGESTIONS: Final = 3  # more names than this are no help in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedModel:
    """Where a model URI led.

    Attributes:
        uri: The URI as it was given.
        resolved: What it stands for now: a registry alias is replaced by its version, a path is absolute.
        path: The local directory, absolute, with an MLmodel file in it.
    """

    uri: str
    resolved: str
    path: Path


class Fetcher(Protocol):
    """Brings the URIs of some schemes to this machine."""

    def fetch(self, uri: ModelUri) -> FetchedModel:
        """Return a local directory that holds the model.

        Raises:
            ModelUriError: If there is no model at that URI.
        """
        ...


class LocalFetcher:
    """Finds a model on this machine; nothing is copied."""

    def fetch(self, uri: ModelUri) -> FetchedModel:
        """Return the directory itself, once an MLmodel file was seen in it.

        Raises:
            ModelUriError: If there is no such directory, it cannot be read, or holds no MLmodel file.
        """
        path = uri.local_path
        if path is None:
            raise ModelUriError(f"{uri.text} is not on this machine", facts={"scheme": uri.scheme})
        try:
            _require_model_directory(uri, path)
        except OSError as error:
            raise ModelUriError(
                f"the model directory {uri.text} cannot be read: {error.strerror or error}",
                facts={"path": path, "file": error.filename or path},
                fix="Make it readable for the user who runs the tests.",
            ) from error
        return FetchedModel(uri=uri.text, resolved=str(path), path=path)


LOCAL_ONLY: Final[Mapping[str, Fetcher]] = MappingProxyType({LOCAL_SCHEME: LocalFetcher()})


def fetch_model(uri: str, fetchers: Mapping[str, Fetcher] = LOCAL_ONLY) -> FetchedModel:
    """Bring a model URI to a local directory, by the fetcher for its scheme.

    Raises:
        ModelUriError: If there is no model at that URI, or no fetcher for its scheme.
    """
    parsed = parse_uri(uri)
    fetcher = fetchers.get(parsed.scheme)
    if fetcher is None:
        raise _no_fetcher(parsed, fetchers)
    return fetcher.fetch(parsed)


def _require_model_directory(uri: ModelUri, path: Path) -> None:
    names = _names_in(uri, path)
    if MLMODEL_FILE in names and (path / MLMODEL_FILE).is_file():
        return
    below = sorted(str(path / name) for name in names if (path / name / MLMODEL_FILE).is_file())
    near = sorted(name for name in names if name.lower() == MLMODEL_FILE.lower() and name != MLMODEL_FILE)
    if below:
        fix = f"Did you mean {' or '.join(below[:_MAX_SUGGESTIONS])} ?"
    elif near:
        fix = f"The file must be called {MLMODEL_FILE}, and is called {near[0]} here."
    else:
        fix = "Give the directory that mlflow wrote with save_model or log_model."
    raise ModelUriError(
        f"{uri.text} is no model directory: it holds no {MLMODEL_FILE} file",
        facts={"path": path, "holds": _listed(names)},
        fix=fix,
    )


def _names_in(uri: ModelUri, path: Path) -> list[str]:
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - names are all that is needed
    except FileNotFoundError:
        raise _missing(uri, path) from None
    except NotADirectoryError:
        raise _not_a_directory(uri, path) from None


def _missing(uri: ModelUri, path: Path) -> ModelUriError:
    logged = suggested_uri(uri.text)
    if path.is_symlink():
        return ModelUriError(
            f"{uri.text} is a link to nothing",
            facts={"path": path, "target": path.readlink()},
            fix="Point the link at a model directory, or give the directory itself.",
        )
    parent = next(folder for folder in path.parents if folder.is_dir())
    missing = path.relative_to(parent).parts[0]
    names = sorted(entry.name for entry in parent.iterdir() if entry.is_dir())
    near = [str(parent / name) for name in difflib.get_close_matches(missing, names, n=_MAX_SUGGESTIONS)]
    fix = (
        f"Did you mean {' or '.join(near)} ?" if near else "Check the path; a relative one starts at the folder below."
    )
    return ModelUriError(
        f"there is no model at {uri.text}",
        facts={"path": path, "missing": f"{missing!r} in {parent}", "folder": Path.cwd()},
        fix=f"Did you mean {logged} ?" if logged else fix,
    )


def _not_a_directory(uri: ModelUri, path: Path) -> ModelUriError:
    if path.is_file():
        what = "a file"
        fix = (
            f"Did you mean {path.parent} ?"
            if path.name == MLMODEL_FILE
            else "Give a directory; unpack the model first where this is an archive."
        )
    else:
        what = "no directory"
        fix = "One of the folders in that path is a file: check the path."
    return ModelUriError(
        f"{uri.text} is {what}; a model URI names the directory that holds an {MLMODEL_FILE} file",
        facts={"path": path},
        fix=fix,
    )


def _no_fetcher(uri: ModelUri, fetchers: Mapping[str, Fetcher]) -> ModelUriError:
    return ModelUriError(
        f"{uri.text} cannot be fetched: {uri.scheme}: URIs come through MLflow, which this version does not ask",
        facts={"uri": uri.text, "scheme": f"{uri.scheme}:", "works": _works(fetchers)},
        fix=f"Run: mlflow artifacts download --artifact-uri {shlex.quote(uri.text)} --dst-path ./model"
        " and give the path that it prints.",
    )


def _works(fetchers: Mapping[str, Fetcher]) -> str:
    schemes = ", ".join(f"{scheme}:" for scheme in sorted(fetchers))
    return f"a path, and URIs with {schemes}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:10]) or "nothing"  # ten names tell what kind of folder it is
    return f"{shown}, and {len(names) - 10} more" if len(names) > 10 else shown
