"""A server starts without races, is ready when it predicted, and leaves nothing."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_modelserve.errors import ServerError, ServerExited, ServerNotReady
from pytest_modelserve.lifeline import Lease
from pytest_modelserve.server import readiness
from pytest_modelserve.server.family import family_of
from pytest_modelserve.server.launch import LaunchSpec
from pytest_modelserve.server.process import find, lease_path, serving, start
from pytest_modelserve.server.state import Server, read_server

Fake = Callable[..., LaunchSpec]
Get = Callable[[str, str], tuple[int, Any]]
Family = Callable[[int], list[psutil.Process]]
Gone = Callable[[list[psutil.Process]], bool]


def is_port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the test are in TIME_WAIT
        probe.bind(("127.0.0.1", port))
        probe.listen()
        return True


def test_serves_and_leaves_no_process_and_no_port(
    fake: Fake, get: Get, family: Family, gone: Gone, tmp_path: Path
) -> None:
    with serving(fake(children=2), tmp_path) as server:
        everyone = family(server.pid)
        assert get(server.base_url, "/ping") == (200, {})
        assert server.is_alive()
        assert server.returncode is None
    assert len(everyone) == 3
    assert gone(everyone)
    assert is_port_free(server.port)
    assert not server.is_alive()
    assert server.returncode == -signal.SIGTERM


def test_runs_in_a_private_directory_with_its_files_and_environment_alone(fake: Fake, get: Get, tmp_path: Path) -> None:
    spec = fake(files={"serve.json": b"{}", "sub/more": b"\x00"}, env={"ONLY": "this"})
    with serving(spec, tmp_path) as server:
        seen = get(server.base_url, "/environ")[1]
        assert Path(seen["cwd"]) == server.directory
        assert {name: value for name, value in seen["environ"].items() if name != "LC_CTYPE"} == {"ONLY": "this"}
        assert (server.directory / "serve.json").read_bytes() == b"{}"
        assert (server.directory / "sub" / "more").read_bytes() == b"\x00"
        assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((server.directory / "serve.json").stat().st_mode) == 0o600
    assert {path.name for path in server.directory.iterdir()} == {"server.log", "lifeline.status"}


def test_links_lead_to_what_they_stand_for_which_stays(fake: Fake, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "data").mkdir(parents=True)
    (model / "data" / "weights").write_bytes(b"1")
    (tmp_path / "home").mkdir()
    spec = fake(files={"model/MLmodel": b"{}"}, links={"model/data": model / "data", "alone": model})
    with serving(spec, tmp_path / "home") as server:
        assert (server.directory / "model" / "data" / "weights").read_bytes() == b"1"
        assert (server.directory / "alone").readlink() == model
    assert {path.name for path in server.directory.iterdir()} == {"server.log", "lifeline.status"}
    assert (model / "data" / "weights").read_bytes() == b"1"


def test_braces_that_are_no_placeholders_reach_the_command(fake: Fake, get: Get, tmp_path: Path) -> None:
    spec = fake()
    spec = fake(command=(*spec.command, '{"a": {"b": 1}}', "http://127.0.0.1:{port}"))
    with serving(spec, tmp_path) as server:
        assert get(server.base_url, "/environ")[1]["argv"][3:] == ['{"a": {"b": 1}}', server.base_url]


def test_the_first_answer_is_kept(fake: Fake, tmp_path: Path) -> None:
    with serving(fake(predicts=400), tmp_path) as server:
        assert server.first_answer is not None
        assert server.first_answer.status == 400
        assert json.loads(server.first_answer.body) == {"predictions": "[1]"}
        assert 0 < server.first_answer.elapsed_s < server.cold_start_s


def test_without_a_body_health_is_enough(fake: Fake, tmp_path: Path) -> None:
    with serving(fake(body=None, hangs=True), tmp_path) as server:
        assert server.first_answer is None


def test_one_that_is_still_loading_is_waited_for(fake: Fake, tmp_path: Path) -> None:
    with serving(fake(loading_s=0.4), tmp_path) as server:
        assert server.cold_start_s >= 0.4


def test_one_that_opens_its_port_itself_has_it_reserved(fake: Fake, get: Get, tmp_path: Path) -> None:
    with serving(fake(where="port:{port}"), tmp_path) as server:
        assert get(server.base_url, "/ping") == (200, {})
    with pytest.raises(ServerExited):
        start_and_stop(fake(where="port:{port}", dies=1), tmp_path)


@pytest.mark.parametrize("where", ["fd:{fd}", "port:{port}"])
def test_a_port_that_another_process_has_is_told_and_nothing_leaks(fake: Fake, tmp_path: Path, where: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        descriptors = psutil.Process().num_fds()
        with pytest.raises(ServerError) as told:
            start_and_stop(fake(where=where, port=port), tmp_path)
        assert told.value.happened == f"port {port} on 127.0.0.1 is taken by another process"
        assert psutil.Process().num_fds() == descriptors
    assert start_and_stop(fake(where=where, port=port), tmp_path).port == port


def start_and_stop(spec: LaunchSpec, home: Path) -> Server:
    with serving(spec, home) as server:
        return server


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"dies": 3}, "exit code 3"),
        ({"dies_by": int(signal.SIGSEGV)}, "killed by SIGSEGV"),
        ({"dies_on_prediction": 9}, "exit code 9"),
    ],
)
def test_a_death_is_told_at_once(fake: Fake, tmp_path: Path, told: dict[str, Any], words: str) -> None:
    began = time.monotonic()
    with pytest.raises(ServerExited) as caught:
        start_and_stop(fake(says="one\nlast words\n", **told, startup_timeout_s=30), tmp_path)
    assert time.monotonic() - began < 10  # not the 30 s of the timeout
    assert f"the fake server ended before it was ready ({words}, after " in caught.value.happened
    assert caught.value.facts["model"] == "models:/iris/3"
    assert str(caught.value.facts["command"]).startswith(sys.executable)
    assert str(caught.value.facts["log"]).splitlines()[-1].strip() == "last words"


def test_a_death_is_noticed_within_a_second(fake: Fake, tmp_path: Path) -> None:
    with Lease(lease_path(tmp_path)) as lease:
        with pytest.raises(ServerExited):
            start(fake(dies=1, children=1), lease)
    log = next(tmp_path.glob("run-*/lifeline.status"))
    assert time.time() - log.stat().st_mtime < 1  # when the supervisor wrote the return code


TRACEBACK = """\
INFO: starting
Traceback (most recent call last):
  File "x.py", line 1, in load
    import skops
