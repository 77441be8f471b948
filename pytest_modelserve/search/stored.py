"""Cases that broke the contract, as files: replayed first on the next run, by hand, and kept as regression cases.

A case is two files: `ID.json` says what it is, `ID.body` holds the exact bytes that were sent, for curl.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ..cases import Case, Document, Envelope, Expectation, Level, RawBody, Table, Tensors
from ..errors import ModelServeError
from ..model.example_rows import payload_of
from ..signature import Signature
from ..wire.envelopes import encode
from ..wire.json_text import parse_json

SCHEMA: Final = "modelserve-case/1"
_ID_DIGITS: Final = 12  # 48 bits: no two cases of one project collide
_KINDS: Final[Mapping[Envelope, str]] = {Envelope.DATAFRAME_SPLIT: "dataframe"}  # as MLflow names the form of examples
_IGNORE: Final = ".gitignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCase:
    """A case that broke the contract, with all that it takes to send it again.

    Attributes:
        uri: Of the model, as it was given.
        check: The check that it broke, with its variant in brackets.
        key: Of the failure, held fixed while the case was made small.
        title: Of the failure.
        rule: The contract's rule that it exercises.
        expectation: What the server must do.
        label: What is special about it.
        level: Of its farthest value.
        envelope: How its rows are wrapped, empty where the body is no envelope.
        method: Of the request.
        path: Of the request.
        content_type: Of the request; None sends none.
        body: The exact bytes.
        seed: Of the search that found it.
        digests: Of the model and of its environment.
        versions: Of what the result depends on.
    """

    uri: str
    check: str
    key: str
    title: str
    rule: str
    expectation: str
    label: str
    level: int
    envelope: str
    method: str
    path: str
    content_type: str | None
    body: bytes
    seed: int
    digests: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return a name that the same failure of the same model by the same bytes always has."""
        told = "\0".join((name_of(self.uri), self.check, self.key, self.method, self.path, self.content_type or ""))
        return hashlib.sha256(told.encode("utf-8", "surrogatepass") + b"\0" + self.body).hexdigest()[:_ID_DIGITS]


