"""`--model-keep-server`: the next run has the server of this one, until `--xkill` or until nobody comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from pytest_modelserve.server.keeping import KeptServer, kept_servers

if TYPE_CHECKING:
    from plugin.conftest import Runs, TinyModel

pytest_plugins = ["pytester"]

FAKE_SERVER = Path(__file__).parents[1] / "unit" / "server" / "fake_server.py"
SERVERS = (".pytest_cache", "d", ".xprocess")
PLAIN = ("-p", "no:randomly", "-p", "no:hypothesispytest", "-p", "no:asyncio")

CONFTEST = f"""
import json, os, sys
from pathlib import Path
import pytest
from pytest_modelserve.managed import managed_servers
from pytest_modelserve.server.keeping import as_kept
from pytest_modelserve.server.launch import LaunchSpec, Probe

@pytest.fixture(scope="session")
def server(request):
    command = (sys.executable, "-I", "-S", {str(FAKE_SERVER)!r}, json.dumps({{"children": 1}}), "fd:{{fd}}")
    spec = LaunchSpec(name="fake", backend="fake", model_uri="m", command=command, env={{"PATH": os.defpath}},
                      probe=Probe(body=b"[]"), startup_timeout_s=30.0)
    with managed_servers(request.config, Path(request.config.rootpath, ".servers")) as servers:
        yield servers.obtain(as_kept(spec, float(os.environ.get("KEEP_S", "3600"))))
"""

Found = Callable[[], list[KeptServer]]


@pytest.fixture
def found(pytester: pytest.Pytester) -> Iterator[Found]:
    """The kept servers of the folder of the run; none of them outlives the test."""

    def find() -> list[KeptServer]:
        roots = (pytester.path.joinpath(*SERVERS), pytester.path / ".servers")
        return [kept for root in roots for kept in kept_servers(root)]

    yield find
    for kept in find():
        kept.server.stop()


def ends(*pids: int) -> bool:
    """Whether processes end, in a time that is ample even on a busy machine."""
    return soon(lambda: not any(map(runs, pids)))


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def soon(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_the_contract_has_the_server_of_the_run_before(model: TinyModel, run: Runs, found: Found) -> None:
    arguments = ("--model-uri", model.name, "--model-keep-server", "--model-checks=smoke", "--model-report=report.json")
    first = run(*arguments)
    first.stdout.fnmatch_lines(
        ["kept: the builtin server of model, until ??:?? if nobody uses it; end it by: pytest --xkill"]
    )
    assert "kept" not in run.report["models"][0]["server"]
    (kept,) = found()
    loads = model.loads
    second = run(*arguments)
    second.stdout.fnmatch_lines(["  builtin server, kept by an earlier run; Python *"])
    told = run.report["models"][0]["server"]
    assert (told["kept"], "cold_start_s" in told) == (True, False)
    assert [first.ret, second.ret] == [0, 0]
    assert (model.loads, [one.server for one in found()]) == (loads, [kept.server])


def test_a_marker_may_ask_for_it(model: TinyModel, run: Runs, pytester: pytest.Pytester, found: Found) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.served_model("model", keep_server=True, keep_idle_s="90s")
        def test_kept(served_model):
            assert not served_model.server.is_warm
        """
    )
    done = run("-q")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["kept: the builtin server of model, *"])
    (kept,) = found()
    assert kept.until - time.time() == pytest.approx(90, abs=30)


def test_workers_leave_one(pytester: pytest.Pytester, found: Found) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_alive(server, number):
            assert server.is_alive() and not server.is_warm
        """
    )
    result = pytester.runpytest_subprocess(*PLAIN, "-n", "2", "--dist", "each", "--model-keep-server")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["kept: the fake server of m, *"])
    assert len(found()) == 1


@pytest.mark.parametrize("way", ["--xkill", "idle"])
def test_it_ends_when_told_to_or_when_nobody_comes(
    pytester: pytest.Pytester, found: Found, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        """
        import json
        from pathlib import Path

        def test_alive(server):
            pids = [server.pid, *json.loads((server.directory / "children.json").read_text())]
            Path("told.json").write_text(json.dumps({"warm": server.is_warm, "pids": pids}))
        """
    )
    monkeypatch.setenv("KEEP_S", "3600" if way == "--xkill" else "0.2")
    pytester.runpytest_subprocess(*PLAIN).assert_outcomes(passed=1)
    told = json.loads((pytester.path / "told.json").read_text())
    if way == "--xkill":
        assert len(found()) == 1
        pytester.runpytest_subprocess(*PLAIN, "--xshow").stdout.fnmatch_lines(["* fake-kept-* LIVE *xprocess.log"])
        pytester.runpytest_subprocess(*PLAIN, "--xkill").stdout.fnmatch_lines(["* fake-kept-* TERMINATED"])
    assert (len(told["pids"]), ends(*told["pids"])) == (2, True)
    assert soon(lambda: found() == [])  # the supervisor is the last to go
    pytester.runpytest_subprocess(*PLAIN).assert_outcomes(passed=1)
    again = json.loads((pytester.path / "told.json").read_text())
    assert (again["warm"], again["pids"] != told["pids"]) == (False, True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_leaves_it_to_the_next(pytester: pytest.Pytester, found: Found, number: int) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_waiting="""
        import time
        from pathlib import Path

        def test_waiting(server):
            Path("ready").touch()
            time.sleep(60)
        """,
        test_next="def test_next(server): assert server.is_warm",
    )
    command = (sys.executable, "-m", "pytest", "-q", *PLAIN, "test_waiting.py")
    devnull = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=pytester.path, stdin=devnull, stdout=devnull, stderr=devnull) as process:
        while not (pytester.path / "ready").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
    pytester.runpytest_subprocess(*PLAIN, "test_next.py").assert_outcomes(passed=1)
    assert len(found()) == 1


def test_without_xprocess_the_pid_is_told(pytester: pytest.Pytester, found: Found) -> None:
    cache = pytester.mkdir("cache")
    (pytester.path / ".servers").symlink_to(cache / "servers")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("def test_alive(server): assert server.is_alive()")
    options = ("-p", "no:xprocess", "--model-keep-server", f"--model-cache-dir={cache}")
    (cache / "servers").mkdir()
    result = pytester.runpytest_subprocess(*PLAIN, *options)
    (kept,) = found()
    result.stdout.fnmatch_lines([f"kept: *; end it by: kill {kept.supervisor_pid}"])
    os.kill(kept.supervisor_pid, signal.SIGTERM)
    assert ends(kept.server.pid)
