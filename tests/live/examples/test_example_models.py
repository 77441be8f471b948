"""The bundled models keep their contract in environments of each kind, and the first run of all is quick."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

EXAMPLES: Final = Path(__file__).parents[3] / "example_models"
FIRST_RUN_S: Final = 90.0  # what the README promises of its first command, downloads left out
DECLARED: Final = {  # the Python that each model was saved with
    "penguins_rules": "3.11.",
    "iris_classifier": "3.11.",
    "flight_delays": "3.11.",
    "digits_onnx": "3.11.",
    "old_world": "3.10.",
}
SLOW: Final = (pytest.mark.slow, pytest.mark.timeout(900))
EACH: Final = tuple(pytest.param(name, marks=() if name == "penguins_rules" else SLOW) for name in DECLARED)
OF_ENVIRONMENTS: Final = {"environment_restores", "server_starts", "predicts_input_example", "environment_parity"}


def test_every_example_is_here() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/MLmodel")} == set(DECLARED)


@pytest.mark.parametrize("name", EACH)
def test_examples_pass(name: str, contract: Any) -> None:
    run = contract(EXAMPLES / name, "--model-env-manager", "uv")
    assert run.exit_code == 0, run.output
    assert run.report["verdict"] == "pass"
    assert run.model["environment"]["manager"] == "uv"
    assert run.model["environment"]["python"].startswith(DECLARED[name])
    assert not {name: run.checks(name) for name in ("failed", "error", "inconclusive") if run.checks(name)}


@pytest.mark.parametrize("name", EACH)
def test_examples_predict_in_environments_of_another_kind(name: str, contract: Any) -> None:
    run = contract(EXAMPLES / name, "--model-env-manager", "virtualenv", "--model-checks", ",".join(OF_ENVIRONMENTS))
    assert run.exit_code == 0, run.output
    assert run.checks("passed").keys() == OF_ENVIRONMENTS
    assert run.model["environment"]["manager"] == "virtualenv"
    assert run.model["environment"]["python"].startswith(DECLARED[name])


@pytest.mark.alone
@pytest.mark.slow
def test_the_first_run_is_quick(contract: Any, tmp_path: Path) -> None:
    warm = contract(EXAMPLES / "penguins_rules")  # its packages are downloaded by now
    assert warm.exit_code == 0, warm.output
    cold = replace(contract, cache_dir=tmp_path / "cold")(EXAMPLES / "penguins_rules")
    assert cold.exit_code == 0, cold.output
    assert cold.model["environment"]["cached"] is False
    assert cold.elapsed_s < FIRST_RUN_S
