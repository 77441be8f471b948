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
from pytest_modelserve.server.deviations import DEVIATIONS, Asked, Cells, Deviation, Example, Seen, deviations_of
from pytest_modelserve.strategies.rules import RULES

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "example_models", ROOT / "benchmarks" / "models")
OF_CHECKS = {"survives", "leaks_nothing", "starts_and_stops"}  # which have no variants by rule
KINDS = {
    *("accepted", "reached", "rejected", "error_body", "server_error", "answer_fails", "arrival", "bare_nan"),
    *("stack_trace", "protocol", "undecoded", "text_for_no_time", "integer_for_instant"),
}
NO_PLAIN_JSON = {
    "deep_nesting_fails",
    "deep_nesting_fails_under_load",
    "no_limit_of_size",
    "no_limit_of_size_on_mlserver",
    "odd_json_fails",
    "unreadable_body_fails",
    "unreadable_body_fails_under_load",
    "v2_validation_in_detail",
}
BYTES = frozenset({Cells.NULL_IN_BYTES})
TWO_FORMS = frozenset({Cells.DATES, Cells.DATES_OF_TWO_FORMS})
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
        ({"cells": frozenset({Cells.DATES})}, Asked(rule="valid", cells=frozenset({Cells.DATES, *BYTES})), True),
        ({"cells": frozenset({Cells.DATES})}, Asked(rule="valid", cells=BYTES), False),
        ({"cells": frozenset({Cells.DATES})}, Asked(rule="valid"), False),
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
    nothing: frozenset[Any] = frozenset()
    shown = replace(deviation, label="", types=nothing, envelopes=nothing, wanted=nothing, cells=nothing)
    seen = Seen(kind="server_error", answer=f"{status} <html>500 bad gateway")
    assert shown.shows_in(Asked(rule=deviation.rules[0]), seen) is expected


@EACH
def test_the_example_is_a_request_to_a_model_that_there_is(deviation: Deviation) -> None:
    example = deviation.example
    assert sum((folder / example.model / "MLmodel").is_file() for folder in FOLDERS) == 1
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


def fault(
    rule: str, envelope: str, *types: str, wanted: str = "reject", cells: frozenset[Cells] = frozenset()
) -> Asked:
    return Asked(rule=rule, envelope=envelope, types=frozenset(types), wanted=wanted, cells=cells, n_rows=2)


def v2(rule: str, *types: str) -> Asked:
    return Asked(rule=rule, types=frozenset(types), wanted="reject" if rule.startswith("wrong") else "accept")


INTEGERS = frozenset({Cells.NULL_IN_INTEGERS})
FAILS = Seen(kind="server_error", answer="500 Internal Server Error")
TAKEN = Seen(kind="protocol", answer="200 {}", change="it was answered 200, not 4xx")


