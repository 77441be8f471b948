"""Property tests of one's own: `given_input` draws what the marked model's signature allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

import hypothesis
import pytest
from hypothesis import strategies as st

from .cases import Level
from .fixtures import CURRENT_ITEM, NO_MODEL, SERVED_MODEL
from .model.example import example_rows
from .pipeline import Subject
from .run import Request, Run
from .strategies import from_signature
from .wire.frames import as_frame

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
    strategy = _inputs(dict(columns or {}), (min_rows, max_rows), Level[level.upper()])
    return cast("Callable[[TestT], TestT]", hypothesis.given(**{ARGUMENT: strategy}))


@st.composite
def _inputs(
    draw: st.DrawFn, columns: Mapping[str | int, st.SearchStrategy[Any]], rows: tuple[int, int], level: Level
) -> object:
    # The item is looked up at each draw: a strategy that was built once would keep the first model of many.
    model = current_subject().model
    if model.signature is None:
        pytest.fail(f"{model.uri} has no signature to draw inputs from", pytrace=False)
    payloads = from_signature(
        model.signature,
        domain=current_subject().domain,
        example=example_rows(model),
        level=level,
        columns=columns,
        min_rows=rows[0],
        max_rows=rows[1],
    )
    return as_frame(draw(payloads), model.signature)


def current_subject() -> Subject:
    """Return the model of the test that runs now.

    Raises:
        pytest.UsageError: No test runs, or it has no model.
    """
    item = CURRENT_ITEM.get(None)
    if item is None:
        raise pytest.UsageError("given_input draws only while pytest runs a test")
    return Run.of(item.config).subject(_request_of(item))


def _request_of(item: pytest.Item) -> Request:
    callspec = getattr(item, "callspec", None)
    fed = None if callspec is None else callspec.params.get(SERVED_MODEL)
    if isinstance(fed, Request):
        return fed
    if mark := item.get_closest_marker(SERVED_MODEL):
        return Request.of_marker(mark)
    uris = Run.of(item.config).uris
    if len(uris) != 1:
        raise pytest.UsageError(
            NO_MODEL if not uris else f"{item.nodeid}: ask for a fixture to run on {len(uris)} models"
        )
    return Request(uris[0])
