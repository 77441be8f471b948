"""The requirement that a model forgot is named as an index has it, whatever the module is called."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

import pytest

from pytest_modelserve.forgotten import PROJECTS, REMOVED, how_to_mend, missing_module, project_of

DIRECT = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def trace(last: str) -> str:
    return f'Traceback (most recent call last):\n  File "x.py", line 1, in load\n    import a\n{last}\n'


MISSING = trace("ModuleNotFoundError: No module named 'cv2'")
OTHER = trace("RuntimeError: the model is torn")


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("ModuleNotFoundError: No module named 'cv2'", "cv2"),
        ("ModuleNotFoundError: No module named 'sklearn.old'; 'sklearn' is not a package", "sklearn.old"),
        (MISSING, "cv2"),
        (f"{MISSING}\n\n", "cv2"),
        (f"{MISSING}{DIRECT}{OTHER}", "cv2"),
        (f"{MISSING}{DURING}{OTHER}", "cv2"),
        (f"{MISSING}{DIRECT}{OTHER}{DURING}{OTHER}", "cv2"),
        (f"{trace('ValueError: x')}{DIRECT}{MISSING}", "cv2"),
        (f"{MISSING}{DIRECT}{OTHER}ERROR: the server ended\n", "cv2"),
        (f"INFO: {MISSING}INFO: going on without\n{OTHER}", ""),  # another one, that the model could live with
        (f"{trace('ValueError: x')}{DIRECT}{OTHER}", ""),
        ("ImportError: cannot import name 'x' from 'y'", ""),
        (OTHER, ""),
        ("", ""),
        ("ModuleNotFoundError: the inputs are columns, given as a frame: its environment has no pandas", "pandas"),
    ],
)
def test_the_module_that_is_missing(text: str, module: str) -> None:
    assert missing_module(text) == module


@pytest.mark.parametrize(
    ("module", "project"),
    [
        ("sklearn", "scikit-learn"),
        ("sklearn.ensemble", "scikit-learn"),
        ("cv2", "opencv-python-headless"),
        ("PIL", "pillow"),
        ("google.cloud.storage", "google-cloud-storage"),
        ("google.cloud.storage.blob", "google-cloud-storage"),
        ("pkg_resources", "setuptools<81"),
        ("_pytest", "pytest"),  # as the running interpreter has it
        ("nosuchmodule", "nosuchmodule"),
    ],
)
def test_the_project_of_a_module(module: str, project: str) -> None:
    assert project_of(module) == project


def test_no_module_of_the_table_is_called_as_its_project() -> None:
    assert [module for module, project in PROJECTS.items() if module == project] == []


def test_a_module_that_the_tests_have_is_named_with_its_version() -> None:
    version = importlib.metadata.version("PyYAML")
    assert how_to_mend("yaml") == (
        f"Add `PyYAML` to the model's requirements (it brings `yaml`; the tests run with `PyYAML=={version}`) "
        "and log it again, or try --model-env-manager=local."
    )


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("nosuchmodule", "Add `nosuchmodule` to the model's requirements and log it again, or try"),
        ("pkg_resources", "Add `setuptools<81` to the model's requirements (it brings `pkg_resources`) and"),
        ("google.cloud.storage", "Add `google-cloud-storage` to the model's requirements (it brings"),
        ("distutils", "Add `setuptools` to the model's requirements (it brings `distutils`"),
        ("numpy.nosuch", "`numpy` is there and has no `numpy.nosuch`: pin the version of `numpy` that"),
        ("_lzma", "`_lzma` was a part of Python: log the model with a Python that has it"),
        ("imp", "`imp` was a part of Python: log the model with a Python that has it"),
        ("azure", "Add the package that brings `azure` to the model's requirements (several packages share `azure`)"),
        ("azure.storage", "Add the package that brings `azure.storage` to the model's requirements (several"),
        ("google", "Add the package that brings `google` to the model's"),
        ("google.cloud.translate", "Add the package that brings `google.cloud.translate` to the model's requirements"),
        ("google.cloud.storage.nosuch", "`google` is there and has no `google.cloud.storage.nosuch`: pin the version"),
        ("opentelemetry.sdk", "Add the package that brings `opentelemetry.sdk` to the model's requirements"),
        ("llama_index.llms.openai", "Add the package that brings `llama_index.llms.openai` to the"),
        ("ruamel", "Add `ruamel.yaml` to the model's requirements"),
        ("ruamel.std", "Add the package that brings `ruamel.std` to"),
        ("_loss", "`_loss` is a private module, and another version of the package that brings it was recorded: pin"),
        ("_pytest", "Add `pytest` to the model's requirements (it brings `_pytest`"),
    ],
)
def test_what_to_do_about_it(module: str, said: str) -> None:
    assert how_to_mend(module).startswith(said)


@pytest.mark.parametrize("module", ["imp", "cgi", "telnetlib", "asyncore", "lib2to3"])
def test_what_python_no_longer_has_is_no_requirement(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Python that does not know of it any more."""
    monkeypatch.setattr(sys, "stdlib_module_names", sys.stdlib_module_names - {module})
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert how_to_mend(module).startswith(f"`{module}` was a part of Python: log the model with a Python that has it")


def test_code_of_the_author_may_be_called_as_what_python_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "formatter.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert how_to_mend("formatter").startswith("`formatter` is code of your own")


def test_no_module_is_both_gone_and_brought_by_a_project() -> None:
    assert sorted(REMOVED & set(PROJECTS)) == []


def test_code_of_the_author_is_no_requirement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own_features_of_a_model.py"
    file.write_text("raise AssertionError('it was imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert how_to_mend("own_features_of_a_model") == (
        f"`own_features_of_a_model` is code of your own ({file}): log the model again with it in code_paths=."
    )
    assert "own_features_of_a_model" not in sys.modules


def test_a_module_without_a_spec_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_by_hand", type(sys)("made_by_hand"))
    assert how_to_mend("made_by_hand").startswith("Add `made_by_hand` to")
