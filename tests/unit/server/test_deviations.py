"""Known deviations are data that can be looked up, and tell by a request and its answer whether they show."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.checks.v2_rules import V2_RULES
from pytest_modelserve.server.deviations import DEVIATIONS, Asked, Deviation, Example, Seen, deviations_of
from pytest_modelserve.strategies.rules import RULES

EXAMPLES = Path(__file__).parents[3] / "example_models"
OF_CHECKS = {"survives", "leaks_nothing", "starts_and_stops"}  # which have no variants by rule
KINDS = {
    *("accepted", "reached", "rejected", "error_body", "server_error", "answer_fails", "arrival", "bare_nan"),
    *("stack_trace", "protocol"),
}
NO_PLAIN_JSON = {
    "deep_nesting_fails",
    "deep_nesting_fails_under_load",
    "no_limit_of_size",
    "no_limit_of_size_on_mlserver",
    "unreadable_body_fails",
    "unreadable_body_fails_under_load",
    "v2_validation_in_detail",
}
EACH = pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: one.id)


def deviation(**changes: Any) -> Deviation:
    fields: dict[str, Any] = {
        "id": "text_is_true",
        "server": "mlflow",
        "versions": ">=2.21,<4",
        "rules": ("text_for_boolean", "valid"),
        "kinds": frozenset({"accepted", "reached"}),
        "what": "Any text becomes true.",
        "link": "https://example.org",
        "example": Example(model="m", status=200),
    }
    return Deviation(**{**fields, **changes})


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.20.4", False),
        ("2.21.0", True),
        ("3.17.2", True),
        ("3.18.0rc1", True),
        ("4.0.0", False),
        ("", False),
        ("of today", False),
    ],
)
def test_a_version_has_it_where_it_is_in_range(version: str, expected: bool) -> None:
    assert deviation().is_of(version) is expected


@pytest.mark.parametrize(
    ("changes", "asked", "expected"),
    [
        ({}, Asked(rule="text_for_boolean"), True),
        ({}, Asked(rule="valid", envelope="csv", types=frozenset({"long"}), label="anything", n_rows=0), True),
        ({}, Asked(rule="number_for_boolean"), False),
        ({"rules": ()}, Asked(rule="number_for_boolean"), True),
        ({"envelopes": frozenset({"csv"})}, Asked(rule="valid", envelope="csv"), True),
        ({"envelopes": frozenset({"csv"})}, Asked(rule="valid", envelope="inputs"), False),
        ({"envelopes": frozenset({"csv"})}, Asked(rule="valid"), False),
        ({"types": frozenset({"datetime"})}, Asked(rule="valid", types=frozenset({"long", "datetime"})), True),
        ({"types": frozenset({"datetime"})}, Asked(rule="valid", types=frozenset({"long"})), False),
        ({"types": frozenset({"datetime"})}, Asked(rule="valid"), False),
        ({"label": "^UTF-16$"}, Asked(rule="valid", label="UTF-16"), True),
        ({"label": "^UTF-16$"}, Asked(rule="valid", label="a byte that UTF-8 has not"), False),
        ({"min_rows": 2}, Asked(rule="valid", n_rows=2), True),
        ({"min_rows": 2}, Asked(rule="valid", n_rows=1), False),
        ({"min_rows": 2}, Asked(rule="valid"), True),  # a body that does not say may have them
        ({"wanted": frozenset({"reject", "either"})}, Asked(rule="valid", wanted="either"), True),
        ({"wanted": frozenset({"reject", "either"})}, Asked(rule="valid", wanted="accept"), False),
        ({"wanted": frozenset({"reject", "either"})}, Asked(rule="valid"), False),
    ],
)
def test_a_request_exercises_it(changes: dict[str, Any], asked: Asked, expected: bool) -> None:
    assert deviation(**changes).is_exercised_by(asked) is expected


@pytest.mark.parametrize(
    ("changes", "seen", "expected"),
    [
        ({}, Seen(kind="accepted"), True),
        ({}, Seen(kind="reached", answer="400 {}", change="1 -> 2"), True),
        ({}, Seen(kind="server_error"), False),
        ({}, Seen(kind=""), False),
        ({"answer": "datetime64"}, Seen(kind="accepted", answer="400 the dtype datetime64"), True),
        ({"answer": "datetime64"}, Seen(kind="accepted", answer="400 no such column"), False),
        ({"change": '^null -> "None"$'}, Seen(kind="accepted", change='null -> "None"'), True),
        ({"change": '^null -> "None"$'}, Seen(kind="accepted", change='null -> ""'), False),
    ],
)
def test_an_answer_shows_it(changes: dict[str, Any], seen: Seen, expected: bool) -> None:
    known = deviation(**changes)
    assert known.shows_in(Asked(rule="valid"), seen) is expected
    assert not known.shows_in(Asked(rule="another"), seen)


def test_they_are_looked_up_by_server_and_version() -> None:
    found = deviations_of("mlflow", "3.17.2")
    assert {one.server for one in found} == {"mlflow"}
    assert len(found) > 30
    assert {one.server for one in deviations_of("mlserver", "1.7.1")} == {"mlserver"}
    assert deviations_of("mlserver", "1.7.0") == deviations_of("mlserver", "3.17.2") == ()  # which nobody has tried
    assert deviations_of("builtin", "3.17.2") == deviations_of("mlflow", "1.30.1") == deviations_of("mlflow", "") == ()


def test_the_exceptions_are_deviations_that_there_are() -> None:
    assert {one.id for one in DEVIATIONS} >= NO_PLAIN_JSON


def test_each_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(one.id for one in DEVIATIONS).items() if count > 1] == []


@EACH
def test_each_is_about_rules_that_there_are(deviation: Deviation) -> None:
    assert set(deviation.rules) <= {rule.id for rule in (*RULES, *V2_RULES)} | OF_CHECKS
    assert deviation.kinds <= KINDS
    assert deviation.kinds


@EACH
def test_each_says_what_happens_and_where_to_read_more(deviation: Deviation) -> None:
    assert re.fullmatch(r'["A-Zc].*\.', deviation.what)
    assert re.match("https://github.com/(mlflow/mlflow|SeldonIO/MLServer)/(issues|pull|blob)/", deviation.link)


@pytest.mark.parametrize(
    "deviation", [one for one in DEVIATIONS if "server_error" in one.kinds], ids=lambda one: one.id
)
@pytest.mark.parametrize(("status", "expected"), [(500, True), (502, False), (503, False), (504, False)])
def test_a_fault_is_answered_500_and_no_other_is_it(deviation: Deviation, status: int, expected: bool) -> None:
    shown = replace(deviation, label="", types=frozenset(), envelopes=frozenset(), wanted=frozenset())
    seen = Seen(kind="server_error", answer=f"{status} <html>500 bad gateway")
    assert shown.shows_in(Asked(rule=deviation.rules[0]), seen) is expected


@EACH
def test_the_example_is_a_request_to_a_model_that_there_is(deviation: Deviation) -> None:
    example = deviation.example
    assert (EXAMPLES / example.model / "MLmodel").is_file()
    has_reached = "answer_fails" in deviation.kinds
    if not has_reached and (example.reaches or deviation.kinds & {"rejected", "error_body", "stack_trace"}):
        assert example.status < 500
    if has_reached or "server_error" in deviation.kinds:
        assert (example.status, example.reaches) == (500, has_reached)
    is_json = example.content_type == "application/json" and example.method == "POST"
    if is_json and not example.is_early and deviation.id not in NO_PLAIN_JSON:
        assert isinstance(json.loads(example.content.replace(b"9" * 5000, b"1")), dict)


def test_a_long_body_is_told_by_its_parts() -> None:
    example = Example(model="m", status=500, body=((b"[", 3), (b"1", 1), (b"]", 3)))
    assert example.content == b"[[[1]]]"
