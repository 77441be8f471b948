"""The digest changes with anything that a model directory holds, and with nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.model.digest import digest_of

FILES = {"MLmodel": b"flavors: {}", "code/churn.py": b"x = 1", "data/a": b"", "data/b": b"\x00\xff"}


def write(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model", FILES)


def test_it_is_sha256_in_hexadecimal(model: Path) -> None:
    digest = digest_of(model)
    assert len(digest) == 64
    assert digest == digest.lower()
    assert int(digest, 16)


def test_a_copy_elsewhere_written_in_another_order_at_another_time_is_equal(model: Path, tmp_path: Path) -> None:
    copy = write(tmp_path / "elsewhere", dict(reversed(FILES.items())))
    os.utime(copy / "MLmodel", (0, 0))
    (copy / "MLmodel").chmod(0o600)
    assert digest_of(copy) == digest_of(model)


@pytest.mark.parametrize(
    "change",
    [
        {"MLmodel": b"flavors: {} "},
        {"data/c": b""},
        {"code/__init__.py": b""},
        {"data/b": b"\x00"},
        {"code/registered_model_meta": b""},
    ],
)
def test_every_content_and_every_name_counts(model: Path, change: Mapping[str, bytes]) -> None:
    before = digest_of(model)
    assert digest_of(write(model, change)) != before


def test_a_file_moved_counts(model: Path) -> None:
    before = digest_of(model)
    (model / "data/a").rename(model / "a")
    assert digest_of(model) != before


@pytest.mark.parametrize(
    "traces", [{"code/__pycache__/churn.pyc": b"1"}, {"registered_model_meta": b"2"}, {"__pycache__/x/y": b"3"}]
)
def test_what_loading_and_registries_leave_does_not_count(model: Path, traces: Mapping[str, bytes]) -> None:
    before = digest_of(model)
    assert digest_of(write(model, traces)) == before


def test_an_empty_folder_does_not_count(model: Path) -> None:
    before = digest_of(model)
    (model / "empty").mkdir()
    assert digest_of(model) == before


def test_a_directory_of_links_equals_the_files(model: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    for entry in model.iterdir():
        (links / entry.name).symlink_to(entry)
    assert digest_of(links) == digest_of(model)


def test_a_loop_of_links_ends(model: Path) -> None:
    before = digest_of(model)
    (model / "code" / "self").symlink_to(model)
    (model / "data" / "self").symlink_to(model / "data")
    assert digest_of(model) == before


def test_a_link_to_nothing_counts_as_its_target(model: Path) -> None:
    link = model / "weights"
    link.symlink_to("gone-1")
    one = digest_of(model)
    link.unlink()
    link.symlink_to("gone-2")
    assert digest_of(model) != one


def test_a_pipe_does_not_block(model: Path) -> None:
    os.mkfifo(model / "pipe")
    assert digest_of(model) == digest_of(model)


def test_a_folder_that_is_gone_is_an_error(model: Path) -> None:
    shutil.rmtree(model)
    with pytest.raises(FileNotFoundError):
        digest_of(model)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: name not in {".", "..", "__pycache__", "registered_model_meta"}
)


@given(
    st.dictionaries(NAMES, st.binary(max_size=6), max_size=4), st.dictionaries(NAMES, st.binary(max_size=6), max_size=4)
)
def test_two_directories_are_equal_exactly_if_their_files_are(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    for name, files in (("one", one), ("other", other)):
        (folder / name).mkdir()
        write(folder / name, files)
    assert (digest_of(folder / "one") == digest_of(folder / "other")) == (one == other)
