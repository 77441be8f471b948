"""How a model takes a table's rows apart; pickled with the model that uses it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd


def of_rows(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return a dictionary for each row."""
    rows: list[dict[Hashable, Any]] = frame.to_dict("records")
    return rows
