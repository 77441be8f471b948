"""Sending over deaths and hangs, reading what the model's process wrote, and telling a breach."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Document, Payload, RawBody, Table, Tensors
from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.exchanges import DOUBT_PART, SHORTEST_TIMEOUT_S, TIMED, Exchanges, has_cost_a_server
from pytest_modelserve.checks.failures import MAX_CELLS, as_failure, describe, reproduction
from pytest_modelserve.checks.history import HANG_WEIGHT, MOST_LOST, MOST_LOST_BY_ONE, TooManyLost
from pytest_modelserve.checks.judge import judge_outcome
from pytest_modelserve.checks.outcome import RequestOutcome
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.errors import ServerNotReady
from pytest_modelserve.results import Outcome
from pytest_modelserve.search.loop import Breach
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature

Serve = Callable[..., CheckContext]
SIGNATURE = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG),)))
EXAMPLE = Table(columns=("a",), rows=((1,),))


def case_of(value: int) -> Case:
    return Case(payload=Table(columns=("a",), rows=((value,),)), label=f'"a" = {value}')


def fated(*fates: BaseException | None) -> Callable[[list[Any]], object]:
    """Return a model whose calls end in these ways, one after the other, and well after the last."""
    left = iter(fates)

    def predict(rows: list[Any]) -> object:
        if fate := next(left, None):
            raise fate
        return [1.0 for _ in rows]

    return predict


def test_what_a_request_got_is_known_as_long_as_nothing_was_sent_since(serve: Serve) -> None:
    context = serve(fated(), SIGNATURE)
    with Exchanges.of(context) as exchanges:
        assert exchanges.last_prediction(case_of(1)) is None
        exchange = exchanges.send(case_of(1))
        assert exchanges.last_prediction(replace(case_of(1), label="another word for it")) is exchange
        assert exchanges.last_prediction(case_of(2)) is None
    with Exchanges.of(context) as later:
        assert later.last_prediction(case_of(1)) is exchange
        later.send(case_of(2))
        assert later.last_prediction(case_of(1)) is None
        assert later.requests == 1


def test_what_was_not_predicted_or_by_another_server_is_not_known(serve: Serve) -> None:
    context = serve(fated(None, KeyError("k")), SIGNATURE)
    with Exchanges.of(context) as exchanges:
        exchange = exchanges.send(case_of(1))
        request = replace(exchange.invocation.request, url="http://127.0.0.1:10/invocations")
        context.history.last = replace(exchange, invocation=replace(exchange.invocation, request=request))
        assert exchanges.last_prediction(case_of(1)) is None
        exchanges.send(case_of(1))  # raises
        assert exchanges.last_prediction(case_of(1)) is None


GONE, LATE = ConnectionResetError("gone"), TimeoutError("late")


@pytest.mark.parametrize(
    ("fates", "outcome", "requests", "restarts", "lost_once"),
    [
        ((), RequestOutcome.PREDICTED, 1, 0, 0),
        ((KeyError("k"),), RequestOutcome.MODEL_CRASHED, 1, 0, 0),
        ((GONE,), RequestOutcome.PREDICTED, 2, 1, 1),
        ((GONE, GONE), RequestOutcome.DISCONNECTED, 2, 2, 0),
        ((LATE, LATE), RequestOutcome.TIMED_OUT, 2, 2, 0),
        ((GONE, LATE), RequestOutcome.TIMED_OUT, 2, 2, 0),
    ],
)
def test_a_case_is_blamed_for_what_it_does_to_a_fresh_server(
    fates: tuple[BaseException, ...],
    outcome: RequestOutcome,
    requests: int,
    restarts: int,
    lost_once: int,
    serve: Serve,
) -> None:
    context = serve(fated(*fates), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        exchange = exchanges.send(case_of(5))
        assert exchange.outcome is outcome
        assert (exchanges.requests, exchanges.lost_once) == (requests, lost_once)
        assert exchanges.accepted == (outcome is RequestOutcome.PREDICTED)
        assert context.served.restarts == restarts  # type: ignore[attr-defined]
        assert exchanges.send(case_of(6)).outcome is RequestOutcome.PREDICTED


def known_to_hang(serve: Serve, *fates: BaseException | None) -> CheckContext:
    """Serve a model that has proven to hang, and then ends its calls in these ways."""
    context = serve(fated(None, LATE, LATE, *fates), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        exchanges.send(case_of(-9))
        assert exchanges.send(case_of(5)).outcome is RequestOutcome.TIMED_OUT
    return context


@pytest.mark.parametrize(
    ("before", "hang", "outcome", "requests", "lost_once"),
    [
        ((), (LATE,), RequestOutcome.TIMED_OUT, 2, 0),  # just after a prediction, the first
        ((KeyError("k"),), (LATE, None), RequestOutcome.PREDICTED, 4, 1),  # innocent: what came before made it ill
        ((KeyError("k"),), (LATE, LATE), RequestOutcome.TIMED_OUT, 4, 0),
        ((KeyError("k"),), (LATE, GONE), RequestOutcome.TIMED_OUT, 4, 0),
        ((KeyError("k"), None), (LATE,), RequestOutcome.TIMED_OUT, 4, 0),
    ],
)
def test_a_hang_is_believed_at_once_only_of_a_server_that_was_well(
    before: tuple[BaseException | None, ...],
    hang: tuple[BaseException | None, ...],
    outcome: RequestOutcome,
    requests: int,
    lost_once: int,
    serve: Serve,
) -> None:
    context = known_to_hang(serve, None, *before, *hang)
    with Exchanges.of(context) as exchanges:
        for value in range(1 + len(before)):
            exchanges.send(case_of(-value))
        assert exchanges.send(case_of(6)).outcome is outcome
        assert (exchanges.requests, exchanges.lost_once) == (requests, lost_once)
        assert exchanges.send(case_of(7)).outcome is RequestOutcome.PREDICTED


def test_what_hangs_as_the_first_request_of_a_server_is_believed_at_once(serve: Serve) -> None:
    context = known_to_hang(serve, KeyError("k"), LATE, LATE, LATE)
    with Exchanges.of(context) as exchanges:
        exchanges.send(case_of(0))
        exchanges.send(case_of(6))  # twice, and another server after it
        assert exchanges.send(case_of(7)).outcome is RequestOutcome.TIMED_OUT
        assert (exchanges.requests, exchanges.lost_once) == (4, 0)


def test_the_second_try_of_what_may_hang_has_a_part_of_the_time(serve: Serve) -> None:
    asked: list[float] = []
    context = known_to_hang(serve, KeyError("k"), LATE, None)
    connect = context.served.connect

    def noted(*, timeout_s: float) -> Any:
        asked.append(timeout_s)
        return connect(timeout_s=timeout_s)

    context.served.connect = noted  # type: ignore[method-assign]
    with Exchanges.of(context) as exchanges:
        exchanges.send(case_of(0))
        exchanges.send(case_of(6))
    assert asked == [1.0, 1.0, DOUBT_PART, 1.0]  # at first, of the fresh server, of the second try, and after it


def test_a_model_that_no_request_survives_is_given_up(serve: Serve) -> None:
    context = serve(fated(*[GONE] * 100), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        for value in range(MOST_LOST_BY_ONE):  # a check that has begun may make what it found small
            exchanges.send(case_of(value))
        with pytest.raises(TooManyLost, match=r"6 different requests have cost the server, and not one"):
            exchanges.send(case_of(99))
    assert exchanges.send(case_of(0)).outcome is RequestOutcome.DISCONNECTED  # which is known
    with pytest.raises(TooManyLost):
        Exchanges.of(context)
    check = BY_NAME["accepts_valid"]
    result = run_check(context, check, "inputs")
    assert (result.name, result.outcome) == ("accepts_valid[inputs]", Outcome.INCONCLUSIVE)
    assert result.reason.startswith("6 different requests have cost the server")


def test_a_model_that_survives_some_is_given_up_later(serve: Serve) -> None:
    context = serve(fated(None, *[GONE] * 100), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        exchanges.send(case_of(-1))
    for value in range(MOST_LOST):
        with Exchanges.of(context) as exchanges:
            assert exchanges.send(case_of(value)).outcome is RequestOutcome.DISCONNECTED
    with pytest.raises(TooManyLost, match="12 different requests have cost the server: mend"):
        Exchanges.of(context)


def test_a_model_that_hangs_is_given_up_sooner(serve: Serve) -> None:
    context = serve(fated(None, *[LATE] * 100), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        exchanges.send(case_of(-1))
    for value in range(MOST_LOST // HANG_WEIGHT):
        with Exchanges.of(context) as exchanges:
            assert exchanges.send(case_of(value)).outcome is RequestOutcome.TIMED_OUT
    with pytest.raises(TooManyLost, match="3 different requests have cost the server: mend"):
        Exchanges.of(context)


def test_a_request_that_cost_a_server_is_not_sent_again_by_any_check(serve: Serve) -> None:
    context = serve(fated(GONE, GONE), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        first = exchanges.send(case_of(5))
    with Exchanges.of(context) as later:
        assert later.send(case_of(5)) is first
        assert later.requests == 0
        assert later.send(case_of(6)).outcome is RequestOutcome.PREDICTED
    judgement = judge_outcome(first)
    assert judgement is not None
    assert has_cost_a_server(judgement)
    assert context.history.has_lost()
    assert context.history.has_lost(RequestOutcome.DISCONNECTED)
    assert not context.history.has_lost(RequestOutcome.TIMED_OUT)


def test_a_request_after_which_no_server_gets_ready_is_evidence_all_the_same(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ServerNotReady("the builtin server was not ready after 1 s")

    context = serve(fated(GONE), SIGNATURE, request_timeout_s=1.0)
    monkeypatch.setattr(context.served, "restart", fail)
    with Exchanges.of(context) as exchanges:
        exchange = exchanges.send(case_of(5))

    assert exchange.outcome is RequestOutcome.DISCONNECTED
    assert context.history.find_loss(case_of(5)) is exchange


def test_a_model_that_is_known_to_hang_is_believed_at_once(serve: Serve) -> None:
    context = serve(fated(LATE, LATE, LATE), SIGNATURE, request_timeout_s=1.0)
    with Exchanges.of(context) as exchanges:
        exchanges.send(case_of(5))
        exchanges.send(case_of(6))
        assert exchanges.requests == 3


def test_the_time_a_request_may_take_is_measured_once(serve: Serve) -> None:
    context = serve(fated(), SIGNATURE, example=EXAMPLE)
    for _ in range(2):
        with Exchanges.of(context, context.example_case):
            pass
    assert len(context.served.requests) == TIMED  # type: ignore[attr-defined]
    assert context.history.timeout_s == SHORTEST_TIMEOUT_S


def test_an_example_that_is_lost_measures_nothing(serve: Serve) -> None:
    context = serve(fated(GONE), SIGNATURE, example=EXAMPLE)
    with Exchanges.of(context, context.example_case):
        assert context.history.timeout_s == SHORTEST_TIMEOUT_S
    assert len(context.served.requests) == 1  # type: ignore[attr-defined]


def line(name: str | None, exception: object = None) -> str:
    return json.dumps({"id": name, "call": 1, "outcome": "returned", "elapsed_s": 0.25, "exception": exception}) + "\n"


def test_a_call_is_found_by_its_request_and_once(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    log = CallLog(path)
    assert log.find("a") is None
    path.write_text(line("a") + line(None) + line("b"), encoding="utf-8")
    call = log.find("b")
    assert call is not None
    assert (call.request_id, call.elapsed_s, call.exception) == ("b", 0.25, None)
    assert log.find("a") is not None
    assert log.find("a") is None


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    log = CallLog(path)
    raised = {
        "type": "KeyError",
        "module": "builtins",
        "mro": ["KeyError", "LookupError"],
        "message": "é",
        "traceback": "…",
        "deliberate": True,
        "last_frame": None,
    }
    text = line("a", raised).encode()
    for at in range(0, len(text), 7):
        with path.open("ab") as file:
            file.write(text[at : at + 7])
        found = log.find("a")
    assert found is not None
    assert found.exception is not None
    assert found.exception.mro == ("KeyError", "LookupError")
    assert (found.exception.is_deliberate, found.exception.last_frame) == (True, {})


def told(case: Case, example: Case | None = None) -> str:
    return "\n".join(describe(case, example))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (Tensors(arrays={None: np.zeros((2, 3)), "t": [1, 2]}), "tensor float64 (2, 3), t list of 2"),
        (Document(value={"a": 1}), "{"),
        (RawBody(body=b"\xff", method="GET", path="/x"), "GET /x"),
        (Table(columns=("a",), rows=((1,),)), "1 row x 1 column"),
    ],
)
def test_any_request_reads_as_words(payload: Payload, words: str) -> None:
    text = told(Case(payload=payload, params={"k": 1}))
    assert words in text
    assert text.endswith("params k=1")


def test_a_table_is_told_by_what_differs_from_the_example() -> None:
    example = Case(payload=Table(columns=("a", "b", "c"), rows=((1, "x", None),)))
    text = told(Case(payload=Table(columns=("a", "b"), rows=((1, "y"), (True, "x")))), example)
    assert "2 of 4 cells differ" in text
    assert 'row 0  b  "x" -> "y"' in text
    assert "row 1  a  1 -> true" in text
    assert 'without "c"' in text


def test_only_so_many_cells_are_shown() -> None:
    names = tuple(f"c{at}" for at in range(40))
    text = told(Case(payload=Table(columns=names, rows=((1,) * 40,))))
    assert text.count("row 0") == MAX_CELLS
    assert f"and {40 - MAX_CELLS} more" in text


def test_a_failure_says_all_that_the_contract_asks_for(serve: Serve) -> None:
    context = serve(fated(KeyError("plan"), ValueError("bad")), SIGNATURE, example=EXAMPLE, request_timeout_s=1.0)
    breaches = []
    with Exchanges.of(context) as exchanges:
        for value in (5, 6):
            exchange = exchanges.send(case_of(value))
            judgement = judge_outcome(exchange)
            assert judgement is not None
            breaches.append(Breach(case=exchange.case, finding=judgement, found_at=value, tries=value - 5))
    one = as_failure(context, "accepts_valid[inputs]", breaches[:1])
    assert (one.rule, one.seed) == ("valid", "7")
    assert "KeyError" in one.title
    for wanted in (one.title, one.expected, one.received, one.curl, "row 0  a  1 -> 5", "decided by", "Traceback"):
        assert wanted.splitlines()[0] in one.text
    assert "modelserve serve models:/m/1" in one.text
    assert "--model-seed 7" in one.text
    assert "models:/m/1::builtin::accepts_valid[inputs]" in one.text
    both = as_failure(context, "accepts_valid[inputs]", breaches)
    assert both.title == one.title
    assert "2 different breaches" in both.text.splitlines()[0]
    assert "made small in 1 requests" in both.text
    without = replace(context, example=None)
    assert "differ from" not in as_failure(without, "c", breaches[:1]).request


def test_places_of_channels_are_shown_one_by_one_without_passwords(serve: Serve) -> None:
    places = {"conda-forge": "https://user:secret@h/c", "*": "file:///all"}
    context = serve(fated(), SIGNATURE, env_manager="conda", conda_exe=Path("/opt/mamba"), conda_channels=places)
    served, _, item = reproduction(context, "accepts_valid[inputs]", "curl")
    words = "env-manager conda --{0}conda-exe /opt/mamba --{0}conda-channel conda-forge=https://h/c --{0}conda-channel"
    assert f" --{words.format('')} '*=file:///all'" in served
    assert f" --model-{words.format('model-')} '*=file:///all'" in item


def test_a_failure_is_repeated_with_the_settings_that_showed_it(serve: Serve) -> None:
    context = serve(fated(), SIGNATURE, env_manager="local", strict=True, data_file=Path("my data.csv"), examples=100)
    served, curl, item = reproduction(context, "accepts_valid[inputs]", "curl")
    assert (served, curl) == ("modelserve serve models:/m/1 --port 5001 --env-manager local", "curl")
    assert item == (
        "pytest 'models:/m/1::builtin::accepts_valid[inputs]' --model-seed 7"
        " --model-env-manager local --model-data 'my data.csv' --model-strict"
    )
