"""What reaches the model is compared with what was sent: nothing wrong is passed over, and nothing right is blamed."""

from __future__ import annotations

import base64
import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from pytest_modelserve.cases import Case, Envelope, Table, Tensors
from pytest_modelserve.checks.arrival import ArrivalJudge
from pytest_modelserve.checks.calls import Call, Contents
from pytest_modelserve.checks.difference import Difference
from pytest_modelserve.checks.record_reader import read_contents
from pytest_modelserve.runtime.exact import encode_contents
from pytest_modelserve.runtime.intake import as_model_input
from pytest_modelserve.scoring.errors import ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.media import parse_content_type
from pytest_modelserve.search.loop import draw
from pytest_modelserve.signature.datatypes import (
    AnyType,
    Array,
    DataType,
    Map,
    Object,
    Property,
    SparkMLVector,
    ValueType,
)
from pytest_modelserve.signature.specs import (
    ColumnSchema,
    ColumnSpec,
    ParamSpec,
    Signature,
    TensorSchema,
    TensorSpec,
)
from pytest_modelserve.strategies import cases, edge_cases, envelopes_for
from pytest_modelserve.strategies.packed import packed_cases
from pytest_modelserve.wire.envelopes import encode

RECORD = Object(
    properties=(
        Property(name="count", type=DataType.INTEGER),
        Property(name="note", type=DataType.STRING, required=False),
        Property(name="when", type=DataType.DATETIME),
    )
)
NESTED: tuple[ValueType, ...] = (
    Array(items=DataType.DOUBLE),
    Array(items=Array(items=DataType.LONG)),
    Array(items=DataType.BINARY),
    Array(items=RECORD),
    RECORD,
    Map(values=DataType.INTEGER),
    Map(values=Array(items=DataType.FLOAT)),
    AnyType(),
    SparkMLVector(),
)
PARAMS = (
    ParamSpec(name="temperature", type=DataType.DOUBLE, default=0.5),
    ParamSpec(name="width", type=DataType.FLOAT, default=0.1),
    ParamSpec(name="max_tokens", type=DataType.LONG, default=20),
    ParamSpec(name="mode", type=DataType.STRING, default="fast"),
    ParamSpec(name="is_dry", type=DataType.BOOLEAN, default=False),
    ParamSpec(name="since", type=DataType.DATETIME, default=np.datetime64("2024-01-01T00:00:00", "us")),
    ParamSpec(name="nothing", type=DataType.STRING, default=None),
    ParamSpec(name="stops", type=DataType.STRING, default=("a", "b"), shape=(-1,)),
    ParamSpec(name="extra", type=RECORD, default={"count": 1, "when": "2024-01-01T00:00:00"}),
)
DTYPES = ("float32", "float64", "float16", "int8", "uint8", "int32", "int64", "uint64", "bool", "str", "bytes")


def columns(*specs: ColumnSpec, **kwargs: Any) -> Signature:
    return Signature(inputs=ColumnSchema(columns=specs), **kwargs)


def tensors(*specs: TensorSpec) -> Signature:
    return Signature(inputs=TensorSchema(tensors=specs), params=PARAMS[:2])


def hinted(kind: Any) -> Signature:
    return columns(ColumnSpec(name=None, type=kind), is_from_type_hint=True)


SIGNATURES = {
    "scalars": columns(*(ColumnSpec(name=f"c {kind.value}", type=kind) for kind in DataType), params=PARAMS),
    "optional": columns(*(ColumnSpec(name=kind.value, type=kind, required=False) for kind in DataType)),
    "nested": columns(*(ColumnSpec(name=f"n{at}", type=kind) for at, kind in enumerate(NESTED))),
    "optional nested": columns(
        *(ColumnSpec(name=f"n{at}", type=kind, required=False) for at, kind in enumerate(NESTED))
    ),
    "unnamed": columns(*(ColumnSpec(name=None, type=kind) for kind in DataType)),
    "integer names": columns(*(ColumnSpec(name=at, type=DataType.LONG) for at in range(3))),
    **{f"one {kind.value}": columns(ColumnSpec(name="only", type=kind)) for kind in DataType},
    "bare": columns(ColumnSpec(name=None, type=DataType.STRING)),
    "hint long": hinted(DataType.LONG),
    "hint datetime": hinted(DataType.DATETIME),
    "hint record": hinted(RECORD),
    "tensors": tensors(*(TensorSpec(name=dtype, dtype=dtype, shape=(-1, 2)) for dtype in DTYPES)),
    "dates": tensors(TensorSpec(name="t", dtype="datetime64[ns]", shape=(-1,))),
    "image": tensors(TensorSpec(name=None, dtype="float32", shape=(-1, 4, 4))),
    "matrix": tensors(TensorSpec(name=None, dtype="float64", shape=(-1, 3))),
    "scalar tensor": tensors(TensorSpec(name=None, dtype="float64", shape=())),
    "object tensor": tensors(TensorSpec(name=None, dtype="object", shape=(-1,))),
}


