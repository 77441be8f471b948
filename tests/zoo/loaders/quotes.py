"""Quotes a price: one number in, and two params, of which one is text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

DEAREST = 1e6


class Quotes:
    """Answer each amount with its price and a label."""

    def __init__(self) -> None:
        self._chosen: dict[str, Any] = {"discount": 0.0, "currency": "EUR"}

    def predict(self, orders: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        chosen = {**self._chosen, **(params or {})}
        amounts = np.clip(np.nan_to_num(orders["amount"].to_numpy(dtype="float64")), 0.0, DEAREST)
        price = amounts * (1.0 - min(abs(float(chosen["discount"])), 1.0))
        answer: Any = pd.DataFrame({"price": price, "currency": chosen["currency"]})
        return answer


def _load_pyfunc(path: str) -> Quotes:
    return Quotes()
