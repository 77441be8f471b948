"""MLflow's own server is started as its version starts, and in an environment that cannot serve the fix is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_modelserve.errors import MlmodelError, ServerError
from pytest_modelserve.server.backends import ServeRequest, ServeSettings, backend_names, load_backend
from pytest_modelserve.server.backends.mlflow import MlflowBackend
from pytest_modelserve.server.launch import LaunchSpec

from .conftest import FLAVOR

FLASK = {"flask": "2.2.5", "gunicorn": "21.2.0"}
FASTAPI = {"fastapi": "0.115.2", "uvicorn": "0.32.0"}
UVICORN = (
    "-m",
    "uvicorn",
    "modelserve_spied_app:app",
    "--app-dir",
    "model/modelserve_spy",
    *("--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--no-access-log"),
)
GUNICORN = (
    *("-m", "gunicorn", "--timeout=60", "--pythonpath", "model/modelserve_spy"),
    *("-b", "127.0.0.1:{port}", "-w", "1", "--", "modelserve_spied_wsgi_app:app"),
)

Request = Callable[..., ServeRequest]


def launch(request: ServeRequest) -> LaunchSpec:
    return MlflowBackend().launch(request)


@pytest.mark.parametrize(
    ("installed", "version", "command", "load_failed"),
    [
        ({"mlflow": "2.0.1", **FLASK}, "2.0.1", GUNICORN, 3),
        ({"mlflow": "2.11.5", **FLASK}, "2.11.5", GUNICORN, 3),
        ({"mlflow": "2.20.4", **FLASK, **FASTAPI}, "2.20.4", GUNICORN, 3),
        ({"mlflow-skinny": "2.20.4", **FLASK}, "2.20.4", GUNICORN, 3),
        ({"mlflow": "2.21.0", **FASTAPI}, "2.21.0", UVICORN, 1),
        ({"mlflow": "2.21.0rc0", **FASTAPI}, "2.21.0rc0", UVICORN, 1),  # has the new server, though it is before 2.21
        ({"mlflow": "3.10.0", **FASTAPI, "starlette": "0.52.1"}, "3.10.0", UVICORN, 1),
        ({"mlflow": "3.11.0", **FASTAPI, "starlette": "1.0.1"}, "3.11.0", UVICORN, 1),
        ({"mlflow": "2.20.4", **FLASK, "starlette": "1.0.1"}, "2.20.4", GUNICORN, 3),  # which it does not serve by
        ({"mlflow": "3.17.2", **FASTAPI, **FLASK}, "3.17.2", UVICORN, 1),
        ({"mlflow-skinny": "3.17.2", **FASTAPI}, "3.17.2", UVICORN, 1),
        ({"mlflow": "3.17.2", "mlflow-skinny": "3.17.2", **FASTAPI}, "3.17.2", UVICORN, 1),
    ],
)
def test_each_version_is_started_as_mlflow_starts_it(
    serve_request: Request, installed: Mapping[str, str], version: str, command: tuple[str, ...], load_failed: int
) -> None:
    spec = launch(serve_request(installed))
    assert spec.command == ("/envs/e/bin/python", "-I", *command)
    assert (spec.backend, spec.version, spec.model_uri) == ("mlflow", version, "models:/iris/3")
    assert (spec.has_spy, spec.is_ours) == (True, False)
    assert spec.exit_codes == {load_failed: "MLflow's server could not load the model"}
    assert (spec.probe.health_path, spec.probe.body) == ("/ping", b"{}")


def test_a_local_environment_keeps_its_user_site(serve_request: Request) -> None:
    spec = launch(serve_request({"mlflow": "3.17.2", **FASTAPI}, is_isolated=False))
    assert spec.command == ("/envs/e/bin/python", *UVICORN)


@pytest.mark.parametrize(
    ("installed", "happened", "fix"),
    [
        ({}, "the model's environment has no mlflow, whose server is asked for", "Add `mlflow` to"),
        ({"mlflow-tracing": "3.17.2"}, "the model's environment has no mlflow, whose server is asked for", "Add `mlf"),
        (
            {"mlflow": "1.30.1", **FLASK},
            "the server of MLflow 1.30.1 speaks the protocol of MLflow 1, which has no `dataframe_split`",
            "Log the model again with MLflow 2.0 or newer",
        ),
        (
            {"mlflow-skinny": "2.11.5"},
            "the server of MLflow 2.11.5 needs flask and gunicorn, which the model's environment has not",
            "Add `flask` and `gunicorn` to",
        ),
        (
            {"mlflow-skinny": "2.11.5", "flask": "2.2.5"},
            "the server of MLflow 2.11.5 needs gunicorn, which the model's environment has not",
            "Add `gunicorn` to",
        ),
        (
            {"mlflow": "3.17.2", "fastapi": "0.115.2"},
            "the server of MLflow 3.17.2 needs uvicorn, which the model's environment has not",
            "Add `uvicorn` to",
        ),
        (
            {"mlflow": "3.10.0", **FASTAPI, "starlette": "1.0.1"},
            "the server of MLflow 3.10.0 cannot run with starlette 1.0.1, although its requirements let it in",
            "Add `starlette<1` to",
        ),
    ],
)
def test_an_environment_that_cannot_serve_is_told_with_the_fix(
    serve_request: Request, installed: Mapping[str, str], happened: str, fix: str
) -> None:
    with pytest.raises(ServerError) as caught:
        launch(serve_request(installed))
    assert caught.value.happened == happened
    assert caught.value.fix.startswith(fix)
    assert caught.value.fix.endswith("or serve it with --model-server=builtin.")
    assert caught.value.facts == {"model": "models:/iris/3", "environment": Path("/envs/e")}


def test_the_server_loads_a_directory_that_the_spy_watches(serve_request: Request, model_dir: Path) -> None:
    spec = launch(serve_request({"mlflow": "3.17.2", **FASTAPI}))
    assert spec.links == {"model/model.pkl": model_dir / "model.pkl"}
    assert set(spec.files) == {
        "model/MLmodel",
        *(f"model/modelserve_spy/{name}.py" for name in ("modelserve_spy_loader", "modelserve_spied_app")),
        "model/modelserve_spy/modelserve_spied_wsgi_app.py",
        "model/modelserve_spy/spy.json",
    }
    flavor = yaml.safe_load(spec.files["model/MLmodel"])["flavors"]["python_function"]
    assert flavor == {**FLAVOR, "loader_module": "modelserve_spy_loader", "code": "modelserve_spy"}
    assert json.loads(spec.files["model/modelserve_spy/spy.json"]) == {
        "model_dir": str(model_dir),
        "loader": FLAVOR,
        "calls_file": "../../calls.jsonl",
        "loads_file": "../../loads.jsonl",
    }


def test_the_server_sees_its_own_environment_and_what_it_was_granted(serve_request: Request) -> None:
    settings = ServeSettings(pass_env=("MY_*",), predict_timeout_s=90.5)
    assert launch(serve_request({"mlflow": "3.17.2", **FASTAPI}, settings=settings)).env == {
        "PATH": "/envs/e/bin:/usr/bin",
        "VIRTUAL_ENV": "/envs/e",
        "OPENAI_API_KEY": "k",
        "MY_FLAG": "1",
        "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "91",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
    }


def test_a_user_may_let_telemetry_be(serve_request: Request) -> None:
    settings = ServeSettings(pass_env=("MLFLOW_*",))
    environ = {"MLFLOW_DISABLE_TELEMETRY": "false"}
    env = launch(serve_request({"mlflow": "3.17.2", **FASTAPI}, settings=settings, environ=environ)).env
    assert env["MLFLOW_DISABLE_TELEMETRY"] == "false"


def test_equal_requests_have_one_name_and_any_difference_another(serve_request: Request) -> None:
    modern = {"mlflow": "3.17.2", **FASTAPI}
    known = serve_request(modern)
    changes: list[dict[str, Any]] = [
        {},
        {"model_digest": "other"},
        {"environment_digest": "other"},
        {"python": Path("/other")},
        {"is_isolated": False},
        {"environ": {"OMP_NUM_THREADS": "4"}},
        {"settings": replace(known.settings, predict_timeout_s=1.0)},
        {"settings": replace(known.settings, startup_timeout_s=1.0)},
        {"settings": replace(known.settings, stop_timeout_s=1.0)},
        {"probe_body": b"other"},
        {"installed": {"mlflow": "2.11.5", **FLASK}},
    ]
    names = [launch(replace(known, **change)).name for change in changes]
    assert len(set(names)) == len(changes)
    assert names[0] == launch(serve_request(modern)).name
    assert names[0].startswith("mlflow-")


def test_a_directory_without_a_loader_is_told(serve_request: Request, model_dir: Path) -> None:
    (model_dir / "MLmodel").write_text("flavors: {}")
    with pytest.raises(MlmodelError):
        launch(serve_request({"mlflow": "3.17.2", **FASTAPI}))


def test_it_is_found_by_name() -> None:
    assert "mlflow" in backend_names()
    assert isinstance(load_backend("mlflow"), MlflowBackend)
