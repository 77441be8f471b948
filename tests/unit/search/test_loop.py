"""The loop: what it sends, when it ends, and what it makes of a breach."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import strategies as st

from pytest_modelserve.cases import Case, Document, Table
from pytest_modelserve.search.loop import MAX_BREACHES, REPLAYS, Plan, draw, search
from pytest_modelserve.strategies import Batch


@dataclass(frozen=True)
class Found:
    key: str
    is_breach: bool = True


def case_of(*cells: object) -> Case:
    return Case(payload=Table(columns=("a",), rows=tuple((cell,) for cell in cells)))


def cells_of(case: Case) -> list[object]:
    assert isinstance(case.payload, Table)
    return [row[0] for row in case.payload.rows]


class Probe:
    """Finds what a function of the cells says, and keeps what it was sent."""

    def __init__(self, judge: Callable[[list[object]], Found | None]) -> None:
        self.judge = judge
        self.sent: list[list[object]] = []

    def __call__(self, case: Case) -> Found | None:
        self.sent.append(cells_of(case))
        return self.judge(cells_of(case))


def plan_of(cases: Iterable[Case | Batch], **kwargs: Any) -> Plan:
    return Plan(cases=cases, **kwargs)


def test_every_case_is_sent_in_order_then_the_drawn_ones() -> None:
    probe = Probe(lambda cells: None)
    found = search(plan_of([case_of(1), case_of(2)], further=draw(st.just(case_of(7)), 1, 0)), probe)
    assert probe.sent == [[1], [2], [7]]
    assert (found.requests, found.breaches, found.advice) == (3, [], {})
    assert found.is_complete
    assert not found.is_cut_short


def test_a_breach_is_told_once_with_its_smallest_case() -> None:
    probe = Probe(lambda cells: Found("bad") if 9 in cells else None)
    found = search(plan_of([case_of(1), case_of(9, 5, 5), case_of(9)], example=case_of(0)), probe)
    (breach,) = found.breaches
    assert cells_of(breach.case) == [9]
    assert breach.found_at == 2
    assert found.requests == len(probe.sent) == 3 + breach.tries + REPLAYS
    assert (breach.replays, breach.reproduced, breach.is_flaky) == (REPLAYS, REPLAYS, False)


def test_the_key_is_held_fixed_while_a_case_is_made_small() -> None:
    def judge(cells: list[object]) -> Found | None:
        return Found("both") if {1, 2} <= set(cells) else Found("other") if 1 in cells else None

    (breach,) = search(plan_of([case_of(1, 2, 5)], example=case_of(0)), Probe(judge)).breaches
    assert breach.finding == Found("both")
    assert sorted(map(repr, cells_of(breach.case))) == ["1", "2"]


def test_advice_does_not_stand_in_for_a_breach_of_the_same_key() -> None:
    probe = Probe(lambda cells: Found("k", is_breach=len(cells) > 1))
    (breach,) = search(plan_of([case_of(1, 2)], example=case_of(0)), probe).breaches
    assert len(cells_of(breach.case)) == 2


def test_the_finding_is_that_of_the_smallest_case() -> None:
    @dataclass(frozen=True)
    class Sized:
        key: str
        size: int
        is_breach: bool = True

    (breach,) = search(plan_of([case_of(*range(8))]), lambda case: Sized("k", len(cells_of(case)))).breaches
    assert breach.finding.size == 1 == len(cells_of(breach.case))


def test_the_search_ends_with_enough_breaches() -> None:
    probe = Probe(lambda cells: Found(str(cells[0])))
    found = search(plan_of([case_of(at) for at in range(10)]), probe)
    assert [breach.finding.key for breach in found.breaches] == [str(at) for at in range(MAX_BREACHES)]
    assert not found.is_complete
    assert not found.is_cut_short


def test_a_costly_breach_ends_the_search_and_is_hardly_made_small() -> None:
    probe = Probe(lambda cells: Found("lost") if 9 in cells else None)
    plan = plan_of([case_of(9, *range(1, 9)), case_of(9)], costly_tries=2)
    found = search(plan, probe, is_costly=lambda finding: True)
    assert len(found.breaches) == 1
    assert sum(9 in cells for cells in probe.sent) == 1 + 2
    probe = Probe(probe.judge)
    search(replace(plan, costly_tries=0), probe, is_costly=lambda finding: True)
    assert len(probe.sent) == 1


def test_advice_is_kept_once_a_key_and_ends_nothing() -> None:
    probe = Probe(lambda cells: Found(f"k{cells[0] in (1, 2)}", is_breach=False))
    found = search(plan_of([case_of(at) for at in range(6)]), probe)
    assert set(found.advice) == {"kTrue", "kFalse"}
    assert found.breaches == []
    assert found.requests == 6


def test_without_time_nothing_is_sent() -> None:
    probe = Probe(lambda cells: None)
    found = search(plan_of([case_of(1)], time_s=0.0), probe)
    assert probe.sent == []
    assert found.is_cut_short
    assert not found.is_complete


def test_what_comes_on_top_may_have_less_time() -> None:
    probe = Probe(lambda cells: None)
    found = search(Plan(cases=[case_of(1)], further=[case_of(2)], time_s=60.0, further_s=-1.0), probe)
    assert probe.sent == [[1]]
    assert (found.is_complete, found.is_cut_short) == (True, True)


def test_when_the_time_is_up_no_case_is_begun_nor_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def judge(cells: list[object]) -> Found | None:
        now[0] += 4.0
        return Found("bad") if 9 in cells else None

    probe = Probe(judge)
    found = search(plan_of([case_of(1), case_of(*[9] * 8), case_of(2)], time_s=10.0), probe)
    assert found.is_cut_short
    assert len(probe.sent) == 3
    assert len(found.breaches) == 1


def test_a_batch_that_is_right_stands_for_its_parts() -> None:
    probe = Probe(lambda cells: None)
    search(plan_of([Batch(case=case_of(1, 2), parts=(case_of(1), case_of(2)))]), probe)
    assert probe.sent == [[1, 2]]


def test_the_parts_of_a_batch_show_what_is_wrong_in_its_place() -> None:
    parts = tuple(case_of(at) for at in (1, 9, 2))
    probe = Probe(lambda cells: Found(f"bad {len(cells)}", is_breach=False) if 9 in cells else None)
    found = search(plan_of([Batch(case=case_of(1, 9, 2), parts=parts), case_of(3)]), probe)
    assert probe.sent == [[1, 9, 2], [1], [9], [2], [3]]
    assert set(found.advice) == {"bad 1"}
    assert found.is_complete


def test_a_batch_whose_parts_are_all_right_is_itself_what_is_wrong() -> None:
    probe = Probe(lambda cells: Found("many") if len(cells) > 1 else None)
    found = search(plan_of([Batch(case=case_of(1, 2, 3), parts=tuple(case_of(at) for at in (1, 2, 3)))]), probe)
    (breach,) = found.breaches
    assert len(cells_of(breach.case)) == 2


def test_a_batch_is_left_with_enough_breaches_or_without_time() -> None:
    parts = tuple(case_of(at) for at in range(10))
    probe = Probe(lambda cells: Found(str(cells)))
    found = search(plan_of([Batch(case=case_of(*range(10)), parts=parts), case_of(11)]), probe)
    assert len(found.breaches) == MAX_BREACHES
    assert [11] not in probe.sent
    assert search(plan_of([Batch(case=case_of(1))], time_s=0.0), probe).is_cut_short


def test_a_seed_draws_the_same_cases_whatever_happens_around_it() -> None:
    strategy = st.integers(0, 10**9).map(case_of)
    drawn = [[cells_of(case)[0] for case in draw(strategy, 20, seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 20


def test_no_more_is_drawn_than_there_is() -> None:
    assert len(list(draw(st.sampled_from([case_of(1), case_of(2)]), 50, 0))) <= 50
    assert list(draw(st.just(case_of(1)).filter(lambda case: False), 5, 0)) == []
    assert search(plan_of([]), Probe(lambda cells: None)).is_complete


def test_what_does_not_show_each_time_is_flaky() -> None:
    shows = itertools.cycle([True, False])
    probe = Probe(lambda cells: Found("sometimes") if 9 in cells and next(shows) else None)
    (breach,) = search(plan_of([case_of(9)]), probe).breaches
    assert 0 < breach.reproduced < breach.replays == REPLAYS
    assert breach.is_flaky


def test_a_costly_breach_is_not_sent_again() -> None:
    (breach,) = search(plan_of([case_of(9)]), Probe(lambda cells: Found("hangs")), is_costly=lambda _: True).breaches
    assert (breach.replays, breach.is_flaky) == (0, False)


def test_what_has_no_rows_is_searched_as_well() -> None:
    (breach,) = search(plan_of([Case(payload=Document(value=1))]), lambda case: Found("k")).breaches
    assert breach.tries == 0


def test_what_is_further_is_sent_last_and_is_not_missed_where_the_time_ends() -> None:
    probe = Probe(lambda cells: None)
    plan = plan_of([case_of(1)], further=[Batch(case=case_of(2)), case_of(3)])
    assert search(plan, probe).is_complete
    assert probe.sent == [[1], [2], [3]]
    many = search(
        plan_of([case_of(1)], further=[case_of(at) for at in (7, 8, 9, 10, 11)]), Probe(lambda c: Found(str(c)))
    )
    assert (many.is_complete, len(many.breaches)) == (True, MAX_BREACHES)
