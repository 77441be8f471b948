"""The same rows in every form: a difference is told once, with whose fault it is."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.cases import Case, Envelope, Table, Tensors
from pytest_modelserve.checks.anchor import STOCHASTIC, UNSTEADY
from pytest_modelserve.checks.context import CheckContext
from pytest_modelserve.checks.envelopes import CHANGED, envelopes_agree, why_one_envelope
from pytest_modelserve.checks.forms import all_forms, as_plain, form_of
from pytest_modelserve.checks.recorded import RecordedColumn, RecordedSeries, RecordedTable
from pytest_modelserve.checks.recorded_key import recorded_key
from pytest_modelserve.checks.searches import valid_envelopes
from pytest_modelserve.checks.table import BY_NAME, run_check
from pytest_modelserve.results import Outcome
from pytest_modelserve.server.deviations import Deviation, deviations_of
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

Spied = Callable[..., CheckContext]
SIGNATURE = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="a", type=DataType.DOUBLE),
            ColumnSpec(name="b", type=DataType.LONG),
            ColumnSpec(name="c", type=DataType.STRING, required=False),
        )
    ),
    outputs=ColumnSchema(columns=(ColumnSpec(name="y", type=DataType.DOUBLE, required=False),)),
    params=(ParamSpec(name="scale", type=DataType.DOUBLE, default=2.0),),
)
EXAMPLE = Table(columns=("a", "b", "c"), rows=((1.5, 7, "x"), (2.5, 8, "y"), (0.5, 9, None)))
TENSORS = Signature(
    inputs=TensorSchema(tensors=(TensorSpec(name="t", dtype="float32", shape=(-1, 2)),)),
    outputs=TensorSchema(tensors=(TensorSpec(name=None, dtype="float64", shape=(-1,)),)),
)
UNNAMED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.DOUBLE),) * 2))
HINTED = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=DataType.LONG),)), is_from_type_hint=True)


def healthy(frame: pd.DataFrame) -> object:
    return pd.DataFrame({"y": frame["a"].to_numpy() + frame["b"].to_numpy() / 1e3})


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content) if request.headers["content-type"].startswith("application/json") else {}


def in_envelope(name: str, change: Callable[[Any], Any]) -> Callable[[Any, Any, httpx.Request], Any]:
    return lambda data, _params, request: change(data) if name in body_of(request) else data


def test_a_healthy_model_agrees_with_itself(spied: Spied) -> None:
    context = spied(healthy, SIGNATURE, example=EXAMPLE, examples=100)
    result = envelopes_agree(context, "")
    assert (result.outcome, result.reason, result.failure, result.advice) == (Outcome.PASSED, "", None, ())
    assert result.requests < 60


def test_tensors_agree(spied: Spied) -> None:
    example = Tensors(arrays={"t": np.array([[1.5, 2.5]], dtype="float32")})
    context = spied(lambda arrays: arrays["t"].sum(axis=1).astype("float64"), TENSORS, example=example)
    assert envelopes_agree(context, "").outcome is Outcome.PASSED


def test_an_envelope_that_changes_values_is_told_with_what_arrived(spied: Spied) -> None:
    on_way = in_envelope("instances", lambda frame: frame.assign(a=frame["a"].astype("float32").astype("float64") + 1))
    with np.errstate(over="ignore"):
        result = envelopes_agree(spied(healthy, SIGNATURE, example=EXAMPLE, on_way=on_way), "")
    assert result.outcome is Outcome.FAILED
    assert result.failure is not None
    assert result.failure.title.startswith(
        '"a": sent 1.5, the model received 2.5 (float64) in instances, and the answers'
    )
    assert "decided by schema" in result.failure.text
    assert "1 row x 3 columns in instances" in result.failure.request


def lengths(frame: pd.DataFrame) -> object:
    """Tell text from text, and a missing value from both."""
    return pd.DataFrame({"y": [float(len(text)) if isinstance(text, str) else -1.0 for text in frame["c"]]})


def choosy(frame: pd.DataFrame) -> object:
    if "None" in set(frame["c"]):
        raise ValueError("no such category")
    return lengths(frame)


def with_text_for_null(frame: Any) -> Any:
    return frame.assign(c=[text if isinstance(text, str) else "None" for text in frame["c"]])


def with_null_for_text(frame: Any) -> Any:
    cells = [text if isinstance(text, str) and text else float("nan") for text in frame["c"]]
    return frame.assign(c=pd.Series(cells, dtype="object"))


def in_csv(change: Callable[[Any], Any]) -> Callable[[Any, Any, httpx.Request], Any]:
    return lambda data, _params, request: change(data) if request.headers["content-type"] == "text/csv" else data


def of_mlflow(*names: str) -> tuple[Deviation, ...]:
    return tuple(one for one in deviations_of("mlflow", "3.17.2") if one.id in names)


ITS_OWN = in_envelope("inputs", with_text_for_null)
IN_CSV = in_csv(with_null_for_text)
ON_PLAIN = in_envelope("dataframe_split", with_text_for_null)
EMPTY = Table(columns=EXAMPLE.columns, rows=((1.5, 7, ""), (2.5, 8, "y")))


@pytest.mark.parametrize(
    ("example", "on_way", "predict", "names", "shown"),
    [
        (EXAMPLE, ITS_OWN, lengths, ("null_is_text", "csv_text_is_missing"), ["null_is_text"]),
        (EXAMPLE, ITS_OWN, choosy, ("null_is_text",), ["null_is_text"]),
        (EMPTY, IN_CSV, lengths, ("null_is_text", "csv_text_is_missing"), ["csv_text_is_missing"]),
        (EXAMPLE, ITS_OWN, lengths, (), []),
        (EXAMPLE, ITS_OWN, lengths, ("csv_text_is_missing",), []),
        (EXAMPLE, ON_PLAIN, lengths, ("null_is_text",), []),
        (EXAMPLE, in_envelope("inputs", lambda frame: frame.assign(c="x")), lengths, ("null_is_text",), []),
    ],
)
def test_a_value_that_a_server_is_known_to_change_is_told_as_that(
    example: Table,
    on_way: Callable[[Any, Any, httpx.Request], Any],
    predict: Callable[[Any], object],
    names: tuple[str, ...],
    shown: list[str],
    spied: Spied,
) -> None:
    context = replace(spied(predict, SIGNATURE, example=example, on_way=on_way), known=of_mlflow(*names))
    result = run_check(context, BY_NAME["envelopes_agree"], "")
    assert [one.id for one in result.deviations] == shown
    assert (result.outcome, result.reason) == (Outcome.PASSED if shown else Outcome.FAILED, ""), result.failure


def test_an_envelope_that_swaps_rows_is_told(spied: Spied) -> None:
    on_way = in_envelope("dataframe_records", lambda frame: frame.iloc[::-1].reset_index(drop=True))
    result = envelopes_agree(spied(healthy, SIGNATURE, example=EXAMPLE, on_way=on_way), "")
    assert result.failure is not None
    assert result.failure.title.startswith("the rows: sent in order [0, 1], the model received in order [1, 0]")


def test_columns_taken_by_position_are_told(spied: Spied) -> None:
    def by_position(data: Any, _params: object, request: httpx.Request) -> Any:
        columns = body_of(request).get("dataframe_split", {}).get("columns")
        return data.set_axis(["b", "a", "c"], axis=1)[["a", "b", "c"]] if columns == ["c", "b", "a"] else data

    result = envelopes_agree(spied(healthy, SIGNATURE, example=EXAMPLE, on_way=by_position), "")
    assert result.failure is not None
    assert "in dataframe_split with columns in another order, and the answers differ" in result.failure.title


def test_a_model_that_looks_at_row_labels_is_to_blame_itself(spied: Spied) -> None:
    def labelled(frame: pd.DataFrame) -> object:
        return pd.DataFrame({"y": frame["a"].to_numpy() + frame.index.to_numpy() * 0.1})

    def with_labels(data: Any, _params: object, request: httpx.Request) -> Any:
        labels = body_of(request).get("dataframe_split", {}).get("index")
        return data if labels is None else data.set_axis(labels)

    result = envelopes_agree(spied(labelled, SIGNATURE, example=EXAMPLE, on_way=with_labels), "")
    assert result.failure is not None
    assert result.failure.title.startswith(
        "the same rows get another answer in dataframe_split with row labels than in dataframe_split, "
        "although they reach the model alike: "
    )
    assert "decided by model" in result.failure.text


def test_other_dtypes_of_the_same_values_are_told_as_that(spied: Spied) -> None:
    def typed(frame: pd.DataFrame) -> object:
        return pd.DataFrame({"y": [float(np.dtype(str(frame["b"].dtype).lower()).itemsize)] * len(frame)})

    on_way = in_envelope("inputs", lambda frame: frame.assign(b=pd.array(frame["b"], dtype="Int64")))
    result = envelopes_agree(spied(typed, SIGNATURE, example=EXAMPLE, on_way=on_way), "")
    assert result.outcome is Outcome.PASSED  # eight bytes both
    short = in_envelope(
        "inputs",
        lambda frame: frame.assign(b=frame["b"].astype("int16")) if (frame["b"].abs() < 100).all() else frame,
    )
    result = envelopes_agree(spied(typed, SIGNATURE, example=EXAMPLE, on_way=short), "")
    assert result.failure is not None
    assert "since they reach the model as other types" in result.failure.title


def test_an_envelope_that_is_refused_is_told(spied: Spied) -> None:
    def refusing(frame: pd.DataFrame) -> object:
        if frame.attrs.get("bad"):
            raise ValueError("no")
        return healthy(frame)

    def bad(frame: Any) -> Any:
        frame.attrs["bad"] = True
        return frame

    result = envelopes_agree(spied(refusing, SIGNATURE, example=EXAMPLE, on_way=in_envelope("instances", bad)), "")
    assert result.failure is not None
    assert "the outcome is predicted in dataframe_split, but model_refused in instances" in result.failure.title


def test_without_contents_a_difference_is_told_without_blame(spied: Spied) -> None:
    on_way = in_envelope("instances", lambda frame: frame.assign(a=0.0))
    result = envelopes_agree(spied(healthy, SIGNATURE, example=EXAMPLE, on_way=on_way, is_recording=False), "")
    assert result.failure is not None
    assert result.failure.title.startswith("the same rows get another answer in instances than in dataframe_split: ")


def test_a_model_that_differs_from_itself_is_left_to_stateless(spied: Spied) -> None:
    counts = itertools.count()
    context = spied(lambda frame: pd.DataFrame({"y": [float(next(counts))] * len(frame)}), SIGNATURE, example=EXAMPLE)
    result = envelopes_agree(context, "")
    assert (result.outcome, result.applies, result.reason) == (Outcome.SKIPPED, True, UNSTEADY)
    assert result.requests == 0


def test_a_request_that_changes_its_answer_is_no_proof_for_or_against_its_forms(spied: Spied) -> None:
    counts = itertools.count()

    def drifting(frame: pd.DataFrame) -> object:
        return healthy(frame) if len(frame) > 1 else pd.DataFrame({"y": [float(next(counts))]})

    result = envelopes_agree(spied(drifting, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.reason, result.failure) == (Outcome.INCONCLUSIVE, CHANGED, None)


def test_a_model_that_is_declared_stochastic_is_left_out(spied: Spied) -> None:
    context = spied(healthy, SIGNATURE, example=EXAMPLE, stochastic=True)
    result = envelopes_agree(context, "")
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, STOCHASTIC)


def test_an_output_that_the_user_ignores_may_differ(spied: Spied) -> None:
    on_way = in_envelope("instances", lambda frame: frame.assign(a=0.0))
    context = spied(healthy, SIGNATURE, example=EXAMPLE, on_way=on_way, ignored_outputs=("y",))
    assert envelopes_agree(context, "").failure is None


def test_a_lost_server_is_no_second_failure(spied: Spied) -> None:
    def dying(_frame: pd.DataFrame) -> object:
        raise ConnectionResetError("gone")

    result = envelopes_agree(spied(dying, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "which accepts_valid tells" in result.reason


def test_a_model_that_takes_nothing_proves_nothing(spied: Spied) -> None:
    def refusing(_frame: pd.DataFrame) -> object:
        raise ValueError("no")

    result = envelopes_agree(spied(refusing, SIGNATURE, example=EXAMPLE), "")
    assert (result.outcome, result.failure) == (Outcome.INCONCLUSIVE, None)
    assert "no request of which the model answered two forms" in result.reason


@pytest.mark.parametrize(
    ("signature", "envelopes"),
    [
        (SIGNATURE, set(Envelope) - {Envelope.UNIFIED}),
        (TENSORS, {Envelope.INPUTS, Envelope.INSTANCES}),
        (UNNAMED, {Envelope.DATAFRAME_SPLIT, Envelope.DATAFRAME_RECORDS, Envelope.CSV, Envelope.PARQUET}),
        (HINTED, {Envelope.INPUTS}),
    ],
)
def test_the_envelopes_that_are_compared(signature: Signature, envelopes: set[Envelope], spied: Spied) -> None:
    assert set(map(Envelope, valid_envelopes(spied(healthy, signature).model))) == envelopes


def test_why_there_is_nothing_to_compare(spied: Spied) -> None:
    assert why_one_envelope(spied(healthy, SIGNATURE).model) == ""
    assert why_one_envelope(spied(healthy, HINTED).model) == "only inputs can carry the model's inputs"


def test_the_forms_of_the_example(spied: Spied) -> None:
    context = spied(healthy, SIGNATURE, example=EXAMPLE)
    forms = list(itertools.islice(all_forms(context, SIGNATURE), 8))
    assert [form_of(case, SIGNATURE) for case in forms] == [
        "dataframe_records",
        "inputs",
        "instances",
        "csv",
        "parquet",
        "dataframe_split with row labels",
        "dataframe_split with columns in another order",
        "dataframe_records with columns in another order",
    ]
    plain = {repr(as_plain(case, Envelope.DATAFRAME_SPLIT, SIGNATURE).payload) for case in forms}
    assert plain == {repr(EXAMPLE)}


def test_one_request_has_all_params_and_no_flat_envelope_carries_them(spied: Spied) -> None:
    forms = [case for case in all_forms(spied(healthy, SIGNATURE, example=EXAMPLE), SIGNATURE) if case.params]
    given = [case.params for case in forms if case.params == {"scale": 2.0}]
    assert given
    assert not {case.envelope for case in forms} & {Envelope.CSV, Envelope.PARQUET}


def test_edge_values_of_text_are_sent_in_every_envelope(spied: Spied) -> None:
    """Words that readers of CSV take for null among them, which a few batches of the example must not crowd out."""
    signature = Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="key", type=DataType.STRING),)))
    example = Table(columns=("key",), rows=(("ada",), ("grace",)))
    told: dict[str, set[object]] = {}
    for case in all_forms(spied(healthy, signature, example=example), signature):
        if isinstance(case.payload, Table) and case.payload.index is None:
            told.setdefault(case.envelope.value, set()).update(cell for row in case.payload.rows for cell in row)
    assert {"dataframe_records", "inputs", "csv"} <= told.keys()
    assert all({"NaN", "null", "None", "", "001"} <= cells for cells in told.values())


def test_columns_without_names_go_by_position(spied: Spied) -> None:
    example = Table(columns=(0, 1), rows=((1.5, 2.5),))
    forms = list(all_forms(spied(healthy, UNNAMED, example=example), UNNAMED))
    assert not any("another order" in form_of(case, UNNAMED) for case in forms)
    assert form_of(Case(payload=Tensors(arrays={})), TENSORS) == "dataframe_split"


def column(*values: object, dtype: str = "int64") -> RecordedColumn:
    return RecordedColumn(name="a", dtype=dtype, values=values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ("1", 1),
        ([1], (1,)),
        ({"a": 1}, {"a": 2}),
        (np.int32(1), np.int64(1)),
        (np.array([1, 2]), np.array([[1, 2]])),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.array([1, "a"], dtype=object), np.array(["1", "a"], dtype=object)),
        (RecordedTable(columns=(column(1),), n_rows=1), RecordedTable(columns=(column(2),), n_rows=1)),
        (RecordedTable(columns=(column(1),), n_rows=1), RecordedTable(columns=(column(1, dtype="x"),), n_rows=1)),
        (RecordedSeries(column=column(1)), RecordedSeries(column=column(2))),
    ],
)
def test_what_a_model_can_tell_apart_has_another_key(one: object, other: object) -> None:
    assert recorded_key(one) == recorded_key(one)
    assert recorded_key(one) != recorded_key(other)
