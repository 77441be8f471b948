"""MLServer is told all by variables of ours, serves what the spy watches, and is ready when its model is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_modelserve.errors import MlmodelError, ServerError
from pytest_modelserve.server.backends import ServeRequest, ServeSettings, backend_names, load_backend, needs_of
from pytest_modelserve.server.backends.mlserver import MlserverBackend
from pytest_modelserve.server.launch import LaunchSpec

from .conftest import FLAVOR

INSTALLED = {"mlserver": "1.7.1", "mlserver-mlflow": "1.7.1", "mlflow": "3.17.2", "mlflow-skinny": "3.17.2"}
START = "model/modelserve_spy/modelserve_spied_mlserver.py"

Request = Callable[..., ServeRequest]


@pytest.fixture
def request_(serve_request: Request) -> Request:
    def build(installed: Mapping[str, str] = INSTALLED, **changes: Any) -> ServeRequest:
        return serve_request(installed, **changes)

    return build


def launch(request: ServeRequest) -> LaunchSpec:
    return MlserverBackend().launch(request)


@pytest.mark.parametrize(("is_isolated", "flags"), [(True, ("-I",)), (False, ())])
def test_it_is_started_in_its_environment(request_: Request, is_isolated: bool, flags: tuple[str, ...]) -> None:
    spec = launch(request_(is_isolated=is_isolated))
    assert spec.command == ("/envs/e/bin/python", *flags, START, "{port}")
    assert (spec.backend, spec.version, spec.model_uri) == ("mlserver", "1.7.1", "models:/iris/3")
    assert (spec.has_spy, spec.is_ours) == (True, False)
    assert spec.exit_codes == {0: "MLServer could not load the model"}


def test_it_is_ready_when_its_model_is_and_never_without_one(request_: Request) -> None:
    probe = launch(request_(settings=ServeSettings(predict_timeout_s=90.5))).probe
    assert (probe.health_path, probe.given_up) == ("/v2/models/mlflow-model/ready", frozenset({404}))
    assert (probe.predict_path, probe.body, probe.timeout_s) == ("/invocations", b"{}", 95.5)


def test_it_is_told_all_by_variables_and_those_of_the_user_do_not_reach_it(request_: Request) -> None:
    environ = {"PATH": "/usr/bin", "OPENAI_API_KEY": "k", "MLSERVER_DEBUG": "true", "mlserver_host": "0.0.0.0"}
    asked = request_(
        environ={**environ, "MLSERVER_MODEL_VERSION": "v7"},
        env_vars=("OPENAI_API_KEY", "MLSERVER_MODEL_VERSION"),
        settings=ServeSettings(pass_env=("MLSERVER_*", "mlserver_*")),
    )
    assert launch(asked).env == {
        "PATH": "/envs/e/bin:/usr/bin",
        "VIRTUAL_ENV": "/envs/e",
        "OPENAI_API_KEY": "k",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_GRPC_PORT": "0",
        "MLSERVER_METRICS_ENDPOINT": "",
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_DEBUG": "false",
        "MLSERVER_GZIP_ENABLED": "false",
        "MLSERVER_MODEL_NAME": "mlflow-model",
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_mlflow.MLflowRuntime",
    }


def test_a_user_may_let_telemetry_be(request_: Request) -> None:
    environ = {"MLFLOW_DISABLE_TELEMETRY": "false"}
    asked = request_(settings=ServeSettings(pass_env=("MLFLOW_*",)), environ=environ)
    assert launch(asked).env["MLFLOW_DISABLE_TELEMETRY"] == "false"


@pytest.mark.parametrize(("workers", "has_spy"), [(0, True), (1, True), (2, False), (4, False)])
def test_several_workers_are_not_watched(request_: Request, workers: int, has_spy: bool) -> None:
    spec = launch(request_(settings=ServeSettings(workers=workers)))
    assert (spec.env["MLSERVER_PARALLEL_WORKERS"], spec.has_spy) == (str(workers), has_spy)


def test_it_serves_a_directory_that_the_spy_watches(request_: Request, model_dir: Path) -> None:
    spec = launch(request_())
    assert spec.links == {"model/model.pkl": model_dir / "model.pkl"}
    assert {START, "model/MLmodel", "model/modelserve_spy/modelserve_spy_loader.py"} <= set(spec.files)
    flavor = yaml.safe_load(spec.files["model/MLmodel"])["flavors"]["python_function"]
    assert flavor == {**FLAVOR, "loader_module": "modelserve_spy_loader", "code": "modelserve_spy"}
    setup = json.loads(spec.files["model/modelserve_spy/spy.json"])
    assert (setup["calls_file"], setup["loads_file"]) == ("../../calls.jsonl", "../../loads.jsonl")
    compile(spec.files[START], START, "exec")


def test_it_looks_for_settings_where_there_are_none(request_: Request) -> None:
    spec = launch(request_())
    assert b'["mlserver", "start", \'no-settings\']' in spec.files[START]
    assert not any(name.startswith("no-settings") for name in (*spec.files, *spec.links))


@pytest.mark.parametrize(
    ("installed", "happened"),
    [
        ({}, "the environment has no mlserver and no mlserver-mlflow, which is asked to serve"),
        ({"mlserver": "1.7.1"}, "the environment has no mlserver-mlflow, which is asked to serve"),
        (
            {**INSTALLED, "mlflow": "2.22.0"},
            "mlserver-mlflow brings mlflow 2.22.0, which overwrites the model's mlflow-skinny 3.17.2",
        ),
    ],
)
def test_an_environment_that_cannot_serve_is_told_with_the_fix(
    request_: Request, installed: Mapping[str, str], happened: str
) -> None:
    with pytest.raises(ServerError) as caught:
        launch(request_(installed))
    assert caught.value.happened == happened
    assert caught.value.facts == {"model": "models:/iris/3", "environment": Path("/envs/e")}
    assert "--model-" in caught.value.fix


@pytest.mark.parametrize(
    "installed", [INSTALLED, {"mlserver": "1.7.1", "mlserver-mlflow": "1.7.1", "mlflow": "2.22.0"}]
)
def test_one_mlflow_may_be_of_any_version(request_: Request, installed: Mapping[str, str]) -> None:
    assert launch(request_(installed)).version == "1.7.1"


def test_equal_requests_have_one_name_and_any_difference_another(request_: Request) -> None:
    known = request_()
    changes: list[dict[str, Any]] = [
        {},
        {"model_digest": "other"},
        {"environment_digest": "other"},
        {"python": Path("/other")},
        {"is_isolated": False},
        {"environ": {"OMP_NUM_THREADS": "4"}},
        {"settings": replace(known.settings, predict_timeout_s=1.0)},
        {"settings": replace(known.settings, workers=1)},
        {"probe_body": b"other"},
    ]
    names = [launch(replace(known, **change)).name for change in changes]
    assert len(set(names)) == len(changes)
    assert names[0] == launch(request_()).name
    assert names[0].startswith("mlserver-")


def test_a_directory_without_a_loader_is_told(request_: Request, model_dir: Path) -> None:
    (model_dir / "MLmodel").write_text("flavors: {}")
    with pytest.raises(MlmodelError):
        launch(request_())


def test_it_is_found_by_name_and_says_what_it_needs() -> None:
    assert "mlserver" in backend_names()
    backend = load_backend("mlserver")
    assert isinstance(backend, MlserverBackend)
    assert backend.takes_workers
    needs = needs_of(backend)
    assert needs.requirements == ("mlserver==1.7.1", "mlserver-mlflow==1.7.1", "uvloop<0.22", "pandas<3")
    assert needs.python == ">=3.9,<3.13"
