"""The checks of values, around the scoring server's own codec and spy: each planted change is told by its cell."""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.cases import Case, RawBody, Table, Tensors
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.round_trips import (
    NO_CONTENTS,
    NO_SPY,
    NOBODY_READ,
    round_trip_input,
    round_trip_output,
)
from pytest_modelserve.results import Outcome
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

Spied = Callable[..., CheckContext]
NAMES = ("id", "price", "plan", "vip")
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="id", type=DataType.LONG),
            ColumnSpec(name="price", type=DataType.DOUBLE),
            ColumnSpec(name="plan", type=DataType.STRING, required=False),
            ColumnSpec(name="vip", type=DataType.BOOLEAN),
        )
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE, required=False),)),
    params=(ParamSpec(name="temperature", type=DataType.DOUBLE, default=0.5),),
)
EXAMPLE = Table(columns=NAMES, rows=((7, 1.5, "basic", True), (8, 2.5, "pro", False)))
TENSORS = Signature(inputs=TensorSchema(tensors=(TensorSpec(name="x", dtype="float32", shape=(-1, 2)),)))
ENVELOPES = ("dataframe_split", "dataframe_records", "inputs", "instances", "csv")


def healthy(frame: pd.DataFrame) -> object:
    return pd.DataFrame({"y": np.linspace(0.1, 1, len(frame))})


def refusing(frame: pd.DataFrame) -> object:
    if (frame["id"] > 1000).any():
        raise ValueError("unknown id")
    return healthy(frame)


