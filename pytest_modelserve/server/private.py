"""A server that one process has to itself, with a temporary directory and secrets of its own to look for afterwards."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from .family import Ending, stop_watched
from .launch import LaunchSpec
from .state import Server

CANARY_PREFIX: Final = "MODELSERVE_CANARY_"  # of the environment variables that are planted
_CANARY_FILE: Final = "canary.txt"  # stands in the directory in which the server runs
_TMP: Final = "tmp"


class PrivatePool(Protocol):
    """Runs servers that nobody else uses."""

    def private(
        self, spec: LaunchSpec, fit: Callable[[LaunchSpec, Path], LaunchSpec]
    ) -> AbstractContextManager[Server]:
        """Run one for as long as the block lasts."""


class PrivateServers:
    """Hands out one server of one's own, started again where it died, and tells how it stops.

    Args:
        pool: What runs it.
        build: Makes the launch from the environment variables that its processes are to see in any case.

    Attributes:
        canaries: Where each secret was planted, and its text: whoever finds one in an answer has found a leak.
    """

    def __init__(self, pool: PrivatePool, build: Callable[[Mapping[str, str]], LaunchSpec]) -> None:
        self._pool = pool
        self._build = build
        self._stack = ExitStack()
        self._server: Server | None = None
        self._tmp: Path | None = None
        self.canaries: Mapping[str, str] = {
            "an environment variable of the server": f"canary-{uuid.uuid4().hex}",
            "a file beside the server": f"canary-{uuid.uuid4().hex}",
        }

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the live server, started where there is none.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
        """
        if self._server is None or not self._server.is_alive():
            return self.restart(spec)
        return self._server

    def restart(self, spec: LaunchSpec) -> Server:
        """Return a new server; the one before, of which nothing more is to be learned, is killed.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
            ServerError: If the one before is still there.
        """
        if self._server is not None:
            self._server.kill()
        self.close()
        self._server = self._stack.enter_context(self._pool.private(spec, self._fitted))
        return self._server

    def stop(self) -> Ending | None:
        """Stop the server and tell how it went; None where there is none. The next `obtain` starts another.

        Raises:
            ServerError: If it does not stop.
        """
        return None if self._server is None else stop_watched(self._server)

    def temporary_files(self) -> Iterator[str]:
        """Yield what stands in the server's temporary directory, by name."""
        if self._tmp is not None and self._tmp.is_dir():
            yield from sorted(path.name for path in self._tmp.iterdir())

    def close(self) -> None:
        """Stop the server, if it runs."""
        self._server = None
        self._stack.close()

    def _fitted(self, spec: LaunchSpec, home: Path) -> LaunchSpec:
        folder = home / _TMP
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        folder.mkdir()
        # Sockets are made in it, whose paths may be 100 bytes long.
        link = Path(tempfile.gettempdir(), f"modelserve-{uuid.uuid4().hex[:8]}")
        link.symlink_to(folder)
        self._tmp = folder
        in_environment, in_file = self.canaries.values()
        planted = {f"{CANARY_PREFIX}KEY": in_environment, "TMPDIR": str(link)}
        launch = self._build(planted)
        return replace(
            launch,
            name=spec.name,
            env={**launch.env, **planted},
            files={**launch.files, _CANARY_FILE: in_file.encode()},
            probe=replace(launch.probe, asks_early=True),
            forget=(*launch.forget, link),
        )
