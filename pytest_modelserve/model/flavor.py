"""The python_function flavor of a model: how it is loaded, and the files that loading needs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from ..errors import MlmodelError
from .fields import Fields

FLAVOR_NAME: Final = "python_function"
DEFAULT_PREDICT_FN: Final = "predict"

_OWN_FILES: Final = ("model_path", "python_model")  # fields that name a file of the model beside `data`


@dataclass(frozen=True, slots=True, kw_only=True)
class PyfuncFlavor:
    """How any server loads the model. Paths are absolute and were seen to exist.

    Attributes:
        loader_module: The module whose `_load_pyfunc` builds the model.
        data_path: What `_load_pyfunc` is given: the field `data`, the model directory itself where there is none.
        code_path: The folder that goes first on `sys.path`, or None.
        code_file: For models from code, the Python file that defines the model, or None. `MLmodel` names it by the
            absolute path on the author's machine, and only its last part counts.
        artifacts: Name to path of what the model finds in `context.artifacts`.
        env: Kind (`conda`, `virtualenv`) to the name of the file in the model directory; the plain string that
            MLflow 1 wrote is the one of `conda`.
        config: The default model configuration; empty where there is none.
        predict_fn: The method that is called.
        python_version: The Python that saved the model, or None.
        is_streamable: Whether it has `predict_stream`.
        fields: The flavor as it stands in the file, plain JSON data.
    """

    loader_module: str
    data_path: Path
    code_path: Path | None = None
    code_file: Path | None = None
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)
    predict_fn: str = DEFAULT_PREDICT_FN
    python_version: str | None = None
    is_streamable: bool = False
    fields: Mapping[str, object] = field(default_factory=dict)


def parse_flavor(flavors: Fields | None, file: Path) -> PyfuncFlavor:
    """Read the python_function flavor out of an MLmodel file's `flavors`.

    Raises:
        MlmodelError: If there is none, a field has a wrong type, or a file that it names is missing.
    """
    fields = None if flavors is None else flavors.below(FLAVOR_NAME)
    if fields is None:
        raise _no_flavor(file, () if flavors is None else tuple(flavors.values))
    root = file.parent
    for name in _OWN_FILES:
        _path_of(fields, name, root)
    return PyfuncFlavor(
        loader_module=fields.required_text("loader_module"),
        data_path=_path_of(fields, "data", root) or root,
        code_path=_code_path(fields, root),
        code_file=_code_file(fields, root),
        artifacts=_artifacts(fields, root),
        env=_env(fields),
        config=fields.mapping("config"),
        predict_fn=fields.text("predict_fn") or DEFAULT_PREDICT_FN,
        python_version=fields.text("python_version"),
        is_streamable=fields.flag("streamable"),
        fields=fields.values,
    )


def _no_flavor(file: Path, names: tuple[str, ...]) -> MlmodelError:
    near = difflib.get_close_matches(FLAVOR_NAME, names, n=1)
    if near:
        fix = f"Did you mean {FLAVOR_NAME} instead of {near[0]} ?"
    else:
        fix = "Log the model with an MLflow flavor that also writes python_function, or wrap it in a PythonModel."
    return MlmodelError(
        f"{file.name} has no {FLAVOR_NAME} flavor, which is the one that servers load",
        facts={"file": file, "field": f"flavors.{FLAVOR_NAME}", "flavors": ", ".join(names) or "none"},
        fix=fix,
    )


def _path_of(fields: Fields, name: str, root: Path) -> Path | None:
    """Return the path inside the model directory that a field names, None where the field is missing or null."""
    relative = fields.text(name)
    if relative is None:
        return None
    path = PurePosixPath(relative)
    if path.is_absolute() or PureWindowsPath(relative).is_absolute() or ".." in path.parts:
        raise fields.error(name, "a path that stays inside the model directory")
    found = root / path
    if not found.exists():
        raise _missing_file(fields, name, relative, found)
    return found


def _missing_file(fields: Fields, name: str, relative: str, found: Path) -> MlmodelError:
    present = sorted(entry.name for entry in found.parent.iterdir()) if found.parent.is_dir() else []
    near = difflib.get_close_matches(found.name, present, n=1)
    fix = "Copy the whole model directory, or log the model again."
    return MlmodelError(
        f"`{fields.path_of(name)}` in {fields.file.name} names {relative!r}, which is not in the model directory",
        facts={"file": fields.file, "field": fields.path_of(name), "value": relative, "missing": found},
        fix=f"Did you mean {near[0]} ? {fix}" if near else fix,
    )


def _code_path(fields: Fields, root: Path) -> Path | None:
    if fields.values.get("code") in (None, ""):
        return None
    folder = _path_of(fields, "code", root)
    if folder is not None and not folder.is_dir():
        raise fields.error("code", "a folder of the model directory")
    return folder


def _code_file(fields: Fields, root: Path) -> Path | None:
    author_path = fields.text("model_code_path")
    if author_path is None:
        return None
    name = PureWindowsPath(author_path).name  # parts by / and by \, whichever machine wrote it
    found = root / name
    if not name or not found.is_file():
        raise _missing_file(fields, "model_code_path", name or author_path, found)
    return found


def _artifacts(fields: Fields, root: Path) -> Mapping[str, Path]:
    entries = fields.below("artifacts")
    if entries is None:
        return {}
    found: dict[str, Path] = {}
    for name in entries.values:
        entry = entries.below(name)
        if entry is None:
            raise entries.error(name, "a mapping with a `path`")
        entry.required_text("path")
        found[name] = _path_of(entry, "path", root) or root
    return found


def _env(fields: Fields) -> Mapping[str, str]:
    """Return the names of the environment files; their content is the environment's business."""
    if isinstance(fields.values.get("env"), str):
        return {"conda": fields.required_text("env")}
    entries = fields.below("env")
    return {} if entries is None else {kind: entries.required_text(kind) for kind in entries.values}
