"""Our servers as pytest-xprocess processes, so that `--xshow` and `--xkill` know them.

What xprocess 1.0.2 gets wrong for servers that are shared and may die is kept from happening here: it trusts a PID
file whatever process has that PID now, waits its full time for a process that is dead, raises on Ctrl-C where a start
failed, reads logs that it closed or cannot decode, and shows them to nobody.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from xprocess import ProcessStarter, XProcess

from .environment.ownership import believed_folder
from .environment.restoration import cache_root
from .errors import Failure
from .lifeline import Lease
from .progress import tell
from .server.keeping import KeptServer, kept_servers
from .server.launch import LaunchSpec
from .server.process import Prepared, prepare, settle, start
from .server.sharing import ServerPool, Starter
from .server.state import Server, read_server

KEPT_SUMMARY: Final = "modelserve-kept"  # the name of the plugin that tells of servers that are kept
_NEEDED_PLUGINS: Final = ("xprocess", "cacheprovider", "legacypath")  # it keeps its files in the cache, as py.path
_PID_FILE: Final = "xprocess.PID"
_LOG_FILE: Final = "xprocess.log"
_ROOT: Final = ("d", ".xprocess")  # where xprocess has its files below the directory of pytest's cache
_SECTION_BYTES: Final = 64 * 1024  # of log in one report: people read it


class ManagedServers(ServerPool):
    """Hand out servers that are shared by all tests, all xdist workers, and test runs at the same time.

    What a server writes while a test runs is added to the report of that test if it fails.

    Args:
        config: Of the test run.
        root: Where the servers have their files, the same for all workers.
        starter: How a server is started where none runs yet.
    """

    def __init__(self, config: pytest.Config, root: Path, starter: Starter) -> None:
        run_id = getattr(config, "workerinput", {}).get("testrunuid", "")
        super().__init__(root, starter, run_id, tell=partial(tell, config))
        self._config = config
        self._summary = KeptSummary(root)
        self._logs = _LogSections()
        config.pluginmanager.register(self._logs)

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the live server of this name, as `ServerPool.obtain` does.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
        """
        if spec.keep_s and not self._config.pluginmanager.hasplugin(KEPT_SUMMARY):
            self._config.pluginmanager.register(self._summary, KEPT_SUMMARY)
        return self._shown(spec, super().obtain(spec))

    def restart(self, spec: LaunchSpec) -> Server:
        """Return a server of this name that is not the one handed out before, as `ServerPool.restart` does.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
            ServerError: If the old one does not stop.
        """
        return self._shown(spec, super().restart(spec))

    def _shown(self, spec: LaunchSpec, server: Server) -> Server:
        self._logs.follow(spec.name, server.log_path)
        return server


def managed_servers(config: pytest.Config, root: Path) -> ManagedServers:
    """Return the servers of this test run; the caller closes them at its end.

    They are managed by xprocess, or started directly where `missing_plugin` names one that was disabled.

    Args:
        config: Of the run.
        root: Where the servers have their files when xprocess does not manage them, a folder of the cache.

    Raises:
        EnvironmentBroken: Somebody else may have put servers there.
    """
    if missing_plugin(config) is not None or config.cache is None:
        return ManagedServers(config, believed_folder(root.parent, root.name), start)
    rootdir = config.cache.makedir(".xprocess")  # type: ignore[attr-defined]  # added by legacypath; xprocess needs it
    xprocess = XProcess(config, rootdir, log=_Silence())
    return ManagedServers(config, Path(xprocess.rootdir), XprocessStarter(config, xprocess))


class _Silence:
    """Takes what xprocess logs by printing it into the output of the tests."""

    def debug(self, message: str, *args: object) -> None:
        """Drop a message."""


def missing_plugin(config: pytest.Config) -> str | None:
    """Return which plugin that xprocess needs was disabled, so that `--xshow` and `--xkill` know no server; or None."""
    return next((name for name in _NEEDED_PLUGINS if not config.pluginmanager.hasplugin(name)), None)


