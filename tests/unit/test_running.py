"""A server that somebody else runs is found, waited for where it is starting, and never stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_modelserve import running
from pytest_modelserve.client.access import Access
from pytest_modelserve.errors import ServerError, ServerNotReady, SettingError
from pytest_modelserve.pipeline import read_subject, serve, verify
from pytest_modelserve.results import Outcome
from pytest_modelserve.running import RunningServer, RunningServers, access_of, as_spec, only_of
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.settings import Settings

LOADER = """
class Double:
    def predict(self, data):
        return data[["n"]].astype("float64").rename(columns={"n": "y"})

def _load_pyfunc(path):
    return Double()
"""
EXAMPLE = {"columns": ["n"], "data": [[1], [20]]}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A healthy model that serves in the running interpreter."""
    path = tmp_path / "model"
    (path / "code").mkdir(parents=True)
    (path / "code" / "double_loader.py").write_text(LOADER)
    inputs = [{"name": "n", "type": "long", "required": True}]
    outputs = [{"name": "y", "type": "double", "required": True}]
    document = {
        "flavors": {"python_function": {"loader_module": "double_loader", "code": "code"}},
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
        "saved_input_example_info": {
            "artifact_path": "input_example.json",
            "serving_input_path": "serving_input_example.json",
            "type": "dataframe",
            "pandas_orient": "split",
        },
    }
    (path / "input_example.json").write_text(json.dumps(EXAMPLE))
    (path / "serving_input_example.json").write_text(json.dumps({"dataframe_split": EXAMPLE}))
    (path / "MLmodel").write_text(json.dumps(document))
    return path


