"""The files of an input example: JSON, kept by the signature, and of one meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelserve.checks.lint import examples
from pytest_modelserve.checks.lint.rule import Linted

Make = Callable[..., Linted]
Said = Callable[[Any], list[str]]
COLUMNS = [{"type": "long", "name": "n"}, {"type": "double", "name": "x"}]


def split(*rows: list[object]) -> dict[str, Any]:
    return {"columns": ["n", "x"], "data": list(rows)}


@pytest.mark.parametrize(
    "rows",
    [
        ([1, 0.5], [2, None]),  # NaN becomes null
        ([1, 2],),
        ([1.0, 2],),  # a column of integers that pandas made floats
    ],
)
def test_examples_that_keep_the_signature(rows: tuple[list[object], ...], make: Make, said: Said) -> None:
    linted = make(COLUMNS, given=split(*rows), served={"dataframe_split": split(*rows)})
    for find in (examples.find_unreadable, examples.find_breach_of_signature, examples.find_disagreement):
        assert said(find(linted)) == []
    assert said(examples.find_bare_tokens(linted)) == []


@pytest.mark.parametrize(
    ("rows", "said_of_it"),
    [
        (([1.5, 2.5],), "1.5"),
        (([None, 2.5],), "null"),
        ((["a", 2.5],), '"a"'),
        (([2**63, 2.5],), "9223372036854775808"),
    ],
)
def test_examples_that_break_it(rows: tuple[list[object], ...], said_of_it: str, make: Make, said: Said) -> None:
    linted = make(COLUMNS, given=split(*rows), served={"dataframe_split": split(*rows)})
    (found,) = said(examples.find_breach_of_signature(linted))
    assert found.startswith("the input example breaks the signature at $.dataframe_split.data[0][0]: ")
    assert said_of_it in found


def test_what_is_received_tells_each_column(make: Make) -> None:
    linted = make(
        COLUMNS, given=split([None, 1.5], [2, "text"]), served={"dataframe_split": split([None, 1.5], [2, "text"])}
    )
    (found,) = examples.find_breach_of_signature(linted)
    assert "column 'x' of the input example: 'text' is no number" in found.received
    assert 'column "n" is required and long, which has no null: 1 of 2 are' in found.received


def test_a_required_column_that_the_example_lacks(make: Make, said: Said) -> None:
    given = {"columns": ["n"], "data": [[1]]}
    (found,) = said(examples.find_breach_of_signature(make(COLUMNS, given=given)))
    assert '"x"' in found


def test_an_optional_column_that_the_example_lacks_or_always_has(make: Make, said: Said) -> None:
    optional = [COLUMNS[0], {**COLUMNS[1], "required": False}]
    for given in ({"columns": ["n"], "data": [[1]]}, split([1, 1.5])):
        assert said(examples.find_breach_of_signature(make(optional, given=given))) == []


def test_the_file_as_it_was_given_is_judged_too(make: Make, said: Said) -> None:
    linted = make(COLUMNS, given=split([1.5, 2]), served={"dataframe_split": split([1, 2])})
    (found,) = said(examples.find_breach_of_signature(linted))
    assert found.startswith("input_example.json breaks the signature at ")


def test_without_a_signature_nothing_can_be_broken(make: Make, said: Said) -> None:
    linted = make(given=split(["a", None]), served={"dataframe_split": split(["a", None])})
    assert said(examples.find_breach_of_signature(linted)) == []
    assert said(examples.find_disagreement(linted)) == []


@pytest.mark.parametrize("text", ["", "{", '{"dataframe_split": ', '{"a": 1,}', '{"dataframe_split": [undefined]}'])
def test_a_request_that_is_no_json(text: str, make: Make, said: Said) -> None:
    linted = make(COLUMNS, given=split([1, 2]), served=text)
    (found,) = said(examples.find_unreadable(linted))
    assert found.startswith("a file of the input example cannot be read: serving_input_example.json is no JSON")
    assert said(examples.find_disagreement(linted)) == []


def test_a_request_that_is_no_object(make: Make, said: Said) -> None:
    (found,) = said(examples.find_unreadable(make(COLUMNS, given=split([1, 2]), served="[1]")))
    assert "serving_input_example.json holds no JSON object" in found


def test_an_example_that_is_no_json(make: Make, said: Said) -> None:
    (found,) = said(examples.find_unreadable(make(COLUMNS, given="{", served={"dataframe_split": split([1, 2])})))
    assert "input_example.json is no JSON" in found


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_bare_tokens_are_advice_where_null_will_do(token: str, make: Make, said: Said) -> None:
    text = f'{{"columns": ["n", "x"], "data": [[1, {token}]]}}'
    linted = make(COLUMNS, given=text, served=f'{{"dataframe_split": {text}}}')
    (found,) = said(examples.find_bare_tokens(linted))
    assert found == (f"serving_input_example.json holds {token}, which is no JSON: sent as null in 1 place")
    assert said(examples.find_breach_of_signature(linted)) == said(examples.find_disagreement(linted)) == []


def test_a_bare_token_in_an_integer_is_a_breach(make: Make, said: Said) -> None:
    text = '{"columns": ["n", "x"], "data": [[NaN, 1.5]]}'
    linted = make(COLUMNS, given=text, served=f'{{"dataframe_split": {text}}}')
    assert len(said(examples.find_breach_of_signature(linted))) == 1


def test_a_bare_token_in_the_file_that_nobody_sends_is_no_matter(make: Make, said: Said) -> None:
    given = '{"columns": ["n", "x"], "data": [[1, NaN]]}'
    linted = make(COLUMNS, given=given, served={"dataframe_split": split([1, None])})
    assert said(examples.find_bare_tokens(linted)) == said(examples.find_disagreement(linted)) == []


def test_files_of_different_rows(make: Make, said: Said) -> None:
    linted = make(COLUMNS, given=split([1, 2.5]), served={"dataframe_split": split([1, 2.25])})
    assert said(examples.find_disagreement(linted)) == [
        'input_example.json and serving_input_example.json do not mean the same: column "x" of row 0: 2.5 and 2.25'
    ]
