"""What a case knows of itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pytest_modelserve.cases import NO_PARAMS, Case, Document, Expectation, Level, Payload, RawBody, Table, Tensors


@pytest.mark.parametrize(
    ("payload", "n_rows"),
    [
        (Table(columns=("a",), rows=()), 0),
        (Table(columns=("a",), rows=((1,), (2,))), 2),
        (Tensors(arrays={None: np.zeros((3, 2))}), 3),
        (Tensors(arrays={"a": np.zeros(4), "b": [1, 2]}), 2),
        (Tensors(arrays={None: np.array(1.0)}), 1),
        (Tensors(arrays={}), 0),
        (Document(value={"inputs": [1]}), None),
        (RawBody(body=b"x"), None),
    ],
)
def test_rows_are_counted_where_the_payload_says(payload: Payload, n_rows: int | None) -> None:
    assert Case(payload=payload).n_rows == n_rows


def test_a_case_is_valid_and_tame_unless_told_otherwise() -> None:
    case = Case(payload=RawBody(body=b""))
    assert (case.expectation, case.level, case.rule) == (Expectation.ACCEPT, Level.EXAMPLE, "valid")
    assert case.params is NO_PARAMS


def test_levels_are_ordered_by_distance() -> None:
    assert max(Level.EXAMPLE, Level.EXTREME, Level.PLAUSIBLE) is Level.EXTREME
    assert Level.EXAMPLE < Level.PLAUSIBLE


def test_a_case_does_not_change() -> None:
    case = Case(payload=RawBody(body=b""))
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.rule = "other"  # type: ignore[misc]
