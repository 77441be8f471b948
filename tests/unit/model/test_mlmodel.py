"""MLmodel files of every MLflow are read whole, and a broken one says what, where and what to do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.errors import MlmodelError, ModelUriError, SignatureError
from pytest_modelserve.model.digest import digest_of
from pytest_modelserve.model.fetch import FetchedModel
from pytest_modelserve.model.mlmodel import NO_SIGNATURE, Model, read_fetched, read_model
from pytest_modelserve.signature.datatypes import DataType
from pytest_modelserve.signature.specs import ColumnSchema, TensorSchema

SavedModel = Callable[[str], Path]
MakeModel = Callable[..., Path]
ONE_COLUMN = '[{"name": "age", "type": "long"}]'


def read(path: Path) -> Model:
    return read_model(str(path))


def test_a_model_says_where_it_is_and_what_it_is(saved: SavedModel) -> None:
    path = saved("mlflow_3_17_2_table")
    model = read_model(f"file://{path}")
    assert (model.uri, model.resolved, model.path) == (f"file://{path}", str(path), path)
    assert model.digest == digest_of(path)
    assert model.is_signed
    assert list(model.flavors) == ["python_function"]
    assert model.document["model_size_bytes"] == 2289


@pytest.mark.parametrize(
    ("name", "mlflow_version", "python_version", "env"),
    [
        ("mlflow_1_14_1_table", None, "3.8.18", {"conda": "conda.yaml"}),
        ("mlflow_1_30_1_table", "1.30.1", "3.9.18", {"conda": "conda.yaml"}),
        ("mlflow_2_0_1_table", "2.0.1", "3.9.18", {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}),
        ("mlflow_2_6_0_table", "2.6.0", "3.10.13", {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}),
        ("mlflow_2_11_5_table", "2.11.5", "3.10.13", {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}),
        ("mlflow_2_20_4_hint", "2.20.4", "3.11.7", {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}),
        ("mlflow_3_17_2_table", "3.17.2", "3.11.7", {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}),
    ],
)
def test_every_mlflow_is_read(
    saved: SavedModel, name: str, mlflow_version: str | None, python_version: str, env: dict[str, str]
) -> None:
    model = read(saved(name))
    assert model.mlflow_version == mlflow_version
    assert (model.pyfunc.python_version, model.pyfunc.env) == (python_version, env)
    assert model.pyfunc.loader_module == "mlflow.pyfunc.model"
    assert model.signature is not None
    assert model.example_info is not None
    assert model.utc_time_created is not None
    assert model.utc_time_created.startswith("2026-11-23 01:")


@pytest.mark.parametrize("name", ["mlflow_2_6_0_table", "mlflow_2_11_5_table"])
def test_params_are_read_in_both_spellings(saved: SavedModel, name: str) -> None:
    signature = read(saved(name)).signature
    assert signature is not None
    assert signature.params is not None
    assert [(spec.name, spec.type, spec.default, spec.shape) for spec in signature.params] == [
        ("threshold", DataType.DOUBLE, 0.5, None),
        ("labels", DataType.STRING, ("a", "b"), (-1,)),
    ]


def test_mlflow_1_knows_no_params(saved: SavedModel) -> None:
    model = read(saved("mlflow_1_14_1_tensor"))
    assert model.signature is not None
    assert isinstance(model.signature.inputs, TensorSchema)
    assert model.signature.params is None
    assert model.signature_mapping["params"] is None
    assert model.example_info is not None
    assert model.example_info.is_tf_serving
    assert model.example_info.serving_path is None
    assert (model.model_uuid, model.model_id, model.run_id) == (None, None, None)


def test_a_type_hint_model_is_known(saved: SavedModel) -> None:
    model = read(saved("mlflow_2_20_4_hint"))
    assert model.is_signature_from_type_hint
    assert not model.is_type_hint_from_example
    assert model.signature is not None
    assert model.signature.is_from_type_hint


def test_the_signature_is_kept_as_mlflow_writes_it(saved: SavedModel) -> None:
    model = read(saved("mlflow_3_17_2_table"))
    assert list(model.signature_mapping) == ["inputs", "outputs", "params"]
    columns = json.loads(str(model.signature_mapping["inputs"]))
    assert model.signature is not None
    assert isinstance(model.signature.inputs, ColumnSchema)
    assert model.signature.inputs.names == tuple(column["name"] for column in columns)


def test_a_chat_model_is_read(saved: SavedModel) -> None:
    model = read(saved("mlflow_3_17_2_chat"))
    assert model.metadata == {"task": "agent/v1/chat"}
    assert model.pyfunc.is_streamable
    assert isinstance(model.signature and model.signature.inputs, ColumnSchema)


def test_a_model_without_signature_has_none(saved: SavedModel) -> None:
    model = read(saved("mlflow_3_17_2_artifacts"))
    assert model.signature is None
    assert not model.is_signed
    assert model.signature_mapping == NO_SIGNATURE == {"inputs": None, "outputs": None, "params": None}
    assert model.example_info is None
    assert not model.is_signature_from_type_hint


def test_outputs_alone_sign_nothing(make_model: MakeModel) -> None:
    model = read(make_model(signature={"inputs": None, "outputs": ONE_COLUMN, "params": ""}))
    assert model.signature is not None
    assert not model.is_signed
    assert model.signature_mapping == {"inputs": None, "outputs": ONE_COLUMN, "params": None}


def test_ids_that_look_like_numbers_stay_texts(make_model: MakeModel) -> None:
    path = make_model()
    text = (path / "MLmodel").read_text(encoding="utf-8")
    ids = "run_id: 12345678901234567890123456789012\nmodel_id: 123e4567\nmlflow_version: 2.0\nmodel_uuid: 1.5e+3\n"
    times = "utc_time_created: 2024-01-02 03:04:05\n"
    (path / "MLmodel").write_text(text + ids + times, encoding="utf-8")
    model = read(path)
    assert model.run_id == "12345678901234567890123456789012"
    assert (model.model_id, model.mlflow_version, model.model_uuid) == ("123e4567", "2.0", "1.5e+3")
    assert model.utc_time_created == "2024-01-02 03:04:05"


def test_names_of_environment_variables_are_kept(make_model: MakeModel) -> None:
    assert read(make_model(env_vars=["OPENAI_API_KEY"])).env_vars == ("OPENAI_API_KEY",)


def test_unknown_fields_are_kept(make_model: MakeModel) -> None:
    assert read(make_model(invented={"by": "us"})).document["invented"] == {"by": "us"}


def test_a_model_cannot_be_changed(make_model: MakeModel) -> None:
    model = read(make_model())
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.uri = "other"  # type: ignore[misc]


def test_what_is_resolved_comes_from_the_fetcher(make_model: MakeModel) -> None:
    fetched = FetchedModel(uri="models:/churn@champion", resolved="models:/churn/5", path=make_model())
    assert (read_fetched(fetched).uri, read_fetched(fetched).resolved) == ("models:/churn@champion", "models:/churn/5")


def test_no_directory_is_a_uri_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUriError):
        read(tmp_path / "nothing")


@pytest.mark.parametrize("side", ["inputs", "outputs", "params"])
def test_a_signature_in_yaml_instead_of_json_is_an_error(make_model: MakeModel, side: str) -> None:
    path = make_model(signature={side: [{"name": "age", "type": "long"}]})
    with pytest.raises(MlmodelError) as caught:
        read(path)
    assert caught.value.happened == f"`signature.{side}` in MLmodel is a list, and must be JSON in a text"
    assert caught.value.facts["file"] == path / "MLmodel"
    assert "age" in str(caught.value.facts["value"])
    assert f"`{side}` in quotes" in caught.value.fix


@pytest.mark.parametrize(
    "signature",
    [
        {"inputs": None, "outputs": None, "params": None},
        {},
        {"inputs": "not JSON"},
        {"inputs": "[]"},
        {"inputs": '[{"type": "int"}]'},
    ],
)
def test_a_signature_that_mlflow_could_not_have_written_names_the_file(
    make_model: MakeModel, signature: dict[str, Any]
) -> None:
    path = make_model(signature=signature)
    with pytest.raises(SignatureError) as caught:
        read(path)
    assert caught.value.facts["file"] == path / "MLmodel"
    assert caught.value.fix


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"signature": "long"}, "signature"),
        ({"metadata": ["a"]}, "metadata"),
        ({"env_vars": "A"}, "env_vars"),
        ({"run_id": True}, "run_id"),
        ({"is_signature_from_type_hint": "perhaps"}, "is_signature_from_type_hint"),
        ({"saved_input_example_info": "input_example.json"}, "saved_input_example_info"),
        ({"saved_input_example_info": {"type": "dataframe"}}, "saved_input_example_info.artifact_path"),
        ({"saved_input_example_info": {"artifact_path": "e.json"}}, "saved_input_example_info.type"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(make_model: MakeModel, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(make_model(**fields))
    assert caught.value.facts["field"] == field
    assert field in caught.value.happened


def test_a_model_whose_files_are_elsewhere_is_an_error(make_model: MakeModel) -> None:
    with pytest.raises(MlmodelError) as caught:
        read(make_model(metadata={"mlflow.model.isExternal": True}))
    assert caught.value.facts["field"] == "metadata.mlflow.model.isExternal"


def test_a_file_that_cannot_be_hashed_is_an_error(make_model: MakeModel) -> None:
    path = make_model()
    (path / ("n" * 200)).symlink_to("x" * 300)
    with pytest.raises(MlmodelError) as caught:
        read(path)
    assert "cannot be read" in caught.value.happened
