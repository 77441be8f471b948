"""What the worker is told in its configuration file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping


@dataclass(frozen=True)
class WorkerConfig:
    """How to load and serve one model.

    Attributes:
        model_dir: The model directory.
        loader: The python_function flavor of its MLmodel file.
        hands_tables: Whether requests will be data frames, so that pandas must be there.
        calls_file: Where the call records go; empty for nowhere.
        loads_file: Where it is recorded which files of the model are opened; empty for nowhere.
        predict_threads: How many predictions may run at the same time.
    """

    model_dir: str
    loader: Mapping[str, Any]
    hands_tables: bool = False
    calls_file: str = ""
    loads_file: str = ""
    predict_threads: int = 1


def read_config(path: str) -> WorkerConfig:
    """Read a configuration file: a JSON object with the attributes of `WorkerConfig`; others are ignored.

    Raises:
        KeyError: `model_dir` or `loader` is missing.
        ValueError: It is not JSON.
        OSError: It cannot be read.
    """
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    return WorkerConfig(
        model_dir=document["model_dir"],
        loader=document["loader"],
        hands_tables=document.get("hands_tables", False),
        calls_file=document.get("calls_file", ""),
        loads_file=document.get("loads_file", ""),
        predict_threads=document.get("predict_threads", 1),
    )
