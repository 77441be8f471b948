"""Whatever the bytes: an answer in JSON, never a 5xx, and the next request is served as before."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelserve.scoring.errors import NotParsed, ScoringError
from pytest_modelserve.scoring.inputs import InputReader
from pytest_modelserve.scoring.json_text import parse_json
from pytest_modelserve.scoring.media import Media
from pytest_modelserve.signature.datatypes import AnyType, Array, DataType, Map, Object, Property
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec

PERSON = Object(properties=(Property(name="a", type=DataType.LONG, required=False),))
KINDS: list[Any] = [*DataType, Array(items=DataType.LONG), PERSON, Map(values=DataType.DOUBLE), AnyType()]
TENSORS = [("float32", (-1, 2)), ("str", (-1,)), ("datetime64[ns]", (-1,)), ("bytes", (2, -1)), ("object", (-1,))]
PARAMS = (ParamSpec(name="p", type=DataType.DATETIME, default=None), ParamSpec(name="q", type=PERSON, default=None))
SIGNATURES: list[Signature | None] = [
    None,
    *(Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="x", type=kind, required=False),))) for kind in KINDS),
    Signature(inputs=ColumnSchema(columns=tuple(ColumnSpec(name=None, type=kind) for kind in DataType))),
    Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="messages", type=AnyType()),)), params=PARAMS),
    *(Signature(inputs=ColumnSchema(columns=(ColumnSpec(name=None, type=k),)), is_from_type_hint=True) for k in KINDS),
    *(Signature(inputs=TensorSchema(tensors=(TensorSpec(name=None, dtype=d, shape=s),))) for d, s in TENSORS),
    Signature(inputs=TensorSchema(tensors=tuple(TensorSpec(name=d, dtype=d, shape=s) for d, s in TENSORS))),
]
TEXTS = st.sampled_from(["x", "0", "messages", "2024-01-02", "9999-12-31T00:00:00Z", "aGk=", "now", "\0"]) | st.text()
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**30])
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(SCALARS, lambda parts: st.lists(parts, max_size=3) | st.dictionaries(TEXTS, parts, max_size=3))
KEYS = st.sampled_from(["dataframe_split", "dataframe_records", "inputs", "instances", "params", "messages", "z"])
SPLITS = st.fixed_dictionaries(
    {"data": st.lists(st.lists(VALUES, max_size=3), max_size=3)}, optional={"columns": VALUES, "index": VALUES}
)
DOCUMENTS = st.dictionaries(KEYS, VALUES | SPLITS, max_size=2) | VALUES
BODIES = st.binary() | DOCUMENTS.map(lambda value: json.dumps(value).encode())
FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refusal_of(reader: InputReader, media: Media, body: bytes) -> ScoringError | None:
    try:
        reader.read(media, body)
    except ScoringError as refused:
        return refused
    return None


@pytest.mark.parametrize("signature", SIGNATURES, ids=range(len(SIGNATURES)))
@FEW
@given(body=BODIES, media=st.sampled_from([Media.JSON] * 4 + [Media.CSV, Media.PARQUET]))
def test_no_body_is_a_surprise(signature: Signature | None, body: bytes, media: Media) -> None:
    reader = InputReader(signature)
    refusal = refusal_of(reader, media, body)
    assert refusal is None or 400 <= refusal.code.status < 500
    assert refusal is None or len(refusal.as_body("id")) < 3000


@FEW
@given(body=st.binary(), content_type=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_request_ends_in_a_server_error(serve: Any, body: bytes, content_type: str) -> None:
    server = serve(DataType.LONG)
    for sent in (content_type, "application/json", f"text/csv;{content_type}"):
        answer = server.post(body, sent)
        assert answer.status_code in {200, 400, 415}
        assert isinstance(answer.json(), dict)
    assert server.post('{"inputs": [1]}').status_code == 200


@given(st.recursive(SCALARS, lambda parts: st.lists(parts) | st.dictionaries(TEXTS, parts)))
def test_exact_json_reads_what_json_says(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    assert parse_json(text, exact_integers=True) == value


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["", " ", "\n\t"]))
def test_a_key_twice_is_never_read(key: str, value: str, space: str) -> None:
    pair = f"{json.dumps(key)}{space}:{json.dumps(value)}"
    with pytest.raises(NotParsed, match="twice"):
        parse_json(f'[{{"k": [{{{pair},{pair}}}]}}]'.encode(), exact_integers=False)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_longs_arrive_exactly(values: list[int]) -> None:
    reader = InputReader(Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="x", type=DataType.LONG),))))
    read = reader.read(Media.JSON, json.dumps({"inputs": {"x": values}}).encode())
    assert read.data.columns[0].values.tolist() == values


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1)))
def test_instants_arrive_exactly(values: list[int]) -> None:
    reader = InputReader(Signature(inputs=ColumnSchema(columns=(ColumnSpec(name="x", type=DataType.DATETIME),))))
    texts = [str(np.datetime64(value, "ns")) for value in values]
    read = reader.read(Media.JSON, json.dumps({"inputs": {"x": texts}}).encode())
    assert read.data.columns[0].values.view("int64").tolist() == values
