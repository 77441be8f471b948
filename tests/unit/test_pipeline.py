"""The flow from a URI to a served model: what is read, what is launched, and what follows a server's death."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pytest_modelserve import pipeline
from pytest_modelserve.domain import ColumnDomain, Domain, Origin
from pytest_modelserve.environment.conda_channels import CondaSettings
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.errors import (
    DomainError,
    EnvironmentBroken,
    ModelUriError,
    RequirementsError,
    ServerError,
    ServerExited,
)
from pytest_modelserve.followed import FollowedModel
from pytest_modelserve.lifeline import Lease
from pytest_modelserve.pipeline import read_subject, serve, verify
from pytest_modelserve.results import Outcome, Verdict
from pytest_modelserve.served import ServedModel, facts_of
from pytest_modelserve.server.deviations import Deviation, deviations_of
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.state import Server
from pytest_modelserve.settings import Settings
from pytest_modelserve.subject import Subject, launch_spec
from pytest_modelserve.wire.payloads import Table

LOADER = """
class Echo:
    def predict(self, data):
        return data[["n"]].rename(columns={"n": "y"})

def _load_pyfunc(path):
    return Echo()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory that serves in the running interpreter."""
    path = tmp_path / "model"
    (path / "code").mkdir(parents=True)
    (path / "code" / "echo_loader.py").write_text(LOADER)
    inputs, outputs = [{"name": "n", "type": "long"}], [{"name": "y", "type": "long"}]
    document = {
        "flavors": {"python_function": {"loader_module": "echo_loader", "code": "code"}},
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
        "metadata": {"modelserve.domain": {"n": {"min": 0, "max": 9}}},
    }
    (path / "MLmodel").write_text(json.dumps(document))
    return path


@pytest.fixture
def subject(model: Path, tmp_path: Path) -> Subject:
    """The model, read."""
    return read_subject(str(model), Settings(env_manager="local", cache_dir=tmp_path / "cache"))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """An environment that is held by a lease."""
    lease = Lease(tmp_path / "environment lease")
    yield Environment(
        manager="local",
        python=Path(sys.executable),
        python_version="3.11.7",
        prefix=Path(sys.prefix),
        digest="d",
        cached=True,
        elapsed_s=0.0,
        freeze=(),
        lease=lease,
    )
    lease.close()


class Front(ThreadingHTTPServer):
    """Answers every GET with one status."""

    def __init__(self, status: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def front() -> Iterator[Callable[[int], Front]]:
    """Start servers that answer every GET with one status."""
    running = []

    def start(status: int = 200) -> Front:
        server = Front(status)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


class Servers:
    """Hands out servers in the order they were given."""

    def __init__(self, directory: Path, *urls: str, backend: str = "fake", is_warm: bool = False) -> None:
        self._servers = [
            Server(
                backend=backend,
                model_uri="m",
                base_url=url,
                pid=0,
                directory=directory,
                log_path=directory / "log",
                cold_start_s=0.1,
                stop_timeout_s=1.0,
                is_warm=is_warm,
            )
            for url in urls
        ]
        self.restarts = 0
        self.ended = 0
        self.given_back = 0
        self.fitted: list[LaunchSpec] = []

    def obtain(self, spec: LaunchSpec) -> Server:
        return self._servers[0]

    def restart(self, spec: LaunchSpec) -> Server:
        self.restarts += 1
        del self._servers[0]
        return self.obtain(spec)

    @contextmanager
    def private(self, spec: LaunchSpec, fit: Callable[[LaunchSpec, Path], LaunchSpec]) -> Iterator[Server]:
        home = self._servers[0].directory / "private"
        home.mkdir(exist_ok=True)
        self.fitted.append(fit(spec, home))
        yield self._servers[-1]
        self.ended += 1
        for link in self.fitted[-1].forget:
            link.unlink()

    def give_back(self, spec: LaunchSpec) -> bool:
        self.given_back += 1
        if len(self._servers) == 1:
            return False
        self.lose()
        return True

    def lose(self) -> None:
        """Have the first one replaced by somebody else."""
        del self._servers[0]


def test_the_seed_is_the_models_unless_another_is_asked_for(model: Path, subject: Subject) -> None:
    assert subject.seed == int(subject.model.digest[:8], 16)
    assert read_subject(str(model), Settings(seed=0)).seed == 0
    (model / "more").write_text("x")
    assert read_subject(str(model), Settings()).seed != subject.seed


def test_a_marker_narrows_over_the_ini_file_and_the_models_own_domain(model: Path) -> None:
    ini = Domain(columns={"n": ColumnDomain(min=1)}, origins={"n": Origin.INI}, places={"n": "pyproject.toml"})
    settings = Settings(domain={"n": {"max": 5}})
    column = read_subject(str(model), settings, ini_domain=ini).domain.columns["n"]
    assert column.max == 5
    plain = read_subject(str(model), Settings()).domain.columns["n"]
    assert (plain.min, plain.max) == (0, 9)


def test_reading_tells_what_is_missing(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelUriError):
        read_subject(str(tmp_path / "gone"), Settings())
    with pytest.raises(DomainError):
        read_subject(str(model), Settings(domain={"m": {"max": 5}}))


def test_a_launch_takes_port_and_timeouts_from_where_they_are_said(subject: Subject, environment: Environment) -> None:
    settings = replace(subject.settings, startup_timeout_s=300.0, request_timeout_s=90.0)
    spec = launch_spec(replace(subject, settings=settings), environment, port=8123)
    told = json.loads(spec.files["serve.json"])
    assert (spec.port, spec.startup_timeout_s) == (8123, 300.0)
    assert (told["load_timeout_s"], told["predict_timeout_s"]) == (300.0, 90.0)
    assert launch_spec(subject, environment).name != spec.name  # they cannot share a server


def test_a_server_that_may_be_kept_has_a_name_of_its_own_and_holds_its_environment(
    subject: Subject, environment: Environment, tmp_path: Path
) -> None:
    usual = launch_spec(subject, environment)
    asked = replace(subject, settings=replace(subject.settings, keep_server=True, keep_idle_s=90.0, stochastic=True))
    with Lease(tmp_path / "use") as lease:
        kept = launch_spec(asked, replace(environment, lease=lease))
    assert kept.name.startswith(f"{usual.name}-kept-")
    assert (kept.keep_s, kept.hold, kept.probe.is_repeatable) == (90.0, (tmp_path / "use",), False)
    assert (usual.keep_s, usual.probe.is_repeatable) == (0.0, True)
    assert launch_spec(subject, replace(environment, lease=None)).hold == ()
    nothing = Lease(tmp_path / "cannot be made", is_needed=False)
    assert launch_spec(subject, replace(environment, lease=nothing)).hold == ()


def test_a_server_of_an_earlier_run_is_told_as_such(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    servers = Servers(tmp_path, front().url, front().url, is_warm=True)
    served = ServedModel(subject, environment, servers)
    assert served.facts()["served by"] == "fake, Python 3.11.7 by local, kept by an earlier run"
    told = facts_of(subject, served, uri="m").server
    assert (told["kept"], "cold_start_s" in told) == (True, False)
    served.close()


def test_an_unknown_backend_is_told(subject: Subject, environment: Environment) -> None:
    settings = replace(subject.settings, server="builtn")
    with pytest.raises(ServerError) as told:
        launch_spec(replace(subject, settings=settings), environment)
    assert told.value.fix == "Did you mean 'builtin'?"


def test_clients_stay_the_same_where_the_server_lives(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    servers = Servers(tmp_path, front().url)
    served = ServedModel(subject, environment, servers)
    client, url = served.client, served.client.base_url
    served.revive()
    assert (served.client, served.client.base_url, servers.restarts) == (client, url, 0)
    served.close()


def test_clients_follow_to_a_server_that_somebody_else_started(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    second = front()
    servers = Servers(tmp_path, front().url, second.url)
    served = ServedModel(subject, environment, servers)
    client, asynchronous = served.client, served.async_client
    servers.lose()
    served.revive()
    assert (client.base_url, asynchronous.base_url, served.server.base_url) == (second.url,) * 3
    assert client.ping()
    assert asyncio.run(asynchronous.ping())
    assert servers.restarts == 0
    served.close()


def test_a_server_that_lives_but_cannot_predict_is_replaced(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    second = front()
    servers = Servers(tmp_path, front(503).url, second.url)
    served = ServedModel(subject, environment, servers)
    served.revive()
    assert (served.client.base_url, servers.restarts) == (second.url, 1)
    served.close()


def test_closing_gives_the_environment_back(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    served = ServedModel(subject, environment, Servers(tmp_path, front().url))
    assert environment.lease is not None
    assert environment.lease.is_held
    served.close()
    assert not environment.lease.is_held


def test_a_model_that_is_let_go_comes_back_with_all_that_was_learned(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    first, second = front(), front()
    servers = Servers(tmp_path, first.url, second.url)
    served = ServedModel(subject, environment, servers)
    client, history, own = served.client, served.context().history, served.private()
    assert facts_of(subject, served, uri="m").server.get("n_let_go") is None
    assert served.let_go() is True
    assert (servers.given_back, servers.ended, served.n_let_go) == (1, 1, 1)
    assert environment.lease is not None
    assert environment.lease.is_held
    served.revive()
    assert (served.client, served.client.base_url) == (client, second.url)
    assert served.context().history is history
    assert served.private() is not own
    assert len(servers.fitted) == 2
    assert facts_of(subject, served, uri="m").server["n_let_go"] == 1
    served.close()


def test_a_model_without_servers_is_let_go_once(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    served = ServedModel(subject, environment, Servers(tmp_path, front().url))
    assert served.let_go() is False
    assert served.n_let_go == 0
    served.close()


def test_a_private_server_is_planted_and_ends_with_the_model(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    url = front().url
    servers = Servers(tmp_path, url, url)
    served = ServedModel(subject, environment, servers)
    own = served.private()
    (launch,) = servers.fitted
    told = json.loads(launch.files["serve.json"])
    in_environment, in_file = own.canaries.values()
    for seen in (launch.env, told["worker_env"]):
        assert seen["MODELSERVE_CANARY_KEY"] == in_environment
        assert Path(seen["TMPDIR"]).resolve() == tmp_path / "private" / "tmp"
    assert in_file.encode() in launch.files.values()
    assert (launch.name, launch.probe.asks_early) == (launch_spec(subject, environment).name, True)
    Path(launch.env["TMPDIR"], "kept").touch()
    assert own.temporary_files() == ("kept",)
    assert own.loads_path.name == "loads.jsonl"
    served.close()
    assert servers.ended == 1


def test_a_private_server_that_is_new_is_not_worn(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    url = front().url
    servers = Servers(tmp_path, url, url, url)
    served = ServedModel(subject, environment, servers)
    own = served.private()
    own.is_worn = True
    assert not served.private(is_fresh=True).is_worn
    assert len(servers.fitted) == 2
    served.close()


def test_facts_and_context_name_model_server_and_environment(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    served = ServedModel(subject, environment, Servers(tmp_path, front().url))
    assert served.facts() == {
        "model": f"{subject.model.uri} ({subject.model.digest[:12]})",
        "served by": "fake, Python 3.11.7 by local",
    }
    context = served.context()
    assert (context.model, context.served, context.seed) == (subject.model, served, subject.seed)
    served.close()


@pytest.mark.parametrize(("is_strict", "expected"), [(False, deviations_of("mlflow", "3.17.2")), (True, ())])
def test_known_deviations_are_those_of_the_server_that_serves_unless_they_are_to_fail(
    is_strict: bool,
    expected: tuple[Deviation, ...],
    subject: Subject,
    environment: Environment,
    front: Callable[..., Front],
    tmp_path: Path,
) -> None:
    installed = replace(environment, freeze=("fastapi==0.115.2", "mlflow==3.17.2", "uvicorn==0.32.0"))
    asked = replace(subject, settings=replace(subject.settings, server="mlflow", strict=is_strict))
    servers = Servers(tmp_path, front().url, backend="mlflow")
    served = ServedModel(asked, installed, servers)
    assert served.context().known == expected
    assert (served.has_spy, served.is_ours, served.server_version) == (True, False, "3.17.2")
    assert served.facts()["served by"] == "mlflow 3.17.2, Python 3.11.7 by local"
    told = {"backend": "mlflow", "version": "3.17.2", "is_ours": False, "cold_start_s": 0.1}
    assert facts_of(asked, served, uri="m").server == told
    served.close()


def test_an_environment_that_cannot_serve_is_told_before_anything_starts(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    asked = replace(subject, settings=replace(subject.settings, server="mlflow"))
    with pytest.raises(ServerError, match="has no mlflow"):
        ServedModel(asked, environment, Servers(tmp_path, front().url))


@pytest.mark.parametrize("server", ["builtin", "mlflow"])
def test_workers_are_for_servers_that_have_them(server: str, subject: Subject, environment: Environment) -> None:
    asked = replace(subject, settings=replace(subject.settings, server=server, workers=2))
    with pytest.raises(ServerError) as told:
        launch_spec(asked, environment)
    assert told.value.happened == f"the {server} server predicts in no 2 processes of their own"
    assert "--model-server=mlserver" in told.value.fix


def test_a_server_that_has_workers_is_told_how_many(subject: Subject, environment: Environment) -> None:
    installed = replace(environment, freeze=("mlserver==1.7.1", "mlserver-mlflow==1.7.1"))
    asked = replace(subject, settings=replace(subject.settings, server="mlserver", workers=2))
    assert launch_spec(asked, installed).env["MLSERVER_PARALLEL_WORKERS"] == "2"


@pytest.mark.parametrize(("server", "is_more"), [("builtin", False), ("mlflow", False), ("mlserver", True)])
def test_an_environment_has_what_its_server_needs(
    server: str, is_more: bool, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RestoreRequest] = []
    monkeypatch.setattr(pipeline, "restore", asked.append)
    pipeline.restore_environment(replace(subject, settings=replace(subject.settings, server=server)))
    (request,) = asked
    assert request.additions.wanted_by == server
    assert bool(request.additions.requirements) is bool(request.additions.python) is is_more


def test_conda_follows_conda_yaml_alone(subject: Subject, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[RestoreRequest] = []
    monkeypatch.setattr(pipeline, "restore", asked.append)
    places = {"conda-forge": "file:///c"}
    settings = replace(
        subject.settings, env_manager="conda", conda_exe=Path("/opt/mamba"), conda_channels=places, server="builtin"
    )
    by_conda = replace(subject, settings=settings)
    (model / "requirements.txt").write_text("mlflow==3.17.2\n")
    with pytest.raises(RequirementsError, match=r"the model has no conda\.yaml"):
        pipeline.restore_environment(by_conda)
    (model / "conda.yaml").write_text("dependencies: [python=3.11.7]\n")
    pipeline.restore_environment(by_conda)
    (request,) = asked
    assert (request.spec.source, request.spec.requirements) == ("conda.yaml", ())
    assert request.conda == CondaSettings(executable=Path("/opt/mamba"), places=places)
    assert (pipeline.requires(subject, "mlflow"), pipeline.requires(by_conda, "mlflow")) == (True, False)
    (model / "conda.yaml").write_text("dependencies: [python=3.11.7, mlflow=3.17.2]\n")
    assert pipeline.requires(by_conda, "mlflow")


def test_a_server_that_there_is_not_is_told_before_an_environment_is_built(subject: Subject) -> None:
    with pytest.raises(ServerError, match="there is no server backend named 'mlservr'"):
        pipeline.restore_environment(replace(subject, settings=replace(subject.settings, server="mlservr")))


def test_a_report_says_what_was_added_to_an_environment(
    subject: Subject, environment: Environment, front: Callable[..., Front], tmp_path: Path
) -> None:
    for added, told in (((), {}), (("mlserver==1.7.1",), {"added": ("mlserver==1.7.1",)})):
        served = ServedModel(subject, replace(environment, added=added, lease=None), Servers(tmp_path, front().url))
        found = facts_of(subject, served, uri="m").environment
        assert {name: found[name] for name in found if name == "added"} == told
        served.close()


def test_serve_predicts_and_leaves_nothing(model: Path, tmp_path: Path) -> None:
    steps = []

    class Steps:
        def step(self, text: str) -> None:
            steps.append(text)

    settings = Settings(env_manager="local", cache_dir=tmp_path / "cache")
    with serve(str(model), settings, progress=Steps()) as served:
        assert served.client.predict({"n": [1, 2]}).to_list() == [{"y": 1}, {"y": 2}]
        assert served.calls_path.exists()
        server = served.server
    assert not server.is_alive()


def test_a_read_only_cache_shares_no_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(cache_dir=tmp_path / "cache")
    asked: list[Path] = []

    def is_writable(path: Path, mode: int) -> bool:
        asked.append(path)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(os, "access", is_writable)
        with pipeline.server_pool(settings) as read_only:
            folder = read_only.root
            assert folder.is_dir()
            assert not folder.is_relative_to(tmp_path)
    assert asked == [tmp_path]
    assert not folder.exists()
    with pipeline.server_pool(settings) as writable:
        assert writable.root == tmp_path / "cache" / "servers"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_servers_of_another_user_are_joined_by_nobody(tmp_path: Path) -> None:
    servers = tmp_path / "cache" / "servers"
    servers.mkdir(parents=True)
    os.chown(servers, 61234, 61234)
    with pytest.raises(EnvironmentBroken) as caught, pipeline.server_pool(Settings(cache_dir=tmp_path / "cache")):
        pytest.fail("whoever owns the folder decides who answers")
    assert caught.value.facts["file"] == servers


def test_verify_runs_the_checks_that_are_asked_for(model: Path, tmp_path: Path) -> None:
    settings = Settings(env_manager="local", cache_dir=tmp_path / "cache", checks=("smoke",))
    report = verify(str(model), settings)
    outcomes = {check.name: check.outcome for check in report.checks}
    assert outcomes["server_starts"] is outcomes["environment_restores"] is Outcome.PASSED
    assert report.verdict is Verdict.PARTIAL
    assert "matches_output_schema" in report.deselected
    assert (report.uri, report.server["backend"], report.environment["manager"]) == (str(model), "builtin", "local")


def test_serve_of_a_model_that_does_not_load_tells_why(model: Path, tmp_path: Path) -> None:
    (model / "code" / "echo_loader.py").write_text("raise KeyError('no weights')")
    settings = Settings(env_manager="local", cache_dir=tmp_path / "cache")
    with pytest.raises(ServerError) as told, serve(str(model), settings):
        pass
    assert "no weights" in str(told.value)


def test_rows_of_data_are_read_without_the_columns_that_the_model_does_not_know(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("target,n\n0,3\n1,7\n")

    read = read_subject(str(model), Settings(data_file=data)).data

    assert read == Table(columns=("n",), rows=((3,), (7,)))


@pytest.mark.parametrize(
    ("text", "happened"),
    [
        ("x\n1\n", "lacks the required column 'n'"),
        ("n\none\n", "row 1 of "),
        ("n\n1\n2.5\n", "row 2 of "),
    ],
)
def test_data_that_is_not_this_models_is_told(model: Path, tmp_path: Path, text: str, happened: str) -> None:
    data = tmp_path / "rows.csv"
    data.write_text(text)
    with pytest.raises(DomainError) as told:
        read_subject(str(model), Settings(data_file=data))
    assert happened in told.value.happened


def test_data_keeps_text_as_text_and_gaps_as_nulls(model: Path, tmp_path: Path) -> None:
    columns = [("n", "long"), ("zone", "string"), ("since", "datetime")]
    inputs = [{"name": name, "type": kind, "required": name != "since"} for name, kind in columns]
    document = json.loads((model / "MLmodel").read_text())
    document["signature"] = {"inputs": json.dumps(inputs), "outputs": None}
    (model / "MLmodel").write_text(json.dumps(document))
    data = tmp_path / "rows.csv"
    data.write_text("n,zone,since\n,NA,2024-01-02\n2,001,\n")

    subject = read_subject(str(model), Settings(data_file=data))

    assert subject.data == Table(
        columns=("n", "zone", "since"),
        rows=((None, "NA", np.datetime64("2024-01-02", "ns")), (2, "001", None)),
    )
    assert subject.domain.columns["zone"].max_length == 3


@pytest.mark.parametrize("redact", [False, True])
def test_what_a_log_says_is_kept_back_where_no_value_is_to_be_told(
    redact: bool, subject: Subject, environment: Environment
) -> None:
    class Broken:
        def obtain(self, spec: LaunchSpec) -> Server:
            raise ServerExited(f"{spec.name} ended", facts={"model": "m", "log": "predicting for Mrs. Smith"})

        restart = obtain

    asked = replace(subject, settings=replace(subject.settings, redact=redact))
    with pytest.raises(ServerExited) as caught:
        FollowedModel(asked, environment, Broken())
    assert ("Smith" in str(caught.value)) is not redact
    assert caught.value.facts["model"] == "m"


def test_cases_that_earlier_runs_have_stored_are_known_before_a_check_runs(model: Path, tmp_path: Path) -> None:
    settings = Settings(env_manager="local", cases_dir=tmp_path / "cases")
    assert read_subject(str(model), settings).stored == frozenset()
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "0123456789ab.json").write_text("{}")
    assert read_subject(str(model), settings).stored == {"0123456789ab"}
