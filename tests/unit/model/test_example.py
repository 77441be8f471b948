"""The input example gives the exact body that MLflow wrote, or the nearest one that is JSON, and typed rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import MlmodelError
from pytest_modelserve.model.example import InputExample, example_rows, read_example
from pytest_modelserve.model.mlmodel import Model, read_model
from pytest_modelserve.wire.payloads import Table, Tensors

SavedModel = Callable[[str], Path]
MakeModel = Callable[..., Path]
SIGNATURE = {"inputs": '[{"name": "age", "type": "double"}]'}
FRAME = {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"}
SERVED = {**FRAME, "serving_input_path": "serving_input_example.json"}


def example_of(path: Path) -> InputExample:
    example = read_example(read_model(str(path)))
    assert example is not None
    return example


@pytest.fixture
def make_example(make_model: MakeModel) -> Callable[..., Model]:
    """Write a model of one double column with an example: the content of its files, None for no such file."""

    def make(example: str | None, serving: str | None = None, **info: Any) -> Model:
        files = {"input_example.json": example, "serving_input_example.json": serving}
        written = {name: text for name, text in files.items() if text is not None}
        return read_model(
            str(make_model(files=written, signature=SIGNATURE, saved_input_example_info={**FRAME, **info}))
        )

    return make


MakeExample = Callable[..., Model]


def read(model: Model) -> InputExample:
    example = read_example(model)
    assert example is not None
    return example


@pytest.mark.parametrize(
    "name", ["mlflow_2_20_4_hint", "mlflow_3_17_2_tensors", "mlflow_3_17_2_chat", "mlflow_3_17_2_from_code"]
)
def test_the_body_is_byte_for_byte_what_mlflow_wrote(saved: SavedModel, name: str) -> None:
    example = example_of(saved(name))
    assert example.body == (saved(name) / "serving_input_example.json").read_bytes()
    assert example.document == json.loads(example.body)
    assert example.notes == ()


def test_a_table_is_typed_by_the_signature(saved: SavedModel) -> None:
    example = example_of(saved("mlflow_3_17_2_table"))
    assert isinstance(example.payload, Table)
    first, second = example.payload.rows
    assert first == ("basic", 31, 12.5, np.datetime64("2024-01-02T03:04:05", "ns"), b"\x00\xff", True, ["a"])
    assert second == (None, 2**53 + 1, None, np.datetime64("1969-12-31T23:59:59.123456789", "ns"), b"", False, [])
    assert example.params == {"threshold": 0.5, "labels": ["a"]}


def test_a_bare_nan_becomes_null_and_nothing_else_changes(saved: SavedModel) -> None:
    path = saved("mlflow_3_17_2_table")
    written = (path / "serving_input_example.json").read_text(encoding="utf-8")
    example = example_of(path)
    assert example.body.decode() == written.replace("NaN", "null")
    assert example.notes == ("serving_input_example.json holds NaN, which is no JSON: sent as null in 1 place",)


@pytest.mark.parametrize(
    "name",
    ["mlflow_1_14_1_table", "mlflow_1_30_1_table", "mlflow_2_0_1_table", "mlflow_2_6_0_table", "mlflow_2_11_5_table"],
)
def test_an_older_mlflow_wrote_no_body_so_it_is_made(saved: SavedModel, name: str) -> None:
    example = example_of(saved(name))
    split = {"columns": ["plan", "age", "spend"], "data": [["basic", 31, 12.5], ["pro", 54, 80.25]]}
    assert json.loads(example.body) == example.document == {"dataframe_split": split}
    assert isinstance(example.payload, Table)
    assert example.payload.rows == (("basic", 31, 12.5), ("pro", 54, 80.25))
    assert example.notes == ()


def test_mlflow_1_kept_an_array_as_a_whole_body(saved: SavedModel) -> None:
    example = example_of(saved("mlflow_1_14_1_tensor"))
    assert example.document == {"inputs": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]}
    assert example.data == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert isinstance(example.payload, Tensors)


def test_a_chat_example_is_one_row_and_a_whole_body(saved: SavedModel) -> None:
    example = example_of(saved("mlflow_3_17_2_chat"))
    assert example.document["messages"] == [{"role": "user", "content": "Hello!"}]
    assert isinstance(example.payload, Table)
    assert len(example.payload.rows) == 1


def test_a_sparse_example_is_dense(saved: SavedModel) -> None:
    example = example_of(saved("mlflow_3_17_2_sparse"))
    assert isinstance(example.payload, Tensors)
    assert np.asarray(example.payload.arrays[None]).tolist() == np.eye(3).tolist()


def test_a_model_without_example_has_none(saved: SavedModel) -> None:
    model = read_model(str(saved("mlflow_3_17_2_artifacts")))
    assert (read_example(model), example_rows(model)) == (None, None)


def test_rows_can_be_had_alone(saved: SavedModel) -> None:
    model = read_model(str(saved("mlflow_3_17_2_from_code")))
    assert example_rows(model) == read(model).payload


def test_params_go_beside_the_envelope(make_example: MakeExample) -> None:
    model = make_example('{"inputs": {"columns": ["age"], "data": [[1]]}, "params": {"top": 2}}', params="true")
    assert read(model).document == {"dataframe_split": {"columns": ["age"], "data": [[1]]}, "params": {"top": 2}}
    assert read(model).params == {"top": 2}


def test_params_of_a_chat_go_into_the_body(make_example: MakeExample) -> None:
    content = '{"inputs": {"messages": []}, "params": {"top": 2}}'
    assert read(make_example(content, params="true", type="json_object")).document == {"messages": [], "top": 2}


@pytest.mark.parametrize("content", ["[1, 2]", '{"inputs": [1]}', '{"inputs": [1], "params": [2]}'])
def test_params_that_are_not_where_mlmodel_says_are_an_error(make_example: MakeExample, content: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(make_example(content, params="true"))
    assert "params" in caught.value.happened
    assert str(caught.value.facts["file"]).endswith("/input_example.json")


@pytest.mark.parametrize("serving", ["{", "[1]", '{"a": 1} x', None])
def test_a_broken_or_missing_body_is_made_from_the_example_with_a_note(
    make_example: MakeExample, serving: str | None
) -> None:
    example = read(make_example('{"columns": ["age"], "data": [[1]]}', serving, **SERVED))
    assert example.document == {"dataframe_split": {"columns": ["age"], "data": [[1]]}}
    (note,) = example.notes
    assert note.startswith("serving_input_example.json ")
    assert note.endswith("made from input_example.json")


@pytest.mark.parametrize(
    ("serving", "data", "params"),
    [
        ('{"dataframe_split": {"data": [[1]]}, "params": {"a": 2}}', {"data": [[1]]}, {"a": 2}),
        ('{"inputs": [1]}', [1], {}),
        ('{"instances": [1]}', [1], {}),
        ('{"messages": []}', {"messages": []}, {}),
    ],
)
def test_a_missing_or_broken_example_is_read_from_the_body(
    make_example: MakeExample, serving: str, data: object, params: object
) -> None:
    for broken in (None, "{"):
        example = read(make_example(broken, serving, **SERVED))
        assert (example.data, example.params) == (data, params)
        assert example.body == serving.encode()
        assert example.notes[0].startswith("input_example.json ")
        assert example.notes[0].endswith("the rows are read from serving_input_example.json")


def test_a_body_without_envelope_says_nothing(make_example: MakeExample) -> None:
    with pytest.raises(MlmodelError, match="no envelope"):
        read(make_example(None, '{"data": [1]}', **SERVED))


@pytest.mark.parametrize("serving", [None, "{"])
def test_no_readable_file_at_all_is_an_error(make_example: MakeExample, serving: str | None) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(make_example(None, serving, **SERVED))
    assert caught.value.happened == "input_example.json cannot be read: No such file or directory"
    assert caught.value.fix


@pytest.mark.parametrize("content", ["", "{", "\ufeff{}", "[" * 100_000, "9" * 5000, "{'a': 1}"])
def test_a_broken_example_is_an_error_of_its_file(make_example: MakeExample, content: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(make_example(content))
    assert caught.value.happened.startswith("input_example.json is no JSON: ")


def test_an_example_that_is_not_utf8_is_no_json(make_example: MakeExample) -> None:
    model = make_example("{}")
    (model.path / "input_example.json").write_bytes(b'"\xff"')
    with pytest.raises(MlmodelError, match="is no JSON"):
        read(model)


def test_an_example_of_an_unknown_kind_is_an_error(make_example: MakeExample) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(make_example("{}", type="polars"))
    assert caught.value.facts["field"] == "saved_input_example_info.type"
    assert "'polars'" in caught.value.happened


def test_a_number_beyond_a_double_is_no_body(make_example: MakeExample) -> None:
    with pytest.raises(MlmodelError, match="beyond the largest double"):
        read(make_example('{"columns": ["age"], "data": [[1e400]]}'))


def test_what_only_looks_like_nan_is_left_alone(make_example: MakeExample) -> None:
    texts = r'"NaN", "say \"NaN\"", "-Infinity\\", NaN, -Infinity, Infinity'
    serving = '{"dataframe_split": {"columns": ["NaN"], "data": [[' + texts + "]]}}"
    example = read(make_example('{"data": []}', serving, **SERVED))
    assert example.body.decode() == serving.replace("NaN, -Infinity, Infinity", "null, null, null")
    assert json.loads(example.body) == example.document
    assert example.notes[0].endswith("-Infinity and Infinity and NaN, which is no JSON: sent as null in 3 places")


@pytest.mark.parametrize("kind", ["sparse_matrix_csr", "sparse_matrix_csc"])
def test_both_sparse_forms_are_dense(make_example: MakeExample, kind: str) -> None:
    by_row = {"data": [1, 2, 3], "indices": [0, 2, 1], "indptr": [0, 2, 3], "shape": [2, 3]}
    by_column = {"data": [1, 3, 2], "indices": [0, 1, 0], "indptr": [0, 1, 2, 3], "shape": [2, 3]}
    content = json.dumps(by_row if kind.endswith("csr") else by_column)
    assert read(make_example(content, type=kind)).document == {"inputs": [[1, 0, 2], [0, 3, 0]]}


@pytest.mark.parametrize(
    "change",
    [{"shape": None}, {"shape": [1]}, {"indices": [0, 9, 1]}, {"data": [1]}, {"indptr": 5}, {"shape": [10**6, 10**6]}],
)
def test_a_broken_or_huge_sparse_example_is_an_error(make_example: MakeExample, change: dict[str, Any]) -> None:
    matrix = {"data": [1, 2, 3], "indices": [0, 2, 1], "indptr": [0, 2, 3], "shape": [2, 3], **change}
    with pytest.raises(MlmodelError, match="sparse matrix"):
        read(make_example(json.dumps(matrix), type="sparse_matrix_csr"))


CELLS = st.text(max_size=10) | st.integers() | st.floats(allow_nan=True, allow_infinity=True) | st.none()


@given(st.lists(st.lists(CELLS, min_size=1, max_size=1), max_size=4))
def test_every_body_is_strict_json_with_all_else_kept(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[object]]
) -> None:
    root = tmp_path_factory.mktemp("model")
    serving = json.dumps({"dataframe_split": {"columns": ["NaN"], "data": rows}})
    (root / "serving_input_example.json").write_text(serving, encoding="utf-8")
    (root / "MLmodel").write_text(
        "flavors: {python_function: {loader_module: churn}}\n"
        "saved_input_example_info: {artifact_path: input_example.json, type: dataframe, "
        "serving_input_path: serving_input_example.json}\n",
        encoding="utf-8",
    )
    document = json.loads(example_of(root).body, parse_constant=pytest.fail)
    kept = [[None if isinstance(cell, float) and not math.isfinite(cell) else cell for cell in row] for row in rows]
    assert document == {"dataframe_split": {"columns": ["NaN"], "data": kept}}
