"""The deterministic phase shows every boundary alone, then every pair, in a fixed order and none twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Expectation, Level, Table, Tensors
from pytest_modelserve.domain import ColumnDomain, Origin, from_table
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature
from pytest_modelserve.strategies import RULES, as_batches, edge_cases, edges, envelopes_for
from pytest_modelserve.strategies.edge_cases import case_fingerprint
from pytest_modelserve.wire.envelopes import encode

EXAMPLE = Table(columns=("a", "b"), rows=((30, "basic"), (41, "pro")))


@pytest.fixture
def small(table_of: Callable[..., Signature]) -> Signature:
    return table_of(a=DataType.LONG, b=DataType.STRING)


def rows_of(cases: list[Case]) -> list[tuple[object, ...]]:
    return [row for case in cases if isinstance(case.payload, Table) for row in case.payload.rows]


def test_cases_are_valid(
    signature: Signature,
    valid_payload: Callable[[Signature, object], bool],
    valid_params: Callable[[Signature, Mapping[str, object]], bool],
) -> None:
    found = list(edge_cases(signature))
    assert found
    for case in found:
        assert case.expectation is not Expectation.REJECT
        assert case.expectation is Expectation.EITHER or valid_payload(signature, case.payload), case.label
        assert valid_params(signature, case.params)
        assert case.label
        assert case.rule in {rule.id for rule in RULES}


def test_the_order_is_fixed_and_no_case_stands_twice(signature: Signature) -> None:
    envelopes = envelopes_for(signature)[:2]
    first, second = (list(edge_cases(signature, envelopes=envelopes)) for _ in range(2))
    assert [(case.label, case_fingerprint(case)) for case in first] == [
        (case.label, case_fingerprint(case)) for case in second
    ]
    bodies = [
        encode(case.payload, case.envelope, case.params, signature=signature)
        for case in first
        if case.envelope is envelopes[0]
    ]
    assert len(set(bodies)) == len(bodies) >= len(first) / 2


def test_the_example_comes_first_and_as_it_is(small: Signature) -> None:
    first = next(edge_cases(small, example=EXAMPLE))
    assert first.payload == EXAMPLE
    assert first.level is Level.EXAMPLE


def test_each_column_shows_each_edge_alone(small: Signature) -> None:
    rows = rows_of(list(edge_cases(small, example=EXAMPLE)))
    for edge in edges(DataType.LONG):
        assert (edge.value, "basic") in rows
    for edge in edges(DataType.STRING):
        assert (30, edge.value) in rows


def test_every_pair_of_ordinary_values_stands_together(wide: Callable[[int], Signature]) -> None:
    single = [case for case in edge_cases(wide(60)) if case.n_rows == 1 and case.label == "pairs of values"]
    rows = rows_of(single)
    for left, right in [*combinations(range(8), 2), (0, 59), (7, 56), (49, 50)]:
        lefts, rights = ({repr(row[at]) for row in rows} for at in (left, right))
        together = {(repr(row[left]), repr(row[right])) for row in rows}
        assert len(together) == len(lefts) * len(rights)
        assert len(lefts) > 1


def test_batches_of_all_sizes(small: Signature) -> None:
    sizes = {case.n_rows for case in edge_cases(small, example=EXAMPLE)}
    assert {1, 2, 3, 100} <= sizes


def test_optional_columns_are_absent_alone_and_together() -> None:
    schema = ColumnSchema(
        columns=(
            ColumnSpec(name="a", type=DataType.LONG),
            ColumnSpec(name="b", type=DataType.STRING, required=False),
            ColumnSpec(name="c", type=DataType.STRING, required=False),
        )
    )
    found = list(edge_cases(Signature(inputs=schema)))
    columns = {case.payload.columns for case in found if isinstance(case.payload, Table)}
    assert columns == {("a", "b", "c"), ("a", "c"), ("a", "b"), ("a",)}
    nulls = [case for case in found if isinstance(case.payload, Table) and case.payload.rows[0][1:] == (None, "a")]
    assert [case.expectation for case in nulls] == [Expectation.ACCEPT]


def test_nulls_that_may_be_refused_are_open(small: Signature) -> None:
    nulls = {
        case.rule for case in edge_cases(small) if isinstance(case.payload, Table) and None in case.payload.rows[0]
    }
    assert nulls == {"null_as_missing"}


def test_outside_the_domain_all_is_open(small: Signature) -> None:
    said = ColumnDomain(min=0, max=120)
    domain = from_table({"a": said}, origin=Origin.INI, place="")
    for case in edge_cases(small, example=EXAMPLE, domain=domain):
        assert isinstance(case.payload, Table)
        inside = all(said.contains(row[0]) for row in case.payload.rows)
        assert inside == (case.rule != "outside_domain")


def test_an_example_with_a_null_is_open(small: Signature) -> None:
    first = next(edge_cases(small, example=Table(columns=("a", "b"), rows=((1, None),))))
    assert first.expectation is Expectation.EITHER


def test_params_show_their_defaults_and_edges(everything: Signature) -> None:
    given = [case.params for case in edge_cases(everything) if case.params]
    assert {"temperature": 0.5} in given
    assert {"temperature": 1.7976931348623157e308} in given
    assert {"stops": []} in given
    assert {"stops": ["a", "b"]} in given
    assert any(len(params) == len(everything.params or ()) for params in given)


def test_params_are_not_raised_beyond_the_factor(everything: Signature) -> None:
    found = [case.params["max_tokens"] for case in edge_cases(everything, raised=10) if "max_tokens" in case.params]
    assert 200 in found
    assert all(isinstance(tokens, int) and abs(tokens) <= 200 for tokens in found)


def test_tensors_show_sizes_and_elements(tensor_signature: Signature) -> None:
    found = [case.payload.arrays for case in edge_cases(tensor_signature) if isinstance(case.payload, Tensors)]
    shapes = {np.asarray(arrays["free"]).shape for arrays in found}
    assert {(1, 1), (1, 2), (1, 3), (2, 1), (100, 1)} <= shapes
    bytes_seen = {int(value) for arrays in found for value in np.asarray(arrays["uint8"]).ravel()}
    assert {0, 1, 255} <= bytes_seen


def test_batches_hold_every_row_that_must_be_accepted(small: Signature) -> None:
    found = list(edge_cases(small, example=EXAMPLE))
    batches = list(as_batches(found, n_rows=20))
    batched = [batch.case for batch in batches]
    assert len(batched) < len(found) / 3
    assert sorted(map(repr, rows_of(batched))) == sorted(map(repr, rows_of(found)))
    for batch in batches:
        assert len(batch.parts) <= 20
        assert not batch.parts or rows_of([batch.case]) == rows_of(list(batch.parts))
    assert [case for batch in batches for case in (batch.parts or (batch.case,))] == found
    assert batches == list(as_batches(found, n_rows=20))


def test_the_size_of_a_batch_is_kept_where_it_is_the_point(small: Signature) -> None:
    alone = [batch.case for batch in as_batches(edge_cases(small, example=EXAMPLE)) if not batch.parts]
    sizes = {case.n_rows for case in alone if case.label.startswith("batch of ")}
    assert {1, 3, 100} <= sizes  # the example itself is the batch of 2
    one = replace(alone[0], payload=Table(columns=("a",), rows=((1,),)), label="batch of 1")
    assert [batch.parts for batch in as_batches([one, one])] == [(), ()]


def test_batches_never_mix_levels_or_params(everything: Signature) -> None:
    wanted = {(repr(row), case.level, repr(case.params)) for case in edge_cases(everything) for row in rows_of([case])}
    for batch in as_batches(edge_cases(everything)):
        case = batch.case
        assert all((repr(row), case.level, repr(case.params)) in wanted for row in rows_of([case]))


def test_unique_columns_are_not_merged(small: Signature) -> None:
    domain = from_table({"a": ColumnDomain(unique=True)}, origin=Origin.INI, place="")
    found = list(edge_cases(small, example=EXAMPLE, domain=domain))
    assert [batch.case for batch in as_batches(found, domain=domain)] == found
    for case in found:
        assert isinstance(case.payload, Table)
        assert len({row[0] for row in case.payload.rows}) == len(case.payload.rows)


def test_a_param_without_a_default_is_not_called_so(table_of: Callable[..., Signature]) -> None:
    signature = replace(table_of(a=DataType.LONG), params=(ParamSpec(name="k", type=DataType.LONG, default=None),))
    found = [case for case in edge_cases(signature) if case.params]
    assert found
    assert all(case.params["k"] is not None and "default" not in case.label for case in found)


def test_a_model_without_inputs_has_no_cases() -> None:
    assert not list(edge_cases(Signature()))
