"""Steps of a restore, for the user and for those who wait."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pytest_modelserve.environment.progress import SILENCE, StatusFile, read_status


def test_steps_reach_the_audience_and_the_file(tmp_path: Path, heard: Any) -> None:
    status = StatusFile(path=tmp_path / "k.status", audience=heard)
    status.step("one")
    status.step("two")
    assert heard.steps == ["one", "two"]
    assert read_status(tmp_path / "k.status") == f"process {os.getpid()}: two"
    assert [path.name for path in tmp_path.iterdir()] == ["k.status"]


def test_no_file_no_status(tmp_path: Path) -> None:
    assert read_status(tmp_path / "none") == ""


def test_silence_says_nothing() -> None:
    SILENCE.step("anything")


def test_a_torn_status_says_nothing(tmp_path: Path) -> None:
    for content in ("", "{", '{"pid": 3}'):
        (tmp_path / "k.status").write_text(content)
        assert read_status(tmp_path / "k.status") == ""
