"""The same requests on several servers: what they make of them is held against each other, and known ways are noted."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.cases import Table
from pytest_modelserve.checks.agreement import Agreement
from pytest_modelserve.checks.anchor import STOCHASTIC, UNSTEADY
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.servers import CHANGED
from pytest_modelserve.checks.table import BY_NAME, applying, run_check
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.scoring.errors import DecidedBy, ErrorCode, ScoringError
from pytest_modelserve.server.deviations import deviations_of
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Spied = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="a", type=DataType.DOUBLE), ColumnSpec(name="b", type=DataType.LONG, required=False))
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE, required=False),)),
)
EXAMPLE = Table(columns=("a", "b"), rows=((1.5, 7), (2.5, 8), (0.5, 9)))
KNOWN = deviations_of("mlflow", "3.17.2")


def healthy(frame: pd.DataFrame) -> object:
    return pd.DataFrame({"y": frame["a"].to_numpy() + frame["b"].to_numpy(dtype=float, na_value=0.0) / 1e3})


@pytest.fixture
def beside(spied: Spied, tmp_path: Path) -> Callable[..., CheckContext]:
    """Build what the check works with: a healthy server, and one of which keywords say how it is another."""

    def build(
        *others: dict[str, Any], predict: Any = healthy, signature: Signature = SIGNATURE, **settings: Any
    ) -> CheckContext:
        contexts = []
        for at, other in enumerate(({}, *others)):
            (tmp_path / str(at)).mkdir()
            made = spied(other.pop("predict", predict), signature, example=EXAMPLE, **settings, **other)
            made.served.folder = tmp_path / str(at)  # type: ignore[attr-defined]
            name = ("builtin", "mlflow", "third")[at]
            contexts.append(replace(made, settings=replace(made.settings, server=name)))
        return replace(contexts[0], beside=tuple(contexts[1:]))

    return build


def agree(context: CheckContext) -> CheckResult:
    return run_check(context, BY_NAME["servers_agree"], "")


def test_it_runs_where_several_servers_are_asked_for_and_then_alone(beside: Any) -> None:
    model = beside({}).model
    assert [check.name for check, _ in applying(model, n_servers=2)] == ["servers_agree"]
    assert "servers_agree" not in {check.name for check, _ in applying(model)}


def test_equal_servers_agree(beside: Any) -> None:
    result = agree(beside({}, {}, examples=8))
    assert (result.outcome, result.failure, result.reason, result.deviations) == (Outcome.PASSED, None, "", ())
    assert all(one.is_agreed for one in result.answers)
    assert {tuple(one.fates) for one in result.answers} == {("builtin", "mlflow", "third")}
    fates = {one.rule: set(one.fates.values()) for one in result.answers}
    assert fates["text_for_number"] == {"rejected"}
    assert fates["input_example"] == {"predicted"}
    assert result.requests > 3 * sum(one.requests for one in result.answers)
    assert result.accepted > 0


def test_another_answer_is_told_with_both_servers_and_the_smallest_request(beside: Any) -> None:
    def rounds(frame: pd.DataFrame) -> object:
        return healthy(frame.assign(b=frame["b"] // 10 * 10))

    result = agree(beside({"predict": rounds}))
    assert result.failure is not None
    assert result.failure.title.startswith("the same rows get another answer from mlflow than from builtin")
    assert "although they reach the model alike, since the model returns something else there" in result.failure.title
    assert "from builtin: 200" not in result.failure.text
    assert "the answer of builtin: 200" in result.failure.text
    assert "models:/m/1::builtin+mlflow::servers_agree" in result.failure.text
    assert " --model-server builtin --model-server mlflow" in result.failure.text
    assert "--port 5001 --server mlflow  # then in its place" in result.failure.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: [{"y": row["y"] and row["y"] * (1 + 1e-6)} for row in rows], "1.0e-06 apart"),
        (lambda rows: rows[:-1], "rows from builtin"),
        (lambda rows: rows[::-1], "predictions[0]"),
    ],
    ids=["digit", "row", "order"],
)
def test_what_the_server_does_to_an_answer_is_the_servers(beside: Any, change: Any, told: str) -> None:
    def on_return(body: bytes) -> bytes:
        return json.dumps({"predictions": change(json.loads(body)["predictions"])}).encode()

    result = agree(beside({"on_return": on_return}))
    assert result.failure is not None
    assert "the model returns the same from both, and yet mlflow answers otherwise than builtin" in result.failure.text
    assert told in result.failure.title
    assert "encoder" in result.failure.text


def test_what_the_server_does_to_a_value_is_told_with_what_arrived(beside: Any) -> None:
    def on_way(data: pd.DataFrame, params: Any, request: Any) -> pd.DataFrame:
        doubled: pd.DataFrame = data.assign(a=data["a"] * 2)
        return doubled

    result = agree(beside({"on_way": on_way}))
    assert result.failure is not None
    assert "the model received 3.0 (float64) from mlflow, and the answers differ" in result.failure.title


class Lenient:
    """Reads text of digits as the number."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, kind: Any, body: bytes) -> Any:
        return self._reader.read(kind, re.sub(rb'"(-?\d+(?:\.\d+)?)"', rb"\1", body))


