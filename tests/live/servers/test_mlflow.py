"""A healthy model passes on MLflow's own server, whose known deviations are told, and none that is not known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve.server.deviations import deviations_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run builds the environment

ROOT: Final = Path(__file__).parents[3]
MODELS: Final = ROOT / "example_models"
FEW: Final = "smoke,accepts_valid,round_trip_output,rejects_malformed,leaks_nothing,starts_and_stops"

Contract = Callable[..., Any]


def test_a_healthy_model_passes(contract: Contract) -> None:
    options = ("--model-env-manager", "uv", "--model-server", "mlflow", "--model-checks", FEW)
    run = contract(MODELS / "iris_classifier", *options, "--model-examples", "20")

    assert run.exit_code == 0, run.output + run.errors
    assert run.model["verdict"] == "partial"  # only some of the checks were asked for
    assert set(run.checks("passed")) >= {"starts_and_stops", "round_trip_output", "accepts_valid[inputs]"}
    assert not run.checks("inconclusive")
    version = run.model["server"]["version"]
    assert (run.model["server"]["backend"], run.model["server"]["is_ours"]) == ("mlflow", False)
    shown = {one["id"]: one for check in run.model["checks"] for one in check["deviations"]}
    assert {"head_is_refused", "no_content_type_fails", "errors_tell_the_stack"} <= set(shown)
    assert set(shown) <= {one.id for one in deviations_of("mlflow", version)}
    assert f"{len(shown)} known deviations of mlflow {version}, no failures:" in run.output
    gone = [one["text"] for check in run.model["checks"] for one in check["advice"] if one["kind"] == "gone"]
    assert gone == []


def test_what_is_known_fails_where_the_user_is_strict(contract: Contract) -> None:
    options = ("--model-env-manager", "uv", "--model-server", "mlflow", "--model-checks", "rejects_malformed")
    run = contract(MODELS / "iris_classifier", *options, "--model-strict", "-k", "health_head")

    assert run.exit_code == 1, run.output + run.errors
    (failed,) = run.checks("failed").values()
    assert failed["name"] == "rejects_malformed[health_head]"
    assert failed["deviations"] == []


def test_an_environment_without_mlflow_is_told_with_the_fix(contract: Contract) -> None:
    options = ("--model-env-manager", "uv", "--model-server", "mlflow", "--model-checks", "server_starts")
    run = contract(MODELS / "penguins_rules", *options)

    assert run.exit_code == 1
    assert run.model["verdict"] == "error"
    assert "the model's environment has no mlflow, whose server is asked for" in run.output
    assert "Add `mlflow` to the model's requirements" in run.output


@pytest.mark.parametrize("model", ["flight_delays", "digits_onnx", "photos", "instants"])
def test_each_deviation_shows_by_its_example(model: str, cache_dir: Path) -> None:
    script = str(ROOT / "benchmarks" / "deviations.py")
    command = [sys.executable, script, "--model", model, "--cache-dir", str(cache_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " shows\n" in done.stdout
    assert "not show" not in done.stdout
