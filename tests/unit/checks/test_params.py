"""What was sent as params, what the model received, and what a later request shows of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
import numpy as np
import pytest

from pytest_modelserve.cases import Table, Tensors
from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.params import (
    ANCHORS,
    UNSEEN,
    UNSTEADY,
    hold_params,
    params_enforced,
    received_params,
    why_no_params,
)
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.signature import DataType, ParamSpec, Signature, parse_signature

Serve = Callable[..., CheckContext]
Exchanged = Callable[..., Exchange]
INPUTS = [{"type": "double", "name": "x"}]
TOP_K = {"name": "top_k", "type": "long", "default": 3, "shape": None}
TEMPERATURE = {"name": "temperature", "type": "double", "default": 0.5, "shape": None}
STOP = {"name": "stop", "type": "string", "default": ["end"], "shape": [-1]}
ALL = (TOP_K, TEMPERATURE, STOP)


def signed(*params: Mapping[str, Any], inputs: Any = INPUTS) -> Signature:
    sides = {"inputs": json.dumps(inputs), "outputs": json.dumps(INPUTS), "params": json.dumps(params)}
    found = parse_signature(sides)
    assert found is not None
    return found


@dataclass
class Model:
    """A model whose server hands params over as a test says, and which answers by them."""

    signature: Signature
    hand_over: Callable[[dict[str, Any], int], Mapping[str, object] | None]
    answer: Callable[[list[Any], int], object] = lambda rows, _: [{"x": 1.0} for _ in rows]
    calls: int = 0

    def predict(self, rows: list[Any]) -> object:
        self.calls += 1
        return self.answer(rows, self.calls)

    def arrived(self, exchange: Exchange) -> Mapping[str, object] | None:
        sent = json.loads(exchange.invocation.request.body).get("params", {})
        doubles = {spec.name for spec in self.signature.params or () if spec.type is DataType.DOUBLE}
        typed = {name: float(value) if name in doubles else value for name, value in sent.items()}
        return self.hand_over(typed, self.calls)

    def check(self, serve: Serve, **known: Any) -> tuple[CheckResult, list[dict[str, Any]]]:
        context = serve(self.predict, self.signature, example=Table(columns=("x",), rows=((1.5,),)), **known)
        result = hold_params(context, self.arrived)
        requests: list[Any] = context.served.requests  # type: ignore[attr-defined]
        return result, [json.loads(request.content).get("params", {}) for request in requests]


def with_defaults(signature: Signature, sent: Mapping[str, object]) -> dict[str, object]:
    defaults = {
        spec.name: list(spec.default) if isinstance(spec.default, tuple) else spec.default
        for spec in signature.params or ()
    }
    return {**defaults, **sent}


def healthy(*params: Mapping[str, Any]) -> Model:
    signature = signed(*params)
    return Model(signature, lambda sent, _: with_defaults(signature, sent))


def test_params_that_arrive_as_they_were_sent(serve: Serve) -> None:
    result, sent = healthy(*ALL).check(serve)
    assert (result.outcome, result.failure, result.advice) == (Outcome.PASSED, None, ())
    assert result.accepted == result.requests <= 40
    assert {"top_k": 3} in sent
    assert {"stop": []} in sent
    assert {"stop": ["end"]} in sent
    assert any(len(params) == 3 for params in sent)
    assert len({json.dumps(params["top_k"]) for params in sent if "top_k" in params}) > 3


def test_a_request_without_params_follows_every_group(serve: Serve) -> None:
    _, sent = healthy(*ALL).check(serve)
    groups = [next(iter(params), "") if len(params) < 2 else "all" for params in sent]
    order = [name for name, _ in itertools.groupby(groups)]
    assert order == ["", "top_k", "", "temperature", "", "stop", "", "all", "", "all", ""]


@pytest.mark.parametrize("n_params", [1, 4, 8, 9, 30])
def test_few_requests_whatever_the_number_of_params(n_params: int, serve: Serve) -> None:
    names = [f"p{at}" for at in range(n_params)]
    result, sent = healthy(*({**TEMPERATURE, "name": name} for name in names)).check(serve)
    assert result.outcome is Outcome.PASSED
    assert result.requests <= 40
    assert {name for params in sent for name in params} == set(names)
    assert any(params[name] != 0.5 for params in sent for name in params)


Faulty = Callable[[dict[str, Any], int], Mapping[str, object] | None]


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        (lambda sent: {**sent, **({"top_k": float(sent["top_k"])} if "top_k" in sent else {})}, "received 3.0 (float)"),
        (lambda sent: {**sent, **({"top_k": str(sent["top_k"])} if "top_k" in sent else {})}, 'received "3" (str)'),
        (lambda sent: {name: sent[name] for name in sent if name != "stop"} | {"stop": ["end"]}, "was sent, and"),
        (lambda sent: {**sent, **({"stop": tuple(sent["stop"][:1])} if "stop" in sent else {})}, "(tuple)"),
        (lambda sent: {**sent, **({"stop": "end"} if "stop" in sent else {})}, 'received "end" (str)'),
        (
            lambda sent: {**sent, **({"temperature": round(sent["temperature"])} if sent.get("temperature") else {})},
            "(int)",
        ),
        (lambda sent: {"temperature": None} | sent, "0.5 (float) is the default of what was not sent, and"),
        (lambda sent: {"temperature": 1.0} | sent, "received 1.0 (float)"),
    ],
)
def test_params_that_arrive_as_something_else(fault: Any, title: str, serve: Serve) -> None:
    signature = signed(*ALL)
    model = Model(signature, lambda sent, _: with_defaults(signature, fault(sent)))
    result, _ = model.check(serve)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert title in result.failure.text


def test_a_param_that_does_not_arrive_at_all(serve: Serve) -> None:
    model = Model(signed(*ALL), lambda sent, _: sent)
    result, _ = model.check(serve)
    assert result.failure is not None
    assert result.failure.title == (
        "param top_k: 3 (int) is the default of what was not sent, and the model received nothing"
    )


def test_params_of_one_request_in_the_next(serve: Serve) -> None:
    """As a server that updates the defaults in place (mlflow#11014)."""
    signature = signed(*ALL)
    kept: dict[str, object] = {}

    def hand_over(sent: dict[str, Any], _: int) -> Mapping[str, object]:
        kept.update(sent)
        return with_defaults(signature, kept)

    result, _ = Model(signature, hand_over).check(serve)
    assert result.failure is not None
    assert "is the default of what was not sent, after a request with param top_k = " in result.failure.text


def test_answers_that_show_the_params_of_the_request_before(serve: Serve) -> None:
    """As a model that keeps its configuration: what it receives is right, what it answers is not."""
    signature = signed(*ALL)
    seen: list[dict[str, Any]] = [{}]

    def hand_over(sent: dict[str, Any], _: int) -> None:
        seen.append(sent)

    def answer(rows: list[Any], _: int) -> object:
        k = next((params["top_k"] for params in reversed(seen) if "top_k" in params), 3)
        return [{"x": float(k)} for _ in rows]

    result, _ = Model(signature, hand_over, answer).check(serve)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.title.startswith(
        "without params the model answers otherwise after a request with param top_k"
    )
    assert result.failure.title.endswith(": they outlive it")


def test_answers_that_are_never_the_same_prove_nothing(serve: Serve) -> None:
    model = healthy(*ALL)
    model.answer = lambda rows, calls: [{"x": float(calls)} for _ in rows]
    result, _ = model.check(serve)
    assert (result.outcome, [advice.text for advice in result.advice]) == (Outcome.PASSED, [UNSTEADY])


def test_an_answer_that_differs_once_is_not_taken_for_a_leftover(serve: Serve) -> None:
    _, sent = healthy(*ALL).check(serve)
    first = next(at for at, params in enumerate(sent) if params)
    odd = next(at for at, params in enumerate(sent) if at > first and not params) + 1  # calls count from 1
    model = healthy(*ALL)
    model.answer = lambda rows, calls: [{"x": 2.0 if calls == odd else 1.0} for _ in rows]
    result, again = model.check(serve)
    assert (result.outcome, [advice.text for advice in result.advice]) == (Outcome.PASSED, [UNSTEADY])
    assert len(again) == len(sent) + 2  # the two that would have shown it once more


@pytest.mark.parametrize(("token", "told"), [("nan", [UNSEEN]), ("NaN", [UNSEEN, UNSTEADY])])
def test_answers_that_are_no_json_are_left_to_the_check_of_answers(token: str, told: list[str], serve: Serve) -> None:
    """But for a bare NaN, which says what it stands for."""
    model = healthy(TOP_K)
    model.answer = lambda rows, calls: [{"x": float("nan") if calls % 2 else 1.0} for _ in rows]
    context = serve(model.predict, model.signature, example=Table(columns=("x",), rows=((1.5,),)))

    def as_no_json(request: httpx.Request) -> httpx.Response:
        content = json.dumps({"predictions": model.predict([0])}).replace("NaN", token)
        return httpx.Response(200, content=content, headers={"content-type": "application/json"})

    context.served._answer = as_no_json  # type: ignore[attr-defined]
    result = hold_params(context, lambda _: None)
    assert (result.outcome, [advice.text for advice in result.advice]) == (Outcome.PASSED, told)


def test_without_inputs_nothing_can_carry_params(serve: Serve) -> None:
    context = serve(lambda rows: rows, Signature(params=signed(TOP_K).params))
    result = params_enforced(context, "")
    assert (result.outcome, result.applies, result.requests) == (Outcome.SKIPPED, False, 0)


def test_answers_that_differ_in_the_last_digits_are_the_same(serve: Serve) -> None:
    model = healthy(*ALL)
    model.answer = lambda rows, calls: [{"x": 1.0 + calls * 1e-11, "y": None, "z": [True, "a"]} for _ in rows]
    result, _ = model.check(serve)
    assert (result.outcome, result.advice) == (Outcome.PASSED, ())


def test_contents_that_are_not_recorded_are_said_so(serve: Serve) -> None:
    result, _ = Model(signed(*ALL), lambda _sent, _calls: None).check(serve)
    assert (result.outcome, [advice.text for advice in result.advice]) == (Outcome.PASSED, [UNSEEN])


def test_a_server_that_refuses_a_declared_param(serve: Serve) -> None:
    context = serve(
        lambda rows: [{"x": 1.0} for _ in rows], signed(*ALL), example=Table(columns=("x",), rows=((1.5,),))
    )
    context.served.take_only({"not": {"required": ["params"]}})  # type: ignore[attr-defined]
    result = params_enforced(context, "")
    assert result.failure is not None
    assert result.failure.title == "a valid request was rejected: param top_k = 3"


def test_a_model_that_dies_of_a_param(serve: Serve) -> None:
    signature = signed(TOP_K)
    seen: list[dict[str, Any]] = []

    def answer(rows: list[Any], calls: int) -> object:
        if calls > 3 + 1 + ANCHORS:  # by which time is taken, and those without params
            raise ConnectionResetError("gone")
        return [{"x": 1.0} for _ in rows]

    result, _ = Model(signature, lambda sent, _: with_defaults(signature, sent), answer).check(serve)
    assert seen == []
    assert result.failure is not None
    assert result.failure.title.startswith("the connection was lost: param top_k = 3")


def test_a_model_that_refuses_everything_proves_nothing(serve: Serve) -> None:
    def answer(rows: list[Any], calls: int) -> object:
        raise ValueError("no")

    signature = signed(TOP_K)
    result, _ = Model(signature, lambda sent, _: with_defaults(signature, sent), answer).check(serve)
    assert (result.outcome, result.reason) == (Outcome.INCONCLUSIVE, "not one request was accepted")


def test_tensors_carry_params_too(serve: Serve) -> None:
    spec = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}
    signature = signed(TOP_K, inputs=[spec])
    context = serve(lambda rows: [{"x": 1.0} for _ in rows], signature, example=Tensors(arrays={None: np.ones((1, 2))}))
    assert hold_params(context, lambda _: None).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        (None, "the model declares no params"),
        (signed(), "the model declares no params"),
        (Signature(params=(ParamSpec(name="n", type=DataType.LONG, default=1),)), "no signature with inputs"),
        (signed(TOP_K), ""),
    ],
)
def test_why_it_does_not_apply(signature: Signature | None, said: str, serve: Serve) -> None:
    model = serve(lambda rows: rows, signature).model
    assert (said in why_no_params(model)) if said else why_no_params(model) == ""