ModuleNotFoundError: No module named 'skops'
INFO: done
"""


def test_a_model_that_raised_is_named_in_the_first_line(fake: Fake, tmp_path: Path) -> None:
    spec = fake(says=TRACEBACK, dies=3, exit_codes={3: "the model could not be loaded"})
    with pytest.raises(ServerExited) as caught:
        start_and_stop(spec, tmp_path)
    assert caught.value.happened.startswith(
        "the model could not be loaded: ModuleNotFoundError: No module named 'skops' (exit code 3, after "
    )
    assert "Add `skops` to the model's requirements" in caught.value.fix


def test_one_that_never_gets_ready_is_told_with_what_it_answered(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(ServerNotReady) as caught:
        start_and_stop(fake(loading_s=60, startup_timeout_s=1.5, says="loading"), tmp_path)
    assert "was not ready after 1.5 s: it answered 503 to GET /ping" in caught.value.happened
    assert "loading" in str(caught.value.facts["log"])


def test_one_that_gives_up_is_told_by_its_end(fake: Fake, tmp_path: Path) -> None:
    told = {"given_up": frozenset({503}), "exit_codes": {0: "no model"}}
    with pytest.raises(ServerExited) as caught:
        start_and_stop(fake(loading_s=600, gives_up=0, startup_timeout_s=600.0, **told), tmp_path)
    assert caught.value.happened.startswith("no model (exit code 0, after ")


def test_one_that_gives_up_and_goes_on_is_told(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_FAREWELL_S", 0.1)
    spec = fake(loading_s=600, startup_timeout_s=600.0, says="no such model", given_up=frozenset({503}))
    with pytest.raises(ServerNotReady) as caught:
        start_and_stop(spec, tmp_path)
    told = "the fake server has no model that it could get ready: it answered 503 to GET /ping"
    assert caught.value.happened == told
    assert "no such model" in str(caught.value.facts["log"])


def test_one_that_only_seemed_to_give_up_is_waited_for(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "_FAREWELL_S", 0.6)
    with serving(fake(loading_s=0.4, given_up=frozenset({503})), tmp_path) as server:
        assert server.cold_start_s >= 0.6
        assert {answer.status for answer in server.early_answers} == {503}


def test_one_that_says_nothing_is_told(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(ServerNotReady) as caught:
        start_and_stop(fake(silent=True, startup_timeout_s=0.3), tmp_path)
    assert caught.value.happened.endswith("it gave no answer to GET /ping")
    assert str(caught.value.facts["log"]).endswith("is empty")


def test_one_that_never_opens_its_port_is_told(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(ServerNotReady) as caught:
        start_and_stop(fake(silent=True, where="port:{port}", startup_timeout_s=0.3), tmp_path)
    assert "took no connection for GET /ping" in caught.value.happened


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"hangs": True, "timeout_s": 0.3}, "gave no answer to its first request, POST /invocations, in 0.3 s"),
        ({"drops": True}, "dropped the connection of its first request, POST /invocations"),
    ],
)
def test_a_first_prediction_without_an_answer_is_told(
    fake: Fake, tmp_path: Path, told: dict[str, Any], words: str
) -> None:
    with pytest.raises(ServerNotReady) as caught:
        start_and_stop(fake(**told), tmp_path)
    assert words in caught.value.happened


def test_a_failed_start_leaves_nothing(fake: Fake, tmp_path: Path, gone: Gone) -> None:
    with Lease(lease_path(tmp_path)) as lease:
        with pytest.raises(ServerNotReady):
            start(fake(hangs=True, timeout_s=0.1, children=1), lease)
        children = json.loads(next(tmp_path.glob("run-*/children.json")).read_text())
    assert gone([psutil.Process(pid) for pid in children if psutil.pid_exists(pid)])
    assert read_server(tmp_path) is None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_starts_good_and_bad_leak_no_descriptor(fake: Fake, tmp_path: Path) -> None:
    start_and_stop(fake(), tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    start_and_stop(fake(), tmp_path)
    start_and_stop(fake(where="port:{port}"), tmp_path)
    with pytest.raises(ServerExited):
        start_and_stop(fake(dies=1), tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_one_that_ignores_sigterm_is_killed(fake: Fake, tmp_path: Path) -> None:
    with serving(fake(ignores_sigterm=True, stop_timeout_s=0.3), tmp_path) as server:
        began = time.monotonic()
    assert time.monotonic() - began >= 0.3
    assert server.returncode == -signal.SIGKILL


def test_a_later_death_is_seen_and_told(fake: Fake, get: Get, tmp_path: Path) -> None:
    with serving(fake(), tmp_path) as server:
        with pytest.raises(ConnectionError):
            get(server.base_url, "/die/7")
        assert server.process is not None
        server.process.wait(10)
        assert not server.is_alive()
        death = server.as_death()
    assert death.happened == "the fake server ended while it was in use (exit code 7)"
    assert server.log_tail(1) == ["told to die"]


def test_another_process_finds_it_and_what_it_answered(fake: Fake, tmp_path: Path) -> None:
    spec = fake()
    with serving(spec, tmp_path) as server:
        found = find(spec, tmp_path)
        assert found == server
        assert found is not None
        assert found.process is None
    assert find(spec, tmp_path) is None


def test_nothing_is_found_where_nothing_was_started(fake: Fake, tmp_path: Path) -> None:
    assert find(fake(), tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "{}", '{"schema": 0, "pid": 1}'])
def test_a_state_that_is_torn_or_of_another_version_tells_of_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text)
    assert read_server(tmp_path) is None


def test_one_that_is_not_healthy_is_not_found_but_stopped(fake: Fake, tmp_path: Path) -> None:
    with Lease(lease_path(tmp_path)) as lease:
        server = start(fake(), lease)
        assert find(fake(health_path="/nothing"), tmp_path) is None
        assert not server.is_alive()
        server.stop()


def test_one_that_hangs_is_killed_without_the_time_that_it_has_to_stop(fake: Fake, tmp_path: Path) -> None:
    spec = fake(ignores_sigterm=True, children=1, detached_child=True, stop_timeout_s=30.0)
    with Lease(lease_path(tmp_path)) as lease:
        server = start(spec, lease)
        family = family_of(server)
        started = time.monotonic()
        server.kill()
        assert time.monotonic() - started < 10.0
        assert server.returncode == -signal.SIGKILL
        assert len(family) == 3
        assert not any(member.is_running() for member in family)
        server.kill()  # once more does nothing


def test_one_that_cannot_be_stopped_is_an_error(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(fake(), tmp_path) as server:
        monkeypatch.setattr("pytest_modelserve.server.state.is_over", lambda path, timeout_s: False)
        with pytest.raises(ServerError) as caught:
            server.stop()
        monkeypatch.undo()
    assert caught.value.facts["pid"] == server.pid
    assert caught.value.fix == f"Run: kill -9 -- -{server.pid}"


def test_the_log_and_end_of_the_one_before_outlive_a_restart(fake: Fake, tmp_path: Path) -> None:
    servers = [start_and_stop(fake(says=f"number {number}\n"), tmp_path) for number in range(3)]
    assert [server.directory.exists() for server in servers] == [False, True, True]
    assert servers[1].log_tail() == ["number 1"]
    assert servers[1].returncode == -signal.SIGTERM
    assert (tmp_path / "server.log").read_text() == "number 2\n"


HOLDER = """
import sys, time
from pathlib import Path
from pytest_modelserve.lifeline import Lease
from pytest_modelserve.server.launch import LaunchSpec, Probe
from pytest_modelserve.server.process import lease_path, serving
spec = LaunchSpec(name="fake", backend="fake", model_uri="m", command=tuple(sys.argv[2:]), env={}, probe=Probe())
with serving(spec, Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_who_started_it(
    fake: Fake, family: Family, gone: Gone, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), *fake(children=1, body=None).command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        assert holder.stdout is not None
        everyone = family(int(holder.stdout.readline()))
        holder.send_signal(number)
        holder.wait(10)
    assert len(everyone) == 2
    assert gone(everyone)
