"""Files that are replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelserve.environment.whole_file import read_whole, remove_drafts, write_whole


@pytest.mark.parametrize("is_durable", [True, False])
def test_what_is_written_is_read_and_nothing_stands_beside_it(tmp_path: Path, is_durable: bool) -> None:
    for number in range(2):
        write_whole(tmp_path / "a.json", {"n": number}, is_durable=is_durable)
        assert read_whole(tmp_path / "a.json") == {"n": number}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", {"n": 1})
    with pytest.raises(TypeError):
        write_whole(tmp_path / "a.json", {"n": object()})
    assert read_whole(tmp_path / "a.json") == {"n": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"", b'{"n": ', b"[1]", b"null", b"\xff\xfe", b"\0" * 100])
def test_what_is_torn_reads_as_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert read_whole(tmp_path / "a.json") == {}


def test_what_is_absent_reads_as_empty(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_whole(tmp_path / "none.json") == read_whole(tmp_path / "file" / "none.json") == {}


def test_drafts_go_and_files_stay(tmp_path: Path) -> None:
    for name in ("a.json", "a.json.00ff", "b.json.1", "install.log"):
        (tmp_path / name).touch()
    remove_drafts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "install.log"]
