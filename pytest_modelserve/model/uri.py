"""Tell what a model URI names: a local directory, or something that MLflow has to fetch."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ..errors import ModelUriError

LOCAL_SCHEME: Final = "file"
REMOTE_SCHEMES: Final = (  # what MLflow's artifact repositories take, its own two first
    "models",
    "runs",
    "mlflow-artifacts",
    "s3",
    "r2",
    "b2",
    "gs",
    "wasb",
    "wasbs",
    "abfs",
    "abfss",
    "hdfs",
    "viewfs",
    "dbfs",
    "sftp",
    "ftp",
    "http",
    "https",
)

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")  # RFC 3986, section 3.1
_LOGGED_MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUri:
    """A model URI, read but not followed.

    Attributes:
        text: The URI as it was given, for messages and ids.
        scheme: `file` for every local path, else one of `REMOTE_SCHEMES`.
        local_path: The directory that a local URI names, absolute, not looked at yet; None for the other schemes.
    """

    text: str
    scheme: str
    local_path: Path | None = None


def parse_uri(text: str) -> ModelUri:
    """Read a path (relative, absolute, `~`), a `file:` URI or a URI that MLflow resolves.

    A name with a colon that exists in the working directory is that directory.

    Raises:
        ModelUriError: If it is empty, malformed, or has a scheme that nobody knows.
    """
    if not text.strip() or "\0" in text:
        raise ModelUriError(
            f"{text!r} is no model URI", fix="Give a directory that holds an MLmodel file, such as ./model."
        )
    match = _SCHEME.match(text)
    if match is None or os.path.exists(text):  # noqa: PTH110 - False, where Path raises for a name that is too long
        return ModelUri(text=text, scheme=LOCAL_SCHEME, local_path=_path(text))
    scheme = match[1].lower()
    if scheme == LOCAL_SCHEME:
        return ModelUri(text=text, scheme=scheme, local_path=_file_uri_path(text))
    if scheme in REMOTE_SCHEMES:
        return ModelUri(text=text, scheme=scheme)
    raise _unknown_scheme(text, match[1])


def suggested_uri(text: str) -> str | None:
    """Return the URI that a text without scheme stands for where it is the bare id of a logged model."""
    return f"models:/{text}" if _LOGGED_MODEL_ID.fullmatch(text) else None


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:  # `~name` of a user that this machine does not have
        raise ModelUriError(
            f"the home directory in {text!r} is not known", facts={"reason": error}, fix="Give the path in full."
        ) from error


def _file_uri_path(text: str) -> Path:
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"}:
        raise ModelUriError(
            f"{text!r} names the host {parts.netloc!r}, and a file URI can only name this machine",
            fix=f"Did you mean file:///{parts.netloc}{parts.path} ?",
        )
    if parts.query or parts.fragment:
        raise ModelUriError(
            f"{text!r} has a query or a fragment, which a file URI cannot have",
            facts={"query": parts.query, "fragment": parts.fragment},
            fix="Write `?` as %3F and `#` as %23, or give the plain path.",
        )
    path = unquote(parts.path)
    if not path or "\0" in path:
        raise ModelUriError(f"{text!r} names no path", fix="Write it as file:///path/to/model.")
    return Path(path).absolute()


def _unknown_scheme(text: str, scheme: str) -> ModelUriError:
    known = (LOCAL_SCHEME, *REMOTE_SCHEMES)
    near = difflib.get_close_matches(scheme.lower(), known, n=1)
    rest = text[len(scheme) + 1 :]
    return ModelUriError(
        f"{text!r} has the scheme {scheme!r}, which is none that MLflow knows",
        facts={"known": ", ".join(f"{name}:" for name in known)},
        fix=f"Did you mean {near[0]}:{rest} ?"
        if near
        else f"For a directory with a colon in its name write ./{text} instead.",
    )
