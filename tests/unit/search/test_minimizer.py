"""What is left of a failing case: it still fails, is never larger, and no part of it can be left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.cases import Case, Document, Expectation, Table, Tensors
from pytest_modelserve.search.minimizer import MAX_TRIES, minimize, smallest_subset

GOOD, BAD = 0, 9
PLENTY = 10_000


def table_of(rows: int, width: int, *bad: tuple[int, int], fill: int = 5) -> Case:
    """Return a table in which every cell differs from the example's, and some are bad."""
    cells = tuple(tuple(BAD if (at, place) in bad else fill for place in range(width)) for at in range(rows))
    return Case(payload=Table(columns=tuple(f"c{place}" for place in range(width)), rows=cells))


def example_of(width: int) -> Case:
    return table_of(1, width, fill=GOOD)


def rows_of(case: Case) -> tuple[tuple[object, ...], ...]:
    assert isinstance(case.payload, Table)
    return case.payload.rows


def dirty(case: Case) -> int:
    return sum(cell != GOOD for row in rows_of(case) for cell in row)


def has_row_with(*places: int) -> Callable[[Case], bool]:
    return lambda case: any(all(row[place] == BAD for place in places) for row in rows_of(case))


@pytest.mark.parametrize("width", [30, 300])
@pytest.mark.parametrize("n_rows", [1, 10])
@pytest.mark.parametrize(("left", "right"), [(0, 1), (0, -1), (3, 17), (14, 15), (12, 29)])
def test_a_fault_of_two_cells_is_found_within_the_tries(width: int, n_rows: int, left: int, right: int) -> None:
    right %= width
    row = n_rows // 2
    found = minimize(table_of(n_rows, width, (row, left), (row, right)), example_of(width), has_row_with(left, right))
    (only,) = rows_of(found.case)
    assert {place for place, cell in enumerate(only) if cell != GOOD} == {left, right}
    assert found.tries <= MAX_TRIES


@given(data=st.data())
def test_any_monotone_fault_ends_one_minimal(data: st.DataObject) -> None:
    n_rows, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 8))
    place = st.tuples(st.integers(0, n_rows - 1), st.integers(0, width - 1))
    bad = data.draw(st.sets(place, min_size=1, max_size=6))
    needed = data.draw(st.sets(st.sampled_from(sorted(bad)), min_size=1, max_size=3))
    marks = {cell: 100 + at for at, cell in enumerate(sorted(bad))}
    rows = tuple(tuple(marks.get((at, column), 5) for column in range(width)) for at in range(n_rows))
    start = Case(payload=Table(columns=tuple(f"c{at}" for at in range(width)), rows=rows), params={"p": 1, "q": 2})

    def fails(case: Case) -> bool:
        return {marks[cell] for cell in needed} <= {
            cell for row in rows_of(case) for cell in row
        } and "q" in case.params

    found = minimize(start, example_of(width), fails, max_tries=PLENTY)
    assert fails(found.case)
    assert dict(found.case.params) == {"q": 2}
    assert len(rows_of(found.case)) == len({row for row, _ in needed})
    assert dirty(found.case) == len(needed)


@given(data=st.data())
def test_whatever_fails_and_however_few_the_tries_the_result_fails_and_is_no_larger(data: st.DataObject) -> None:
    n_rows, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 8))
    start = table_of(n_rows, width)
    answers = data.draw(st.functions(like=lambda key: None, returns=st.booleans(), pure=True))
    seen: list[Case] = []

    def fails(case: Case) -> bool:
        seen.append(case)
        return rows_of(case) == rows_of(start) or bool(answers(repr(rows_of(case))))

    most = data.draw(st.integers(0, 30))
    found = minimize(start, example_of(width), fails, max_tries=most)
    assert len(seen) == found.tries <= most
    assert len(rows_of(found.case)) <= n_rows
    assert dirty(found.case) <= dirty(start)
    assert fails(found.case)


@given(items=st.sets(st.integers(0, 60), min_size=1, max_size=40), data=st.data())
def test_subsets_are_one_minimal_for_any_monotone_fault(items: set[int], data: st.DataObject) -> None:
    needed = data.draw(st.lists(st.sets(st.sampled_from(sorted(items)), max_size=4), min_size=1, max_size=3))

    def fails(some: frozenset[tuple[int, ...]]) -> bool:
        return any({(item,) for item in one} <= some for one in needed)

    found = frozenset(smallest_subset(tuple((item,) for item in sorted(items)), fails))
    assert fails(found)
    assert not any(fails(found - {item}) for item in found)


def test_without_an_example_only_rows_and_params_go() -> None:
    found = minimize(table_of(8, 4, (5, 2)), None, has_row_with(2))
    assert rows_of(found.case) == ((5, 5, BAD, 5),)


