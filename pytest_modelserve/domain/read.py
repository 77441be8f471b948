"""Read a domain from where users write it: a marker, pyproject.toml, a file of its own, or MLmodel metadata."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import json
import re
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Final, NoReturn

from ..errors import DomainError
from .spec import ColumnDomain, Domain, Origin

tomllib: ModuleType = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_KEYS: Final = tuple(field.name for field in dataclasses.fields(ColumnDomain))


def from_table(table: object, *, origin: Origin, place: str) -> Domain:
    """Return the domain that a table of columns declares.

    Args:
        table: Column name to a table of `min max values pattern max_length nullable unique`, or to a list of values,
            or to a ColumnDomain.
        origin: Who declares it.
        place: Where it stands, as errors name it.

    Raises:
        DomainError: The table is no table, names an unknown key, or holds a value that no domain can have.
    """
    if not isinstance(table, Mapping):
        raise DomainError(
            f"the domain in {place} is {type(table).__name__}, not a table of columns",
            facts={"place": place, "value": repr(table)[:200]},
            fix="Write one table a column, such as: age = { min = 0, max = 120 }",
        )
    columns = {str(name): _column(said, place, str(name)) for name, said in table.items()}
    return Domain(columns=columns, origins=dict.fromkeys(columns, origin), places=dict.fromkeys(columns, place))


def read_file(path: Path) -> Domain:
    """Return the domain that a TOML, JSON or YAML file declares, told apart by its suffix.

    In a pyproject.toml the table is `[tool.modelserve.domain]`; elsewhere columns stand at the top.

    Raises:
        DomainError: The file is missing, has another suffix, cannot be parsed, or declares no domain.
    """
    if path.name == "pyproject.toml":
        return _from_pyproject(path, Origin.FILE)
    return from_table(_document(path), origin=Origin.FILE, place=str(path))


def read_ini(path: Path) -> Domain:
    """Return the domain in `[tool.modelserve.domain]` of a pyproject.toml, empty where there is none.

    Raises:
        DomainError: The file cannot be parsed, or declares no domain.
    """
    return _from_pyproject(path, Origin.INI)


def from_metadata(metadata: Mapping[str, object] | None) -> Domain:
    """Return the domain in the `metadata` of MLmodel, under `modelserve.domain` or nested; empty where there is none.

    Raises:
        DomainError: The metadata declares what is no domain.
    """
    said = metadata or {}
    nested = said.get("modelserve")
    table = said.get("modelserve.domain", nested.get("domain") if isinstance(nested, Mapping) else None)
    return Domain() if table is None else from_table(table, origin=Origin.METADATA, place="MLmodel metadata")


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return a sentence that offers the closest known name, or lists them all."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'Did you mean "{close[0]}"?' if close else f"Known are: {', '.join(known)}"


def _from_pyproject(path: Path, origin: Origin) -> Domain:
    document = _document(path)
    for key in ("tool", "modelserve", "domain"):
        document = document.get(key, {}) if isinstance(document, Mapping) else {}
    return from_table(document, origin=origin, place=f"{path} [tool.modelserve.domain]")


def _document(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DomainError(
            f"the domain file {path} cannot be read: {error.strerror}", facts={"file": path}, fix="Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise DomainError(
            f"the domain file {path} is not UTF-8 at byte {error.start}", facts={"file": path}, fix="Save it as UTF-8."
        ) from error
    try:
        return _parsed(path, text)
    except ValueError as error:  # TOMLDecodeError and JSONDecodeError are ValueErrors
        raise DomainError(
            f"the domain file {path} cannot be parsed: {error}", facts={"file": path}, fix="Correct the file."
        ) from error


def _parsed(path: Path, text: str) -> object:
    suffix = path.suffix.lower()
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix == ".json":
        return json.loads(text)
    if suffix in {".yaml", ".yml"}:
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    raise DomainError(
        f'the domain file {path} has the suffix "{path.suffix}"',
        facts={"file": path},
        fix="Use .toml, .json or .yaml.",
    )


def _column(said: object, place: str, name: str) -> ColumnDomain:
    if isinstance(said, ColumnDomain):
        return _consistent(said, place, name)
    if isinstance(said, list | tuple):
        said = {"values": said}
    if not isinstance(said, Mapping):
        _wrong(place, name, "", said, "a table or a list of values")
    for key in said:
        if key not in _KEYS:
            raise DomainError(
                f'column "{name}" in {place} has the unknown domain key "{key}"',
                facts={"place": place, "column": name, "key": key},
                fix=did_you_mean(str(key), _KEYS),
            )
    for key, value in said.items():
        _check_key(place, name, str(key), value)
    values = said.get("values")
    column = ColumnDomain(**{**said, "values": None if values is None else tuple(values)})
    return _consistent(column, place, name)


def _check_key(place: str, name: str, key: str, value: object) -> None:
    if key in {"nullable", "unique"} and not isinstance(value, bool):
        _wrong(place, name, key, value, "true or false")
    if key == "max_length" and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        _wrong(place, name, key, value, "a whole number from 0")
    if key == "values" and not (isinstance(value, list | tuple) and value):
        _wrong(place, name, key, value, "a list of at least one value")
    if key == "pattern" and not _is_pattern(value):
        _wrong(place, name, key, value, "a regular expression")
    if key in {"min", "max"} and (isinstance(value, bool | list | Mapping) or value is None):
        _wrong(place, name, key, value, "a number or a datetime")


def _is_pattern(value: object) -> bool:
    try:
        re.compile(value if isinstance(value, str) else "(")
    except re.error:
        return False
    return True


def _consistent(column: ColumnDomain, place: str, name: str) -> ColumnDomain:
    low, high = column.min, column.max
    if low is None or high is None:
        return column
    try:
        is_empty = low > high  # type: ignore[operator]  # where they cannot be compared it raises
    except TypeError:
        _wrong(place, name, "max", high, f"of the type of min ({type(low).__name__})")
    if is_empty:
        raise DomainError(
            f'column "{name}" in {place} has min {low} above max {high}',
            facts={"place": place, "column": name, "min": low, "max": high},
            fix="Swap the two.",
        )
    return column


def _wrong(place: str, name: str, key: str, value: object, wanted: str) -> NoReturn:
    subject = f'column "{name}" in {place}'
    raise DomainError(
        f"{subject} has {f'{key} = ' if key else ''}{value!r}, which is not {wanted}",
        facts={"place": place, "column": name, **({"key": key} if key else {}), "value": repr(value)[:200]},
        fix=f"Give {wanted}.",
    )
