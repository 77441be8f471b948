"""Restoring a model's environment: the one call that hides managers, cache and interpreters."""

from __future__ import annotations

from dataclasses import replace

from .managers import manager_named
from .mlflow_envs import find_mlflow_environment
from .restoration import Environment, RestoreRequest

_LIKE_MLFLOW: frozenset[str] = frozenset({"uv", "virtualenv"})  # whose environments have one name in MLflow


def restore(request: RestoreRequest) -> Environment:
    """Give the environment that a model asks for, from the cache or built now; the caller closes it.

    Where the request allows it, that is the one which MLflow has built, if it is proven to be what the model asks for.

    Raises:
        EnvironmentBroken: If there is no such manager, or the environment cannot be had: `InterpreterMissing`,
            `RequirementsError` or `InstallFailed` say why.
    """
    manager = manager_named(request.manager)
    if not request.reuses_mlflow or request.manager not in _LIKE_MLFLOW or not request.spec.is_declared:
        return manager.restore(request)
    reused, note = find_mlflow_environment(request)
    if reused is not None:
        return reused
    environment = manager.restore(request)
    return replace(environment, notes=(*environment.notes, note))
