"""The lint as a check: which findings fail it, which are advice, and how both read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.lint import LINT_RULES, signature_lint
from pytest_modelserve.checks.table import BY_NAME, STATIC_RULES
from pytest_modelserve.model.example import read_example
from pytest_modelserve.model.mlmodel import ExampleInfo
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.signature import parse_signature
from pytest_modelserve.strategies.rules import RULES

Lint = Callable[..., CheckResult]


@pytest.fixture
def lint(serve: Callable[..., CheckContext], tmp_path: Path) -> Lint:
    def run(inputs: Any, outputs: Any = None, *, given: Any = None, served: Any = None) -> CheckResult:
        sides = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs) if outputs else None, "params": None}
        context = serve(lambda rows: rows, parse_signature(sides))
        info = None
        if given is not None:
            (tmp_path / "input_example.json").write_text(json.dumps(given))
            (tmp_path / "serving_input_example.json").write_text(json.dumps(served or {"dataframe_split": given}))
            names = ("input_example.json", "serving_input_example.json")
            path, serving = (tmp_path / name for name in names)
            info = ExampleInfo(path=path, kind="dataframe", serving_path=serving)
        model = replace(context.model, example_info=info)
        return signature_lint(replace(context, model=model, example=read_example(model)), "")

    return run


NUMBER = [{"type": "double", "name": "x"}]


def test_a_healthy_model_has_nothing_to_be_told(lint: Lint) -> None:
    result = lint(NUMBER, NUMBER, given={"columns": ["x"], "data": [[1.5], [None]]})
    assert (result.outcome, result.advice, result.failure, result.requests) == (Outcome.PASSED, (), None, 0)


def test_advice_fails_nothing_and_says_its_rule(lint: Lint) -> None:
    result = lint([{"type": "long", "name": " n", "required": False}])
    assert result.outcome is Outcome.PASSED
    assert [advice.kind for advice in result.advice] == [
        "example_missing",
        "outputs_undeclared",
        "optional_without_null",
        "name_spaced",
    ]
    assert {advice.column for advice in result.advice} == {""}


def test_several_breaches_are_one_failure(lint: Lint) -> None:
    inputs = [{"type": "double", "name": "x"}, {"type": "double", "name": "x"}, {"type": "double", "name": ""}]
    result = lint(inputs, NUMBER)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.rule == "name_twice"
    assert result.failure.text.startswith(f"signature_lint: 2 breaches, the first: {result.failure.title}\n")
    for said in ("[name_twice]", "[name_unreachable]", "to mend", "models:/m/1"):
        assert said in result.failure.text


def test_one_breach_with_what_was_expected(lint: Lint) -> None:
    given, served = {"columns": ["x"], "data": [[1.5]]}, {"dataframe_split": {"columns": ["x"], "data": [[2.5]]}}
    result = lint(NUMBER, NUMBER, given=given, served=served)
    assert result.failure is not None
    assert (result.failure.rule, result.failure.expected, result.failure.received) == (
        "examples_disagree",
        "the same rows and params in both",
        'column "x" of row 0: 1.5 and 2.5',
    )
    assert result.failure.text.startswith(f"signature_lint: {result.failure.title}\n")


def test_breaches_stand_before_advice_and_each_has_a_name_of_its_own() -> None:
    weights = [rule.is_breach for rule in LINT_RULES]
    assert weights == sorted(weights, reverse=True)
    ids = [rule.id for table in STATIC_RULES.values() for rule in table] + [rule.id for rule in RULES] + list(BY_NAME)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("rule", LINT_RULES, ids=lambda rule: rule.id)
def test_every_rule_says_what_it_means_and_what_to_do(rule: Any) -> None:
    assert rule.meaning.endswith(".")
    assert rule.mend.endswith(".")
