"""Servers under a bound of memory: before one is started, those that were used least recently are let go.

What counts is what all servers of one root hold, whichever worker or run started them: it is the same machine. A model
that is let go keeps its environment and all that was learned of it; its server is started again when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, Protocol

import psutil

from .followed import SharedServers
from .server.family import family_of, holdings
from .server.launch import LaunchSpec
from .server.state import Server

SHARE: Final = 0.5  # of the memory that is free as the run starts: the other half is for the tests, and for predictions
_LIMITS: Final = (  # of the container that this process runs in, by the second and the first version of control groups
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_MIB: Final = 1024**2


class Pool(SharedServers, Protocol):
    """Where the servers come from, as `ServerPool`."""

    def running(self) -> Iterator[tuple[str, Server]]:
        """Yield the servers that run, whoever uses them, each with the name of its place."""
        ...

    def end_unused(self) -> Server | None:
        """End one of the servers that wait for a later run, and return it."""
        ...

    def close(self) -> None:
        """Give every server back."""


class IdleModel(Protocol):
    """A model whose servers nobody uses now."""

    @property
    def server(self) -> Server:
        """Return the server that it had last."""
        ...

    def let_go(self) -> bool:
        """Give its servers back, and return whether it had any."""
        ...


def held_bytes(server: Server) -> int:
    """Return the resident memory of a server's processes; what they share counts for each."""
    return sum(held.memory_bytes for held in holdings(family_of(server)).values())


class BoundedServers:
    """Hands out the servers of a pool, and keeps what they hold under a bound as far as that can be.

    A server that is used by a test is never let go, and one that alone is over the bound runs all the same.

    Args:
        servers: Where the servers come from.
        bound_bytes: What all of them may hold together, in resident memory.
        idle: Gives the models that no test uses now, the least recently used first.
        tell: Hears of each server that is let go.
        measure: Returns what a server holds.
    """

    def __init__(
        self,
        servers: Pool,
        bound_bytes: int,
        *,
        idle: Callable[[], Iterator[IdleModel]],
        tell: Callable[[str], None],
        measure: Callable[[Server], int] = held_bytes,
    ) -> None:
        self._servers = servers
        self._bound_bytes = bound_bytes
        self._idle = idle
        self._tell = tell
        self._measure = measure
        self._given: dict[str, Server] = {}
        self._held: dict[str, int] = {}

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the live server of a launch, as `ServerPool.obtain` does, with room made for one that is started.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
        """
        known = self._given.get(spec.name)
        if known is None or not known.is_alive():
            self._make_room(spec, joins=True)
        server = self._given[spec.name] = self._servers.obtain(spec)
        return server

    def restart(self, spec: LaunchSpec) -> Server:
        """Return a server that takes the place of the one before, as `ServerPool.restart` does.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
            ServerError: If the one before does not stop.
        """
        server = self._given[spec.name] = self._servers.restart(spec)
        return server

    def private(
        self, spec: LaunchSpec, fit: Callable[[LaunchSpec, Path], LaunchSpec]
    ) -> AbstractContextManager[Server]:
        """Run a server that nobody else uses, as `ServerPool.private` does, with room made for it."""
        self._make_room(spec, joins=False)
        return self._servers.private(spec, fit)

    def give_back(self, spec: LaunchSpec) -> bool:
        """Give a server back, and return whether there was one.

        Raises:
            ServerError: If it does not stop.
        """
        self._given.pop(spec.name, None)
        return self._servers.give_back(spec)

    def close(self) -> None:
        """Give every server back.

        Raises:
            ServerError: If one of them does not stop; the others are given back all the same.
        """
        self._given.clear()
        self._servers.close()

    def _make_room(self, spec: LaunchSpec, *, joins: bool) -> None:
        taken = self._taken()
        if joins and spec.name in taken:  # somebody else runs it, so that none is started
            return
        idle = self._idle()
        while (held := sum(taken.values())) + (needed := self._expected(spec)) > self._bound_bytes:
            uri = self._let_go(idle)
            if uri is None:
                return
            self._tell(
                f"{uri}: the server is let go until a test asks for it, since the one of {spec.model_uri} needs "
                f"about {_shown(needed)}, and the servers hold {_shown(held)} of {_shown(self._bound_bytes)}"
            )
            taken = self._taken()

    def _let_go(self, idle: Iterator[IdleModel]) -> str | None:
        """End the server that is needed least, first of all one that waits for a later run, and return its model."""
        if unused := self._servers.end_unused():
            return unused.model_uri
        return next((model.server.model_uri for model in idle if model.let_go()), None)

    def _taken(self) -> dict[str, int]:
        """Return what each server holds by its name, and remember it."""
        taken = {name: self._measure(server) for name, server in self._servers.running()}
        self._held.update(taken)
        return taken

    def _expected(self, spec: LaunchSpec) -> int:
        """Return what a server is taken to need: what it held before, else as much as the largest that was seen."""
        return self._held.get(spec.name) or max(self._held.values(), default=0)  # with none to let go, no matter


def usual_bound() -> int:
    """Return the bound where nobody gives one: a share of what is free now, or of what the container may take."""
    limits = [psutil.virtual_memory().available, *_limits()]
    return int(min(limits) * SHARE)


def _limits() -> Iterator[int]:
    for path in _LIMITS:
        with suppress(OSError, ValueError):  # there is no such file, or no limit: it says `max`
            yield int(path.read_text())


def _shown(n_bytes: int) -> str:
    return f"{n_bytes / _MIB:.0f} MiB"
