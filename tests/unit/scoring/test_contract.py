"""Every generated case against the scoring server: each cell of the contract's tables, each rule, held as it says."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pytest_modelserve.cases import Case, Document, Envelope, Expectation, RawBody, Table, Tensors
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
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature, TensorSchema, TensorSpec
from pytest_modelserve.strategies import RULES, edge_cases, envelopes_for, mutations, protocol_cases, rule
from pytest_modelserve.strategies.rules import OF_VALID
from pytest_modelserve.wire.envelopes import encode

MESSAGE = Object(
    properties=(Property(name="content", type=DataType.STRING), Property(name="role", type=DataType.STRING))
)
RECORD = Object(
    properties=(
        Property(name="count", type=DataType.INTEGER),
        Property(name="note", type=DataType.STRING, required=False),
        Property(name="when", type=DataType.DATETIME),
    )
)
PARAMS = (
    ParamSpec(name="temperature", type=DataType.DOUBLE, default=0.5),
    ParamSpec(name="max_tokens", type=DataType.LONG, default=20),
    ParamSpec(name="scale", type=DataType.FLOAT, default=1.0),
    ParamSpec(name="top_k", type=DataType.INTEGER, default=None),
    ParamSpec(name="greedy", type=DataType.BOOLEAN, default=False),
    ParamSpec(name="mode", type=DataType.STRING, default="fast"),
    ParamSpec(name="since", type=DataType.DATETIME, default=np.datetime64("2024-01-01", "us")),
    ParamSpec(name="stops", type=DataType.STRING, default=("a", "b"), shape=(-1,)),
    ParamSpec(name="seeds", type=DataType.INTEGER, default=(), shape=(-1,)),
    ParamSpec(name="extra", type=RECORD, default={"count": 1, "when": "2024-01-01T00:00:00"}),
)


def table(*specs: ColumnSpec, params: tuple[ParamSpec, ...] | None = None, is_hint: bool = False) -> Signature:
    return Signature(inputs=ColumnSchema(columns=specs), params=params, is_from_type_hint=is_hint)


def one(kind: ValueType, *, required: bool = True) -> Signature:
    beside = ColumnSpec(name="id", type=DataType.LONG)
    return table(ColumnSpec(name="x", type=kind, required=required), beside)


def tensors(*specs: tuple[str | None, str, tuple[int, ...]], params: tuple[ParamSpec, ...] | None = None) -> Signature:
    schema = TensorSchema(
        tensors=tuple(TensorSpec(name=name, dtype=dtype, shape=shape) for name, dtype, shape in specs)
    )
    return Signature(inputs=schema, params=params)


OPTIONAL = tuple(ColumnSpec(name=f"o {kind.value}", type=kind, required=False) for kind in DataType)
CORPUS = {
    **{kind.value: one(kind) for kind in DataType},
    "Array": one(Array(items=DataType.DOUBLE)),
    "Array of Array": one(Array(items=Array(items=DataType.LONG))),
    "Array of Object": one(Array(items=RECORD)),
    "Object": one(RECORD),
    "Object in Object": one(Object(properties=(Property(name="inner", type=RECORD, required=False),))),
    "Map": one(Map(values=DataType.INTEGER)),
    "Map of Map": one(Map(values=Map(values=DataType.STRING))),
    "AnyType": one(AnyType()),
    "SparkMLVector": one(SparkMLVector()),
    "optional": table(ColumnSpec(name="id", type=DataType.LONG), *OPTIONAL),
    "optional nested": table(
        ColumnSpec(name="a", type=Array(items=DataType.STRING), required=False),
        ColumnSpec(name="m", type=Map(values=DataType.LONG), required=False),
        ColumnSpec(name="r", type=RECORD, required=False),
    ),
    "unnamed": table(*(ColumnSpec(name=None, type=kind) for kind in DataType)),
    "integer names": table(*(ColumnSpec(name=at, type=DataType.LONG) for at in range(3))),
    "params": table(ColumnSpec(name="x", type=DataType.DOUBLE), params=PARAMS),
    "chat": table(
        ColumnSpec(name="messages", type=Array(items=MESSAGE)),
        ColumnSpec(name="n", type=DataType.LONG, required=False),
        params=PARAMS[:3],
    ),
    "completion": table(
        ColumnSpec(name="prompt", type=DataType.STRING), ColumnSpec(name="suffix", type=DataType.STRING)
    ),
    "responses": table(
        ColumnSpec(name="input", type=Array(items=AnyType())),
        ColumnSpec(name="tools", type=Array(items=Map(values=AnyType())), required=False),
    ),
    "type hint": table(ColumnSpec(name=None, type=RECORD), is_hint=True),
    "type hint of numbers": table(ColumnSpec(name=None, type=DataType.DOUBLE), is_hint=True),
    "image": tensors((None, "uint8", (-1, 4, 4))),
    "matrix": tensors((None, "float64", (-1, 3)), params=PARAMS[:1]),
    "scalar tensor": tensors((None, "float64", ())),
    "object tensor": tensors((None, "object", (-1,))),
    "named tensors": tensors(("a", "float32", (-1, 2)), ("b", "int64", (-1,)), ("free", "int32", (-1, -1, 2))),
    "dtypes": tensors(
        *((name, name, (-1, 2)) for name in ("float16", "int8", "uint16", "uint64", "bool", "str", "bytes")),
        ("datetime64[ns]", "datetime64[ns]", (-1,)),
    ),
}
PREDICT = ("POST", "/invocations")
LIMIT = 1 << 20


@dataclass
class Answered:
    """One request's answer, and what the worker got of it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    received: list[tuple[Any, Any]] = field(default_factory=list)


