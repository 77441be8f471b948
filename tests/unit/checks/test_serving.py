"""The checks that need no search, the table of checks, and what the signature itself says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_modelserve.cases import Envelope, Table
from pytest_modelserve.checks.check import Check
from pytest_modelserve.checks.choice import chosen, require_checks
from pytest_modelserve.checks.context import CheckContext, as_example_case, envelopes_of
from pytest_modelserve.checks.lint import signature_lint
from pytest_modelserve.checks.serving import environment_restores, predicts_input_example, server_starts
from pytest_modelserve.checks.table import BY_NAME, CHECKS, PRESETS, applying, run_check
from pytest_modelserve.errors import SettingError
from pytest_modelserve.model.example import InputExample
from pytest_modelserve.model.mlmodel import ExampleInfo, Model
from pytest_modelserve.results import Judges, Outcome, notes
from pytest_modelserve.server.deviations import Deviation, Example
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Serve = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG),)),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
BODY: dict[str, object] = {"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}
RAW = b'{"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}'
EXAMPLE = InputExample(
    body=RAW, document=BODY, data=None, payload=Table(columns=("a",), rows=((1,), (2,))), notes=("mended",)
)
INFO = ExampleInfo(path=Path("e.json"), kind="dataframe")


def healthy(rows: list[Any]) -> object:
    return [{"y": 1.0} for _ in rows]


def with_example(context: CheckContext, example: InputExample | None = EXAMPLE) -> CheckContext:
    return replace(context, example=example, model=replace(context.model, example_info=INFO))


def test_the_input_example_is_predicted(serve: Serve) -> None:
    context = with_example(serve(healthy, SIGNATURE))
    result = predicts_input_example(context, "")
    assert (result.outcome, result.requests, result.accepted) == (Outcome.PASSED, 1, 1)
    assert result.advice == notes(["mended"])
    requests: list[httpx.Request] = context.served.requests  # type: ignore[attr-defined]
    assert [request.content for request in requests] == [RAW]


@pytest.mark.parametrize(
    ("predict", "title"),
    [
        (lambda rows: [{"y": 1.0}], "rows"),
        (lambda rows: [{"y": None} for _ in rows], "null"),
        (lambda rows: 1 / 0, "ZeroDivisionError"),
        (lambda rows: int("x"), "refused"),
    ],
)
def test_an_input_example_that_is_not_predicted_fails(
    predict: Callable[[list[Any]], object], title: str, serve: Serve
) -> None:
    result = predicts_input_example(with_example(serve(predict, SIGNATURE)), "")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert title in result.failure.title


@pytest.mark.parametrize(("rules", "outcome"), [(("input_example",), Outcome.SKIPPED), (("valid",), Outcome.FAILED)])
def test_an_input_example_that_the_server_is_known_to_refuse_is_left_out(
    rules: tuple[str, ...], outcome: Outcome, serve: Serve
) -> None:
    known = Deviation(
        id="dates_of_two_forms",
        server="mlflow",
        versions=">=3",
        rules=rules,
        kinds=frozenset({"rejected"}),
        envelopes=frozenset({"dataframe_split"}),
        what="Two forms are refused.",
        link="https://example.org",
        example=Example(model="m", status=400),
    )
    context = replace(with_example(serve(healthy, SIGNATURE)), known=(known,))
    served: Any = context.served
    served.take_only({"not": {}})
    result = run_check(context, BY_NAME["predicts_input_example"], "")
    assert (result.outcome, result.requests, result.applies) == (outcome, 1, outcome is Outcome.FAILED)
    assert len(result.deviations) == (outcome is Outcome.SKIPPED)


def test_an_input_example_that_costs_a_server_but_not_the_next_proves_nothing(serve: Serve) -> None:
    fates = [ConnectionResetError("gone")]

    def predict(rows: list[Any]) -> object:
        if fates:
            raise fates.pop()
        return healthy(rows)

    result = predicts_input_example(with_example(serve(predict, SIGNATURE)), "")
    assert (result.outcome, result.failure, result.requests) == (Outcome.INCONCLUSIVE, None, 2)
    assert "lost once" in result.reason


def test_without_an_input_example_the_check_does_not_apply(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE)
    result = predicts_input_example(context, "")
    assert result.outcome is Outcome.SKIPPED
    assert result.reason == BY_NAME["predicts_input_example"].why_not(context.model) != ""


def test_the_environments_notes_are_advice(serve: Serve) -> None:
    result = environment_restores(serve(healthy, SIGNATURE), "")
    assert (result.outcome, result.advice) == (Outcome.PASSED, notes(["pip is missing"]))


def test_a_server_that_answers_its_ping_has_started(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE)
    assert server_starts(context, "").outcome is Outcome.PASSED

    class Silent:
        client = type("Client", (), {"ping": lambda self: False})()

    result = server_starts(replace(context, served=Silent()), "")  # type: ignore[arg-type]
    assert result.outcome is Outcome.ERROR
    assert result.reason


def test_a_signature_that_the_example_keeps(serve: Serve) -> None:
    result = signature_lint(with_example(serve(healthy, SIGNATURE)), "")
    assert (result.outcome, result.advice, result.failure) == (Outcome.PASSED, (), None)


@pytest.mark.parametrize(
    ("signature", "rule", "said"),
    [
        (None, "signature_missing", "the model has no signature"),
        (Signature(), "signature_missing", "the signature declares no inputs"),
        (
            Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.STRING),))),
            "example_breaks_signature",
            "is not of type 'string'",
        ),
        (
            Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="b", type=DataType.LONG),))),
            "example_breaks_signature",
            '["a"] does not contain items matching {"const": "b"}',
        ),
    ],
)
def test_a_signature_that_says_too_little_or_not_what_the_example_holds(
    signature: Signature | None, rule: str, said: str, serve: Serve
) -> None:
    result = signature_lint(with_example(serve(healthy, signature)), "")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.rule == rule
    assert result.failure.title in result.failure.text
    assert said in result.failure.title


def test_what_a_signature_leaves_open_is_advice(serve: Serve) -> None:
    result = signature_lint(serve(healthy, replace(SIGNATURE, outputs=None)), "")
    assert result.outcome is Outcome.PASSED
    assert len(result.advice) == 2


def test_the_presets_grow(serve: Serve) -> None:
    model = with_example(serve(healthy, SIGNATURE)).model
    smoke, default, full = ([check.title(variant) for check, variant in chosen(model, [name])] for name in PRESETS)
    assert set(smoke) < set(default) <= set(full)
    assert full == [check.title(variant) for check, variant in applying(model)]
    assert len(set(full)) == len(full)


def test_checks_are_chosen_by_name_in_the_order_they_run(serve: Serve) -> None:
    model = with_example(serve(healthy, SIGNATURE)).model
    found = [check.name for check, _ in chosen(model, ["signature_lint", "server_starts"])]
    assert found == ["server_starts", "signature_lint"]
    assert {variant for check, variant in chosen(model, ["accepts_valid"])} == {
        *(envelope.value for envelope in Envelope if envelope is not Envelope.UNIFIED)
    }


def test_a_name_that_is_no_check_is_told_with_the_nearest(serve: Serve) -> None:
    with pytest.raises(SettingError) as caught:
        list(chosen(serve(healthy, SIGNATURE).model, ["smoke", "acepts_valid"]))
    assert "acepts_valid" in caught.value.happened
    assert caught.value.fix == "Did you mean 'accepts_valid'?"


def test_what_cannot_apply_is_left_out(serve: Serve) -> None:
    names = {check.name for check, _ in applying(serve(healthy, None).model)}
    assert names == {
        "environment_restores",
        "server_starts",
        "signature_lint",
        "replays_stored",
        "environment_parity",
    }


def test_the_user_opts_out_of_a_check_with_a_reason(serve: Serve) -> None:
    context = serve(healthy, SIGNATURE, skip={"accepts_valid": "it is slow"})
    result = run_check(context, BY_NAME["accepts_valid"], "inputs")
    assert (result.name, result.outcome, result.applies) == ("accepts_valid[inputs]", Outcome.SKIPPED, False)
    assert result.reason == "left out by --model-skip: it is slow"
    assert result.requests == 0
    assert run_check(context, BY_NAME["server_starts"], "").outcome is Outcome.PASSED


def test_only_a_check_can_be_left_out() -> None:
    require_checks(["accepts_valid"])
    with pytest.raises(SettingError) as caught:
        require_checks(["smoke", "acepts_valid"])
    assert "'smoke'" in caught.value.happened


def test_every_check_says_what_it_proves() -> None:
    assert all(check.purpose.endswith(".") and check.presets <= set(PRESETS) for check in CHECKS)
    assert list(BY_NAME) == [check.name for check in CHECKS]


def test_a_check_applies_once_unless_it_says_otherwise(serve: Serve) -> None:
    model: Model = serve(healthy, None).model
    check = Check(name="c", judges=Judges.MODEL, purpose="p.", presets=frozenset(), run=environment_restores)
    assert (check.why_not(model), check.variants(model), check.title(""), check.title("v")) == ("", ("",), "c", "c[v]")


def test_an_example_becomes_a_case_where_its_rows_are_known(serve: Serve) -> None:
    context = with_example(serve(healthy, SIGNATURE))
    case = context.example_case
    assert case is not None
    assert (case.payload, case.envelope) == (EXAMPLE.payload, Envelope.DATAFRAME_SPLIT)
    assert Envelope.DATAFRAME_RECORDS in envelopes_of(context.model, context.example)
    assert as_example_case(context.model, None) is None
    assert as_example_case(context.model, replace(EXAMPLE, payload=None)) is None
    assert envelopes_of(context.model, replace(EXAMPLE, payload=None)) == ()


def test_an_example_that_is_the_body_itself_is_answered_bare(serve: Serve) -> None:
    signature = Signature(
        inputs=ColumnSchema(columns=(ColumnSpec(name="prompt", type=DataType.STRING),)), outputs=SIGNATURE.outputs
    )
    payload = Table(columns=("prompt",), rows=(("hi",),))
    example = InputExample(body=b'{"prompt": "hi"}', document={"prompt": "hi"}, data=None, payload=payload)
    result = predicts_input_example(with_example(serve(healthy, signature), example), "")
    assert (result.outcome, result.accepted) == (Outcome.PASSED, 1)
    wrong = predicts_input_example(with_example(serve(lambda rows: [{"y": "x"}], signature), example), "")
    assert wrong.failure is not None
    assert "expected double" in wrong.failure.title
