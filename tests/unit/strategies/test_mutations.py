"""Each rule of the contract is broken by a case with that one fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Document, Envelope, Expectation, RawBody, Table, Tensors
from pytest_modelserve.errors import ModelServeError
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies import RULES, mutations, protocol_cases, rule, rules_for
from pytest_modelserve.strategies.rules import OF_VALID
from pytest_modelserve.wire.envelopes import encode

BaseOf = Callable[[Signature], Case]


def all_cases(signature: Signature, base: Case) -> list[Case]:
    return [*mutations(signature, base), *protocol_cases(signature, base, max_body_bytes=200_000)]


def of_rule(cases: Iterable[Case], rule_id: str) -> list[Case]:
    return [case for case in cases if case.rule == rule_id]


def test_a_signature_shows_exactly_the_rules_that_apply_to_it(signature: Signature, base_of: BaseOf) -> None:
    shown = {case.rule for case in all_cases(signature, base_of(signature))}
    assert shown | OF_VALID == {one.id for one in rules_for(signature)}


def test_every_rule_is_shown_by_some_signature(
    everything: Signature, tensor_signature: Signature, table_of: Callable[..., Signature], base_of: BaseOf
) -> None:
    shown = set(OF_VALID)
    chat = table_of(messages=DataType.STRING)
    chat = replace(chat, params=everything.params)
    for one in (everything, tensor_signature, table_of(a=DataType.LONG, b=DataType.STRING), chat):
        shown |= {case.rule for case in all_cases(one, base_of(one))}
    assert shown == {one.id for one in RULES}


def test_cases_carry_what_their_rule_says(signature: Signature, base_of: BaseOf) -> None:
    for case in all_cases(signature, base_of(signature)):
        assert case.expectation is rule(case.rule).expectation
        assert case.label


def test_no_request_is_made_twice_and_none_equals_the_valid_one(signature: Signature, base_of: BaseOf) -> None:
    base = base_of(signature)
    valid = encode(base.payload, base.envelope, signature=signature)
    requests = []
    for case in all_cases(signature, base):
        request = encode(case.payload, case.envelope, case.params, signature=signature)
        route = (
            (case.payload.method, case.payload.path) if isinstance(case.payload, RawBody) else ("POST", "/invocations")
        )
        assert request != valid or route != ("POST", "/invocations"), case.label
        requests.append((request, route))
    assert len(set(requests)) == len(requests)


def test_the_order_is_fixed(signature: Signature, base_of: BaseOf) -> None:
    first, second = (all_cases(signature, base_of(signature)) for _ in range(2))
    assert [(case.rule, case.label, case.envelope) for case in first] == [
        (case.rule, case.label, case.envelope) for case in second
    ]


def test_rules_are_told_once_and_in_sentences() -> None:
    ids = [one.id for one in RULES]
    assert len(set(ids)) == len(ids)
    assert all(one.why.endswith(".") and one.section for one in RULES)


def test_an_unknown_rule_offers_the_one_that_was_meant() -> None:
    with pytest.raises(ModelServeError) as caught:
        rule("mising_column")
    assert caught.value.fix == 'Did you mean "missing_column"?'


def test_labels_show_column_value_and_fault(table_of: Callable[..., Signature], base_of: BaseOf) -> None:
    signature = table_of(age=DataType.INTEGER)
    labels = {case.label for case in mutations(signature, base_of(signature))}
    assert '"age" = 2147483648 (above int32)' in labels
    assert '"age" = "abc" (text for a number)' in labels
    assert '"age" = NaN (not a JSON number)' in labels


def test_a_fault_stands_in_the_last_row_and_nowhere_else(table_of: Callable[..., Signature]) -> None:
    signature = table_of(a=DataType.LONG, b=DataType.LONG)
    base = Case(payload=Table(columns=("a", "b"), rows=((1, 2), (3, 4))))
    for case in mutations(signature, base, envelopes=[Envelope.DATAFRAME_SPLIT]):
        if case.label.startswith('"') and isinstance(case.payload, Table) and len(case.payload.columns) == 2:
            changed = [
                (row, at)
                for row, (old, new) in enumerate(zip(base.payload.rows, case.payload.rows, strict=True))  # type: ignore[union-attr]
                for at, (left, right) in enumerate(zip(old, new, strict=True))
                if left is not right
            ]
            assert len(changed) == 1
            assert changed[0][0] == 1


@pytest.mark.parametrize(
    ("kind", "rule_id", "token"),
    [
        (DataType.DOUBLE, "nan_token", b"NaN"),
        (DataType.LONG, "infinity_token", b"-Infinity"),
        (DataType.FLOAT, "float_out_of_range", b"1e400"),
        (DataType.DOUBLE, "float_out_of_range", b"-1e400"),
    ],
)
def test_tokens_stand_bare_in_the_body(
    kind: DataType, rule_id: str, token: bytes, table_of: Callable[..., Signature], base_of: BaseOf
) -> None:
    signature = table_of(x=kind)
    bodies = [
        case.payload.body
        for case in of_rule(mutations(signature, base_of(signature)), rule_id)
        if isinstance(case.payload, RawBody)
    ]
    assert any(b"[" + token + b"]" in body or b": " + token + b"}" in body for body in bodies)


def test_wide_models_break_each_rule_once_a_column(wide: Callable[[int], Signature], base_of: BaseOf) -> None:
    signature = wide(100)
    found = list(mutations(signature, base_of(signature)))
    cells = [case for case in found if case.label.startswith('"c0"')]
    assert len({case.rule for case in cells}) == len(cells) > 5
    assert len({case.envelope for case in found}) > 3
    assert {f'"c{at}"' for at in range(100)} <= {case.label.split(" ")[0] for case in found}


def test_absent_columns_are_left_alone(everything: Signature) -> None:
    base = Case(payload=Table(columns=("r0", "r1"), rows=((True, 1),)))
    labels = " ".join(case.label for case in mutations(everything, base))
    assert '"o1"' not in labels
    assert '"r1"' in labels


def test_null_is_refused_where_the_type_has_none(table_of: Callable[..., Signature], base_of: BaseOf) -> None:
    signature = table_of(n=DataType.LONG, x=DataType.DOUBLE)
    found = list(mutations(signature, base_of(signature)))
    assert all('"n" = null' in case.label for case in of_rule(found, "null_in_required"))
    assert all('"x" = null' in case.label for case in of_rule(found, "null_as_missing"))


def test_tensors_break_shape_and_dtype() -> None:
    signature = Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="uint8", shape=(-1, 2)),)))
    base = Case(payload=Tensors(arrays={None: np.array([[1, 2]], dtype=np.uint8)}), envelope=Envelope.INPUTS)
    found = list(mutations(signature, base, envelopes=[Envelope.INPUTS]))
    sent = {
        case.rule: json.loads(encode(case.payload, case.envelope)[0])["inputs"]
        for case in found
        if isinstance(case.payload, Tensors)
    }
    assert sent["tensor_ragged"] == [[1, 2], [1, 2, 1]]
    assert sent["tensor_zero_rows"] == []
    shapes = [
        json.loads(encode(case.payload, case.envelope)[0])["inputs"]
        for case in of_rule(found, "tensor_fixed_dimension")
    ]
    assert shapes == [[[1, 2, 1]], [[1]]]
    ranks = [json.loads(encode(case.payload, case.envelope)[0])["inputs"] for case in of_rule(found, "tensor_rank")]
    assert ranks == [[[[1], [2]]], [1, 2]]
    beyond = [case.label for case in of_rule(found, "integer_out_of_range")]
    assert beyond == ["last element = 256 (beyond uint8)", "last element = -1 (beyond uint8)"]


def test_params_break_alone(everything: Signature, base_of: BaseOf) -> None:
    base = base_of(everything)
    found = [case for case in mutations(everything, base) if case.rule.startswith("param")]
    assert {name for case in found for name in case.params} >= {param.name for param in everything.params or ()}
    assert all(len(case.params) <= 1 for case in found)
    assert {"max_tokens": [20]} in [case.params for case in of_rule(found, "param_list_for_scalar")]
    assert {"stops": "a"} in [case.params for case in of_rule(found, "param_scalar_for_list")]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ; charset=utf-8"]
)
def test_spellings_of_the_media_type_must_work(
    content_type: str, table_of: Callable[..., Signature], base_of: BaseOf
) -> None:
    signature = table_of(x=DataType.DOUBLE)
    found = [
        case
        for case in protocol_cases(signature, base_of(signature))
        if isinstance(case.payload, RawBody) and case.payload.content_type == content_type
    ]
    assert [case.expectation for case in found] == [Expectation.ACCEPT]


def test_a_body_over_the_limit_is_otherwise_valid(table_of: Callable[..., Signature], base_of: BaseOf) -> None:
    signature = table_of(x=DataType.DOUBLE)
    (case,) = of_rule(protocol_cases(signature, base_of(signature), max_body_bytes=1_000), "body_too_large")
    assert isinstance(case.payload, RawBody)
    assert len(case.payload.body) == 1_001
    assert json.loads(case.payload.body)["dataframe_split"]


def test_only_the_rules_that_are_asked_for_are_shown(table_of: Callable[..., Signature], base_of: BaseOf) -> None:
    signature = table_of(x=DataType.DOUBLE)
    base = base_of(signature)
    every = list(protocol_cases(signature, base, max_body_bytes=1_000))
    for name in dict.fromkeys(case.rule for case in every):
        assert list(protocol_cases(signature, base, max_body_bytes=1_000, rules=(name,))) == of_rule(every, name)


def test_two_envelopes_are_both_valid(table_of: Callable[..., Signature], base_of: BaseOf) -> None:
    signature = table_of(x=DataType.DOUBLE)
    (case,) = of_rule(protocol_cases(signature, base_of(signature)), "two_envelopes")
    assert isinstance(case.payload, Document)
    assert case.payload.value == {
        "dataframe_split": {"columns": ["x"], "data": [[1.0]]},
        "dataframe_records": [{"x": 1.0}],
    }


def test_without_inputs_there_is_nothing_to_break(table_of: Callable[..., Signature]) -> None:
    base = Case(payload=Table(columns=("x",), rows=((1.0,),)))
    assert not all_cases(Signature(), base)
    assert not list(protocol_cases(table_of(x=DataType.DOUBLE), Case(payload=Document(value={}))))


def test_a_tensor_that_json_cannot_carry_shows_the_rules_of_its_shape() -> None:
    schema = TensorSchema(tensors=(TensorSpec(name=None, dtype="complex64", shape=(-1, 2)),))
    shown = {one.id for one in rules_for(Signature(inputs=schema))}
    assert {"tensor_rank", "not_json"} <= shown
    assert not shown & {"csv_wrong_cell", "ragged_rows", "text_for_number"}


def test_only_the_rules_asked_for_are_broken(everything: Signature, base_of: BaseOf) -> None:
    base = base_of(everything)
    wanted = {"missing_column", "text_for_boolean", "param_null", "csv_wrong_cell"}
    found = list(mutations(everything, base, rules=wanted))
    every = [case for case in mutations(everything, base) if case.rule in wanted]
    assert [(case.rule, case.label, case.envelope) for case in found] == [
        (case.rule, case.label, case.envelope) for case in every
    ]
    assert {case.rule for case in found} == wanted - {"csv_wrong_cell"}  # which nested columns do not fit


def test_a_case_says_where_its_fault_stands(everything: Signature, base_of: BaseOf) -> None:
    for case in mutations(everything, base_of(everything), rules=["text_for_boolean", "param_null"]):
        assert f'"{case.held}" = ' in case.label or f"param {case.held} = " in case.label
