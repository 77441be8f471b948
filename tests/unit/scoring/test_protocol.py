"""Section 2 of the contract: what a request may look like, whatever its data."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, ColumnSpec, ParamSpec, Signature

PLAN = ColumnSchema(
    columns=(
        ColumnSpec(name="a", type=DataType.LONG),
        ColumnSpec(name="b", type=DataType.DOUBLE),
        ColumnSpec(name="c", type=DataType.STRING, required=False),
    )
)
VALID = '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2.5]]}}'


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json ; charset=UTF-8",
        'application/json;charset="utf-8"',
        "Application/JSON",
        "APPLICATION/JSON; CHARSET=Utf-8",
        "application/json;",
        "application/json; profile=x",
    ],
)
def test_json_is_json_however_it_is_spelled(serve: Any, content_type: str) -> None:
    assert serve(PLAN).post(VALID, content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "*/*",
        "text/json",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "application/vnd.api+json",
        "json",
        "application/json; charset=latin-1",
        "application/json; charset=",
        'application/json; charset="utf-16"',
        "text/csv; header=absent",
    ],
)
def test_other_media_are_unsupported(serve: Any, content_type: str | None) -> None:
    error = serve(PLAN).refuse(VALID, content_type, status=415)
    assert error["error_code"] == "UNSUPPORTED_MEDIA_TYPE"


def test_two_content_types_are_none(serve: Any) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/csv")]
    answer = serve(PLAN).request("POST", "/invocations", VALID.encode(), headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("identity", 200), ("", 200)])
def test_bodies_are_not_compressed(serve: Any, encoding: str, status: int) -> None:
    body = gzip.compress(VALID.encode()) if encoding == "gzip" else VALID.encode()
    assert serve(PLAN).post(body, content_encoding=encoding).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"nope",
        VALID[:-1].encode(),
        f"{VALID} {VALID}".encode(),
        f"{VALID}x".encode(),
        VALID.replace("]]}", "]],}").encode(),
        VALID.replace("[[1", "[[+1").encode(),
        VALID.replace("[[1", "[[01").encode(),
        VALID.replace("[[1", "[[0x1").encode(),
        VALID.replace('"a"', '"a\x01"').encode(),
        VALID.replace('"a"', '"a\xff"').encode("latin-1"),
        VALID.encode("utf-16"),
        VALID.encode("utf-32"),
        b"/* */" + VALID.encode(),
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b"[[1, 2.5]]",
        b"{}",
        b'{"params": {}}',
        b'{"columns": ["a", "b"], "data": [[1, 2.5]]}',
        b'{"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2.5]]}, "inputs": {"a": [1], "b": [2.5]}}',
        f'{VALID[:-1]}, "z": {"[" * 100_000}{"]" * 100_000}}}'.encode(),
        f'{VALID[:-1]}, "z": {"9" * 5000}}}'.encode(),
        f'{VALID[:-1]}, "z": NaN}}'.encode(),
        f'{VALID[:-1]}, "input": 1}}'.encode(),
        f'{VALID[:-1]}, "messages": []}}'.encode(),
    ],
)
def test_a_body_that_is_no_request_is_refused(serve: Any, body: bytes) -> None:
    assert serve(PLAN).refuse(body)["error_code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    "body",
    [
        '{"inputs": {"a": [1], "a": [2], "b": [1.5]}}',
        '{"inputs": {"a": [1], "a" : [2], "b": [1.5]}}',
        '{"inputs": {"a": [1], "\\u0061": [2], "b": [1.5]}}',
        '{"inputs": {"a": [1], "b": [1.5], "c": ["\\":"], "a": [2]}}',
        '{"dataframe_records": [{"a": 1, "b": 1.5}, {"a": 1, "b": 1.5, "b": 2.5}]}',
        '{"inputs": {"a": [1], "b": [1.5]}, "inputs": {"a": [1], "b": [1.5]}}',
        '{"inputs": {"a": [1], "b": [1.5]}, "z": [{"k": 1, "k": 1}]}',
    ],
)
def test_a_key_that_stands_twice_is_refused(serve: Any, body: str) -> None:
    error = serve(PLAN).refuse(body)
    assert error["error_code"] == "BAD_REQUEST"
    assert "key" in error["details"]


@pytest.mark.parametrize("text", ['"\\":"', '"::"', '"\\\\\\": {\\"a\\": 1}"', '" :"'])
def test_colons_and_quotes_in_texts_are_no_keys(serve: Any, cells: Any, text: str) -> None:
    table = serve(PLAN).receive(f'{{"inputs": {{"a" : [1], "b": [1.5], "c": [{text}]}}}}')
    assert cells(table, "c") == [json.loads(text)]


def test_a_byte_order_mark_is_passed_over(serve: Any) -> None:
    assert serve(PLAN).post(b"\xef\xbb\xbf" + VALID.encode()).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(2000, 200), (2001, 413), (100_000, 413)])
def test_a_body_over_the_limit_is_too_large(serve: Any, size: int, status: int) -> None:
    server = serve(PLAN, max_body_bytes=2000)
    answer = server.post(VALID.ljust(size))
    assert answer.status_code == status
    assert len(server.worker.received) == (status == 200)


@pytest.mark.parametrize(
    "body",
    [
        '{"dataframe_split": {"columns": ["b", "a"], "data": [[2.5, 1]]}}',
        '{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2.5, null]], "index": null}}',
        '{"dataframe_split": {"index": [7], "data": [[1, 2.5]], "columns": ["a", "b"]}}',
        '{"dataframe_records": [{"b": 2.5, "a": 1}]}',
        '{"inputs": {"a": [1], "b": [2.5]}}',
        '{"inputs": {"a": 1, "b": 2.5}}',
        '{"inputs": [{"a": 1, "b": 2.5}]}',
        '{"instances": [{"a": 1, "b": 2.5}]}',
        '{"instances": {"a": [1], "b": [2.5]}}',
        '{"instances": [{"a": 1, "b": 2.5}], "params": null}',
        '{"instances": [{"a": 1, "b": 2.5}], "params": {}}',
    ],
)
def test_every_envelope_gives_the_same_table(serve: Any, cells: Any, body: str) -> None:
    table = serve(PLAN).receive(body)
    assert [column.name for column in table.columns][:2] == ["a", "b"]
    assert (cells(table, "a"), cells(table, "b"), table.n_rows) == ([1], [2.5], 1)


@pytest.mark.parametrize(
    "split",
    [
        "null",
        "[]",
        '"x"',
        "{}",
        '{"columns": ["a", "b"]}',
        '{"columns": ["a", "b"], "data": null}',
        '{"columns": ["a", "b"], "data": {"a": [1], "b": [2.5]}}',
        '{"columns": ["a", "b"], "data": [{"a": 1, "b": 2.5}]}',
        '{"columns": ["a", "b"], "data": [[1]]}',
        '{"columns": ["a", "b"], "data": [[1, 2.5], [1]]}',
        '{"columns": ["a", "b"], "data": [[1, 2.5, 3]]}',
        '{"columns": ["a", "b"], "data": [[]]}',
        '{"columns": ["a", "b"], "data": [1, 2.5]}',
        '{"columns": ["a", "b"], "data": [[1, 2.5], null]}',
        '{"columns": ["a", "a", "b"], "data": [[1, 1, 2.5]]}',
        '{"columns": ["a", "b", "c", "c"], "data": [[1, 2.5, "x", "x"]]}',
        '{"columns": {"0": "a", "1": "b"}, "data": [[1, 2.5]]}',
        '{"columns": "ab", "data": [[1, 2.5]]}',
        '{"columns": [["a"], ["b"]], "data": [[1, 2.5]]}',
        '{"columns": ["a", true], "data": [[1, 2.5]]}',
        '{"columns": ["a", "b"], "index": [0, 1, 2], "data": [[1, 2.5]]}',
        '{"columns": ["a", "b"], "index": [], "data": [[1, 2.5]]}',
        '{"columns": ["a", "b"], "index": 0, "data": [[1, 2.5]]}',
        '{"columns": ["a", "b"], "index": [[0, 1]], "data": [[1, 2.5]]}',
        '{"columns": ["a", "b"], "index_names": [null], "data": [[1, 2.5]]}',
        '{"data": [[1, 2.5]]}',
        '{"columns": ["A", "b"], "data": [[1, 2.5]]}',
        '{"columns": ["a ", "b"], "data": [[1, 2.5]]}',
        '{"columns": ["a"], "data": [[1]]}',
    ],
)
def test_a_broken_split_is_refused(serve: Any, split: str) -> None:
    serve(PLAN).refuse(f'{{"dataframe_split": {split}}}')


@pytest.mark.parametrize("envelope", ["dataframe_records", "inputs", "instances"])
@pytest.mark.parametrize(
    "content",
    [
        "null",
        "1",
        '"x"',
        "{}",
        "[{}]",
        "[null]",
        "[1]",
        "[[1, 2.5]]",
        '[{"a": 1, "b": 2.5}, null]',
        '[{"a": 1, "b": 2.5}, [1, 2.5]]',
        '[{"a": 1}]',
        '{"a": 1, "b": [1.5, 2.5, 3.5]}',
        '{"a": [1, 2], "b": [1.5]}',
        '{"a": [1], "b": [1.5], "z": [1, 2]}',
        '{"a": [[1]], "b": [[2.5]]}',
    ],
)
def test_broken_rows_and_columns_are_refused(serve: Any, envelope: str, content: str) -> None:
    serve(PLAN).refuse(f'{{"{envelope}": {content}}}')


def test_records_are_not_a_dict_of_columns(serve: Any) -> None:
    serve(PLAN).refuse('{"dataframe_records": {"a": [1], "b": [2.5]}}')


def test_rows_are_never_joined_from_two_records(serve: Any, cells: Any) -> None:
    both = ColumnSchema(columns=tuple(ColumnSpec(name=n, type=DataType.STRING, required=False) for n in "cd"))
    table = serve(both).receive('{"instances": [{"c": "x", "d": "1"}, {"c": "y"}, {"d": "3"}]}')
    assert cells(table, "c") == ["x", "y", None]
    assert cells(table, "d") == ["1", None, "3"]


@pytest.mark.parametrize("body", ['{"dataframe_records": []}', '{"inputs": []}', '{"inputs": {"a": [], "b": []}}'])
def test_no_rows_are_a_table_of_no_rows(serve: Any, body: str) -> None:
    table = serve(PLAN).receive(body)
    assert table.n_rows == 0
    assert [column.values.dtype for column in table.columns[:2]] == ["int64", "float64"]


def test_the_index_reaches_the_model(serve: Any) -> None:
    body = '{"dataframe_split": {"columns": ["a", "b"], "index": ["k", "k"], "data": [[1, 2.5], [2, 3.5]]}}'
    assert serve(PLAN).receive(body).index == ("k", "k")


def test_extra_columns_and_keys_are_left_out_and_told(serve: Any) -> None:
    server = serve(PLAN)
    answer = server.post('{"dataframe_records": [{"a": 1, "b": 2.5, "é": 1}], "signature_name": "x"}')
    assert answer.status_code == 200
    assert json.loads(answer.headers["X-Modelserve-Ignored"]) == ["signature_name", "é"]
    assert [column.name for column in server.worker.received[0][0].columns] == ["a", "b"]


def test_what_is_told_of_extra_columns_fits_a_header(serve: Any) -> None:
    names = [chr(code) for code in range(0x100)] + ["x" * 100]
    extra = dict.fromkeys(sorted(names, key=lambda name: name != "\x7f"), 1)
    row = {**extra, "a": 1, "b": 2.5, "c": "x"}
    told = serve(PLAN).post({"dataframe_records": [row]}).headers["X-Modelserve-Ignored"]
    assert all(" " <= character <= "~" for character in told)
    assert json.loads(told)[0] == "\x7f"


def test_of_a_name_that_stands_twice_the_last_type_counts(serve: Any) -> None:
    twice = ColumnSchema(columns=tuple(ColumnSpec(name="a", type=kind) for kind in (DataType.LONG, DataType.DOUBLE)))
    (column,) = serve(twice).receive('{"inputs": {"a": [1.5]}}').columns
    assert column.values.tolist() == [1.5]


def test_only_unknown_columns_are_no_request_of_optional_ones(serve: Any) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.DOUBLE, required=False),))
    serve(schema).refuse('{"dataframe_split": {"columns": ["A"], "data": [[1]]}}')


def test_rows_of_nothing_keep_their_number(serve: Any) -> None:
    schema = ColumnSchema(columns=(ColumnSpec(name="a", type=DataType.DOUBLE, required=False),))
    table = serve(schema).receive('{"dataframe_records": [{}, {}]}')
    assert (table.columns, table.n_rows) == ((), 2)


@pytest.mark.parametrize("given", ["[]", "0", '""', "false", '{"beam": 1}'])
def test_a_model_without_params_takes_none(serve: Any, given: str) -> None:
    error = serve(PLAN).refuse(f'{VALID[:-1]}, "params": {given}}}')
    assert error["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_model_without_params_gets_none(serve: Any) -> None:
    server = serve(PLAN)
    server.receive(VALID)
    assert server.worker.received[0][1] is None


def test_params_reach_the_model(serve: Any) -> None:
    spec = ParamSpec(name="beam", type=DataType.LONG, default=4)
    server = serve(Signature(inputs=PLAN, params=(spec,)))
    server.receive(VALID)
    server.receive(f'{VALID[:-1]}, "params": {{"beam": 7}}}}')
    assert [params for _, params, _ in server.worker.received] == [{"beam": 4}, {"beam": 7}]