def recorded(data: object, params: Mapping[str, object] | None = None, *, has_params: bool = True) -> Call:
    """Return the call that the spy would have recorded, by the way of its own file format."""
    values = {"data": data, "params": params} if has_params else {"data": data}
    block = cast("Any", SimpleNamespace(values=read_contents(encode_contents(values))))
    return Call(
        request_id="r1",
        elapsed_s=0.1,
        exception=None,
        received=Contents(block, "data"),
        params=Contents(block, "params"),
    )


def read_by(reader: InputReader, signature: Signature, case: Case) -> tuple[Any, Any] | None:
    """Return data and params as the model gets them; None where the server refuses the case, as it may."""
    body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
    try:
        read = reader.read(parse_content_type([str(content_type)]), body)
    except ScoringError:
        return None
    return as_model_input(read.data), read.params


def some_cases(signature: Signature) -> Iterator[Case]:
    """Yield packed rows in all envelopes, every boundary value in one of them, and a few drawn frames."""
    wraps = envelopes_for(signature)
    for envelope in wraps:
        yield from (batch.case for batch in packed_cases(signature, envelope=envelope))
        yield from draw(cases(signature, envelopes=(envelope,)), 5, seed=1)
    # all boundary values one by one would cost the whole suite's time, and those of tables stand in the packed rows
    step = len(wraps) + 1 if isinstance(signature.inputs, TensorSchema) else 7 * len(wraps) + 1
    yield from itertools.islice(edge_cases(signature, envelopes=wraps), 0, None, step)


@pytest.mark.parametrize("name", SIGNATURES)
def test_what_our_server_hands_on_arrives_as_it_was_sent(name: str) -> None:
    signature = SIGNATURES[name]
    reader, judge = InputReader(signature), ArrivalJudge(signature)
    n_arrived = 0
    for case in some_cases(signature):
        read = read_by(reader, signature, case)
        if read is not None:
            call = recorded(*read)
            assert judge.difference(case, call) is None, f"{case.envelope}: {case.label}"
            assert judge.narrowed(call) == (), f"{case.envelope}: {case.label}"
            n_arrived += 1
    assert n_arrived > 8


ALL = SIGNATURES["scalars"]
NOW = np.datetime64("2024-01-02T03:04:05.123456789")
LATER = np.datetime64("2024-06-02T03:04:05.123456789")
ROWS = (
    (True, 7, 2**53 + 1, 0.1, 0.1, "001 ", b"\x00\xff", NOW),
    (False, -(2**31), -(2**63), -0.0, 5e-324, "nan", b"", LATER),
    (True, 0, 2**63 - 1, 1e-45, -0.0, "\u00e9\x00", b"aGk=", np.datetime64("1677-09-22", "ns")),
)
NAMES = tuple(f"c {kind.value}" for kind in DataType)
SENT = Case(payload=Table(columns=NAMES, rows=ROWS), params={"temperature": 0.3, "stops": ["x"]})


def frame_of(case: Case, signature: Signature = ALL) -> tuple[pd.DataFrame, dict[str, Any]]:
    read = read_by(InputReader(signature), signature, case)
    assert read is not None
    return read


def found_in(frame: object, params: Mapping[str, object] | None = None, case: Case = SENT) -> Difference | None:
    known = frame_of(case)[1] if params is None else params
    return ArrivalJudge(ALL).difference(case, recorded(frame, known))


def set_cell(frame: pd.DataFrame, name: str, value: object, row: int = 1) -> pd.DataFrame:
    cells = frame[name].tolist() if frame[name].dtype.kind != "M" else list(frame[name].to_numpy())
    cells[row] = value
    kept = cells if isinstance(value, float | int | np.generic) and not isinstance(value, bool) else None
    column: Any = pd.Series(cells, dtype=frame[name].dtype if kept else object)
    found: pd.DataFrame = frame.assign(**{name: column})
    return found


def swap_rows(frame: pd.DataFrame) -> pd.DataFrame:
    found: pd.DataFrame = frame.iloc[[0, 2, 1]].reset_index(drop=True)
    return found


