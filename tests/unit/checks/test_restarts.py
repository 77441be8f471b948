"""Two processes of one model: what each keeps to itself shows where they answer the same request differently."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.cases import Table
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.restarts import MOST, NOTHING_TAKEN, UNSTEADY
from pytest_modelserve.checks.statelessness import stateless
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature

Serve = Callable[..., CheckContext]
Predict = Callable[[list[Any]], object]

SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(ColumnSpec(name="age", type=DataType.LONG), ColumnSpec(name="plan", type=DataType.STRING))
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
EXAMPLE = Table(columns=("age", "plan"), rows=((30, "basic"), (40, "pro")))


def salted(salt: int) -> Predict:
    """Answer by the salt of the process, as `hash` of a text does."""

    def predict(rows: list[Any]) -> object:
        return [{"y": float(len(row["plan"]) * 7 + salt)} for row in rows]

    return predict


def first_come() -> Predict:
    """Answer each text of a length with the first text of that length."""
    kept: dict[int, str] = {}

    def predict(rows: list[Any]) -> object:
        found = [kept.setdefault(len(row["plan"]) // 4, row["plan"]) for row in rows]
        return [{"y": float(sum(map(ord, text)))} for text in found]

    return predict


@pytest.fixture
def processes(serve: Serve, tmp_path: Path) -> Callable[..., tuple[CheckResult, CheckContext]]:
    """Run the check against two processes of one model."""

    def check(
        one: Predict, other: Predict, signature: Signature = SIGNATURE, **known: Any
    ) -> tuple[CheckResult, CheckContext]:
        context = serve(one, signature, example=EXAMPLE, **known)
        folder = tmp_path / "other"
        folder.mkdir()
        context.served.other = type(context.served)(signature, other, folder)  # type: ignore[attr-defined, call-arg]
        return stateless(context, "restart"), context

    return check


Processes = Callable[..., tuple[CheckResult, CheckContext]]


def test_two_processes_of_a_healthy_model_agree(processes: Processes) -> None:
    result, context = processes(salted(1), salted(1))
    assert (result.name, result.outcome, result.reason) == ("stateless[restart]", Outcome.PASSED, "")
    shared: Any = context.served
    assert 0 < len(shared.other.requests) <= MOST
    assert result.requests == len(shared.requests) + len(shared.other.requests) - 3  # by which time is taken


def test_an_answer_by_the_salt_of_a_process_fails(processes: Processes) -> None:
    result, _ = processes(salted(1), salted(2))
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.title.startswith(
        "the same request gets another answer from another process of the same model: "
    )
    assert "3/3 showed it" in result.failure.text
    assert "1 row x 2 columns" in result.failure.text


def test_a_cache_of_what_came_first_shows_in_the_reverse_order(processes: Processes) -> None:
    result, _ = processes(first_come(), first_come())
    assert result.outcome is Outcome.FAILED


def test_last_digits_decide_nothing(processes: Processes) -> None:
    result, _ = processes(salted(1), lambda rows: [{"y": (len(row["plan"]) * 7 + 1) * (1 + 2**-50)} for row in rows])
    assert result.outcome is Outcome.PASSED


def test_what_another_process_refuses_fails(processes: Processes) -> None:
    def refuse(rows: list[Any]) -> object:
        raise ValueError("only the first process knows the model")

    result, _ = processes(salted(1), refuse)
    assert result.failure is not None
    assert "the outcome is predicted from one, but model_refused from another" in result.failure.title


def test_a_process_that_is_lost_by_what_the_first_answered(processes: Processes) -> None:
    def die(rows: list[Any]) -> object:
        raise ConnectionResetError("gone")

    result, _ = processes(salted(1), die)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "disconnected" in result.failure.title


def test_a_process_that_does_not_keep_to_its_answer_proves_nothing_here(processes: Processes) -> None:
    calls = itertools.count()

    def odd(rows: list[Any]) -> object:
        return [{"y": float(len(row["plan"]) * 7 + 1 + (next(calls) == 0))} for row in rows]

    result, _ = processes(salted(1), odd)
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, UNSTEADY)


def test_a_model_that_takes_nothing(processes: Processes) -> None:
    def refuse(rows: list[Any]) -> object:
        raise ValueError("no")

    result, context = processes(refuse, refuse)
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, NOTHING_TAKEN)
    assert not context.served.other.requests  # type: ignore[attr-defined]


def test_params_are_sent_to_both(processes: Processes) -> None:
    signature = Signature(
        inputs=SIGNATURE.inputs,
        outputs=SIGNATURE.outputs,
        params=(ParamSpec(name="scale", type=DataType.DOUBLE, default=1.0),),
    )
    result, context = processes(salted(1), salted(1), signature)
    assert result.outcome is Outcome.PASSED
    shared: Any = context.served
    assert any(b'"params"' in request.content for request in shared.other.requests)


def test_a_stochastic_model_is_left_out(processes: Processes) -> None:
    result, context = processes(salted(1), salted(2), stochastic=True)
    assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)
    assert not context.served.requests  # type: ignore[attr-defined]
