"""Sums up baskets: a list of records with an optional property, and a map of prices that may be missing."""

from __future__ import annotations

from typing import Any

import pandas as pd

MOST = 1000
DEAREST = 1e6


def bounded(value: Any, most: float) -> float:
    """Return a number between zero and the most; what is no number counts as zero."""
    return min(max(float(value), 0.0), most) if isinstance(value, int | float) and not pd.isna(value) else 0.0


class Baskets:
    """Answer each basket with its counts, its total, and its largest count."""

    def predict(self, baskets: pd.DataFrame) -> Any:
        maps = list(baskets["prices"]) if "prices" in baskets else [None] * len(baskets)
        rows = []
        for items, prices in zip(baskets["items"], maps, strict=True):
            found = [item for item in items if item is not None]
            counts = [int(bounded(item.get("count"), MOST)) for item in found]
            known = prices if isinstance(prices, dict) else {}
            total = sum(bounded(known.get(item.get("name")), DEAREST) for item in found)
            notes = [item.get("note") or "" for item in found]
            largest = max(counts, default=0)
            rows.append({"counts": counts, "total": float(total), "largest": largest, "notes": notes})
        answer: Any = pd.DataFrame(rows, columns=["counts", "total", "largest", "notes"])
        return answer


def _load_pyfunc(path: str) -> Baskets:
    return Baskets()
