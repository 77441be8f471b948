"""Load and run a naive Bayes classifier of penguins: numpy, pandas, and a JSON file of parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FARTHEST = 40.0  # standard deviations; beyond them every species is equally impossible, and squares would overflow


class PenguinBayes:
    """Name the species of penguins by their measures; what is absent or null is left out of the reckoning."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._species: list[str] = parameters["species"]
        self._log_prior = np.array(parameters["log_prior"])
        self._measures: dict[str, dict[str, list[float]]] = parameters["measures"]
        self._labels: dict[str, dict[str, list[float]]] = parameters["labels"]

    def predict(self, penguins: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the likeliest species and its probability, one row a penguin.

        Args:
            penguins: The penguins.
            params: `unsure_below`, the probability below which the species is "unsure".
        """
        chosen = {"unsure_below": 0.0, **(params or {})}
        score = np.tile(self._log_prior, (len(penguins), 1))
        for name, shape in self._measures.items():
            if name in penguins:
                score += self._from_measure(penguins[name], shape)
        for name, table in self._labels.items():
            if name in penguins:
                score += self._from_label(penguins[name], table)
        weight = np.exp(score - score.max(axis=1, keepdims=True, initial=-np.inf))
        probability = (weight / weight.sum(axis=1, keepdims=True)).max(axis=1, initial=0.0)
        names = np.array([self._species[at] for at in score.argmax(axis=1)], dtype=object)
        names[probability < float(chosen["unsure_below"])] = "unsure"
        return pd.DataFrame({"species": names, "probability": probability})

    def _from_measure(self, values: pd.Series, shape: dict[str, list[float]]) -> np.ndarray:
        measured = pd.to_numeric(values).to_numpy(dtype="float64", na_value=np.nan)[:, None]
        mean, spread = np.array(shape["mean"]), np.array(shape["spread"])
        low, high = (mean - FARTHEST * spread).min(), (mean + FARTHEST * spread).max()
        distance = (np.clip(measured, low, high) - mean) / spread
        return np.where(np.isnan(measured), 0.0, -0.5 * distance**2 - np.log(spread))

    def _from_label(self, values: pd.Series, table: dict[str, list[float]]) -> np.ndarray:
        unseen = [0.0] * len(self._species)
        rows = [table.get(value, unseen) for value in values]
        return np.array(rows, dtype="float64").reshape(len(rows), len(unseen))  # the shape, for no rows at all


def _load_pyfunc(path: str) -> PenguinBayes:
    return PenguinBayes(json.loads(Path(path).read_text(encoding="utf-8")))