@pytest.mark.parametrize("redact", [False, True])
def test_of_a_server_that_nobody_named_its_own_doings_are_advice(beside: Any, *, redact: bool) -> None:
    def on_way(data: pd.DataFrame, params: Any, request: Any) -> pd.DataFrame:
        doubled: pd.DataFrame = data.assign(a=data["a"] * 2)
        return doubled

    result = agree(replace(beside({"on_way": on_way}, redact=redact), is_unasked=True))
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
    (advice,) = result.advice
    assert ("1.5" in advice.text) is not redact
    assert ("pytest --model-server mlflow" in advice.text) is not redact


def test_by_a_server_that_nobody_named_the_model_can_fail(beside: Any) -> None:
    other = {"predict": lambda frame: pd.DataFrame({"y": frame["a"].to_numpy() + 1})}
    assert agree(replace(beside(other), is_unasked=True)).outcome is Outcome.FAILED


def test_what_must_be_refused_is_told_by_the_checks_of_each_server(beside: Any) -> None:
    context = beside({})
    served = context.beside[0].served
    served._reader = Lenient(served._reader)
    result = agree(context)
    assert (result.outcome, result.deviations) == (Outcome.PASSED, ())
    rows = {one.rule: one for one in result.answers}
    assert rows["text_for_number"].fates == {"builtin": "rejected", "mlflow": "predicted"}
    assert not rows["text_for_number"].is_agreed


def test_another_outcome_of_a_valid_request_is_a_difference(beside: Any) -> None:
    def refuses(frame: pd.DataFrame) -> object:
        if (frame["a"] < 0).any():
            raise ValueError("no negative a here")
        return healthy(frame)

    result = agree(beside({"predict": refuses}))
    assert result.failure is not None
    assert "the outcome is predicted from builtin, but model_raised from mlflow" in result.failure.text
    assert "no negative a here" in result.failure.text


def test_a_known_deviation_is_noted_and_no_failure(beside: Any) -> None:
    context = beside({})
    other = context.beside[0]
    other.served._reader = Lenient(other.served._reader)
    result = agree(replace(context, beside=(replace(other, known=KNOWN),)))
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
    assert [one.id for one in result.deviations] == ["text_is_number"]
    rows = {one.rule: one for one in result.answers}
    assert rows["text_for_number"].fates == {"builtin": "rejected", "mlflow": "predicted, as known"}
    assert not rows["text_for_number"].is_agreed


@pytest.mark.parametrize(("known", "outcome"), [(KNOWN, Outcome.PASSED), ((), Outcome.FAILED)])
def test_instants_in_a_form_that_is_known_of_a_server_are_the_same(known: Any, outcome: Outcome, beside: Any) -> None:
    def dated(frame: pd.DataFrame) -> object:
        return pd.DataFrame({"at": [pd.Timestamp(2024, 1, 1, 12)] * len(frame)})

    def as_integers(body: bytes) -> bytes:
        rows = json.loads(body)["predictions"]
        return json.dumps({"predictions": [{"at": pd.Timestamp(row["at"]).value} for row in rows]}).encode()

    outputs = ColumnSchema(columns=(ColumnSpec(name="at", type=DataType.DATETIME),))
    context = beside({"on_return": as_integers}, predict=dated, signature=replace(SIGNATURE, outputs=outputs))
    (other,) = context.beside
    assert agree(replace(context, beside=(replace(other, known=known),))).outcome is outcome


