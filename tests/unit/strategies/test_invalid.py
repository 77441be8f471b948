"""Drawn requests with one fault: what they are, and what they shrink to under Hypothesis alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pytest_modelserve.cases import Case, Envelope, Expectation, Table, Tensors
from pytest_modelserve.errors import ModelServeError, SignatureError
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies import invalid_cases, rule, rules_for
from pytest_modelserve.strategies.rules import OF_VALID

FEW = settings(
    max_examples=8, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
SEARCHED = settings(max_examples=5_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
COLUMNS = ColumnSchema(
    columns=(
        ColumnSpec(name="age", type=DataType.LONG),
        ColumnSpec(name="plan", type=DataType.STRING),
        ColumnSpec(name="vip", type=DataType.BOOLEAN),
        ColumnSpec(name="note", type=DataType.STRING, required=False),
    )
)
SIGNATURE = Signature(
    inputs=COLUMNS,
    params=(
        ParamSpec(name="k", type=DataType.LONG, default=3),
        ParamSpec(name="stops", type=DataType.STRING, default=("a",), shape=(-1,)),
    ),
)
EXAMPLE = Table(columns=("age", "plan", "vip", "note"), rows=((30, "basic", True, "x"), (41, "pro", False, "y")))
FIRST = EXAMPLE.rows[0]


def draw(strategy: st.SearchStrategy[Case], count: int, seed: int) -> list[Case]:
    cases: list[Case] = []

    @settings(parent=FEW, max_examples=count)
    @hypothesis.seed(seed)
    @given(strategy)
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    return cases


def is_mutation(rule_id: str) -> bool:
    return rule_id not in OF_VALID and rule(rule_id).section != "2"


def shrunk(strategy: st.SearchStrategy[Case], is_accepted: Callable[[Case], bool]) -> Case:
    """Return what Hypothesis makes of a server that accepts some of what it should not."""
    return hypothesis.find(strategy, is_accepted, settings=settings(parent=SEARCHED, derandomize=True))


def test_every_mutation_rule_of_a_signature_can_be_drawn_alone(signature: Signature) -> None:
    for one in rules_for(signature):
        if not is_mutation(one.id):
            continue

        found = draw(invalid_cases(signature, rules=[one.id]), 5, seed=1)
        assert {(case.rule, case.expectation) for case in found} == {(one.id, one.expectation)}


@settings(parent=FEW, max_examples=200)
@given(case=invalid_cases(SIGNATURE, example=EXAMPLE, envelopes=[Envelope.DATAFRAME_SPLIT]))
def test_without_its_fault_a_drawn_request_is_valid(
    case: Case, valid_payload: Callable[[Signature, object], bool]
) -> None:
    table = case.payload
    if not isinstance(table, Table) or case.held not in table.columns or len(set(table.columns)) < len(table.columns):
        return
    at = table.columns.index(case.held)
    healed = (*table.rows[-1][:at], FIRST[EXAMPLE.columns.index(str(case.held))], *table.rows[-1][at + 1 :])
    rest = replace(table, rows=(*table.rows[:-1], healed), index=None)
    assert valid_payload(SIGNATURE, rest)
    assert case.expectation is not Expectation.REJECT or not valid_payload(SIGNATURE, table) or table.index is not None


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("rule_id", "held", "at", "wrong"),
    [
        ("text_for_boolean", "vip", 2, "true"),
        ("number_for_string", "note", 3, 1),
    ],
)
def test_a_cell_that_is_accepted_shrinks_to_the_example_and_that_cell(
    rule_id: str, held: str, at: int, wrong: object, seed: int
) -> None:
    found: list[Case] = []

    @SEARCHED
    @hypothesis.seed(seed)  # each finds another request first
    @given(invalid_cases(SIGNATURE, example=EXAMPLE, rules=[rule_id, "missing_column", "param_null"]))
    def planted(case: Case) -> None:
        if case.rule == rule_id and case.held == held:
            found.append(case)
            raise AssertionError("accepted")

    with pytest.raises(AssertionError, match="accepted"):
        planted()
    last = found[-1]
    assert isinstance(last.payload, Table)
    assert last.payload == replace(EXAMPLE, rows=((*FIRST[:at], wrong, *FIRST[at + 1 :]),))
    assert last.params == {}


def test_a_fault_that_shows_beside_another_cell_keeps_that_cell() -> None:
    def is_accepted(case: Case) -> bool:
        table = case.payload
        return isinstance(table, Table) and table.rows[-1][table.columns.index("plan")] == "pro"

    case = shrunk(invalid_cases(SIGNATURE, example=EXAMPLE, rules=["text_for_boolean"]), is_accepted)
    assert case.payload == replace(EXAMPLE, rows=((30, "pro", "true", "x"),))


@pytest.mark.parametrize(
    ("rule_id", "params"), [("param_out_of_range", {"k": 2**63}), ("param_scalar_for_list", {"stops": "a"})]
)
def test_a_param_that_is_accepted_shrinks_to_itself(rule_id: str, params: dict[str, object]) -> None:
    case = shrunk(
        invalid_cases(SIGNATURE, example=EXAMPLE, rules=[rule_id]), lambda case: set(case.params) >= set(params)
    )
    assert (case.params, case.payload) == (params, replace(EXAMPLE, rows=(FIRST,)))


def test_a_missing_column_shrinks_to_the_rest_of_the_example() -> None:
    case = shrunk(
        invalid_cases(SIGNATURE, example=EXAMPLE, rules=["missing_column"], envelopes=[Envelope.DATAFRAME_SPLIT]),
        lambda case: case.held == "plan",
    )
    assert case.payload == Table(columns=("age", "vip", "note"), rows=((30, True, "x"),))


def test_tensors_shrink_to_the_example_and_the_wrong_element() -> None:
    signature = Signature(inputs=TensorSchema(tensors=(TensorSpec(name="a", dtype="float32", shape=(-1, 2)),)))
    example = Tensors(arrays={"a": np.array([[1.5, 2.5], [3.5, 4.5]], dtype=np.float32)})
    case = shrunk(invalid_cases(signature, example=example), lambda case: case.rule == "text_for_number")
    assert isinstance(case.payload, Tensors)
    assert case.payload.arrays["a"] == [[1.5, "1"]]


def test_wide_tables_shrink_as_well(wide: Callable[[int], Signature]) -> None:
    signature = wide(300)
    case = shrunk(invalid_cases(signature, rules=["text_for_number"]), lambda case: str(case.held) > "c2")
    assert isinstance(case.payload, Table)
    plain = {0: 1.0, 1: 1, 2: "a", 3: False}
    differs = {
        name: cell
        for name, cell in zip(case.payload.columns, case.payload.rows[0], strict=True)
        if cell != plain[int(str(name)[1:]) % 4]
    }
    assert (len(case.payload.rows), differs) == (1, {"c4": "1"})


def test_rules_and_envelopes_are_those_asked_for() -> None:
    @FEW
    @given(invalid_cases(SIGNATURE, rules=["bad_date", "csv_wrong_cell"], envelopes=[Envelope.CSV]))
    def holds(case: Case) -> None:
        assert (case.rule, case.envelope) == ("csv_wrong_cell", Envelope.CSV)

    holds()


@pytest.mark.parametrize(
    ("signature", "given_rules", "error"),
    [(SIGNATURE, ["tensor_rank"], ModelServeError), (Signature(), None, SignatureError)],
)
def test_what_cannot_be_broken_is_an_error(signature: Signature, given_rules: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        invalid_cases(signature, rules=given_rules)