def of_column(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Return a way on which one column changes, where it is there."""
    return lambda frame, _params, _request: (
        frame.assign(**{name: change(frame[name])}) if name in frame.columns else frame
    )


@pytest.mark.parametrize("variant", ENVELOPES)
def test_a_healthy_server_passes_in_every_envelope(variant: str, spied: Spied) -> None:
    result = round_trip_input(spied(healthy, SIGNATURE, example=EXAMPLE), variant)
    assert (result.outcome, result.reason, result.advice, result.failure) == (Outcome.PASSED, "", (), None)
    assert result.name == f"round_trip_input[{variant}]"
    assert 5 < result.requests < 25


def test_what_a_model_refuses_has_arrived_and_is_compared_without_being_sent_again(spied: Spied) -> None:
    result = round_trip_input(spied(refusing, SIGNATURE, example=EXAMPLE, examples=0), "dataframe_split")
    usual = round_trip_input(spied(healthy, SIGNATURE, example=EXAMPLE, examples=0), "dataframe_split")
    assert (result.outcome, result.requests) == (Outcome.PASSED, usual.requests)
    assert result.accepted < usual.accepted


def test_values_of_refused_requests_are_compared(spied: Spied) -> None:
    on_way = of_column("id", lambda ids: ids.astype("float64").astype("int64"))
    result = round_trip_input(spied(refusing, SIGNATURE, example=EXAMPLE, on_way=on_way), "dataframe_split")
    assert result.failure is not None
    assert result.failure.title == (
        '"id": sent 9007199254740993, the model received 9007199254740992 (int64), in dataframe_split'
    )
    assert result.failure.received == "9007199254740992 (int64)"
    assert "decided by schema" in result.failure.text
    assert "1 row x 4 columns in dataframe_split; 1 of 4 cells differ from the input example" in result.failure.request


def cut_to_single(prices: Any) -> Any:
    with np.errstate(over="ignore"):
        return prices.astype("float32").astype("float64")


CHANGES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "an integer through float": ("id", lambda ids: ids.astype("float64"), "9007199254740992.0 (float64)"),
    "a boolean as an integer": ("vip", lambda flags: flags.astype("int64"), '"vip": sent true, the model received 1'),
    "text stripped": ("plan", lambda texts: texts.map(str.strip, na_action="ignore"), '"plan": sent "'),
    "null as text": (
        "plan",
        lambda texts: texts.where(texts.notna(), "nan"),
        '"plan": sent null, the model received "nan"',
    ),
    "NaN filled": ("price", lambda prices: prices.fillna(0.0), '"price": sent null, the model received 0.0 (float64)'),
    "a float cut": ("price", cut_to_single, '"price": sent '),
    "subnormal cut": (
        "price",
        lambda prices: prices.where(prices.abs() > 1e-300, 0 * prices),
        '"price": sent 2.2250738585072014e-308, the model received 0.0 (float64)',
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("variant", ["dataframe_split", "instances"])
def test_a_changed_value_is_told_with_the_smallest_case(name: str, variant: str, spied: Spied) -> None:
    column, change, words = CHANGES[name]
    context = spied(healthy, SIGNATURE, example=EXAMPLE, on_way=of_column(column, change))
    result = round_trip_input(context, variant)
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert words in result.failure.text
    assert result.failure.title.endswith(f"in {variant}")
    assert "1 row x" in result.failure.request


def test_rows_in_another_order_are_told_as_that(spied: Spied) -> None:
    def turned(frame: pd.DataFrame, _params: object, _request: object) -> pd.DataFrame:
        found: pd.DataFrame = frame.iloc[::-1].reset_index(drop=True)
        return found

    result = round_trip_input(spied(healthy, SIGNATURE, example=EXAMPLE, on_way=turned), "dataframe_split")
    assert result.failure is not None
    assert result.failure.title.startswith("the rows: sent in order [0, 1], the model received in order [1, 0]")
    assert "decided by parser" in result.failure.text


def test_a_changed_param_is_told(spied: Spied) -> None:
    def rounded(data: object, params: dict[str, Any], _request: object) -> object:
        params["temperature"] = round(params["temperature"], 1)
        return data

    result = round_trip_input(spied(healthy, SIGNATURE, example=EXAMPLE, on_way=rounded), "dataframe_split")
    assert result.failure is not None
    assert result.failure.title.startswith('param "temperature": sent ')


def test_a_column_in_another_width_is_advice_once(spied: Spied) -> None:
    narrow = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.FLOAT),)))
    example = Table(columns=("a",), rows=((1.5,),))
    on_way = of_column("a", lambda column: column.astype("float64"))
    result = round_trip_input(spied(healthy, narrow, example=example, on_way=on_way), "dataframe_split")
    assert result.outcome is Outcome.PASSED
    assert [one.text for one in result.advice] == [
        "column a is declared float32 and arrives as float64, which changed no value of it"
    ]


def test_a_column_in_another_width_is_a_failure_where_strict(spied: Spied) -> None:
    narrow = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="id", type=DataType.INTEGER),)))
    example = Table(columns=("id",), rows=((0,),))
    wide = of_column("id", lambda column: column.astype("int64"))
    result = round_trip_input(spied(healthy, narrow, example=example, on_way=wide, strict=True), "dataframe_split")
    assert result.failure is not None
    assert result.failure.title == 'the dtype of "id": sent int32, the model received int64, in dataframe_split'


def test_tensors_are_compared(spied: Spied) -> None:
    def predict(arrays: dict[str, Any]) -> object:
        return arrays["x"].sum(axis=1).astype("float64")

    example = Tensors(arrays={"x": np.array([[1.5, 2.5]], dtype="float32")})
    assert round_trip_input(spied(predict, TENSORS, example=example), "inputs").outcome is Outcome.PASSED

    def wide(arrays: dict[str, Any], _params: object, _request: object) -> object:
        return {"x": arrays["x"].astype("float64")}

    result = round_trip_input(spied(predict, TENSORS, example=example, on_way=wide), "inputs")
    assert result.failure is not None
    assert result.failure.title == ('the dtype of tensor "x": sent float32, the model received float64, in inputs')


def test_a_request_that_costs_the_server_ends_the_check_without_a_second_failure(spied: Spied) -> None:
    def dying(frame: pd.DataFrame) -> object:
        if (frame["id"] > 1000).any():
            raise ConnectionResetError("gone")
        return healthy(frame)

    for run in (round_trip_input, round_trip_output):
        result = run(spied(dying, SIGNATURE, example=EXAMPLE), "dataframe_split")
        assert result.outcome is Outcome.INCONCLUSIVE
        assert result.failure is None
        assert "which accepts_valid tells" in result.reason


def test_a_server_without_a_spy_or_without_its_contents_is_left_out(
    spied: Spied, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = spied(healthy, SIGNATURE, example=EXAMPLE, is_recording=False)
    for result in (round_trip_input(context, "inputs"), round_trip_output(context, "")):
        assert (result.outcome, result.applies, result.reason) == (Outcome.SKIPPED, False, NO_CONTENTS)
    monkeypatch.setattr(type(context.served), "has_spy", False)
    for result in (round_trip_input(context, "inputs"), round_trip_output(context, "")):
        assert (result.outcome, result.applies, result.reason, result.requests) == (Outcome.SKIPPED, False, NO_SPY, 0)


def test_a_stored_case_whose_rows_cannot_be_read_back_is_left_out(spied: Spied) -> None:
    body = json.dumps({"dataframe_split": {"columns": list(NAMES), "data": [[7, 1.5, "a", True]]}}).encode()
    context = spied(healthy, SIGNATURE, example=EXAMPLE)
    stored = Case(payload=RawBody(body=body))
    object.__setattr__(context, "cases", (stored,))
    result = round_trip_input(context, "dataframe_split")
    assert (result.outcome, result.requests) == (Outcome.SKIPPED, 0)


def test_a_healthy_models_answers_pass(spied: Spied) -> None:
    result = round_trip_output(spied(healthy, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.reason, result.advice, result.failure) == (Outcome.PASSED, "", (), None)
    refused = round_trip_output(spied(refusing, SIGNATURE, example=EXAMPLE), "")
    assert (refused.outcome, refused.advice) == (Outcome.PASSED, ())


def test_a_number_cut_by_the_encoder_is_told_with_its_place(spied: Spied) -> None:
    def cut(body: bytes) -> bytes:
        rows = json.loads(body)["predictions"]
        return json.dumps({"predictions": [{"y": round(row["y"], 3)} for row in rows]}).encode()

    result = round_trip_output(
        spied(lambda frame: pd.DataFrame({"y": [1 / 3] * len(frame)}), SIGNATURE, example=EXAMPLE, on_return=cut), ""
    )
    assert result.failure is not None
    assert result.failure.title == (
        'predictions[0]["y"]: the model returned 0.3333333333333333 (float64), the client received 0.333'
    )
    assert "decided by encoder" in result.failure.text


def test_a_value_that_json_cannot_carry_is_named(spied: Spied) -> None:
    result = round_trip_output(
        spied(lambda frame: [decimal.Decimal("1.1")] * len(frame), SIGNATURE, example=EXAMPLE), ""
    )
    assert result.failure is not None
    assert result.failure.title == (
        "predictions[0]: the model returned Decimal('1.1'), a decimal.Decimal, which JSON cannot carry"
    )
    assert result.failure.response.startswith("500")
    assert "decided by encoder" in result.failure.text


def test_an_answer_that_is_no_strict_json_is_told(spied: Spied) -> None:
    bare = spied(healthy, SIGNATURE, example=EXAMPLE, on_return=lambda _body: b'{"predictions": [{"y": NaN}]}')
    result = round_trip_output(bare, "")
    assert result.failure is not None
    assert "bare NaN" in result.failure.title


def test_answers_in_no_known_form_are_left_to_the_output_schema(spied: Spied) -> None:
    context = spied(healthy, SIGNATURE, example=EXAMPLE, on_return=lambda _body: b"[1]")
    result = round_trip_output(context, "")
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, NOBODY_READ)


def growing(frame: pd.DataFrame) -> object:
    with np.errstate(over="ignore"):
        return pd.DataFrame({"y": frame["price"] * 1e300})


def test_an_infinity_for_tame_inputs_is_a_failure_that_says_so(spied: Spied) -> None:
    result = round_trip_output(
        spied(lambda frame: pd.DataFrame({"y": [np.inf] * len(frame)}), SIGNATURE, example=EXAMPLE), ""
    )
    assert result.failure is not None
    assert result.failure.title == (
        'predictions[0]["y"]: the model returned Infinity (float64), which JSON cannot carry: null came'
    )


def test_an_infinity_for_inputs_far_out_is_advice_and_a_failure_where_strict(spied: Spied) -> None:
    result = round_trip_output(spied(growing, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.failure) == (Outcome.PASSED, None)
    assert [one.text for one in result.advice] == [
        "the output y is Infinity (float64) for some inputs far out, for which JSON has only null",
        "the output y is -Infinity (float64) for some inputs far out, for which JSON has only null",
    ][: len(result.advice)]
    assert result.advice
    strict = round_trip_output(spied(growing, SIGNATURE, example=EXAMPLE, strict=True), "")
    assert strict.failure is not None
    assert "which JSON cannot carry" in strict.failure.title