CORRUPTIONS: dict[str, tuple[Callable[[pd.DataFrame], object], str, str | None]] = {
    "one ulp": (lambda f: set_cell(f, "c double", np.nextafter(5e-324, 1)), "value", "c double"),
    "sign of zero": (lambda f: set_cell(f, "c double", 0.0, row=2), "value", "c double"),
    "subnormal cut": (lambda f: set_cell(f, "c float", np.float32(0), row=2), "value", "c float"),
    "long through float": (lambda f: f.astype({"c long": "float64"}), "value", "c long"),
    "integer through float": (lambda f: f.astype({"c integer": "float64"}), "dtype", "c integer"),
    "integers as objects": (lambda f: f.astype({"c integer": object}), "dtype", "c integer"),
    "integer wrapped": (lambda f: f.assign(**{"c integer": -f["c integer"]}), "value", "c integer"),
    "boolean as integer": (lambda f: f.astype({"c boolean": "int64"}), "type", "c boolean"),
    "boolean inverted": (lambda f: f.assign(**{"c boolean": ~f["c boolean"]}), "value", "c boolean"),
    "text stripped": (lambda f: f.assign(**{"c string": f["c string"].map(str.strip)}), "value", "c string"),
    "text as a number": (
        lambda f: f.assign(**{"c string": pd.Series([1, "nan", ""], dtype=object)}),
        "type",
        "c string",
    ),
    "nan for text": (lambda f: set_cell(f, "c string", None), "lost", "c string"),
    "accents taken apart": (lambda f: set_cell(f, "c string", "e\u0301\x00", row=2), "value", "c string"),
    "end at NUL": (lambda f: set_cell(f, "c string", "\u00e9", row=2), "value", "c string"),
    "bytes as text": (lambda f: set_cell(f, "c binary", "aGk=", row=2), "type", "c binary"),
    "bytes not decoded": (
        lambda f: set_cell(f, "c binary", base64.b64encode(f["c binary"][2]), row=2),
        "undecoded",
        "c binary",
    ),
    "bytes as their text": (
        lambda f: set_cell(f, "c binary", base64.b64encode(f["c binary"][2]).decode(), row=2),
        "undecoded",
        "c binary",
    ),
    "bytes decoded twice": (lambda f: set_cell(f, "c binary", b"hi", row=2), "value", "c binary"),
    "microseconds": (
        lambda f: f.assign(**{"c datetime": f["c datetime"].astype("datetime64[us]")}),
        "value",
        "c datetime",
    ),
    "an hour": (lambda f: f.assign(**{"c datetime": f["c datetime"] + pd.Timedelta(hours=1)}), "value", "c datetime"),
    "a zone": (lambda f: f.assign(**{"c datetime": f["c datetime"].dt.tz_localize("UTC")}), "zone", "c datetime"),
    "dates as text": (lambda f: f.assign(**{"c datetime": f["c datetime"].astype(str)}), "type", "c datetime"),
    "dates as counts": (lambda f: f.assign(**{"c datetime": f["c datetime"].astype("int64")}), "type", "c datetime"),
    "rows swapped": (swap_rows, "order", None),
    "a row lost": (lambda f: f.iloc[:2], "rows", None),
    "a row twice": (lambda f: pd.concat([f, f.iloc[:1]], ignore_index=True), "rows", None),
    "a column lost": (lambda f: f.drop(columns="c long"), "column", "c long"),
    "a column more": (lambda f: f.assign(index=1), "column", None),
    "columns in another order": (lambda f: f[list(reversed(f.columns))], "order", None),
    "columns renamed": (lambda f: f.rename(columns={"c long": "c_long"}), "column", "c long"),
    "not a table": (lambda f: f.to_numpy().tolist(), "form", None),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_what_is_changed_on_the_way_is_found(name: str) -> None:
    corrupt, kind, column = CORRUPTIONS[name]
    wrong = found_in(corrupt(frame_of(SENT)[0]))
    assert wrong is not None
    assert (wrong.kind, wrong.name) == (kind, column)


def test_a_difference_shows_both_values_and_the_place() -> None:
    wrong = found_in(frame_of(SENT)[0].astype({"c long": "float64"}))
    assert wrong == Difference(
        kind="value",
        path='"c long" in row 0',
        before="9007199254740993",
        after="9007199254740992.0 (float64)",
        name="c long",
    )
    assert wrong.key == "c long:value"


ACCEPTABLE: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "row labels": lambda f: f.set_axis([5, 6, 7]),
    "text as objects": lambda f: f.astype({"c string": object}),
    "a wider integer": lambda f: f.astype({"c integer": "int64"}),
    "a float that holds the number sent": lambda f: f.astype({"c float": "float64"}),
    "nullable types": lambda f: f.astype({"c integer": "Int32", "c boolean": "boolean", "c double": "Float64"}),
}


