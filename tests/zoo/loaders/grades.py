"""Grades exams: booleans, whole numbers of 32 bits, and a score that may be missing."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd

HIGHEST: Final = 100.0
WORKS: Final = (dt.timedelta, Decimal)  # what some of its relatives answer with


class Grade(enum.Enum):
    """What a score is worth."""

    LOW = 1
    HIGH = 2


class Grades:
    """Answer each exam with whether it is passed, a grade, and the share of its points."""

    def predict(self, exams: pd.DataFrame) -> Any:
        scores = exams["score"] if "score" in exams else pd.Series([None] * len(exams), index=exams.index)
        points = pd.to_numeric(scores).to_numpy(dtype="float64", na_value=np.nan)
        known = np.clip(np.nan_to_num(points), 0.0, HIGHEST)
        present = exams["present"].to_numpy(dtype="bool")
        tries = np.clip(exams["tries"].to_numpy(dtype="int64"), 1, 5)
        share = known / HIGHEST
        grades = np.where(known > 50.0, 1, 2) + tries - 1
        passed = present & (known > 50.0)
        answer: Any = pd.DataFrame({"passed": passed, "grade": grades, "share": share})
        return answer


def _load_pyfunc(path: str) -> Grades:
    return Grades()
