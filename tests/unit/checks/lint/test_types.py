"""Declared types held against the values of the example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.checks.lint import types
from pytest_modelserve.checks.lint.rule import Linted

Make = Callable[..., Linted]
Said = Callable[[Any], list[str]]


def of_text(make: Make, *values: object) -> Linted:
    split = {"columns": ["a"], "data": [[value] for value in values]}
    return make([{"type": "string", "name": "a"}], given=split)


@pytest.mark.parametrize(
    "values",
    [
        ("1", "2"),
        ("1.5", "-2"),
        ("0", "1e3", None),
        ("10", "10", "20"),
    ],
)
def test_numbers_as_text(values: tuple[object, ...], make: Make, said: Said) -> None:
    linted = of_text(make, *values)
    (found,) = said(types.find_numbers_as_text(linted))
    assert found.startswith(f'column "a" declared string: the example has only numbers there, such as "{values[0]}"')
    assert said(types.find_dates_as_text(linted)) == []


@pytest.mark.parametrize("values", [("2024-01-31", "2024-02-01"), ("2024-01-31T10:00", "2024-01-31 10:00:00.5")])
def test_dates_as_text(values: tuple[str, ...], make: Make, said: Said) -> None:
    linted = of_text(make, *values)
    (found,) = said(types.find_dates_as_text(linted))
    assert "only dates" in found
    assert said(types.find_numbers_as_text(linted)) == []


@pytest.mark.parametrize(
    "values",
    [
        ("1",),  # one text alone may be a name
        ("7", "7"),
        ("001", "002"),  # codes
        ("1", "x"),
        ("", "1"),
        ("1 ", "2"),
        ("NaN", "1"),
        ("2024-13-01", "2024-01-01"),
        ("2024-01-31Z", "2024-01-30Z"),
        (None, None),
        (),
    ],
)
def test_text_that_is_text(values: tuple[object, ...], make: Make, said: Said) -> None:
    linted = of_text(make, *values)
    assert said(types.find_numbers_as_text(linted)) + said(types.find_dates_as_text(linted)) == []


def test_columns_of_one_kind_are_told_together(make: Make, said: Said) -> None:
    inputs = [{"type": "string", "name": name} for name in ("a", "b", "c")]
    split = {"columns": ["a", "b", "c"], "data": [["1", "x", "3"], ["2", "y", "4"]]}
    (found,) = said(types.find_numbers_as_text(make(inputs, given=split)))
    assert found.startswith('columns "a", "c" declared string')


@pytest.mark.parametrize("kind", ["integer", "long", "boolean"])
def test_optional_columns_without_null(kind: str, make: Make, said: Said) -> None:
    inputs = [{"type": kind, "name": "a", "required": False}, {"type": "double", "name": "b", "required": False}]
    (found,) = said(types.find_optional_without_null(make(inputs)))
    assert found.startswith('column "a" may be left out, but not be null')
    assert "itself" not in found
    split = {"columns": ["a", "b"], "data": [[None, 1.5]]}
    (found,) = said(types.find_optional_without_null(make(inputs, given=split)))
    assert 'the example itself has null in column "a"' in found


@pytest.mark.parametrize(
    "column",
    [
        {"type": "long", "name": "a"},
        {"type": "string", "name": "a", "required": False},
        {"type": "array", "items": {"type": "long"}, "name": "a", "required": False},
    ],
)
def test_columns_that_are_required_or_have_a_null(column: Any, make: Make, said: Said) -> None:
    assert said(types.find_optional_without_null(make([column]))) == []


@pytest.mark.parametrize(
    ("cell", "kind", "is_told"), [(None, "long", True), (1.5, "long", False), (None, "double", False)]
)
def test_integers_beside_gaps(cell: object, kind: str, is_told: bool, make: Make, said: Said) -> None:
    inputs = [{"type": kind, "name": "n"}, {"type": "double", "name": "x"}]
    found = said(types.find_integers_beside_gaps(make(inputs, given={"columns": ["n", "x"], "data": [[1, cell]]})))
    assert len(found) == is_told
    assert all('the integers of column "n" cannot have any' in one for one in found)


def test_without_an_example_nothing_is_known_of_gaps(make: Make, said: Said) -> None:
    inputs = [{"type": "long", "name": "n"}]
    assert said(types.find_integers_beside_gaps(make(inputs))) == []
    tensor = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]
    assert said(types.find_integers_beside_gaps(make(tensor, given=[1.5], kind="ndarray"))) == []
