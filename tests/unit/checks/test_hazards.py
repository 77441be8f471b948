"""The hazards of a model's columns: each known deviation of a server, with the columns in which it can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_modelserve.cases import Table
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.hazards import hazards_of, shown_hazards
from pytest_modelserve.server.deviations import DEVIATIONS
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import (
    ColumnSchema,
    ColumnSpec,
    ParamSpec,
    Signature,
    TensorSchema,
    TensorSpec,
)

SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="age", type=DataType.LONG),
            ColumnSpec(name="flag", type=DataType.BOOLEAN, required=False),
            ColumnSpec(name="day", type=DataType.DATETIME),
        )
    ),
    params=(ParamSpec(name="scale", type=DataType.DOUBLE, default=2.0),),
)
EXAMPLE = Table(columns=("age", "flag", "day"), rows=((1, True, "2024-01-01T00:00:00"),))

Serve = Callable[..., CheckContext]


def found(serve: Serve, version: str | None, **changes: Any) -> dict[str, tuple[str | int, ...]]:
    context = serve(lambda rows: rows, changes.get("signature", SIGNATURE), example=changes.get("example", EXAMPLE))
    model = replace(context.model, mlflow_version=version)
    return {one.deviation.id: one.columns for one in hazards_of(model, context.example_case)}


def test_each_column_is_named_where_its_type_makes_it_one(serve: Serve) -> None:
    hazards = found(serve, "3.17.2")
    assert hazards["text_is_true"] == ("flag",)
    assert hazards["integer_wraps"] == ("age",)
    assert hazards["number_is_date"] == ("day",)
    assert hazards["param_overflows"] == ("scale",)
    assert hazards["text_is_true_on_mlserver"] == ("flag",)


def test_a_report_has_each_with_its_server_and_columns(serve: Serve) -> None:
    context = serve(lambda rows: rows, SIGNATURE, example=EXAMPLE)
    model = replace(context.model, mlflow_version="3.17.2")
    shown = shown_hazards(model, context.example_case)
    assert [(one.id, one.columns) for one in shown] == [*found(serve, "3.17.2").items()]
    by_id = {one.id: one for one in DEVIATIONS}
    assert all(
        (one.server, one.versions, one.what, one.link)
        == (by_id[one.id].server, by_id[one.id].versions, by_id[one.id].what, by_id[one.id].link)
        for one in shown
    )


def test_what_shows_by_cells_is_named_with_the_columns_that_can_have_such(serve: Serve) -> None:
    hazards = found(serve, "3.17.2")
    assert hazards["dates_of_two_forms"] == hazards["dates_of_two_forms_on_mlserver"] == ("day",)
    assert hazards["csv_takes_no_date_on_mlserver"] == ("day",)
    assert hazards["csv_null_in_booleans_fails"] == ("flag",)
    assert "null_in_bytes_fails" not in hazards


def test_what_no_column_can_show_is_left_out(serve: Serve) -> None:
    hazards = found(serve, "3.17.2")
    assert "number_stays_in_text" not in hazards  # no column of text
    assert not {one.id for one in DEVIATIONS if not one.rules and not one.types} & set(hazards)


@pytest.mark.parametrize("version", [None, "1.30.0", "odd"])
def test_of_mlflow_only_the_version_counts_that_saved_the_model(serve: Serve, version: str | None) -> None:
    servers = {one.id: one.server for one in DEVIATIONS}
    assert {servers[name] for name in found(serve, version)} == {"mlserver"}


def test_without_an_example_only_what_types_show_is_known(serve: Serve) -> None:
    hazards, all_known = found(serve, "3.17.2", example=None), found(serve, "3.17.2")
    assert "text_is_true" not in hazards
    assert set(hazards) < set(all_known)


def test_a_model_without_a_signature_has_none_that_are_known(serve: Serve) -> None:
    assert found(serve, "3.17.2", signature=None, example=None) == {}


def test_columns_that_are_declared_alike_share_their_hazards(serve: Serve) -> None:
    columns = tuple(ColumnSpec(name=f"c{at}", type=(DataType.DOUBLE, DataType.BOOLEAN)[at % 2]) for at in range(300))
    example = Table(columns=tuple(f"c{at}" for at in range(300)), rows=((1.5, True) * 150,))
    signature = replace(SIGNATURE, inputs=ColumnSchema(columns=columns))
    hazards = found(serve, "3.17.2", signature=signature, example=example)
    assert hazards["text_is_true"] == tuple(f"c{at}" for at in range(1, 300, 2))
    assert hazards["param_overflows"] == ("scale",)


def test_a_tensor_that_json_cannot_carry_has_none(serve: Serve) -> None:
    inputs = TensorSchema(tensors=(TensorSpec(name="x", dtype="complex64", shape=(-1, 2)),))
    context = serve(lambda rows: rows, SIGNATURE)
    model = replace(context.model, mlflow_version="3.17.2", signature=Signature(inputs=inputs))
    assert list(hazards_of(model, None)) == []
