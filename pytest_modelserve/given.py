"""Property tests of one's own: `given_input` draws what the marked model's signature allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

import hypothesis
import pytest
from hypothesis import strategies as st

from .cases import Level
from .errors import SettingError, SignatureError
from .fixtures import CURRENT_ITEM, DRAWN_FROM, INPUTS, NO_MODEL
from .model.example import example_rows
from .option import SERVED_MODEL
from .request import Request
from .run import Run
from .strategies import from_signature
from .subject import Subject
from .wire.frames import Frame, as_frame

ARGUMENT: Final = "model_input"

TestT = TypeVar("TestT", bound=Callable[..., Any])


def given_input(
    columns: Mapping[str | int, st.SearchStrategy[Any]] | None = None,
    *,
    min_rows: int = 1,
    max_rows: int = 10,
    level: str = "plausible",
) -> Callable[[TestT], TestT]:
    """Return a decorator that hands a test the argument `model_input`, drawn from its model's signature.

    The model is the one that the test is marked with, or that of `--model-uri`; it need not be served. Tables come as
    data frames with the declared dtypes, an unnamed tensor as an array, named ones as a dict of arrays. Values respect
    the model's domain. All of Hypothesis works as usual: `@settings`, `@example(model_input=…)`, the database, the
    seed.

    Args:
        columns: A strategy for each column that is to be narrowed.
        min_rows: The fewest rows.
        max_rows: The most rows.
        level: How far values may go: `example`, `plausible` or `extreme`.

    Raises:
        pytest.UsageError: The level is none of the three.
    """
    if level.upper() not in Level.__members__:
        raise pytest.UsageError(f"given_input knows the levels example, plausible and extreme, not {level!r}")
    inputs = Inputs(dict(columns or {}), rows=(min_rows, max_rows), level=Level[level.upper()])

    def decorate(test: TestT) -> TestT:
        given = hypothesis.given(**{ARGUMENT: inputs.of_current_test()})(test)
        setattr(given, INPUTS, inputs)
        return cast("TestT", given)

    return decorate


class Inputs:
    """What a test draws: a strategy for each model that it is run with, made on the model's first use.

    Args:
        columns: A strategy for each column that is narrowed.
        rows: The fewest and the most.
        level: How far values may go.
    """

    def __init__(
        self, columns: Mapping[str | int, st.SearchStrategy[Any]], *, rows: tuple[int, int], level: Level
    ) -> None:
        self._columns = columns
        self._rows = rows
        self._level = level
        self._known: dict[int, tuple[Subject, st.SearchStrategy[Frame]]] = {}

    def of(self, item: pytest.Item) -> st.SearchStrategy[Frame]:
        """Return what a test draws from its model.

        Raises:
            ModelServeError: The test has no model, it cannot be read or has no signature, or a narrowed column is
                none of it.
        """
        subject = Run.of(item.config).subject(request_of(item))
        known = self._known.get(id(subject))  # a subject lives as long as the run; the tuple keeps it alive
        if known is None:
            known = self._known[id(subject)] = (subject, self._strategy(subject))
        return known[1]

    def of_current_test(self) -> st.SearchStrategy[Frame]:
        """Return a strategy that asks at each draw which test runs: `st.deferred` would keep the first model of many.

        Raises:
            SettingError: At a draw, while no test runs.
        """

        @st.composite
        def inputs(draw: st.DrawFn) -> Frame:
            item = CURRENT_ITEM.get(None)
            if item is None:
                raise SettingError("given_input draws only while pytest runs a test", fix="Run the test with pytest.")
            return draw(self.of(item))

        return inputs()

    def _strategy(self, subject: Subject) -> st.SearchStrategy[Frame]:
        model = subject.model
        if model.signature is None or model.signature.inputs is None:
            raise SignatureError(
                f"{model.uri} has no signature to draw inputs from",
                fix="Log the model with signature= or input_example=.",
            )
        payloads = from_signature(
            model.signature,
            domain=subject.domain,
            example=example_rows(model),
            level=self._level,
            columns=self._columns,
            min_rows=self._rows[0],
            max_rows=self._rows[1],
        )
        signature = model.signature
        return payloads.map(lambda payload: as_frame(payload, signature))


def request_of(item: pytest.Item) -> Request:
    """Return which model a test draws from: the one that its fixtures serve, or that it is parametrized with.

    Raises:
        SettingError: It has none.
    """
    callspec = getattr(item, "callspec", None)
    params: Mapping[str, object] = {} if callspec is None else callspec.params
    fed = params.get(SERVED_MODEL, params.get(DRAWN_FROM))
    if not isinstance(fed, Request):
        raise SettingError(f"{item.nodeid} has no model to draw from", fix=NO_MODEL)
    return fed
