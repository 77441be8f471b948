"""Prices parcels by zone and weight: text, whole and real numbers, and an optional column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

HEAVIEST = 1000.0
RATES = {"north": 2.5, "south": 3.0}
USUAL_RATE = 4.0


class Parcels:
    """Answer each parcel with its number, its price and a label."""

    def predict(self, orders: pd.DataFrame) -> Any:
        given = list(orders["zone"]) if "zone" in orders else [None] * len(orders)
        zones: list[Any] = [zone if isinstance(zone, str) else None for zone in given]
        numbers = orders["number"].to_numpy()
        heavy = orders["weight"].to_numpy(dtype="float64")
        weight = np.clip(np.nan_to_num(heavy), 0.0, HEAVIEST)
        rates = np.array([RATES.get(zone, USUAL_RATE) for zone in zones], dtype="float64")
        price = rates * weight
        labels = [f"to {zone}" if zone is not None else "no zone" for zone in zones]
        answer: Any = pd.DataFrame({"number": numbers, "price": price, "label": labels})
        return answer


def _load_pyfunc(path: str) -> Parcels:
    return Parcels()
