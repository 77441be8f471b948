"""A small neural network over two numbers, with weights of some megabytes that are read when the model is loaded."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from typing import Any

import numpy as np
import pandas as pd

WIDTH = 512
TOOLS = (os, subprocess, tempfile, threading, time)  # what some of its relatives use
LARGEST = 1e3


def read_weights() -> list[np.ndarray]:
    """Return the layers: here they come from a seed, so that the model directory stays small."""
    numbers = np.random.default_rng(7)
    shapes = ((2, WIDTH), (WIDTH, WIDTH), (WIDTH, 1))
    return [numbers.normal(scale=shape[0] ** -0.5, size=shape) for shape in shapes]


class Network:
    """Answer each point with its score."""

    def __init__(self) -> None:
        self._weights = read_weights()
        self._kept: list[Any] = []
        self._n_calls = 0
        self._mean = np.zeros(2)

    def predict(self, points: pd.DataFrame) -> Any:
        values = points[["x", "y"]].to_numpy(dtype="float64")
        values = np.clip(np.nan_to_num(values), -LARGEST, LARGEST) / LARGEST
        for layer in self._weights[:-1]:
            values = np.tanh(np.einsum("ij,jk->ik", values, layer))
        score = np.einsum("ij,jk->ik", values, self._weights[-1])[:, 0]
        answer: Any = pd.DataFrame({"score": score})
        return answer


def _load_pyfunc(path: str) -> Network:
    return Network()
