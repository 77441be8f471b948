"""Which column is to blame, whether each was tested, and the line of a domain that settles it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Level, RawBody, Table, Tensors
from pytest_modelserve.checks.advice import as_advice, domain_line
from pytest_modelserve.checks.calls import RaisedException
from pytest_modelserve.checks.columns import ABSENT, ColumnNotes, cells_of, type_of
from pytest_modelserve.checks.coverage import is_categorical, shown, untested
from pytest_modelserve.checks.judge import Exchange, judge_outcome
from pytest_modelserve.domain import ColumnDomain, Domain, Origin, from_table
from pytest_modelserve.results import Advice
from pytest_modelserve.signature.datatypes import Array, DataType, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
NOWHERE = Domain()


def signature_of(**types: ValueType) -> Signature:
    return Signature(inputs=ColumnSchema(columns=tuple(ColumnSpec(name=n, type=t) for n, t in types.items())))


def case_of(rows: Iterable[Mapping[str, object]], **kwargs: Any) -> Case:
    found = [dict(row) for row in rows]
    table = Table(columns=tuple(found[0]), rows=tuple(tuple(row.values()) for row in found))
    return Case(payload=table, **{"level": Level.PLAUSIBLE, **kwargs})


class Notebook:
    """Notes with what a model took and refused, told in rows."""

    def __init__(
        self, signature: Signature, example: Case | None, exchanged: Callable[..., Exchange], refusal: RaisedException
    ) -> None:
        self.notes = ColumnNotes.of(signature, example)
        self._exchanged, self._refusal = exchanged, refusal
        if example is not None:
            self.accept(example)

    def accept(self, case: Case) -> None:
        self.notes.note(self._exchanged(case), None)

    def refuse(self, case: Case) -> None:
        exchange = self._exchanged(case, raised=self._refusal)
        self.notes.note(exchange, judge_outcome(exchange))

    def untested(self, domain: Domain = NOWHERE) -> list[str]:
        return list(untested(self.notes, domain))

    def advice(self) -> list[Advice]:
        return list(as_advice(self.notes))


Open = Callable[..., Notebook]


@pytest.fixture
def book(exchanged: Callable[..., Exchange], raised: Callable[..., RaisedException]) -> Open:
    refusal = raised(ValueError("unknown categories"), deliberate=True)

    def opened(signature: Signature, *example: Mapping[str, object]) -> Notebook:
        return Notebook(signature, case_of(example) if example else None, exchanged, refusal)

    return opened


def only(kind: ValueType) -> Signature:
    return signature_of(a=kind)


def row(value: object) -> Case:
    return case_of([{"a": value}])


@pytest.mark.parametrize(
    ("kind", "example", "accepted", "refused", "is_tested"),
    [
        (DataType.STRING, ["basic"], [], ["x"], False),
        (DataType.STRING, ["basic"], ["new"], ["x"], True),
        (DataType.STRING, ["basic", "pro"], [], ["x"], True),  # two levels of a category
        (DataType.STRING, ["basic", "pro"], [], [], False),  # nothing unseen was refused: nothing was tried
        (DataType.STRING, ["basic"], [None], ["x"], False),  # null is no value
        (DataType.STRING, ["null"], ["none"], [], True),
        (DataType.LONG, [1, 2], [], [3], True),
        (DataType.LONG, [1], [], [2], False),
        (DataType.DOUBLE, [1.0, 2.0], [], [3.0], False),  # no category: needs a value beyond the example
        (DataType.DOUBLE, [1.0], [3.0], [], True),
        (DataType.DOUBLE, [0.0], [-0.0, float("nan"), None], [], False),
        (DataType.DATETIME, [np.datetime64("2024-01-01", "ns")], [np.datetime64("NaT", "ns")], [], False),
        (DataType.DATETIME, [np.datetime64("2024-01-01", "ns")], [np.datetime64("2025-01-01", "ns")], [], True),
        (DataType.BOOLEAN, [True], [], [], False),
        (DataType.BOOLEAN, [True], [False], [], True),
        (DataType.BOOLEAN, [True, False], [], [], True),
        (Array(items=DataType.LONG), [[1], [2]], [], [[3]], False),
        (Array(items=DataType.LONG), [[1]], [[1, 2]], [], True),
        (DataType.BINARY, [b"a"], [b"b"], [], True),
        (DataType.BINARY, [b"a"], [], [b"x"], False),
        (DataType.BINARY, [b"a", b"b"], [], [b"x"], True),  # two of a format
        (DataType.BINARY, [b"a", b"b"], [], [], False),
    ],
)
def test_what_counts_as_tested(
    kind: ValueType, example: list[Any], accepted: list[Any], refused: list[Any], is_tested: bool, book: Open
) -> None:
    notebook = book(only(kind), *({"a": value} for value in example))
    for value in accepted:
        notebook.accept(row(value))
    for value in refused:
        notebook.refuse(row(value))
    assert (notebook.untested() == []) is is_tested


def test_without_an_example_one_value_is_a_constant(book: Open) -> None:
    notebook = book(only(DataType.DOUBLE))
    assert notebook.untested() == ['column "a" was only tested on nothing']
    notebook.accept(row(1.0))
    assert notebook.untested() == ['column "a" was only tested on 1.0']
    notebook.accept(row(2.0))
    assert notebook.untested() == []


def test_the_sentence_names_what_was_refused_and_nothing_that_was_taken_elsewhere(book: Open) -> None:
    notebook = book(signature_of(plan=DataType.STRING, age=DataType.LONG), {"plan": "basic", "age": 1})
    notebook.accept(case_of([{"plan": "basic", "age": 2}]))
    for name in ("x", "y", "z", "w"):
        notebook.refuse(case_of([{"plan": name, "age": 2}]))
    assert notebook.untested() == ['column "plan" was only tested on "basic" (refused: "x", "y", "z" and 1 more)']


def test_an_optional_column_that_was_never_there_is_untested(book: Open) -> None:
    spec = ColumnSpec(name="b", type=DataType.STRING, required=False)
    signature = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG), spec)))
    notebook = book(signature, {"a": 1})
    notebook.accept(case_of([{"a": 2, "b": None}]))
    assert notebook.untested() == ['column "b" was only tested on nothing']


@pytest.mark.parametrize(
    ("said", "accepted", "is_tested"),
    [
        (ColumnDomain(values=("basic", "pro")), ["pro"], True),
        (ColumnDomain(values=("basic", "pro")), [], False),
        (ColumnDomain(values=("basic",)), [], True),
        (ColumnDomain(max_length=5), [], False),
        (ColumnDomain(unique=True), ["other"], True),
        (ColumnDomain(unique=True), [], False),
    ],
)
def test_a_declared_domain_says_how_many_values_there_are(
    said: ColumnDomain, accepted: list[str], is_tested: bool, book: Open
) -> None:
    notebook = book(only(DataType.STRING), {"a": "basic"})
    for value in accepted:
        notebook.accept(row(value))
    domain = from_table({"a": said}, origin=Origin.INI, place="")
    assert (notebook.untested(domain) == []) is is_tested


def test_a_range_of_one_number_is_tested_by_it(book: Open) -> None:
    domain = from_table({"a": {"min": 1, "max": 1}}, origin=Origin.INI, place="")
    assert book(only(DataType.LONG), {"a": 1}).untested(domain) == []


def tensor(*values: float) -> Case:
    return Case(payload=Tensors(arrays={None: np.array([values])}), level=Level.PLAUSIBLE)


def test_a_tensor_needs_elements_beyond_those_of_the_example(book: Open, exchanged: Callable[..., Exchange]) -> None:
    signature = Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1, 2)),)))
    notebook = book(signature)
    notebook.notes = ColumnNotes.of(signature, tensor(1.0, 2.0))
    notebook.accept(tensor(1.0, 2.0))
    assert notebook.untested() == ["column 0 was only tested on 1.0, 2.0"]
    notebook.accept(tensor(1.0, 3.0))
    assert notebook.untested() == []


def test_elements_of_any_array_are_found() -> None:
    arrays: dict[str | None, Any] = {
        "object": np.array([["a", None]], dtype=object),
        "list": [[1, [2]], 3],
        "when": np.array(["2024-01-01"], dtype="datetime64[ns]"),
        "one": 5,
    }
    found = cells_of(Case(payload=Tensors(arrays=arrays)), None)
    assert {name: list(cells.values()) for name, cells in found.items()} == {
        "object": ["a", None],
        "list": [1, 2, 3],
        "when": [np.datetime64("2024-01-01", "ns")],
        "one": [5],
    }
    assert cells_of(Case(payload=RawBody(body=b""), params={"k": 1}), None).keys() == {"k"}


def test_types_are_those_of_columns_and_tensors() -> None:
    tensors = Signature(inputs=TensorSchema(tensors=(TensorSpec(name="t", dtype="int64", shape=(-1,)),)))
    assert type_of(only(DataType.LONG), "a") is DataType.LONG
    assert type_of(only(DataType.LONG), "k") is None
    assert (type_of(tensors, "t"), type_of(tensors, "k"), type_of(None, "a")) == ("i", None, None)


def domain_of(advice: Advice) -> object:
    return tomllib.loads(advice.domain)


@pytest.mark.parametrize(
    ("kind", "accepted", "refused", "said"),
    [
        (DataType.STRING, ["basic", "pro"], ["x", ""], {"values": ["basic", "pro"]}),
        (DataType.STRING, ["basic", "x"], ["y" * 9], {"max_length": 5}),
        (DataType.STRING, ["basic", "x"], ["y"], None),
        (DataType.STRING, ["basic", "x"], [None], {"nullable": False}),
        (DataType.LONG, [1, 2], [3], {"values": [1, 2]}),
        (DataType.LONG, [0, 200], [-1, -5], {"min": 0}),
        (DataType.LONG, [0, 200], [201], {"max": 200}),
        (DataType.DOUBLE, [0.5, 2.0, 1.0], [-1.0, 3.0, None], {"min": 0.5, "max": 2.0, "nullable": False}),
        (DataType.DOUBLE, [0.5, 2.0], [1.0], None),
        (DataType.BOOLEAN, [True], [False], {"values": [True]}),
        (DataType.BINARY, [b"a", b"b"], [b"abc"], {"max_length": 1}),
        (Array(items=DataType.LONG), [[1], [1, 2]], [[1, 2, 3]], {"max_length": 2}),
        (
            DataType.DATETIME,
            [np.datetime64("2024-01-01", "ns"), np.datetime64("2025-01-01", "ns")],
            [np.datetime64("1900-01-01", "ns")],
            {"min": "2024-01-01T00:00:00.000000000"},
        ),
    ],
)
def test_the_line_of_a_domain_leaves_out_what_was_refused(
    kind: ValueType, accepted: list[Any], refused: list[Any], said: object, book: Open
) -> None:
    notebook = book(only(kind), {"a": accepted[0]})
    if isinstance(said, dict) and "values" in said:
        notebook = book(only(kind), *({"a": value} for value in accepted))
    for value in accepted[1:]:
        notebook.accept(row(value))
    for value in refused:
        notebook.refuse(row(value))
    (advice,) = notebook.advice()
    assert (advice.column, advice.kind) == ("a", "refused")
    assert "unknown categories" in advice.text
    assert domain_of(advice) == ({"a": said} if said else {})


def test_a_column_whose_unseen_values_are_all_refused_is_taken_for_categorical(book: Open) -> None:
    notebook = book(only(DataType.STRING), {"a": "basic"}, {"a": "pro"})
    assert not is_categorical(notebook.notes, "a")
    notebook.refuse(row("x"))
    assert is_categorical(notebook.notes, "a")
    assert "taken for categorical" in notebook.advice()[0].text
    notebook.accept(row("y"))
    assert not is_categorical(notebook.notes, "a")


def test_advice_is_one_a_column_however_many_requests_show_it(book: Open) -> None:
    notebook = book(signature_of(a=DataType.STRING, b=DataType.LONG), {"a": "x", "b": 1}, {"a": "y", "b": 2})
    for at in range(50):
        notebook.refuse(case_of([{"a": f"new{at}", "b": 1}]))
        notebook.refuse(case_of([{"a": f"new{at}", "b": 50 + at}]))  # b is not to blame: a explains it
    (advice,) = notebook.advice()
    assert advice.column == "a"
    assert "and 47 more" in advice.text


def test_a_refusal_that_no_single_column_explains_stands_for_itself(book: Open) -> None:
    notebook = book(signature_of(a=DataType.LONG, b=DataType.LONG), {"a": 1, "b": 1})
    for at in (5, 6):
        notebook.refuse(case_of([{"a": at, "b": at}]))
    (advice,) = notebook.advice()
    assert (advice.column, advice.kind, advice.domain) == ("", "refused", "")


def test_several_new_values_of_one_column_blame_the_column(book: Open) -> None:
    notebook = book(signature_of(a=DataType.DOUBLE, b=DataType.LONG), {"a": 1.0, "b": 1})
    notebook.refuse(case_of([{"a": 5.0, "b": 1}, {"a": 6.0, "b": 1}]))
    assert [advice.column for advice in notebook.advice()] == ["a"]


def test_a_row_with_two_known_culprits_is_explained(book: Open) -> None:
    notebook = book(signature_of(a=DataType.LONG, b=DataType.LONG), {"a": 1, "b": 1}, {"a": 2, "b": 2})
    for case in ({"a": 9, "b": 1}, {"a": 1, "b": 9}, {"a": 9, "b": 9}):
        notebook.refuse(case_of([case]))
    assert sorted(advice.column for advice in notebook.advice()) == ["a", "b"]


def test_an_absent_column_is_told_so(book: Open) -> None:
    spec = ColumnSpec(name="b", type=DataType.STRING, required=False)
    signature = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.LONG), spec)))
    notebook = book(signature, {"a": 1, "b": "x"})
    notebook.refuse(case_of([{"a": 1}]))
    (advice,) = notebook.advice()
    assert (advice.column, advice.domain) == ("b", "")
    assert "refuses" in advice.text


def test_params_are_columns_too(book: Open) -> None:
    notebook = book(only(DataType.LONG), {"a": 1})
    for k in (1, 5):
        notebook.accept(case_of([{"a": 1}], params={"k": k}))
    notebook.refuse(case_of([{"a": 1}], params={"k": -1}))
    (advice,) = notebook.advice()
    assert domain_of(advice) == {"k": {"min": 1}}


def test_both_kinds_of_one_column_share_one_line(
    book: Open, exchanged: Callable[..., Exchange], raised: Callable[..., RaisedException]
) -> None:
    notebook = book(only(DataType.DOUBLE), {"a": 1.0})
    notebook.accept(row(5.0))
    notebook.refuse(row(-1.0))
    overflow = exchanged(case_of([{"a": 1e308}], level=Level.EXTREME), raised=raised(OverflowError))
    notebook.notes.note(overflow, judge_outcome(overflow))
    advice = notebook.advice()
    assert [one.kind for one in advice] == ["refused", "overflow"]
    assert [domain_of(one) for one in advice] == [{"a": {"min": 1.0, "max": 5.0}}] * 2


def test_an_unnamed_column_goes_by_its_position(book: Open) -> None:
    notebook = book(only(DataType.LONG))
    notebook.notes.cleared[None] = {1: 1, 2: 2}
    assert tomllib.loads(domain_line(notebook.notes, None, {0: 0})) == {"0": {"min": 1}}


def test_values_are_shown_by_their_first() -> None:
    assert shown([]) == ""
    assert shown([1, "x", None, ABSENT]) == '1, "x", null and 1 more'
    assert shown([ABSENT]) == "absent"
