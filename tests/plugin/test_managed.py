"""Servers in a pytest run: shared by its workers, known to xprocess, and gone when the run is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pytest_modelserve.lifeline import Lease
from pytest_modelserve.managed import drop_stale_pids
from pytest_modelserve.server.launch import LaunchSpec, Probe
from pytest_modelserve.server.process import lease_path, serving, start

pytest_plugins = ["pytester"]

FAKE_SERVER = Path(__file__).parents[1] / "unit" / "server" / "fake_server.py"
SERVERS = (".pytest_cache", "d", ".xprocess")
PLAIN = ("-p", "no:randomly", "-p", "no:hypothesispytest", "-p", "no:asyncio")

CONFTEST = f"""
import http.client, json, os, sys, time
from pathlib import Path
import pytest
from pytest_modelserve.managed import managed_servers
from pytest_modelserve.server.launch import LaunchSpec, Probe

@pytest.fixture(scope="session")
def servers(request):
    with managed_servers(request.config, Path(request.config.rootpath, ".servers")) as servers:
        yield servers

@pytest.fixture(scope="session")
def spec():
    def build(name="fake", **told):
        command = (sys.executable, "-I", "-S", {str(FAKE_SERVER)!r}, json.dumps(told), "fd:{{fd}}")
        return LaunchSpec(name=name, backend="fake", model_uri="m", command=command,
                          env={{"PATH": os.defpath}}, probe=Probe(body=b"[]"), startup_timeout_s=30.0)
    return build

@pytest.fixture
def ask():
    def ask(server, path):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()
    return ask

@pytest.fixture
def until():
    def wait(name):
        while not Path(name).exists():
            time.sleep(0.01)
    return wait
