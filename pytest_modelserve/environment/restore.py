"""Restoring a model's environment: the one call that hides managers, cache and interpreters."""

from __future__ import annotations

from .managers import manager_named
from .restoration import Environment, RestoreRequest


def restore(request: RestoreRequest) -> Environment:
    """Give the environment that a model asks for, from the cache or built now; the caller closes it.

    Raises:
        EnvironmentBroken: If there is no such manager, or the environment cannot be had: `InterpreterMissing`,
            `RequirementsError` or `InstallFailed` say why.
    """
    return manager_named(request.manager).restore(request)
