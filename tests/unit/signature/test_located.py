from __future__ import annotations

import pytest

from pytest_modelserve.errors import SignatureError
from pytest_modelserve.signature.located import Located, kind_of, shown, suggestion


def _at(value: object) -> Located:
    return Located(side="inputs", path="inputs", value=value)


def test_parts_know_their_path() -> None:
    (element,) = _at([{"items": 1, "two words": [2]}]).elements()
    assert element.require("items").path == "inputs[0].items"
    (inner,) = element.record()["two words"].elements()
    assert (inner.path, inner.value, inner.side) == ("inputs[0]['two words'][0]", 2, "inputs")


def test_errors_carry_side_path_and_live_value() -> None:
    error = _at({"a": 1}).error("it is wrong", "Do this.")
    assert isinstance(error, SignatureError)
    assert error.happened == "the signature is broken at inputs: it is wrong"
    assert error.facts == {"side": "inputs", "path": "inputs", "value": '{"a": 1}'}
    assert error.fix == "Do this."
    assert _at(1).error("it is wrong").fix


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "a boolean"), (1, "a number"), (0.5, "a number"), ("x", "a string"), ([], "a list"),
     ({}, "an object"), ((), "a tuple")],
)  # fmt: skip
def test_wrong_kinds_are_named(value: object, name: str) -> None:
    assert kind_of(value) == name
    if not isinstance(value, list):
        with pytest.raises(SignatureError, match=f"expected a list, found {name}"):
            list(_at(value).elements())
    if not isinstance(value, dict):
        with pytest.raises(SignatureError, match=f"expected an object, found {name}"):
            _at(value).require("type")


def test_long_values_are_cut() -> None:
    text = shown("x" * 5000)
    assert len(text) < 250
    assert text.endswith("(5002 characters)")


def test_values_that_json_does_not_know_are_shown_too() -> None:
    assert "object" in shown(object)


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("lnog", "Did you mean 'long'?"),
        (" LONG ", "Did you mean 'long'?"),
        ("zzz", "Use one of: long, string."),
        (5, "Use"),
    ],
)
def test_suggestions(value: object, start: str) -> None:
    assert suggestion(value, {"string", "long"}).startswith(start)


def test_a_key_misspelt_is_found_among_those_there() -> None:
    with pytest.raises(SignatureError) as caught:
        _at({"itmes": 1}).require("items")
    assert caught.value.fix == "Did you mean 'items' where it says 'itmes'?"
