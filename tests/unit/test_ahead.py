"""What is built ahead, when that begins, and what a test's environment is told to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelserve.ahead import BuildsAhead
from pytest_modelserve.environment.additions import Additions
from pytest_modelserve.environment.background import Built
from pytest_modelserve.environment.requirements import Requirement
from pytest_modelserve.environment.restoration import Environment, RestoreRequest
from pytest_modelserve.environment.spec import EnvironmentSpec


class Background:
    """Builds nothing, and says of it what it is told to say."""

    def __init__(self, said: str = "") -> None:
        self.outcomes: dict[int, Built] = {}
        self.awaited: list[int] = []
        self.log: list[str] = []
        self._said = said

    def outcome(self, at: int, *, is_awaited: bool = False) -> Built | None:
        if is_awaited:
            self.awaited.append(at)
        return self.outcomes.get(at)

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.log.append("paused")
        yield
        self.log.append("resumed")

    def close(self) -> str:
        self.log.append("closed")
        return self._said


class Scene:
    """Builds ahead, and what they began."""

    def __init__(self, background: Background, error: OSError | None = None) -> None:
        self.background = background
        self.begun: list[tuple[Sequence[RestoreRequest], Path]] = []
        self.warned: list[str] = []
        self._error = error
        self.ahead = BuildsAhead(Path("/folder"), self.warned.append, self._start)

    def _start(self, requests: Sequence[RestoreRequest], directory: Path) -> Background:
        if self._error is not None:
            raise self._error
        self.begun.append((requests, directory))
        return self.background


@pytest.fixture
def scene() -> Scene:
    return Scene(Background())


def asked(name: str, **changed: object) -> RestoreRequest:
    request = RestoreRequest(spec=EnvironmentSpec(directory=Path(name)), manager="uv", root=Path("/cache"))
    return replace(request, **changed)  # type: ignore[arg-type]  # the right types


def environment(*, cached: bool, elapsed_s: float = 0.5) -> Environment:
    return Environment(
        manager="uv",
        python=Path("python"),
        python_version="3.11.7",
        prefix=Path(),
        digest="d",
        cached=cached,
        elapsed_s=elapsed_s,
        freeze=(),
    )


def test_what_is_planned_is_built_in_order_and_once(scene: Scene) -> None:
    one, two, three = map(asked, ("one", "two", "three"))
    scene.ahead.plan([one, two, asked("one", run_id="other"), three, asked("two")])
    assert scene.begun == []
    scene.ahead.begin()
    scene.ahead.begin()
    assert scene.begun == [((one, two, three), Path("/folder"))]


@pytest.mark.parametrize("names", [[], ["one"], ["one", "one"]])
def test_of_a_single_environment_nothing_is_built_ahead(scene: Scene, names: list[str]) -> None:
    scene.ahead.plan(map(asked, names))
    scene.ahead.begin()
    assert scene.begun == []


@pytest.mark.parametrize(
    "changed",
    [
        {"manager": "virtualenv"},
        {"python": Path("/python")},
        {"root": Path("/other")},
        {"additions": Additions(wanted_by="mlserver", requirements=("mlserver==1",))},
    ],
)
def test_what_leads_to_another_environment_is_another(scene: Scene, changed: dict[str, object]) -> None:
    scene.ahead.plan([asked("one"), asked("one", **changed)])
    scene.ahead.begin()
    assert len(scene.begun[0][0]) == 2


@pytest.mark.parametrize(
    ("requirement", "n_built"),
    [
        (Requirement(text="a==1", file="requirements.txt", line=1, name="a"), 1),
        (Requirement(text="./a.whl", file="requirements.txt", line=1, location="./a.whl"), 2),
        (Requirement(text="-e .", file="requirements.txt", line=1), 2),
    ],
)
def test_models_of_equal_requirements_share_one_unless_these_are_places(
    scene: Scene, requirement: Requirement, n_built: int
) -> None:
    spec = EnvironmentSpec(directory=Path(), source="requirements.txt", requirements=(requirement,))
    requests = [asked(name, spec=replace(spec, directory=Path(name))) for name in ("one", "two")]
    scene.ahead.plan([*requests, asked("other")])
    scene.ahead.begin()
    assert scene.begun[0][0] == (*requests[:n_built], asked("other"))


@pytest.mark.parametrize(
    ("found", "built", "told"),
    [
        ((True, 0.1), Built(at=1, is_over=True, cached=False, elapsed_s=9.0), (False, 9.0)),  # by us, before
        ((False, 4.0), Built(at=1, is_over=True, cached=False, elapsed_s=9.0), (False, 9.0)),  # waited for
        ((False, 9.0), Built(at=1, is_over=True, cached=False, elapsed_s=4.0), (False, 9.0)),  # it waited for us
        ((True, 0.1), Built(at=1, is_over=True, cached=True, elapsed_s=0.2), (True, 0.1)),  # there before the run
        ((True, 0.1), None, (True, 0.1)),  # never begun
    ],
)
def test_an_environment_is_told_as_what_became_of_it_ahead(
    scene: Scene, found: tuple[bool, float], built: Built | None, told: tuple[bool, float]
) -> None:
    scene.ahead.plan([asked("one"), asked("two")])
    scene.ahead.begin()
    if built is not None:
        scene.background.outcomes[1] = built
    answer = scene.ahead.told(asked("two", run_id="r"), environment(cached=found[0], elapsed_s=found[1]))
    assert (answer.cached, answer.elapsed_s) == told
    assert scene.background.awaited == [1]


def test_what_was_not_planned_is_told_as_it_is(scene: Scene) -> None:
    mine = environment(cached=True)
    assert scene.ahead.told(asked("one"), mine) is mine
    scene.ahead.plan([asked("one"), asked("two")])
    assert scene.ahead.told(asked("one"), mine) is mine  # not begun
    scene.ahead.begin()
    assert scene.ahead.told(asked("three"), mine) is mine
    assert scene.background.awaited == []


def test_times_are_taken_while_nothing_is_built(scene: Scene) -> None:
    with scene.ahead.paused():
        pass
    scene.ahead.plan([asked("one"), asked("two")])
    scene.ahead.begin()
    with scene.ahead.paused():
        assert scene.background.log == ["paused"]
    assert scene.background.log == ["paused", "resumed"]


def test_a_build_that_cannot_begin_costs_no_test(scene: Scene) -> None:
    scene = Scene(Background(), OSError("no more processes"))
    scene.ahead.plan([asked("one"), asked("two")])
    scene.ahead.begin()
    scene.ahead.begin()
    assert scene.warned == ["no environment is built ahead: no more processes"]
    scene.ahead.close()


@pytest.mark.parametrize(("said", "warned"), [("", 0), ("Killed (exit code -9)", 1)])
def test_it_is_closed_once_and_tells_why_it_had_ended(said: str, warned: int) -> None:
    scene = Scene(Background(said))
    scene.ahead.plan([asked("one"), asked("two")])
    scene.ahead.begin()
    scene.ahead.close()
    scene.ahead.close()
    assert scene.background.log == ["closed"]
    assert len(scene.warned) == warned
    assert all(said in line for line in scene.warned)
    scene.ahead.begin()
    assert len(scene.begun) == 1