class KeptSummary:
    """A plugin that says at the end which servers this and other runs have kept, till when, and how to end them.

    Args:
        root: Where servers have their files when xprocess does not manage them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:  # noqa: ANN401 # pytest has it private
        """Print a line a server."""
        for line in self._lines(terminalreporter.config):
            terminalreporter.write_line(line)

    def _lines(self, config: pytest.Config) -> Iterator[str]:
        is_known = missing_plugin(config) is None
        is_here = config.rootpath == config.invocation_params.dir
        xkill = "pytest --xkill" if is_here else f"pytest --xkill --rootdir={shlex.quote(str(config.rootpath))}"
        root = config.rootpath.joinpath(config.getini("cache_dir"), *_ROOT) if is_known else self._root
        for kept in kept_servers(root):
            yield _as_line(kept, xkill if is_known else f"kill {kept.supervisor_pid}")


def tell_of_kept(config: pytest.Config, cache_dir: Path | None) -> None:
    """Have the run tell at its end of servers that are kept, even where its workers alone have any.

    Args:
        config: Of the run.
        cache_dir: Where environments and servers are kept; None is the user's cache directory.
    """
    if not config.pluginmanager.hasplugin(KEPT_SUMMARY):
        config.pluginmanager.register(KeptSummary(cache_root(cache_dir) / "servers"), KEPT_SUMMARY)


def _as_line(kept: KeptServer, end: str) -> str:
    until = time.strftime("%H:%M", time.localtime(kept.until))
    server = f"the {kept.server.backend} server of {kept.server.model_uri}"
    return f"kept: {server}, until {until} if nobody uses it; end it by: {end}"


def drop_stale_pids(config: pytest.Config) -> None:
    """Remove PID files of servers that no longer run; call it before xprocess acts on `--xkill` or `--xshow`.

    Our supervisor removes them itself unless the machine went down, after which the PID may be anybody's.
    """
    root = config.rootpath.joinpath(config.getini("cache_dir"), *_ROOT)
    for path in root.glob(f"*/{_PID_FILE}"):
        server = read_server(path.parent)
        if server is not None and not server.is_alive():
            path.unlink(missing_ok=True)


class XprocessStarter:
    """Start servers through xprocess.

    Args:
        config: Of the test run.
        xprocess: What the fixture of that name gives.
    """

    def __init__(self, config: pytest.Config, xprocess: Any) -> None:  # noqa: ANN401 (xprocess has no types)
        self._config = config
        self._xprocess = xprocess

    def __call__(self, spec: LaunchSpec, lease: Lease, /) -> Server:
        """Start a server that lives as long as the lease, and wait until it is ready.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
        """
        home = lease.path.parent
        pid_path = home / _PID_FILE
        pid_path.unlink(missing_ok=True)  # whose lease we hold is gone, and xprocess would kill who has its PID now
        started: list[Server] = []
        with prepare(spec, lease, _LOG_FILE, forget=(pid_path,)) as prepared:
            try:
                self._xprocess.ensure(
                    home.name,
                    lambda directory, xprocess: _ServerStarter(directory, xprocess, prepared, started),
                    persist_logs=False,
                )
            except BaseException:
                pid_path.unlink(missing_ok=True)  # it may have been written after the supervisor removed it
                raise
            finally:
                self._release(home.name)
        return started[0]

    def _release(self, name: str) -> None:
        """Take back what xprocess keeps of a start: open logs, and on failure an entry on which Ctrl-C trips."""
        self._xprocess.resources.pop().release()
        logs: dict[str, object] = getattr(self._config, "_extlogfiles", {})  # the name is xprocess's
        logs.pop(name, None)


class _ServerStarter(ProcessStarter):  # type: ignore[misc]  # xprocess has no types
    """Says to xprocess how a prepared server is started, and when it is ready."""

    def __init__(self, directory: object, xprocess: object, prepared: Prepared, started: list[Server]) -> None:
        super().__init__(directory, xprocess)
        self._prepared = prepared
        self._started = started
        self._begun = time.monotonic()

    @property
    def args(self) -> tuple[str, ...]:
        return self._prepared.command

    @property
    def env(self) -> Mapping[str, str]:
        return self._prepared.env

    @property
    def popen_kwargs(self) -> Mapping[str, object]:
        return {
            "cwd": self._prepared.directory,
            "stdin": subprocess.DEVNULL,
            "pass_fds": self._prepared.pass_fds,
        }

    def wait(self, _log: object) -> bool:
        """Wait as `settle` does, since xprocess would wait the full time for a process that is dead."""
        process = self.process.resources[-1].popen
        self._started.append(settle(self._prepared, process, self._begun))
        return True


class _LogSections:
    """A plugin that adds to the report of a failed test what servers wrote while it ran.

    xprocess means to do so, but adds its section to the hook's result rather than to the report, so nobody sees it.
    """

    def __init__(self) -> None:
        self._followed: dict[str, _Followed] = {}

    def follow(self, name: str, path: Path) -> None:
        """Show what is added to a log from now on, in place of the one of that name before."""
        known = self._followed.get(name)
        if known is None or known.path != path:
            self._followed[name] = _Followed(path)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed or call.when == "teardown":
            texts = {name: followed.read_new() for name, followed in sorted(self._followed.items())}
            is_told = call.excinfo is not None and isinstance(call.excinfo.value, Failure)  # its text has all it needs
            if report.failed and not is_told:
                report.sections += [(f"{name} log", text) for name, text in texts.items() if text]
        return report


class _Followed:
    """What was added to a log since it was last asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = path.stat().st_size

    def read_new(self) -> str:
        if not self.path.exists():  # of a server that two others followed
            return ""
        with self.path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(self._offset, size - _SECTION_BYTES))
            self._offset = size
            return log.read().decode(errors="backslashreplace")
