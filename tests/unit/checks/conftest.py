"""Canned answers: what a server said of a case, and what the model's process wrote of the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pytest_modelserve.cases import Case, Table
from pytest_modelserve.checks.calls import Call, RaisedException
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.outcome import classify
from pytest_modelserve.client.invocation import ErrorKind, ExchangeError, Invocation, Request

JSON = {"content-type": "application/json"}


def make_raised(
    error: BaseException | type[BaseException], *, deliberate: bool = False, **changes: Any
) -> RaisedException:
    kind = error if isinstance(error, type) else type(error)
    fields: dict[str, Any] = {
        "type": kind.__qualname__,
        "module": kind.__module__,
        "mro": tuple(
            base.__qualname__ if base.__module__ == "builtins" else f"{base.__module__}.{base.__qualname__}"
            for base in kind.__mro__[:-1]
        ),
        "message": "" if isinstance(error, type) else str(error),
        "traceback": "Traceback (most recent call last):\n  …\n",
        "is_deliberate": deliberate,
        "last_frame": {"file": "code/model.py", "line": 7, "function": "predict"},
    }
    return RaisedException(**{**fields, **changes})


def make_invocation(
    *,
    status: int | None = 200,
    body: bytes = b'{"predictions": [1]}',
    headers: Mapping[str, str] | None = None,
    error: ErrorKind | None = None,
    method: str = "POST",
) -> Invocation:
    return Invocation(
        request=Request(method=method, url="http://127.0.0.1:1/invocations", headers={}, body=b"{}"),
        request_id="r1",
        status=None if error else status,
        headers=dict(JSON if headers is None else headers),
        body=b"" if error else body,
        elapsed_s=0.5,
        error=ExchangeError(kind=error, text="gone") if error else None,
    )


def make_exchange(
    case: Case | None = None,
    *,
    raised: RaisedException | None = None,
    is_reached: bool | None = None,
    **answer: Any,
) -> Exchange:
    if raised is not None:
        answer = {"status": 500, "body": b'{"message": "no"}', **answer}
    invocation = make_invocation(**answer)
    reached = is_reached if is_reached is not None else raised is not None or invocation.status == 200
    call = Call(request_id="r1", elapsed_s=0.1, exception=raised) if reached else None
    return Exchange(
        case=case or Case(payload=Table(columns=("a",), rows=((1,),))),
        invocation=invocation,
        outcome=classify(invocation, call),
        call=call,
    )


@pytest.fixture
def raised() -> Callable[..., RaisedException]:
    """Build what a model raised, from an exception or its class."""
    return make_raised


@pytest.fixture
def exchanged() -> Callable[..., Exchange]:
    """Build an exchange: a case, its answer, and the call that it led to."""
    return make_exchange