@pytest.mark.parametrize("name", ACCEPTABLE)
def test_what_changes_no_value_is_no_difference(name: str) -> None:
    assert found_in(ACCEPTABLE[name](frame_of(SENT)[0])) is None


def test_a_model_that_is_given_its_examples_own_type_decides_what_becomes_of_the_table() -> None:
    call = recorded({"some": "dict"}, {})
    assert ArrivalJudge(ALL, is_converted=True).difference(replace(SENT, params={}), call) is None
    one = columns(ColumnSpec(name="only", type=DataType.STRING))
    case = Case(payload=Table(columns=("only",), rows=(("a",), ("b",))))
    assert ArrivalJudge(one, is_converted=True).difference(case, recorded(["a", "b"])) is None
    wrong = ArrivalJudge(one, is_converted=True).difference(case, recorded(["a"]))
    assert wrong is not None
    assert wrong.kind == "rows"


def test_a_column_of_another_width_is_told_apart() -> None:
    frame = frame_of(SENT)[0].astype({"c float": "float64", "c integer": "int64"})
    told = ArrivalJudge(ALL).narrowed(recorded(frame, {}))
    assert told == (("c integer", "int32", "int64"), ("c float", "float32", "float64"))


PARAM_CORRUPTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "the default for what was sent": ({"temperature": 0.5}, "value", "temperature"),
    "as text": ({"temperature": "0.3"}, "type", "temperature"),
    "another default": ({"max_tokens": 21}, "value", "max_tokens"),
    "a flag as a number": ({"is_dry": 0}, "type", "is_dry"),
    "a default instead of none": ({"nothing": "None"}, "invented", "nothing"),
    "a value for a list": ({"stops": "x"}, "length", "stops"),
    "a list cut": ({"stops": []}, "length", "stops"),
    "an element changed": ({"stops": ["y"]}, "value", "stops"),
    "a date an hour later": ({"since": dt.datetime(2024, 1, 1, 1)}, "value", "since"),  # noqa: DTZ001 # without zone
    "a property changed": ({"extra": {"count": 2, "when": "2024-01-01T00:00:00"}}, "value", "extra"),
}


@pytest.mark.parametrize("name", PARAM_CORRUPTIONS)
def test_a_param_that_is_changed_is_found(name: str) -> None:
    changes, kind, param = PARAM_CORRUPTIONS[name]
    frame, params = frame_of(SENT)
    wrong = found_in(frame, {**params, **changes})
    assert wrong is not None
    assert (wrong.kind, wrong.name) == (kind, param)


def test_a_param_that_was_sent_has_to_arrive_and_one_by_default_need_not() -> None:
    frame, params = frame_of(SENT)
    without = {name: value for name, value in params.items() if name != "temperature"}
    lost = found_in(frame, without)
    assert lost is not None
    assert (lost.kind, lost.path, lost.before) == ("lost", 'param "temperature"', "0.3")
    assert found_in(frame, {name: value for name, value in params.items() if name != "mode"}) is None


def test_a_param_that_nobody_sent_is_found() -> None:
    frame, params = frame_of(SENT)
    wrong = found_in(frame, {**params, "seed": 3})
    assert wrong is not None
    assert (wrong.kind, wrong.after) == ("invented", "3")


def test_a_model_that_takes_no_params_is_given_none() -> None:
    frame, _ = frame_of(SENT)
    assert ArrivalJudge(ALL).difference(SENT, recorded(frame, has_params=False)) is None


OPTIONAL = columns(
    ColumnSpec(name="a", type=DataType.DOUBLE),
    *(ColumnSpec(name=kind.value, type=kind, required=False) for kind in DataType),
)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_an_absent_optional_column_may_arrive_as_missing_values(missing: object) -> None:
    case = Case(payload=Table(columns=("a",), rows=((1.0,), (2.0,))))
    frame = pd.DataFrame({"a": [1.0, 2.0], "string": pd.Series([missing, missing], dtype=object)})
    assert ArrivalJudge(OPTIONAL).difference(case, recorded(frame)) is None


