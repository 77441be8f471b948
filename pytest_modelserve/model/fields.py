"""Typed fields out of a YAML file: each error names the file, the field, its live value and the fix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from ..errors import MlmodelError

_LOG_AGAIN: Final = "Log the model again with mlflow, or correct the field by hand."
_MAX_SHOWN: Final = 200  # characters of a live value: enough to recognise it


class _PlainLoader(yaml.SafeLoader):
    """Builds plain data only, and leaves a date as its text, so that all of it is JSON."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads it from the class and never changes it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class Fields:
    """The fields of one YAML mapping, read by the type that they must have.

    Attributes:
        file: The file that they stand in.
        values: The mapping as plain data.
    """

    def __init__(self, file: Path, values: Mapping[str, object], node: yaml.MappingNode, *, within: str = "") -> None:
        self.file = file
        self.values = values
        self._within = within
        self._nodes = {key.value: value for key, value in node.value}

    def text(self, name: str) -> str | None:
        """Return a text as it stands in the file, though YAML would take it for a number or a date; None if null.

        So `python_version: 3.10` is "3.10", and a run id of digits stays what it is.

        Raises:
            MlmodelError: If it is a boolean, a list or a mapping.
        """
        value = self.values.get(name)
        if value is None:
            return None
        node = self._nodes.get(name)
        if isinstance(value, bool) or not isinstance(node, yaml.ScalarNode):
            raise self.error(name, "a text")
        return str(node.value)

    def required_text(self, name: str) -> str:
        """Return a text that must be there.

        Raises:
            MlmodelError: If it is missing, null, empty or no text.
        """
        value = self.text(name)
        if not value:
            raise self.error(name, "a text", missing=name not in self.values)
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, False where it is missing or null; MLflow writes some as text.

        Raises:
            MlmodelError: If it is anything but a boolean or the text of one.
        """
        value = self.values.get(name)
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self.error(name, "true or false")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts, empty where it is missing or null.

        Raises:
            MlmodelError: If it is no list, or one of its entries no text.
        """
        value = self.values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.error(name, "a list of texts")
        return tuple(value)

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return a mapping, empty where it is missing or null.

        Raises:
            MlmodelError: If it is no mapping, or has a key that is no text.
        """
        below = self.below(name)
        return {} if below is None else below.values

    def below(self, name: str) -> Fields | None:
        """Return the fields of a mapping one level down, None where it is missing or null.

        Raises:
            MlmodelError: If it is no mapping, or has a key that is no text.
        """
        value = self.values.get(name)
        if value is None:
            return None
        node = self._nodes.get(name)
        if not isinstance(value, dict) or not isinstance(node, yaml.MappingNode):
            raise self.error(name, "a mapping of names to values")
        if not all(isinstance(key, str) for key in value):
            raise self.error(name, "a mapping whose keys are texts")
        return Fields(self.file, value, node, within=self.path_of(name))

    def path_of(self, name: str) -> str:
        """Return a field's name with the names of the mappings around it, such as `flavors.sklearn.code`."""
        return f"{self._within}.{name}" if self._within else name

    def error(self, name: str, wanted: str, *, missing: bool = False, fix: str = _LOG_AGAIN) -> MlmodelError:
        """Return the error for a field that is not what it must be; the caller raises it."""
        field = self.path_of(name)
        if missing:
            happened = f"{self.file.name} has no `{field}`, which must be {wanted}"
        else:
            happened = f"`{field}` in {self.file.name} is {_kind(self.values.get(name))}, and must be {wanted}"
        facts: dict[str, object] = {"file": self.file, "field": field}
        if not missing:
            facts["value"] = _shown(self.values.get(name))
        return MlmodelError(happened, facts=facts, fix=fix)


def read_fields(file: Path) -> Fields:
    """Read a YAML file that holds one mapping.

    Raises:
        MlmodelError: If it cannot be read, is not UTF-8, no YAML, or no mapping.
    """
    text = _read_text(file)
    loader = _PlainLoader(text)
    try:
        node = loader.get_single_node()
        values = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a number that Python refuses
        raise MlmodelError(
            f"{file.name} is no YAML{_where(error)}",
            facts={"file": file, "reason": _reason(error)},
            fix="Log the model again with mlflow, or mend the file by hand at that place.",
        ) from error
    finally:
        loader.dispose()
    if not isinstance(values, dict) or not isinstance(node, yaml.MappingNode):
        raise MlmodelError(
            f"{file.name} holds {_kind(values)}, and must hold a mapping of names to values",
            facts={"file": file, "value": _shown(values)},
            fix="Log the model again with mlflow.",
        )
    return Fields(file, values, node)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise MlmodelError(
            f"{file.name} cannot be read: {error.strerror or error}",
            facts={"file": file},
            fix="Make it readable for the user who runs the tests.",
        ) from error
    except UnicodeDecodeError as error:
        raise MlmodelError(
            f"{file.name} is not UTF-8: byte {error.object[error.start]:#04x} at {error.start}",
            facts={"file": file},
            fix="Save the file as UTF-8.",
        ) from error


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"


def _reason(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a boolean", str: "a text", list: "a list", dict: "a mapping"}
    return names.get(type(value), f"a number ({type(value).__name__})" if isinstance(value, int | float) else "no text")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"
