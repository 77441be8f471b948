"""Requests repeated, between others and with parameters, against models that keep what they should not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from pytest_modelserve.cases import Table, Tensors
from pytest_modelserve.checks.anchor import UNSTEADY, why_not_compared
from pytest_modelserve.checks.batches import batch_invariant
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.exchanges import TIMED, Exchanges
from pytest_modelserve.checks.good_request import why_no_request
from pytest_modelserve.checks.statelessness import TELLS_ANCHOR, stateless, stateless_variants
from pytest_modelserve.checks.table import CHECKS
from pytest_modelserve.results import Outcome
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature

Serve = Callable[..., CheckContext]
Predict = Callable[[list[Any]], object]

INPUTS = ColumnSchema(
    columns=(
        ColumnSpec(name="age", type=DataType.LONG),
        ColumnSpec(name="bmi", type=DataType.DOUBLE),
        ColumnSpec(name="plan", type=DataType.STRING),
    )
)
OUTPUTS = ColumnSchema(
    columns=(ColumnSpec(name="id", type=DataType.STRING), ColumnSpec(name="y", type=DataType.DOUBLE))
)
SIGNATURE = Signature(inputs=INPUTS, outputs=OUTPUTS)
WITH_PARAMS = Signature(
    inputs=INPUTS, outputs=OUTPUTS, params=(ParamSpec(name="scale", type=DataType.DOUBLE, default=1.0),)
)
EXAMPLE = Table(columns=("age", "bmi", "plan"), rows=((30, 21.5, "basic"), (40, 33.25, "pro")))
VARIANTS = ("repeat", "interleave", "concurrent", "restart")


def score(row: dict[str, Any]) -> float:
    return tame(row["age"] * 0.25 + row["bmi"] * 1.75) + len(row["plan"])


def tame(number: float) -> float:
    return min(max(float(number), -1e12), 1e12)


def healthy(rows: list[Any]) -> object:
    return [{"id": f"r{at}", "y": score(row)} for at, row in enumerate(rows)]


class Remembering:
    """Adds to each answer something of the request before it."""

    def __init__(self, kept: Callable[[list[Any]], float]) -> None:
        self.kept = kept
        self.before = 0.0

    def __call__(self, rows: list[Any]) -> object:
        predictions = [{"id": "r", "y": score(row) + self.before} for row in rows]
        self.before = self.kept(rows)
        return predictions


def first_bmi_if_far(rows: list[Any]) -> float:
    return 1.0 if rows[0]["bmi"] not in {21.5, 33.25} else 0.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_pure_function_passes(variant: str, serve: Serve) -> None:
    result = stateless(serve(healthy, SIGNATURE, example=EXAMPLE), variant)
    assert (result.outcome, result.reason, result.failure, result.advice) == (Outcome.PASSED, "", None, ())
    assert result.name == f"stateless[{variant}]"
    assert 0 < result.accepted <= result.requests


def test_the_checks_of_behaviour_stay_below_three_hundred_requests(serve: Serve) -> None:
    context = serve(healthy, WITH_PARAMS, example=EXAMPLE)
    *results, of_two_processes = [stateless(context, variant) for variant in VARIANTS]
    assert sum(result.requests for result in (*results, batch_invariant(context, ""))) <= 300
    assert of_two_processes.requests <= 20


@pytest.mark.parametrize("variant", VARIANTS)
def test_noise_of_the_last_place_is_no_state(variant: str, serve: Serve) -> None:
    calls = itertools.count()

    def noisy(rows: list[Any]) -> object:
        return [{"id": "r", "y": score(row) * (1 + next(calls) % 3 * 2.0**-52)} for row in rows]

    assert stateless(serve(noisy, SIGNATURE, example=EXAMPLE), variant).outcome is Outcome.PASSED


@pytest.mark.parametrize("variant", ["repeat", "interleave"])
def test_what_is_left_of_another_request_fails_with_both_requests_made_small(variant: str, serve: Serve) -> None:
    context = serve(Remembering(first_bmi_if_far), SIGNATURE, example=EXAMPLE)
    result = stateless(context, variant)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert 'predictions[0]["y"] is ' in result.failure.title
    assert "right after another request" in result.failure.title
    assert "5/5 showed it" in result.failure.text
    before = result.failure.text.partition("before it")[2].partition("sent so")[0]
    assert "1 row x 3 columns" in before
    assert "1 of 3 cells differ" in result.failure.text  # of the one that leaves something, or that is sent between
    assert "  bmi  21.5 -> " in result.failure.text


def test_an_answer_that_is_another_requests_is_told_to_be(serve: Serve) -> None:
    last = [healthy([])]

    def stale(rows: list[Any]) -> object:
        if rows[0]["bmi"] != 0.0:
            last[0] = healthy(rows)
        return last[0]

    result = stateless(serve(stale, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "; that is the answer to " in result.failure.title


def test_a_cache_that_forgets_a_column_is_as_steady_as_any(serve: Serve) -> None:
    cache: dict[object, object] = {}

    def cached(rows: list[Any]) -> object:  # wrong, but the same each time: batch_invariant may tell it, this does not
        return cache.setdefault(tuple((row["age"], row["plan"]) for row in rows), healthy(rows))

    assert stateless(serve(cached, SIGNATURE, example=EXAMPLE), "repeat").outcome is Outcome.PASSED


def test_what_changes_for_good_is_told_as_that(serve: Serve) -> None:
    learned: list[int] = []

    def learning(rows: list[Any]) -> object:
        if any(row["age"] > 10**6 for row in rows):
            learned[:] = [1]
        return [{"id": "r", "y": score(row) + 100.5 * len(learned)} for row in rows]

    result = stateless(serve(learning, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "since other requests came" in result.failure.title
    assert "5/5 showed it" in result.failure.text


def test_a_request_that_is_answered_by_chance_is_flaky(serve: Serve) -> None:
    calls = itertools.count()

    def odd(rows: list[Any]) -> object:
        shift = 0.5 if rows[0]["bmi"] == 0.0 and next(calls) % 2 else 0.0
        return [{"id": "r", "y": score(row) + shift} for row in rows]

    result = stateless(serve(odd, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "flaky: " in result.failure.text
    assert "when repeated, with nothing between" in result.failure.title


def test_what_no_replay_shows_again_is_no_failure_and_no_pass(serve: Serve) -> None:
    calls = itertools.count()

    def once(rows: list[Any]) -> object:
        return [{"id": "r", "y": score(row) + (next(calls) == 30)} for row in rows]

    result = stateless(serve(once, SIGNATURE, example=EXAMPLE), "repeat")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "which no replay showed again" in result.reason


def test_parameters_of_one_request_do_not_reach_the_next(serve: Serve) -> None:
    kept = [1.0]

    def sticky(rows: list[Any]) -> object:
        document = json.loads(context.served.requests[-1].content)  # type: ignore[attr-defined]
        kept[0] = document.get("params", {}).get("scale", kept[0])  # mlflow#11014
        return [{"id": "r", "y": score(row) * kept[0]} for row in rows]

    context = serve(sticky, WITH_PARAMS, example=EXAMPLE)
    result = stateless(context, "interleave")
    assert result.failure is not None
    assert "params scale=" in result.failure.text


def test_a_request_that_is_refused_after_a_crash_fails(serve: Serve) -> None:
    broken: list[int] = []

    def crashing(rows: list[Any]) -> object:
        if broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        if any(abs(row["bmi"]) > 1e300 for row in rows):
            broken.append(1)
            raise KeyError("bmi")
        return healthy(rows)

    result = stateless(serve(crashing, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "the outcome is predicted at first, but model_crashed since other requests came" in result.failure.title


@pytest.mark.parametrize("variant", [*VARIANTS, "batch"])
def test_a_model_that_draws_at_random_fails_once_with_the_switch(variant: str, serve: Serve) -> None:
    numbers = itertools.count()

    def drawn(rows: list[Any]) -> object:
        return [{"id": "r", "y": next(numbers) + 0.5} for _ in rows]

    context = serve(drawn, SIGNATURE, example=EXAMPLE)
    results = {name: stateless(context, name) for name in sorted(VARIANTS, key=lambda name: name != variant)}
    told = results.pop(TELLS_ANCHOR)  # whichever of them ran first
    assert told.outcome is Outcome.FAILED
    assert told.failure is not None
    assert "--model-stochastic (stochastic = true)" in told.failure.text
    assert "--model-ignore-outputs y" in told.failure.text
    for result in (*results.values(), batch_invariant(context, "")):
        assert (result.outcome, result.reason, result.requests) == (Outcome.SKIPPED, UNSTEADY, 0)


def test_an_id_or_a_time_is_named_with_exactly_the_columns_that_differ(serve: Serve) -> None:
    numbers = itertools.count()

    def stamped(rows: list[Any]) -> object:
        return [{"id": f"request {next(numbers)}", "y": score(row)} for row in rows]

    result = stateless(serve(stamped, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "--model-ignore-outputs id." in result.failure.text
    for variant in VARIANTS:
        context = serve(stamped, SIGNATURE, example=EXAMPLE, ignored_outputs=("id",))
        assert stateless(context, variant).outcome is Outcome.PASSED


def test_a_model_that_answers_its_example_only_now_and_then_differs_from_itself(serve: Serve) -> None:
    numbers = itertools.count()

    def moody(rows: list[Any]) -> object:
        if next(numbers) % 5 == 4:  # three requests tell how long one takes
            raise KeyError("moody")
        return healthy(rows)

    result = stateless(serve(moody, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "the outcome is predicted at first, but model_crashed later" in result.failure.title
    assert "--model-ignore-outputs" not in result.failure.text


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_that_is_said_to_be_stochastic_is_left_out(variant: str, serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE, stochastic=True)
    results = (stateless(context, variant), batch_invariant(context, ""))
    assert {(result.outcome, result.applies, result.requests) for result in results} == {(Outcome.SKIPPED, False, 0)}
    assert all("--model-stochastic" in result.reason for result in results)
    with Exchanges.of(context) as exchanges:
        assert "--model-stochastic" in why_not_compared(context, exchanges)


def test_nothing_is_sent_together_where_the_user_says_one(serve: Serve) -> None:
    result = stateless(serve(healthy, SIGNATURE, example=EXAMPLE, concurrency=1), "concurrent")
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)


@pytest.mark.parametrize("variant", ["repeat", "concurrent"])
def test_one_answer_to_all_is_told_since_no_mix_up_would_show(variant: str, serve: Serve) -> None:
    def constant(rows: list[Any]) -> object:
        return [{"id": "r", "y": 1.0} for _ in rows]

    example = Table(columns=EXAMPLE.columns, rows=EXAMPLE.rows[:1])
    signature = Signature(inputs=INPUTS)

    def whole(rows: list[Any]) -> object:
        del rows
        return {"y": 1.0}

    assert stateless(serve(constant, SIGNATURE, example=example), variant).outcome is Outcome.PASSED
    result = stateless(serve(whole, signature, example=example), variant)
    assert result.outcome is Outcome.PASSED
    assert [advice.text for advice in result.advice if "requests got one answer" in advice.text]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_that_takes_nothing_is_inconclusive(variant: str, serve: Serve) -> None:
    def refusing(rows: list[Any]) -> object:
        raise ValueError("no")

    result = stateless(serve(refusing, SIGNATURE, example=EXAMPLE), variant)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "not one request was accepted" in result.reason


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_that_takes_only_its_example_is_repeated_all_the_same(variant: str, serve: Serve) -> None:
    def picky(rows: list[Any]) -> object:
        if [(row["age"], row["bmi"], row["plan"]) for row in rows] != [(30, 21.5, "basic")]:
            raise ValueError("never seen")
        return healthy(rows)

    example = Table(columns=EXAMPLE.columns, rows=EXAMPLE.rows[:1])
    assert stateless(serve(picky, SIGNATURE, example=example), variant).outcome is Outcome.PASSED


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_without_a_signature_is_repeated_by_its_example(variant: str, serve: Serve) -> None:
    context = serve(healthy, None, example=EXAMPLE)
    context.served.take_only({"type": "object"})  # type: ignore[attr-defined]
    assert stateless(context, variant).outcome is Outcome.PASSED


def test_time_that_runs_out_before_anything_was_repeated_is_inconclusive(serve: Serve) -> None:
    result = stateless(serve(healthy, SIGNATURE, example=EXAMPLE, budget_s=1e-9), "repeat")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "raise --model-budget" in result.reason


def test_a_server_that_a_repetition_costs_is_the_failure(serve: Serve) -> None:
    calls = itertools.count()

    def dying(rows: list[Any]) -> object:
        if next(calls) > 30:
            raise ConnectionResetError("gone")
        return healthy(rows)

    result = stateless(serve(dying, SIGNATURE, example=EXAMPLE), "repeat")
    assert result.failure is not None
    assert "the connection was lost" in result.failure.title
    assert "which was predicted before" in result.failure.title


def test_it_needs_a_request_that_is_valid(serve: Serve) -> None:
    context = serve(healthy, None)
    assert why_no_request(context.model)
    assert not why_no_request(serve(healthy, SIGNATURE).model)
    assert stateless_variants(context.model) == VARIANTS


def test_what_compares_answers_comes_after_what_tells_that_they_cannot_be() -> None:
    names = [check.name for check in CHECKS]
    assert names.index("matches_output_schema") < names.index("stateless") < names.index("batch_invariant")


def test_tensors_are_repeated(serve: Serve) -> None:
    import numpy as np

    from pytest_modelserve.signature.specs import TensorSchema, TensorSpec

    signature = Signature(
        inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1, 2)),)),
        outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1,)),)),
    )
    example = Tensors(arrays={None: np.array([[1.5, 2.5], [3.5, -1.0]])})
    for variant in VARIANTS:
        context = serve(lambda rows: [tame(row[0] * 0.3 + row[1]) for row in rows], signature, example=example)
        assert stateless(context, variant).outcome is Outcome.PASSED


OPTIONAL = Signature(
    inputs=INPUTS, outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE, required=False),))
)


@pytest.mark.parametrize("is_bare", [False, True])
@pytest.mark.parametrize(
    ("numbered", "outcome", "reason"),
    [
        (lambda _call, number: number, Outcome.PASSED, ""),
        (lambda _call, _number: float("nan"), Outcome.PASSED, ""),
        (lambda call, number: number if call < TIMED + 2 else float("nan"), Outcome.FAILED, ""),
    ],
)
def test_a_missing_value_is_compared_however_it_is_written(
    numbered: Callable[[int, float], float], outcome: Outcome, reason: str, is_bare: bool, spied: Serve
) -> None:
    """MLflow's server writes NaN, which is no JSON: that is told elsewhere, and hides no change of the answer."""
    calls = itertools.count()

    def predict(frame: pd.DataFrame) -> object:
        call = next(calls)
        return pd.DataFrame({"y": [numbered(call, tame(age)) for age in frame["age"]]})

    def on_return(body: bytes) -> bytes:
        return body.replace(b"null", b"NaN") if is_bare else body

    result = stateless(spied(predict, OPTIONAL, example=EXAMPLE, on_return=on_return), "repeat")
    assert (result.outcome, result.reason) == (outcome, reason)
