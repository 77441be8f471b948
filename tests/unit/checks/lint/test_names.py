"""Names that no request can address, or that callers mix up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.checks.lint import names
from pytest_modelserve.checks.lint.rule import Linted

Make = Callable[..., Linted]
Said = Callable[[Any], list[str]]


def columns(*called: str | int, kind: str = "long") -> list[dict[str, Any]]:
    return [{"type": kind, "name": name} for name in called]


def tensors(*called: str) -> list[dict[str, Any]]:
    spec = {"dtype": "float64", "shape": [-1, 2]}
    return [{"type": "tensor", "tensor-spec": spec, "name": name} for name in called]


HEALTHY = (
    columns("a", "b"),
    columns("sepal length (cm)", "Sepal width"),
    tensors("a", "b"),
    [{"type": "long"}, {"type": "double"}],
    [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}],
    None,
)


@pytest.mark.parametrize("inputs", HEALTHY)
@pytest.mark.parametrize(
    "find",
    [
        names.find_twice,
        names.find_unreachable,
        names.find_integers,
        names.find_spaces,
        names.find_lookalikes,
        names.find_names_of_protocol,
        names.find_params_like_columns,
    ],
)
def test_ordinary_names_are_left_alone(find: Any, inputs: Any, make: Make, said: Said) -> None:
    assert said(find(make(inputs, [{"type": "long", "name": "a"}]))) == []


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        (columns("a", "b", "a"), None, 'inputs: "a" is declared twice'),
        (columns(0, "0"), None, 'inputs: "0" is declared as 0, "0"'),
        (tensors("t", "t"), None, 'inputs: "t" is declared twice'),
        (columns("a"), columns("y", "y"), 'outputs: "y" is declared twice'),
    ],
)
def test_names_that_are_one_text(inputs: Any, outputs: Any, expected: str, make: Make, said: Said) -> None:
    (found,) = said(names.find_twice(make(inputs, outputs)))
    assert found.startswith(expected)
    assert "JSON has one place for it" in found


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (columns("", "b"), 'the input "", at place 0'),
        (columns(2, 0, 1), "the input 0, at place 1"),
        (tensors("a", ""), 'the input "", at place 1'),
        (columns(0, 1, 2), ""),
        (columns(1, 2), ""),
        (columns("0"), ""),
    ],
)
def test_names_that_mlflow_takes_for_none(inputs: Any, expected: str, make: Make, said: Said) -> None:
    found = said(names.find_unreachable(make(inputs)))
    assert len(found) == bool(expected)
    assert all(one.startswith(f"{expected}, can never be sent") for one in found)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (columns(0, 1), ["columns 0, 1 named by an integer"]),
        (columns("0", "b"), ['column "0" named like a place']),
        (columns("0.5", "1a"), []),
        (columns(*range(9)), ["columns 0, 1, 2, 3 and 5 more named by an integer"]),
    ],
)
def test_integers_as_names(inputs: Any, expected: list[str], make: Make, said: Said) -> None:
    found = said(names.find_integers(make(inputs)))
    assert [one.partition(":")[0] for one in found] == expected


@pytest.mark.parametrize("name", [" a", "a ", "\ta", "a\n"])
def test_names_with_spaces_at_an_end(name: str, make: Make, said: Said) -> None:
    (found,) = said(names.find_spaces(make(columns(name, "b c"))))
    assert "begin or end with a space" in found
    assert "b c" not in found


@pytest.mark.parametrize(
    ("one", "other"),
    [("Age", "age"), ("age", " age"), ("café", "cafe\u0301"), ("ﬁeld", "field"), ("straße", "STRASSE")],
)
def test_names_that_look_alike(one: str, other: str, make: Make, said: Said) -> None:
    (found,) = said(names.find_lookalikes(make(columns(one, "rest", other))))
    assert "differ by case, spaces or composition alone" in found
    assert "rest" not in found


@pytest.mark.parametrize("name", ["inputs", "instances", "dataframe_split", "dataframe_records", "params"])
def test_columns_named_like_an_envelope(name: str, make: Make, said: Said) -> None:
    (found,) = said(names.find_names_of_protocol(make(columns(name, "b"))))
    assert found.startswith(f'column "{name}" named like a part of the protocol')


CHAT = {"type": "array", "items": {"type": "object", "properties": {"role": {"type": "string"}}}, "name": "messages"}


@pytest.mark.parametrize(
    ("inputs", "metadata", "is_told"),
    [
        (columns("input", "b"), {}, True),
        (columns("messages", kind="string"), {}, True),
        (columns("prompt", kind="long"), {}, True),
        (columns("prompt", kind="string"), {}, False),  # a model of text to complete
        ([CHAT], {}, False),
        (columns("input", kind="string"), {"task": "agent/v1/responses"}, False),
        (tensors("input"), {}, True),
    ],
)
def test_columns_that_switch_the_llm_mode(inputs: Any, metadata: Any, is_told: bool, make: Make, said: Said) -> None:
    found = said(names.find_names_of_protocol(make(inputs, metadata=metadata)))
    assert [("LLM mode" in one) for one in found] == [True] * is_told


@pytest.mark.parametrize(("names_of_columns", "is_told"), [(("messages", "n"), True), (("text", "n"), False)])
def test_a_param_named_like_a_column(names_of_columns: tuple[str, ...], is_told: bool, make: Make, said: Said) -> None:
    params = [{"name": "n", "type": "long", "default": 1, "shape": None}]
    found = said(names.find_params_like_columns(make(columns(*names_of_columns), None, params)))
    assert len(found) == is_told
