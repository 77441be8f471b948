"""A directory that looks like the model's."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.managers.mirror import LINES_FILE, Mirror

FILES = {
    "requirements.txt": "./libs/own\n",
    "weights/model.bin": "x",
    "libs/own/setup.py": "",
    "libs/own/own/__init__.py": "",
    "libs/own/own/__pycache__/x.pyc": "",
    "libs/other/setup.py": "",
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def test_all_but_the_packages_named_are_links(model: Callable[..., Path], work: Path) -> None:
    mirror = Mirror.of(model(FILES), work, ["./libs/own", "requirements.txt"])
    links = {path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_symlink()}
    assert links == {"requirements.txt", "weights", "libs/other"}
    assert mirror.copies == [work / "libs" / "own"]
    assert (work / "libs/own/own/__init__.py").is_file()
    assert not list((work / "libs/own").rglob("__pycache__"))


@pytest.mark.parametrize("name", ["weights", "gone", "../model/libs/own/../../..", "/", "libs"])
def test_what_is_no_package_of_the_model_is_not_copied(model: Callable[..., Path], work: Path, name: str) -> None:
    assert Mirror.of(model(FILES), work, [name]).copies == []


def test_the_model_itself_may_be_the_package(model: Callable[..., Path], work: Path) -> None:
    mirror = Mirror.of(model({**FILES, "pyproject.toml": ""}), work, ["."])
    assert mirror.copies == [work]
    assert not [path for path in work.rglob("*") if path.is_symlink()]
    mirror.close(keeps_packages=True)
    assert (work / "libs/own/setup.py").is_file()


def test_copies_of_a_read_only_model_can_be_written(model: Callable[..., Path], work: Path) -> None:
    directory = model(FILES)
    paths = [directory / "libs/own/own", directory / "libs/own", directory / "libs/own/setup.py"]
    for path in paths:
        path.chmod(path.stat().st_mode & ~stat.S_IWUSR)
    Mirror.of(directory, work, ["libs/own"])
    for path in paths:
        assert (work / path.relative_to(directory)).stat().st_mode & stat.S_IWUSR
        assert not path.stat().st_mode & stat.S_IWUSR
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_lines_replace_those_before(model: Callable[..., Path], work: Path) -> None:
    mirror = Mirror.of(model(FILES), work)
    mirror.write_lines(["a", "b"])
    assert mirror.write_lines(["c"]).read_text() == "c\n"


def test_it_goes_but_for_packages_in_use(model: Callable[..., Path], work: Path, tmp_path: Path) -> None:
    directory = model(FILES)
    kept = Mirror.of(directory, work, ["libs/own"])
    kept.write_lines(["-e ./libs/own"])
    kept.close(keeps_packages=True)
    assert sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file()) == [
        *("libs/own/own/__init__.py", "libs/own/setup.py")
    ]
    for named, keeps in ((["libs/own"], False), ([], True)):
        gone = Mirror.of(directory, tmp_path / "gone", named)
        gone.write_lines(["a"])
        gone.close(keeps_packages=keeps)
        assert not gone.root.exists()
    assert (directory / "weights/model.bin").read_text() == "x"
    assert LINES_FILE not in {path.name for path in directory.iterdir()}
