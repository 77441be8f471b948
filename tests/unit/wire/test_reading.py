"""Any answer under any schema: the breaches and the typed predictions tell the same story."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_modelserve.errors import DecodeError
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property, SparkMLVector
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, Schema, TensorSchema, TensorSpec
from pytest_modelserve.wire.breach import BreachKind
from pytest_modelserve.wire.breaches import breaches
from pytest_modelserve.wire.predictions import Predictions

_NAMES = ("a", "b", "0", "1")
_SCALARS = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, -1, 2**31, 2**63, 10**400, 0.0, -0.0, 1.0, 1.5, 1e39, 1e308])
    | st.sampled_from(["", "a", "aGk=", "2024-01-02", "2024-01-02T03:04:05.5", "NaT", "9999-12-31", "x\0", "\ud800"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), part, max_size=3),
    max_leaves=8,
)
_TYPES = st.recursive(
    st.sampled_from([*DataType, AnyType(), SparkMLVector()]),
    lambda part: (
        part.map(lambda kind: Array(items=kind))
        | part.map(lambda kind: Map(values=kind))
        | st.tuples(part, st.booleans()).map(
            lambda drawn: Object(properties=(Property(name="a", type=drawn[0], required=drawn[1]),))
        )
    ),
    max_leaves=2,
)


@st.composite
def _schemas(draw: st.DrawFn) -> Schema:
    named = draw(st.booleans())
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3, unique=True)) if named else [None]
    if draw(st.booleans()):
        dtypes = st.sampled_from(
            ["float32", "float64", "int64", "uint8", "bool", "str", "bytes", "object", "datetime64[ns]"]
        )
        shapes = st.lists(st.sampled_from([-1, 1, 2]), max_size=3).map(tuple)
        return TensorSchema(
            tensors=tuple(TensorSpec(name=name, dtype=draw(dtypes), shape=draw(shapes)) for name in names)
        )
    if not named:
        names = [None] * draw(st.integers(1, 2))
    return ColumnSchema(
        columns=tuple(ColumnSpec(name=name, type=draw(_TYPES), required=draw(st.booleans())) for name in names)
    )


def _readers(predictions: Predictions) -> list[Callable[[], object]]:
    return [predictions.to_list, predictions.to_numpy, predictions.to_pandas]


@given(_VALUES, _schemas())
def test_predictions_are_read_exactly_where_nothing_is_breached(document: object, schema: Schema) -> None:
    found = breaches(document, schema)
    readable = all(breach.kind in {BreachKind.NULL, BreachKind.EXTRA} for breach in found)

    for read in _readers(Predictions(raw=document, schema=schema)):
        if readable:
            read()
        else:
            with pytest.raises(DecodeError):
                read()


@given(_VALUES, _schemas(), st.integers(0, 4))
def test_a_row_count_only_adds_breaches(document: object, schema: Schema, n_rows: int) -> None:
    without, counted = breaches(document, schema), breaches(document, schema, n_rows)

    assert len(counted) >= len(without)
    assert all(breach.path.startswith("predictions") and breach.expected for breach in counted)


@given(_VALUES)
@example(10**400)
def test_without_a_schema_any_answer_is_read(document: object) -> None:
    for read in _readers(Predictions(raw=document)):
        read()
