"""A healthy model passes on MLServer, whose known deviations are told; one that cannot load is an error at once.

All but the deviations' examples run on the pins that the hand-written models share, in one environment.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.client.exchange import PREDICT_PATH
from pytest_modelserve.client.inference import model_path
from pytest_modelserve.errors import ServerExited
from pytest_modelserve.pipeline import serve
from pytest_modelserve.served import ServedModel
from pytest_modelserve.server.deviations import deviations_of
from pytest_modelserve.server.family import family_of
from pytest_modelserve.server.readiness import HOST
from pytest_modelserve.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run builds the environment

ROOT: Final = Path(__file__).parents[3]
MODELS: Final = ROOT / "example_models"
FEW: Final = "smoke,accepts_valid,round_trip_input,round_trip_output,rejects_malformed,v2_conformance,starts_and_stops"
HEALTHY: Final = """
class Doubles:
    def predict(self, orders, params=None):
        return orders.assign(twice=orders["n"] * 2)[["twice"]]

def _load_pyfunc(path):
    return Doubles()
"""
SIGNATURE: Final = {
    "inputs": [{"type": "long", "name": "n", "required": True}],
    "outputs": [{"type": "long", "name": "twice", "required": True}],
}
TENSORS: Final = {"inputs": [{"name": "n", "shape": [2, 1], "datatype": "INT64", "data": [1, 2]}]}
EXAMPLE: Final = {"dataframe_split": {"columns": ["n"], "data": [[1], [2]]}}
LONG_S: Final = 600.0  # so long that a test which waited for it would be ended before

Contract = Callable[..., Any]
Write = Callable[..., Path]


@pytest.fixture
def write(model_source: Any, tmp_path: Path) -> Write:
    def written(loader: str = HEALTHY, name: str = "model") -> Path:
        path: Path = model_source(loader=loader, signature=SIGNATURE, example=EXAMPLE).write(tmp_path / name)
        return path

    return written


@pytest.fixture
def settings(cache_dir: Path) -> Settings:
    return Settings(server="mlserver", cache_dir=cache_dir, startup_timeout_s=LONG_S)


def test_a_healthy_model_passes(contract: Contract) -> None:
    run = contract(MODELS / "penguins_rules", "--model-server", "mlserver", "--model-checks", FEW)

    assert run.exit_code == 0, run.output + run.errors
    assert run.model["verdict"] == "partial"  # only some of the checks were asked for
    assert not run.checks("inconclusive")
    assert set(run.checks("passed")) >= {"starts_and_stops", "round_trip_output", "v2_conformance[answers_alike]"}
    version = run.model["server"]["version"]
    assert (run.model["server"]["backend"], run.model["server"]["is_ours"]) == ("mlserver", False)
    shown = {one["id"]: one for check in run.model["checks"] for one in check["deviations"]}
    assert {"unreadable_body_fails", "v2_id_fails", "v2_unknown_output_is_ignored"} <= set(shown)
    assert set(shown) <= {one.id for one in deviations_of("mlserver", version)}
    assert f"{len(shown)} known deviations of mlserver {version}, no failures:" in run.output
    gone = [one["text"] for check in run.model["checks"] for one in check["advice"] if one["kind"] == "gone"]
    assert gone == []
    added = run.model["environment"]["added"]
    assert f"with {', '.join(added)}" in run.output
    assert "mlserver==1.7.1" in added


def test_what_the_model_does_wrong_is_its_own_failure(write: Write, contract: Contract) -> None:
    crashes = "if min(orders['n']) > 9:\n            [][0]"
    crashing = HEALTHY.replace("return orders", f"{crashes}\n        return orders")
    run = contract(write(crashing), "--model-server", "mlserver", "--model-checks", "accepts_valid")

    assert run.exit_code == 1, run.output + run.errors
    failed = run.checks("failed")
    assert {"accepts_valid[dataframe_split]", "accepts_valid[inputs]"} <= set(failed)
    assert all("the model crashed on" in check["failure"]["title"] for check in failed.values())
    assert all("IndexError" in check["failure"]["title"] for check in failed.values())


def test_the_environment_is_the_models_and_more(write: Write, settings: Settings) -> None:
    with serve(str(write()), settings) as served:
        installed = dict(line.split("==") for line in served.environment.freeze)
        (note,) = [line for line in served.environment.notes if line.startswith("for mlserver an environment")]
        assert (installed["numpy"], installed["pandas"]) == ("2.2.6", "2.3.3")  # the model's own pins
        assert {"mlserver", "mlserver-mlflow", "mlflow"} <= set(installed)
        assert "uvloop<0.22" in note


@pytest.mark.parametrize("workers", [0, 1])
def test_the_spy_sees_what_reaches_the_model_by_either_protocol(write: Write, settings: Settings, workers: int) -> None:
    with serve(str(write()), settings.with_({"workers": workers}, origin="the test")) as served:
        assert served.has_spy
        calls = CallLog(served.calls_path)
        for path, body in ((PREDICT_PATH, EXAMPLE), (f"{model_path()}/infer", TENSORS)):
            invocation = served.client.send(json.dumps(body).encode(), {"Content-Type": "application/json"}, path=path)
            call = calls.find(invocation.request_id)
            assert (invocation.status, call is not None) == (200, True), path
            assert call is not None
            assert call.exception is None
            assert list(call.received.value.columns[0].values) == [1, 2]  # type: ignore[attr-defined] # a recorded table
        assert calls.take_unnamed() == []


@pytest.mark.parametrize("workers", [0, 1])
def test_a_model_that_cannot_load_is_an_error_at_once(write: Write, settings: Settings, workers: int) -> None:
    model = write('def _load_pyfunc(path):\n    raise ValueError("the weights are torn")\n', "torn")
    asked = settings.with_({"workers": workers}, origin="the test")
    with pytest.raises(ServerExited) as caught, serve(str(model), asked):
        pytest.fail("a server got ready without a model")
    error = caught.value
    assert error.happened.startswith("MLServer could not load the model: ")
    assert "ValueError: the weights are torn (exit code 0, after " in error.happened
    assert ("the_model.py" in str(error.facts["log"])) is (workers == 0)  # else it stands further up in the log


def test_a_model_that_only_mlserver_cannot_load_is_told_with_its_reason(
    model_source: Any, tmp_path: Path, settings: Settings
) -> None:
    inputs_alone = {"inputs": SIGNATURE["inputs"]}
    model = model_source(loader=HEALTHY, signature=inputs_alone, example=EXAMPLE).write(tmp_path / "model")
    with pytest.raises(ServerExited) as caught, serve(str(model), settings):
        pytest.fail("a server got ready without a model")
    assert "AttributeError: 'NoneType' object has no attribute 'inputs'" in caught.value.happened


def test_with_workers_of_their_own_nothing_is_left_after_a_stop(write: Write, settings: Settings) -> None:
    with serve(str(write()), settings.with_({"workers": 2}, origin="the test")) as served:
        assert not served.has_spy
        assert served.client.predict([{"n": 7}]).to_list() == [{"twice": 14}]
        family = family_of(served.server)
        port = served.server.port
        assert len(family) >= 3  # the server and its two workers
    assert [process for process in family if process.is_running()] == []
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, port)) != 0


def test_its_settings_are_ours_whatever_the_user_has_set(
    write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLSERVER_DEBUG", "true")
    monkeypatch.setenv("MLSERVER_MODEL_NAME", "another")
    with serve(str(write()), settings.with_({"pass_env": ("MLSERVER_*",)}, origin="the test")) as served:
        assert served.client.predict([{"n": 7}]).to_list() == [{"twice": 14}]
        assert "DEBUG" not in served.server.log_path.read_text()
        assert left_beside(served) == set()


def left_beside(served: ServedModel) -> set[str]:
    """Return what the server wrote into its working directory that is none of ours."""
    ours = {"model", "server.log", "lifeline.status", "server.json", "calls.jsonl", "calls.bin"}
    return {path.name for path in served.server.directory.iterdir()} - ours - {"loads.jsonl", "modules.jsonl"}


def test_a_pin_that_it_cannot_live_with_is_named(model_source: Any, contract: Contract, tmp_path: Path) -> None:
    source = model_source(loader=HEALTHY, signature=SIGNATURE, requirements=("numpy==2.2.6", "pandas==3.0.0"))
    run = contract(source.write(tmp_path / "model"), "--model-server", "mlserver", "--model-checks", "server_starts")

    assert (run.exit_code, run.model["verdict"]) == (1, "error"), run.output
    assert "mlserver cannot live with the model's requirements: pandas==3.0.0 against pandas<3" in run.output
    assert "pandas==3.0.0 (requirements.txt, line 2)" in run.output


def test_deviations_show_by_their_examples(cache_dir: Path) -> None:
    """Those whose example is of the model in the shared environment; the script tries all of them."""
    script = str(ROOT / "benchmarks" / "deviations.py")
    command = [
        sys.executable,
        script,
        "--server",
        "mlserver",
        "--model",
        "penguins_rules",
        "--cache-dir",
        str(cache_dir),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " shows\n" in done.stdout
    assert "not show" not in done.stdout
