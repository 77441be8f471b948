"""Which models used an environment."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_modelserve.environment.usage import MAX_MODELS, Use, read_uses, record_use


def test_each_model_is_told_once_the_latest_first(tmp_path: Path) -> None:
    for name in ("a", "b"):
        record_use(tmp_path, f"models:/{name}/1", Path("/m", name))
    for number, path in enumerate(sorted((tmp_path / "models").iterdir())):
        os.utime(path, (number, number))
    record_use(tmp_path, "models:/a/1", Path("/m/a"))
    first, second = read_uses(tmp_path)
    assert (first.uri, first.directory, second.uri) == ("models:/a/1", Path("/m/a"), "models:/b/1")
    assert second == Use(uri="models:/b/1", directory=Path("/m/b"), last_used=second.last_used)
    assert first.last_used > 1 >= second.last_used


def test_one_name_at_two_places_is_two_models(tmp_path: Path) -> None:
    for folder in ("/one", "/two"):
        record_use(tmp_path, "model", Path(folder))
    assert {use.directory for use in read_uses(tmp_path)} == {Path("/one"), Path("/two")}


def test_the_longest_unused_are_forgotten(tmp_path: Path) -> None:
    for number in range(MAX_MODELS + 5):
        record_use(tmp_path, f"models:/a/{number}", Path("/m"))
        for path in (tmp_path / "models").iterdir():
            os.utime(path, (path.stat().st_mtime - 10,) * 2)
    assert [use.uri for use in read_uses(tmp_path)] == [f"models:/a/{n}" for n in reversed(range(5, MAX_MODELS + 5))]


def test_many_may_say_so_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tuple(pool.map(lambda number: record_use(tmp_path, f"m{number % 4}", Path("/m")), range(64)))
    assert {use.uri for use in read_uses(tmp_path)} == {"m0", "m1", "m2", "m3"}
    assert len(list((tmp_path / "models").iterdir())) == 4


@pytest.mark.parametrize("content", ["", "{", "[]", '{"uri": 1, "directory": "/m"}', '{"uri": "a"}'])
def test_a_torn_note_is_passed_over(tmp_path: Path, content: str) -> None:
    record_use(tmp_path, "m", Path("/m"))
    (tmp_path / "models" / "torn.json").write_text(content)
    assert [use.uri for use in read_uses(tmp_path)] == ["m"]


def test_where_nothing_can_be_written_nothing_is_noted(tmp_path: Path) -> None:
    record_use(tmp_path / "gone", "m", Path("/m"))
    assert read_uses(tmp_path / "gone") == ()
