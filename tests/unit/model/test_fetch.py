"""A model URI leads to a directory with an MLmodel file, or to an error that names the way there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelserve.errors import ModelUriError
from pytest_modelserve.model.fetch import LOCAL_ONLY, FetchedModel, LocalFetcher, fetch_model
from pytest_modelserve.model.uri import ModelUri


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "churn"
    folder.mkdir()
    (folder / "MLmodel").touch()
    return folder


def fetch_error(uri: object) -> ModelUriError:
    with pytest.raises(ModelUriError) as caught:
        fetch_model(str(uri))
    return caught.value


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/"])
def test_a_model_directory_is_found_in_place(model: Path, form: str) -> None:
    uri = form.format(model)
    assert fetch_model(uri) == FetchedModel(uri=uri, resolved=str(model), path=model)


def test_a_link_to_a_model_directory_is_one(model: Path, tmp_path: Path) -> None:
    link = tmp_path / "champion"
    link.symlink_to(model)
    assert fetch_model(str(link)).path == link


def test_a_missing_directory_names_its_nearest_neighbour(model: Path, tmp_path: Path) -> None:
    error = fetch_error(tmp_path / "chrun")
    assert error.happened == f"there is no model at {tmp_path / 'chrun'}"
    assert error.facts["missing"] == f"'chrun' in {tmp_path}"
    assert error.fix == f"Did you mean {model} ?"


def test_a_path_missing_higher_up_names_the_part_that_is_missing(model: Path, tmp_path: Path) -> None:
    error = fetch_error(tmp_path / "models" / "eu" / "churn")
    assert error.facts["missing"] == f"'models' in {tmp_path}"
    assert "Check the path" in error.fix


def test_a_missing_logged_model_suggests_the_registry() -> None:
    assert "models:/m-0123456789abcdef0123456789abcdef" in fetch_error("m-0123456789abcdef0123456789abcdef").fix


def test_a_link_to_nothing_names_its_target(tmp_path: Path) -> None:
    (tmp_path / "champion").symlink_to(tmp_path / "gone")
    error = fetch_error(tmp_path / "champion")
    assert "is a link to nothing" in error.happened
    assert error.facts["target"] == tmp_path / "gone"


def test_the_mlmodel_file_itself_means_its_directory(model: Path) -> None:
    error = fetch_error(model / "MLmodel")
    assert "is a file" in error.happened
    assert error.fix == f"Did you mean {model} ?"


def test_an_archive_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "churn.zip").touch()
    assert "unpack" in fetch_error(tmp_path / "churn.zip").fix


def test_a_path_through_a_file_is_no_directory(model: Path) -> None:
    assert "check the path" in fetch_error(model / "MLmodel" / "churn").fix


def test_a_directory_above_the_model_names_the_model(model: Path, tmp_path: Path) -> None:
    error = fetch_error(tmp_path)
    assert "holds no MLmodel file" in error.happened
    assert error.facts["holds"] == "churn"
    assert error.fix == f"Did you mean {model} ?"


def test_many_models_below_are_not_all_named(tmp_path: Path) -> None:
    for name in "abcdefghijklm":
        (tmp_path / name).mkdir()
        (tmp_path / name / "MLmodel").touch()
    error = fetch_error(tmp_path)
    assert error.fix.count(" or ") == 2
    assert str(error.facts["holds"]).endswith("and 3 more")


def test_a_file_called_almost_mlmodel_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlmodel").touch()
    assert "called mlmodel here" in fetch_error(tmp_path).fix


def test_an_mlmodel_that_is_a_directory_is_none(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").mkdir()
    assert "holds no MLmodel file" in fetch_error(tmp_path).happened


def test_an_empty_directory_holds_nothing(tmp_path: Path) -> None:
    assert fetch_error(tmp_path).facts["holds"] == "nothing"


def test_a_path_that_the_system_refuses_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    error = fetch_error(tmp_path / "loop" / "churn")
    assert "cannot be read" in error.happened
    assert error.facts["path"] == tmp_path / "loop" / "churn"


def test_a_registry_uri_without_fetcher_says_what_works_and_what_to_run() -> None:
    error = fetch_error("models:/churn model/5")
    assert "models:" in error.happened
    assert error.facts["scheme"] == "models:"
    assert error.facts["works"] == "a path, and URIs with file:"
    assert "--artifact-uri 'models:/churn model/5'" in error.fix


def test_a_fetcher_takes_the_uris_of_its_scheme(model: Path) -> None:
    class Registry:
        def fetch(self, uri: ModelUri) -> FetchedModel:
            return FetchedModel(uri=uri.text, resolved="models:/churn/5", path=model)

    fetchers = {**LOCAL_ONLY, "models": Registry()}
    assert fetch_model("models:/churn@champion", fetchers).resolved == "models:/churn/5"
    assert fetch_model(str(model), fetchers).resolved == str(model)


def test_the_local_fetcher_refuses_what_is_elsewhere() -> None:
    with pytest.raises(ModelUriError) as caught:
        LocalFetcher().fetch(ModelUri(text="s3://bucket/churn", scheme="s3"))
    assert caught.value.facts == {"scheme": "s3"}
