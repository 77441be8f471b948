"""Gathers the results of all checks, wherever they ran, into one report."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, Final, TypeAlias

from ..results import CheckResult, ContractReport, ModelReport, Outcome, ShownHazard
from .verdicts import verdict_of, worst

FLAKY: Final = "it passed only when it was run again"
BROKEN: Final = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a report says of a model beside its checks; JSON-ready.

    Attributes:
        uri: As the user gave it.
        backend: The server that was asked for; those that are compared, joined by `+`.
        resolved: What it meant.
        digest: Of the model directory.
        seed: Of its searches.
        signature: As MLflow prints it.
        environment: manager, python, digest, cached, seconds, freeze, and what was `added` to the model's own, if any.
        server: backend, version, is_ours, cold_start_s; of one that an earlier run has kept `kept` in place of that,
            of one that runs already its url, and signature_from, where nothing but it tells of the model.
    """

    uri: str
    backend: str = ""
    resolved: str = ""
    digest: str = ""
    seed: str = ""
    signature: str = ""
    environment: Mapping[str, object] = field(default_factory=dict)
    server: Mapping[str, object] = field(default_factory=dict)


Place: TypeAlias = tuple[str, str]
"""A model URI, and the server on which it was checked."""


@dataclass(slots=True)
class Collected:
    """The results so far, by model and server."""

    facts: dict[Place, ModelFacts] = field(default_factory=dict)
    checks: dict[Place, dict[str, CheckResult]] = field(default_factory=dict)
    expected: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    hazards: dict[Place, tuple[ShownHazard, ...]] = field(default_factory=dict)

    def expect(self, uri: str, backend: str, titles: Iterable[str]) -> None:
        """Say which checks apply to a model on a server; one that does not run makes its verdict partial."""
        self.expected[uri, backend] = tuple(titles)

    def add(self, uri: str, backend: str, result: CheckResult) -> None:
        """Take in the result of a check; one that is run again replaces the one before, but for what it broke."""
        checks = self.checks.setdefault((uri, backend), {})
        before = checks.get(result.name)
        if before is not None and before.outcome in BROKEN and result.outcome is Outcome.PASSED:
            result = replace(result, outcome=Outcome.INCONCLUSIVE, reason=_as_flaky(before))
        checks[result.name] = result

    def describe(self, facts: ModelFacts) -> None:
        """Take in the facts of a model on a server; later ones, which know more, replace earlier ones."""
        self.facts[facts.uri, facts.backend] = facts

    def warn(self, uri: str, backend: str, hazards: Iterable[ShownHazard]) -> None:
        """Say what is known of other servers; what a check of the model shows itself is left out of the report."""
        self.hazards[uri, backend] = tuple(hazards)

    def report(self) -> ContractReport:
        """Return the report of the run."""
        models = tuple(self._model(place) for place in dict.fromkeys((*self.expected, *self.checks)))
        seeds = dict.fromkeys(facts.seed for facts in self.facts.values() if facts.seed)
        return ContractReport(
            verdict=worst(model.verdict for model in models), models=models, seed=", ".join(seeds), versions=versions()
        )

    def _model(self, place: Place) -> ModelReport:
        uri, backend = place
        facts = self.facts.get(place, ModelFacts(uri=uri, backend=backend))
        checks = tuple(self.checks.get(place, {}).values())
        expected = self.expected.get(place, ())
        shown = {deviation.id for check in checks for deviation in check.deviations}
        return ModelReport(
            uri=uri,
            backend=backend,
            resolved=facts.resolved,
            digest=facts.digest,
            verdict=verdict_of(checks, expected),
            signature=facts.signature,
            environment=facts.environment,
            server=facts.server,
            checks=checks,
            deselected=tuple(title for title in expected if title not in self.checks.get(place, {})),
            latency=next((check.latency for check in checks if check.latency), None),
            hazards=tuple(one for one in self.hazards.get(place, ()) if one.id not in shown),
        )


def _as_flaky(before: CheckResult) -> str:
    told = before.failure.title if before.failure else before.reason
    return told if told.startswith(FLAKY) else f"{FLAKY}: {told}"


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("pytest-modelserve", "pytest", "hypothesis")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def facts_from(document: Mapping[str, Any]) -> ModelFacts:
    """Return the facts that `results.as_document` wrote."""
    return ModelFacts(**document)
