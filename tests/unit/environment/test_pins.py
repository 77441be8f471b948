"""Whether what is installed meets a requirement line, as pip reads both."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelserve.environment.pins import find_unmet, markers_of, versions_of
from pytest_modelserve.environment.requirements import Entry, Requirement, expand

INSTALLED = {
    "numpy": "2.2.6",
    "torch": "2.1.0+cpu",
    "zope-interface": "6.0",
    "mlflow": "3.17.2",
    "scikit-learn": "1.8.0rc1",
    "old": "2004d-final",
}


def recorded(line: str, folder: Path, *, is_constraint: bool = False) -> Requirement:
    """Read a line as a model's requirements.txt is read."""
    file = folder / "requirements.txt"
    file.write_text(f"{line}\n")
    include = f"-c {file.name}" if is_constraint else f"-r {file.name}"
    (found,) = expand([Entry(text=include, file="python_env.yaml", line=1)], folder).requirements
    return found


def unmet(line: str, folder: Path, *, is_constraint: bool = False, python: str = "3.11.7") -> list[tuple[str, str]]:
    requirement = recorded(line, folder, is_constraint=is_constraint)
    return [(one.name, one.installed) for one in find_unmet([requirement], INSTALLED, python_version=python)]


@pytest.mark.parametrize(
    "line",
    [
        "numpy==2.2.6",
        "NumPy == 2.2.6",
        "numpy",
        "numpy>=2,<3",
        "numpy~=2.2.0",
        "numpy==2.2.*",
        "numpy==2.2.6.0",
        "numpy[all]==2.2.6",
        "numpy==2.2.6 --hash=sha256:00",
        "numpy==2.2.6  # why",
        "torch==2.1.0",
        "torch==2.1.0+cpu",
        "zope.interface==6.0",
        "Zope_Interface==6.0",
        "scikit-learn>=1.7",
        "scikit-learn==1.8.0rc1",
        "old",
        "old===2004d-final",
        "absent==1; python_version < '3.8'",
        "absent==1; sys_platform == 'nowhere'",
        "absent==1; extra == 'test'",
        "numpy @ https://host/numpy-2.2.6-py3-none-any.whl",
        "numpy @ https://host/archive/main.zip",
        "https://host/numpy-2.2.6.tar.gz",
        "git+https://host/absent@v1",
        "-e git+https://host/numpy@v1#egg=numpy",
    ],
)
def test_lines_that_are_met(line: str, tmp_path: Path) -> None:
    assert unmet(line, tmp_path) == []


@pytest.mark.parametrize(
    ("line", "name", "installed"),
    [
        ("numpy==2.2.5", "numpy", "2.2.6"),
        ("numpy<2", "numpy", "2.2.6"),
        ("numpy===2.2.60", "numpy", "2.2.6"),
        ("numpy==2.2.6+cu121", "numpy", "2.2.6"),
        ("torch==2.1.0+cu121", "torch", "2.1.0+cpu"),
        ("scikit-learn==1.8.0", "scikit-learn", "1.8.0rc1"),
        ("mlflow==3.17.1", "mlflow", "3.17.2"),
        ("absent", "absent", ""),
        ("absent==1; python_version >= '3.8'", "absent", ""),
        ("absent @ https://host/archive/main.zip", "absent", ""),
        ("numpy @ https://host/numpy-2.2.5-py3-none-any.whl", "numpy", "2.2.6"),
        ("https://host/numpy-2.2.5-py3-none-any.whl", "numpy", "2.2.6"),
        ("https://host/Zope.Interface-5.0.tar.gz", "zope-interface", "6.0"),
        ("old==2004", "old", "2004d-final"),
    ],
)
def test_lines_that_are_not(line: str, name: str, installed: str, tmp_path: Path) -> None:
    assert unmet(line, tmp_path) == [(name, installed)]


def test_a_file_of_the_model_is_compared_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "numpy-1.0-py3-none-any.whl").write_bytes(b"")
    assert unmet("./wheels/numpy-1.0-py3-none-any.whl", tmp_path) == [("numpy", "2.2.6")]
    assert unmet("./wheels/numpy-1.0-py3-none-any.whl ; python_version < '3.8'", tmp_path) == []


def test_an_editable_folder_has_no_version_to_compare(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    assert unmet("-e ./package", tmp_path) == []


def test_a_constraint_speaks_only_of_what_is_there(tmp_path: Path) -> None:
    assert unmet("absent==1", tmp_path, is_constraint=True) == []
    assert unmet("numpy<2", tmp_path, is_constraint=True) == [("numpy", "2.2.6")]


@pytest.mark.parametrize(("python", "found"), [("3.10.13", []), ("3.12.1", [("absent", "")])])
def test_markers_are_judged_for_the_environments_python(
    python: str, found: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert unmet("absent==1; python_version >= '3.12'", tmp_path, python=python) == found


def test_what_is_unmet_says_its_place(tmp_path: Path) -> None:
    requirement = recorded("numpy==1", tmp_path)
    (found,) = find_unmet([requirement], INSTALLED, python_version="3.11.7")
    assert (found.text, found.requirement.place) == ("numpy==1, installed is 2.2.6", "requirements.txt, line 1")
    (found,) = find_unmet([requirement], {}, python_version="3.11.7")
    assert found.text == "numpy==1 is not installed"


def test_what_is_unmet_keeps_a_password(tmp_path: Path) -> None:
    requirement = recorded("numpy @ https://bob:SECRETPW@pkgs.example/numpy-1.0-py3-none-any.whl", tmp_path)
    (one,) = find_unmet([requirement], INSTALLED, python_version="3.11.7")
    assert one.line == "numpy @ https://***@pkgs.example/numpy-1.0-py3-none-any.whl"
    assert one.text == f"{one.line}, installed is 2.2.6"


def test_a_freeze_gives_versions() -> None:
    assert versions_of(["a==1", "b==2+x"]) == {"a": "1", "b": "2+x"}


def test_markers_know_the_machine_and_the_given_python() -> None:
    markers = markers_of("3.9.1")
    assert (markers["python_version"], markers["python_full_version"], markers["extra"]) == ("3.9", "3.9.1", "")
    assert markers["platform_machine"]
