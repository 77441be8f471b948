"""One exchange, read."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from pytest_modelserve.cases import Case, Envelope, Table
from pytest_modelserve.client import ErrorKind, ExchangeError, Invocation, Request
from pytest_modelserve.errors import DecodeError, RequestError, ResponseError

_REQUEST = Request(method="POST", url="http://host/invocations", headers={"Authorization": "s3cret"}, body=b'{"a": 1}')
_LOST = Invocation(
    request=_REQUEST, request_id="1", error=ExchangeError(kind=ErrorKind.DISCONNECTED, text="ReadError: gone")
)


def _answered(status: int, body: bytes) -> Invocation:
    return Invocation(request=_REQUEST, request_id="1", status=status, body=body)


def test_json_is_read_strictly() -> None:
    assert _answered(400, b'{"a": [1.5]}').json() == {"a": [1.5]}
    with pytest.raises(DecodeError):
        _answered(200, b'{"a": NaN}').json()


def test_what_has_no_answer_has_no_json() -> None:
    with pytest.raises(RequestError) as caught:
        _LOST.json()

    assert caught.value.facts["error"] == "ReadError: gone"


@pytest.mark.parametrize(("status", "expected"), [(199, False), (200, True), (204, True), (300, False), (500, False)])
def test_success_is_2xx(status: int, expected: bool) -> None:
    assert _answered(status, b"").is_success is expected
    assert not _LOST.is_success


def test_an_error_keeps_the_body_that_is_no_text() -> None:
    with pytest.raises(ResponseError) as caught:
        _answered(500, b"\xff\x00").predictions()

    assert (caught.value.status, caught.value.body) == (500, b"\xff\x00")


def test_no_secret_stands_in_a_message() -> None:
    for invocation in (_answered(400, b""), _LOST):
        with pytest.raises((RequestError, ResponseError)) as caught:
            invocation.predictions()
        assert "s3cret" not in str(caught.value)


def test_an_invocation_travels_between_processes() -> None:
    assert pickle.loads(pickle.dumps(_LOST)) == _LOST


def test_the_answer_to_a_row_that_is_the_body_itself_is_the_predictions_alone() -> None:
    case = Case(payload=Table(columns=("prompt",), rows=(("hi",),)), envelope=Envelope.UNIFIED)
    answer = replace(_answered(200, b'{"choices": []}'), case=case)

    assert answer.predictions().raw == {"choices": []}
    with pytest.raises(DecodeError):
        replace(answer, case=replace(case, envelope=Envelope.INPUTS)).predictions()
