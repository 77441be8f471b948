"""The python_function flavor names files that are there, or the error says which is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelserve.errors import MlmodelError
from pytest_modelserve.model.flavor import PyfuncFlavor
from pytest_modelserve.model.mlmodel import read_model

SavedModel = Callable[[str], Path]
MakeModel = Callable[..., Path]


def flavor_of(path: Path) -> PyfuncFlavor:
    return read_model(str(path)).pyfunc


def flavor_error(path: Path) -> MlmodelError:
    with pytest.raises(MlmodelError) as caught:
        read_model(str(path))
    assert caught.value.facts["file"] == path / "MLmodel"
    assert caught.value.fix
    return caught.value


def test_a_bare_flavor_has_mlflow_defaults(make_model: MakeModel) -> None:
    path = make_model()
    assert flavor_of(path) == PyfuncFlavor(
        loader_module="churn", data_path=path, fields={"loader_module": "churn"}, predict_fn="predict"
    )


def test_a_full_flavor_is_read(make_model: MakeModel) -> None:
    fields = {
        "loader_module": "churn",
        "data": "data/model.json",
        "code": "code",
        "config": {"rate": 1000.0},
        "env": {"conda": "c.yaml", "virtualenv": "p.yaml"},
        "predict_fn": "predict_proba",
        "python_version": "3.11.7",
        "streamable": True,
    }
    path = make_model(pyfunc=fields, files={"data/model.json": "{}", "code/churn.py": ""})
    flavor = flavor_of(path)
    assert (flavor.data_path, flavor.code_path) == (path / "data/model.json", path / "code")
    assert flavor.config == {"rate": 1000.0}
    assert flavor.env == {"conda": "c.yaml", "virtualenv": "p.yaml"}
    assert (flavor.predict_fn, flavor.python_version, flavor.is_streamable) == ("predict_proba", "3.11.7", True)
    assert flavor.fields == fields


def test_a_model_from_code_counts_the_last_part_of_its_authors_path(saved: SavedModel) -> None:
    path = saved("mlflow_3_17_2_from_code")
    flavor = flavor_of(path)
    assert flavor.code_file == path / "churn_model.py"
    assert flavor.code_path is None
    assert flavor.config == {"rate": 1000.0}
    assert flavor.loader_module == "mlflow.pyfunc.loaders.code_model"


def test_a_windows_authors_path_counts_too(make_model: MakeModel) -> None:
    path = make_model(pyfunc={"model_code_path": r"C:\Users\ada\churn.py"}, files={"churn.py": ""})
    assert flavor_of(path).code_file == path / "churn.py"


def test_artifacts_are_found_by_name(saved: SavedModel) -> None:
    path = saved("mlflow_3_17_2_artifacts")
    assert flavor_of(path).artifacts == {"words": path / "artifacts/words.txt"}


@pytest.mark.parametrize("code", [None, ""])
def test_no_code_is_none(make_model: MakeModel, code: str | None) -> None:
    assert flavor_of(make_model(pyfunc={"code": code})).code_path is None


@pytest.mark.parametrize("flavors", [{}, None, {"sklearn": {"pickled_model": "model.pkl"}}])
def test_no_python_function_flavor_is_an_error(make_model: MakeModel, flavors: Any) -> None:
    error = flavor_error(make_model(flavors=flavors))
    assert error.facts["field"] == "flavors.python_function"
    assert error.facts["flavors"] == ("sklearn" if flavors else "none")


def test_a_flavor_that_is_nearly_called_python_function_is_named(make_model: MakeModel) -> None:
    error = flavor_error(make_model(flavors={"python_functions": {"loader_module": "churn"}}))
    assert error.fix == "Did you mean python_function instead of python_functions ?"


@pytest.mark.parametrize("flavors", ["python_function", ["python_function"], {"python_function": "churn"}])
def test_flavors_of_a_wrong_type_are_an_error(make_model: MakeModel, flavors: Any) -> None:
    assert "must be a mapping" in flavor_error(make_model(flavors=flavors)).happened


@pytest.mark.parametrize("loader", [None, "", ["churn"]])
def test_a_flavor_without_loader_is_an_error(make_model: MakeModel, loader: Any) -> None:
    error = flavor_error(make_model(pyfunc={"loader_module": loader}))
    assert error.facts["field"] == "flavors.python_function.loader_module"


@pytest.mark.parametrize("name", ["data", "model_path", "python_model", "code"])
def test_a_missing_file_names_the_field_and_its_neighbour(make_model: MakeModel, name: str) -> None:
    path = make_model(pyfunc={name: "data/model.pkl"}, files={"data/model.pk": ""})
    error = flavor_error(path)
    assert error.facts["field"] == f"flavors.python_function.{name}"
    assert error.facts["value"] == "data/model.pkl"
    assert error.facts["missing"] == path / "data/model.pkl"
    assert error.fix.startswith("Did you mean model.pk ?")


def test_a_missing_folder_has_no_neighbours(make_model: MakeModel) -> None:
    assert "Did you mean" not in flavor_error(make_model(pyfunc={"data": "gone/model.pkl"})).fix


@pytest.mark.parametrize("value", ["../other/model.pkl", "/srv/model.pkl", r"C:\model.pkl", "data/../../x"])
def test_a_path_out_of_the_model_directory_is_an_error(make_model: MakeModel, value: str) -> None:
    error = flavor_error(make_model(pyfunc={"data": value}))
    assert "inside the model directory" in error.happened
    assert error.facts["value"] == repr(value)


def test_code_must_be_a_folder(make_model: MakeModel) -> None:
    error = flavor_error(make_model(pyfunc={"code": "churn.py"}, files={"churn.py": ""}))
    assert "must be a folder" in error.happened


@pytest.mark.parametrize("code", [["code"], True, {"path": "code"}])
def test_code_must_be_one_path(make_model: MakeModel, code: Any) -> None:
    assert flavor_error(make_model(pyfunc={"code": code})).facts["field"] == "flavors.python_function.code"


@pytest.mark.parametrize("author", ["/home/ada/churn_model.py", "/"])
def test_the_code_of_a_model_from_code_must_be_there(make_model: MakeModel, author: str) -> None:
    error = flavor_error(make_model(pyfunc={"model_code_path": author}))
    assert error.facts["field"] == "flavors.python_function.model_code_path"


@pytest.mark.parametrize(
    ("artifacts", "field"),
    [
        ({"words": {"path": "artifacts/gone.txt"}}, "flavors.python_function.artifacts.words.path"),
        ({"words": {"uri": "x"}}, "flavors.python_function.artifacts.words.path"),
        ({"words": None}, "flavors.python_function.artifacts.words"),
        ({"words": "x"}, "flavors.python_function.artifacts.words"),
    ],
)
def test_artifacts_must_be_there(make_model: MakeModel, artifacts: Any, field: str) -> None:
    assert flavor_error(make_model(pyfunc={"artifacts": artifacts})).facts["field"] == field


@pytest.mark.parametrize(("env", "field"), [({"conda": None}, "env.conda"), (["conda.yaml"], "env"), (5, "env")])
def test_env_names_files(make_model: MakeModel, env: Any, field: str) -> None:
    assert flavor_error(make_model(pyfunc={"env": env})).facts["field"] == f"flavors.python_function.{field}"
