"""The programs that can serve a model, by name: ours, and those that other packages add by entry point."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from ...errors import ServerError
from .base import NO_NEEDS, Backend, Needs, ServeRequest, ServeSettings

__all__ = [
    "ENTRY_POINT_GROUP",
    "Backend",
    "Needs",
    "ServeRequest",
    "ServeSettings",
    "backend_names",
    "load_backend",
    "needs_of",
]

ENTRY_POINT_GROUP: Final = "pytest_modelserve.backends"  # each names a class, or a function, that builds a Backend
_OURS: Final = tuple(
    EntryPoint(name=name, value=f"pytest_modelserve.server.backends.{place}", group=ENTRY_POINT_GROUP)
    for name, place in (
        ("builtin", "builtin:BuiltinBackend"),
        ("mlflow", "mlflow:MlflowBackend"),
        ("mlserver", "mlserver:MlserverBackend"),
    )
)


def backend_names() -> tuple[str, ...]:
    """Return the names of all backends, sorted."""
    return tuple(sorted(_known()))


def load_backend(name: str) -> Backend:
    """Return the backend of a name; one of ours cannot be replaced by another package's.

    Raises:
        ServerError: If there is none of this name, or the package that brings it cannot be imported.
    """
    known = _known()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise ServerError(
            f"there is no server backend named {name!r}",
            facts={"backends": ", ".join(sorted(known))},
            fix=f"Did you mean {close[0]!r}?" if close else "Take one of the backends above.",
        )
    entry = known[name]
    try:
        build = entry.load()
    except (ImportError, AttributeError) as error:
        raise ServerError(
            f"the server backend {name!r} cannot be loaded: {error}",
            facts={"entry": f"{entry.name} = {entry.value}"},
            fix="Repair or remove the package that declares this entry point.",
        ) from error
    return cast("Backend", build())


def needs_of(backend: Backend) -> Needs:
    """Return what a backend needs in the model's environment; few say so."""
    needs: Needs = getattr(backend, "needs", NO_NEEDS)
    return needs


def _known() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in (*entry_points(group=ENTRY_POINT_GROUP), *_OURS)}
