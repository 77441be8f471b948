"""Sends one model through the gate, and tells what came of it as a line of the zoo's table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from pytest_modelserve.errors import EnvironmentBroken, ModelServeError, ServerError
from pytest_modelserve.pipeline import verify
from pytest_modelserve.results import CheckResult, Outcome
from pytest_modelserve.settings import Settings

UNSERVED: Final = {EnvironmentBroken: "environment_restores", ServerError: "server_starts"}
"""The check that stands for an error by which a model is not served at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What became of one model at the gate.

    Attributes:
        verdict: Of the report; `error` where the model could not be served.
        caught_by: The checks that failed, each once, with the headline of its first failure.
        passed: The checks of which every variant passed.
        exercised: Names of the checks, variants included, that ran.
        requests: How many were sent.
        accepted: How many of them were answered with a prediction.
        n_advice: How many pieces of advice were given.
        elapsed_s: How long it took, in seconds.
    """

    verdict: str
    caught_by: Mapping[str, str]
    passed: tuple[str, ...] = ()
    exercised: tuple[str, ...] = ()
    requests: int = 0
    accepted: int = 0
    n_advice: int = 0
    elapsed_s: float = 0.0

    @property
    def share(self) -> float:
        """Return the share of requests that were answered with a prediction."""
        return self.accepted / self.requests if self.requests else 0.0

    def as_document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def visit(model: Path, settings: Settings, *, seed: int | None = None) -> Visit:
    """Verify a model at the given settings.

    Raises:
        ModelServeError: It cannot be read; that it cannot be served is a verdict.
    """
    started = time.monotonic()
    try:
        report = verify(str(model), replace(settings, seed=seed))
    except ModelServeError as error:
        for kind, check in UNSERVED.items():
            if isinstance(error, kind):
                elapsed_s = time.monotonic() - started
                return Visit(verdict="error", caught_by={check: error.happened}, elapsed_s=elapsed_s)
        raise
    return as_visit(report.verdict.value, report.checks, time.monotonic() - started)


def as_visit(verdict: str, checks: Iterable[CheckResult], elapsed_s: float) -> Visit:
    """Sum up the results of checks."""
    told = tuple(checks)
    ran = tuple(check for check in told if check.outcome is not Outcome.SKIPPED)
    caught: dict[str, str] = {}
    for check in ran:
        if check.outcome is Outcome.FAILED and check.failure is not None:
            caught.setdefault(family(check.name), check.failure.title)
    doubtful = {family(check.name) for check in ran if check.outcome is not Outcome.PASSED}
    passed = dict.fromkeys(family(check.name) for check in ran if family(check.name) not in doubtful)
    return Visit(
        verdict=verdict,
        caught_by=caught,
        passed=tuple(passed),
        exercised=tuple(check.name for check in ran),
        requests=sum(check.requests for check in told),
        accepted=sum(check.accepted for check in told),
        n_advice=sum(len(check.advice) for check in told),
        elapsed_s=elapsed_s,
    )


def family(name: str) -> str:
    """Return the check of a variant."""
    return name.partition("[")[0]
