"""What a server is known to do wrong fails no check, and excuses neither the model nor anything else of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest

from pytest_modelserve.cases import Case, Document, Envelope, Expectation, Level, RawBody, Table
from pytest_modelserve.checks.check import Check
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.deviations import (
    DEVIATION,
    GONE,
    DeviationWatch,
    envelope_of,
    is_deviation,
    types_of,
    without_bare_nan,
)
from pytest_modelserve.checks.judge import Exchange, Judgement, judge_outcome
from pytest_modelserve.checks.outcome import RequestOutcome
from pytest_modelserve.checks.outputs import OutputJudge
from pytest_modelserve.checks.recorded import RecordedColumn, RecordedTable
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.client.invocation import ErrorKind
from pytest_modelserve.results import CheckResult, Judges, Outcome, as_document, check_result_from
from pytest_modelserve.server.deviations import Asked, Deviation, Example, Seen
from pytest_modelserve.signature import Signature, request_schema
from pytest_modelserve.signature.datatypes import Array, DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, TensorSchema, TensorSpec

Exchanged = Callable[..., Exchange]
Raised = Callable[..., Any]
Serve = Callable[..., CheckContext]
Spied = Callable[..., CheckContext]

SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="age", type=DataType.LONG),
            ColumnSpec(name="tags", type=Array(items=DataType.STRING), required=False),
        )
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE),)),
)
INVALID = Case(
    payload=Table(columns=("age",), rows=(("1",),)),
    expectation=Expectation.REJECT,
    rule="text_for_number",
    label='"age" = "1" (text for a number)',
    held="age",
)
VALID = Case(payload=Table(columns=("age",), rows=((1,),)))
BARE = {"body": b'{"predictions": [{"y": NaN}]}'}


def known(**changes: Any) -> Deviation:
    fields: dict[str, Any] = {
        "id": "text_is_number",
        "server": "mlflow",
        "versions": ">=3",
        "rules": ("text_for_number",),
        "kinds": frozenset({"accepted", "reached"}),
        "what": "Text becomes a number.",
        "link": "https://example.org",
        "example": Example(model="m", status=200),
    }
    return Deviation(**{**fields, **changes})


NAN = known(id="nan_is_answered", rules=(), kinds=frozenset({"bare_nan"}), is_steady=False)


def test_a_breach_that_is_known_is_told_and_breaks_nothing(exchanged: Exchanged) -> None:
    watch = DeviationWatch([known()], SIGNATURE)
    judgement = watch.over(judge_outcome)(exchanged(INVALID))
    assert judgement is not None
    assert (judgement.kind, judgement.is_breach) == (DEVIATION, False)
    assert is_deviation(judgement)
    result = watch.noted(passed(), is_whole=True)
    (shown,) = result.deviations
    assert (shown.id, shown.rule, shown.link) == ("text_is_number", "text_for_number", "https://example.org")
    assert shown.request.startswith("curl ")
    assert "http://127.0.0.1:5001/" in shown.request
    assert result.advice == ()


def test_a_model_that_raises_on_what_should_not_reach_it_changes_nothing(exchanged: Exchanged, raised: Raised) -> None:
    watch = DeviationWatch([known()], SIGNATURE)
    assert is_deviation(watch.over(judge_outcome)(exchanged(INVALID, raised=raised(KeyError("1")), status=400)))


def test_a_500_after_the_model_returned_is_excused_by_what_is_known_of_answers_alone(
    exchanged: Exchanged, raised: Raised
) -> None:
    watch = DeviationWatch([known(rules=(), kinds=frozenset({"answer_fails"}))], SIGNATURE)
    judge = watch.over(judge_outcome)
    assert is_deviation(judge(exchanged(VALID, status=500, is_reached=True)))
    assert not is_deviation(judge(exchanged(VALID, status=500, is_reached=False)))
    assert not is_deviation(judge(exchanged(VALID, status=500, raised=raised(KeyError("1")))))


@pytest.mark.parametrize("expectation", Expectation)
def test_what_is_known_of_refusals_excuses_no_valid_request(expectation: Expectation, exchanged: Exchanged) -> None:
    refusal = known(rules=(), kinds=frozenset({"server_error"}), wanted=frozenset({"reject", "either"}))
    judge = DeviationWatch([refusal], SIGNATURE).over(judge_outcome)
    judgement = judge(exchanged(replace(VALID, expectation=expectation), status=500, is_reached=False))
    assert is_deviation(judgement) is (expectation is not Expectation.ACCEPT)


@pytest.mark.parametrize(
    ("deviation", "answer"),
    [
        (known(rules=("boolean_for_number",)), {}),
        (known(kinds=frozenset({"server_error"})), {}),
        (known(types=frozenset({"double"})), {}),
        (known(envelopes=frozenset({"csv"})), {}),
        (known(), {"status": 500, "is_reached": False}),
        (known(answer="cast"), {}),
    ],
)
def test_any_other_breach_stays_one(deviation: Deviation, answer: dict[str, Any], exchanged: Exchanged) -> None:
    watch = DeviationWatch([deviation], SIGNATURE)
    judgement = watch.over(judge_outcome)(exchanged(INVALID, **answer))
    assert judgement is not None
    assert judgement.is_breach
    assert watch.noted(passed(), is_whole=False).deviations == ()


def test_without_known_ones_the_judge_is_the_same(exchanged: Exchanged) -> None:
    watch = DeviationWatch()
    assert watch.over(judge_outcome) is judge_outcome
    result = passed()
    assert watch.noted(result, is_whole=True) is result


@pytest.mark.parametrize("level", Level)
def test_what_the_model_raises_on_a_valid_request_is_never_excused(
    level: Level, exchanged: Exchanged, raised: Raised
) -> None:
    eager = known(rules=(), kinds=frozenset({"rejected", "accepted", "reached", "server_error", ""}))
    watch = DeviationWatch([eager], SIGNATURE)
    exchange = exchanged(replace(VALID, level=level), raised=raised(KeyError("1")), status=400)
    assert watch.over(judge_outcome)(exchange) == judge_outcome(exchange)


def test_a_500_after_the_model_returned_is_not_excused(exchanged: Exchanged) -> None:
    watch = DeviationWatch([known(rules=(), kinds=frozenset({"server_error"}))], SIGNATURE)
    judge = watch.over(judge_outcome)
    reached, unreached = (exchanged(VALID, status=500, is_reached=flag) for flag in (True, False))
    assert not is_deviation(judge(reached))
    assert is_deviation(judge(unreached))


@pytest.mark.parametrize(
    ("answer", "is_excused"),
    [
        ({"status": 500}, True),
        ({"status": 503}, False),
        ({"status": 504}, False),
        ({"error": ErrorKind.TIMEOUT}, False),
        ({"error": ErrorKind.DISCONNECTED}, False),
    ],
)
@pytest.mark.parametrize("case", [VALID, INVALID])
def test_a_server_that_is_lost_is_never_excused(
    case: Case, answer: dict[str, Any], is_excused: bool, exchanged: Exchanged
) -> None:
    eager = known(rules=(), kinds=frozenset({"server_error", "timed_out", "disconnected"}))
    judgement = DeviationWatch([eager], SIGNATURE).over(judge_outcome)(exchanged(case, is_reached=False, **answer))
    assert judgement is not None
    assert (judgement.is_breach, is_deviation(judgement)) == (not is_excused, is_excused)


def output_judge(exchange: Exchange) -> Judgement | None:
    return OutputJudge(SIGNATURE, VALID)(exchange)


def test_nan_of_a_required_output_is_the_models_own_failure(exchanged: Exchanged) -> None:
    watch = DeviationWatch([NAN], SIGNATURE)
    judgement = watch.over(output_judge)(exchanged(VALID, **BARE))
    assert judgement is not None
    assert (judgement.is_breach, judgement.kind) == (True, "")
    assert judgement.key.startswith("output:")


@pytest.mark.parametrize(
    ("case", "is_advice"),
    [(replace(VALID, expectation=Expectation.EITHER), False), (replace(VALID, level=Level.EXTREME), True)],
)
def test_nan_that_would_be_no_failure_is_none_as_a_bare_token(
    case: Case, is_advice: bool, exchanged: Exchanged
) -> None:
    watch = DeviationWatch([NAN], SIGNATURE)
    judgement = watch.over(output_judge)(exchanged(case, **BARE))
    assert judgement is not None
    assert (judgement.is_breach, is_deviation(judgement)) == (False, not is_advice)
    assert [one.id for one in watch.noted(passed(), is_whole=True).deviations] == ["nan_is_answered"]


def test_a_bare_nan_is_a_breach_where_it_is_not_known(exchanged: Exchanged) -> None:
    case = replace(VALID, expectation=Expectation.EITHER)
    judgement = DeviationWatch([known()], SIGNATURE).over(output_judge)(exchanged(case, **BARE))
    assert judgement is not None
    assert judgement.is_breach


def test_a_bare_nan_does_not_hide_another_deviation(exchanged: Exchanged) -> None:
    watch = DeviationWatch([NAN, known()], SIGNATURE)
    assert is_deviation(watch.over(judge_outcome)(exchanged(INVALID, **BARE)))
    assert [one.id for one in watch.noted(passed(), is_whole=True).deviations] == ["text_is_number"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"predictions": [NaN, -Infinity, 1]}', b'{"predictions": [null, null, 1]}'),
        (b'{"predictions": [1]}', None),
        (b'{"predictions": ["NaN"]}', None),
        (b'{"predictions": [NaN', None),
        (b'{"predictions": [NaN], "predictions": [1]}', None),
        (b'{"predictions": [NaN, 1e400]}', None),
        (b'{"predictions": [NaN, ' + b"9" * 5000 + b"]}", b'{"predictions": [null, ' + b"9" * 5000 + b"]}"),
        (b"NaN?", None),
    ],
)
def test_only_bare_nan_is_read_over(body: bytes, expected: bytes | None, exchanged: Exchanged) -> None:
    found = without_bare_nan(exchanged(VALID, body=body))
    assert (None if found is None else found.invocation.body) == expected


def test_an_error_is_not_read_over(exchanged: Exchanged) -> None:
    assert without_bare_nan(exchanged(VALID, status=400, body=b'{"message": NaN}')) is None


def passed(name: str = "rejects_invalid[text_for_number]") -> CheckResult:
    return CheckResult(name=name, judges=Judges.SERVER, outcome=Outcome.PASSED)


REJECTION = {"status": 400, "body": b'{"message": "no"}'}


@pytest.mark.parametrize(
    ("deviation", "is_whole", "n_gone"),
    [
        (known(), True, 1),
        (known(), False, 0),
        (known(is_steady=False), True, 0),
        (known(rules=("boolean_for_number",)), True, 0),
        (known(label="no such"), True, 0),
    ],
)
def test_one_that_was_exercised_and_did_not_show_is_gone(
    deviation: Deviation, is_whole: bool, n_gone: int, exchanged: Exchanged
) -> None:
    watch = DeviationWatch([deviation], SIGNATURE)
    assert watch.over(judge_outcome)(exchanged(INVALID, **REJECTION)) is None
    result = watch.noted(passed(), is_whole=is_whole)
    assert [one.kind for one in result.advice] == [GONE] * n_gone
    assert all("text_is_number of mlflow did not show" in one.text for one in result.advice)


def test_one_that_shows_once_is_not_gone(exchanged: Exchanged) -> None:
    watch = DeviationWatch([known()], SIGNATURE)
    for answer in ({}, REJECTION):
        watch.over(judge_outcome)(exchanged(INVALID, **answer))
    assert watch.noted(passed(), is_whole=True).advice == ()


def test_a_model_of_type_hints_is_read_in_other_ways_so_that_nothing_is_gone(exchanged: Exchanged) -> None:
    watch = DeviationWatch([known()], replace(SIGNATURE, is_from_type_hint=True))
    watch.over(judge_outcome)(exchanged(INVALID, **REJECTION))
    assert watch.noted(passed(), is_whole=True).advice == ()


def test_types_are_those_of_the_column_at_fault_or_of_all() -> None:
    assert set(types_of(SIGNATURE, "age")) == {"long"}
    assert set(types_of(SIGNATURE, "tags")) == {"array"}
    assert set(types_of(SIGNATURE, None)) == set(types_of(SIGNATURE, "a param")) == {"long", "array"}
    tensors = Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 2)),)))
    assert set(types_of(tensors, None)) == {"float32"}
    assert set(types_of(None, "age")) == set(types_of(Signature(), None)) == set()


CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (VALID.payload, "csv"),
        (Document(value={"params": {}, "dataframe_records": []}), "dataframe_records"),
        (Document(value={}), ""),
        (Document(value=["inputs"]), ""),
        (RawBody(body=b' {"inputs": ['), "inputs"),
        (RawBody(body=b'{"params": {}}'), ""),
        (RawBody(body=b'{"inputs": [1]}', content_type="text/plain"), ""),
        (RawBody(body=b"a\n1\n", content_type=f"{CSV}; charset=utf-8"), "csv"),
        (RawBody(body=b"PAR1", content_type=PARQUET), "parquet"),
        (RawBody(body=b"", content_type=None), ""),
    ],
)
def test_the_envelope_is_what_the_body_shows(payload: Any, expected: str) -> None:
    assert envelope_of(replace(VALID, payload=payload, envelope=Envelope.CSV)) == expected


def test_what_no_case_shows_is_explained_by_name() -> None:
    watch = DeviationWatch([known(rules=("survives",), kinds=frozenset({"server_error"}), label="^deep$")])
    fault = Seen(kind=RequestOutcome.SERVER_ERROR.value)
    assert watch.explains(Asked(rule="survives", label="deep"), fault)
    assert not watch.explains(Asked(rule="survives", label="wide"), fault)
    assert not watch.explains(Asked(rule="survives", label="deep"), None)
    assert watch.shown
    assert watch.reason == "Text becomes a number. (text_is_number)"


def as_bare_nan(body: bytes) -> bytes:
    """Return an answer as a server writes it that has no null for what is missing."""
    return body.replace(b"null", b"NaN")


def lenient(serve: Serve, *deviations: Deviation, **settings: Any) -> CheckContext:
    """A server that takes text for numbers."""
    context = serve(
        lambda rows: [{"y": 1.0} for _ in rows],
        SIGNATURE,
        example=Table(columns=("age", "tags"), rows=((30, ["a"]),)),
        **settings,
    )
    schema = request_schema(SIGNATURE, admit_either=True)
    served: Any = context.served
    served.take_only(loosened(schema))
    return replace(context, known=deviations)


def loosened(schema: Any) -> Any:
    """Return a schema with no type and no range for `age`."""
    if isinstance(schema, dict):
        return {name: True if name == "age" else loosened(value) for name, value in schema.items()}
    return [loosened(value) for value in schema] if isinstance(schema, list) else schema


REJECTS: Check = BY_NAME["rejects_invalid"]


def test_a_check_passes_with_what_is_known_and_says_so(serve: Serve) -> None:
    result = run_check(lenient(serve, known()), REJECTS, "text_for_number")
    assert (result.outcome, result.failure, result.advice) == (Outcome.PASSED, None, ())
    assert [one.id for one in result.deviations] == ["text_is_number"]


def test_a_check_fails_by_what_is_not_known(serve: Serve) -> None:
    result = run_check(lenient(serve, known()), REJECTS, "boolean_for_number")
    assert result.outcome is Outcome.FAILED
    assert result.deviations == ()


def test_a_redacted_result_tells_no_request(serve: Serve) -> None:
    result = run_check(lenient(serve, known(), redact=True), REJECTS, "text_for_number")
    assert [(one.id, one.request) for one in result.deviations] == [("text_is_number", "")]


def test_what_the_server_takes_of_nothing_is_left_out(serve: Serve) -> None:
    context = lenient(serve, known(id="no_csv", rules=(), kinds=frozenset({"rejected"}), is_steady=False))
    served: Any = context.served
    served.take_only({"not": {}})
    for check in ("accepts_valid", "matches_output_schema"):
        result = run_check(context, BY_NAME[check], "dataframe_split" if check == "accepts_valid" else "")
        assert (result.outcome, result.applies) == (Outcome.SKIPPED, False)
        assert result.reason == "the server takes no such request: Text becomes a number. (no_csv)"
        assert result.requests > 0
        assert [one.id for one in result.deviations] == ["no_csv"]


def test_a_bare_nan_of_a_required_output_shows_on_a_fresh_server_too(spied: Spied) -> None:
    def gappy(frame: pd.DataFrame) -> object:
        return pd.DataFrame({"y": [float("nan") if age == 30 else 1.0 for age in frame["age"]]})

    example = Table(columns=("age", "tags"), rows=((30, ["a"]),))
    context = spied(gappy, SIGNATURE, example=example, on_return=as_bare_nan)
    result = run_check(replace(context, known=(NAN,)), BY_NAME["matches_output_schema"], "")
    assert result.failure is not None
    assert "expected double, received null" in result.failure.title
    assert "reproduced 5/5 and on a fresh server" in result.failure.text


def test_results_with_deviations_travel(serve: Serve) -> None:
    result = run_check(lenient(serve, known()), REJECTS, "text_for_number")
    document: Any = as_document(result)
    assert document["deviations"][0]["id"] == "text_is_number"
    assert check_result_from(document) == result


@dataclass
class Recorded:
    value: object
    is_recorded: bool = True


BYTES = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="photo", type=DataType.BINARY),)))
PHOTO = Case(payload=Table(columns=("photo",), rows=((b"abc",),)), envelope=Envelope.INPUTS)
UNDECODED = known(id="undecoded", rules=("valid",), kinds=frozenset({"undecoded"}))


@pytest.mark.parametrize(
    ("arrived", "is_excused"),
    [
        (b"YWJj", True),
        ("YWJj", True),
        (b"abc", False),  # as it was sent
        (b"YWI=", False),  # of other bytes
        (b"YWJ", False),
        (None, False),
    ],
)
def test_what_the_model_raises_on_bytes_that_are_known_to_come_undecoded_is_not_its_own(
    arrived: object, is_excused: bool, exchanged: Exchanged, raised: Raised
) -> None:
    values = (arrived,)
    table = RecordedTable(columns=(RecordedColumn(name="photo", dtype="object", values=values),), n_rows=1)
    watch = DeviationWatch([UNDECODED], BYTES)
    exchange = exchanged(PHOTO, raised=raised(ValueError("no photo")), status=400)
    assert exchange.call is not None
    told: Any = Recorded(table)
    exchange = replace(exchange, call=replace(exchange.call, received=told))
    judgement = watch.over(judge_outcome)(exchange)
    assert judgement is not None
    assert is_deviation(judgement) is is_excused
    assert [one.id for one in watch.shown] == ["undecoded"] * is_excused
    assert not is_deviation(DeviationWatch([known()], BYTES).over(judge_outcome)(exchange))


@pytest.mark.parametrize(
    ("envelope", "is_hint", "is_excused"),
    [
        (Envelope.INPUTS, False, True),
        (Envelope.DATAFRAME_SPLIT, False, False),  # is searched in full: there its own fault must show
        (Envelope.INPUTS, True, False),  # the only envelope of a model with a type hint
    ],
)
def test_a_model_answers_for_what_it_raises_in_one_form(
    envelope: Envelope, is_hint: bool, is_excused: bool, exchanged: Exchanged, raised: Raised
) -> None:
    table = RecordedTable(columns=(RecordedColumn(name="photo", dtype="object", values=(b"YWJj",)),), n_rows=1)
    watch = DeviationWatch([UNDECODED], replace(BYTES, is_from_type_hint=is_hint))
    exchange = exchanged(replace(PHOTO, envelope=envelope), raised=raised(ValueError("no photo")), status=400)
    assert exchange.call is not None
    told: Any = Recorded(table)
    exchange = replace(exchange, call=replace(exchange.call, received=told))
    assert is_deviation(watch.over(judge_outcome)(exchange)) is is_excused


def test_an_answer_with_instants_in_another_form_is_judged_as_if_it_had_them_in_its_own(exchanged: Exchanged) -> None:
    outputs = ColumnSchema(columns=(ColumnSpec(name="at", type=DataType.DATETIME, required=False),))
    signature = replace(SIGNATURE, outputs=outputs)
    no_time = known(id="no_time", rules=(), kinds=frozenset({"text_for_no_time"}))
    judge = OutputJudge(signature, None)
    watch = DeviationWatch([no_time], signature)
    exchange = exchanged(VALID, body=b'{"predictions": [{"at": "NaT"}]}')
    assert is_deviation(watch.over(judge)(exchange))
    assert watch.readable(exchange).invocation.body == b'{"predictions": [{"at": null}]}'
    wrong = exchanged(VALID, body=b'{"predictions": [{"at": "NaT"}, {"at": "NaT"}]}')  # two rows for one
    judgement = watch.over(judge)(wrong)
    assert judgement is not None
    assert judgement.is_breach
    other = DeviationWatch([known()], signature)
    assert not is_deviation(other.over(judge)(exchange))
    assert other.readable(exchange) is exchange
