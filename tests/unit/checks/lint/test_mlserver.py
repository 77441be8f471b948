"""What MLServer cannot load, take or answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.checks.lint import mlserver
from pytest_modelserve.checks.lint.rule import Linted

Make = Callable[..., Linted]
Said = Callable[[Any], list[str]]
NUMBER = [{"type": "double", "name": "x"}]


def tensor(dtype: str, name: str | None = None) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1]}, **named}


@pytest.mark.parametrize("outputs", [NUMBER, [tensor("float32")], [tensor("int64", "a"), tensor("str", "b")]])
def test_ordinary_models_are_left_alone(outputs: Any, make: Make, said: Said) -> None:
    linted = make(NUMBER, outputs, python_version="3.11.7", versions={"pandas": "3.0.0"})
    finds = (mlserver.find_unloadable, mlserver.find_untakeable, mlserver.find_unanswerable)
    assert [title for find in finds for title in said(find(linted))] == []


@pytest.mark.parametrize(
    ("inputs", "outputs"), [([tensor("datetime64[ns]")], NUMBER), (NUMBER, [tensor("datetime64[ns]", "at")])]
)
def test_tensors_of_dates_keep_it_from_loading(inputs: Any, outputs: Any, make: Make, said: Said) -> None:
    (found,) = said(mlserver.find_unloadable(make(inputs, outputs, python_version="3.11.7")))
    assert found.startswith("on MLServer the model does not load: tensor ")


@pytest.mark.parametrize(("python", "is_told"), [("3.8.18", True), ("3.12.9", False), ("3.13.0", True), ("", False)])
def test_it_does_not_exist_for_new_pythons(python: str, is_told: bool, make: Make, said: Said) -> None:
    assert len(said(mlserver.find_unloadable(make(NUMBER, NUMBER, python_version=python)))) == is_told


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([tensor("object")], "tensor the unnamed one of objects or bytes cannot be sent"),
        ([tensor("bytes", "b"), tensor("str", "t")], 'tensor "b" of objects or bytes cannot be sent'),
        ([{"type": "array", "items": {"type": "long"}, "name": "a"}], 'the nested column "a" need JSON text'),
        ([{"type": "map", "values": {"type": "long"}, "name": "a"}], 'the nested column "a" need JSON text'),
    ],
)
def test_inputs_that_it_cannot_take(inputs: Any, expected: str, make: Make, said: Said) -> None:
    (found,) = said(mlserver.find_untakeable(make(inputs)))
    assert found.startswith(f"on MLServer {expected}")


@pytest.mark.parametrize(
    ("column", "is_told"),
    [({"type": "string"}, False), ({"type": "long"}, True), ({"type": "array", "items": {"type": "string"}}, True)],
)
def test_type_hints_other_than_text(column: Any, is_told: bool, make: Make, said: Said) -> None:
    found = said(mlserver.find_untakeable(make([column], is_from_type_hint=True)))
    assert [one for one in found if "type hints" in one] == found
    assert len(found) == is_told


@pytest.mark.parametrize(
    ("outputs", "pandas", "expected"),
    [
        ([{"type": "string", "name": "y"}], "3.1.1", "KeyError: 'O'"),
        ([{"type": "string", "name": "y"}], "2.3.3", ""),
        ([{"type": "string", "name": "y"}], "", ""),
        ([{"type": "string"}], "3.1.1", ""),  # a list of text
        ([{"type": "datetime", "name": "y"}], "2.3.3", "KeyError: 'M'"),
        ([{"type": "long", "name": 0}], "2.3.3", "named by an integer"),
        ([{"type": "long"}], "2.3.3", ""),  # an array, as MLflow infers it
        ([{"type": "array", "items": {"type": "double"}}], "2.3.3", "MLServer/issues/2212"),
        ([{"type": "map", "values": {"type": "double"}}], "2.3.3", "MLServer/issues/2212"),
    ],
)
def test_outputs_that_it_cannot_encode(outputs: Any, pandas: str, expected: str, make: Make, said: Said) -> None:
    found = said(mlserver.find_unanswerable(make(NUMBER, outputs, versions={"pandas": pandas} if pandas else {})))
    assert len(found) == bool(expected)
    assert all(expected in one for one in found)
