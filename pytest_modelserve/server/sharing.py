"""One server for all who ask for the same, in this process or another: the last one out stops it."""

from __future__ import annotations

import itertools
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, TypeVar

from filelock import FileLock, Timeout

from ..errors import ServerError
from ..lifeline import Lease
from .failed import forget, recall, remember
from .keeping import as_joined, end_if_unfit, homes_of_kept, keep, kept_servers, note_use
from .launch import LaunchSpec
from .process import find, lease_path, start
from .state import Server, keep_path, read_server

GATE: Final = "start.lock"
_Pool = TypeVar("_Pool", bound="ServerPool")


class Starter(Protocol):
    """Starts a server that lives by a lease, as `process.start` does."""

    def __call__(self, spec: LaunchSpec, lease: Lease, /) -> Server:
        """Start it, wait until it is ready, and write its state beside the lease."""


@dataclass(frozen=True, slots=True)
class _Share:
    lease: Lease
    server: Server


def _as_it_is(spec: LaunchSpec, _home: Path) -> LaunchSpec:
    return spec


class ServerPool:
    """Hand out servers that are shared by name with every other pool on the same root.

    Everybody who joins, restarts or leaves a server does so one at a time; using it takes no lock. Where a launch says
    so its server outlives the last who leaves it, unless it had to be replaced before: a server that was lost once is
    not what another run should begin with.

    Args:
        root: A directory on a local disk, the same for all who are to share.
        starter: How a server is started where none runs yet.
        run_id: The same for all pools that are not to repeat each other's failed starts; by default no other's.
        tell: Hears, once of each, of servers of earlier runs that could not be tidied up.
    """

    def __init__(
        self, root: Path, starter: Starter = start, run_id: str = "", *, tell: Callable[[str], object] = warnings.warn
    ) -> None:
        self._root = root.absolute()  # servers run in directories of their own
        self._run_id = run_id or uuid.uuid4().hex
        self._starter = starter
        self._shares: dict[str, _Share] = {}
        self._tell = tell
        self._told: set[Path] = set()

    @property
    def root(self) -> Path:
        """Where the servers have their files."""
        return self._root

    def obtain(self, spec: LaunchSpec) -> Server:
        """Return the live server of this name; start it where there is none, or where it died.

        Asking again after a failed start raises the same error at once, since the cause is the same.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
        """
        share = self._shares.get(spec.name)
        if share is not None and share.server.is_alive():
            return share.server
        with self._gate(spec):
            return self._joined(spec)

    def restart(self, spec: LaunchSpec) -> Server:
        """Return a server of this name that is not the one handed out before, which is killed: it is dead or hangs.

        A newer one that another process started meanwhile will do.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
            ServerError: If the old one does not stop.
        """
        with self._gate(spec):
            forget(self._root / spec.name)
            if share := self._shares.get(spec.name):
                share.server.kill()
            return self._joined(spec)

    @contextmanager
    def private(self, spec: LaunchSpec, fit: Callable[[LaunchSpec, Path], LaunchSpec] = _as_it_is) -> Iterator[Server]:
        """Run a server of this kind that nobody else uses, for as long as the block lasts.

        Args:
            spec: What is served.
            fit: Changes it once the directory is known that this server has to itself, run after run.

        Raises:
            ServerExited: If it ends before it is ready.
            ServerNotReady: If it does not predict in time.
            ServerError: If it does not stop at the end.
        """
        with ExitStack() as stack:
            home = stack.enter_context(self._free_home(spec))
            fitted = fit(spec, home)
            for path in fitted.forget:  # its supervisor removes them, if it comes so far
                stack.callback(path.unlink, missing_ok=True)
            server = self._starter(fitted, stack.enter_context(Lease(lease_path(home))))
            stack.callback(server.clean_up)
            stack.callback(server.stop)
            yield server

    def give_back(self, spec: LaunchSpec) -> bool:
        """Give one share back, and return whether there was one; what nobody else uses is gone then, kept or not.

        Raises:
            ServerError: If it does not stop.
        """
        share = self._shares.pop(spec.name, None)
        if share is not None:
            self._leave(spec.name, share, may_wait=False)
        return share is not None

    def end_unused(self) -> Server | None:
        """End one of the servers that are kept and that nobody uses, and return it: the one that would end first.

        One that does not stop is passed over.
        """
        for kept in sorted(kept_servers(self._root), key=lambda kept: kept.until):
            home, has_ended = kept.server.directory.parent, False
            with self._spared(home), self._lock(home, timeout_s=0), Lease(lease_path(home)) as lease:
                if lease.is_only():
                    kept.server.stop()
                    has_ended = True
                    kept.server.clean_up()
            if has_ended:
                return kept.server
        return None

    def running(self) -> Iterator[tuple[str, Server]]:
        """Yield the servers below the root that run, whoever uses them, each with the name of its place."""
        for home in self._root.glob("*"):
            server = read_server(home)
            if server is not None and server.is_alive():
                yield home.name, server

    def close(self) -> None:
        """Give every share back; servers that nobody else uses are gone when this returns, but for those that are kept.

        Raises:
            ServerError: If one of them does not stop; the others are given back all the same.
        """
        with ExitStack() as stack:
            while self._shares:
                stack.callback(self._leave, *self._shares.popitem())

    def __enter__(self: _Pool) -> _Pool:  # noqa: PYI019 (typing.Self is not in Python 3.10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _joined(self, spec: LaunchSpec) -> Server:
        home = self._root / spec.name
        share = self._shares.pop(spec.name, None)
        with ExitStack() as undo:
            lease = share.lease if share else Lease(lease_path(home))
            undo.callback(lease.close)
            if share is not None and share.server.process is not None:
                share.server.await_end()
            if spec.keep_s and share is None and lease.is_only():
                end_if_unfit(spec, home)
            server, is_new = find(spec, home), False
            if server is None:
                server, is_new = self._started(spec, lease), True
            elif spec.keep_s:
                server = as_joined(server, spec.keep_s, self._run_id)
            self._shares[spec.name] = _Share(lease, server)
            undo.pop_all()
        if is_new and spec.keep_s and share is None:
            keep(server, spec.keep_s, self._run_id)
            self._tidy_up(server)
        return server

    def _started(self, spec: LaunchSpec, lease: Lease) -> Server:
        home = self._root / spec.name
        if failure := recall(home, self._run_id):
            raise failure
        try:
            return self._starter(spec, lease)
        except ServerError as error:
            remember(home, self._run_id, error)
            raise

    def _tidy_up(self, new: Server) -> None:
        """End what a new server takes the place of, and remove the files of those that ended when nobody was there.

        Whoever works at a model would else have one of every state of it in memory.
        """
        for home in homes_of_kept(self._root):
            if home == new.directory.parent:
                continue
            with self._spared(home), self._lock(home, timeout_s=0), Lease(lease_path(home)) as lease:
                old = read_server(home)
                if old is None or not lease.is_only():
                    continue
                if (old.backend, old.model_uri) == (new.backend, new.model_uri):
                    old.stop()
                if not old.is_alive():
                    old.clean_up()

    @contextmanager
    def _spared(self, home: Path) -> Iterator[None]:
        """Go on whatever goes wrong with a server that somebody left, for nobody here needs it, but say so once."""
        try:
            yield
        except Timeout:  # somebody is at it
            return
        except (OSError, ServerError) as error:
            if home not in self._told:
                self._told.add(home)
                why = error.happened if isinstance(error, ServerError) else error
                self._tell(f"what an earlier run left in {home} stays there: {why}")

    def _leave(self, name: str, share: _Share, *, may_wait: bool = True) -> None:
        with self._lock(self._root / name):
            if not may_wait and share.lease.is_only():  # who comes now waits at the gate, and finds none that is kept
                keep_path(share.server.directory).unlink(missing_ok=True)
            if note_use(share.server):
                share.lease.close()
                share.server.disown()
            elif share.lease.leave():
                share.server.await_end()
                share.server.clean_up()
            else:
                share.server.disown()

    def _gate(self, spec: LaunchSpec) -> FileLock:
        return self._lock(self._root / spec.name)

    def _lock(self, home: Path, timeout_s: float = -1) -> FileLock:
        home.mkdir(parents=True, exist_ok=True)
        return FileLock(home / GATE, timeout=timeout_s)

    @contextmanager
    def _free_home(self, spec: LaunchSpec) -> Iterator[Path]:
        for ordinal in itertools.count(1):
            home = self._root / f"{spec.name}-private-{ordinal}"
            lock = self._lock(home, timeout_s=0)
            try:
                held = lock.acquire()
            except Timeout:
                continue
            with held:
                yield home
            return