def test_an_absent_optional_column_may_not_arrive_with_values() -> None:
    case = Case(payload=Table(columns=("a",), rows=((1.0,), (2.0,))))
    wrong = ArrivalJudge(OPTIONAL).difference(case, recorded(pd.DataFrame({"a": [1.0, 2.0], "long": [0, 0]})))
    assert wrong is not None
    assert (wrong.kind, wrong.name, wrong.after) == ("invented", "long", "0 (int64)")


@pytest.mark.parametrize(("name", "text"), [("string", "nan"), ("string", "None"), ("string", "")])
def test_text_is_no_missing_value(name: str, text: str) -> None:
    case = Case(payload=Table(columns=("a", name), rows=((1.0, None),)))
    wrong = ArrivalJudge(OPTIONAL).difference(case, recorded(pd.DataFrame({"a": [1.0], name: [text]})))
    assert wrong is not None
    assert wrong.kind == "invented"


NESTED_VALUES: list[tuple[Any, Any, Any, str, str]] = [
    (Array(items=DataType.DOUBLE), [1.5, 2.0], [1.5, 2.5], "value", '"n"[1]'),
    (Array(items=Array(items=DataType.LONG)), [[1, 2], [3]], [1, 2, 3], "length", '"n"'),
    (Array(items=Array(items=DataType.LONG)), [[1], [3]], [[1], 3], "type", '"n"[1]'),
    (Array(items=DataType.LONG), [1, 2], [True, 2], "type", '"n"[0]'),
    (Array(items=DataType.STRING), ["a"], "a", "type", '"n"'),
    (RECORD, {"count": 1, "when": NOW}, {"count": 2, "when": NOW}, "value", '"n".count'),
    (RECORD, {"count": 1, "when": NOW}, {"count": 1}, "lost", '"n".when'),
    (RECORD, {"count": 1, "when": NOW}, {"count": 1, "when": NOW, "id": 3}, "keys", '"n"'),
    (RECORD, {"count": 1, "when": NOW}, {"count": 1, "when": str(NOW)}, "type", '"n".when'),
    (Map(values=DataType.INTEGER), {"a": 1}, {"b": 1}, "lost", '"n".a'),
    (Map(values=DataType.INTEGER), {"a": 1}, {"a": 1, "b": 1}, "keys", '"n"'),
    (AnyType(), {"a": [1, None]}, {"a": [1, "None"]}, "invented", '"n".a[1]'),
    (AnyType(), {"a": True}, {"a": 1}, "type", '"n".a'),
    (AnyType(), {"a": 1}, {"a": 1, "b": None}, "keys", '"n"'),
    (AnyType(), "1", 1, "type", '"n"'),
    (SparkMLVector(), [1.0, 2.0], [1.0], "length", '"n"'),
]


@pytest.mark.parametrize(("declared", "sent", "got", "kind", "path"), NESTED_VALUES)
def test_nested_values_are_compared_part_by_part(declared: Any, sent: Any, got: Any, kind: str, path: str) -> None:
    signature = columns(ColumnSpec(name="n", type=declared))
    case = Case(payload=Table(columns=("n",), rows=((sent,),)))
    frame = pd.DataFrame({"n": pd.Series([got], dtype=object)})
    wrong = ArrivalJudge(signature).difference(case, recorded(frame))
    assert wrong is not None
    assert (wrong.kind, wrong.path, wrong.name) == (kind, path, "n")


@pytest.mark.parametrize(
    ("declared", "sent", "got"),
    [
        (Array(items=Array(items=DataType.DOUBLE)), [[1.5], [2.0]], np.array([[1.5], [2.0]])),
        (Array(items=DataType.DOUBLE), [1.5, None], (1.5, np.nan)),
        (RECORD, {"count": 1, "when": NOW}, {"count": 1, "when": pd.Timestamp(NOW), "note": None}),
        (AnyType(), {"a": [1, 2.0]}, {"a": np.array([1, 2])}),
        (AnyType(), b"hi", "aGk="),
    ],
)
def test_nested_values_may_come_as_other_containers(declared: Any, sent: Any, got: Any) -> None:
    signature = columns(ColumnSpec(name="n", type=declared))
    case = Case(payload=Table(columns=("n",), rows=((sent,),)))
    frame = pd.DataFrame({"n": pd.Series([got], dtype=object)})
    assert ArrivalJudge(signature).difference(case, recorded(frame)) is None