@dataclass(frozen=True)
class Contents:
    """What a spy recorded under one name."""

    value: object = None
    is_recorded: bool = True


@dataclass(frozen=True)
class Recorded:
    """A call with what a spy recorded of it."""

    params: Contents
    received: Contents = Contents()
    exception: None = None


@pytest.mark.parametrize(
    ("params", "expected"),
    [(Contents({"a": 1}), {"a": 1}), (Contents(None), {}), (Contents(is_recorded=False), None)],
)
def test_what_the_spy_recorded(params: Contents, expected: object, exchanged: Exchanged) -> None:
    exchange = replace(exchanged(), call=Recorded(params))  # type: ignore[arg-type]
    assert received_params(exchange) == expected
    assert received_params(replace(exchange, call=None)) is None


def test_declared_params_of_a_model_that_takes_none_fail(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Recorded(Contents(is_recorded=False))
    monkeypatch.setattr(CallLog, "find", lambda self, request_id: recorded)
    context = serve(
        lambda rows: [{"x": 1.0} for _ in rows], signed(*ALL), example=Table(columns=("x",), rows=((1.5,),))
    )
    result = params_enforced(context, "")
    assert (result.outcome, result.advice) == (Outcome.FAILED, ())
    assert result.failure is not None
    assert result.failure.title == (
        "the signature declares params (top_k, temperature, stop), and the model's predict takes none: "
        "they change nothing"
    )
    assert "param top_k = 3 at the model" in result.failure.text


@pytest.mark.parametrize("before", [3, 7])
def test_params_that_come_one_request_late(before: int, serve: Serve) -> None:
    """What the model receives is right; it answers by what it received before, another check's request at first."""
    model = healthy(*ALL)
    kept: list[dict[str, Any]] = [{"top_k": before}]

    def hand_over(sent: dict[str, Any], _: int) -> Mapping[str, object]:
        return with_defaults(model.signature, sent)

    def answer(rows: list[Any], calls: int) -> object:
        sent = context.served.requests[-1]  # type: ignore[attr-defined]
        kept.append(json.loads(sent.content).get("params", {}))
        return [{"x": float(kept[-2].get("top_k", 3))} for _ in rows]

    model.answer, model.hand_over = answer, hand_over
    context = serve(model.predict, model.signature, example=Table(columns=("x",), rows=((1.5,),)))
    result = hold_params(context, model.arrived)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert "the model answers otherwise after a request with param top_k" in result.failure.title


def test_a_slow_model_ends_within_the_budget(serve: Serve) -> None:
    result, sent = healthy(*ALL).check(serve, budget_s=1e-9)
    assert (result.outcome, len(sent)) == (Outcome.INCONCLUSIVE, 3)  # which only measure how long it takes
