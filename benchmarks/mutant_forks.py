"""Processes that live for one mutant: how a change is put into them, and how many of them run at a time."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import multiprocessing.connection
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

import psutil
from mutant_edits import Mutant

MEMORY_BYTES: Final = 2 << 30  # a loop without an end fills a list, too
LIMIT_S: Final = 600.0  # for a whole mutant; one test has a limit of its own


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a mutant.

    Attributes:
        killer: The test that failed; None where none did.
        is_timeout: Whether a test took far longer than it used to.
    """

    killer: str | None = None
    is_timeout: bool = False

    @property
    def is_survivor(self) -> bool:
        """Whether no test noticed the change."""
        return self.killer is None and not self.is_timeout


class ForkFailed(Exception):
    """Report that the tool itself went wrong in a fork, which says nothing about the mutant."""


def stream_fork(work: Callable[[Callable[[Any], None]], None]) -> Iterator[Any]:
    """Yield what `work` reports, which runs in a fork of this process.

    Raises:
        ForkFailed: `work` raised.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_stream, args=(work, theirs))
    process.start()
    theirs.close()
    while True:
        kind, told = ours.recv()
        if kind == "failed":
            raise ForkFailed(told)
        if kind == "end":
            break
        yield told
    process.join()


def _stream(work: Callable[[Callable[[Any], None]], None], pipe: Connection) -> None:
    silence()
    try:
        work(lambda told: pipe.send(("told", told)))
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))
        raise
    pipe.send(("end", None))


def run_forks(
    mutants: Sequence[Mutant], work: Callable[[Mutant], str | None], jobs: int
) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield each mutant with what came of it; `work` runs in a fork of this process and returns the killer.

    Raises:
        ForkFailed: `work` raised.
    """
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(mutants))
    running: dict[Any, tuple[Any, Any, Mutant, float]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_run, args=(work, mutant, theirs))
            process.start()
            theirs.close()
            running[process.sentinel] = (process, ours, mutant, time.monotonic() + LIMIT_S)
        for sentinel in multiprocessing.connection.wait(list(running), timeout=10):
            process, ours, mutant, _ = running.pop(sentinel)
            process.join()
            yield mutant, _outcome(mutant, ours)
        for process, _, _, deadline in running.values():
            if time.monotonic() > deadline:
                process.kill()


def silence() -> None:
    """Send what the tests print nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _run(work: Callable[[Mutant], str | None], mutant: Mutant, report: Connection) -> None:
    silence()
    limit = psutil.Process().memory_info().vms + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        killer = work(mutant)
    except BaseException:
        report.send(("failed", traceback.format_exc()))
        raise
    report.send(("killer", killer))


def _outcome(mutant: Mutant, report: Connection) -> Outcome:
    """Return what a fork told before it ended; nothing where a timer or the memory's limit ended it."""
    try:
        kind, told = report.recv()
    except EOFError:
        return Outcome(is_timeout=True)
    if kind == "failed":
        raise ForkFailed(f"{mutant}\n{told}")
    return Outcome(killer=told)


def exchange(name: str, text: str, mutant: Mutant) -> None:
    """Give the changed code to the function that a mutant changes, wherever it has been imported to."""
    module = sys.modules[name]
    function = _find_function(module, mutant.function.split("."))
    code = compile(text, str(module.__file__), "exec")
    function.__code__ = _find_code(code, function.__code__)


def _find_function(module: ModuleType, names: Sequence[str]) -> FunctionType:
    found: Any = module
    for name in names:
        found = vars(found)[name]
        found = getattr(found, "fget", found)
        found = getattr(found, "__wrapped__", found)
        if isinstance(found, FunctionType):
            return found
    raise LookupError(f"{module.__name__} has no function {'.'.join(names)}")


def _find_code(code: CodeType, like: CodeType) -> CodeType:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if (const.co_name, const.co_firstlineno) == (like.co_name, like.co_firstlineno):
                return const
            if const.co_firstlineno <= like.co_firstlineno:
                try:
                    return _find_code(const, like)
                except LookupError:
                    continue
    raise LookupError(like.co_name)


def load_instead(name: str, file: Path, text: str) -> None:
    """Let the next import of a module take another text."""

    class Loader(importlib.machinery.SourceFileLoader):
        def get_code(self, _fullname: str) -> CodeType:
            return compile(text, self.path, "exec")

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(
            self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
        ) -> importlib.machinery.ModuleSpec | None:
            if fullname != name:
                return None
            return importlib.util.spec_from_file_location(name, file, loader=Loader(name, str(file)))

    sys.meta_path.insert(0, Finder())
