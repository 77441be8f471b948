"""Models that are not at home in what they recorded, and one that keeps the params of a request, beside their twin."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SITE_PACKAGES: Final = sysconfig.get_paths()[
    "purelib"
]  # of the tests: filelock is there, and in no model's environment
LOADER: Final = '''
"""Scales a number by a param."""

import sys

import pandas as pd


class Scale:
    def __init__(self):
        self.config = {"factor": 2.0}

    def predict(self, data, params=None):
        chosen = dict(self.config)
        chosen.update(params or {})
        # the defect
        return pd.DataFrame({"y": data["x"] * chosen["factor"]})


def _load_pyfunc(path):
    # the loading
    return Scale()
'''
SIGNATURE: Final = {
    "inputs": [{"type": "double", "name": "x", "required": True}],
    "outputs": [{"type": "double", "name": "y", "required": True}],
    "params": [{"name": "factor", "type": "double", "default": 2.0, "shape": None}],
}
EXAMPLE: Final = {"dataframe_split": {"columns": ["x"], "data": [[1.5], [2.5]]}, "params": {"factor": 2.0}}
CHECKS: Final = ("--model-checks", "environment_restores,params_enforced,environment_parity")
BORROWS: Final = f"sys.path.append({SITE_PACKAGES!r}); import filelock"

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, model_source: Any) -> Make:
    """Write the model, with lines of code in the marked places and requirements beside the shared ones."""

    def write(*, defect: str = "pass", loading: str = "pass", more: str = "", tool: str = "") -> Path:
        text = LOADER.replace("# the defect", defect).replace("# the loading", loading)
        model: Path = model_source(loader=text, signature=SIGNATURE, example=EXAMPLE).write(tmp_path / "scale")
        with (model / "requirements.txt").open("a") as file:
            file.write(f"\n{more}\n")
        python_env = model / "python_env.yaml"
        if tool:
            python_env.write_text(python_env.read_text().replace("dependencies:\n", f"dependencies:\n- {tool}\n", 1))
        return model

    return write


def test_a_healthy_model_passes(make: Make, contract: Any) -> None:
    run = contract(make(), *CHECKS)
    assert run.exit_code == 0, run.output
    assert set(run.checks("passed")) == {"environment_restores", "params_enforced", "environment_parity"}
    assert not [advice for check in run.model["checks"] for advice in check["advice"]], run.output


@pytest.mark.parametrize(("place", "phase"), [("loading", "load"), ("defect", "predict")])
def test_a_module_of_the_tests_is_named(place: str, phase: str, make: Make, contract: Any) -> None:
    run = contract(make(**{place: BORROWS}), *CHECKS)
    failure = run.checks("failed")["environment_parity"]["failure"]
    assert failure["rule"] == "foreign_module"
    assert failure["title"].startswith("the model imports from outside its environment: filelock")
    assert f"filelock from {SITE_PACKAGES}" in failure["text"]
    assert f"at {phase}" in failure["text"]


def test_two_pins_of_one_package_cannot_both_be_met(make: Make, contract: Any) -> None:
    run = contract(make(more="six==1.17.0", tool="six==1.16.0"), *CHECKS)
    failure = run.checks("failed")["environment_parity"]["failure"]
    assert failure["rule"] == "unmet_pin"
    assert failure["title"] == "the environment is not what the model recorded: six==1.16.0, installed is 1.17.0"
    assert "(python_env.yaml, line" in failure["text"]


def test_local_says_what_it_does_not_prove(make: Make, contract: Any) -> None:
    run = contract(make(), *CHECKS, "--model-env-manager", "local")
    assert run.exit_code == 0, run.output
    (parity,) = run.checks("skipped").values()
    assert (parity["name"], parity["applies"]) == ("environment_parity", False)
    (advice,) = [
        one for one in run.checks("passed")["environment_restores"]["advice"] if "nothing was restored" in one["text"]
    ]
    assert advice["text"] == parity["reason"]


def test_a_model_that_keeps_the_params_of_a_request(make: Make, contract: Any) -> None:
    """As in https://github.com/mlflow/mlflow/pull/11014: what it receives is right, what it answers is not."""
    kept = "if chosen['factor'] != 2.0: self.config = chosen\n        chosen = self.config"
    run = contract(make(defect=kept), *CHECKS)
    failure = run.checks("failed")["params_enforced"]["failure"]
    assert failure["title"].startswith(
        "without params the model answers otherwise after a request with param factor = "
    )


def test_a_package_that_only_another_brought_is_named_with_its_line(make: Make, contract: Any) -> None:
    """pandas loads dateutil before the model asks for it, so that no hook on loading could tell who else did."""
    defect = "import dateutil, six\n        try: import absent_package\n        except ImportError: pass"
    run = contract(make(defect=defect, more="six>=1"), *CHECKS)
    assert run.exit_code == 0, run.output
    said = {advice["text"]: advice["kind"] for advice in run.checks("passed")["environment_parity"]["advice"]}
    *sentences, block = said
    assert [said[text] for text in sentences] == ["undeclared_import", "late_import", "loose_pin"]
    assert sentences[0] == "the model imports `dateutil`, which its requirements do not name: it came with pandas"
    assert re.fullmatch(r"the build of \d{4}-\d\d-\d\d decided .*: `six>=1`", sentences[2])
    assert sentences[1].startswith("the model imports `six` only when it predicts")
    first, *lines = block.splitlines()
    assert first == "in the model's requirements, add these lines, or put them in place of those without a version:"
    assert [line.strip().partition("==")[0] for line in lines] == ["python-dateutil", "six"]
    assert all(f"\n{line}\n" in run.output for line in lines)  # as they can be pasted


FORGETFUL: Final = """import sklearn


def _load_pyfunc(path):
    return None
"""
TENSOR: Final = {"inputs": [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]}
MANAGERS: Final = ("uv", "virtualenv")


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_forgotten_requirement_is_told_by_its_name(
    manager: str, model_source: Any, contract: Any, tmp_path: Path
) -> None:
    source = model_source(loader=FORGETFUL, signature=TENSOR, requirements=("six==1.17.0",))
    run = contract(source.write(tmp_path / "forgetful"), "--model-env-manager", manager)
    assert (run.exit_code, run.report["verdict"]) == (1, "error"), run.output
    (error,) = run.checks("error").values()
    assert "ModuleNotFoundError: No module named 'sklearn'" in error["reason"]
    mend = re.search(
        r"^E? *Add `scikit-learn` to the model's requirements \(it brings `sklearn`.*$", run.output, re.MULTILINE
    )
    assert mend is not None, run.output
    assert mend[0].endswith("and log it again, or try --model-env-manager=local.")


def test_a_requirement_that_is_missed_at_predict_is_told_by_its_name(make: Make, contract: Any) -> None:
    checks = ("--model-checks", "environment_restores,predicts_input_example")
    run = contract(make(defect="import cv2"), *checks)
    failure = run.checks("failed")["predicts_input_example"]["failure"]
    assert "No module named 'cv2'" in failure["title"]
    *_, mend = failure["text"].splitlines()
    assert mend.startswith("Add `opencv-python-headless` to the model's requirements (it brings `cv2`")
