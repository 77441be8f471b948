"""After each ill treatment a server is asked whether it is as before, and failed by the name of what broke it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.checks.good_request import good_request_of
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.checks.ordeals import ordeals
from pytest_modelserve.checks.survival import MOST_BREACHES, survives
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.client import ErrorKind
from pytest_modelserve.client.raw import After
from pytest_modelserve.errors import ServerNotReady
from pytest_modelserve.results import Outcome, as_document
from pytest_modelserve.server.deviations import Deviation, Example

Live = Callable[..., Any]
AGAIN = "run it again once that is mended"
GOOD = b'{"dataframe_split": {"columns": ["n"], "data": [[1], [2]]}}'

DEEP = Deviation(
    id="deep_nesting_fails",
    server="mlflow",
    versions=">=3",
    rules=("survives",),
    kinds=frozenset({"server_error"}),
    label="^nested",
    what="Deep nesting is answered 500.",
    link="https://example.org",
    example=Example(model="m", status=500),
)


class Once:
    """Answers as told from the first request on that a condition holds for, or only to that one."""

    def __init__(self, when: Callable[[str, str, bytes], bool], answer: tuple[int, str], *, path: str = "") -> None:
        self.when = when
        self.answer = answer
        self.path = path
        self.has_happened = False

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, str] | None:
        if not self.path:
            return self.answer if self.when(method, path, body) else None
        self.has_happened = self.has_happened or self.when(method, path, body)
        return self.answer if self.has_happened and path == self.path else None


def is_cut(_method: str, path: str, body: bytes) -> bool:
    return path == "/invocations" and not body.endswith(b"}") and body.startswith(b"{")


def is_deep(_method: str, _path: str, body: bytes) -> bool:
    return body.startswith(b"[[[")


def test_a_healthy_server_passes(live: Live) -> None:
    context, served = live()
    result = survives(context, "")
    assert (result.name, result.outcome, result.failure) == ("survives", Outcome.PASSED, None), result.failure
    assert served.restarts == 0
    assert sum(method == "GET" for method, *_ in served.requests) > 25  # its health was asked for after each
    assert result.requests > result.accepted > 25


def test_lasting_damage_is_told_with_what_did_it(live: Live) -> None:
    context, served = live(Once(is_cut, (503, "{}"), path="/ping"))
    failure = survives(context, "").failure
    assert failure is not None
    told = "the server is no longer as before after a request: "
    # the damage is done when the server reads the end of what was cut, which may be after the next request
    assert failure.title in {f"{told}half sent, and held open", f"{told}closed without a word"}
    assert failure.received == "/ping no longer answers 200"
    assert "KeyError: 7" in failure.text
    assert served.restarts == MOST_BREACHES - 1


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        ((200, json.dumps({"predictions": [1.5, 2.5]})), "the good request is answered differently"),
        ((500, json.dumps({"message": "broken"})), "the good request is answered 500, 200 before"),
    ],
)
def test_another_answer_than_before_is_damage(answer: tuple[int, str], received: str, live: Live) -> None:
    context, _ = live(Once(is_deep, answer, path="/invocations"))
    failure = survives(context, "").failure
    assert failure is not None
    assert failure.title == "the server is no longer as before after a request: nested 100,000 deep"
    assert failure.received.startswith(received)


def test_a_server_whose_answers_differ_anyway_is_not_failed_for_that(live: Live) -> None:
    counts = iter(range(10_000))

    def answer(_method: str, path: str, body: bytes) -> tuple[int, str] | None:
        is_good = path == "/invocations" and body == GOOD
        return (200, json.dumps({"predictions": [next(counts), 1]})) if is_good else None

    assert survives(live(answer)[0], "").outcome is Outcome.PASSED


def test_a_good_request_that_costs_the_server_leaves_nothing_to_prove(live: Live) -> None:
    context, _ = live(Once(lambda _m, path, _b: path == "/invocations", (503, "{}"), path="/ping"))
    result = survives(context, "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "the good request itself" in result.reason


def test_a_5xx_on_a_broken_request_is_a_breach(live: Live) -> None:
    failure = survives(live(Once(is_deep, (500, '{"message": "oh"}')))[0], "").failure
    assert failure is not None
    assert failure.title == "the server answers 500 on a request: nested 100,000 deep"
    assert failure.received == "500"
    assert "oh" in failure.text


def test_a_5xx_that_the_server_is_known_for_is_none(live: Live) -> None:
    for deviation, outcome, n_shown in (
        (DEEP, Outcome.PASSED, 1),
        (replace(DEEP, label="^huge"), Outcome.FAILED, 0),
        (replace(DEEP, answer="another error"), Outcome.FAILED, 0),
        (replace(DEEP, answer="^500 HTTP"), Outcome.PASSED, 1),
        (replace(DEEP, answer="^502 "), Outcome.FAILED, 0),
    ):
        context = replace(live(Once(is_deep, (500, '{"message": "oh"}')))[0], known=(deviation,))
        result = run_check(context, BY_NAME["survives"], "")
        assert (result.outcome, len(result.deviations)) == (outcome, n_shown)


def test_a_5xx_that_no_longer_comes_is_told(live: Live) -> None:
    result = run_check(replace(live()[0], known=(DEEP,)), BY_NAME["survives"], "")
    assert result.outcome is Outcome.PASSED
    assert [(one.kind, "deep_nesting_fails" in one.text) for one in result.advice] == [("gone", True)]


def test_where_none_is_known_values_at_the_edges_are_sent(live: Live) -> None:
    def is_largest(_method: str, _path: str, body: bytes) -> bool:
        return b"9223372036854775807" in body

    def answer(method: str, path: str, body: bytes) -> tuple[int, str] | None:
        return breaks(method, path, body) or ((500, "{}") if is_largest(method, path, body) else None)

    breaks = Once(is_largest, (503, "{}"), path="/ping")
    failure = survives(live(answer)[0], "").failure
    assert failure is not None
    assert failure.title.startswith("the server is no longer as before after a request: ")
    assert "9223372036854775807" in failure.title


def test_no_value_is_told_where_the_user_wants_none_told(live: Live) -> None:
    answer = Once(lambda _m, _p, body: b"9223372036854775807" in body, (500, '"Mrs. Smith"'), path="/invocations")
    context, served = live(answer, redact=True)
    served.log.write_text("Mrs. Smith")
    failure = survives(context, "").failure
    assert failure is not None
    assert failure.title == "the server is no longer as before after a request: valid"
    assert failure.is_redacted
    assert not {"Smith", "9223372036854775807"} & set(json.dumps(as_document(failure)).replace(".", " ").split())


def test_a_server_that_serves_one_at_a_time_blocks_the_others(live: Live) -> None:
    context, _ = live(is_threaded=False, request_timeout_s=0.3)
    failure = survives(context, "").failure
    assert failure is not None
    assert failure.title == "others are not answered on a request: half sent, and held open"


@pytest.mark.parametrize("is_known", [False, True])
def test_one_more_hang_is_enough_of_a_model_that_is_known_to_hang(
    is_known: bool, live: Live, exchanged: Callable[..., Exchange]
) -> None:
    is_over = threading.Event()

    def answer(_method: str, _path: str, body: bytes) -> None:
        if body.startswith(b"{") and not body.endswith(b"}"):  # a part of one
            is_over.wait(20)

    context, _ = live(answer, request_timeout_s=0.2)
    if is_known:
        context.history.note_loss(exchanged(status=None, error=ErrorKind.TIMEOUT))
    result = survives(context, "")
    is_over.set()
    assert result.failure is not None
    assert "the server neither answers nor closes on a request" in result.failure.title
    assert ("2 different breaches" in result.failure.text) is not is_known
    (note,) = (one.text for one in result.advice)
    why = "the model is known to hang" if is_known else "2 kinds of requests got no answer"
    assert note.startswith("not sent any more: ")
    assert f" more kinds of requests, and the boundary values, since {why}; " in note


def test_what_is_left_out_after_enough_failures_is_told(live: Live) -> None:
    result = survives(live(Once(is_cut, (503, "{}"), path="/ping"))[0], "")
    (note,) = (one.text for one in result.advice)
    assert note.startswith("not sent any more: ")
    assert note.endswith(f"and the boundary values, since {MOST_BREACHES} failures are found; {AGAIN}")


def test_what_is_left_out_where_no_server_comes_back_is_told(live: Live) -> None:
    context, served = live(Once(is_cut, (503, "{}"), path="/ping"))

    def restart() -> None:
        raise ServerNotReady("it hangs")

    served.restart = restart
    gone, unsent = (one.text for one in survives(context, "").advice)
    assert gone == "no other server got ready after it: it hangs"
    assert unsent.endswith(f" and the boundary values, since no other server got ready; {AGAIN}")


def test_what_is_left_out_of_the_boundary_values_is_told(live: Live) -> None:
    def answer(method: str, path: str, body: bytes) -> tuple[int, str] | None:
        return ill(method, path, body) or ((500, "{}") if is_largest(method, path, body) else None)

    def is_largest(_method: str, _path: str, body: bytes) -> bool:
        return b"9223372036854775807" in body

    ill = Once(is_largest, (503, "{}"), path="/ping")
    context, served = live(answer)
    restart = served.restart

    def dead() -> None:
        restart()
        raise ServerNotReady("it hangs")

    served.restart = dead
    gone, unsent = (one.text for one in survives(context, "").advice)
    assert gone == "no other server got ready after it: it hangs"
    assert unsent == f"not sent any more: the rest of the boundary values, since no other server got ready; {AGAIN}"


def test_what_the_good_request_itself_gets_is_told_by_other_checks(live: Live) -> None:
    broken = Once(lambda _m, path, _b: path == "/invocations", (500, '{"message": "the model raised"}'))
    result = survives(live(broken)[0], "")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None), result.failure


def test_each_ordeal_breaks_one_thing_and_none_is_twice_there(live: Live) -> None:
    good = good_request_of(live()[0])
    assert good is not None
    found = [*ordeals(good, max_body_bytes=3 << 20, near_bytes=1 << 20)]
    names = [ordeal.name for ordeal in found]
    assert len(set(names)) == len(names) > 25
    for ordeal in found:
        assert ordeal.is_answered == (ordeal.request.after is not After.RESET)
    by_name = {ordeal.name: sum(map(len, ordeal.request.chunks)) for ordeal in found}
    assert by_name["huge: longer than may be, in chunks"] > 3 << 20
    assert 1 << 20 < by_name["huge: 1 MiB"] < (1 << 20) + 1000


def test_a_server_that_did_not_go_through_everything_did_not_survive_it(live: Live) -> None:
    result = survives(live(budget_s=1e-6)[0], "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert result.reason.startswith("its share of the 1e-06 s for this model ran out after 0 of ")


def test_a_large_body_may_take_longer_than_a_usual_request(live: Live) -> None:
    slept: list[int] = []

    def answer(_method: str, _path: str, body: bytes) -> None:
        if len(body) > 10_000_000:
            slept.append(len(body))
            threading.Event().wait(1.0)

    result = survives(live(answer, request_timeout_s=0.3)[0], "")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None), result.failure
    assert slept
