"""A backend turns plain data into a launch, and a model sees the environment it should."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelserve.errors import ServerError
from pytest_modelserve.server import backends
from pytest_modelserve.server.backends import (
    Needs,
    ServeRequest,
    ServeSettings,
    backend_names,
    load_backend,
    needs_of,
)
from pytest_modelserve.server.backends.builtin import BuiltinBackend
from pytest_modelserve.server.backends.environ import ALWAYS_PASSED, build_worker_env, select
from pytest_modelserve.server.launch import LaunchSpec

ENVIRON = {
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "2",
    "LD_LIBRARY_PATH": "/opt/lib",
    "OPENAI_API_KEY": "listed by the model",
    "MY_FLAG": "allowed by the user",
    "AWS_SECRET_ACCESS_KEY": "nobody's business",
    "PYTHONPATH": "/ours",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "VIRTUAL_ENV": "/ours",
    "https_proxy": "http://proxy",
}


@pytest.fixture
def request_() -> ServeRequest:
    return ServeRequest(
        model_dir=Path("/models/iris"),
        model_uri="models:/iris/3",
        model_digest="abc",
        python=Path("/envs/e/bin/python"),
        environment_prefix=Path("/envs/e"),
        environment_digest="def",
        signature={"inputs": "[]", "outputs": None},
        loader={"loader_module": "mlflow.sklearn", "data": "model.pkl"},
        env_vars=("OPENAI_API_KEY", "NOT_SET"),
        input_example={"dataframe_split": {"data": [[1]]}},
        probe_body=b'{"dataframe_split": {"data": [[1]]}}',
        environ=ENVIRON,
        settings=ServeSettings(pass_env=("MY_*",)),
    )


def document(spec: LaunchSpec) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(spec.files["serve.json"])
    return read


def test_the_command_is_our_scoring_server_on_an_inherited_socket(request_: ServeRequest) -> None:
    spec = BuiltinBackend().launch(request_)
    assert spec.command == (sys.executable, "-m", "pytest_modelserve.scoring", "serve.json", "--fd", "{fd}")
    assert (spec.backend, spec.model_uri) == ("builtin", "models:/iris/3")
    assert spec.probe.body == request_.probe_body
    assert spec.probe.timeout_s > request_.settings.predict_timeout_s
    assert spec.exit_codes == {3: "the model could not be loaded"}
    assert (spec.has_spy, spec.is_ours, spec.version) == (True, True, version("pytest-modelserve"))


def test_the_settings_file_has_all_that_the_scoring_server_reads(request_: ServeRequest) -> None:
    read = document(BuiltinBackend().launch(request_))
    read.pop("worker_env")
    assert read == {
        "model_dir": "/models/iris",
        "model_uri": "models:/iris/3",
        "mlmodel_digest": "abc",
        "worker_python": "/envs/e/bin/python",
        "isolated": True,
        "signature": {"inputs": "[]", "outputs": None, "params": None},
        "is_signature_from_type_hint": False,
        "input_example": {"dataframe_split": {"data": [[1]]}},
        "loader": {"loader_module": "mlflow.sklearn", "data": "model.pkl"},
        "predict_timeout_s": 60.0,
        "load_timeout_s": 120.0,
        "max_body_bytes": 64 * 1024 * 1024,
        "predict_threads": 8,
        "v2_name": "mlflow-model",
        "calls_file": "calls.jsonl",
    }


def test_the_worker_sees_its_own_environment_and_what_it_was_granted(request_: ServeRequest) -> None:
    assert document(BuiltinBackend().launch(request_))["worker_env"] == {
        "PATH": "/envs/e/bin:/usr/bin",
        "VIRTUAL_ENV": "/envs/e",
        "HOME": "/home/me",
        "LC_ALL": "C.UTF-8",
        "OMP_NUM_THREADS": "2",
        "LD_LIBRARY_PATH": "/opt/lib",
        "OPENAI_API_KEY": "listed by the model",
        "MY_FLAG": "allowed by the user",
    }


def test_the_front_sees_what_finds_our_code_and_no_secret(request_: ServeRequest) -> None:
    env = BuiltinBackend().launch(request_).env
    assert env["PYTHONPATH"] == "/ours"
    assert env["PATH"] == "/usr/bin"
    assert not {"OPENAI_API_KEY", "MY_FLAG", "AWS_SECRET_ACCESS_KEY", "PYTHONHASHSEED"} & set(env)


def test_equal_requests_have_one_name_and_any_difference_another(request_: ServeRequest) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"model_digest": "other"},
        {"environment_digest": "other"},
        {"python": Path("/other")},
        {"is_isolated": False},
        {"environ": {**ENVIRON, "OMP_NUM_THREADS": "4"}},
        {"environ": {**ENVIRON, "MY_FLAG": "rotated"}},
        {"environ": {**ENVIRON, "OPENAI_API_KEY": "rotated"}},
        {"settings": replace(request_.settings, predict_timeout_s=1.0)},
        {"settings": replace(request_.settings, startup_timeout_s=1.0)},
        {"settings": replace(request_.settings, stop_timeout_s=1.0)},
        {"probe_body": b"other"},
    ]
    names = [BuiltinBackend().launch(replace(request_, **change)).name for change in changes]
    assert len(set(names)) == len(changes)
    assert names[0] == BuiltinBackend().launch(request_).name
    unseen = replace(request_, environ={**ENVIRON, "AWS_SECRET_ACCESS_KEY": "rotated"})
    assert BuiltinBackend().launch(unseen).name == names[0]


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_no_other_variable_reaches_a_model(extra: dict[str, str]) -> None:
    granted = build_worker_env(extra, Path("/envs/e"))
    expected = {*select(extra, ALWAYS_PASSED), "PATH", "VIRTUAL_ENV"}
    assert set(granted) == expected
    assert granted["PATH"].startswith("/envs/e/bin")


def test_an_environment_of_conda_is_named_by_condas_variable(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    granted = build_worker_env({"PATH": "/usr/bin", "CONDA_PREFIX": "/base", "VIRTUAL_ENV": "/ours"}, tmp_path)
    assert granted == {"PATH": f"{tmp_path}/bin:/usr/bin", "CONDA_PREFIX": str(tmp_path)}


def test_a_model_cannot_ask_for_everything() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "x", "PATH": "/usr/bin"}
    assert set(build_worker_env(environ, Path("/envs/e"), names=("*", "AWS_*", "PATH"))) == {"PATH", "VIRTUAL_ENV"}
    assert build_worker_env(environ, Path("/envs/e"), names=("PATH",))["PATH"] == "/envs/e/bin:/usr/bin"


def test_names_are_matched_whole_and_by_case() -> None:
    environ = {"OMP_A": "1", "MY_OMP_A": "1", "omp_a": "1", "HOME2": "1", "HOME": "1"}
    assert select(environ, ("OMP_*", "HOME")) == {"HOME": "1", "OMP_A": "1"}


def test_ours_are_found_by_name() -> None:
    assert "builtin" in backend_names()
    assert isinstance(load_backend("builtin"), BuiltinBackend)


def test_an_unknown_name_gets_the_closest_one() -> None:
    with pytest.raises(ServerError) as caught:
        load_backend("builtn")
    assert caught.value.fix == "Did you mean 'builtin'?"
    assert "builtin" in str(caught.value.facts["backends"])
    with pytest.raises(ServerError) as caught:
        load_backend("zzz")
    assert caught.value.fix == "Take one of the backends above."


def test_other_packages_add_theirs_but_do_not_replace_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    group = backends.ENTRY_POINT_GROUP
    theirs = (
        EntryPoint("builtin", "json:loads", group),
        EntryPoint("mine", "pytest_modelserve.server.backends.builtin:BuiltinBackend", group),
        EntryPoint("broken", "no_such_module:Backend", group),
    )
    monkeypatch.setattr(backends, "entry_points", lambda group: theirs)
    assert backend_names() == ("broken", "builtin", "mine", "mlflow", "mlserver")
    assert isinstance(load_backend("mine"), BuiltinBackend)
    assert isinstance(load_backend("builtin"), BuiltinBackend)
    with pytest.raises(ServerError, match="no_such_module") as caught:
        load_backend("broken")
    assert caught.value.facts["entry"] == "broken = no_such_module:Backend"


class Plain:
    """A backend of another package that says nothing of what it needs."""

    name = "plain"

    def launch(self, request: ServeRequest) -> LaunchSpec:
        raise NotImplementedError


def test_few_backends_need_packages_of_their_own() -> None:
    assert needs_of(Plain()) == needs_of(load_backend("builtin")) == needs_of(load_backend("mlflow")) == Needs()
    assert needs_of(load_backend("mlserver")).requirements[0].startswith("mlserver==")
