"""The fixtures: each one call of a stage. All are session-scoped and fed by `pytest_generate_tests`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import pytest

from .option import SERVED_MODEL

if TYPE_CHECKING:
    from .client import AsyncModelClient, ModelClient
    from .client.meter import LatencyMeter
    from .environment.restoration import Environment
    from .served import ServedModel
    from .signature import Signature

LATENCY: Final = "latency"  # the fixture that takes times
DRAWN_FROM: Final = "modelserve_drawn_from"  # stands in the ids of tests that draw from a model without serving it
INPUTS: Final = "modelserve_inputs"  # the attribute by which `given_input` marks a test
RUN_MODULE: Final = "pytest_modelserve.run"
CURRENT_ITEM: Final[ContextVar[pytest.Item]] = ContextVar("modelserve_item")  # the test that runs now
NO_MODEL: Final = "Mark the test with @pytest.mark.served_model(URI), or run pytest --model-uri URI."


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Feed the fixtures of a test from its closest marker, else from `--model-uri`."""
    is_served = SERVED_MODEL in metafunc.fixturenames
    if not is_served and not hasattr(metafunc.function, INPUTS):
        return
    from .errors import ModelServeError
    from .run import Run

    run = Run.of(metafunc.config)
    mark = metafunc.definition.get_closest_marker(SERVED_MODEL)
    try:
        requests = run.marked(mark) if mark else run.requests
    except ModelServeError as error:
        raise pytest.fail.Exception(f"{metafunc.definition.nodeid}: {error}", pytrace=False) from None
    if not requests:
        return
    n_servers = len({run.server_of(request) for request in requests})
    ids = [request.uri if n_servers == 1 else f"{request.uri}-{run.server_of(request)}" for request in requests]
    if is_served:
        metafunc.parametrize(SERVED_MODEL, requests, indirect=True, scope="session", ids=ids)
    else:
        metafunc.fixturenames.append(DRAWN_FROM)
        metafunc.parametrize(DRAWN_FROM, requests, scope="session", ids=ids)


def foresee(session: pytest.Session) -> None:
    """Let the environments that the tests of a run need be restored ahead."""
    is_shown = any(session.config.getoption(name, default=False) for name in ("collectonly", "setupplan"))
    if is_shown or RUN_MODULE not in sys.modules:  # then no test has asked for a model
        return
    from .run import RUN

    if RUN in session.config.stash:
        session.config.stash[RUN].foresee(session.items)


def undisturbed(item: pytest.Item) -> AbstractContextManager[None]:
    """Return the context in which a test runs: one that takes times has the machine as far as it is ours to give.

    A fixture of that name may be anybody's; ours takes `served_model`.
    """
    if not {LATENCY, SERVED_MODEL} <= set(getattr(item, "fixturenames", ())) or RUN_MODULE not in sys.modules:
        return nullcontext()
    from .run import RUN

    return item.config.stash[RUN].ahead.paused() if RUN in item.config.stash else nullcontext()


def prepare(item: pytest.Item) -> None:
    """Bring back a server that an earlier test ended, and read the model that a test draws from."""
    callspec = getattr(item, "callspec", None)
    request = None if callspec is None else callspec.params.get(SERVED_MODEL)
    inputs = getattr(getattr(item, "function", None), INPUTS, None)
    if request is None and inputs is None:
        return
    from .errors import ModelServeError
    from .run import Run

    try:
        run = Run.of(item.config)
        if request is not None:
            run.begin((request,))
        if request is not None and run.known(request):
            run.served(request)
        if inputs is not None:
            inputs.of(item)
    except ModelServeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def served_model(request: pytest.FixtureRequest) -> ServedModel:
    """Serve the model of the test's `served_model` marker, or of `--model-uri`, in its own environment."""
    from .errors import ModelServeError
    from .run import Run

    asked = getattr(request, "param", None)
    if asked is None:
        asked_by = "a test that takes the fixture as an argument (getfixturevalue comes too late to choose a model)"
        pytest.fail(f"there is no model to serve to {asked_by}\n\n{NO_MODEL}", pytrace=False)
    try:
        return Run.of(request.config).served(asked)
    except ModelServeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def model_client(served_model: ServedModel) -> ModelClient:
    """Return a client of the served model, typed by its signature."""
    return served_model.client


@pytest.fixture(scope="session")
def async_model_client(served_model: ServedModel) -> AsyncModelClient:
    """Return an asynchronous client of the served model, for any event loop."""
    return served_model.async_client


@pytest.fixture(scope="session")
def latency(served_model: ServedModel) -> LatencyMeter:
    """Return what measures the latency of a request of one's own: `latency(data).p99_s`; without data, of the example.

    Requests arrive at a fixed rate, and each counts from the moment at which it was due, so that stalls show.
    """
    from .client.meter import LatencyMeter

    if not served_model.is_managed:
        pytest.fail("the server of --model-url is not ours to load: others use it", pytrace=False)
    return LatencyMeter(served_model.client, served_model.example_case)


@pytest.fixture(scope="session")
def model_signature(served_model: ServedModel) -> Signature | None:
    """Return the signature of the served model, or None where it has none."""
    return served_model.model.signature


@pytest.fixture(scope="session")
def model_environment(served_model: ServedModel) -> Environment:
    """Return the restored environment of the served model."""
    return served_model.environment


@pytest.fixture(scope="session")
def model_uri(served_model: ServedModel) -> str:
    """Return the URI of the served model, as it was given."""
    return served_model.model.uri
