"""Whether the signature says all that a server needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.lint import signature
from pytest_modelserve.checks.lint.rule import Linted

Make = Callable[..., Linted]
Said = Callable[[Any], list[str]]
COLUMN = [{"type": "long", "name": "a"}]
PARAMS = [{"name": "n", "type": "long", "default": 1, "shape": None}]


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((), [signature.NO_SIGNATURE]),
        ((None, COLUMN), [signature.NO_INPUTS]),
        ((None, None, PARAMS), [signature.NO_INPUTS]),
        ((COLUMN,), []),
    ],
)
def test_inputs(sides: tuple[Any, ...], expected: list[str], make: Make, said: Said) -> None:
    assert said(signature.find_no_inputs(make(*sides))) == expected


@pytest.mark.parametrize(
    ("sides", "is_told"), [((), False), ((None, None, PARAMS), False), ((COLUMN,), True), ((COLUMN, COLUMN), False)]
)
def test_outputs(sides: tuple[Any, ...], is_told: bool, make: Make, said: Said) -> None:
    found = said(signature.find_no_outputs(make(*sides)))
    assert len(found) == is_told
    assert all("MLServer" in one for one in found)


def test_the_input_example(make: Make, said: Said) -> None:
    assert len(said(signature.find_no_example(make(COLUMN)))) == 1
    assert said(signature.find_no_example(make(COLUMN, given={"columns": ["a"], "data": [[1]]}))) == []


READS = "class M:\n    def predict(self, context, model_input, params=None):\n        return (params or {}).get('n')\n"
IGNORES = "class M:\n    def predict(self, context, model_input, params=None):\n        return model_input\n"
HAS_NONE = "class M:\n    def predict(self, model_input):\n        params = {}\n        return params\n"
NO_METHOD = "def predict(model_input, params=None):\n    return params\n"


@pytest.mark.parametrize(
    ("code", "params", "is_told"),
    [
        (READS, None, True),
        (READS.replace("model_input, params", "model_input, *, params"), None, True),
        (READS, PARAMS, False),
        (READS, [], False),
        (IGNORES, None, False),
        (HAS_NONE, None, False),
        (NO_METHOD, None, False),
        ("class M:\n    predict = (\n", None, False),  # for another Python, or none
        ("", None, False),
    ],
)
def test_params_that_the_code_reads_and_nobody_declares(
    code: str, params: Any, is_told: bool, make: Make, said: Said, tmp_path: Path
) -> None:
    (tmp_path / "code" / "package").mkdir(parents=True)
    (tmp_path / "code" / "package" / "the_model.py").write_text(code)
    linted = make(COLUMN, COLUMN, params)
    model = replace(linted.model, pyfunc=replace(linted.model.pyfunc, code_path=tmp_path / "code"))
    found = said(signature.find_undeclared_params(replace(linted, model=model)))
    assert len(found) == is_told
    assert all("(the_model.py, line 3)" in one for one in found)


def test_params_in_a_model_from_code(make: Make, said: Said, tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(READS)
    linted = make(COLUMN)
    model = replace(linted.model, pyfunc=replace(linted.model.pyfunc, code_file=file))
    assert len(said(signature.find_undeclared_params(replace(linted, model=model)))) == 1
    assert said(signature.find_undeclared_params(replace(linted, model=replace(model, signature=None)))) == []
