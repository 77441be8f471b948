"""Input examples as users give them: `write.py` asks MLflow for the signature and the request that it makes of each."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd


def examples() -> dict[str, Any]:
    """Give examples by name; a pair is data and params."""
    chat = {"messages": [{"role": "user", "content": "hi"}]}
    return {
        **_frames(),
        "array": np.zeros((2, 3)),
        "array with NaN": np.array([[1, np.nan]]),
        "array of integers": np.array([1, 2]),
        "array of text": np.array(["a", "b"]),
        "array of bytes": np.array([b"a"]),
        "array of booleans": np.array([True]),
        "array of datetimes": np.array(["2024-01-31"], "datetime64[ns]"),
        "named arrays": {"a": np.zeros((2, 2)), "b": np.array([1, 2])},
        "list of integers": [1, 2, 3],
        "list of floats": [0.5, 2.0],
        "list of text": ["a", "b"],
        "list of lists": [[1, 2], [3, 4]],
        "text": "hello",
        "integer": 5,
        "float": 0.5,
        "boolean": True,
        "bytes": b"abc",
        "dict of scalars": {"a": 1, "b": "x"},
        "dict of lists": {"a": [1, 2], "b": ["x", "y"]},
        "dict of both": {"a": [1, 2], "b": "x"},
        "dict nested": {"a": {"b": [1, 2], "c": None}},
        "dict with null": {"a": None, "b": 1},
        "list of dicts": [{"a": 1, "b": "x"}, {"a": 2}],
        "list of nested dicts": [{"a": {"b": 1}}, {"a": {"b": 2, "c": "x"}}],
        "messages": chat,
        "messages and params": (chat, {"temperature": 0.5}),
        "prompt": {"prompt": "hi", "n": 2},
        "input": {"input": ["a", "b"]},
        "frame and params": (pd.DataFrame({"x": [1.5]}), {"k": 1, "l": [0.5], "s": "x"}),
    }


def _frames() -> dict[str, pd.DataFrame]:
    times = ["2024-01-31T00:00:00.5", "2024-01-31T12:30:00.123456789"]
    columns: dict[str, Any] = {
        "frame with NaN": [0.5, np.nan],
        "frame with null text": ["a", None],
        "frame of float32": np.array([0.5, np.nan], "float32"),
        "frame of int32": np.array([1, 2], "int32"),
        "frame of datetimes": pd.to_datetime(times),
        "frame with NaT": pd.Series(["2024-01-31", None]).astype("datetime64[ns]"),
        "frame of dates": [dt.date(2024, 1, 31)],
        "frame of bytes": [b"hi", b"\x00\xff" * 60],
        "frame of lists": [[1, 2], [3]],
        "frame of lists with null": [[1.5, None], [3.5]],
        "frame of dicts": [{"a": 1, "b": None}, {"a": 2, "b": 3}],
        "frame with null integers": pd.Series([1, None], dtype=object),
        "frame with null booleans": pd.Series([True, None], dtype=object),
        "frame of nulls": [None, None],
        "frame with infinity": [np.inf, 1],
    }
    return {
        **{name: pd.DataFrame({"x": values}) for name, values in columns.items()},
        "frame": pd.DataFrame({"n": [1, 2], "x": [0.5, 1.5], "t": ["a", "b"], "f": [True, False]}),
        "frame without names": pd.DataFrame([[1, 0.5], [2, 1.5]]),
        "frame with prompts": pd.DataFrame({"prompt": ["a", "b"]}),
    }
