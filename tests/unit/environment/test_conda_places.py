"""Where conda keeps environments."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelserve.environment.cache import LOG_NAME
from pytest_modelserve.environment.conda_places import conda_prefixes


@pytest.mark.parametrize("name", ["miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba"])
def test_the_customary_folders_of_the_home(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "envs" / "py310").mkdir(parents=True)
    assert list(conda_prefixes({}, tmp_path)) == [tmp_path / name, tmp_path / name / "envs" / "py310"]


@pytest.mark.parametrize(
    ("variable", "below"),
    [("CONDA_EXE", "bin/conda"), ("MAMBA_ROOT_PREFIX", ""), ("CONDA_ROOT", ""), ("MLFLOW_CONDA_HOME", "")],
)
def test_an_installation_that_a_variable_names(tmp_path: Path, variable: str, below: str) -> None:
    root = tmp_path / "opt" / "conda"
    (root / "envs" / "a").mkdir(parents=True)
    assert list(conda_prefixes({variable: str(root / below)}, tmp_path)) == [root, root / "envs" / "a"]


def test_the_active_environment_comes_first_and_the_list_last(tmp_path: Path) -> None:
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text("/far/one\n\n  /far/two  \n")
    found = list(conda_prefixes({"CONDA_PREFIX": "/active"}, tmp_path))
    assert found == [Path("/active"), Path("/far/one"), Path("/far/two")]


def test_a_home_without_conda_has_none(tmp_path: Path) -> None:
    assert list(conda_prefixes({"CONDA_PREFIX": "", "CONDA_EXE": ""}, tmp_path / "gone")) == []


def test_what_conda_lists_of_a_cache_of_ours_is_left_out(tmp_path: Path) -> None:
    build = tmp_path / "cache" / "envs" / "key" / "g-1"
    others = tmp_path / "others" / "env"
    build.mkdir(parents=True)
    (build / LOG_NAME).touch()
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text(f"{build / 'env'}\n{others}\n")
    assert list(conda_prefixes({}, tmp_path)) == [others]