"""

Gone = Callable[[int], bool]


@pytest.fixture(autouse=True)
def _conftest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)


@pytest.fixture
def gone() -> Gone:
    """Whether a process ends, in a time that is ample even on a busy machine."""

    def wait(pid: int) -> bool:
        deadline = time.monotonic() + 10
        while psutil.pid_exists(pid):
            try:
                if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:  # its parent is slow to reap
                    return True
            except psutil.NoSuchProcess:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    return wait


class Background:
    """A pytest run with one test that has a server and waits to be told to go on."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            test_waiting="""
            def test_waiting(servers, spec, until):
                server = servers.obtain(spec(children=1))
                with open("draft.json", "w") as file:
                    json.dump([server.pid, *json.loads((server.directory / "children.json").read_text())], file)
                os.rename("draft.json", "pids.json")
                while server.is_alive():
                    time.sleep(0.01)
                until("go")
                assert servers.obtain(spec(children=1)).is_alive()
            import json, os, time
            """
        )
        command = (sys.executable, "-m", "pytest", "-q", *PLAIN, "test_waiting.py")
        self.process = pytester.popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._ready = pytester.path / "pids.json"

    def pids(self) -> list[int]:
        deadline = time.monotonic() + 30
        while not self._ready.exists():
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        pids: list[int] = json.loads(self._ready.read_text())
        assert all(psutil.pid_exists(pid) for pid in pids)
        return pids

    def output(self) -> str:
        return str(self.process.communicate(timeout=30)[0])


@pytest.fixture
def waiting(pytester: pytest.Pytester) -> Iterator[Background]:
    with (background := Background(pytester)).process:
        yield background
        background.process.kill()


def test_a_server_is_managed_and_its_log_is_shown_to_failures_alone(pytester: pytest.Pytester, gone: Gone) -> None:
    pytester.makepyfile(
        """
        import pytest

        def test_first(servers, spec):
            server = servers.obtain(spec(says="at start \\xff\\n"))
            assert server is servers.obtain(spec(says="at start \\xff\\n"))
            pid_file = server.directory.parent / "xprocess.PID"
            assert int(pid_file.read_text()) == server.process.pid
            assert (server.directory.parent / "xprocess.log").read_bytes() == b"at start \\xff\\n"
            (server.directory.parents[4] / "pid").write_text(str(server.pid))

        def test_second(servers, spec, ask):
            server = servers.obtain(spec(says="at start \\xff\\n"))
            server.log_path.open("ab").write(b"odd bytes \\xfe\\n")
            assert False

        def test_third(servers, spec, ask):
            server = servers.obtain(spec(says="at start \\xff\\n"))
            with pytest.raises(ConnectionError):
                ask(server, "/die/5")
            server.process.wait()
            assert servers.obtain(spec(says="at start \\xff\\n")) != server
            with servers.private(spec(says="private")) as private:
                assert ask(private, "/ping") == 200
        """
    )
    result = pytester.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*- fake log -*", "odd bytes \\xfe"])
    result.stdout.no_fnmatch_line("*told to die*")
    assert gone(int((pytester.path / "pid").read_text()))
    assert not list(pytester.path.joinpath(*SERVERS).glob("*/xprocess.PID"))
    assert "told to die" not in result.stderr.str()


def test_xdist_workers_share_one(pytester: pytest.Pytester, gone: Gone) -> None:
    pytester.makepyfile(
        """
        from pathlib import Path
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_shared(servers, spec, until, number):
            Path(f"pid-{number}").write_text(str(servers.obtain(spec()).pid))
            until(f"pid-{1 - number}")
        """
    )
    pytester.runpytest_subprocess(*PLAIN, "-n", "2", "--dist", "load").assert_outcomes(passed=2)
    pids = {int((pytester.path / f"pid-{number}").read_text()) for number in range(2)}
    assert len(pids) == 1
    assert gone(pids.pop())


def test_xkill_ends_the_whole_group_and_the_run_starts_another(
    pytester: pytest.Pytester, waiting: Background, gone: Gone
) -> None:
    pids = waiting.pids()
    shown = pytester.runpytest_subprocess(*PLAIN, "--xshow")
    shown.stdout.fnmatch_lines(["* fake LIVE *xprocess.log"])
    pytester.runpytest_subprocess(*PLAIN, "--xkill").stdout.fnmatch_lines(["* fake TERMINATED"])
    assert all(gone(pid) for pid in pids)
    (pytester.path / "go").touch()
    assert "1 passed" in waiting.output()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_run(waiting: Background, gone: Gone, number: signal.Signals) -> None:
    pids = waiting.pids()
    waiting.process.send_signal(number)
    output = waiting.output()
    assert all(gone(pid) for pid in pids)
    assert "INTERNALERROR" not in output
    assert ("KeyboardInterrupt" in output) is (number == signal.SIGINT)


def test_a_failed_start_is_an_error_of_each_test_and_harms_no_other(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import time
        import pytest

        @pytest.fixture
        def bad(servers, spec):
            return servers.obtain(spec("bad", says="last words", dies=4))

        def test_one(bad): ...
        def test_two(bad): ...
        def test_three(servers, spec):
            assert servers.obtain(spec()).is_alive()
        def test_interrupted(servers, spec):
            raise KeyboardInterrupt
        """
    )
    began = time.monotonic()
    result = pytester.runpytest_subprocess(*PLAIN)
    assert time.monotonic() - began < 20  # xprocess alone would wait for 120 s
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*ServerExited: the fake server ended before it was ready (exit code 4, after *"])
    result.stdout.fnmatch_lines(["*last words"])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert not list(pytester.path.joinpath(*SERVERS).glob("*/xprocess.PID"))


@pytest.mark.parametrize("disabled", ["cacheprovider", "xprocess", "legacypath"])
def test_without_xprocess_servers_are_started_all_the_same(
    pytester: pytest.Pytester, gone: Gone, disabled: str
) -> None:
    pytester.makepyfile(
        f"""
        from pathlib import Path
        from pytest_modelserve.managed import missing_plugin

        def test_served(servers, spec, request):
            assert missing_plugin(request.config) == {disabled!r}
            server = servers.obtain(spec())
            assert servers.restart(spec()) != server
            Path("pid").write_text(str(servers.obtain(spec()).pid))
        """
    )
    pytester.runpytest_subprocess(*PLAIN, "-p", f"no:{disabled}").assert_outcomes(passed=1)
    assert gone(int((pytester.path / "pid").read_text()))


def test_a_pid_file_of_another_process_is_not_believed(pytester: pytest.Pytester) -> None:
    home = pytester.path.joinpath(*SERVERS, "fake")
    home.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as innocent:
        (home / "xprocess.PID").write_text(str(innocent.pid))
        pytester.makepyfile("def test_served(servers, spec): assert servers.obtain(spec()).is_alive()")
        pytester.runpytest_subprocess(*PLAIN).assert_outcomes(passed=1)
        assert innocent.poll() is None
        innocent.kill()


def test_stale_pid_files_are_dropped_and_others_kept(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig()
    command = (sys.executable, "-I", "-S", str(FAKE_SERVER), "{}", "fd:{fd}")
    spec = LaunchSpec(
        name="fake", backend="fake", model_uri="m", command=command, env={"PATH": os.defpath}, probe=Probe()
    )
    homes = {name: pytester.path.joinpath(*SERVERS, name) for name in ("dead", "alive", "foreign")}
    for home in homes.values():
        home.mkdir(parents=True)
        (home / "xprocess.PID").write_text("1")
    with serving(spec, homes["dead"]):
        pass
    with Lease(lease_path(homes["alive"])) as lease:
        server = start(spec, lease)
        drop_stale_pids(config)
        server.stop()
    assert [(home / "xprocess.PID").exists() for home in homes.values()] == [False, True, True]
