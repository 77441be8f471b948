"""The checks that break requests, against servers in this process."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.cases import Case, Envelope, RawBody, Table
from pytest_modelserve.checks import rejection
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.good_request import NOT_PREDICTED
from pytest_modelserve.checks.rejection import (
    MAX_DRAWN,
    evenly,
    malformed_rules,
    mutation_rules,
    rejects_invalid,
    rejects_malformed,
)
from pytest_modelserve.checks.searches import good_case
from pytest_modelserve.results import Outcome
from pytest_modelserve.search.loop import REPLAYS
from pytest_modelserve.signature import request_schema
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies import edge_cases, mutations, protocol_cases, rules_for
from pytest_modelserve.strategies.rules import OF_VALID

Serve = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="age", type=DataType.LONG),
            ColumnSpec(name="plan", type=DataType.STRING),
            ColumnSpec(name="note", type=DataType.STRING, required=False),
        )
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
    params=(
        ParamSpec(name="k", type=DataType.LONG, default=1),
        ParamSpec(name="stops", type=DataType.STRING, default=("a",), shape=(-1,)),
    ),
)
TENSORS = Signature(
    inputs=TensorSchema(
        tensors=(
            TensorSpec(name="a", dtype="float32", shape=(-1, 2)),
            TensorSpec(name="b", dtype="int64", shape=(-1, 3)),
        )
    )
)
MANY_ROWS = {"type": "array", "minItems": 2}
JSON = (Envelope.DATAFRAME_SPLIT, Envelope.DATAFRAME_RECORDS, Envelope.INPUTS, Envelope.INSTANCES)
EXAMPLE = Table(columns=("age", "plan", "note"), rows=((30, "basic", "x"),))

EXAMPLE_CASE = Case(payload=EXAMPLE)


def healthy(rows: list[Any]) -> object:
    return [{"y": 1.0} for _ in rows]


def lenient(context: CheckContext) -> CheckContext:
    """Return a context whose server takes everything that is JSON."""
    context.served.take_only({})  # type: ignore[attr-defined]
    return context


def test_a_rule_begins_with_the_good_request_that_the_rule_before_ended_with(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    first = rejects_malformed(context, "not_json")
    second = rejects_malformed(context, "not_json")
    assert (first.outcome, second.outcome) == (Outcome.PASSED, Outcome.PASSED)
    assert first.requests - second.requests == 1


@pytest.mark.parametrize("signature", [SIGNATURE, TENSORS])
def test_every_rule_belongs_to_the_check_that_makes_its_cases(signature: Signature, serve: Serve) -> None:
    model = serve(healthy, signature).model
    base = next(iter(edge_cases(signature)))
    made = {case.rule for case in mutations(signature, base)}
    assert set(mutation_rules(model)) <= made
    protocol = {case.rule for case in protocol_cases(signature, base, max_body_bytes=1000)}
    assert set(malformed_rules(model)) <= protocol
    rules = {rule.id for rule in rules_for(signature)} - OF_VALID
    assert set(mutation_rules(model)) | set(malformed_rules(model)) == rules


def test_a_model_without_a_signature_has_no_rules_to_break(serve: Serve) -> None:
    context = serve(healthy, None)
    assert mutation_rules(context.model) == malformed_rules(context.model) == ()
    result = rejects_malformed(context, "not_json")
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)


@pytest.mark.parametrize("variant", ["text_for_number", "missing_column", "number_for_string", "param_wrong_type"])
def test_a_server_that_rejects_passes(variant: str, serve: Serve) -> None:
    result = rejects_invalid(serve(healthy, SIGNATURE, example=EXAMPLE), variant)
    assert (result.outcome, result.failure, result.reason) == (Outcome.PASSED, None, "")
    assert result.requests > 2
    assert result.accepted == 2  # the good request, before and after


def test_a_server_that_takes_what_is_forbidden_fails(serve: Serve) -> None:
    result = rejects_invalid(lenient(serve(healthy, SIGNATURE, example=EXAMPLE)), "text_for_number")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.rule == "text_for_number"
    assert "accepted" in result.failure.title


def test_a_model_that_refuses_what_the_server_let_through_does_not_help(serve: Serve) -> None:
    def strict(rows: list[Any]) -> object:
        if any(not isinstance(row["age"], int) for row in rows):
            raise ValueError("age is no number")
        return healthy(rows)

    result = rejects_invalid(lenient(serve(strict, SIGNATURE, example=EXAMPLE)), "text_for_number")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "reached the model" in result.failure.title


@pytest.mark.parametrize("variant", ["not_json", "no_envelope", "not_utf8"])
def test_broken_bodies_are_rejected(variant: str, serve: Serve) -> None:
    result = rejects_malformed(serve(healthy, SIGNATURE, example=EXAMPLE), variant)
    assert result.outcome is Outcome.PASSED


def test_what_may_be_taken_must_then_be_answered_in_order(serve: Serve) -> None:
    def predict(rows: list[Any]) -> object:
        return [{"y": "text" if isinstance(row["age"], float) else 1.0} for row in rows]

    result = rejects_invalid(serve(predict, SIGNATURE, example=EXAMPLE), "integral_float")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "text" in result.failure.title


def test_a_fault_of_every_answer_is_not_told_here(serve: Serve) -> None:
    result = rejects_invalid(
        serve(lambda rows: [{"y": "text"} for _ in rows], SIGNATURE, example=EXAMPLE), "extra_column"
    )
    assert result.outcome is Outcome.PASSED


def test_a_good_request_must_still_be_predicted_afterwards(serve: Serve) -> None:
    calls = iter(range(10**6))

    def wearing_out(rows: list[Any]) -> object:
        if next(calls) > 4:  # three that time the model, one before the broken requests
            raise KeyError("worn out")
        return healthy(rows)

    result = rejects_invalid(serve(wearing_out, SIGNATURE, example=EXAMPLE), "extra_column")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "no longer predicted" in result.failure.title


def test_a_good_request_that_takes_a_fresh_server_afterwards_tells_lasting_damage(serve: Serve) -> None:
    calls = iter(range(10**6))

    def damaged(rows: list[Any]) -> object:
        if next(calls) == 4:  # three that time the model, one before the broken requests; this is the one after them
            raise ConnectionResetError("gone")
        return healthy(rows)

    result = rejects_invalid(serve(damaged, SIGNATURE, example=EXAMPLE), "text_for_number")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "it took a fresh server" in result.failure.title


def test_a_model_that_raises_on_its_example_is_not_failed_for_its_health(serve: Serve) -> None:
    def broken(rows: list[Any]) -> object:
        raise KeyError("always")

    result = rejects_invalid(serve(broken, SIGNATURE, example=EXAMPLE), "text_for_number")
    assert result.outcome is Outcome.PASSED


def test_a_rule_without_a_case_proves_nothing(serve: Serve) -> None:
    result = rejects_invalid(serve(healthy, SIGNATURE, example=EXAMPLE), "tensor_rank")
    assert (result.outcome, result.applies, result.requests) == (Outcome.SKIPPED, False, 0)


def test_without_time_nothing_is_proven(serve: Serve) -> None:
    result = rejects_invalid(serve(healthy, SIGNATURE, example=EXAMPLE, budget_s=1e-9), "text_for_number")
    assert result.outcome is Outcome.INCONCLUSIVE


def test_the_widest_models_are_tried_in_columns_from_first_to_last(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejection, "MAX_CASES", 20)
    names = tuple(f"c{at}" for at in range(41))
    wide = Signature(inputs=ColumnSchema(columns=tuple(ColumnSpec(name=name, type=DataType.LONG) for name in names)))
    context = serve(lambda rows: [1.0 for _ in rows], wide, example=Table(columns=names, rows=((1,) * 41,)))
    result = rejects_invalid(lenient(context), "text_for_number")
    assert [advice.text for advice in result.advice if "41 cases" in advice.text]
    bodies = [request.content for request in context.served.requests]  # type: ignore[attr-defined]
    assert len(set(bodies)) == 20 + MAX_DRAWN + 1


def test_cases_are_spread_evenly() -> None:
    cases = [Case(payload=RawBody(body=b""), label=str(at)) for at in range(100)]
    assert evenly(cases, 100) == cases
    assert [case.label for case in evenly(cases, 4)] == ["0", "33", "66", "99"]


def test_the_request_to_break_is_the_example_or_one_that_the_signature_allows(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    assert good_case(context) == context.example_case
    without = good_case(replace(context, example=None))
    assert without is not None
    assert isinstance(without.payload, Table)
    assert without.payload.columns == ("age", "plan", "note")
    assert good_case(serve(healthy, None)) is None
    assert good_case(serve(healthy, Signature())) is None


def test_a_fault_that_only_shows_beside_other_values_is_found_in_drawn_requests(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    schema = request_schema(SIGNATURE, admit_either=True)
    batches = {"required": ["dataframe_split"], "properties": {"dataframe_split": {"properties": {"data": MANY_ROWS}}}}
    context.served.take_only({"anyOf": [schema, batches]})  # type: ignore[attr-defined]
    result = rejects_invalid(context, "text_for_number")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert (result.failure.rule, "accepted" in result.failure.title) == ("text_for_number", True)
    assert "2 rows x 3 columns" in result.failure.request
    assert "1 of 6 cells differ" in result.failure.request


def test_drawn_faults_stand_in_valid_requests_of_one_rule(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    rejects_invalid(context, "fraction_for_integer")
    first = [request.content for request in context.served.requests]  # type: ignore[attr-defined]
    again = serve(healthy, SIGNATURE, example=EXAMPLE)
    rejects_invalid(again, "fraction_for_integer")
    assert first == [request.content for request in again.served.requests]  # type: ignore[attr-defined]
    enumerated = len(list(mutations(SIGNATURE, EXAMPLE_CASE, envelopes=JSON, rules=["fraction_for_integer"])))
    assert len(first) == 3 + 1 + enumerated + MAX_DRAWN + 1  # three that time the model, the good one before and after


@pytest.mark.parametrize("variant", ["integral_float", "extra_column", "reordered_columns"])
def test_what_may_be_taken_is_not_drawn(variant: str, serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, example=EXAMPLE)
    result = rejects_invalid(context, variant)
    enumerated = list(mutations(SIGNATURE, EXAMPLE_CASE, envelopes=(*JSON, Envelope.CSV), rules=[variant]))
    again = REPLAYS if result.failure else 0
    assert result.requests == len(enumerated) + 2 + again


@pytest.mark.parametrize(
    ("variant", "told"),
    [("text_for_number", 'age  30 -> "1"'), ("param_wrong_type", "params k="), ("missing_column", 'without "')],
)
def test_what_is_wrong_stays_while_the_rest_is_made_small(variant: str, told: str, serve: Serve) -> None:
    rows = ((30, "basic", "x"), (40, "pro", "y"), (50, "basic", "z"))
    context = lenient(serve(healthy, SIGNATURE, example=Table(columns=EXAMPLE.columns, rows=rows)))
    result = rejects_invalid(context, variant)
    assert result.failure is not None
    assert told in result.failure.request
    assert "1 row x" in result.failure.request


def test_what_the_model_raises_on_every_request_is_told_by_other_checks(serve: Serve) -> None:
    def broken(rows: list[Any]) -> object:
        raise ValueError(f"cannot take {len(rows)} rows")

    result = rejects_malformed(serve(broken, SIGNATURE, example=EXAMPLE), "split_index")
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, NOT_PREDICTED), result.failure


def test_a_model_that_raises_now_and_then_does_not_fail_the_checks_of_the_server(serve: Serve) -> None:
    calls = itertools.count()

    def sometimes(rows: list[Any]) -> object:
        if next(calls) % 3:
            raise ValueError(f"busy with {len(rows)} rows")
        return healthy(rows)

    result = rejects_malformed(serve(sometimes, SIGNATURE, example=EXAMPLE, request_timeout_s=10.0), "no_envelope")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
