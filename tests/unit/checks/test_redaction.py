"""With --model-redact no value of a row is in any result, whichever check wrote it; shapes, types and kinds are."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Table, Tensors
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.redaction import kind_of, redacted
from pytest_modelserve.checks.table import run_titled
from pytest_modelserve.results import Advice, CheckResult, FailureDetail, Judges, Outcome, as_document
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

Serve = Callable[..., CheckContext]
SECRET_TEXT, SECRET_NUMBER = "Zaphod Beeblebrox", 8_675_309
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="account", type=DataType.LONG), ColumnSpec(name="holder", type=DataType.STRING))
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Table(columns=("account", "holder"), rows=((SECRET_NUMBER, SECRET_TEXT),))


def text_of(result: CheckResult) -> str:
    return json.dumps(as_document(result), ensure_ascii=False)


def crashes_on_customers(rows: list[Any]) -> object:
    for row in rows:
        if row["holder"] == SECRET_TEXT and row["account"] == 0:
            raise KeyError(f"{row['holder']} has no {row['account']}")
    return [{"y": 1.0} for _ in rows]


def refuses_strangers(rows: list[Any]) -> object:
    for row in rows:
        if row["holder"] != SECRET_TEXT:
            raise ValueError(f"only {SECRET_TEXT} may have account {row['account']}")
    return [{"y": 1.0} for _ in rows]


def answers_with_names(rows: list[Any]) -> object:
    return [{"y": row["holder"]} for row in rows]


@pytest.mark.parametrize(
    ("predict", "title", "outcome"),
    [
        (crashes_on_customers, "accepts_valid[dataframe_split]", Outcome.FAILED),
        (refuses_strangers, "accepts_valid[dataframe_split]", Outcome.INCONCLUSIVE),
        (answers_with_names, "matches_output_schema", Outcome.FAILED),
    ],
)
def test_no_value_is_told(predict: Any, title: str, outcome: Outcome, serve: Serve, tmp_path: Path) -> None:
    context = serve(predict, SIGNATURE, example=EXAMPLE, redact=True, cases_dir=tmp_path / "stored")
    plain = serve(predict, SIGNATURE, example=EXAMPLE)
    assert SECRET_TEXT in text_of(run_titled(plain, title))
    result = run_titled(context, title)
    told = text_of(result)
    assert SECRET_TEXT not in told
    assert str(SECRET_NUMBER) not in told
    assert result.outcome in {outcome, Outcome.PASSED}
    assert not (tmp_path / "stored").exists()


def test_what_is_told_is_where_and_of_what_kind(serve: Serve) -> None:
    context = serve(crashes_on_customers, SIGNATURE, example=EXAMPLE, redact=True)
    failure = run_titled(context, "accepts_valid[dataframe_split]").failure
    assert failure is not None
    assert failure.is_redacted
    assert failure.title == "model crashed: KeyError at code/model.py:7, on 1 row x 2 columns in dataframe_split (zero)"
    assert "row 0  account  integer -> integer" in failure.request
    assert (failure.curl, failure.received, failure.case) == ("", "", "")
    assert "without --model-redact" in failure.text


def test_tensors_are_told_by_shape(serve: Serve) -> None:
    signature = Signature(
        inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1, 2)),)),
        outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1,)),)),
    )

    def crashes(rows: list[Any]) -> object:
        return [[1.0][int(row[0] == 0)] for row in rows]

    example = Tensors(arrays={None: np.array([[86.75309, 1.0]])})
    failure = run_titled(serve(crashes, signature, example=example, redact=True), "accepts_valid[inputs]").failure
    assert failure is not None
    assert "float64 (1, 2)" in failure.title
    assert "86.75309" not in failure.text
    assert "number -> number" in failure.request


def test_a_text_that_was_not_written_for_it_is_kept_back_whole() -> None:
    result = CheckResult(
        name="signature_lint",
        judges=Judges.SIGNATURE,
        outcome=Outcome.FAILED,
        advice=(
            Advice(text=f'column "holder" refuses "{SECRET_TEXT}"', column="holder", kind="refused", domain="x = 1"),
            Advice(text=f"the example holds {SECRET_TEXT}"),
            Advice(text=f"and {SECRET_NUMBER}"),
        ),
        failure=FailureDetail(title=SECRET_TEXT, rule="example_breaks_signature", received=SECRET_TEXT, text="t"),
    )
    told = redacted(result)
    assert SECRET_TEXT not in text_of(told)
    assert str(SECRET_NUMBER) not in text_of(told)
    assert [(one.column, one.kind, one.domain) for one in told.advice] == [("holder", "refused", ""), ("", "note", "")]
    assert told.failure is not None
    assert (told.failure.rule, told.failure.is_redacted) == ("example_breaks_signature", True)
    assert redacted(told).failure == told.failure


def test_a_breach_that_is_flaky_is_told_without_values(serve: Serve) -> None:
    calls = itertools.count()

    def sometimes(rows: list[Any]) -> object:
        if next(calls) % 4 == 0:
            raise ValueError(f"{rows[0]['holder']} has {rows[0]['account']}")
        return [{"y": 1.0} for _ in rows]

    result = run_titled(serve(sometimes, SIGNATURE, example=EXAMPLE, redact=True), "accepts_valid[dataframe_split]")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.reason.startswith("flaky, reproduced ")
    assert "ValueError at " in result.reason
    assert not [secret for secret in (SECRET_TEXT, str(SECRET_NUMBER)) if secret in text_of(result)]


def test_an_answer_that_changes_is_told_in_words_without_values(serve: Serve) -> None:
    calls = itertools.count()
    context = serve(
        lambda rows: [{"y": SECRET_NUMBER + next(calls)} for _ in rows], SIGNATURE, example=EXAMPLE, redact=True
    )
    failure = run_titled(context, "stateless[repeat]").failure
    assert failure is not None
    assert failure.title.startswith("the same request, repeated, got another answer, on ")


def test_a_reason_stays() -> None:
    reason = "the time of 60 s ran out before every fixed case was sent: raise --model-budget"
    result = CheckResult(name="c", judges=Judges.MODEL, outcome=Outcome.INCONCLUSIVE, reason=reason)
    assert redacted(result).reason == reason
    skipped = CheckResult(name="c", judges=Judges.MODEL, outcome=Outcome.SKIPPED, reason='no "inputs" here')
    assert redacted(skipped).reason == skipped.reason


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "boolean"),
        (np.bool_(True), "boolean"),
        (3, "integer"),
        (np.int32(3), "integer"),
        (2.5, "number"),
        (np.float32(2.5), "number"),
        ("abc", "text of 3 characters"),
        ("é", "text of 1 characters, not ASCII"),
        (b"ab", "2 bytes"),
        (np.datetime64("2024-01-01"), "date and time"),
        ([1, 2], "list of 2"),
        ({"a": 1}, "record of 1"),
        (object(), "object"),
    ],
)
def test_kinds(value: object, words: str) -> None:
    assert kind_of(value) == words
