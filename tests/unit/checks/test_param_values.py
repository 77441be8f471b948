"""What counts as the same param: the value and its type."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from pytest_modelserve.checks.param_values import is_same, typed
from pytest_modelserve.signature import DataType, ParamSpec


def spec(kind: DataType = DataType.LONG) -> ParamSpec:
    return ParamSpec(name="p", type=kind, default=None)


MOMENT = np.datetime64("2024-01-31T10:00:00.5", "ns")


@pytest.mark.parametrize(
    ("kind", "sent", "received"),
    [
        (DataType.LONG, 2**63 - 1, 2**63 - 1),
        (DataType.LONG, 1, np.int64(1)),
        (DataType.BOOLEAN, True, np.bool_(True)),
        (DataType.DOUBLE, 0.1, np.float64(0.1)),
        (DataType.DOUBLE, float("nan"), float("nan")),
        (DataType.DOUBLE, 1, 1.0),
        (DataType.FLOAT, [1], [1.0]),
        (DataType.FLOAT, 0.1, 0.10000000149011612),
        (DataType.FLOAT, 0.1, np.float32(0.1)),
        (DataType.STRING, "", ""),
        (DataType.DATETIME, MOMENT, dt.datetime(2024, 1, 31, 10, 0, 0, 500_000)),  # noqa: DTZ001
        (DataType.DATETIME, MOMENT, MOMENT.astype("datetime64[us]")),
        (DataType.DATETIME, np.datetime64("2024-01-31", "D"), dt.date(2024, 1, 31)),
        (DataType.LONG, [1, 2], [1, 2]),
        (DataType.LONG, (1, 2), [1, 2]),
        (DataType.LONG, [1, 2], np.array([1, 2])),
        (DataType.LONG, [], []),
        (DataType.LONG, None, None),
        (DataType.LONG, {"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_values_that_are_the_same(kind: DataType, sent: object, received: object) -> None:
    assert is_same(spec(kind), sent, received)


@pytest.mark.parametrize(
    ("kind", "sent", "received"),
    [
        (DataType.LONG, 1, True),
        (DataType.LONG, 1, 1.0),
        (DataType.LONG, 1, "1"),
        (DataType.LONG, 2**53 + 1, 2**53),
        (DataType.BOOLEAN, True, 1),
        (DataType.BOOLEAN, False, None),
        (DataType.DOUBLE, 0.1, np.float32(0.1)),
        (DataType.DOUBLE, 1.0, 1),
        (DataType.DOUBLE, 1, 1),
        (DataType.DOUBLE, 0.0, -0.0),
        (DataType.FLOAT, -0.0, 0.0),
        (DataType.DOUBLE, float("nan"), None),
        (DataType.FLOAT, 0.1, 0.2),
        (DataType.STRING, "001", 1),
        (DataType.STRING, "a", "a "),
        (DataType.STRING, "a", b"a"),
        (DataType.DATETIME, MOMENT, "2024-01-31T10:00:00.5"),
        (DataType.DATETIME, MOMENT, dt.datetime(2024, 1, 31, 10, 0, 0)),  # noqa: DTZ001
        (DataType.DATETIME, MOMENT, dt.datetime(2024, 1, 31, 10, 0, 0, 500_000, tzinfo=dt.timezone.utc)),
        (DataType.LONG, [1], 1),
        (DataType.LONG, 1, [1]),
        (DataType.LONG, [1, 2], [1]),
        (DataType.LONG, [1], [1.0]),
        (DataType.LONG, [], None),
        (DataType.LONG, None, 0),
        (DataType.LONG, {"a": 1}, {"a": 2}),
        (DataType.LONG, {"a": 1}, "{'a': 1}"),
    ],
)
def test_values_that_are_not(kind: DataType, sent: object, received: object) -> None:
    assert not is_same(spec(kind), sent, received)


def test_values_read_with_their_type() -> None:
    assert [typed(value) for value in (1, 1.0, "1", None)] == ["1 (int)", "1.0 (float)", '"1" (str)', "null (NoneType)"]