SENT_ARRAY = np.array([[0.1, np.nan], [-0.0, 1e-45]], dtype="float32")
MATRIX = Signature(inputs=TensorSchema(tensors=(TensorSpec(name="x", dtype="float32", shape=(-1, 2)),)))
TENSOR_CORRUPTIONS: dict[str, tuple[Callable[[Any], object], str]] = {
    "another dtype": (lambda a: a.astype("float64"), "dtype"),
    "flattened": (lambda a: a.ravel(), "shape"),
    "transposed": (lambda a: np.ascontiguousarray(a.T), "value"),
    "sign of zero": (np.abs, "value"),
    "subnormal cut": (lambda a: np.where(np.abs(a) < 1e-40, np.float32(0), a), "value"),
    "nan filled": (np.nan_to_num, "value"),
    "a list": (lambda a: a.tolist(), "form"),
}


@pytest.mark.parametrize("name", TENSOR_CORRUPTIONS)
def test_a_tensor_that_is_changed_is_found(name: str) -> None:
    corrupt, kind = TENSOR_CORRUPTIONS[name]
    case = Case(payload=Tensors(arrays={"x": SENT_ARRAY}))
    wrong = ArrivalJudge(MATRIX).difference(case, recorded({"x": corrupt(SENT_ARRAY)}))
    assert wrong is not None
    assert (wrong.kind, wrong.name) == (kind, "x")


def test_tensors_are_equal_bit_by_bit_and_in_any_byte_order() -> None:
    case = Case(payload=Tensors(arrays={"x": SENT_ARRAY}))
    judge = ArrivalJudge(MATRIX)
    assert judge.difference(case, recorded({"x": SENT_ARRAY.astype(">f4")})) is None
    lost = judge.difference(case, recorded({"y": SENT_ARRAY}))
    assert lost is not None
    assert lost.kind == "form"
    bare = judge.difference(case, recorded(SENT_ARRAY))
    assert bare is not None
    assert bare.kind == "form"


@pytest.mark.parametrize(
    ("declared", "sent", "got", "kind"),
    [
        ("str", ["a", "b "], ["a", "b"], "value"),
        ("bytes", [b"a", b"aGk="], [b"a", b"hi"], "value"),
        ("bytes", [b"a", b"b"], ["a", "b"], "dtype"),
        ("int64", [2**53 + 1, 0], [2**53, 0], "value"),
        ("bool", [True, False], [True, True], "value"),
        ("object", [1, "1"], [1, 1], "type"),
    ],
)
def test_tensors_of_every_kind(declared: str, sent: list[Any], got: list[Any], kind: str) -> None:
    signature = tensors(TensorSpec(name=None, dtype=declared, shape=(-1,)))
    dtype = {"str": "U", "bytes": "S"}.get(declared, declared)
    case = Case(payload=Tensors(arrays={None: np.array(sent, dtype=dtype)}))
    arrived = np.array(got, dtype=None if kind == "dtype" else dtype)
    wrong = ArrivalJudge(signature).difference(case, recorded(arrived))
    assert wrong is not None
    assert wrong.kind == kind


def test_the_dimensions_behind_an_empty_one_are_lost_in_json() -> None:
    case = Case(payload=Tensors(arrays={"x": np.empty((0, 2), dtype="float32")}), envelope=Envelope.INPUTS)
    assert ArrivalJudge(MATRIX).difference(case, recorded({"x": np.empty((0, 0), dtype="float32")})) is None


@pytest.mark.parametrize(
    ("got", "kind"),
    [([1, 3], "value"), ([1], "rows"), ([1, True], "type"), (pd.DataFrame({0: [1, 3]}), "value"), ("12", "form")],
)
def test_a_model_from_a_type_hint_gets_a_list(got: object, kind: str) -> None:
    case = Case(payload=Table(columns=(0,), rows=((1,), (2,))), envelope=Envelope.INPUTS)
    judge = ArrivalJudge(SIGNATURES["hint long"])
    assert judge.difference(case, recorded([1, 2])) is None
    wrong = judge.difference(case, recorded(got))
    assert wrong is not None
    assert wrong.kind == kind


def test_a_type_hint_of_dates_holds_microseconds() -> None:
    case = Case(payload=Table(columns=(0,), rows=((NOW,),)), envelope=Envelope.INPUTS)
    judge = ArrivalJudge(SIGNATURES["hint datetime"])
    assert judge.difference(case, recorded([pd.Timestamp(NOW).floor("us").to_pydatetime()])) is None
    wrong = judge.difference(case, recorded([pd.Timestamp(NOW).floor("ms").to_pydatetime()]))
    assert wrong is not None
    assert wrong.kind == "value"