@dataclass
class Other:
    """A server of somebody else: what it answers GET with, one after the other, the last one again and again."""

    answers: list[int]
    version: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def other() -> Iterator[Callable[..., Other]]:
    """Start servers of somebody else."""
    started: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(*answers: int, version: str = "") -> Other:
        told = Other(answers=list(answers), version=version)

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1

            def do_GET(self) -> None:
                told.asked.append((self.path, self.headers.get("X-Tenant")))
                is_version = self.path in {"/version", "/v2"}
                status = 200 if is_version and told.version else 404 if is_version else told.answers[0]
                if not is_version and len(told.answers) > 1:
                    told.answers.pop(0)
                body = told.version.encode() if is_version else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 301:
                    self.send_header("Location", "https://here")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        told.url = f"http://127.0.0.1:{server.server_port}"
        return told

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again soon."""
    monkeypatch.setattr(running, "AGAIN_S", 0.01)


def spec_of(url: str) -> LaunchSpec:
    return LaunchSpec(name="running", backend="mlflow", model_uri="m", command=(), env={}, url=url)


def test_a_server_is_asked_once_and_is_then_known(other: Callable[..., Other]) -> None:
    told = other(200)
    servers = RunningServers(Access(headers={"X-Tenant": "north"}), 5.0)
    server = servers.obtain(spec_of(told.url))
    assert servers.obtain(spec_of(told.url)) is server
    assert (server.base_url, server.backend, server.is_alive(), server.log_tail()) == (told.url, "mlflow", True, [])
    assert told.asked == [("/ping", "north"), ("/version", "north")]


def test_one_that_says_that_it_is_starting_is_waited_for(other: Callable[..., Other]) -> None:
    told = other(503, 503, 200)
    assert RunningServers(Access(), 5.0).obtain(spec_of(told.url)).base_url == told.url
    assert len(told.asked) == 4
    with pytest.raises(ServerNotReady, match="it answered 503"):
        RunningServers(Access(), 0.05).obtain(spec_of(other(503).url))


def test_one_that_is_gone_may_come_back(other: Callable[..., Other]) -> None:
    told = other(200, 404, 404, 200)
    servers = RunningServers(Access(), 5.0)
    first = servers.obtain(spec_of(told.url))
    assert servers.restart(spec_of(told.url)) is not first
    assert len(told.asked) == 6


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "no server is ready at http://127.0.0.1:"), (401, "wants to know who asks"), (403, "403")],
)
def test_one_that_is_not_ready_is_an_error_at_once(status: int, said: str, other: Callable[..., Other]) -> None:
    told = other(status)
    with pytest.raises(ServerError, match=said):
        RunningServers(Access(), 60.0).obtain(spec_of(told.url))
    assert len(told.asked) == 1


def test_nobody_at_the_url_is_an_error_that_shows_no_password() -> None:
    with pytest.raises(ServerNotReady) as error:
        RunningServers(Access(), 60.0).obtain(spec_of("http://me:secret@127.0.0.1:1"))
    assert "no server is ready at http://***@127.0.0.1:1: ConnectError" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("3.17.2", "3.17.2"),
        ('"3.17.2"', "3.17.2"),
        ('{"server": "ours", "version": "0.1"}', "0.1"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_a_version_is_asked_for_once_the_server_is_ready(told: str, version: str, other: Callable[..., Other]) -> None:
    server = other(503, 200, version=told)
    found = RunningServers(Access(), 5.0).obtain(spec_of(server.url))
    assert isinstance(found, RunningServer)
    assert found.version == version
    assert [path for path, _ in server.asked] == ["/ping", "/ping", "/version"]


def test_a_program_may_tell_its_version_elsewhere(other: Callable[..., Other]) -> None:
    server = other(200, version='{"name": "mlserver", "version": "1.7.1", "extensions": []}')
    found = RunningServers(Access(), 5.0).obtain(replace(spec_of(server.url), version_path="/v2"))
    assert isinstance(found, RunningServer)
    assert found.version == "1.7.1"
    assert [path for path, _ in server.asked] == ["/ping", "/v2"]


@pytest.mark.parametrize(("server", "path"), [("builtin", "/version"), ("mlflow", "/version"), ("mlserver", "/v2")])
def test_each_program_is_asked_where_it_tells_its_version(server: str, path: str, model: Path) -> None:
    settings = Settings(server=server, url="http://127.0.0.1:5000")
    assert as_spec(read_subject(str(model), settings)).version_path == path


def test_one_that_is_elsewhere_or_has_another_certificate_is_told(other: Callable[..., Other]) -> None:
    with pytest.raises(ServerNotReady, match="and to ask https://here") as error:
        RunningServers(Access(), 5.0).obtain(spec_of(other(301).url))
    assert "Name that address by --model-url." in str(error.value)


@pytest.mark.parametrize("kind", ["mlflow", "builtin"])
def test_a_running_server_is_of_the_kind_that_is_said(kind: str, model: Path) -> None:
    spec = as_spec(read_subject(str(model), Settings(url="http://h:1/", server=kind)))
    assert (spec.url, spec.backend, spec.has_spy, spec.is_ours) == ("http://h:1", kind, False, kind == "builtin")


def test_a_kind_that_there_is_none_of_is_an_error(model: Path) -> None:
    with pytest.raises(ServerError, match="no server backend named 'mlfow'"):
        as_spec(read_subject(str(model), Settings(url="http://h:1", server="mlfow")))


def test_access_is_what_the_settings_say(tmp_path: Path) -> None:
    settings = Settings(headers={"X-A": "1", "AUTHORIZATION": "2"}, token_env="T", ca_file=tmp_path, insecure=True)
    access = access_of(settings, {"T": "secret"})
    assert access.headers == {"X-A": "1", "Authorization": "Bearer secret"}
    assert (access.ca_file, access.is_insecure) == (tmp_path, True)
    assert access_of(Settings(), {}) == Access()
    paced = access_of(Settings(rate=2.0), {}).pace
    assert [paced.wait_s(0.0), paced.wait_s(0.0)] == [0.0, 0.5]
    with pytest.raises(SettingError, match="'T'"):
        access_of(settings, {})


def test_several_processes_share_one_rate() -> None:
    assert only_of(Settings(rate=8.0), 4).rate == 2.0
    assert only_of(Settings(), 4).rate is None


def test_what_takes_a_server_of_ones_own_or_the_spy_is_left_out(model: Path, tmp_path: Path) -> None:
    checks = ("smoke", "round_trip_output", "stateless", "survives", "environment_restores")
    settings = Settings(env_manager="local", cache_dir=tmp_path / "cache", examples=2, checks=checks)
    with serve(str(model), settings) as served:
        url = served.server.base_url
        here, there = (verify(str(model), replace(settings, url=url)) for url in ("", url))
        assert served.server.is_alive()
    assert {check.outcome for check in here.checks} <= {Outcome.PASSED, Outcome.SKIPPED}
    assert {check.name: check.outcome for check in there.checks} == {
        **{check.name: check.outcome for check in here.checks},
        **dict.fromkeys(("survives", "stateless[restart]", "environment_restores"), Outcome.SKIPPED),
        **{check.name: Outcome.SKIPPED for check in here.checks if check.name.startswith("round_trip")},
    }
    reasons = {check.reason for check in there.checks if check.outcome is Outcome.SKIPPED}
    assert reasons >= {
        "nothing is known of the environment behind --model-url",
        "the server of --model-url is not ours to stop or wear out",
        "what reaches the model is not recorded on this server",
    }
    same = ("backend", "version", "is_ours")
    assert there.server == {**{name: here.server[name] for name in same}, "url": url}
    assert there.environment == {}
