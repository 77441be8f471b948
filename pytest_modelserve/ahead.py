"""Environments that are restored before a test asks for them: those of the models that the run still needs, in order.

    plan(…)    when the tests of the run are known: which environments, and who asks for the first of them
    begin()    when nobody has to wait for a build of this process: the others are built in the background
    told(…)    when a test has its environment: what the report says of it is what became of the build ahead
    close()    at the end of the run, whatever ended it: what is being built ends, too

Who asks for an environment goes through the cache, as everybody does: it is there, or is being built, which is waited
for with the step of the builder as progress, or has failed in this run, which is told as if it had failed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from .environment.background import BackgroundBuild, Built
from .environment.restoration import Environment, RestoreRequest
from .environment.spec import EnvironmentSpec

FEWEST: Final = 2  # environments: of a single one there is nothing that could be done meanwhile


class Background(Protocol):
    """Restores environments beside this process, one at a time: installers use all cores and the whole line."""

    def outcome(self, at: int, *, is_awaited: bool = False) -> Built | None:
        """Return what came of one, by its place; awaited, it waits where that one was begun."""
        ...

    def paused(self) -> AbstractContextManager[None]:
        """Let nothing be built for as long as the block lasts."""
        ...

    def close(self) -> str:
        """End it, and return why it ended by itself before all was done."""
        ...


Start: TypeAlias = Callable[[Sequence[RestoreRequest], Path], Background]


class BuildsAhead:
    """Restores the environments that a run still needs.

    Args:
        directory: Where relative paths begin.
        start: Begins to restore environments in the background.
        warn: Is told what went wrong without harm to any test.
    """

    def __init__(self, directory: Path, warn: Callable[[str], None], start: Start = BackgroundBuild) -> None:
        self._directory = directory
        self._warn = warn
        self._start = start
        self._planned: tuple[RestoreRequest, ...] = ()
        self._background: Background | None = None

    def plan(self, requests: Iterable[RestoreRequest]) -> None:
        """Say which environments will be asked for, in that order."""
        planned: list[RestoreRequest] = []
        for request in requests:
            if _place_of(request, planned) is None:
                planned.append(request)
        self._planned = tuple(planned)

    def begin(self) -> None:
        """Build what was planned, unless that is done already; a failure to begin costs nothing but time."""
        planned = self._planned
        if self._background is not None or len(planned) < FEWEST:
            return
        try:
            self._background = self._start(planned, self._directory)
        except OSError as error:
            self._planned = ()
            self._warn(f"no environment is built ahead: {error}")

    def told(self, request: RestoreRequest, environment: Environment) -> Environment:
        """Return an environment as the report tells of it: built in this run, if it was built ahead."""
        at = _place_of(request, self._planned)
        if self._background is None or at is None:
            return environment
        built = self._background.outcome(at, is_awaited=True)  # if it was just built, the word of it is on the way
        if built is None or built.cached:
            return environment
        return replace(environment, cached=False, elapsed_s=max(environment.elapsed_s, built.elapsed_s))

    def paused(self) -> AbstractContextManager[None]:
        """Let nothing be built for as long as the block lasts, in which times are taken.

        Where this process asks meanwhile for an environment that is not there, the pause is over.
        """
        return nullcontext() if self._background is None else self._background.paused()

    def close(self) -> None:
        """End what is being built; nothing of it is left when this returns."""
        background, self._background, self._planned = self._background, None, ()
        if background is not None and (said := background.close()):
            self._warn(f"the environments were not all built ahead: {said}")


def _place_of(request: RestoreRequest, planned: Sequence[RestoreRequest]) -> int | None:
    """Return the place of the request that leads to the same environment, or None."""
    return next((at for at, known in enumerate(planned) if _identity(known) == _identity(request)), None)


def _identity(request: RestoreRequest) -> tuple[object, ...]:
    where = request.root, request.manager, request.python, request.conda, request.reuses_mlflow
    return _wanted(request.spec), request.additions, *where


def _wanted(spec: EnvironmentSpec) -> EnvironmentSpec:
    """Return what decides an environment: the model's place does only where requirements name what lies there."""
    is_of_place = not spec.is_declared or any(each.location or each.is_editable for each in spec.requirements)
    return spec if is_of_place else replace(spec, directory=Path())
