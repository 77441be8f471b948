"""What an error tells of the server, its secrets or other callers is found, and nothing else is taken for it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import pytest_modelserve
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.leaks import MOST_LATE, leaked, leaks_nothing
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.client import ErrorKind
from pytest_modelserve.results import Outcome
from pytest_modelserve.server.deviations import Deviation, Example

Live = Callable[..., Any]
PATHS = {"the path of the model": "/srv/models/churn", "the home directory of the server": "/root"}
SECRETS = {"a file": "canary-file"}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('{"message": "column n must be a long"}', []),
        ('{"message": "Traceback (most recent call last):\\n  File \\"/x/y.py\\", line 3"}', ["a stack trace"]),
        ('  File "/usr/lib/x.py", line 12, in f', ["a stack trace"]),
        ('a text model may answer File "x", and line 3', []),
        ("cannot open /srv/models/churn/model.pkl", ["the path of the model (/srv/models/churn)"]),
        ("cannot open \\/srv\\/models\\/churn", ["the path of the model (/srv/models/churn)"]),
        ("cannot open /srv/models/churned", []),
        ("no /rooted tree", []),
        ("in /root/.cache", ["the home directory of the server (/root)"]),
        ("x-env: canary-file", ["what was planted in a file"]),
    ],
)
def test_what_must_not_be_told(text: str, kinds: list[str]) -> None:
    assert [kind for kind, _ in leaked(text, SECRETS, PATHS)] == kinds


def test_a_discreet_server_passes(live: Live) -> None:
    context, served = live()
    result = leaks_nothing(context, "")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None), result.failure
    assert result.requests > 60
    assert {"/nowhere", "/invocations"} <= {path for _, path, _ in served.requests}


ALL_KINDS = ("a stack trace", "what was planted in a file", "the path of its environment")


class Teller:
    """Tells in every error what it is made to tell."""

    def __init__(self, tell: Callable[[Any], str]) -> None:
        self.tell = tell
        self.served: Any = None
        self.seen = b""

    def __call__(self, _method: str, path: str, body: bytes) -> tuple[int, str] | None:
        before, self.seen = self.seen, body or self.seen
        if path == "/ping" or body.startswith(b'{"dataframe_split"'):
            return None
        return 400, json.dumps({"message": self.tell(self), "before": before.decode("utf-8", "replace")[:0]})


@pytest.mark.parametrize(
    ("tell", "kind"),
    [
        (lambda _: 'Traceback (most recent call last):\n  File "m.py", line 1', "a stack trace"),
        (lambda _: "KEY=canary-environment", "what was planted in an environment variable"),
        (lambda _: "canary-file", "what was planted in a file"),
        (lambda teller: str(teller.served.folder / "model.pkl"), "the path of the model"),
        (lambda _: "/opt/environments/e7/lib/python3.11", "the path of its environment"),
        (lambda _: str(Path(pytest_modelserve.__file__).parent), "the path of the scoring server"),
    ],
)
def test_a_server_that_tells_is_failed(tell: Callable[[Any], str], kind: str, live: Live) -> None:
    teller = Teller(tell)
    context, teller.served = live(teller)
    failure = leaks_nothing(context, "").failure
    assert failure is not None
    assert failure.title.startswith(f"an error tells {kind}")
    assert failure.title.endswith(": GET /nowhere")
    assert "curl" in failure.curl


TRACE = 'Traceback (most recent call last):\n  File "/opt/environments/e7/lib/m.py", line 1'
STACK = Deviation(
    id="errors_tell_the_stack",
    server="mlflow",
    versions=">=3",
    rules=("leaks_nothing",),
    kinds=frozenset({"stack_trace"}),
    what="Errors tell the stack trace.",
    link="https://example.org",
    example=Example(model="m", status=400),
)


@pytest.mark.parametrize(
    ("stack", "message", "told"),
    [
        (TRACE, "no", []),
        (TRACE, TRACE, ["a stack trace", "the path of its environment"]),
        (TRACE, "see /opt/environments/e7", ["the path of its environment"]),
        (f"{TRACE} canary-file", "no", ["what was planted in a file"]),  # a secret is told, wherever it stands
        ("", TRACE, ["a stack trace", "the path of its environment"]),
    ],
)
def test_a_known_stack_trace_excuses_what_it_alone_tells(stack: str, message: str, told: list[str], live: Live) -> None:
    def answer(_method: str, path: str, body: bytes) -> tuple[int, str] | None:
        if path == "/ping" or body.startswith(b'{"dataframe_split"'):
            return None
        return 400, json.dumps({"message": message, "stack_trace": stack})

    context = replace(live(answer)[0], known=(STACK,))
    result = run_check(context, BY_NAME["leaks_nothing"], "")
    text = result.failure.text if result.failure else ""
    assert [kind for kind in ALL_KINDS if f"an error tells {kind}" in text] == told
    assert bool(result.failure) == bool(told)
    assert [one.id for one in result.deviations] == (["errors_tell_the_stack"] if stack else [])
    assert [one.kind for one in result.advice] == ([] if stack else ["gone"])


@pytest.mark.parametrize("keeps", [lambda _body: True, lambda body: healthy(body) == 200])
def test_what_another_caller_sent_is_no_business_of_the_next(keeps: Callable[[bytes], bool], live: Live) -> None:
    last = [""]

    def answer(_method: str, path: str, body: bytes) -> tuple[int, str] | None:
        before, last[0] = last[0], body.decode("utf-8", "replace") if keeps(body) else last[0]
        return None if path in {"/ping", "/invocations"} else (404, json.dumps({"last": before}))

    failure = leaks_nothing(live(answer)[0], "").failure
    assert failure is not None
    assert failure.title.startswith("an error tells what was planted in another caller's request")


def healthy(body: bytes) -> int:
    """Return the status of a good request, by its envelope."""
    return 200 if b'"dataframe_split"' in body else 400


def test_a_server_that_hangs_is_not_asked_again_and_again(live: Live) -> None:
    is_over = threading.Event()

    def answer(_method: str, path: str, _body: bytes) -> None:
        if path not in {"/ping", "/invocations"}:
            is_over.wait(20)

    context, served = live(answer, request_timeout_s=0.2)
    leaks_nothing(context, "")
    is_over.set()
    assert len([path for _, path, _ in served.requests if path not in {"/ping", "/invocations"}]) == MOST_LATE


def test_an_answer_of_a_model_that_is_known_to_hang_is_not_waited_for_long(
    live: Live, exchanged: Callable[..., Exchange]
) -> None:
    is_over = threading.Event()

    def answer(_method: str, path: str, body: bytes) -> None:
        if path == "/invocations" and not body.startswith(b'{"dataframe_split"'):
            is_over.wait(20)

    context, served = live(answer)
    context.history.timeout_s = 10.0
    context.history.note_loss(exchanged(status=None, error=ErrorKind.TIMEOUT))
    started = time.monotonic()
    leaks_nothing(context, "")
    is_over.set()
    assert time.monotonic() - started < 10.0
    others = [body for _, path, body in served.requests if path == "/invocations" and b"canary" in body]
    assert len(others) <= MOST_LATE  # those of the other caller count, too


def test_a_server_without_errors_proves_nothing(live: Live) -> None:
    def answer(_method: str, _path: str, _body: bytes) -> tuple[int, str]:
        return 200, "{}"

    result = leaks_nothing(live(answer)[0], "")
    assert result.outcome in {Outcome.INCONCLUSIVE, Outcome.PASSED}


def test_a_server_that_is_lost_is_replaced(live: Live) -> None:
    is_ill = [False]

    def answer(_method: str, path: str, body: bytes) -> tuple[int, str] | None:
        if path == "/ping":
            was_ill, is_ill[0] = is_ill[0], False
            return (503, "{}") if was_ill else None
        if body == b"not json":
            is_ill[0] = True
            return 503, "{}"
        return None

    context, served = live(answer)
    leaks_nothing(context, "")
    assert served.restarts >= 1
    assert served.is_worn  # the one in its place got the rest of what was sent


def test_without_time_nothing_is_proven(live: Live) -> None:
    result = leaks_nothing(live(budget_s=1e-6)[0], "")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "ran out before every kind of error was looked at: raise --model-budget" in result.reason
