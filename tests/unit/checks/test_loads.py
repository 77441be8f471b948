"""What the model's process opened tells a model that was loaded twice or late from one that was not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_modelserve.checks.loads import (
    Loads,
    Opening,
    data_files,
    loaded_late,
    loaded_twice,
    main_files,
    read_loads,
)

SIZES = {"data/weights.bin": 10_000, "data/more.bin": 6_000, "vocabulary.txt": 900}


def opened(*openings: tuple[str, int, str]) -> Loads:
    return Loads(n_loaded=1, openings=tuple(Opening(file=file, call=call, by=by) for file, call, by in openings))


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "loads.jsonl"
    assert read_loads(path) == Loads(n_loaded=0, openings=())
    lines = [
        {"file": "w", "call": 0, "by": "m.py:load"},
        {"loaded_s": 1.5, "pid": 7},
        {"file": "w", "call": 1, "by": "f"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_loads(path) == opened(("w", 0, "m.py:load"), ("w", 1, "f"))


def test_what_mlflow_writes_beside_a_model_is_no_data(tmp_path: Path) -> None:
    for name in ("MLmodel", "conda.yaml", "requirements.txt", "input_example.json", "serving_input_example.json"):
        (tmp_path / name).write_text("x")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weights.bin").write_bytes(b"w" * 7)
    assert data_files(tmp_path) == {"data/weights.bin": 7}


@pytest.mark.parametrize(
    ("names", "main"),
    [
        ([], set()),
        (["vocabulary.txt"], {"vocabulary.txt"}),
        (["vocabulary.txt", "data/weights.bin"], {"data/weights.bin"}),
        (["data/more.bin", "data/weights.bin"], {"data/more.bin", "data/weights.bin"}),
        (["MLmodel"], set()),
    ],
)
def test_the_main_files_are_the_large_ones_that_were_opened(names: list[str], main: set[str]) -> None:
    assert main_files(SIZES, names) == main


@pytest.mark.parametrize(
    ("loads", "found"),
    [
        (opened(("w", 0, "f")), []),
        (opened(("w", 0, "f"), ("w", 0, "f")), [("w", "f", 2)]),
        (opened(("w", 0, "looks"), ("w", 0, "loads")), []),  # first to see what it is
        (opened(("w", 0, "f"), ("other", 0, "f"), ("other", 0, "f")), []),
        (opened(("w", 0, "f"), ("w", 1, "f")), []),
    ],
)
def test_a_file_that_one_function_opened_twice_was_loaded_twice(loads: Loads, found: list[object]) -> None:
    assert list(loaded_twice(loads, {"w"})) == found


@pytest.mark.parametrize(
    ("loads", "found"),
    [
        (opened(("w", 0, "f")), []),
        (opened(("w", 1, "f"), ("w", 1, "g")), [("w", "f", (1,))]),
        (opened(("w", 0, "f"), ("w", 1, "f"), ("w", 2, "f")), [("w", "f", (1, 2))]),
        (opened(("other", 1, "f")), []),
    ],
)
def test_a_file_that_a_call_opened_was_late(loads: Loads, found: list[object]) -> None:
    assert list(loaded_late(loads, {"w"})) == found
