"""What a uv.lock says of its project, and what requirement files say beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.lock_file import Lock, has_lock, lock_notes, rest_of
from pytest_modelserve.environment.requirements import Entry, Requirement, expand
from pytest_modelserve.errors import RequirementsError

LOCK = """\
version = 1
requires-python = ">=3.10, <3.13"
[[package]]
name = "Scikit_Learn"
version = "1.5.0"
source = { registry = "https://host/simple" }
[[package]]
name = "my-lib"
version = "0.1"
source = { editable = "libs/my-lib" }
[[package]]
name = "churn"
version = "0.1"
source = { editable = "." }
"""
PROJECT = '[project]\nname = "Churn"\nrequires-python = ">=3.11"\n'


def read(directory: Path) -> Lock:
    lock = Lock.read(directory)
    assert lock is not None
    return lock


def test_a_lock_with_its_project(model: Callable[..., Path]) -> None:
    directory = model({"uv.lock": LOCK, "pyproject.toml": PROJECT})
    assert has_lock(directory)
    lock = read(directory)
    assert (lock.project, lock.is_packaged, lock.has_project_file) == ("churn", True, True)
    assert lock.names == {"scikit-learn", "my-lib", "churn"}
    assert lock.ranges == (("uv.lock", ">=3.10, <3.13"), ("pyproject.toml", ">=3.11"))


@pytest.mark.parametrize("project", [None, '[project]\nname = "mlflow-model-env"\nrequires-python = "==3.2"\n', ""])
def test_a_project_file_of_another_project_says_nothing(model: Callable[..., Path], project: str | None) -> None:
    lock = read(model({"uv.lock": LOCK, **({} if project is None else {"pyproject.toml": project})}))
    assert not lock.has_project_file
    assert lock.ranges == (("uv.lock", ">=3.10, <3.13"),)
    text = '[project]\nname = "churn"\nversion = "0"\nrequires-python = ">=3.10, <3.13"\ndependencies = []\n'
    assert lock.as_project() == text


def test_a_virtual_project_and_a_workspace_without_one(model: Callable[..., Path]) -> None:
    assert not read(model({"uv.lock": LOCK.replace('editable = "."', 'virtual = "."')})).is_packaged
    bare = read(model({"uv.lock": LOCK.replace('editable = "."', 'editable = "churn"')}))
    assert (bare.project, bare.is_packaged, bare.has_project_file) == ("", False, False)


def test_no_lock(model: Callable[..., Path]) -> None:
    assert Lock.read(model({"pyproject.toml": PROJECT})) is None
    assert not has_lock(model({}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "x = ["),
        ("uv.lock", "package = 3"),
        ("uv.lock", b"\xff"),
        ("pyproject.toml", "[project"),
        ("pyproject.toml", "project = 3"),
    ],
)
def test_a_broken_file_is_named(model: Callable[..., Path], name: str, text: str | bytes) -> None:
    with pytest.raises(RequirementsError) as caught:
        Lock.read(model({"uv.lock": LOCK, name: text}))
    assert caught.value.happened.startswith(f"{name} cannot be read: ")
    assert caught.value.facts["file"].name == name  # type: ignore[attr-defined]
    assert "virtualenv" in caught.value.fix


@pytest.mark.parametrize(
    ("version", "file"), [("3.10.4", "pyproject.toml"), ("3.9.1", "uv.lock"), ("3.13.0", "uv.lock"), ("3.12.1", "")]
)
def test_the_python_must_be_allowed(model: Callable[..., Path], version: str, file: str) -> None:
    lock = read(model({"uv.lock": LOCK, "pyproject.toml": PROJECT}))
    if not file:
        lock.require_python(version, recorded=version)
        return
    with pytest.raises(RequirementsError) as caught:
        lock.require_python(version, recorded=None)
    assert caught.value.happened.startswith(f"{file} asks for Python ")
    assert version in caught.value.happened
    assert caught.value.facts["recorded"] == "no version of Python"


def test_a_range_that_is_none(model: Callable[..., Path]) -> None:
    lock = read(model({"uv.lock": LOCK.replace(">=3.10, <3.13", "three")}))
    with pytest.raises(RequirementsError, match="'three', which is no range"):
        lock.require_python("3.11.7", recorded=None)


@pytest.mark.parametrize(
    ("said", "is_told"), [("3.12.1\n", True), ("3.1", True), ("3.11", False), ("3.11.7", False), ("pypy@3.10", False)]
)
def test_python_version_is_told_where_it_says_otherwise(
    model: Callable[..., Path], said: str, *, is_told: bool
) -> None:
    lock = read(model({"uv.lock": LOCK.replace("editable", "virtual"), ".python-version": said}))
    assert bool(list(lock_notes(lock, "3.11.7"))) is is_told


def requirements(model: Callable[..., Path], text: str) -> tuple[Requirement, ...]:
    directory = model({"requirements.txt": text, "limits.txt": "c<2\nz==1\n", "own/setup.py": "", "a-1.whl": ""})
    return expand([Entry(text="-r requirements.txt", file="python_env.yaml", line=1)], directory).requirements


FREEZE = ("a==1.0", "b==2.0", "own==1.0")


@pytest.mark.parametrize(
    ("text", "lacking", "notes"),
    [
        ("a==1.0\nb\n-c limits.txt\n", [], []),
        ("A==1.0 ; python_version > '3'\nabsent ; python_version < '3'\n", [], []),
        ("https://host/own-1.0-py3-none-any.whl\n", [], []),
        ("c==1.0 --hash=sha256:00\n-c limits.txt\n", ["c==1.0 --hash=sha256:00"], ["not in what uv.lock"]),
        ("./own\n", ["./own"], ["not in what uv.lock"]),
        ("-e ./own\n", ["-e ./own"], ["not in what uv.lock"]),
        ("c @ https://me:secret@host/c.whl\n", ["c @ https://me:secret@host/c.whl"], ["not in what uv.lock"]),
        ("a==1.1\nb<2\n", [], ["uv.lock is followed"]),
        ("https://host/own-2.0-py3-none-any.whl\n", [], ["uv.lock is followed"]),
        ("a==1.1\nc\n", ["c"], ["not in what uv.lock", "uv.lock is followed"]),
    ],
)
def test_what_is_left_to_the_requirement_files(
    model: Callable[..., Path], text: str, lacking: list[str], notes: list[str]
) -> None:
    rest = rest_of(requirements(model, text), FREEZE, python_version="3.11.7")
    assert [each.text for each in rest.lacking] == lacking
    assert len(rest.notes) == len(notes)
    assert all(told.startswith(start) for told, start in zip(rest.notes, notes, strict=True))
    assert "secret" not in "".join(rest.notes)
    assert "--hash" not in "".join(rest.notes)


def test_notes_name_places_and_stay_short(model: Callable[..., Path]) -> None:
    rest = rest_of(requirements(model, "a==1.1\n"), FREEZE, python_version="3.11.7")
    said = "uv.lock is followed where the requirement files say otherwise: a 1.0 (requirements.txt, line 1: a==1.1)"
    assert rest.notes == (said,)
    many = requirements(model, "".join(f"p{number}==1\n" for number in range(11)))
    (note,) = rest_of(many, FREEZE, python_version="3.11.7").notes
    assert note.endswith("p7==1 (requirements.txt, line 8) and 3 more")
