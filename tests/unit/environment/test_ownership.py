"""Whose files are believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_modelserve.environment.ownership import believed_folder, demand_ownership
from pytest_modelserve.errors import EnvironmentBroken

STRANGER = 12345  # nobody whose files these are


def is_believed(root: Path, *paths: Path, user: int) -> bool:
    try:
        demand_ownership(root, *paths, user=user)
    except EnvironmentBroken:
        return False
    return True


@pytest.mark.parametrize(("mode", "is_ours", "is_anybodys"), [(0o755, True, True), (0o775, True, True)])
def test_the_owner_of_a_closed_root_is_believed(tmp_path: Path, mode: int, is_ours: bool, is_anybodys: bool) -> None:
    tmp_path.chmod(mode)
    (tmp_path / "envs").mkdir()
    assert is_believed(tmp_path, tmp_path / "envs", user=os.geteuid()) is is_ours
    assert is_believed(tmp_path, tmp_path / "envs", user=STRANGER) is is_anybodys


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_open_root_proves_nothing_of_its_owner(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "envs").mkdir(parents=True)
    os.chown(root, STRANGER, STRANGER)
    assert is_believed(root, root / "envs", user=os.geteuid())
    root.chmod(0o777)
    assert not is_believed(root, user=os.geteuid())
    assert is_believed(root, root / "envs", user=STRANGER)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_strangers_file_below_is_named(tmp_path: Path) -> None:
    pointer = tmp_path / "current.json"
    pointer.touch()
    os.chown(pointer, STRANGER, STRANGER)
    with pytest.raises(EnvironmentBroken) as caught:
        demand_ownership(tmp_path, tmp_path / "gone", pointer)
    assert caught.value.facts == {"cache": tmp_path, "file": pointer, "owner": f"uid {STRANGER}"}
    assert "--model-cache-dir" in caught.value.fix


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_link_is_judged_by_who_made_it(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "mine")
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    assert not is_believed(tmp_path, link, user=os.geteuid())


def test_what_is_not_there_is_nobodys(tmp_path: Path) -> None:
    assert is_believed(tmp_path / "gone", tmp_path / "gone" / "envs", user=STRANGER)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(
    ("whose", "mode", "is_taken"),
    [(None, 0o777, True), ("s", 0o755, False), ("s/home", 0o755, True), ("s/home", 0o777, False)],
)
def test_a_folder_that_somebody_else_may_have_filled_is_refused(
    tmp_path: Path, whose: str | None, mode: int, is_taken: bool
) -> None:
    (tmp_path / "s" / "home").mkdir(parents=True)
    (tmp_path / "s").chmod(mode)
    if whose is not None:
        os.chown(tmp_path / whose, STRANGER, STRANGER)
    if is_taken:
        assert believed_folder(tmp_path, "s") == tmp_path / "s"
        return
    with pytest.raises(EnvironmentBroken) as caught:
        believed_folder(tmp_path, "s")
    assert caught.value.facts["file"] == tmp_path / str(whose)


def test_a_folder_that_is_not_there_is_believed(tmp_path: Path) -> None:
    assert believed_folder(tmp_path, "s") == tmp_path / "s"