class CaseStore:
    """The stored cases of a folder.

    Args:
        folder: Where they are; made when the first one is written.
        is_scratch: Whether version control is to leave it alone.
    """

    def __init__(self, folder: Path, *, is_scratch: bool = True) -> None:
        self.folder = folder
        self._is_scratch = is_scratch

    def write(self, stored: StoredCase) -> Path:
        """Write a case and return the path of its body; both files are replaced as a whole.

        Raises:
            OSError: It cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        ignore = self.folder / _IGNORE
        if self._is_scratch and not ignore.exists():
            _replace(ignore, b"*\n")
        document = {"schema": SCHEMA, "id": stored.id, **asdict(stored)}
        del document["body"]
        body = self.body_path(stored.id)
        _replace(body, stored.body)
        _replace(self._path(stored.id), json.dumps(document, indent=2).encode() + b"\n")
        return body

    def read(self, case_id: str) -> StoredCase:
        """Return a case by its id, or by the first characters of it that no other has.

        Raises:
            ModelServeError: There is none, there are several, or its files are broken.
        """
        found = sorted(self.folder.glob(f"{case_id}*.json")) if case_id.isalnum() else []
        if len(found) != 1:
            known = ", ".join(path.stem for path in found) or "none"
            raise ModelServeError(
                f"{len(found)} stored cases have the id {case_id!r}",
                facts={"folder": self.folder, "found": known},
                fix="Give an id as a failure shows it.",
            )
        return _read(found[0])

    def holds(self, case_id: str) -> bool:
        """Tell whether there is a case of this id, or of these first characters of one."""
        return case_id.isalnum() and any(self.folder.glob(f"{case_id}*.json"))

    def ids(self) -> frozenset[str]:
        """Return the ids of all cases that are there now."""
        return frozenset(path.stem for path in self.folder.glob("*.json"))

    def all_of(self, uri: str) -> Iterator[StoredCase]:
        """Yield the cases of a model, of any of its versions, in the same order each time.

        Raises:
            ModelServeError: A file is broken.
        """
        for path in sorted(self.folder.glob("*.json")):
            stored = _read(path)
            if name_of(stored.uri) == name_of(uri):
                yield stored

    def remove(self, stored: StoredCase) -> None:
        """Remove a case; one that another process removed is no error."""
        self._path(stored.id).unlink(missing_ok=True)
        self.body_path(stored.id).unlink(missing_ok=True)

    def body_path(self, case_id: str) -> Path:
        """Return where the bytes of a case are."""
        return self.folder / f"{case_id}.body"

    def _path(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.json"


def name_of(uri: str) -> str:
    """Return what a model is called over its versions: a registry URI without its version or alias."""
    if not uri.startswith("models:/"):
        return uri
    name = uri.partition("@")[0]
    head, slash, version = name.rpartition("/")
    return head if slash and head != "models:" and version.isdecimal() else name


def as_case(stored: StoredCase, signature: Signature | None) -> Case:
    """Return the case that sends the stored bytes: of typed rows where these are read back, else of raw bytes."""
    payload = _rows(stored, signature)
    params: Mapping[str, object] = {}
    if payload is None:
        raw = RawBody(body=stored.body, content_type=stored.content_type, method=stored.method, path=stored.path)
        return _case(stored, raw, params)
    document = parse_json(stored.body)
    if isinstance(document, dict) and isinstance(document.get("params"), dict):
        params = document["params"]
    return _case(stored, payload, params)


def _case(stored: StoredCase, payload: Table | Tensors | RawBody, params: Mapping[str, object]) -> Case:
    return Case(
        payload=payload,
        envelope=Envelope(stored.envelope) if stored.envelope else Envelope.DATAFRAME_SPLIT,
        params=params,
        expectation=Expectation(stored.expectation),
        rule=stored.rule,
        label=stored.label,
        level=Level(stored.level),
    )


def _rows(stored: StoredCase, signature: Signature | None) -> Table | Tensors | None:
    """Return the rows of a body, or None where they would not be sent as the same bytes again."""
    if not stored.envelope or signature is None or signature.inputs is None:
        return None
    envelope = Envelope(stored.envelope)
    try:
        document = parse_json(stored.body)
        rows = payload_of(
            document[envelope.value] if isinstance(document, dict) else document,
            _KINDS.get(envelope, "ndarray"),
            signature.inputs,
        )
        params = document.get("params", {}) if isinstance(document, dict) else {}
        if rows.payload is None:
            return None
        body, _ = encode(rows.payload, envelope, params, signature=signature)
    except (ModelServeError, KeyError, TypeError, ValueError):
        return None
    return rows.payload if body == stored.body else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WireForm:
    """How a case goes over the wire; the attributes are those of `StoredCase`."""

    body: bytes
    content_type: str | None
    method: str = "POST"
    path: str = "/invocations"
    envelope: str = ""


def stored_form(case: Case, signature: Signature | None) -> WireForm:
    """Return how a case goes over the wire.

    Raises:
        EncodeError: The case's envelope cannot carry its payload.
    """
    body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
    if isinstance(case.payload, RawBody):
        return WireForm(body=body, content_type=content_type, method=case.payload.method, path=case.payload.path)
    envelope = "" if isinstance(case.payload, Document) else case.envelope.value
    return WireForm(body=body, content_type=content_type, envelope=envelope)


def _read(path: Path) -> StoredCase:
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        schema, named = document.pop("schema"), document.pop("id")
        stored = StoredCase(**document, body=path.with_suffix(".body").read_bytes())
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(path, str(error)) from error
    if (schema, named) != (SCHEMA, stored.id):
        raise _unreadable(path, f"it is no {SCHEMA}, or was changed since it was written")
    return stored


def _unreadable(path: Path, why: str) -> ModelServeError:
    return ModelServeError(
        f"the stored case {path.name} cannot be read: {why}",
        facts={"file": path},
        fix="Remove it: the search finds again what is still wrong.",
    )


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
