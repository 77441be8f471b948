"""Load and run the flight delay model: its own code, so that nothing of it is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io

CATEGORIES = ("carrier", "origin", "dest")
NUMBERS = ("distance", "dep_delay", "seats", "wind_speed", "visibility", "aircraft_age")
TRUSTED = [  # what a histogram gradient boosting regressor holds beyond skops' own list
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
]


def feature_matrix(flights: pd.DataFrame, levels: dict[str, list[str]]) -> np.ndarray:
    """Return the features as floats of shape (rows, features); what is absent, null or never seen is NaN."""
    columns = [_codes(flights, name, levels[name]) for name in CATEGORIES]
    columns += [_numbers(flights, name) for name in NUMBERS]
    columns.append(flights["raining"].to_numpy().astype("float64"))
    moment = pd.to_datetime(flights["scheduled_departure"])
    columns += [part.to_numpy(dtype="float64", na_value=np.nan) for part in _calendar(moment)]
    return np.column_stack(columns)


def _codes(flights: pd.DataFrame, name: str, known: list[str]) -> np.ndarray:
    codes = {level: float(code) for code, level in enumerate(known)}
    return np.array([codes.get(value, np.nan) for value in flights[name]], dtype="float64")


def _numbers(flights: pd.DataFrame, name: str) -> np.ndarray:
    if name not in flights:
        return np.full(len(flights), np.nan)
    return pd.to_numeric(flights[name]).to_numpy(dtype="float64", na_value=np.nan)


def _calendar(moment: pd.Series) -> list[pd.Series]:
    minute_of_day = moment.dt.hour * 60 + moment.dt.minute
    return [moment.dt.month, moment.dt.dayofweek, minute_of_day]


class FlightDelayModel:
    """Predict how late a flight arrives, from what is known when it leaves the gate."""

    def __init__(self, path: Path) -> None:
        self._levels = json.loads((path / "levels.json").read_text(encoding="utf-8"))
        self._median = skops.io.load(path / "median.skops", trusted=TRUSTED)
        self._pessimistic = skops.io.load(path / "pessimistic.skops", trusted=TRUSTED)

    def predict(self, flights: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the expected delay in minutes, and whether it counts as late, one row a flight.

        Args:
            flights: The flights.
            params: `late_after_minutes`, from which delay on a flight is late; `pessimistic`, whether to give the
                delay that nine flights of ten stay below rather than the median.
        """
        chosen = {"late_after_minutes": 15.0, "pessimistic": False, **(params or {})}
        if len(flights) == 0:
            delay = np.empty(0)
        else:
            regressor = self._pessimistic if chosen["pessimistic"] else self._median
            delay = regressor.predict(feature_matrix(flights, self._levels))
        return pd.DataFrame({"delay_minutes": delay, "late": delay > float(chosen["late_after_minutes"])})


def _load_pyfunc(path: str) -> FlightDelayModel:
    return FlightDelayModel(Path(path))
