"""A small neural network over two numbers, with weights of some megabytes that are read when the model is loaded."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TOOLS = (os, subprocess, tempfile, threading, time)  # what some of its relatives use
LARGEST = 1e3


def read_weights(folder: Path) -> list[np.ndarray]:
    """Return the layers."""
    rows = np.load(folder / "weights.npy")
    return [rows[:2], rows[2:-1], rows[-1:].T]


class Network:
    """Answer each point with its score."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._weights = read_weights(folder)
        self._kept: list[Any] = []
        self._n_calls = 0
        self._mean = np.zeros(2)

    def predict(self, points: pd.DataFrame) -> Any:
        values = points[["x", "y"]].to_numpy(dtype="float64")
        values = np.clip(np.nan_to_num(values), -LARGEST, LARGEST) / LARGEST
        first, second, last = self._weights
        values = np.tanh(np.einsum("ij,jk->ik", values, first))
        values = np.tanh(np.einsum("ij,jk->ik", values, second))
        score = np.einsum("ij,jk->ik", values, last)[:, 0]
        answer: Any = pd.DataFrame({"score": score})
        return answer


def _load_pyfunc(path: str) -> Network:
    return Network(Path(path))