def test_what_the_contract_leaves_open_may_differ(beside: Any) -> None:
    context = beside({})
    served = context.beside[0].served
    strict = served._reader

    class Strict:
        def read(self, kind: Any, body: bytes) -> Any:
            if b"null" in body:
                raise ScoringError(ErrorCode.INVALID_PARAMETER_VALUE, "no null here", decided_by=DecidedBy.SCHEMA)
            return strict.read(kind, body)

    served._reader = Strict()
    result = agree(context)
    free = [one for one in result.answers if "rejected, as it may" in one.fates.values()]
    assert free
    assert not any(one.is_agreed for one in free)
    assert result.failure is None or "null" not in result.failure.rule


def test_three_are_compared_with_the_first(beside: Any) -> None:
    result = agree(beside({}, {"predict": lambda frame: pd.DataFrame({"y": frame["a"].to_numpy() + 1})}))
    assert result.failure is not None
    assert "from third than from builtin" in result.failure.title
    row = next(one for one in result.answers if one.rule == "input_example")
    assert row.fates == {"builtin": "predicted", "mlflow": "predicted", "third": "predicted, otherwise"}


def test_a_model_that_draws_is_not_compared(beside: Any) -> None:
    count = itertools.count()
    result = agree(beside({}, predict=lambda frame: pd.DataFrame({"y": frame["a"] + next(count)})))
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, UNSTEADY)


def test_one_that_says_so_is_not_even_asked(beside: Any) -> None:
    result = agree(beside({}, stochastic=True))
    assert (result.reason, result.requests) == (STOCHASTIC, 0)


def test_a_server_that_changes_its_mind_proves_nothing(beside: Any) -> None:
    count = itertools.count()
    result = agree(beside({"predict": lambda frame: pd.DataFrame({"y": frame["a"] + next(count)})}))
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, CHANGED)


def test_a_server_that_is_lost_ends_it(beside: Any) -> None:
    def dies(frame: pd.DataFrame) -> object:
        if (frame["a"] > 1e6).any():
            raise ConnectionResetError
        return healthy(frame)

    result = agree(beside({"predict": dies}, predict=dies))
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert result.reason.endswith("on builtin")


def test_a_server_that_alone_is_lost_is_a_difference(beside: Any) -> None:
    def dies(frame: pd.DataFrame) -> object:
        if (frame["a"] > 1e6).any():
            raise ConnectionResetError
        return healthy(frame)

    result = agree(beside({"predict": dies}))
    assert result.failure is not None
    assert "the outcome is predicted from builtin, but disconnected from mlflow" in result.failure.text


def test_far_off_rows_hide_no_ordinary_ones(beside: Any) -> None:
    def shifted(frame: pd.DataFrame) -> object:
        values = frame["a"].to_numpy()
        return pd.DataFrame({"y": np.where(np.abs(values) < 0.4, values + 0.25, values)})

    def plain(frame: pd.DataFrame) -> object:
        return pd.DataFrame({"y": frame["a"].to_numpy()})

    result = agree(beside({"predict": shifted}, predict=plain, examples=0))
    assert result.failure is not None
    assert "0.25 from mlflow" in result.failure.title


def test_bytes_are_the_same_however_their_text_is_broken() -> None:
    outputs = ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.BINARY),))
    agreement = Agreement(outputs=outputs)
    one, broken, other = (agreement.read([{"y": text}]) for text in ("YQ==", "YQ==\n", "Yg==\n"))
    assert agreement.agree(one, broken)
    assert not agreement.agree(one, other)
    assert not Agreement(outputs=None).agree(one, broken)


def test_no_case_is_stored_that_one_server_cannot_show(beside: Any, tmp_path: Path) -> None:
    other = {"predict": lambda frame: pd.DataFrame({"y": frame["a"].to_numpy() + 1})}
    result = agree(beside(other, cases_dir=tmp_path / "cases"))
    assert result.failure is not None
    assert (result.failure.case, "modelserve replay" in result.failure.text) == ("", False)
    assert not (tmp_path / "cases").exists()
