"""The fixtures: each one call of a stage. All are session-scoped and fed by `pytest_generate_tests`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from .client import AsyncModelClient, ModelClient
    from .environment.restoration import Environment
    from .pipeline import ServedModel
    from .signature import Signature

SERVED_MODEL: Final = "served_model"
CURRENT_ITEM: Final[ContextVar[pytest.Item]] = ContextVar("modelserve_item")  # the test that runs now
NO_MODEL: Final = "no model to serve: mark the test with @pytest.mark.served_model(URI), or run pytest --model-uri URI"


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Feed the fixtures of a test from its closest marker, else from `--model-uri`."""
    if SERVED_MODEL not in metafunc.fixturenames:
        return
    from .run import Request, Run

    mark = metafunc.definition.get_closest_marker(SERVED_MODEL)
    uris = Run.of(metafunc.config).uris
    requests = [Request.of_marker(mark)] if mark else [Request(uri) for uri in uris]
    if requests:
        ids = [request.uri for request in requests]
        metafunc.parametrize(SERVED_MODEL, requests, indirect=True, scope="session", ids=ids)


@pytest.fixture(scope="session")
def served_model(request: pytest.FixtureRequest) -> ServedModel:
    """Serve the model of the test's `served_model` marker, or of `--model-uri`, in its own environment."""
    from .errors import ModelServeError
    from .run import Run

    asked = getattr(request, "param", None)
    if asked is None:
        raise pytest.UsageError(NO_MODEL)
    try:
        return Run.of(request.config).served(asked)
    except ModelServeError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def model_client(served_model: ServedModel) -> ModelClient:
    """Return a client of the served model, typed by its signature."""
    return served_model.client


@pytest.fixture(scope="session")
def async_model_client(served_model: ServedModel) -> AsyncModelClient:
    """Return an asynchronous client of the served model, for any event loop."""
    return served_model.async_client()


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
