"""Environments built once and kept: safe with many processes at a time, and with any of them killed at any moment.

    ROOT/envs/<key>/g-<random>/    one build, at the path where it stays; a venv must not be renamed
    ROOT/envs/<key>/current.json   the pointer to the finished build, replaced as a whole, written last
    ROOT/envs/<key>/current-<random>.json   another, where those before do not serve here but are in use
    ROOT/envs/<key>/failure.json   why the build failed, so that others of the same run do not repeat it
    ROOT/envs/<key>/failure.log    what the installer said then
    ROOT/envs/<key>/models/        which models used it, a small file each
    ROOT/locks/<key>.lock          held by the kernel's leave while building; it ends with the process
    ROOT/locks/<key>.use           shared by all who use the environment, so that nobody removes it
    ROOT/locks/<key>.status        what the builder is doing

A fixed path with a done-mark would not do: an installer that outlives its killed parent goes on writing into the
directory that the next build has just cleaned. Two containers may see one cache at two paths, and scripts hold a path:
then each has a build of its own, and neither removes the other's while it is used. A finished build needs nothing
written to be used, so that it can stand in a read-only image, on a full disk, or in the cache of another user.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from filelock import FileLock, Timeout

from ..errors import EnvironmentBroken, InstallFailed, InterpreterMissing, RequirementsError
from ..lifeline import Lease
from .disk import FULL, READ_ONLY, disk_bytes
from .ownership import demand_ownership
from .pauses import end_pauses
from .progress import SILENCE, Progress, StatusFile, read_status
from .whole_file import read_whole, remove_drafts, write_whole

LOG_NAME: Final = "install.log"
FAILURE_LOG_NAME: Final = "failure.log"
_SCHEMA: Final = 1
_SLICE_S: Final = 2.0  # how often one who waits says what the builder is doing
_POLL_S: Final = 0.05
_GENERATION: Final = "g-"
_UNWRITABLE: Final = READ_ONLY | FULL
LOCK_MODE: Final = 0o666  # of a lock file, less the umask: others can only say by it that they use an environment
_KINDS: Final = {
    kind.__name__: kind for kind in (EnvironmentBroken, InstallFailed, InterpreterMissing, RequirementsError)
}

Builder: TypeAlias = Callable[[Path, Progress], Mapping[str, object]]
"""Builds into a new, empty directory; gives JSON-ready facts, among them `python`, relative to the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The paths of one environment, built or not."""

    root: Path
    key: str

    @property
    def folder(self) -> Path:
        """Everything that the collector removes."""
        return self.root / "envs" / self.key

    @property
    def pointer(self) -> Path:
        """Says which build is the finished one; its time is that of the last use."""
        return self.folder / "current.json"

    def pointers(self) -> tuple[Path, ...]:
        """Give the pointer, and those of builds that were made beside it while others used that."""
        return tuple(sorted(self.folder.glob("current*.json"), reverse=True))  # the pointer itself first

    @property
    def failure(self) -> Path:
        """Says why the last build failed."""
        return self.folder / "failure.json"

    @property
    def failure_log(self) -> Path:
        """The log of the last build that failed."""
        return self.folder / FAILURE_LOG_NAME

    @property
    def use(self) -> Path:
        """Locked by all who use the environment."""
        return self.root / "locks" / f"{self.key}.use"

    @property
    def status(self) -> Path:
        """Says what the builder does."""
        return self.root / "locks" / f"{self.key}.status"

    def build_lock(self) -> FileLock:
        """Make a lock that one builder, or collector, holds at a time."""
        path = self.root / "locks" / f"{self.key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path)

    def generations(self) -> Iterator[Path]:
        """Give all builds, finished or left behind."""
        return self.folder.glob(f"{_GENERATION}*")

    def read_pointer(self) -> dict[str, Any] | None:
        """Read the pointer to the build that serves here, or to any; None where there is none that is whole and ours.

        Raises:
            OSError: If one may not be read.
        """
        found = [document for path in self.pointers() if (document := read_pointer(path))]
        return min(found, key=lambda document: _is_moved(self.folder / document["generation"], document), default=None)


def read_pointer(path: Path) -> dict[str, Any] | None:
    """Read one pointer, None where it is absent, torn, or another's.

    Raises:
        OSError: If it may not be read.
    """
    document = read_whole(path)
    name, facts = document.get("generation"), document.get("facts")
    is_whole = isinstance(name, str) and isinstance(facts, dict) and isinstance(facts.get("python"), str)
    is_ours = is_whole and document.get("schema") == _SCHEMA and str(name).startswith(_GENERATION)
    return document if is_ours and "/" not in str(name) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedBuild:
    """A finished build, in use until the lease is closed.

    Attributes:
        directory: The build's own.
        facts: What the builder said of it.
        is_hit: Whether it was there already; false also where another process built it while this one waited.
        lease: The caller closes it; it holds nothing where the cache is read-only and names no file for it.
    """

    directory: Path
    facts: Mapping[str, Any]
    is_hit: bool
    lease: Lease


class EnvironmentCache:
    """Give each environment once, building it where it is not there.

    Args:
        root: A directory on a local disk: locks of network file systems may hold for one host only.
        run_id: Equal in all processes of one test run; a build that failed in it is not tried again there.
        progress: Hears of the build, or of the build waited for.
    """

    def __init__(self, root: Path, *, run_id: str = "", progress: Progress = SILENCE) -> None:
        self.root = root
        self._run_id = run_id
        self._progress = progress

    def obtain(self, key: str, build: Builder) -> CachedBuild:
        """Give the environment of a key, from disk or built now, by this process or by one that is at it already.

        Raises:
            EnvironmentBroken: If the build fails, or failed before in this run, or the cache is in the hands of
                somebody else; also what `build` itself raises.
            OSError: If the environment is not there and the cache cannot be written.
        """
        slot = Slot(root=self.root, key=key)
        demand_ownership(self.root, self.root / "envs", slot.folder, *slot.pointers(), slot.use.parent)
        lease = _lease_of(slot)  # first of all, or a collector might remove what was just found
        try:
            if found := _finished(slot, lease, is_hit=True):
                return found
            end_pauses()  # what we stopped may hold the lock of this environment, or of the installer's cache
            with self._turn(slot):
                return _finished(slot, lease, is_hit=False) or self._build(slot, lease, build)
        except BaseException:
            lease.close()
            raise

    @contextlib.contextmanager
    def _turn(self, slot: Slot) -> Iterator[None]:
        lock = slot.build_lock()
        for timeout_s in itertools.chain([0.0], itertools.repeat(_SLICE_S)):  # the first word of waiting comes at once
            try:
                lock.acquire(timeout=timeout_s, poll_interval=_POLL_S)
                break
            except Timeout:
                self._progress.step(f"waiting for {read_status(slot.status) or 'another process'}")
        try:
            yield
        finally:
            lock.release()

    def _build(self, slot: Slot, lease: Lease, build: Builder) -> CachedBuild:
        self._raise_known_failure(slot)
        _make_room(slot, lease)
        name = secrets.token_hex(4)
        pointer = slot.folder / f"current-{name}.json" if slot.pointer.exists() else slot.pointer
        generation = slot.folder / f"{_GENERATION}{name}"
        generation.mkdir(parents=True)
        try:
            facts = build(generation, StatusFile(path=slot.status, audience=self._progress))
            document = {"schema": _SCHEMA, "generation": generation.name, "key": slot.key, "built": time.time()}
            document |= {"directory": str(generation.absolute()), "disk_bytes": disk_bytes(generation)}
            document["facts"] = dict(facts)
            write_whole(pointer, document, is_durable=True)
        except BaseException as error:
            if isinstance(error, EnvironmentBroken):
                self._keep_failure(slot, generation, error)
            _remove_tree(generation)
            raise
        finally:
            slot.status.unlink(missing_ok=True)
        finished = _finished(slot, lease, is_hit=False)
        if finished is None:
            raise EnvironmentBroken(
                "the environment was gone as soon as it was built",
                facts={"directory": generation},
                fix="See what removes files there, or choose another cache directory.",
            )
        return finished

    def _raise_known_failure(self, slot: Slot) -> None:
        if not self._run_id:
            return
        known = read_whole(slot.failure)
        is_whole = {"kind", "happened", "facts", "fix"} <= set(known)
        if is_whole and known.get("run_id") == self._run_id and known["kind"] in _KINDS:
            raise _KINDS[known["kind"]](known["happened"], facts=known["facts"], fix=known["fix"])

    def _keep_failure(self, slot: Slot, generation: Path, error: EnvironmentBroken) -> None:
        facts = {name: str(value) for name, value in error.facts.items()}
        kept = {"run_id": self._run_id, "kind": type(error).__name__}
        with contextlib.suppress(OSError):  # on a full disk the error itself matters, not its copy
            write_whole(slot.failure, {**kept, "happened": error.happened, "facts": facts, "fix": error.fix})
        with contextlib.suppress(OSError):  # there is no log where nothing was installed
            (generation / LOG_NAME).replace(slot.failure_log)


def discard(slot: Slot) -> None:
    """Remove all builds of an environment, the pointers first; the caller holds its build lock and uses it alone.

    Raises:
        OSError: If a pointer cannot be removed.
    """
    _remove_pointers(slot)
    _clear(slot)


def _make_room(slot: Slot, lease: Lease) -> None:
    """Remove what no build will need any more: all that is there, or where others use one, what none of them can.

    Those who come meanwhile wait for their share, and then find no pointer.
    """
    with lease.alone() if lease.is_held else contextlib.nullcontext() as is_alone:
        if is_alone:
            _remove_pointers(slot)
    _clear(slot)


def _remove_pointers(slot: Slot) -> None:
    for pointer in slot.pointers():
        pointer.unlink(missing_ok=True)


def _clear(slot: Slot) -> None:
    """Remove what builders left that were killed or failed: nobody found a build that no pointer names."""
    slot.failure.unlink(missing_ok=True)
    slot.failure_log.unlink(missing_ok=True)
    remove_drafts(slot.folder)
    for left in slot.status.parent.glob(f"{slot.status.name}*"):  # of a builder that was killed
        left.unlink(missing_ok=True)
    documents = [read_pointer(pointer) for pointer in slot.pointers()]
    if None in documents:  # torn: which build it named, nobody knows
        return
    named = {document["generation"] for document in documents if document}
    for generation in slot.generations():
        if generation.name not in named:
            _remove_tree(generation)


def _lease_of(slot: Slot) -> Lease:
    """Take a share in the use of an environment; in a cache that is read-only, only where there is a file for it.

    Such a cache is pruned by its owner, who sees the share of all who can open the file.
    """
    try:
        return Lease(slot.use, mode=LOCK_MODE)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
    return Lease(slot.use, is_needed=False)


def _finished(slot: Slot, lease: Lease, *, is_hit: bool) -> CachedBuild | None:
    for path in slot.pointers():
        pointer = read_pointer(path)
        if pointer is not None and _serves(directory := slot.folder / pointer["generation"], pointer):
            demand_ownership(slot.root, directory)
            _note_use(path)
            return CachedBuild(directory=directory, facts=pointer["facts"], is_hit=is_hit, lease=lease)
    return None


def _serves(directory: Path, pointer: Mapping[str, Any]) -> bool:
    is_there = (directory / pointer["facts"]["python"]).exists()  # follows the link: the Python below may be gone
    return is_there and not _is_moved(directory, pointer)


def _is_moved(directory: Path, pointer: Mapping[str, Any]) -> bool:
    """Tell whether the cache was renamed or copied, so that scripts in the environment name a path of before.

    Two names of one directory are no move. A pointer of an earlier version does not say where it was written.
    """
    try:
        return not directory.samefile(pointer.get("directory", directory))
    except OSError:  # it is not there any more, or was never ours to see
        return True


def _note_use(path: Path) -> None:
    """Set the time of last use, where it is ours to set."""
    try:
        os.utime(path)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise


def _remove_tree(path: Path) -> None:
    """Remove what can be removed: an orphan may still write there, and the next build cleans up again."""
    shutil.rmtree(path, ignore_errors=True)
