"""Which files of the model are opened is recorded, with the call in which that was; nothing else is.

An audit hook stays for the rest of its process, so each case runs in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Recorded = Callable[[str], list[dict[str, Any]]]

SCRIPT = """
import os, sys, pathlib, threading
from pytest_modelserve.runtime.loads import LoadLog
log = LoadLog(sys.argv[1], sys.argv[2])
model = pathlib.Path(sys.argv[2])
log.watch()
def load(name):
    with open(model / name, "rb") as file:
        return file.read()
{body}
"""


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    model = tmp_path / "model"
    (model / "data").mkdir(parents=True)
    (model / "data" / "weights.bin").write_bytes(b"w")
    (model / "code.py").write_text("")
    (tmp_path / "beside.bin").write_bytes(b"b")
    (tmp_path / "link").symlink_to(model)

    def run(body: str) -> list[dict[str, Any]]:
        path = tmp_path / "loads.jsonl"
        command = [sys.executable, "-c", SCRIPT.replace("{body}", body), str(path), str(tmp_path / "link")]
        subprocess.run(command, check=True, cwd=model)
        return [json.loads(line) for line in path.read_text().splitlines()]

    return run


def test_an_opening_is_recorded_with_who_wanted_it_and_when(recorded: Recorded) -> None:
    lines = recorded('load("data/weights.bin"); log.loaded(0.5); log.began(1); load("data/weights.bin")')
    assert [line.get("call") for line in lines] == [0, None, 1]
    assert lines[0] == {"file": "data/weights.bin", "call": 0, "by": "<string>:load"}
    assert lines[1]["loaded_s"] == 0.5


@pytest.mark.parametrize(
    "body",
    [
        'model.joinpath("data/weights.bin").read_bytes()',
        'open(os.path.realpath(model / "data/weights.bin"))',
        'open("data/weights.bin")',
        'open(os.fsencode(model / "data/weights.bin"))',
        'os.close(os.open(model / "data/weights.bin", os.O_RDONLY))',
    ],
)
def test_each_way_to_open_counts_and_its_caller_is_the_models_code(body: str, recorded: Recorded) -> None:
    (line,) = recorded(body)
    assert (line["file"], line["by"]) == ("data/weights.bin", "<string>:<module>")


@pytest.mark.parametrize(
    "body",
    [
        'open(model / "code.py")',
        'open(model.parent / "beside.bin")',
        'open(model / "data/made.bin", "wb")',
        "open(os.dup(0))",
        'pid = os.fork()\nif not pid:\n    load("data/weights.bin")\n    os._exit(0)\nos.waitpid(pid, 0)',
    ],
)
def test_other_openings_do_not_count(body: str, recorded: Recorded) -> None:
    assert recorded(body) == []


def test_a_file_that_is_not_there_raises_as_ever(recorded: Recorded) -> None:
    (line,) = recorded('try:\n    load("none")\nexcept FileNotFoundError:\n    pass')
    assert line["file"] == "none"


def test_a_model_that_opens_for_ever_does_not_fill_the_disk(recorded: Recorded) -> None:
    assert len(recorded('for _ in range(2000):\n    load("data/weights.bin")')) == 500


def test_the_models_own_open_never_fails_for_the_record(recorded: Recorded) -> None:
    gone = 'os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")\n'
    tried = 'try:\n    open("relative")\nexcept FileNotFoundError as error:\n    assert error.filename'
    assert recorded(gone + tried) == []


def test_threads_are_told_apart(recorded: Recorded) -> None:
    body = 'ts = [threading.Thread(target=load, args=("data/weights.bin",)) for _ in range(8)]\n'
    assert len(recorded(body + "[t.start() for t in ts]\n[t.join() for t in ts]")) == 8


def test_without_a_file_nothing_is_watched(tmp_path: Path) -> None:
    code = "from pytest_modelserve.runtime.loads import LoadLog; log = LoadLog('', '.'); log.watch(); log.loaded(1.0)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
