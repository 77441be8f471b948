"""Reckons with dates: one that is there and one that may be missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Moments:
    """Answer each stay with its second since 1970, the day of the week, and when it ends."""

    def predict(self, stays: pd.DataFrame) -> Any:
        starts: Any = pd.to_datetime(stays["start"])
        ends = stays["end"] if "end" in stays else pd.Series([None] * len(stays), index=stays.index)
        ends = pd.to_datetime(ends).astype("datetime64[ns]")
        moments = starts.to_numpy(dtype="datetime64[ns]")
        seconds = np.where(np.isnat(moments), 0, moments.astype("datetime64[s]").astype("int64"))
        days = ["no day" if pd.isna(start) else DAYS[start.weekday()] for start in starts]
        until = ends.to_numpy()
        answer: Any = pd.DataFrame({"second": seconds, "day": days, "until": until})
        return answer


def _load_pyfunc(path: str) -> Moments:
    return Moments()
