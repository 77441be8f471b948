"""The public strategies draw only what the signature allows, and shrink to the smallest case by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from pytest_modelserve.cases import Level, Table, Tensors
from pytest_modelserve.domain import ColumnDomain, Domain, Origin, from_table
from pytest_modelserve.errors import ModelServeError, SignatureError
from pytest_modelserve.signature.datatypes import DataType, ValueType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies import (
    chat_messages,
    elements,
    from_signature,
    params_from_signature,
    tables,
    tensors,
    values,
)
from pytest_modelserve.strategies.levels import level_of

QUICK = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
FINDING = settings(max_examples=4_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def domain(columns: Mapping[str, ColumnDomain], origin: Origin = Origin.MARKER) -> Domain:
    return from_table(columns, origin=origin, place="the marker")


def table_found(signature: Signature, condition: Callable[[Table], bool], **kwargs: object) -> Table:
    strategy = from_signature(signature, **{"max_rows": 4, **kwargs})  # type: ignore[arg-type]
    found = find(
        strategy,
        lambda payload: isinstance(payload, Table) and condition(payload),
        settings=FINDING,
        random=Random(1),  # how far Hypothesis gets depends a little on where it starts
    )
    assert isinstance(found, Table)
    return found


@pytest.mark.parametrize("level", Level)
def test_every_payload_is_valid(
    signature: Signature, level: Level, valid_payload: Callable[[Signature, object], bool]
) -> None:
    @QUICK
    @given(from_signature(signature, level=level))
    def check(payload: Table | Tensors) -> None:
        assert valid_payload(signature, payload)

    check()


@pytest.mark.parametrize("level", [Level.PLAUSIBLE, Level.EXTREME])
def test_every_value_is_valid_and_within_its_level(
    kind: ValueType, level: Level, valid_value: Callable[[ValueType, object], bool]
) -> None:
    @settings(QUICK, max_examples=25)
    @given(values(kind, level=level))
    def check(value: object) -> None:
        assert valid_value(kind, value)
        assert level_of(value) <= level

    check()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (DataType.INTEGER, ColumnDomain(min=-5, max=5)),
        (DataType.INTEGER, ColumnDomain(min=2_000_000_000)),
        (DataType.LONG, ColumnDomain(min=-(2**63), max=-(2**62))),
        (DataType.LONG, ColumnDomain(max=0.5)),
        (DataType.DOUBLE, ColumnDomain(min=0, max=1e-20)),
        (DataType.DOUBLE, ColumnDomain(min=1e300)),
        (DataType.FLOAT, ColumnDomain(min=0.1, max=0.3)),
        (DataType.FLOAT, ColumnDomain(values=(0.5, 1.5))),
        (DataType.STRING, ColumnDomain(pattern="[A-Z]{2}[0-9]+", max_length=5)),
        (DataType.STRING, ColumnDomain(max_length=3)),
        (DataType.STRING, ColumnDomain(values=("a", "b"), nullable=True)),
        (DataType.BINARY, ColumnDomain(max_length=2)),
        (DataType.DATETIME, ColumnDomain(min=np.datetime64("2024-01-01", "ns"), max=np.datetime64("2024-01-02", "ns"))),
        (DataType.DATETIME, ColumnDomain(min=np.datetime64("2250-01-01", "ns"))),
        (DataType.BOOLEAN, ColumnDomain(values=(True,))),
    ],
)
@pytest.mark.parametrize("level", Level)
def test_the_domain_is_kept(
    kind: DataType, said: ColumnDomain, level: Level, valid_value: Callable[[ValueType, object], bool]
) -> None:
    @QUICK
    @given(values(kind, domain=said, level=level))
    def check(value: object) -> None:
        assert said.contains(value)
        assert valid_value(kind, value)

    check()


def test_one_bad_cell_shrinks_to_one_row_of_plain_values(table_of: Callable[..., Signature]) -> None:
    signature = table_of(a=DataType.LONG, b=DataType.DOUBLE, c=DataType.STRING)
    found = table_found(signature, lambda table: any(row[0] > 1_000 for row in table.rows))  # type: ignore[operator]
    assert found.rows == ((1_001, 0.0, ""),)


def test_two_bad_cells_of_a_row_shrink_to_them(table_of: Callable[..., Signature]) -> None:
    signature = table_of(a=DataType.LONG, b=DataType.STRING, c=DataType.DOUBLE, d=DataType.BOOLEAN)
    found = table_found(signature, lambda table: any(row[0] == 0 and len(str(row[1])) >= 2 for row in table.rows))
    assert [row for row in found.rows if row != (0, "", 0.0, False)] == [(0, "00", 0.0, False)]


def test_a_bug_from_the_third_row_on_shrinks_to_three_rows(table_of: Callable[..., Signature]) -> None:
    found = table_found(table_of(a=DataType.LONG, b=DataType.STRING), lambda table: len(table.rows) >= 3)
    assert found.rows == ((0, ""),) * 3


def test_what_does_not_matter_shrinks_to_the_example(table_of: Callable[..., Signature]) -> None:
    example = Table(columns=("a", "b"), rows=((30, "basic"), (41, "pro")))
    signature = table_of(a=DataType.LONG, b=DataType.STRING)
    found = table_found(signature, lambda table: any(row[1] == "" for row in table.rows), example=example)
    assert found.rows == ((30, ""),)


def test_the_level_example_draws_nothing_but_the_example(table_of: Callable[..., Signature]) -> None:
    example = Table(columns=("a", "b"), rows=((30, "basic"), (41, "pro")))

    @QUICK
    @given(from_signature(table_of(a=DataType.LONG, b=DataType.STRING), example=example, level=Level.EXAMPLE))
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Table)
        assert all(row[0] in {30, 41} and row[1] in {"basic", "pro"} for row in payload.rows)

    check()


def test_own_strategies_win(table_of: Callable[..., Signature]) -> None:
    @QUICK
    @given(
        from_signature(
            table_of(age=DataType.LONG, name=DataType.STRING),
            columns={"age": st.integers(7, 9)},
            domain=domain({"age": ColumnDomain(max=0)}),
            min_rows=2,
            max_rows=3,
        )
    )
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Table)
        assert 2 <= len(payload.rows) <= 3
        assert all(row[0] in {7, 8, 9} for row in payload.rows)

    check()


def test_an_unknown_column_offers_the_one_that_was_meant(table_of: Callable[..., Signature]) -> None:
    with pytest.raises(ModelServeError) as caught:
        from_signature(table_of(age=DataType.LONG), columns={"agee": st.just(1)})
    assert caught.value.fix == 'Did you mean "age"?'


def test_a_model_without_inputs_has_nothing_to_draw() -> None:
    with pytest.raises(SignatureError):
        from_signature(Signature())


def test_optional_columns_are_absent_and_null_at_times() -> None:
    signature = Signature(
        inputs=ColumnSchema(
            columns=(
                ColumnSpec(name="a", type=DataType.LONG),
                ColumnSpec(name="b", type=DataType.STRING, required=False),
            )
        )
    )
    assert table_found(signature, lambda table: "b" not in table.columns).columns == ("a",)
    assert table_found(signature, lambda table: any(None in row for row in table.rows)).rows == ((0, None),)


def test_a_domain_forbids_nulls() -> None:
    signature = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="b", type=DataType.STRING, required=False),)))

    @settings(QUICK, max_examples=50)
    @given(from_signature(signature, domain=domain({"b": ColumnDomain(nullable=False)})))
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Table)
        assert all(None not in row for row in payload.rows)

    check()


def test_unique_columns_hold_no_value_twice(table_of: Callable[..., Signature]) -> None:
    @QUICK
    @given(
        from_signature(
            table_of(id=DataType.LONG, x=DataType.BOOLEAN),
            domain=domain({"id": ColumnDomain(min=0, max=9, unique=True)}),
        )
    )
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Table)
        assert len({row[0] for row in payload.rows}) == len(payload.rows)

    check()


def test_wide_tables_still_have_rows(wide: Callable[[int], Signature]) -> None:
    sizes = []

    @settings(QUICK, max_examples=20, phases=[Phase.generate])
    @given(from_signature(wide(300)))
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Table)
        sizes.append(len(payload.rows))

    check()
    assert max(sizes) > 5


def test_tables_stand_alone() -> None:
    found = find(tables({"x": st.integers(), "y": st.booleans()}), lambda table: True)
    assert found == Table(columns=("x", "y"), rows=((0, False),))


def test_all_optional_columns_are_never_absent_together() -> None:
    @settings(QUICK, max_examples=60)
    @given(tables({"x": st.just(1), "y": st.just(2)}, optional=["x", "y"]))
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Table)
        assert payload.columns

    check()


def test_tensors_shrink_to_one_row_of_zeros_but_for_the_bad_element() -> None:
    schema = TensorSchema(tensors=(TensorSpec(name=None, dtype="int64", shape=(-1, 2)),))
    found = find(
        tensors(schema),
        lambda payload: isinstance(payload, Tensors) and bool((np.asarray(payload.arrays[None]) > 100).any()),
        settings=FINDING,
    )
    assert isinstance(found, Tensors)
    assert sorted(np.asarray(found.arrays[None]).ravel().tolist()) == [0, 101]


def test_large_tensors_shrink_to_the_example_but_for_the_bad_element() -> None:
    schema = TensorSchema(tensors=(TensorSpec(name=None, dtype="float32", shape=(-1, 28, 28)),))
    example = Tensors(arrays={None: np.full((1, 28, 28), 0.5, dtype=np.float32)})
    found = find(
        tensors(schema, example=example),
        lambda payload: isinstance(payload, Tensors) and bool((np.asarray(payload.arrays[None]) < 0).any()),
        settings=FINDING,
    )
    assert isinstance(found, Tensors)
    array = np.asarray(found.arrays[None])
    assert array.shape == (1, 28, 28)
    assert int((array != np.float32(0.5)).sum()) == 1


def test_free_dimensions_are_the_same_in_all_tensors(tensor_signature: Signature) -> None:
    schema = TensorSchema(
        tensors=(
            TensorSpec(name="ids", dtype="int64", shape=(-1, -1)),
            TensorSpec(name="mask", dtype="int64", shape=(-1, -1)),
        )
    )

    @QUICK
    @given(tensors(schema))
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Tensors)
        assert len({np.asarray(array).shape for array in payload.arrays.values()}) == 1

    check()


def test_own_elements_of_a_tensor_win() -> None:
    signature = Signature(inputs=TensorSchema(tensors=(TensorSpec(name="x", dtype="float32", shape=(-1, 2)),)))

    @QUICK
    @given(from_signature(signature, columns={"x": st.just(2.0)}))
    def check(payload: Table | Tensors) -> None:
        assert isinstance(payload, Tensors)
        assert (np.asarray(payload.arrays["x"]) == 2.0).all()

    check()


@pytest.mark.parametrize(
    ("dtype", "said", "low", "high"),
    [
        ("uint8", ColumnDomain(min=10, max=20), 10, 20),
        ("float32", ColumnDomain(min=0, max=1), 0, 1),
        ("int64", ColumnDomain(values=(3, 4)), 3, 4),
        ("uint64", ColumnDomain(max=5.5), 0, 5),
    ],
)
def test_a_domain_narrows_elements(dtype: str, said: ColumnDomain, low: float, high: float) -> None:
    @QUICK
    @given(elements(TensorSpec(name=None, dtype=dtype, shape=(-1,)), domain=said))
    def check(value: object) -> None:
        assert isinstance(value, int | float)
        assert low <= value <= high

    check()


def test_a_dtype_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(SignatureError) as caught:
        elements(TensorSpec(name="z", dtype="complex128", shape=(-1,)))
    assert caught.value.facts["dtype"] == "complex128"


def test_params_are_valid_and_absent_at_times(
    everything: Signature, valid_params: Callable[[Signature, Mapping[str, object]], bool]
) -> None:
    @settings(QUICK, max_examples=40)
    @given(params_from_signature(everything, level=Level.EXTREME))
    def check(params: dict[str, object]) -> None:
        assert valid_params(everything, params)

    check()
    assert find(params_from_signature(everything), lambda params: True) == {}


def test_datetime_params_are_as_fine_as_python_holds_them(everything: Signature) -> None:
    @settings(QUICK, max_examples=40)
    @given(params_from_signature(everything, level=Level.EXTREME))
    def check(params: dict[str, object]) -> None:
        since = params.get("since", np.datetime64(0, "ns"))
        assert isinstance(since, np.datetime64)
        assert since.astype("datetime64[us]") == since

    check()


def test_params_are_not_raised_beyond_the_factor(everything: Signature) -> None:
    @settings(QUICK, max_examples=40)
    @given(
        params_from_signature(
            everything, raised=10, params={"mode": st.just("slow")}, domain=domain({"max_tokens": ColumnDomain(min=1)})
        )
    )
    def check(params: dict[str, object]) -> None:
        assert params.get("mode", "slow") == "slow"
        tokens = params.get("max_tokens", 1)
        assert isinstance(tokens, int)
        assert 1 <= tokens <= 200

    check()


def test_a_conversation_takes_turns_and_ends_with_the_user() -> None:
    @settings(QUICK, max_examples=50)
    @given(chat_messages(max_size=5))
    def check(messages: list[dict[str, str]]) -> None:
        roles = [message["role"] for message in messages]
        turns = roles[1:] if roles[0] == "system" else roles
        assert turns[-1] == "user"
        assert all(left != right for left, right in pairwise(turns))

    check()