def test_rows_keep_their_index() -> None:
    table = Table(columns=("c0",), rows=((5,), (BAD,), (5,)), index=(7, 8, 9))
    found = minimize(Case(payload=table), example_of(1), has_row_with(0))
    assert found.case.payload == Table(columns=("c0",), rows=((BAD,),), index=(8,))


def test_columns_that_the_example_has_not_stay_as_they_are() -> None:
    start = Case(payload=Table(columns=("c0", "extra"), rows=((5, BAD),)))
    found = minimize(start, example_of(1), lambda case: True)
    assert found.case.payload == Table(columns=("c0", "extra"), rows=((GOOD, BAD),))


def test_equal_cells_of_another_type_are_taken_back_too() -> None:
    example = Case(payload=Table(columns=("a",), rows=((1,),)))
    found = minimize(Case(payload=Table(columns=("a",), rows=((True,),))), example, lambda case: True)
    assert type(rows_of(found.case)[0][0]) is int


def test_a_ragged_table_and_a_document_stay_as_they_are() -> None:
    for payload in (Table(columns=("a", "b"), rows=((1,), (1, 2))), Document(value=[1])):
        start = Case(payload=payload, params={"p": 1})
        found = minimize(start, example_of(1), lambda case: True)
        assert found.case.payload is payload
        assert not found.case.params


def test_one_place_of_a_tensor_is_found() -> None:
    array = np.full((4, 6, 6), 5.0)
    array[2, 3, 4] = BAD

    def fails(case: Case) -> bool:
        assert isinstance(case.payload, Tensors)
        return bool((np.asarray(case.payload.arrays["x"]) == BAD).any())

    example = Case(payload=Tensors(arrays={"x": np.zeros((1, 6, 6)), "y": np.zeros((1, 2))}))
    found = minimize(Case(payload=Tensors(arrays={"x": array, "y": np.ones((4, 2))})), example, fails)
    assert isinstance(found.case.payload, Tensors)
    left = found.case.payload.arrays
    assert np.argwhere(np.asarray(left["x"])).tolist() == [[0, 3, 4]]
    assert np.asarray(left["y"]).tolist() == [[0.0, 0.0]]
    assert found.tries <= MAX_TRIES


@pytest.mark.parametrize("array", [np.array(1.0), [1, 2]])
def test_tensors_without_rows_stay_as_they_are(array: object) -> None:
    payload = Tensors(arrays={None: array})  # type: ignore[dict-item]
    assert minimize(Case(payload=payload), None, lambda case: True).case.payload is payload


def test_tensors_of_another_shape_than_the_examples_lose_rows_only() -> None:
    start = Case(payload=Tensors(arrays={None: np.ones((3, 5))}))
    for example in (Case(payload=Tensors(arrays={None: np.zeros((1, 4))})), example_of(1), None):
        found = minimize(start, example, lambda case: True)
        assert isinstance(found.case.payload, Tensors)
        assert np.asarray(found.case.payload.arrays[None]).tolist() == [[1.0] * 5]


def test_a_wide_table_takes_no_time_beside_its_requests() -> None:
    started = time.perf_counter()
    minimize(table_of(10, 300, (0, 3), (0, 200)), example_of(300), has_row_with(3, 200))
    assert time.perf_counter() - started < 2


def always(_: Case) -> bool:
    return True


def test_what_a_case_holds_stays_whatever_else_fails() -> None:
    start = replace(table_of(3, 4, (2, 1)), params={"p": 1, "q": 2}, held="c1")
    found = minimize(start, example_of(4), always)
    assert rows_of(found.case) == ((GOOD, BAD, GOOD, GOOD),)
    assert found.case.params == {}
    found = minimize(replace(start, held="q"), example_of(4), always)
    assert found.case.params == {"q": 2}


def test_rows_beside_the_held_one_stay_where_they_matter() -> None:
    start = replace(table_of(5, 3, (1, 0), (4, 2)), held="c2")
    found = minimize(start, example_of(3), lambda case: any(row[0] == BAD for row in rows_of(case)))
    assert rows_of(found.case) == ((BAD, GOOD, GOOD), (GOOD, GOOD, BAD))


def test_an_index_that_does_not_fit_its_rows_is_left_alone() -> None:
    start = table_of(3, 2)
    assert isinstance(start.payload, Table)
    broken = replace(start, payload=replace(start.payload, index=(0, 1)))
    assert minimize(broken, example_of(2), always).case == broken


def test_tensors_of_a_wrong_shape_are_left_alone() -> None:
    arrays = Tensors(arrays={"a": np.zeros((3, 2)), "b": np.zeros((3, 2))})
    broken = Case(payload=arrays, expectation=Expectation.REJECT)
    assert minimize(broken, None, always).case.payload is broken.payload
