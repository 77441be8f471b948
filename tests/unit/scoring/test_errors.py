"""What an error says: its word and status, and the client's own data in JSON's words, cut to a length."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_modelserve.scoring.errors import (
    EXCERPT_LENGTH,
    DecidedBy,
    ErrorCode,
    NotAllowed,
    NotEncodable,
    NotParsed,
    ScoringError,
    excerpt,
    name_kind,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.5, "1.5"),
        ("a", "'a'"),
        ("\ud800", "'\\ud800'"),
        ([1, 2], "a list of 2"),
        ((1,), "a list of 1"),
        ({"a": 1}, "an object of 1"),
        ("a" * 78, "'" + "a" * 78 + "'"),
        ("a" * 79, "'" + "a" * 78 + "…"),
        ("a" * 100 + "'", "'" + "a" * 78 + "…"),  # what is not shown does not choose the quotes
        (10**79, "1" + "0" * 79),
        (10**80, "1" + "0" * 78 + "…"),
    ],
)
def test_an_excerpt_is_short_and_in_the_words_of_json(value: Any, text: str) -> None:
    assert excerpt(value) == text
    assert len(text) <= EXCERPT_LENGTH


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "an integer"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "a list"),
        ((), "a list"),
        ({}, "an object"),
        (1j, "complex"),
    ],
)
def test_a_value_is_called_what_json_calls_it(value: Any, kind: str) -> None:
    assert name_kind(value) == kind


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("BAD_REQUEST", 400),
        ("INVALID_PARAMETER_VALUE", 400),
        ("ENDPOINT_NOT_FOUND", 404),
        ("METHOD_NOT_ALLOWED", 405),
        ("REQUEST_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("MODEL_ERROR", 500),
        ("ENCODING_ERROR", 500),
        ("INTERNAL_ERROR", 500),
        ("TEMPORARILY_UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_every_kind_of_error_has_its_word_and_status(name: str, status: int) -> None:
    error = ScoringError(ErrorCode[name], "m", decided_by=DecidedBy.SERVER)
    assert (error.code.status, str(error)) == (status, "m")
    assert json.loads(error.as_body(None)) == {"error_code": name, "message": "m"}
    assert json.loads(error.as_body("7"))["request_id"] == "7"


def test_an_excerpt_can_be_sent_whatever_it_shows() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "\ud800"

    assert excerpt(Odd()) == "\\ud800"


@pytest.mark.parametrize(
    ("error", "code", "decided_by"),
    [
        (NotParsed("m", row=1), "BAD_REQUEST", "parser"),
        (NotAllowed("m", row=1), "INVALID_PARAMETER_VALUE", "schema"),
        (NotEncodable("m", row=1), "ENCODING_ERROR", "encoder"),
    ],
)
def test_an_error_tells_its_kind_and_who_decided(error: ScoringError, code: str, decided_by: str) -> None:
    assert error.decided_by.value == decided_by
    assert json.loads(error.as_body(None)) == {"error_code": code, "message": "m", "details": {"row": 1}}


def test_the_parts_of_the_server_have_their_words() -> None:
    assert [part.value for part in DecidedBy] == ["parser", "schema", "model", "encoder", "server"]