async def ask(server: Any, case: Case, signature: Signature) -> Answered:
    """Send a case to the application itself: a client between them costs ten times as long."""
    body, content_type = encode(case.payload, case.envelope, case.params, signature=signature)
    method, path = route_of(case)
    headers = [(b"content-length", str(len(body)).encode())]
    if content_type is not None:
        headers.append((b"content-type", content_type.encode()))
    found = Answered()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.status = message["status"]
            found.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            found.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    server.worker.received.clear()
    await server.app(scope, receive, send)
    found.received = [(data, params) for data, params, _ in server.worker.received]
    return found


def route_of(case: Case) -> tuple[str, str]:
    return (case.payload.method, case.payload.path) if isinstance(case.payload, RawBody) else PREDICT


def base_of(signature: Signature) -> Case:
    return next(iter(edge_cases(signature)))


def cases_of(signature: Signature) -> Iterator[Case]:
    base = base_of(signature)
    wraps = envelopes_for(signature)
    for at, case in enumerate(edge_cases(signature, envelopes=wraps)):
        if at % len(wraps) == at // len(wraps) % len(wraps):  # each value in one envelope, the next in the next
            yield case
    yield from mutations(signature, base)
    yield from protocol_cases(signature, base, max_body_bytes=LIMIT)


@pytest.mark.parametrize("name", CORPUS)
def test_every_case_is_answered_as_its_rule_says(name: str, serve: Callable[..., Any]) -> None:
    signature = CORPUS[name]
    server = serve(signature, max_body_bytes=LIMIT)
    base = base_of(signature)

    async def send_all() -> list[str]:
        return [
            f"{case.rule} in {case.envelope.value}: {case.label}: {problem}"
            for case in cases_of(signature)
            for problem in problems_of(case, await ask(server, case, signature), base, signature)
        ]

    assert asyncio.run(send_all()) == []


