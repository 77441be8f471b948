"""Bodies that are the data themselves: chat and completion models, by their signature or without one."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_modelserve.signature.datatypes import Array, DataType, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature

MESSAGE = Object(
    properties=(Property(name="content", type=DataType.STRING), Property(name="role", type=DataType.STRING))
)
CHAT = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="messages", type=Array(items=MESSAGE)),
            ColumnSpec(name="temperature", type=DataType.DOUBLE, required=False),
        )
    ),
    params=(ParamSpec(name="max_tokens", type=DataType.LONG, default=10),),
)
HI = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_a_chat_is_one_row_and_its_answer_stands_bare(serve: Any, cells: Any, temperature: float) -> None:
    server = serve(CHAT)
    server.worker.answer = {"choices": []}
    answer = server.post({"messages": HI, "temperature": temperature, "model": "x"})
    assert answer.json() == {"choices": []}
    assert answer.headers["X-Modelserve-Ignored"] == '["model"]'
    table, params, _ = server.worker.received[0]
    assert (cells(table, "messages"), cells(table, "temperature")) == ([HI], [float(temperature)])
    assert params == {"max_tokens": 10}


@pytest.mark.parametrize("body", [{"max_tokens": 5}, {"params": {"max_tokens": 5}}])
def test_params_of_a_chat_stand_at_the_top_or_under_params(serve: Any, body: dict[str, Any]) -> None:
    server = serve(CHAT)
    assert server.post({"messages": HI, **body}).status_code == 200
    assert server.worker.received[0][1] == {"max_tokens": 5}


@pytest.mark.parametrize(
    "body",
    [
        {"messages": "hi"},
        {"messages": [{"role": "user"}]},
        {"messages": HI, "temperature": "hot"},
        {"messages": HI, "max_tokens": "5"},
        {"messages": HI, "max_tokens": 5, "params": {"max_tokens": 6}},
        {"messages": HI, "params": []},
        {"messages": HI, "params": {"beam": 1}},
        {"prompt": "hi"},
        {"messages": HI, "inputs": []},
    ],
)
def test_a_chat_is_held_to_its_signature(serve: Any, body: Any) -> None:
    serve(CHAT).refuse(body)


def test_the_same_chat_fits_an_envelope_and_is_answered_in_one(serve: Any) -> None:
    server = serve(CHAT)
    answer = server.post({"dataframe_records": [{"messages": HI}], "params": {"max_tokens": 5}})
    assert answer.json() == {"predictions": 1}
    assert server.worker.received[0][1] == {"max_tokens": 5}


def test_one_row_is_not_two(serve: Any) -> None:
    prompt = ColumnSchema(columns=(ColumnSpec(name="prompt", type=DataType.STRING),))
    serve(prompt).refuse({"prompt": ["x", "y"]})
    assert serve(prompt).receive({"prompt": "x"}).columns[0].values == ["x"]


@pytest.mark.parametrize("key", ["messages", "prompt", "input"])
def test_without_a_signature_the_body_is_handed_over(serve: Any, key: str) -> None:
    body = {key: "hi", "params": {"a": 1}, "n": 2**70}
    server = serve()
    assert server.post(body).json() == 1
    assert server.worker.received[0][0] == body


def test_a_signature_without_such_a_column_wants_an_envelope(serve: Any) -> None:
    error = serve(DataType.LONG).refuse({"input": 1})
    assert error["error_code"] == "BAD_REQUEST"
