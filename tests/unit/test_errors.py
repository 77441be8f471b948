"""The tree of errors and the one form of their messages."""

from __future__ import annotations

import inspect
import pickle

import pytest

from pytest_modelserve import errors
from pytest_modelserve.errors import (
    EnvironmentBroken,
    Failure,
    InstallFailed,
    MissingExtra,
    ModelServeError,
    ModelUriError,
    ResponseError,
    as_message,
    did_you_mean,
)

TREE = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Exception)]
PLAIN = [one for one in TREE if issubclass(one, ModelServeError) and one is not MissingExtra]


@pytest.mark.parametrize("kind", PLAIN)
def test_the_first_line_stands_alone_and_the_last_says_what_to_do(kind: type[ModelServeError]) -> None:
    error = kind("it broke", facts={"model": "m", "log": "one\ntwo"}, fix="Mend it.")
    assert str(error).splitlines() == [
        f"{kind.__name__}: it broke",
        "",
        "  model     m",
        "  log       one",
        "            two",
        "",
        "Mend it.",
    ]
    assert (error.happened, error.facts, error.fix) == ("it broke", {"model": "m", "log": "one\ntwo"}, "Mend it.")


@pytest.mark.parametrize("kind", PLAIN)
def test_an_error_survives_the_way_between_processes(kind: type[ModelServeError]) -> None:
    error = kind("it broke", facts={"model": "m"}, fix="Mend it.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.happened, again.facts, again.fix) == (error.happened, error.facts, error.fix)
    assert str(again) == str(error)


def test_what_an_answer_held_survives_too() -> None:
    error = ResponseError("no", facts={"sent": "x"}, status=418, body=b"\xff", curl="curl …")
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, again.body, again.curl, again.facts) == (418, b"\xff", "curl …", {"sent": "x"})


def test_a_missing_extra_names_the_command() -> None:
    error = MissingExtra("parquet", "Reading Parquet")
    again = pickle.loads(pickle.dumps(error))
    assert (again.extra, again.purpose, again.fix) == ("parquet", "Reading Parquet", error.fix)
    assert "pytest-modelserve[parquet]" in error.fix


def test_facts_belong_to_the_error() -> None:
    facts: dict[str, object] = {"model": "m"}
    error = ModelServeError("it broke", facts=facts)
    facts["model"] = "other"
    assert error.facts == {"model": "m"}


def test_the_drawing_shows_the_tree_as_it_is() -> None:
    drawn = [line.lstrip(" │├└─").split() for line in (errors.__doc__ or "").splitlines()]
    names = {words[0].partition("(")[0] for words in drawn if words}
    assert {kind.__name__ for kind in TREE} <= names
    assert issubclass(InstallFailed, EnvironmentBroken)
    assert issubclass(ModelUriError, errors.ModelError)
    assert not issubclass(Failure, ModelServeError)
    assert issubclass(Failure, AssertionError)


def test_a_near_miss_is_named_and_else_all_that_is_known() -> None:
    assert did_you_mean("virtualnev", ("uv", "virtualenv")) == "Did you mean 'virtualenv'?"
    assert did_you_mean("x", ("uv", "virtualenv")) == "Known are: uv, virtualenv."
    assert did_you_mean(3, ("seed",)) == "Known are: seed."


def test_a_message_leaves_out_what_there_is_not() -> None:
    assert as_message("headline", {}, "") == "headline"
    assert as_message("headline", {}, "fix") == "headline\n\nfix"
    assert as_message("headline", {"empty": ""}, "") == "headline\n\n  empty"
    assert as_message("headline", {"gap": "a\n\nb"}, "").splitlines()[2:] == ["  gap       a", "", "            b"]
    assert as_message("headline", {"a longer name": 1}, "").endswith("  a longer name 1")
