"""Ordinary models, saved by MLflow untouched and never adapted to us, pass at the defaults: the gate cries no wolf."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest
from filelock import FileLock
from uv import find_uv_bin

HERE: Final = Path(__file__).parent
SCRIPT: Final = HERE / "make_ordinary_models.py"
PYTHON: Final = "3.11"  # the pins have wheels for it, and the models record it
LEAST_REQUESTS: Final = 300  # the fewest that one of them was seen to get is 480, a tensor's
LEAST_PREDICTED: Final = 200
EXAMPLE_AND_MORE: Final = 20  # predicted by the check that sends valid requests one by one
CHECKS: Final = frozenset(
    {
        "environment_restores",
        "server_starts",
        "signature_lint",
        "predicts_input_example",
        "accepts_valid",
        "matches_output_schema",
        "rejects_invalid",
        "rejects_malformed",
        "environment_parity",
    }
)
STATIC: Final = frozenset({"environment_restores", "signature_lint", "environment_parity"})  # send nothing
IRIS: Final = frozenset(f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width"))
ADVISED: Final = {  # the columns that each model does not take in full, which its author is to be told
    "iris_forest": IRIS,  # numbers beyond float32
    "iris_probabilities": IRIS,  # numbers near the largest float64, which its scaler makes infinite
    "penguins_onehot": {"island", "sex"},  # categories that it never saw
    "penguins_imputed": {"species", "sex", "bill_length_mm", "flipper_length_mm"},
    "flights_histogram": {"air_time"},  # may be null, as the signature says, but not left out, as it says too
    "diabetes_xgboost": set(),
    "cancer_xgboost": set(),
    "flights_lightgbm": {"air_time"},
    "airports_text": set(),
    "digits_neighbors": set(),
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first test builds the environment that trains them


@pytest.fixture(scope="session")
def training_python(cache_dir: Path) -> Path:
    """An interpreter with what the script needs, built from its pins once for a cache."""
    pins = HERE / "requirements.txt"
    home = cache_dir / "training" / hashlib.sha256(PYTHON.encode() + pins.read_bytes()).hexdigest()[:16]
    python = home / "bin" / "python"
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (home / "complete").exists():
            _run(find_uv_bin(), "venv", "--clear", "--python", PYTHON, home)
            _run(find_uv_bin(), "pip", "install", "--python", python, "--requirements", pins)
            (home / "complete").touch()
    return python


@pytest.fixture(scope="session")
def ordinary(training_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models."""
    folder = tmp_path_factory.mktemp("ordinary")
    _run(training_python, SCRIPT, folder)
    return folder


def _run(*command: str | Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "MLFLOW"))}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=clean)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_every_ordinary_model_is_judged(ordinary: Path) -> None:
    assert {path.parent.name for path in ordinary.glob("*/MLmodel")} == set(ADVISED)


@pytest.mark.parametrize("name", ADVISED)
def test_ordinary_models_pass(name: str, ordinary: Path, contract: Any) -> None:
    run = contract(ordinary / name, "--model-env-manager", "uv")
    assert run.exit_code == 0, run.output
    assert run.report["verdict"] == run.model["verdict"] == "pass"
    _assert_was_checked(run.model)
    advised = {advice["column"] for check in run.model["checks"] for advice in check["advice"]} - {""}
    assert advised == ADVISED[name], run.output


def _assert_was_checked(model: dict[str, Any]) -> None:
    """Assert that a pass was earned: each check ran, sent what it is there to send, and had answers to judge."""
    assert not model["deselected"]
    families = defaultdict(list)
    for check in model["checks"]:
        families[check["name"].partition("[")[0]].append(check)
    assert families.keys() >= CHECKS
    for name, checks in families.items():
        assert all(check["outcome"] == "passed" for check in checks), name
        assert name in STATIC or all(check["requests"] for check in checks), name
    assert sum(check["requests"] for check in model["checks"]) > LEAST_REQUESTS
    assert sum(check["accepted"] for check in model["checks"]) > LEAST_PREDICTED
    for name in ("accepts_valid", "matches_output_schema"):
        assert families[name][0]["accepted"] > EXAMPLE_AND_MORE, name
