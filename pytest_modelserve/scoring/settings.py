"""The file `serve.json`: what one scoring server serves, and its limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..signature.parse import parse_signature
from ..signature.specs import ColumnSchema, Signature

_SIGNATURE_SIDES: Final = frozenset({"inputs", "outputs", "params"})


class SettingsError(Exception):
    """Report a `serve.json` that cannot be used; the message names the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """What one scoring server serves.

    Attributes:
        model_dir: The model directory.
        model_uri: As the user gave it, for the title of the pages.
        mlmodel_digest: The digest of the model directory.
        worker_python: The interpreter of the model's environment.
        worker_env: The complete environment of the worker.
        isolated: Whether the worker runs with `-I`.
        loader: The python_function flavor of the MLmodel file.
        signature: What the model declares; None where it has no signature.
        input_example: The body of the serving input example, None where the model has none.
        calls_file: Where the worker writes its call records.
        predict_timeout_s: How long one prediction may take.
        load_timeout_s: How long loading may take.
        max_body_bytes: The longest body that is read.
        predict_threads: How many predictions may run at the same time.
        v2_name: The name of the model in the Open Inference Protocol (V2).
    """

    model_dir: Path
    model_uri: str
    mlmodel_digest: str
    worker_python: Path
    worker_env: Mapping[str, str]
    isolated: bool
    loader: Mapping[str, object]
    signature: Signature | None
    input_example: object
    calls_file: Path
    predict_timeout_s: float
    load_timeout_s: float
    max_body_bytes: int
    predict_threads: int
    v2_name: str

    @property
    def hands_tables(self) -> bool:
        """Tell whether the model receives data frames."""
        signature = self.signature
        return signature is not None and isinstance(signature.inputs, ColumnSchema) and not signature.is_from_type_hint


def read_settings(path: Path) -> ServeSettings:
    """Read `serve.json`; relative paths in it start from its directory.

    Every key must be there, and no other: the file is written by a program, and a slip must not become a default.

    Raises:
        SettingsError: It is no JSON object, lacks a key, has an unknown one, or one of another type.
        SignatureError: The signature is not one that MLflow could have written.
        OSError: It cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as broken:
        raise SettingsError(f"{path.name} is not JSON: {broken}") from None
    values = _Values(path.name, content)
    settings = ServeSettings(
        model_dir=Path(values.take("model_dir", str)),
        model_uri=values.take("model_uri", str),
        mlmodel_digest=values.take("mlmodel_digest", str),
        worker_python=Path(values.take("worker_python", str)),
        worker_env=values.take_texts("worker_env"),
        isolated=values.take("isolated", bool),
        loader=values.take("loader", dict),
        signature=_read_signature(values),
        input_example=values.take("input_example", object),
        calls_file=path.resolve().parent / values.take("calls_file", str),
        predict_timeout_s=values.take_positive("predict_timeout_s", float),
        load_timeout_s=values.take_positive("load_timeout_s", float),
        max_body_bytes=values.take_positive("max_body_bytes", int),
        predict_threads=values.take_positive("predict_threads", int),
        v2_name=values.take("v2_name", str),
    )
    values.require_all_taken()
    return settings


def _read_signature(values: _Values) -> Signature | None:
    sides = values.take("signature", dict)
    is_hinted = values.take("is_signature_from_type_hint", bool)
    if unknown := sorted(sides.keys() - _SIGNATURE_SIDES):
        raise SettingsError(f"signature in {values.name} has the unknown key {unknown[0]!r}")
    if all(side is None for side in sides.values()):
        return None
    return parse_signature(sides, is_from_type_hint=is_hinted)


class _Values:
    """The keys of a file, each taken once and by its type."""

    def __init__(self, name: str, content: object) -> None:
        if not isinstance(content, dict):
            raise SettingsError(f"{name} must hold a JSON object, not {type(content).__name__}")
        self.name = name
        self._rest = dict(content)

    def take(self, key: str, kind: type) -> Any:  # noqa: ANN401 - JSON
        if key not in self._rest:
            raise SettingsError(f"{self.name} lacks {key!r}")
        value = self._rest.pop(key)
        is_number = kind in {int, float} and isinstance(value, bool)
        if is_number or not isinstance(value, (int, float) if kind is float else kind):
            raise SettingsError(f"{key!r} in {self.name} must be {_readable(kind)}, not {value!r:.80}")
        return value

    def take_texts(self, key: str) -> dict[str, str]:
        texts: dict[str, Any] = self.take(key, dict)
        if stray := [name for name, value in texts.items() if not isinstance(value, str)]:
            raise SettingsError(f"{key}.{stray[0]} in {self.name} must be a text")
        return texts

    def take_positive(self, key: str, kind: type) -> Any:  # noqa: ANN401 - JSON
        value = self.take(key, kind)
        if value <= 0:
            raise SettingsError(f"{key!r} in {self.name} must be positive, not {value!r}")
        return value

    def require_all_taken(self) -> None:
        if self._rest:
            raise SettingsError(f"{self.name} has the unknown key {min(self._rest)!r}")


def _readable(kind: type) -> str:
    return re.sub(r"^dict$", "an object", kind.__name__)