def problems_of(case: Case, answer: Answered, base: Case, signature: Signature) -> Iterator[str]:
    """Yield what is wrong with an answer by the contract."""
    is_taken = answer.status == 200
    wanted = rule(case.rule).status
    if wanted is not None and answer.status != wanted:
        yield f"status {answer.status}, not {wanted}"
    if case.expectation is Expectation.ACCEPT and not is_taken:
        yield f"refused: {answer.body[:200]!r}"
    elif not (is_taken and case.expectation is not Expectation.REJECT) and not 400 <= answer.status < 500:
        yield f"status {answer.status}"
    if answer.headers.get("content-type") != "application/json":
        yield f"content type {answer.headers.get('content-type')}"
    if not is_taken and route_of(case)[0] != "HEAD" and not isinstance(json.loads(answer.body), dict):
        yield "no error body"
    is_prediction = is_taken and route_of(case) == PREDICT
    if len(answer.received) != is_prediction:
        yield f"the worker was reached {len(answer.received)} times"
    elif is_prediction:
        is_bare = json.loads(answer.body) == 1
        if is_bare != (case.envelope is Envelope.UNIFIED):
            yield f"the answer is {answer.body!r}"
        yield from changed(case, answer.received[0], base, signature)


def changed(case: Case, received: tuple[Any, Any], base: Case, signature: Signature) -> Iterator[str]:
    """Yield what reached the model as another value than was sent."""
    data, params = received
    sent = base.payload if isinstance(case.payload, RawBody | Document) else case.payload
    if case.rule == "zero_rows" and isinstance(sent, Table):
        sent = Table(columns=sent.columns, rows=())
    if case.rule == "ragged_records" and isinstance(sent, Table):
        sent = Table(columns=sent.columns, rows=sent.rows * 2)
        lacking = next(name for name in sent.columns if f'without "{name}"' in case.label)
        gone = sent.columns.index(lacking)
        sent = Table(columns=sent.columns, rows=(sent.rows[0], (*sent.rows[1][:gone], None, *sent.rows[1][gone + 1 :])))
    match signature.inputs, sent:
        case ColumnSchema() as schema, Table() as rows:
            yield from changed_cells(schema, rows, rows_of(data, schema))
        case TensorSchema() as schema, Tensors() as arrays:
            for spec in schema.tensors:
                got = data if spec.name is None else data[spec.name]
                if not same_array(spec, arrays.arrays[spec.name], got):
                    yield f"tensor {spec.name} arrived as {got!r}"
    for param in signature.params or ():
        if param.name in case.params and not same_param(param, case.params[param.name], params[param.name]):
            yield f"param {param.name} arrived as {params[param.name]!r}"


def rows_of(data: Any, schema: ColumnSchema) -> dict[str | int, list[Any]]:
    if isinstance(data, list):  # a model from a type hint
        return {schema.names[0]: data}
    found: dict[str | int, list[Any]] = {}
    for column in data.columns:
        cells = list(column.values)
        if column.nulls is not None:
            cells = [None if gone else cell for cell, gone in zip(cells, column.nulls, strict=True)]
        found[column.name] = cells
    return found


def changed_cells(schema: ColumnSchema, sent: Table, got: Mapping[str | int, list[Any]]) -> Iterator[str]:
    types = dict(zip(schema.names, (spec.type for spec in schema.columns), strict=True))
    if set(got) != {name for name in sent.columns if name in types}:
        yield f"columns {sorted(map(str, got))}"
        return
    for at, name in enumerate(sent.columns):
        if name in types:
            cells = [row[at] for row in sent.rows]
            if len(got[name]) != len(cells) or not all(map(same, [types[name]] * len(cells), cells, got[name])):
                yield f"{name} arrived as {got[name]!r}"


def same(kind: ValueType, sent: Any, got: Any) -> bool:  # noqa: PLR0911 # one a kind
    """Tell whether a value arrived as it was sent, in the precision of its type."""
    if sent is None:
        return got is None or bool(got != got)  # noqa: PLR0124 # NaN and NaT
    match kind:
        case Array(items=items):
            return type(got) is list and len(got) == len(sent) and all(map(same, [items] * len(sent), sent, got))
        case SparkMLVector():
            return same(Array(items=DataType.DOUBLE), sent, got)
        case Map(values=values):
            return list(got) == list(sent) and all(same(values, sent[key], got[key]) for key in sent)
        case Object(properties=properties):
            types = {item.name: item.type for item in properties}
            # Parquet has every property, absent ones as null
            return set(got) - set(sent) <= {key for key, cell in got.items() if cell is None} and all(
                same(types[key], sent[key], got[key]) for key in set(sent) & set(types)
            )
        case AnyType():
            return json.dumps(got) == json.dumps(sent)
    return same_scalar(kind, sent, got)


