"""What one check draws the next one that draws the same takes over, with the answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelserve.cases import Case, Table
from pytest_modelserve.checks import drawn as module
from pytest_modelserve.checks.drawn import Drawn
from pytest_modelserve.checks.judge import Exchange
from pytest_modelserve.client import ErrorKind

Exchanged = Callable[..., Exchange]


class Draws:
    """Draws two cases, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> list[Case]:
        self.times += 1
        return [Case(payload=Table(columns=("a",), rows=((at,),))) for at in range(2)]


def test_two_checks_get_the_same_cases_and_a_third_new_ones() -> None:
    drawn, draws = Drawn(), Draws()
    first, second, third = (list(drawn.cases("key", draws)) for _ in range(3))
    assert [id(case) for case in first] == [id(case) for case in second]
    assert first[0] is not third[0]
    assert draws.times == 2


def test_what_is_drawn_by_another_key_is_another() -> None:
    drawn, draws = Drawn(), Draws()
    one, other = (next(drawn.cases(key, draws)) for key in ("one", "other"))
    assert one is not other


def test_nothing_is_drawn_before_it_is_due() -> None:
    draws = Draws()
    cases = Drawn().cases("key", draws)
    assert draws.times == 0
    assert next(cases) is not None


def test_an_answer_is_taken_once(exchanged: Exchanged) -> None:
    drawn = Drawn()
    case, other = drawn.cases("key", Draws())
    answered = exchanged(case)
    drawn.note(answered)
    assert drawn.take(other) is None
    assert drawn.take(case) is answered
    assert drawn.take(case) is None


def test_an_answer_waits_for_the_second_check_alone(exchanged: Exchanged) -> None:
    drawn = Drawn()
    equal = Case(payload=Table(columns=("a",), rows=((0,),)))
    list(drawn.cases("key", Draws()))
    drawn.note(exchanged(equal))
    assert drawn.take(equal) is None  # it was sent by the first check, but not drawn for the second
    for case in drawn.cases("key", Draws()):
        drawn.note(exchanged(case))
        assert drawn.take(case) is None


def test_a_request_that_was_lost_has_no_answer(exchanged: Exchanged) -> None:
    drawn = Drawn()
    case, _ = drawn.cases("key", Draws())
    drawn.note(exchanged(case, status=None, error=ErrorKind.TIMEOUT))
    assert drawn.take(case) is None


def test_no_more_is_kept_than_memory_is_worth(exchanged: Exchanged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 30)
    drawn = Drawn()
    cases = list(drawn.cases("key", Draws()))
    for case in cases:
        drawn.note(exchanged(case, body=b"x" * 20))
    assert [drawn.take(case) is None for case in cases] == [False, True]
