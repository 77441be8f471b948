"""The record of modules: what is there, what the model's own code asked for, and what was written while it ran."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.imported import ImportedModule, by_package, read_imported

SITE = "/env/lib/python3.11/site-packages"


def written(folder: Path, *documents: dict[str, Any]) -> Path:
    file = folder / "modules.jsonl"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in documents))
    return file


def record(name: str, file: str | None, phase: str = "load", *imports: str) -> dict[str, Any]:
    return {"name": name, "file": file, "phase": phase, **({"imports": list(imports)} if imports else {})}


def test_a_module_among_temporary_files_that_the_tests_import_too_is_no_generated_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ImportedModule(name="m", file=tmp_path / "m.py")
    assert module.is_generated
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert not module.is_generated


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "modules.jsonl"
    assert read_imported(file) is None
    file.write_text('{"name": "a", "file": "/a.py", "phase": "load"}\n{"name": "b", "fi')
    found = read_imported(file)
    assert found is not None
    assert found.modules == (ImportedModule(name="a", file=Path("/a.py"), phase="load"),)
    assert found.asked_for == frozenset()


def test_what_the_model_asked_for_and_got(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        record("sklearn", f"{SITE}/sklearn/__init__.py"),
        record("scipy", f"{SITE}/scipy/__init__.py"),
        record("scipy.stats", f"{SITE}/scipy/stats/__init__.py"),
        record("sys", None),
        record("the_model", "/model/code/the_model.py", "load", "scipy.stats", "sys", "orjson", "google.cloud"),
        record("", None, "load", "yaml"),
        record("yaml", f"{SITE}/yaml/__init__.py", "predict"),
    )
    found = read_imported(file)
    assert found is not None
    # sklearn was imported by others; orjson was tried and is not there; google has no file of its own
    assert {name: (str(one.file), one.phase) for name, one in found.by_model().items()} == {
        "scipy": (f"{SITE}/scipy/__init__.py", "load"),
        "yaml": (f"{SITE}/yaml/__init__.py", "predict"),
    }


def test_a_module_of_several_processes_counts_as_the_first_had_it(tmp_path: Path) -> None:
    first = record("yaml", f"{SITE}/yaml/__init__.py", "load")
    file = written(tmp_path, first, {**first, "phase": "predict"}, record("m", "/model/m.py", "load", "yaml"))
    found = read_imported(file)
    assert found is not None
    assert found.by_model()["yaml"].phase == "load"


def test_modules_of_one_package_stand_together() -> None:
    modules = [ImportedModule(name=name, file=Path("/x")) for name in ("b.one", "a", "b", "b.two")]
    assert {name: [one.name for one in found] for name, found in by_package(modules).items()} == {
        "b": ["b.one", "b", "b.two"],
        "a": ["a"],
    }
