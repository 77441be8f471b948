"""The table of levels and expectations, a test a cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelserve.cases import Case, Expectation, Level, Table
from pytest_modelserve.checks.calls import RaisedException
from pytest_modelserve.checks.judge import Blame, Exchange, judge_outcome
from pytest_modelserve.client import ErrorKind

Raised = Callable[..., RaisedException]
Exchanged = Callable[..., Exchange]

ERROR = b'{"error_code": "BAD_REQUEST", "message": "no"}'
REFUSED, CRASHED, OVERFLOWN = "refused", "crashed", "overflown"
ENDS = {
    REFUSED: (ValueError("unknown category 'x'"), True),
    CRASHED: (KeyError("x"), False),
    OVERFLOWN: (OverflowError("too large"), False),
}


def case_of(expectation: Expectation = Expectation.ACCEPT, level: Level = Level.EXAMPLE) -> Case:
    table = Table(columns=("a",), rows=((1,),))
    return Case(payload=table, expectation=expectation, level=level, rule="some_rule", label='"a" = 1')


@pytest.mark.parametrize(
    ("level", "end", "is_breach"),
    [
        (Level.EXAMPLE, REFUSED, True),
        (Level.EXAMPLE, CRASHED, True),
        (Level.EXAMPLE, OVERFLOWN, True),
        (Level.PLAUSIBLE, REFUSED, False),
        (Level.PLAUSIBLE, CRASHED, True),
        (Level.PLAUSIBLE, OVERFLOWN, True),
        (Level.EXTREME, REFUSED, False),
        (Level.EXTREME, CRASHED, True),
        (Level.EXTREME, OVERFLOWN, False),
    ],
)
def test_what_the_model_raises_by_level(
    level: Level, end: str, is_breach: bool, raised: Raised, exchanged: Exchanged
) -> None:
    error, deliberate = ENDS[end]
    judgement = judge_outcome(exchanged(case_of(level=level), raised=raised(error, deliberate=deliberate)))
    assert judgement is not None
    assert judgement.is_breach is is_breach
    assert type(error).__name__ in judgement.title
    assert '"a" = 1' in judgement.title


def test_the_time_of_day_in_a_message_is_not_told(raised: Raised, exchanged: Exchanged) -> None:
    error = ValueError("[12:34:56] /src/data.cc:42: at [12:34] of row [1]")
    judgement = judge_outcome(exchanged(case_of(), raised=raised(error, deliberate=True)))
    assert judgement is not None
    assert judgement.title.endswith(": ValueError: /src/data.cc:42: at [12:34] of row [1]")


def test_a_prediction_is_right_where_it_is_wanted_or_open(exchanged: Exchanged) -> None:
    assert judge_outcome(exchanged(case_of(Expectation.ACCEPT))) is None
    assert judge_outcome(exchanged(case_of(Expectation.EITHER))) is None


@pytest.mark.parametrize("level", Level)
def test_a_rejection_of_a_valid_request_is_a_breach_at_every_level(level: Level, exchanged: Exchanged) -> None:
    judgement = judge_outcome(exchanged(case_of(level=level), status=400, body=ERROR))
    assert judgement is not None
    assert judgement.is_breach
    assert (judgement.key, judgement.kind) == ("some_rule:rejected:schema", "rejected")


def test_an_acceptance_of_an_invalid_request_is_a_breach(exchanged: Exchanged) -> None:
    judgement = judge_outcome(exchanged(case_of(Expectation.REJECT)))
    assert judgement is not None
    assert judgement.is_breach
    assert judgement.key.startswith("some_rule:accepted:")
    assert judgement.kind == "accepted"


def test_an_invalid_request_must_not_reach_the_model(raised: Raised, exchanged: Exchanged) -> None:
    refused = raised(ValueError, deliberate=True)
    judgement = judge_outcome(exchanged(case_of(Expectation.REJECT), raised=refused, status=400))
    assert judgement is not None
    assert judgement.is_breach
    assert judgement.key == "some_rule:reached:model"


@pytest.mark.parametrize("expectation", [Expectation.REJECT, Expectation.EITHER])
def test_a_rejection_in_order(expectation: Expectation, exchanged: Exchanged) -> None:
    assert judge_outcome(exchanged(case_of(expectation), status=400, body=ERROR)) is None
    problem = {"content-type": "application/problem+json; charset=utf-8"}
    assert judge_outcome(exchanged(case_of(expectation), status=400, body=ERROR, headers=problem)) is None


@pytest.mark.parametrize("expectation", [Expectation.REJECT, Expectation.EITHER])
@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<html><body>400 Bad Request</body></html>", "text/html"),
        (b"Unsupported media type", "text/plain; charset=utf-8"),
        (ERROR, "text/html"),
        (ERROR, ""),
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b'"no"', "application/json"),
        (b'{"value": NaN}', "application/json"),
        (b"\xff\xfe", "application/json"),
    ],
)
def test_a_rejection_without_a_json_object_that_says_why(
    expectation: Expectation, body: bytes, media_type: str, exchanged: Exchanged
) -> None:
    headers = {"content-type": media_type} if media_type else {}
    judgement = judge_outcome(exchanged(case_of(expectation), status=400, body=body, headers=headers))
    assert judgement is not None
    assert judgement.is_breach
    assert judgement.key == "some_rule:error_body:schema"


def test_an_answer_to_head_has_no_body(exchanged: Exchanged) -> None:
    assert judge_outcome(exchanged(case_of(Expectation.REJECT), status=405, body=b"", method="HEAD")) is None


@pytest.mark.parametrize("end", [REFUSED, CRASHED])
def test_what_is_open_never_fails_a_model_that_raises(end: str, raised: Raised, exchanged: Exchanged) -> None:
    error, deliberate = ENDS[end]
    assert judge_outcome(exchanged(case_of(Expectation.EITHER), raised=raised(error, deliberate=deliberate))) is None


@pytest.mark.parametrize("expectation", Expectation)
@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 302])
def test_a_server_error_is_a_breach_whatever_was_sent(
    expectation: Expectation, level: Level, status: int, exchanged: Exchanged
) -> None:
    judgement = judge_outcome(exchanged(case_of(expectation, level), status=status, body=ERROR))
    assert judgement is not None
    assert judgement.is_breach


@pytest.mark.parametrize("expectation", Expectation)
@pytest.mark.parametrize("kind", [ErrorKind.TIMEOUT, ErrorKind.DISCONNECTED])
def test_death_and_hang_are_breaches_whatever_was_sent(
    expectation: Expectation, kind: ErrorKind, exchanged: Exchanged
) -> None:
    judgement = judge_outcome(exchanged(case_of(expectation, Level.EXTREME), error=kind))
    assert judgement is not None
    assert judgement.is_breach
    assert kind.value in judgement.received


def test_a_server_error_says_what_the_model_did(raised: Raised, exchanged: Exchanged) -> None:
    titles = [
        judgement.title
        for judgement in (
            judge_outcome(exchanged(status=500, is_reached=True)),
            judge_outcome(exchanged(status=500, is_reached=False)),
            judge_outcome(exchanged(status=200, raised=raised(KeyError))),
        )
        if judgement is not None
    ]
    assert [title.rpartition(" the model ")[2].partition(":")[0] for title in titles] == [
        "returned a prediction",
        "was not reached",
        "raised KeyError",
    ]


def test_the_same_place_is_the_same_finding_whatever_the_value(raised: Raised, exchanged: Exchanged) -> None:
    def key(error: Exception, line: int) -> str:
        judgement = judge_outcome(exchanged(raised=raised(error, last_frame={"file": "m.py", "line": line})))
        return judgement.key if judgement else ""

    assert key(KeyError("a"), 1) == key(KeyError("b"), 1)
    assert len({key(KeyError("a"), 1), key(KeyError("a"), 2), key(ValueError("a"), 1)}) == 3


def test_blame_is_what_the_server_says_or_what_the_outcome_shows(raised: Raised, exchanged: Exchanged) -> None:
    assert exchanged(headers={"x-modelserve-decided-by": "encoder"}).blame is Blame.ENCODER
    assert exchanged(headers={"x-modelserve-decided-by": "somebody"}).blame is Blame.SERVER
    assert exchanged(status=400).blame is Blame.SCHEMA
    assert exchanged(raised=raised(KeyError)).blame is Blame.MODEL
    assert exchanged(status=500).blame is Blame.SERVER


def test_a_long_message_stays_one_line(raised: Raised, exchanged: Exchanged) -> None:
    judgement = judge_outcome(exchanged(raised=raised(ValueError("a\nb" * 500))))
    assert judgement is not None
    assert "\n" not in judgement.title
    assert len(judgement.title) < 250
