"""One model behind two servers: ours, and MLflow's own, both in one environment that has mlflow."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_modelserve.cases import Case
from pytest_modelserve.checks.calls import CallLog
from pytest_modelserve.client import ModelClient
from pytest_modelserve.environment.restoration import Environment
from pytest_modelserve.followed import CALLS_FILE
from pytest_modelserve.pipeline import read_subject, restore_environment
from pytest_modelserve.server.backends.environ import build_worker_env
from pytest_modelserve.server.launch import LaunchSpec, Probe
from pytest_modelserve.server.process import serving
from pytest_modelserve.server.spied_model import SpiedModel, derive_spied_model
from pytest_modelserve.settings import Settings
from pytest_modelserve.signature import Signature
from pytest_modelserve.subject import launch_spec
from pytest_modelserve.wire.envelopes import encode

HERE = Path(__file__).parent
PINNED = HERE.parents[2] / "example_models" / "iris_classifier"  # whose pins both servers run on
DROPPED = frozenset({"PYTHONDONTWRITEBYTECODE"})  # MLflow's server would compile its 1,800 modules at every start


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one server made of a request.

    Attributes:
        status: Of HTTP; None where no answer came.
        rows: Column or tensor name to what the model was given, a row each; empty where it was not reached.
        params: The same of the params.
        body: As it came.
    """

    status: int | None
    rows: Sequence[Mapping[str, str]]
    params: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both servers of one model.

    Attributes:
        signature: The model's.
        ours: A client of our server.
        theirs: A client of MLflow's.
    """

    signature: Signature
    ours: ModelClient
    theirs: ModelClient

    def ask(self, case: Case) -> tuple[Answer, Answer]:
        """Send the same bytes to both."""
        body, content_type = encode(case.payload, case.envelope, case.params, signature=self.signature)
        headers = {"Content-Type": content_type} if content_type else {}
        return _answer(self.ours, body, headers), _answer(self.theirs, body, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spied:
    """One model on our server and, behind the spy, on MLflow's own.

    Attributes:
        signature: The model's.
        clients: A client of each server.
        calls: The record of calls of each.
    """

    signature: Signature
    clients: tuple[ModelClient, ModelClient]
    calls: tuple[CallLog, CallLog]


ServePair = Callable[[Mapping[str, Any], Case], Pair]


@pytest.fixture(scope="session")
def settings(cache_dir: Path) -> Settings:
    return Settings(env_manager="uv", cache_dir=cache_dir)


@pytest.fixture
def serve_pair(settings: Settings, tmp_path: Path) -> Iterator[ServePair]:
    """Return what serves the echoing model under a signature on both servers, until the test ends."""
    with ExitStack() as stack:

        def serve(signature: Mapping[str, Any], probe: Case) -> Pair:
            directory = _saved(tmp_path / "model", signature)
            return stack.enter_context(_served(directory, settings, probe))

        yield serve


@pytest.fixture
def serve_spied(settings: Settings, tmp_path: Path) -> Iterator[Callable[[Path, Case], Spied]]:
    """Return what serves a model directory on both servers under the spy, until the test ends."""
    with ExitStack() as stack:
        yield lambda directory, probe: stack.enter_context(_spied(directory, settings, probe, tmp_path))


@pytest.fixture
def save_echo(tmp_path: Path) -> Callable[[Mapping[str, Any]], Path]:
    """Save the echoing model under a signature."""
    return lambda signature: _saved(tmp_path / "model", signature)


@contextmanager
def _spied(directory: Path, settings: Settings, probe: Case, home: Path) -> Iterator[Spied]:
    subject = read_subject(str(directory), settings)
    signature = subject.model.signature
    assert signature is not None
    body, _ = encode(probe.payload, probe.envelope, signature=signature)
    derived = derive_spied_model(directory, home / "derived", home / "theirs.jsonl")
    with (
        restore_environment(subject) as environment,
        serving(launch_spec(subject, environment), home / "ours") as ours,
        serving(_mlflow_launch(derived.path, environment, body, derived), home / "theirs") as theirs,
        ModelClient(ours.base_url, signature=signature) as our_client,
        ModelClient(theirs.base_url, signature=signature) as their_client,
    ):
        logs = CallLog(ours.directory / CALLS_FILE), CallLog(home / "theirs.jsonl")
        yield Spied(signature=signature, clients=(our_client, their_client), calls=logs)


@contextmanager
def _served(directory: Path, settings: Settings, probe: Case) -> Iterator[Pair]:
    subject = read_subject(str(directory), settings)
    signature = subject.model.signature
    assert signature is not None
    body, _ = encode(probe.payload, probe.envelope, signature=signature)
    with (
        restore_environment(subject) as environment,
        serving(launch_spec(subject, environment), directory.parent / "ours") as ours,
        serving(_mlflow_launch(directory, environment, body), directory.parent / "theirs") as theirs,
    ):
        clients = (ModelClient(server.base_url, signature=signature) for server in (ours, theirs))
        with next(clients) as our_client, next(clients) as their_client:
            yield Pair(signature=signature, ours=our_client, theirs=their_client)


def _mlflow_launch(
    directory: Path, environment: Environment, probe_body: bytes, spied: SpiedModel | None = None
) -> LaunchSpec:
    """Return what MLflow's containers run, in the model's environment."""
    app = (spied.app, "--app-dir", str(spied.app_dir)) if spied else ("mlflow.pyfunc.scoring_server.app:app",)
    module = ("-m", "uvicorn", *app, "--host", "127.0.0.1", "--port", "{port}")
    environ = {name: value for name, value in os.environ.items() if name not in DROPPED}
    return LaunchSpec(
        name="mlflow",
        backend="mlflow",
        model_uri=str(directory),
        command=(str(environment.python), *module, "--no-access-log", "--log-level", "warning"),
        env={**build_worker_env(environ, environment.prefix), "__pyfunc_model_path__": str(directory)},
        probe=Probe(body=probe_body),
    )


def _saved(directory: Path, signature: Mapping[str, Any]) -> Path:
    (directory / "code").mkdir(parents=True)
    shutil.copy(HERE / "echo_model.py", directory / "code")
    for name in ("requirements.txt", "python_env.yaml"):
        shutil.copy(PINNED / name, directory)
    flavor = {"loader_module": "echo_model", "code": "code", "env": {"virtualenv": "python_env.yaml"}}
    mlmodel = {
        "flavors": {"python_function": flavor},
        "model_uuid": "0" * 32,
        "signature": {side: json.dumps(spec) for side, spec in signature.items()},
    }
    (directory / "MLmodel").write_text(yaml.safe_dump(mlmodel), encoding="utf-8")
    return directory


def _answer(client: ModelClient, body: bytes, headers: Mapping[str, str]) -> Answer:
    invocation = client.send(body, headers)
    if not invocation.is_success:
        return Answer(status=invocation.status, rows=(), params={}, body=invocation.body)
    told = json.loads(invocation.body)["predictions"]
    return Answer(status=invocation.status, rows=told["rows"], params=told["params"], body=invocation.body)
