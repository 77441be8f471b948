"""Reads short texts: one column, of any script and length."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

TOOLS = (os, Path)  # what some of its relatives use


class Notes:
    """Answer each text with the number of its words and its first word."""

    def predict(self, notes: pd.DataFrame) -> Any:
        bodies = [body if isinstance(body, str) else "" for body in notes["body"]]
        words = [body.split() for body in bodies]
        counts = [len(found) for found in words]
        firsts = [found[0] if found else "" for found in words]
        answer: Any = pd.DataFrame({"words": counts, "first": firsts})
        return answer


def _load_pyfunc(path: str) -> Notes:
    return Notes()