def same_scalar(kind: DataType, sent: Any, got: Any) -> bool:
    if kind is DataType.FLOAT:
        return float(np.float32(got)).hex() == float(np.float32(sent)).hex()
    if kind is DataType.DOUBLE:
        return float(got).hex() == float(sent).hex()
    if kind is DataType.BINARY:
        return bool(got == (sent if isinstance(sent, bytes) else decoded(sent)))
    if kind is DataType.DATETIME:
        unit = "us" if isinstance(got, dt.date) else "ns"  # Python's own datetimes end at microseconds
        return bool(instant(got, unit) == instant(sent, unit))
    return bool(got == sent) and isinstance(got, bool | np.bool_) == isinstance(sent, bool)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))


def instant(value: Any, unit: str) -> Any:
    if isinstance(value, str):
        moment = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))  # Python 3.10 reads no Z
        value = moment.astimezone(dt.timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment
    exact = np.datetime64(value)
    if unit == "us" and np.datetime_data(exact.dtype)[0] == "ns":  # NumPy overflows on the first of them
        return np.datetime64(int(exact.astype(np.int64)) // 1000, "us")
    return exact.astype(f"datetime64[{unit}]")


def flat(nested: Any) -> list[Any]:
    return [part for item in nested for part in flat(item)] if isinstance(nested, list) else [nested]


def same_array(spec: TensorSpec, sent: Any, got: np.ndarray) -> bool:
    expected = np.array(sent, dtype=object)
    if got.dtype != np.dtype(spec.dtype) and got.dtype.kind != np.dtype(spec.dtype).kind:
        return False
    if spec.dtype != "object" and got.shape != expected.shape and got.size:
        return False
    if got.dtype.kind == "M":
        cells = list(sent.ravel()) if isinstance(sent, np.ndarray) else flat(sent)
        return all(map(same, [DataType.DATETIME] * got.size, cells, list(got.ravel())))
    if got.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return bool(np.array_equal(expected.astype("float64").astype(got.dtype), got, equal_nan=True))
    return got.size == 0 or bool((got.astype(object) == expected).all())


def same_param(spec: ParamSpec, sent: Any, got: Any) -> bool:
    if spec.shape is not None:
        return len(sent) == len(got) and all(map(same, [spec.type] * len(sent), sent, got))
    if spec.type is DataType.FLOAT:  # a parameter is Python's own float, as its default is
        return bool(sent == got)
    if isinstance(spec.type, Object):  # arrives as JSON
        return set(got) <= set(sent)
    return same(spec.type, sent, got)


# The tables of sections 1 and 2 in the contract's own words: row, expectation, cell, the rules that hold it, and what
# the labels of some of their cases say.
Cell = tuple[str, str, str, tuple[str, ...], tuple[str, ...]]
CELLS: tuple[Cell, ...] = (
    ("boolean", "accept", "true, false", ("valid",), ('"x" = true', "plainest values")),
    ("boolean", "reject", "strings", ("text_for_boolean",), ()),
    ("boolean", "reject", "numbers", ("number_for_boolean",), ()),
    ("boolean", "reject", "null when required", ("null_in_required",), ()),
    ("integer, long", "accept", "every JSON integer in range", ("valid",), ("int32 max", "int32 min", "int64 min")),
    ("integer, long", "accept", "exactly (beyond 2^53 too)", ("valid",), ("beyond 2^53", "below -2^53")),
    ("integer, long", "reject", "out of range", ("integer_out_of_range",), ()),
    ("integer, long", "reject", "fraction", ("fraction_for_integer",), ()),
    ("integer, long", "reject", "string", ("text_for_number",), ()),
    ("integer, long", "reject", "boolean", ("boolean_for_number",), ()),
    ("integer, long", "reject", "null when required", ("null_in_required",), ()),
    ("integer, long", "either", "integral float (3.0)", ("integral_float",), ()),
    ("integer, long", "either", "null when optional", ("null_as_missing",), ('"o long" = null',)),
    ("float", "accept", "numbers; the nearest float32 arrives", ("valid",), ("not exact in binary", "largest float32")),
    ("float", "reject", "beyond float32's range", ("float_out_of_range",), ("beyond float32",)),
    ("float", "reject", "string", ("text_for_number",), ()),
    ("float", "reject", "boolean", ("boolean_for_number",), ()),
    ("float", "either", "null when required (arrives as NaN)", ("null_as_missing",), ()),
    ("double", "accept", "numbers; the nearest float64 arrives", ("valid",), ("negative zero", "largest float64")),
    ("double", "reject", "beyond float64's range (1e400)", ("float_out_of_range",), ('"x" = 1e400',)),
    ("double", "reject", "string", ("text_for_number",), ()),
    ("double", "reject", "boolean", ("boolean_for_number",), ()),
    ("double", "either", "integers beyond 2^53", ("inexact_integer",), ()),
    ("double", "either", "null when required (arrives as NaN)", ("null_as_missing",), ()),
    ("string", "accept", "empty, 001, NaN, null", ("valid",), ("empty text", '"001"', '"NaN"', "null as text")),
    ("string", "accept", "date-like, with NUL, ://", ("valid",), ("date-like text", "NUL character", "URL")),
    ("string", "accept", "emoji, combining marks", ("valid",), ("emoji", "combining mark")),
    ("string", "reject", "numbers", ("number_for_string",), ()),
    ("string", "reject", "booleans", ("boolean_for_string",), ()),
    ("string", "reject", "lists", ("list_for_scalar",), ('"x" = [',)),
    ("string", "either", "lone surrogates", ("lone_surrogate",), ()),
    ("string", "either", "null when required", ("null_as_missing",), ()),
    ("binary", "accept", "base64, the bytes arrive", ("valid",), ("all byte values", "plus and slash in base64")),
    ("binary", "reject", "not base64", ("bad_base64",), ()),
    ("binary", "reject", "not a string", ("number_for_binary", "boolean_for_binary", "object_for_scalar"), ()),
    ("binary", "reject", "null when required", ("null_in_required",), ()),
    ("binary", "either", "missing padding", ("unpadded_base64",), ()),
    ("binary", "either", "URL-safe alphabet", ("url_safe_base64",), ()),
    ("datetime", "accept", "ISO 8601 without zone, to the nanosecond", ("valid",), ("(nanoseconds)", "leap day")),
    ("datetime", "accept", "1677 to 2262", ("valid",), ("earliest nanosecond", "latest nanosecond")),
    ("datetime", "reject", "not a date", ("bad_date", "boolean_for_datetime"), ()),
    ("datetime", "reject", "numbers", ("number_for_datetime",), ()),
    ("datetime", "either", "null when required (NaT)", ("null_as_missing",), ()),
    ("datetime", "either", "with zone or Z", ("zoned_datetime",), ()),
    ("datetime", "either", "date alone", ("date_without_time",), ()),
    ("datetime", "either", "beyond the nanosecond range", ("datetime_out_of_range",), ()),
    ("Array(T)", "accept", "lists of T, empty too; nested", ("valid",), ("empty list", "element empty list")),
    ("Array(T)", "reject", "element of another type", ("wrong_element",), ()),
    ("Array(T)", "reject", "ragged where a tensor is declared", ("tensor_ragged",), ()),
    ("Array(T)", "reject", "scalar", ("scalar_for_array", "object_for_array"), ()),
    ("Array(T)", "either", "null elements", ("null_element",), ()),
    (
        "Object",
        "accept",
        "every required property, optional ones absent",
        ("valid",),
        ('"note" empty text', '"inner" "count" zero'),
    ),
    ("Object", "reject", "missing required property", ("missing_property",), ()),
    ("Object", "reject", "wrong property type", ("wrong_property", "list_for_object", "scalar_for_object"), ()),
    ("Object", "either", "unknown property", ("unknown_property",), ()),
    ("Map(T)", "accept", "any keys, values of T, empty", ("valid",), ("empty map", "emoji key", "value empty map")),
    ("Map(T)", "reject", "value of another type", ("wrong_map_value", "scalar_for_map"), ()),
    ("Map(T)", "reject", "list", ("list_for_map",), ()),
    ("AnyType", "accept", "any JSON value", ("valid",), ("(null)", "(boolean)", "(integer)", "(fraction)", "(text)")),
    ("AnyType", "accept", "any JSON value", ("valid",), ("empty record", "mixed and nested")),
    ("optional column", "accept", "absent", ("valid",), ('"o boolean" absent', '"a" absent')),
    ("optional column", "accept", "null for string, double", ("valid",), ('"o string" = null', '"o double" = null')),
    ("optional column", "accept", "null for float, datetime", ("valid",), ('"o float" = null', '"o datetime" = null')),
    ("optional column", "accept", "null for binary", ("valid",), ('"o binary" = null',)),
    ("optional column", "either", "null for integer, long, boolean", ("null_as_missing",), ('"o boolean" = null',)),
    ("tensor", "accept", "dtype as declared", ("valid",), ("largest float16", "uint64 max", "int8 min", "int64 max")),
    ("tensor", "accept", "every size for each -1, batch of 1", ("valid",), ("axis 1 of size 3", "batch of 1")),
    ("tensor", "reject", "wrong rank", ("tensor_rank",), ("of 4 dimensions for 3", "of 2 dimensions for 3")),
    ("tensor", "reject", "wrong fixed dimension", ("tensor_fixed_dimension",), ("of size 5", "of size 3")),
    ("tensor", "reject", "ragged", ("tensor_ragged",), ()),
    ("tensor", "reject", "wrong dtype class", ("text_for_number", "fraction_for_integer"), ("last element",)),
    ("tensor", "reject", "wrong dtype class", ("number_for_boolean", "number_for_string"), ('"bool" last element',)),
    ("tensor", "reject", "a tensor is missing", ("missing_tensor",), ()),
    ("tensor", "either", "batch of 0", ("tensor_zero_rows", "tensor_empty_axis"), ()),
    ("tensor", "either", "other batches, other tensors", ("tensor_batches_differ", "extra_tensor"), ()),
    ("params", "accept", "each at its default and at its edges", ("valid",), ("every param given", "param scale = ")),
    (
        "params",
        "accept",
        "lists for shape [-1], empty list",
        ("valid",),
        ("param stops = [] (empty list)", "two equal"),
    ),
    ("params", "reject", "wrong type", ("param_wrong_type",), ("param extra = ", "param since = ", "param mode = 1")),
    ("params", "reject", "out of range", ("param_out_of_range",), ("param max_tokens", "param scale", "param seeds")),
    ("params", "reject", "null", ("param_null",), ()),
    ("params", "reject", "scalar for a list", ("param_scalar_for_list",), ()),
    ("params", "reject", "list for a scalar", ("param_list_for_scalar",), ()),
    ("params", "either", "unknown names", ("param_unknown",), ()),
    ("params", "either", "what the types leave open", ("param_open", "param_null_element"), ("param top_k = null",)),
    ("tokens", "reject", "NaN", ("nan_token",), ('"x" = NaN', "second element is no JSON number")),
    ("tokens", "reject", "Infinity, -Infinity", ("infinity_token",), ('"x" = Infinity', '"x" = -Infinity')),
    ("protocol", "accept", "columns in any order", ("reordered_columns",), ()),
    ("protocol", "accept", "split with and without index", ("split_index",), ()),
    ("protocol", "accept", "Content-Type with charset=utf-8", ("content_type_charset",), ()),
    ("protocol", "accept", "upper case, spaces", ("content_type_case", "content_type_spaces"), ()),
    ("protocol", "reject", "no body, not JSON, not UTF-8", ("no_body", "not_json", "not_utf8", "csv_not_utf8"), ()),
    ("protocol", "reject", "top-level list or scalar", ("top_level_list", "top_level_scalar"), ()),
    ("protocol", "reject", "no envelope", ("no_envelope",), ()),
    ("protocol", "reject", "two envelopes", ("two_envelopes",), ("the row as the body itself",)),
    ("protocol", "reject", "envelope of the wrong shape", ("envelope_wrong_shape", "params_not_object"), ()),
    (
        "protocol",
        "reject",
        "missing required column",
        ("missing_column",),
        ("without the required", "last of the rows"),
    ),
    ("protocol", "reject", "duplicate column", ("duplicate_column",), ()),
    ("protocol", "reject", "ragged rows", ("ragged_rows", "csv_ragged", "ragged_columns", "index_wrong_length"), ()),
    ("protocol", "reject", "a CSV cell of another type", ("csv_wrong_cell",), ()),
    ("protocol", "reject", "unknown media type", ("unknown_media_type",), ()),
    ("protocol", "reject", "other charset, missing Content-Type", ("other_charset", "missing_content_type"), ()),
    ("protocol", "reject", "nesting 100,000 deep", ("deep_nesting",), ("100,000 lists", "100,000 records")),
    ("protocol", "reject", "an integer of 5,000 digits", ("huge_integer",), ('5,000 digits in "x"',)),
    ("protocol", "reject", "a body over the limit (413)", ("body_too_large",), ()),
    ("protocol", "either", "extra column, unknown top-level key", ("extra_column", "unknown_top_level_key"), ()),
    ("protocol", "either", "zero rows", ("zero_rows",), ("dataframe_split without", "dataframe_records without")),
    ("protocol", "either", "duplicate JSON key", ("duplicate_json_key",), ("stands twice in a row",)),
    ("protocol", "either", "what the list is silent on", ("byte_order_mark", "params_null", "ragged_records"), ()),
    (
        "protocol",
        "accept",
        "GET /ping, /health 200; HEAD too",
        ("health", "health_head"),
        ("HEAD /ping", "GET /health"),
    ),
    ("protocol", "accept", "/version", ("version",), ()),
    ("protocol", "reject", "other methods 405", ("method_not_allowed",), ("HEAD /invocations", "POST /ping")),
    ("protocol", "reject", "unknown path 404", ("unknown_path",), ()),
    ("unified", "accept", "one row as the body itself", ("valid",), ('"messages" = ',)),
    ("unified", "either", "params that are wrapped", ("unified_params_wrapped",), ()),
)
ENVELOPES = ("dataframe_split", "dataframe_records", "inputs", "instances", "csv", "parquet", "unified")


@pytest.fixture(scope="module")
def shown() -> dict[str, list[Case]]:
    """Return every case of the corpus by its rule."""
    found: dict[str, list[Case]] = defaultdict(list)
    for signature in CORPUS.values():
        for case in cases_of(signature):
            found[case.rule].append(case)
    return found


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell[0]}: {cell[2]}")
def test_every_cell_of_the_contract_is_held_by_a_rule(cell: Cell, shown: dict[str, list[Case]]) -> None:
    _, expectation, _, rules, labels = cell
    cases = [case for rule_id in rules for case in shown[rule_id]]
    assert {case.rule for case in cases} == set(rules)
    assert {case.expectation.value for case in cases} == {expectation}
    assert [label for label in labels if not any(label in case.label for case in cases)] == []


def test_every_rule_stands_in_a_cell_and_is_exercised(shown: dict[str, list[Case]]) -> None:
    of_cells = {rule_id for *_, rules, _ in CELLS for rule_id in rules}
    structural = {"list_for_scalar", "object_for_scalar"}  # of every scalar type
    assert of_cells | structural | OF_VALID == {one.id for one in RULES}
    assert set(shown) | OF_VALID == {one.id for one in RULES}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_every_envelope_carries_valid_cases_and_broken_ones(envelope: str, shown: dict[str, list[Case]]) -> None:
    assert any(case.envelope.value == envelope and case.params for case in shown["valid"]) or envelope in {
        "csv",
        "parquet",
    }
    assert any(case.envelope.value == envelope and not case.params for case in shown["valid"])
    assert any(case.envelope.value == envelope for case in shown["missing_column"])
