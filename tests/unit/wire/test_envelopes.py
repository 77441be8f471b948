"""Payloads in their envelopes, and which envelopes fit."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import EncodeError, MissingExtra
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature
from pytest_modelserve.wire.capacity import can_carry, is_unified, why_not
from pytest_modelserve.wire.envelopes import encode
from pytest_modelserve.wire.payloads import Document, Envelope, Payload, RawBody, Table, Tensors

TableSchema = Callable[..., ColumnSchema]

_TABLE = Table(columns=("a", "b"), rows=((1, "x"), (None, "")))
_NAN = float("nan")
_UNNAMED = ColumnSpec(name=None, type=DataType.STRING)


def _document(payload: Payload, envelope: Envelope, signature: Signature | None = None) -> object:
    body, content_type = encode(payload, envelope, signature=signature)
    assert content_type == "application/json"
    return json.loads(body)


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        (Envelope.DATAFRAME_SPLIT, {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [None, ""]]}}),
        (Envelope.DATAFRAME_RECORDS, {"dataframe_records": [{"a": 1, "b": "x"}, {"a": None, "b": ""}]}),
        (Envelope.INPUTS, {"inputs": {"a": [1, None], "b": ["x", ""]}}),
        (Envelope.INSTANCES, {"instances": [{"a": 1, "b": "x"}, {"a": None, "b": ""}]}),
    ],
)
def test_a_table_in_each_json_envelope(envelope: Envelope, expected: object) -> None:
    assert _document(_TABLE, envelope) == expected


def test_params_stand_beside_the_envelope() -> None:
    params = {"when": np.datetime64("2024-01-02", "ns"), "many": (1, 2)}

    body, _ = encode(_TABLE, Envelope.INPUTS, params)

    assert json.loads(body)["params"] == {"when": "2024-01-02T00:00:00", "many": [1, 2]}


def test_a_param_that_json_cannot_hold_is_no_null() -> None:
    with pytest.raises(EncodeError):
        encode(_TABLE, Envelope.INPUTS, {"temperature": _NAN})


def test_an_index_travels_in_split_alone() -> None:
    table = Table(columns=("a",), rows=((1,),), index=(7,))

    assert _document(table, Envelope.DATAFRAME_SPLIT) == {
        "dataframe_split": {"columns": ["a"], "index": [7], "data": [[1]]}
    }
    assert [each for each in Envelope if can_carry(table, each, None)] == [Envelope.DATAFRAME_SPLIT]


def test_inputs_are_rows_where_a_column_is_nested(table_schema: TableSchema) -> None:
    signature = Signature(inputs=table_schema(a=Array(items=DataType.LONG), b=DataType.STRING))
    empty = Table(columns=("a", "b"), rows=((None, "x"),))

    assert _document(empty, Envelope.INPUTS, signature) == {"inputs": [{"a": None, "b": "x"}]}
    assert _document(empty, Envelope.INPUTS) == {"inputs": {"a": [None], "b": ["x"]}}
    nested = Table(columns=("a",), rows=(([1],),))
    assert _document(nested, Envelope.INPUTS) == {"inputs": [{"a": [1]}]}


def test_rows_of_one_unnamed_column_are_bare_values(table_schema: TableSchema) -> None:
    signature = Signature(inputs=table_schema(DataType.BINARY), is_from_type_hint=True)
    table = Table(columns=(0,), rows=((b"hi",), (b"",)))

    assert _document(table, Envelope.INPUTS, signature) == {"inputs": ["aGk=", ""]}
    assert [each for each in Envelope if can_carry(table, each, signature)] == [Envelope.INPUTS]


def test_inputs_of_no_rows_keep_their_columns() -> None:
    assert _document(Table(columns=("a", "b"), rows=()), Envelope.INPUTS) == {"inputs": {"a": [], "b": []}}


def test_a_broken_table_is_sent_as_it_stands() -> None:
    table = Table(columns=("a", "a"), rows=((1, 2, 3), ("x",)))

    assert _document(table, Envelope.DATAFRAME_SPLIT) == {
        "dataframe_split": {"columns": ["a", "a"], "data": [[1, 2, 3], ["x"]]}
    }
    assert encode(table, Envelope.CSV)[0] == b'"a","a"\n1,2,3\n"x"\n'
    for envelope in (Envelope.DATAFRAME_RECORDS, Envelope.INPUTS, Envelope.INSTANCES, Envelope.PARQUET):
        with pytest.raises(EncodeError):
            encode(table, envelope)


def test_a_value_without_a_form_is_refused_with_its_cell() -> None:
    with pytest.raises(EncodeError) as caught:
        encode(Table(columns=("a", "b"), rows=((1, 2), (3, 1j))), Envelope.DATAFRAME_RECORDS)

    assert (caught.value.facts["row"], caught.value.facts["column"]) == (1, '"b"')


def test_documents_and_raw_bodies_go_as_they_are() -> None:
    assert encode(Document(value={"inputs": [_NAN]})) == (b'{"inputs": [NaN]}', "application/json")
    assert encode(RawBody(body=b"\xff", content_type=None), Envelope.CSV) == (b"\xff", None)


@pytest.mark.parametrize(
    ("arrays", "envelope", "expected"),
    [
        ({None: np.ones((1, 2), dtype="float32")}, Envelope.INPUTS, {"inputs": [[1.0, 1.0]]}),
        ({None: np.array([b"hi"], dtype=object)}, Envelope.INSTANCES, {"instances": ["aGk="]}),
        ({None: [[1], [2, 3]]}, Envelope.INPUTS, {"inputs": [[1], [2, 3]]}),
        (
            {"a": np.array([1, 2]), "b": np.array([[3], [4]])},
            Envelope.INPUTS,
            {"inputs": {"a": [1, 2], "b": [[3], [4]]}},
        ),
        (
            {"a": np.array([1, 2]), "b": np.array([[3], [4]])},
            Envelope.INSTANCES,
            {"instances": [{"a": 1, "b": [3]}, {"a": 2, "b": [4]}]},
        ),
        (
            {None: np.array([[1, 2]])},
            Envelope.DATAFRAME_SPLIT,
            {"dataframe_split": {"columns": [0, 1], "data": [[1, 2]]}},
        ),
    ],
)
def test_tensors_in_their_envelopes(
    arrays: dict[str | None, np.ndarray | list[object]], envelope: Envelope, expected: object
) -> None:
    assert _document(Tensors(arrays=arrays), envelope) == expected


@pytest.mark.parametrize(
    ("arrays", "able"),
    [
        ({None: np.zeros((2, 3))}, "dataframe_split inputs instances"),
        ({None: np.zeros((2, 3, 1))}, "inputs instances"),
        ({None: np.zeros((0, 3))}, "inputs instances"),
        ({None: np.array([["a"]])}, "inputs instances"),
        ({"a": np.zeros(2), "b": np.zeros(2)}, "inputs instances"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "inputs"),
        ({None: np.array([np.inf])}, ""),
        ({None: np.array([[1.0, -np.inf]], dtype=object)}, ""),
    ],
)
def test_which_envelopes_carry_tensors(arrays: dict[str | None, np.ndarray | list[object]], able: str) -> None:
    assert " ".join(each.value for each in Envelope if can_carry(Tensors(arrays=arrays), each, None)) == able


_OBJECT = Object(properties=(Property(name="p", type=DataType.LONG),))


@pytest.mark.parametrize(
    ("columns", "cell", "able"),
    [
        (
            {"a": DataType.LONG, "b": DataType.STRING},
            1,
            "dataframe_split dataframe_records inputs instances csv parquet",
        ),
        ({"a": DataType.DOUBLE}, None, "dataframe_split dataframe_records inputs instances parquet"),
        ({"a": DataType.DOUBLE, "b": DataType.LONG}, float("inf"), "parquet"),
        (
            {"a": DataType.STRING, "b": DataType.LONG},
            "a\0",
            "dataframe_split dataframe_records inputs instances parquet",
        ),
        ({"a": DataType.STRING}, "\ud800", "dataframe_split dataframe_records inputs instances parquet"),
        ({"a": Array(items=DataType.LONG)}, [1], "dataframe_split dataframe_records inputs parquet"),
        ({"a": _OBJECT}, {"p": 1}, "dataframe_split dataframe_records inputs parquet"),
        ({"a": Map(values=DataType.LONG)}, {}, "dataframe_split dataframe_records inputs"),
        ({"a": AnyType()}, 1, "dataframe_split dataframe_records inputs"),
        ({"a": Array(items=DataType.DOUBLE)}, [float("inf")], "parquet"),
    ],
)
def test_which_envelopes_carry_a_table(
    table_schema: TableSchema, columns: dict[str, DataType], cell: object, able: str
) -> None:
    table = Table(columns=tuple(columns), rows=((cell,) * len(columns),))
    signature = Signature(inputs=table_schema(**columns))

    assert " ".join(each.value for each in Envelope if can_carry(table, each, signature)) == able


def test_bodies_that_are_sent_as_they_are_fit_everywhere() -> None:
    assert can_carry(RawBody(body=b""), Envelope.CSV, None)
    assert can_carry(Document(value=float("inf")), Envelope.INPUTS, None)


def test_an_unnamed_column_takes_one_column_alone(table_schema: TableSchema) -> None:
    assert not can_carry(
        Table(columns=(0, 1), rows=((1, 2),)), Envelope.INPUTS, Signature(inputs=table_schema(DataType.LONG))
    )


def test_nested_columns_need_rows_to_have_a_form(table_schema: TableSchema) -> None:
    signature = Signature(inputs=table_schema(a=Array(items=DataType.LONG)))

    able = [each for each in Envelope if can_carry(Table(columns=("a",), rows=()), each, signature)]

    assert able == [Envelope.DATAFRAME_SPLIT, Envelope.PARQUET]


def test_names_decide_too(table_schema: TableSchema) -> None:
    by_position = Table(columns=(0, 1), rows=((1, 2),))
    several_unnamed = Signature(inputs=table_schema(DataType.LONG, DataType.LONG))
    integers = Signature(
        inputs=ColumnSchema(columns=tuple(ColumnSpec(name=name, type=DataType.LONG) for name in (0, 1)))
    )
    none = Table(columns=("a",), rows=())

    assert not can_carry(by_position, Envelope.INPUTS, several_unnamed)
    assert can_carry(by_position, Envelope.DATAFRAME_RECORDS, several_unnamed)
    assert [each for each in Envelope if can_carry(by_position, each, integers)] == [Envelope.DATAFRAME_SPLIT]
    assert not can_carry(none, Envelope.DATAFRAME_RECORDS, Signature(inputs=table_schema(a=DataType.LONG)))
    assert not can_carry(_TABLE, Envelope.CSV, None, has_params=True)
    assert not can_carry(_TABLE, Envelope.PARQUET, None, has_params=True)


def test_csv_quotes_text_and_leaves_null_bare() -> None:
    table = Table(
        columns=('a"b', "ü"),
        rows=((1, 'say "hi",\nthere'), (None, ""), (-0.0, "001"), (True, b"hi"), (_NAN, np.datetime64("2024-01-02"))),
    )

    body, content_type = encode(table, Envelope.CSV)

    assert content_type == "text/csv"
    assert body.decode() == ('"a""b","ü"\n1,"say ""hi"",\nthere"\n,""\n-0.0,"001"\ntrue,"aGk="\n,2024-01-02T00:00:00\n')


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
    )
)
def test_csv_reads_back_to_the_same_text_and_numbers(rows: list[tuple[str, float, int]]) -> None:
    body, _ = encode(Table(columns=("s", "d", "i"), rows=tuple(rows)), Envelope.CSV)

    header, *lines = csv.reader(io.StringIO(body.decode(), newline=""))

    assert header == ["s", "d", "i"]
    assert repr([(s, float(d), int(i)) for s, d, i in lines]) == repr(rows)


def test_parquet_has_the_declared_types(table_schema: TableSchema) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    signature = Signature(
        inputs=table_schema(
            i=DataType.INTEGER,
            f=DataType.FLOAT,
            b=DataType.BINARY,
            t=DataType.DATETIME,
            n=Array(items=Array(items=DataType.LONG)),
            o=_OBJECT,
        )
    )
    row = (1, 0.5, b"\xff", np.datetime64("2024-01-02T00:00:00.000000001"), [[1], []], {"p": 2})
    table = Table(columns=("i", "f", "b", "t", "n", "o"), rows=(row, (None,) * 6))

    body, content_type = encode(table, Envelope.PARQUET, signature=signature)
    read = pq.read_table(io.BytesIO(body))

    assert content_type == "application/vnd.apache.parquet"
    assert [str(kind) for kind in read.schema.types][:4] == ["int32", "float", "binary", "timestamp[ns]"]
    assert read["t"].to_numpy()[0] == row[3]
    assert read.drop_columns(["t"]).to_pylist()[0] == {"i": 1, "f": 0.5, "b": b"\xff", "n": [[1], []], "o": {"p": 2}}
    assert set(read.to_pylist()[1].values()) == {None}


def test_parquet_refuses_what_its_column_cannot_hold(table_schema: TableSchema) -> None:
    pytest.importorskip("pyarrow")

    with pytest.raises(EncodeError) as caught:
        encode(
            Table(columns=("a",), rows=(("x",),)),
            Envelope.PARQUET,
            signature=Signature(inputs=table_schema(a=DataType.LONG)),
        )

    assert caught.value.facts["column"] == '"a"'


def test_parquet_without_pyarrow_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # what an import of a missing package sees

    with pytest.raises(MissingExtra) as caught:
        encode(_TABLE, Envelope.PARQUET)

    assert caught.value.extra == "parquet"


_CHAT = Signature(
    inputs=ColumnSchema(
        columns=(
            ColumnSpec(name="prompt", type=DataType.STRING),
            ColumnSpec(name="n", type=DataType.LONG, required=False),
        )
    ),
    params=(ParamSpec(name="k", type=DataType.LONG, default=1),),
)
_HI = Table(columns=("prompt", "n"), rows=(("hi", 2),))


def test_a_row_can_be_the_body_itself_with_params_beside_its_columns() -> None:
    body, content_type = encode(_HI, Envelope.UNIFIED, {"k": 3}, signature=_CHAT)

    assert (json.loads(body), content_type) == ({"prompt": "hi", "n": 2, "k": 3}, "application/json")
    assert encode(_HI, Envelope.UNIFIED) == (b'{"prompt": "hi", "n": 2}', "application/json")


@pytest.mark.parametrize(
    ("table", "signature", "reason"),
    [
        (Table(columns=("n",), rows=((1,),)), _CHAT, "no column is called"),
        (Table(columns=("prompt",), rows=(("a",), ("b",))), _CHAT, "one row"),
        (Table(columns=("prompt",), rows=()), _CHAT, "one row"),
        (Table(columns=("prompt",), rows=(("a",),), index=(0,)), _CHAT, "without an index"),
        (Table(columns=("prompt", "k"), rows=(("a", 1),)), _CHAT, "means another thing"),
        (Table(columns=("prompt", "params"), rows=(("a", 1),)), None, "means another thing"),
        (Table(columns=("prompt", "inputs"), rows=(("a", 1),)), None, "means another thing"),
        (Table(columns=("prompt", "prompt"), rows=(("a", "b"),)), _CHAT, "stands twice"),
        (Table(columns=("prompt", "n"), rows=(("a",),)), _CHAT, "has no cell"),
        (Table(columns=(0,), rows=(("a",),)), Signature(inputs=ColumnSchema(columns=(_UNNAMED,))), "named columns"),
    ],
)
def test_what_cannot_be_the_body_itself(table: Table, signature: Signature | None, reason: str) -> None:
    assert reason in why_not(table, Envelope.UNIFIED, signature)
    with pytest.raises(EncodeError):
        encode(table, Envelope.UNIFIED, signature=signature)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"messages": []}, True),
        ({"prompt": "a", "params": {}}, True),
        ({"input": 1}, True),
        ({"input": 1, "inputs": [1]}, False),
        ({"inputs": [1]}, False),
        ({}, False),
        (["messages"], False),
    ],
)
def test_a_body_that_is_the_row_itself_is_known_by_its_keys(document: object, expected: bool) -> None:
    assert is_unified(document) is expected
