"""Measures routes: two named tensors in, two named tensors out."""

from __future__ import annotations

from typing import Any

import numpy as np

FARTHEST = 1e6


class Routes:
    """Answer each route with its number and its length."""

    def predict(self, routes: dict[str, np.ndarray]) -> Any:
        numbers = routes["number"]
        steps = np.clip(np.nan_to_num(routes["step"]), -FARTHEST, FARTHEST)
        length = np.sqrt((steps**2).sum(axis=1))
        answer: Any = {"number": numbers, "length": length}
        return answer


def _load_pyfunc(path: str) -> Routes:
    return Routes()
