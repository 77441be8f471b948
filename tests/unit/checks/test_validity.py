"""The checks that send what a signature allows, against servers in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.cases import Envelope, Table
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.history import History
from pytest_modelserve.checks.searches import envelopes_by_signature, valid_envelopes, why_no_inputs
from pytest_modelserve.checks.validity import accepts_valid, matches_output_schema
from pytest_modelserve.domain import Origin, bound, from_table
from pytest_modelserve.results import Outcome
from pytest_modelserve.signature.datatypes import Array, DataType, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies.edge_cases import edge_cases

Serve = Callable[..., CheckContext]
OUTPUTS = ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),))
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="age", type=DataType.LONG),
            ColumnSpec(name="plan", type=DataType.STRING),
            ColumnSpec(name="vip", type=DataType.BOOLEAN),
        )
    ),
    outputs=OUTPUTS,
)
EXAMPLE = Table(columns=("age", "plan", "vip"), rows=((30, "basic", True), (40, "pro", False)))
NESTED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=Array(items=DataType.LONG)),)))
NUMBERED = Signature(inputs=ColumnSchema(columns=tuple(ColumnSpec(name=at, type=DataType.DOUBLE) for at in range(2))))
UNNAMED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.DOUBLE),) * 2))
FIXED = Signature(
    inputs=TensorSchema(
        tensors=(
            TensorSpec(name="x", dtype="float64", shape=(2, 4)),
            TensorSpec(name="y", dtype="int64", shape=(3,)),
        )
    )
)
ALL = ("dataframe_split", "dataframe_records", "inputs", "instances")


def healthy(rows: list[Any]) -> object:
    return [{"y": 1.0} for _ in rows]


def refusing(rows: list[Any]) -> object:
    if any(row["plan"] not in {"basic", "pro"} for row in rows):
        raise ValueError("Found unknown categories in column plan")
    if any(row["age"] is not None and row["age"] < 0 for row in rows):
        raise ValueError("age is negative")
    return healthy(rows)


@pytest.mark.parametrize("variant", ALL)
def test_a_healthy_model_passes_in_every_envelope(variant: str, serve: Serve) -> None:
    result = accepts_valid(serve(healthy, SIGNATURE, example=EXAMPLE), variant)
    assert (result.outcome, result.reason, result.advice, result.failure) == (Outcome.PASSED, "", (), None)
    assert result.name == f"accepts_valid[{variant}]"
    assert 0 < result.accepted <= result.requests


def test_later_envelopes_send_the_same_values_in_fewer_requests(serve: Serve) -> None:
    first = accepts_valid(serve(healthy, SIGNATURE, example=EXAMPLE, examples=0), "dataframe_split")
    later = accepts_valid(serve(healthy, SIGNATURE, example=EXAMPLE, examples=0), "dataframe_records")
    assert later.requests < first.requests / 3


@pytest.mark.parametrize("variant", ALL)
def test_what_a_model_refuses_is_advice_by_column_with_what_settles_it(variant: str, serve: Serve) -> None:
    result = accepts_valid(serve(refusing, SIGNATURE, example=EXAMPLE), variant)
    assert result.outcome is Outcome.PASSED
    assert {(one.column, one.kind): one.domain for one in result.advice} == {
        ("plan", "refused"): '"plan" = { values = ["basic", "pro"] }',
        ("age", "refused"): '"age" = { min = 0 }',
    }


def test_advice_fails_where_the_user_is_strict(serve: Serve) -> None:
    result = accepts_valid(serve(refusing, SIGNATURE, example=EXAMPLE, strict=True), "dataframe_split")
    assert result.outcome is Outcome.FAILED
    assert result.advice == ()


@pytest.mark.parametrize("variant", ALL)
def test_a_crash_fails_in_every_envelope_by_its_smallest_case(variant: str, serve: Serve) -> None:
    def crashing(rows: list[Any]) -> object:
        if any(row["age"] == 0 and row["vip"] for row in rows):
            raise ZeroDivisionError("division by zero")
        return healthy(rows)

    result = accepts_valid(serve(crashing, SIGNATURE, example=EXAMPLE), variant)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "ZeroDivisionError" in result.failure.title
    assert "1 of 3 cells differ" in result.failure.request
    assert result.failure.seed == "7"


def test_a_rejection_by_the_server_fails(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    context.served.take_only({"type": "object", "maxProperties": 0})  # type: ignore[attr-defined]
    result = accepts_valid(context, "dataframe_split")
    assert result.outcome is Outcome.FAILED
    assert result.accepted == 0


def test_a_model_that_takes_only_its_example_is_inconclusive(serve: Serve) -> None:
    def picky(rows: list[Any]) -> object:
        if any((row["age"], row["plan"], row["vip"]) != (30, "basic", True) for row in rows):
            raise ValueError("never seen")
        return healthy(rows)

    example = Table(columns=EXAMPLE.columns, rows=EXAMPLE.rows[:1])
    result = accepts_valid(serve(picky, SIGNATURE, example=example), "dataframe_split")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert 'column "plan" was only tested on "basic" (refused:' in result.reason


def test_where_nothing_was_accepted_no_answer_was_judged(serve: Serve) -> None:
    def refuses(rows: list[Any]) -> object:
        raise ValueError("never")

    result = matches_output_schema(serve(refuses, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, "not one request was accepted")


def test_a_search_without_time_for_its_fixed_cases_is_inconclusive(serve: Serve) -> None:
    result = accepts_valid(serve(healthy, SIGNATURE, example=EXAMPLE, budget_s=1e-9), "inputs")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "--model-budget" in result.reason


def test_a_server_that_is_lost_and_not_again_is_inconclusive(serve: Serve) -> None:
    fates = iter([*[None] * 8, ConnectionResetError("gone")])

    def flaky(rows: list[Any]) -> object:
        if fate := next(fates, None):
            raise fate
        return healthy(rows)

    context = serve(flaky, SIGNATURE, example=EXAMPLE)
    result = accepts_valid(context, "inputs")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "lost once" in result.reason


def test_a_server_that_a_request_kills_each_time_fails(serve: Serve) -> None:
    def deadly(rows: list[Any]) -> object:
        if any(row["plan"] == "" for row in rows):
            raise ConnectionResetError("gone")
        return healthy(rows)

    result = accepts_valid(serve(deadly, SIGNATURE, example=EXAMPLE), "dataframe_records")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "connection was lost" in result.failure.title


def test_wrong_answers_fail_whatever_the_batch(serve: Serve) -> None:
    def wrong(rows: list[Any]) -> object:
        return [{"y": "text" if row["age"] == 0 else 1.0} for row in rows]

    def squeezed(rows: list[Any]) -> object:
        return [] if len(rows) == 1 else healthy(rows)

    def short(rows: list[Any]) -> object:
        return healthy(rows[:99])

    for predict, expected in ((wrong, "1 of 3 cells differ"), (squeezed, "1 row x"), (short, "100 rows")):
        result = matches_output_schema(serve(predict, SIGNATURE, example=EXAMPLE), "")
        assert result.outcome is Outcome.FAILED
        assert result.failure is not None
        assert expected in result.failure.request


def test_answers_that_accepts_valid_got_are_judged_and_not_asked_for_again(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    alone = matches_output_schema(replace(context, history=History()), "")
    accepts_valid(context, "dataframe_split")
    after = matches_output_schema(context, "")
    assert (alone.outcome, after.outcome) == (Outcome.PASSED, Outcome.PASSED)
    assert alone.requests - after.requests == context.settings.examples


def test_a_wrong_answer_that_accepts_valid_got_is_shown_again_before_it_is_told(serve: Serve) -> None:
    asked: list[list[Any]] = []

    def wrong_far_out(rows: list[Any]) -> object:
        asked.append(rows)
        return [{"y": 1.0} for _ in rows[:1]] if len(rows) > 2 else healthy(rows)

    context = serve(wrong_far_out, SIGNATURE, example=EXAMPLE)
    accepts_valid(context, "dataframe_split")
    n_before = len(asked)
    result = matches_output_schema(context, "")
    assert result.failure is not None
    assert "5/5" in result.failure.text
    assert sum(len(rows) > 2 for rows in asked[n_before:]) >= 5


def test_rows_beside_refused_ones_are_judged_too(serve: Serve) -> None:
    def predict(rows: list[Any]) -> object:
        refusing(rows)
        return [{"y": "text" if row["age"] == 400 else 1.0} for row in rows]  # ten times the example

    result = matches_output_schema(serve(predict, SIGNATURE, example=EXAMPLE), "")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "1 of 3 cells differ" in result.failure.request


def test_crashes_and_refusals_are_not_told_twice(serve: Serve) -> None:
    def crashing(rows: list[Any]) -> object:
        if any(row["age"] == 0 for row in rows):
            raise KeyError("age")
        return refusing(rows)

    result = matches_output_schema(serve(crashing, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.advice) == (Outcome.PASSED, ())


def test_missing_predictions_far_from_the_example_are_advice(serve: Serve) -> None:
    def predict(rows: list[Any]) -> object:
        return [{"y": None if abs(row["age"]) > 10**6 else 1.0} for row in rows]

    result = matches_output_schema(serve(predict, SIGNATURE, example=EXAMPLE), "")
    assert result.outcome is Outcome.PASSED
    (advice,) = result.advice
    assert (advice.column, advice.kind) == ("age", "no_prediction")
    assert advice.domain.startswith('"age" = { min = ')


def test_the_same_seed_sends_the_same_requests(serve: Serve) -> None:
    bodies = []
    for _ in range(2):
        context = serve(healthy, SIGNATURE, example=EXAMPLE)
        accepts_valid(context, "dataframe_split")
        bodies.append([request.content for request in context.served.requests])  # type: ignore[attr-defined]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("signature", "envelopes"),
    [
        (None, ()),
        (Signature(), ()),
        (SIGNATURE, (*ALL, "csv")),
        (NESTED, ALL[:3]),
        (NUMBERED, ALL[:1]),
        (UNNAMED, (*ALL[:2], "csv")),
        (
            Signature(
                inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.LONG),)), is_from_type_hint=True
            ),
            ("inputs",),
        ),
        (
            Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),))),
            ("inputs", "instances"),
        ),
        (FIXED, ("inputs",)),
        (Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="complex128", shape=(-1,)),))), ALL[2:]),
    ],
)
def test_envelopes_of_a_signature(signature: Signature | None, envelopes: tuple[str, ...], serve: Serve) -> None:
    model = serve(healthy, signature).model
    assert envelopes_by_signature(model) == envelopes
    assert bool(why_no_inputs(model)) is not bool(envelopes)


@pytest.mark.parametrize(
    "signature", [NESTED, NUMBERED, UNNAMED, FIXED], ids=["nested", "numbered", "unnamed", "fixed"]
)
def test_no_envelope_is_asked_for_that_carries_nothing(signature: Signature, serve: Serve) -> None:
    context = serve(healthy, signature)
    edges = {
        name: sum(1 for _ in edge_cases(signature, envelopes=[Envelope(name)]))
        for name in envelopes_by_signature(context.model)
    }
    assert all(edges.values()), edges


@pytest.mark.parametrize("plan", [None, "no such", "A-1"])
def test_a_domain_that_holds_no_known_value_proves_nothing(plan: str | None, serve: Serve) -> None:
    example = None if plan is None else Table(columns=EXAMPLE.columns, rows=((30, plan, True), (40, plan, False)))
    domain = bound(from_table({"plan": {"pattern": "[A-Z]-[0-9]+"}}, origin=Origin.FILE, place="d.toml"), SIGNATURE)
    result = accepts_valid(serve(healthy, SIGNATURE, example=example, domain=domain), "dataframe_split")
    is_known = plan == "A-1"
    assert result.outcome is (Outcome.PASSED if is_known else Outcome.INCONCLUSIVE), result.reason
    assert ('no value of "plan" is known' in result.reason) is not is_known


def test_a_tensor_model_that_takes_only_its_example_is_inconclusive(serve: Serve) -> None:
    signature = Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1, 2)),)))

    def picky(rows: list[Any]) -> object:
        if any(row != [0.0, 0.0] for row in rows):
            raise ValueError("never seen")
        return [1.0 for _ in rows]

    result = accepts_valid(serve(picky, signature), "inputs")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reason.startswith("column 0 was only tested on 0.0 (refused: ")


def test_rows_of_real_data_must_be_taken_as_the_example_is(serve: Serve) -> None:
    context = serve(refusing, SIGNATURE, example=EXAMPLE, examples=0)
    data = Table(columns=("age", "plan", "vip"), rows=((30, "pro", True), (31, "gold", False), (32, "pro", True)))

    result = accepts_valid(replace(context, data=data), "dataframe_records")

    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.title.startswith("the model refused")
    assert "row 2 of" in result.failure.title
    assert "unknown categories" in result.failure.title


def test_rows_of_real_data_prove_more_levels_of_a_category(serve: Serve) -> None:
    signature = Signature(
        inputs=ColumnSchema(columns=(ColumnSpec(name="plan", type=DataType.STRING),)), outputs=OUTPUTS
    )

    def known(rows: list[Any]) -> object:
        if any(row["plan"] not in {"basic", "pro"} for row in rows):
            raise ValueError("Found unknown categories in column plan")
        return healthy(rows)

    context = serve(known, signature, example=Table(columns=("plan",), rows=(("basic",),)), examples=0)
    data = Table(columns=("plan",), rows=(("basic",), ("pro",)))

    without = accepts_valid(context, "dataframe_split")
    with_data = accepts_valid(replace(context, data=data), "dataframe_split")

    assert without.outcome is Outcome.INCONCLUSIVE
    assert with_data.outcome is Outcome.PASSED


def test_a_row_of_data_with_a_null_that_the_contract_refuses_blames_nobody(serve: Serve) -> None:
    rows = ((None, "basic", True), (30, "pro", False))
    data = Table(columns=EXAMPLE.columns, rows=rows)
    result = accepts_valid(replace(serve(healthy, SIGNATURE, example=EXAMPLE), data=data), "dataframe_split")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)


MESSAGE = Object(
    properties=(Property(name="content", type=DataType.STRING), Property(name="role", type=DataType.STRING))
)
CHAT = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="messages", type=Array(items=MESSAGE)),
            ColumnSpec(name="n", type=DataType.LONG, required=False),
        )
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="text", type=DataType.STRING),)),
    params=(ParamSpec(name="temperature", type=DataType.DOUBLE, default=0.5),),
)
HI = Table(columns=("messages", "n"), rows=(([{"role": "user", "content": "hi"}], 1),))


def test_a_chat_model_is_tried_with_the_row_as_the_body(serve: Serve) -> None:
    context = serve(lambda rows: [{"text": "hello"} for _ in rows], CHAT, example=HI, examples=60)
    assert envelopes_by_signature(context.model)[-1] == "unified"
    result = accepts_valid(context, "unified")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
    bodies = [json.loads(request.content) for request in context.served.requests]  # type: ignore[attr-defined]
    alone = [body for body in bodies if "messages" in body]
    assert len(alone) > 30
    assert any("temperature" in body for body in alone)  # params stand beside the columns
    assert any("n" not in body for body in alone)


def test_a_bare_answer_is_held_to_the_output_schema(serve: Serve) -> None:
    def predict(rows: list[Any]) -> object:
        if any(len(row["messages"]) > 1 for row in rows):
            raise KeyError("more than one message")
        return [{"text": "hello"} for _ in rows]

    result = accepts_valid(serve(predict, CHAT, example=HI, examples=30), "unified")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "1 row x 2 columns in unified" in result.failure.request


def test_parquet_is_tried_where_the_server_takes_it(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    assert valid_envelopes(context.model) == (*ALL, "csv", "parquet")
    context.served.media_types.add("application/vnd.apache.parquet")  # type: ignore[attr-defined]
    result = accepts_valid(context, "parquet")
    assert (result.outcome, result.name) == (Outcome.PASSED, "accepts_valid[parquet]")
    assert result.accepted == result.requests > 10


def test_parquet_is_left_out_where_the_server_says_that_it_does_not_take_it(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    result = accepts_valid(context, "parquet")
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)
    assert "415" in result.reason


@pytest.mark.parametrize("signature", [FIXED, CHAT, Signature()])
def test_parquet_is_not_tried_where_it_cannot_carry_the_model(signature: Signature, serve: Serve) -> None:
    model = serve(healthy, signature).model
    carries = signature is CHAT  # lists of records with fixed properties
    assert ("parquet" in valid_envelopes(model)) is carries
