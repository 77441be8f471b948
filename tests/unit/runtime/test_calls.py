"""Each call of the model leaves one line, whoever else writes at the same time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_modelserve.runtime.calls import Call, CallLog
from pytest_modelserve.runtime.frames import ExceptionRecord, SourceLocation


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_call_that_returned(tmp_path: Path) -> None:
    CallLog(str(tmp_path / "calls")).append(Call("r-1", 1, 0.5))

    bare = {"received": None, "returned": None}
    assert lines_of(tmp_path / "calls") == [
        {"id": "r-1", "call": 1, "outcome": "returned", "elapsed_s": 0.5, "exception": None, **bare}
    ]


def test_a_call_that_raised(tmp_path: Path) -> None:
    record = ExceptionRecord(
        "KeyError",
        "builtins",
        ("KeyError",),
        "\ud800",
        "trace",
        deliberate=True,
        last_frame=SourceLocation("f.py", 3, "g"),
    )

    CallLog(str(tmp_path / "calls")).append(Call("r-1", 2, 0.5, record))

    [line] = lines_of(tmp_path / "calls")
    assert line["outcome"] == "raised"
    assert line["exception"] == {
        "type": "KeyError",
        "module": "builtins",
        "mro": ["KeyError"],
        "message": "\ud800",
        "traceback": "trace",
        "deliberate": True,
        "last_frame": {"file": "f.py", "line": 3, "function": "g"},
    }


def test_records_are_added_to_those_of_an_earlier_worker(tmp_path: Path) -> None:
    for _ in range(2):
        log = CallLog(str(tmp_path / "calls"))
        log.append(Call("", log.next_number(), 0.0))

    assert [line["call"] for line in lines_of(tmp_path / "calls")] == [1, 1]


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    log = CallLog(str(tmp_path / "calls"))

    def work(_: int) -> None:
        number = log.next_number()
        log.append(Call("x" * number, number, 0.0))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(200)))

    assert sorted((line["call"], line["id"]) for line in lines_of(tmp_path / "calls")) == [
        (number, "x" * number) for number in range(1, 201)
    ]


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    CallLog("").append(Call("", 1, 0.0))

    assert list(tmp_path.iterdir()) == []
