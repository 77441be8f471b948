"""Behind MLflow's own server the spy sees what it sees behind ours: each call by its request, bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Envelope, Table
from pytest_modelserve.checks.calls import Call
from pytest_modelserve.checks.recorded import RecordedColumn, RecordedTable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first model builds the environment of them all

IRIS: Final = Path(__file__).parents[3] / "example_models" / "iris_classifier"
PARTS: Final = tuple(f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width"))
TYPES: Final = ("double", "float", "long", "integer", "string", "boolean", "datetime", "binary")
ECHO: Final = {
    "inputs": [{"name": name, "type": name, "required": True} for name in TYPES],
    "params": [{"name": "k", "type": "long", "default": 3, "shape": None}],
}
VALUES: Final = {
    "double": 0.1 + 0.2,
    "float": 0.1,
    "long": 2**53 + 1,
    "integer": -(2**31),
    "string": "\u200b001",
    "boolean": True,
    "datetime": "2024-02-29T01:02:03.123456789",
    "binary": b"\x00\xff",
}

Spied = Any
ServeSpied = Callable[[Path, Case], Spied]


def ask(spied: Spied, at: int, case: Case) -> Call:
    """Send a case to one of both servers and return what its spy recorded."""
    invocation = spied.clients[at].invoke(case)
    assert invocation.status == 200, invocation.body
    call = spied.calls[at].find(invocation.request_id)
    assert isinstance(call, Call)
    return call


def columns_of(call: Call) -> dict[object, RecordedColumn]:
    assert isinstance(call.received.value, RecordedTable)
    return {column.name: column for column in call.received.value.columns}


def test_a_classifier_of_scikit_learn(serve_spied: ServeSpied) -> None:
    rows = ((5.1, 3.5, 1.4, 0.1 + 0.2), (6.7, 3.0, 5.2, 2.3))
    case = Case(payload=Table(columns=PARTS, rows=rows), envelope=Envelope.DATAFRAME_SPLIT)
    spied = serve_spied(IRIS, case)

    ours, theirs = (ask(spied, at, case) for at in (0, 1))

    assert ours.received.value == theirs.received.value
    assert [column.values for column in columns_of(theirs).values()] == list(zip(*rows, strict=True))
    for call in (ours, theirs):
        assert isinstance(call.returned.value, np.ndarray)
        assert (call.returned.value.dtype, call.returned.value.tolist()) == (np.dtype("int64"), [0, 2])
        assert not call.params.value  # predict takes params, of which this signature has none


def test_each_type_and_the_params(serve_spied: ServeSpied, save_echo: Callable[[Mapping[str, Any]], Path]) -> None:
    payload = Table(columns=TYPES, rows=(tuple(VALUES[name] for name in TYPES),))
    case = Case(payload=payload, envelope=Envelope.DATAFRAME_SPLIT, params={"k": 2**53 + 1})
    spied = serve_spied(save_echo(ECHO), case)

    ours, theirs = (ask(spied, at, case) for at in (0, 1))

    assert (ours.params.value, theirs.params.value) == ({"k": 2**53 + 1}, {"k": 2**53 + 1})
    for name, column in columns_of(ours).items():
        other = columns_of(theirs)[name]
        assert (column.dtype, column.values, list(map(type, column.values))) == (
            other.dtype,
            other.values,
            list(map(type, other.values)),
        )
    assert ours.returned.value == theirs.returned.value


def test_calls_at_the_same_time_are_told_apart(serve_spied: ServeSpied) -> None:
    def case_of(at: int) -> Case:
        row = (float(at), 3.5, 1.4, 0.2)
        return Case(payload=Table(columns=PARTS, rows=(row,) * (at + 1)), envelope=Envelope.DATAFRAME_SPLIT)

    spied = serve_spied(IRIS, case_of(0))
    for at in (0, 1):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n, at=at: spied.clients[at].invoke(case_of(n)), range(40)))
        for n, answer in enumerate(answers):
            call = spied.calls[at].find(answer.request_id)
            assert columns_of(call)[PARTS[0]].values == (float(n),) * (n + 1)