@pytest.mark.parametrize(
    ("seen", "excused", "neighbour"),
    [
        (
            FAILS,
            fault("valid", "dataframe_split", "long", wanted="accept", cells=TWO_FORMS),
            fault("valid", "dataframe_split", "datetime", wanted="accept", cells=frozenset({Cells.DATES})),
        ),
        (
            FAILS,
            fault("extra_column", "dataframe_records", wanted="either", cells=TWO_FORMS),
            fault("valid", "inputs", "datetime", wanted="accept", cells=TWO_FORMS),
        ),
        (FAILS, fault("text_for_number", "inputs", "long"), fault("text_for_boolean", "inputs", "boolean")),
        (FAILS, fault("null_in_required", "inputs", "long"), fault("null_in_required", "inputs", "boolean")),
        (FAILS, fault("nan_token", "dataframe_split", "integer"), fault("nan_token", "dataframe_split", "string")),
        (
            FAILS,
            fault("number_for_binary", "dataframe_split", "binary"),
            fault("number_for_binary", "inputs", "binary"),
        ),
        (FAILS, fault("bad_date", "instances", "datetime"), fault("datetime_out_of_range", "instances", "datetime")),
        (FAILS, fault("list_for_scalar", "dataframe_split", "double"), fault("list_for_scalar", "csv", "double")),
        (FAILS, fault("object_for_scalar", "inputs", "double"), fault("object_for_scalar", "inputs", "string")),
        (FAILS, fault("scalar_for_map", "inputs", "map"), fault("number_for_string", "inputs", "string")),
        (FAILS, fault("missing_column", "instances", "string"), fault("missing_column", "inputs", "string")),
        (
            FAILS,
            fault("missing_column", "dataframe_records", "long"),
            fault("missing_column", "dataframe_split", "long"),
        ),
        (FAILS, fault("csv_wrong_cell", "csv", "double"), fault("csv_wrong_cell", "csv", "string")),
        (
            FAILS,
            fault("valid", "inputs", wanted="either", cells=INTEGERS),
            fault("valid", "inputs", "long", wanted="either"),
        ),
        (
            FAILS,
            fault("valid", "dataframe_split", wanted="accept", cells=BYTES),
            fault("valid", "dataframe_split", "binary", wanted="accept"),
        ),
        (
            FAILS,
            fault("valid", "csv", wanted="accept", cells=frozenset({Cells.DATES})),
            fault("valid", "csv", "double", wanted="accept"),
        ),
        (TAKEN, v2("wrong_size", "string"), v2("wrong_size", "double")),
        (TAKEN, v2("wrong_dimensions", "double"), v2("wrong_dimensions", "float64")),
        (FAILS, v2("flat_or_nested", "datetime"), v2("flat_or_nested", "long")),
    ],
)
def test_what_is_known_of_mlserver_excuses_nothing_beside_it(seen: Seen, excused: Asked, neighbour: Asked) -> None:
    known = deviations_of("mlserver", "1.7.1")
    assert any(one.shows_in(excused, seen) for one in known)
    assert [one.id for one in known if one.shows_in(neighbour, seen)] == []


def arrays(*types: str, envelope: str = "inputs") -> Asked:
    return Asked(rule="valid", envelope=envelope, types=frozenset(types), wanted="accept")


@pytest.mark.parametrize("server", ["mlflow", "mlserver"])
@pytest.mark.parametrize(
    ("asked", "seen", "expected"),
    [
        (arrays("binary"), Seen(kind="undecoded", change="b'a' -> b'YQ=='"), "bytes_are_not_decoded"),
        (arrays("binary"), Seen(kind="arrival", change="b'a' -> b'YQ='"), None),
        (arrays("binary", envelope="dataframe_split"), Seen(kind="undecoded", change="b'a' -> b'YQ=='"), None),
        (arrays("binary", envelope="csv"), Seen(kind="undecoded"), "csv_bytes_are_not_decoded"),
        (arrays("binary", envelope="csv"), Seen(kind="arrival", change="b'' -> NaN"), "csv_bytes_are_missing"),
        (
            arrays("binary", envelope="csv"),
            Seen(kind="arrival", change=r"b'\x9e\xe9e' -> NaN"),
            "csv_bytes_are_missing",
        ),
        (arrays("binary", envelope="csv"), Seen(kind="arrival", change="b'abc' -> NaN"), None),
        (arrays("binary"), Seen(kind="arrival", change="null -> b'None'"), "optional_null_is_bytes"),
        (arrays("binary"), Seen(kind="arrival", change="null -> b''"), None),
        (arrays("datetime"), Seen(kind="text_for_no_time"), "no_time_is_text"),
        (arrays("datetime"), Seen(kind="integer_for_instant"), "instants_are_integers"),
    ],
)
def test_what_is_known_of_bytes_and_instants_is_that_alone(
    server: str, asked: Asked, seen: Seen, expected: str | None
) -> None:
    known = deviations_of(server, "3.17.2" if server == "mlflow" else "1.7.1")
    names = [one.id.removesuffix("_on_mlserver") for one in known if one.shows_in(asked, seen)]
    assert names == ([] if expected is None else [expected])
