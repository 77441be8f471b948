"""What a model makes of dates; pickled with the model that uses it."""

from __future__ import annotations

import numpy as np
import pandas as pd


def of_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return where in the year each date lies, and whether it is a weekend."""
    days = frame["date"].dt.dayofyear
    features: pd.DataFrame = pd.DataFrame(
        {
            "sine": np.sin(2 * np.pi * days / 365.25),
            "cosine": np.cos(2 * np.pi * days / 365.25),
            "weekend": frame["date"].dt.dayofweek >= 5,
        }
    )
    return features
