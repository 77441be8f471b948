"""Rows together and alone, against models in which a row depends on its company."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelserve.cases import Table, Tensors
from pytest_modelserve.checks.batches import batch_invariant
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.domain import Origin, bound, from_table
from pytest_modelserve.results import Outcome
from pytest_modelserve.server.deviations import Deviation, Example
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

Serve = Callable[..., CheckContext]

INPUTS = ColumnSchema(
    columns=(
        ColumnSpec(name="age", type=DataType.LONG),
        ColumnSpec(name="bmi", type=DataType.DOUBLE),
        ColumnSpec(name="plan", type=DataType.STRING),
    )
)
SIGNATURE = Signature(inputs=INPUTS, outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)))
LABELS = Signature(inputs=INPUTS, outputs=ColumnSchema(columns=(ColumnSpec(name="label", type=DataType.STRING),)))
EXAMPLE = Table(columns=("age", "bmi", "plan"), rows=((30, 21.5, "basic"), (40, 33.25, "pro"), (50, 27.0, "basic")))
TENSORS = Signature(
    inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 3)),)),
    outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),)),
)
ARRAY = Tensors(arrays={None: np.array([[0.5, 1.5, 2.5], [1.0, 0.25, 3.0]], dtype=np.float32)})


def score(row: dict[str, Any]) -> float:
    return float(row["age"]) * 0.25 + float(row["bmi"]) * 1.75 + len(row["plan"])


def healthy(rows: list[Any]) -> list[Any]:
    return [{"y": score(row)} for row in rows]


def test_a_pure_function_passes_in_few_requests(serve: Serve) -> None:
    result = batch_invariant(serve(healthy, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.reason, result.failure, result.advice) == (Outcome.PASSED, "", None, ())
    assert result.name == "batch_invariant"
    assert 20 < result.requests < 60


def test_every_size_and_order_is_sent(serve: Serve) -> None:
    sizes: list[int] = []

    def noting(rows: list[Any]) -> object:
        sizes.append(len(rows))
        return healthy(rows)

    batch_invariant(serve(noting, SIGNATURE, example=EXAMPLE), "")
    assert {1, 2, 3, 10, 24, 100} <= set(sizes)


@pytest.mark.parametrize("sender", ["columns", "tensors"])
def test_the_noise_of_another_path_through_the_arithmetic_passes(sender: str, serve: Serve) -> None:
    weights = np.array([[0.1, 0.7], [0.3, -0.2], [0.9, 0.4]], dtype=np.float32)

    def by_size(rows: list[Any]) -> object:  # a library adds up in another order from some size on
        if sender == "columns":
            return [{"y": score(row) * (1 + (len(rows) % 3) * 2.0**-52)} for row in rows]
        noise = np.float32(1 + (len(rows) % 3) * 3e-7)
        return (np.clip(np.array(rows, dtype=np.float32), -1e9, 1e9) @ weights * noise).tolist()

    signature, example = (SIGNATURE, EXAMPLE) if sender == "columns" else (TENSORS, ARRAY)
    result = batch_invariant(serve(by_size, signature, example=example), "")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)


@given(weights=st.lists(st.floats(-100, 100), min_size=3, max_size=3), bias=st.floats(-10, 10))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_linear_model_is_blamed_for_the_library_below_it(weights: list[float], bias: float, serve: Serve) -> None:
    def linear(rows: list[Any]) -> object:
        matrix = np.array([[row["age"], row["bmi"], len(row["plan"])] for row in rows], dtype=float)
        return [{"y": float(number)} for number in matrix @ np.array(weights) + bias]

    assert batch_invariant(serve(linear, SIGNATURE, example=EXAMPLE), "").outcome is Outcome.PASSED


def standing_after(rows: list[Any]) -> object:
    """Answer with the state of the row before, as a recurrent net that is not reset."""
    before = [0.0, *(1.0 if row["plan"] == "pro" else 0.0 for row in rows)]
    return [{"y": score(row) + state} for row, state in zip(rows, before, strict=False)]


def test_a_row_that_depends_on_the_one_before_is_made_small(serve: Serve) -> None:
    result = batch_invariant(serve(standing_after, SIGNATURE, example=EXAMPLE), "")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    title = result.failure.title
    assert title.startswith("row 1 is not answered by itself: predictions[0][")
    assert "alone, but " in title
    assert "after row 0" in title
    assert "2 rows x 3 columns in dataframe_split; 1 of 6 cells differ from the input example" in result.failure.request
    assert 'row 0  plan  "basic" -> "pro"' in result.failure.request
    assert "5/5 showed it" in result.failure.text
    assert "--model-skip 'batch_invariant=" in result.failure.text


def mean_of_all(rows: list[Any]) -> object:
    mean = sum(score(row) for row in rows) / len(rows)
    return [{"y": score(row) - mean} for row in rows]


def sorted_by_score(rows: list[Any]) -> object:
    return sorted(healthy(rows), key=lambda one: one["y"])


def without_twins(rows: list[Any]) -> object:
    seen: set[float] = set()
    found = []
    for row in rows:
        found.append({"y": -1.0 if score(row) in seen else score(row)})
        seen.add(score(row))
    return found


def first_for_all(rows: list[Any]) -> object:
    return [{"y": score(rows[0])} for _ in rows]


def wrong_from_a_hundred_on(rows: list[Any]) -> object:
    return [{"y": score(row) + (0.5 if len(rows) >= 100 else 0.0)} for row in rows]


@pytest.mark.parametrize(
    ("predict", "rows"),
    [
        (mean_of_all, "2 rows"),
        (sorted_by_score, "2 rows"),
        (without_twins, "2 rows"),
        (first_for_all, "2 rows"),
        (wrong_from_a_hundred_on, "100 rows"),
    ],
)
def test_what_company_changes_fails(predict: Callable[[list[Any]], object], rows: str, serve: Serve) -> None:
    result = batch_invariant(serve(predict, SIGNATURE, example=EXAMPLE), "")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.request.startswith(f"{rows} x 3 columns")


def test_rows_of_tensors_are_the_first_axis(serve: Serve) -> None:
    def normalizing(rows: list[Any]) -> object:
        numbers = np.clip(np.array(rows, dtype=np.float32), -1e9, 1e9)
        return (numbers[:, :2] / max(float(np.abs(numbers).max()), 1.0)).tolist()

    result = batch_invariant(serve(normalizing, TENSORS, example=ARRAY), "")
    assert result.failure is not None
    assert "tensor float32 (2, 3)" in result.failure.request


def test_rows_that_the_model_refuses_alone_are_left_out(serve: Serve) -> None:
    def picky(rows: list[Any]) -> object:
        if any(row["plan"] not in {"basic", "pro"} or row["age"] < 0 for row in rows):
            raise ValueError("never seen")
        return healthy(rows)

    result = batch_invariant(serve(picky, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.advice) == (Outcome.PASSED, ())


def test_a_limit_of_the_batch_is_advice(serve: Serve) -> None:
    def limited(rows: list[Any]) -> object:
        if len(rows) > 50:
            raise ValueError("at most 50 rows")
        return healthy(rows)

    result = batch_invariant(serve(limited, SIGNATURE, example=EXAMPLE), "")
    assert result.outcome is Outcome.PASSED
    assert [advice.text for advice in result.advice] == [
        "the model refuses 100 rows together that it takes alone (ValueError: at most 50 rows)"
    ]


def test_a_crash_of_rows_that_are_fine_alone_fails_with_the_fewest(serve: Serve) -> None:
    def crashing(rows: list[Any]) -> object:
        if len({row["plan"] for row in rows}) > 1:
            raise KeyError("plan")
        return healthy(rows)

    result = batch_invariant(serve(crashing, SIGNATURE, example=EXAMPLE), "")
    assert result.failure is not None
    assert "each of its 2 rows is predicted alone" in result.failure.title
    assert result.failure.request.startswith("2 rows x 3 columns")


DATES = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="t", type=DataType.DATETIME, required=False),
            ColumnSpec(name="n", type=DataType.LONG),
        )
    ),
    outputs=SIGNATURE.outputs,
)
FIRST_DAYS = Table(columns=("t", "n"), rows=((np.datetime64("2024-01-01T00:00:00"), 1), (None, 2)))
TWO_FORMS = Deviation(
    id="dates_of_two_forms",
    server="mlflow",
    versions=">=3.12",
    rules=("valid", "input_example"),
    kinds=frozenset({"rejected"}),
    types=frozenset({"datetime"}),
    answer="schema says no",
    min_rows=2,
    is_steady=False,
    what="Dates of two forms are refused together.",
    link="https://example.org",
    example=Example(model="m", status=400),
)
ALIKE = {"anyOf": [{"items": {"prefixItems": [form]}} for form in ({"pattern": r"\."}, {"not": {"pattern": r"\."}})]}


@pytest.mark.parametrize(
    ("data", "known", "outcome", "reason"),
    [
        (ALIKE, (TWO_FORMS,), Outcome.PASSED, ""),
        (ALIKE, (replace(TWO_FORMS, answer="another"),), Outcome.FAILED, ""),
        (ALIKE, (), Outcome.FAILED, ""),
        ({"maxItems": 1}, (), Outcome.FAILED, ""),
        (
            {"maxItems": 1},
            (TWO_FORMS,),
            Outcome.INCONCLUSIVE,
            "no two rows were predicted together: Dates of two forms are refused together. (dates_of_two_forms)",
        ),
    ],
)
def test_rows_that_a_server_is_known_to_refuse_together_are_no_failure(
    data: dict[str, Any], known: tuple[Deviation, ...], outcome: Outcome, reason: str, serve: Serve
) -> None:
    context = serve(lambda rows: [{"y": float(row["n"])} for row in rows], DATES, example=FIRST_DAYS)
    served: Any = context.served
    served.take_only({"properties": {"dataframe_split": {"properties": {"data": data}}}})
    result = run_check(replace(context, known=known), BY_NAME["batch_invariant"], "")
    assert (result.outcome, result.reason) == (outcome, reason)
    assert bool(result.deviations) is (outcome is not Outcome.FAILED)
    if result.failure:
        assert "each of its 2 rows is predicted alone" in result.failure.title


def test_a_server_that_rows_together_cost_is_the_failure(serve: Serve) -> None:
    def dying(rows: list[Any]) -> object:
        if len(rows) == 100:
            raise ConnectionResetError("gone")
        return healthy(rows)

    result = batch_invariant(serve(dying, SIGNATURE, example=EXAMPLE), "")
    assert result.failure is not None
    assert result.failure.title.startswith("the connection was lost")


def test_a_label_that_the_last_digits_decide_is_advice(serve: Serve) -> None:
    def by_sum(rows: list[Any]) -> object:  # 33.25 lies on the border, which another order of adding up moves
        noise = 1 + (len(rows) > 1) * 2.0**-51
        return [{"label": "high" if row["bmi"] * noise > 33.25 else "low"} for row in rows]

    result = batch_invariant(serve(by_sum, LABELS, example=EXAMPLE), "")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
    assert ["the last digits of a row decide its answer" in advice.text for advice in result.advice] == [True]


def test_a_label_that_company_decides_fails(serve: Serve) -> None:
    def ranking(rows: list[Any]) -> object:
        best = max(score(row) for row in rows)
        return [{"label": "best" if score(row) == best else "other"} for row in rows]

    result = batch_invariant(serve(ranking, LABELS, example=EXAMPLE), "")
    assert result.failure is not None
    assert '"best" alone, but "other"' in result.failure.title


def test_what_no_replay_shows_again_is_no_failure_and_no_pass(serve: Serve) -> None:
    calls = itertools.count()

    def once(rows: list[Any]) -> object:
        shift = 0.5 if len(rows) > 1 and next(calls) == 2 else 0.0
        return [{"y": score(row) + shift} for row in rows]

    result = batch_invariant(serve(once, SIGNATURE, example=Table(columns=EXAMPLE.columns, rows=EXAMPLE.rows[:1])), "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "which no replay showed again" in result.reason


def test_a_row_that_is_not_answered_alike_alone_proves_nothing_of_rows_together(serve: Serve) -> None:
    last = [0.0]

    def remembering(rows: list[Any]) -> object:
        before, last[0] = last[0], float(len(rows))
        return [{"y": score(row) + before} for row in rows]

    result = batch_invariant(serve(remembering, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "see stateless" in result.reason


def test_a_column_of_unique_values_is_never_repeated(serve: Serve) -> None:
    twins: list[int] = []
    sizes: list[int] = []

    def checking(rows: list[Any]) -> object:
        sizes.append(len(rows))
        twins.append(len(rows) - len({row["age"] for row in rows}))
        return healthy(rows)

    domain = bound(from_table({"age": {"unique": True}}, origin=Origin.MARKER, place="here"), SIGNATURE)
    result = batch_invariant(serve(checking, SIGNATURE, example=EXAMPLE, domain=domain), "")
    assert result.outcome is Outcome.PASSED
    assert set(twins) == {0}
    assert max(sizes) > 3


def test_a_failure_is_not_made_small_to_rows_that_the_domain_forbids(serve: Serve) -> None:
    domain = bound(from_table({"age": {"unique": True}}, origin=Origin.MARKER, place="here"), SIGNATURE)
    result = batch_invariant(serve(mean_of_all, SIGNATURE, example=EXAMPLE, domain=domain), "")
    assert result.failure is not None
    assert "row 1  age  30 -> " in result.failure.request or "row 0  age  30 -> " in result.failure.request


@pytest.mark.parametrize("is_alone", [True, False])
def test_where_no_two_answers_can_be_compared_it_is_inconclusive(is_alone: bool, serve: Serve) -> None:
    def refusing(rows: list[Any]) -> object:
        if (len(rows) == 1) is not is_alone:
            raise ValueError("no")
        return healthy(rows)

    result = batch_invariant(serve(refusing, SIGNATURE, example=EXAMPLE), "")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert ("no two rows" if is_alone else "no single row") in result.reason


def test_without_a_signature_the_rows_of_the_example_are_sent(serve: Serve) -> None:
    context = serve(mean_of_all, None, example=EXAMPLE)
    context.served.take_only({"type": "object"})  # type: ignore[attr-defined]
    assert batch_invariant(context, "").outcome is Outcome.FAILED


def test_another_number_of_predictions_than_rows_fails(serve: Serve) -> None:
    result = batch_invariant(serve(lambda rows: healthy(rows[:1]), SIGNATURE, example=EXAMPLE), "")
    assert result.failure is not None
    assert "1 row alone" not in result.failure.title
