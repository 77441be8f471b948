"""What a model directory says about its environment, in MLflow's forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelserve.environment.spec import EnvironmentSpec
from pytest_modelserve.errors import RequirementsError

PYTHON_ENV = """\
python: 3.11.7
build_dependencies:
- pip==23.2.1
- setuptools==65.5.0
- wheel
dependencies:
- -r requirements.txt
"""
CONDA = """\
channels:
- conda-forge
dependencies:
- python=3.10.13
- pip<=23.2.1
- setuptools=58.0.4
- numpy=1.26
- pip:
  - mlflow==2.9.2
  - pandas==2.0.3
name: mlflow-env
"""
MLFLOW_3 = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}


def test_python_env(model: Callable[..., Path]) -> None:
    directory = model({"python_env.yaml": PYTHON_ENV, "conda.yaml": CONDA, "requirements.txt": "numpy==1.26.4\n"})
    spec = EnvironmentSpec.read(directory, MLFLOW_3)
    assert spec.source == "python_env.yaml"
    assert spec.python == "3.11.7"
    assert spec.build_dependencies == ("pip==23.2.1", "setuptools==65.5.0", "wheel")
    assert spec.dependencies == ("-r requirements.txt",)
    assert [each.name for each in spec.requirements] == ["pip", "setuptools", "wheel", "numpy"]
    assert [name for name, _ in spec.files] == ["conda.yaml", "python_env.yaml"]
    assert spec.notes == ()


def test_conda_pip_section(model: Callable[..., Path]) -> None:
    spec = EnvironmentSpec.read(model({"conda.yaml": CONDA}), "conda.yaml")  # MLflow 1.x writes the name alone
    assert spec.source == "conda.yaml"
    assert spec.python == "3.10.13"
    assert spec.build_dependencies == ("pip<=23.2.1", "setuptools==58.0.4")
    assert spec.dependencies == ("mlflow==2.9.2", "pandas==2.0.3")
    assert spec.notes == ("`numpy=1.26` of conda.yaml is left out: only conda can install it",)


def test_requirements_file_is_stronger_than_the_pip_section(model: Callable[..., Path]) -> None:
    spec = EnvironmentSpec.read(model({"conda.yaml": CONDA, "requirements.txt": "pandas==1.5.3"}), MLFLOW_3)
    assert spec.dependencies == ("-r requirements.txt",)
    assert [each.text for each in spec.requirements if each.name == "pandas"] == ["pandas==1.5.3"]


def test_requirements_file_alone(model: Callable[..., Path]) -> None:
    spec = EnvironmentSpec.read(model({"requirements.txt": "numpy==1.26.4"}))
    assert (spec.source, spec.python, spec.is_declared) == ("requirements.txt", None, True)


def test_file_names_come_from_mlmodel(model: Callable[..., Path]) -> None:
    directory = model({"env/py.yaml": PYTHON_ENV, "requirements.txt": "a==1"})
    assert EnvironmentSpec.read(directory, {"virtualenv": "env/py.yaml"}).source == "py.yaml"
    assert EnvironmentSpec.read(directory, {"virtualenv": "gone.yaml"}).source == "requirements.txt"


def test_no_files_at_all(model: Callable[..., Path]) -> None:
    spec = EnvironmentSpec.read(model({"model.pkl": b"x"}), MLFLOW_3)
    assert not spec.is_declared
    assert spec.requirements == ()


@pytest.mark.parametrize(
    ("pin", "version", "is_noted"),
    [
        ("python=3.9.18", "3.9.18", False),
        ("python==3.9", "3.9", False),
        ("python=3.9.*", "3.9", False),
        ("conda-forge::python=3.9.18", "3.9.18", False),
        ("python>=3.9", "3.9", True),
        ("python<=3.10.2", "3.10.2", True),
        ("python", None, False),
        ("python 3.9.18", "3.9.18", False),
        ("python 3.9.18 h955ad1f_0_cpython", "3.9.18", False),
        ("python 3.9.*", "3.9", False),
        ("python >=3.9", "3.9", True),
        ("python>=3.9,<3.12", None, True),
        ("python >=3.9, <3.12", None, True),
        ("python>3.8,<3.12", None, True),
        ("python=3.9|3.10", None, True),
    ],
)
def test_conda_python_pins(model: Callable[..., Path], pin: str, version: str | None, *, is_noted: bool) -> None:
    spec = EnvironmentSpec.read(model({"conda.yaml": f"dependencies:\n- {pin}\n- pip:\n  - a==1\n"}))
    assert spec.python == version
    assert bool(spec.notes) is is_noted


@pytest.mark.parametrize("text", ["dependencies:\n- python=3.9\n- pip:\n", "dependencies:\n"])
def test_lists_of_conda_may_be_empty(model: Callable[..., Path], text: str) -> None:
    spec = EnvironmentSpec.read(model({"conda.yaml": text}))
    assert (spec.source, spec.dependencies) == ("conda.yaml", ())


@pytest.mark.parametrize(
    ("written", "said", "fix"),
    [
        ("3.10", "a float (3.1)", "python: '3.10'"),
        ("3.11", "a float (3.11)", "python: '3.11'"),
        ("3", "a int", "python: '3'"),
        ("[3.10]", "a seq", "python: '…'"),
        ("three", "no Python version", "python: '3.11.7'"),
        ("'>=3.9'", "no Python version", "python: '3.11.7'"),
    ],
)
def test_python_must_be_a_version_in_quotes(model: Callable[..., Path], written: str, said: str, fix: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        EnvironmentSpec.read(model({"python_env.yaml": f"# note\npython: {written}\n"}))
    assert said in caught.value.happened
    assert fix in caught.value.fix
    assert caught.value.facts["line"] == 2


@pytest.mark.parametrize("name", ["python_env.yaml", "conda.yaml"])
def test_a_file_that_is_too_deep_is_told(model: Callable[..., Path], name: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        EnvironmentSpec.read(model({name: f"dependencies: {'[' * 2000}{']' * 2000}\n"}))
    assert caught.value.happened == f"{name} cannot be read: lists stand in lists too deeply"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("python_env.yaml", "python: '3.11.7'\ndependencies: numpy\n", 2),
        ("python_env.yaml", "python: '3.11.7'\ndependencies:\n- 1.5\n", 3),
        ("python_env.yaml", "python: '3.11.7'\nbuild_dependencies:\n- [a]\n", 3),
        ("conda.yaml", "dependencies: numpy\n", 1),
        ("conda.yaml", "dependencies:\n- python=3.9\n- npm:\n  - left-pad\n", 3),
        ("conda.yaml", "dependencies:\n- pip:\n    a: 1\n", 3),
        ("conda.yaml", "dependencies:\n- python<3.9\n", 2),
        ("conda.yaml", "dependencies:\n- python!=3.9\n", 2),
    ],
)
def test_a_wrong_shape_is_named_by_line(model: Callable[..., Path], name: str, text: str, line: int) -> None:
    with pytest.raises(RequirementsError) as caught:
        EnvironmentSpec.read(model({name: text}))
    assert caught.value.facts["line"] == line
    assert caught.value.fix


@pytest.mark.parametrize("text", ["a: [", "", "- a\n", "\x00"])
def test_what_is_no_mapping_is_refused(model: Callable[..., Path], text: str) -> None:
    with pytest.raises(RequirementsError, match=r"python_env\.yaml"):
        EnvironmentSpec.read(model({"python_env.yaml": text}))


def test_a_file_name_that_is_no_text(model: Callable[..., Path]) -> None:
    with pytest.raises(RequirementsError) as caught:
        EnvironmentSpec.read(model({}), {"conda": 3})
    assert caught.value.facts["field"] == "flavors.python_function.env"


def test_absent_and_null_lists_are_empty(model: Callable[..., Path]) -> None:
    spec = EnvironmentSpec.read(model({"python_env.yaml": "python:\nbuild_dependencies:\n"}))
    assert (spec.python, spec.build_dependencies, spec.dependencies) == (None, (), ())


def test_requirements_without_a_version_are_noted(model: Callable[..., Path]) -> None:
    text = "a\nb>=1\nc==1.*\nd==1.0\ne @ https://host/e.whl\nf\n-c limits.txt\n"
    spec = EnvironmentSpec.read(model({"requirements.txt": text, "limits.txt": "f==2\n"}))
    assert spec.loose == ("a", "b", "c")


def test_files_that_decide_are_hashed(model: Callable[..., Path]) -> None:
    files = {
        "requirements.txt": "a==1",
        "uv.lock": "x",
        "pyproject.toml": "y",
        ".python-version": "3.12",
        "model.pkl": "z",
    }
    spec = EnvironmentSpec.read(model(files))
    assert [name for name, _ in spec.files] == [".python-version", "pyproject.toml", "uv.lock"]
    assert spec.notes == ()  # whether a lock is followed is the manager's to say
