"""Reads what the model's process wrote of the files of the model that it opened: what was loaded twice, or too late."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAIN_SHARE: Final = 0.5  # of the largest data file: smaller ones are settings, which libraries read as they like

_METADATA: Final = frozenset(
    {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "registered_model_meta", "metadata"}
)
"""Files that MLflow writes beside every model and reads at will."""

_EXAMPLES: Final = ("input_example", "serving_input_example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A file of the model that was opened to be read.

    Attributes:
        file: Its name, relative to the model directory.
        call: The number of the last call of the model that had begun; 0 while it was being loaded.
        by: File and function that opened it.
    """

    file: str
    call: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """What one process of a model wrote.

    Attributes:
        n_loaded: How often it said that the model was loaded.
        openings: In order.
    """

    n_loaded: int
    openings: tuple[Opening, ...]


def read_loads(path: Path) -> Loads:
    """Read what the model's process wrote; nothing where it wrote nothing."""
    documents = [json.loads(line) for line in path.read_text("ascii").splitlines()] if path.exists() else []
    openings = tuple(Opening(**document) for document in documents if "file" in document)
    return Loads(n_loaded=sum("loaded_s" in document for document in documents), openings=openings)


def data_files(directory: Path) -> Mapping[str, int]:
    """Return the files of a model directory that may hold what it has learned, with their sizes."""
    found: dict[str, int] = {}
    for path in directory.rglob("*"):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and path.name not in _METADATA and not path.name.startswith(_EXAMPLES):
            found[name] = path.stat().st_size
    return found


def main_files(sizes: Mapping[str, int], opened: Iterable[str]) -> frozenset[str]:
    """Return the largest of the files that were opened, and those that come near it."""
    known = {name: sizes[name] for name in opened if name in sizes}
    largest = max(known.values(), default=0)
    return frozenset(name for name, size in known.items() if size >= MAIN_SHARE * largest)


def loaded_twice(loads: Loads, main: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Yield each file that the same function opened more than once while the model was being loaded, and how often.

    A library may open a file twice to load it once, first to see what it is: by two functions.
    """
    wanted = frozenset(main)
    counts = Counter((each.file, each.by) for each in loads.openings if each.call == 0 and each.file in wanted)
    yield from ((file, by, count) for (file, by), count in counts.items() if count > 1)


def loaded_late(loads: Loads, main: Iterable[str]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield each file that was opened when the model was called, by whom, and in which calls."""
    wanted = frozenset(main)
    late: dict[str, list[Opening]] = {}
    for each in loads.openings:
        if each.call and each.file in wanted:
            late.setdefault(each.file, []).append(each)
    for file, openings in late.items():
        yield file, openings[0].by, tuple(dict.fromkeys(each.call for each in openings))
