"""Renders the report as the last lines of a terminal run: a line a model, and the advice that is due."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..results import Advice, ContractReport, ModelReport, Outcome, ShownDeviation

MAX_ADVICE: Final = 12  # lines of advice a model; the JSON report has all
UNPROVEN: Final = frozenset({Outcome.INCONCLUSIVE, Outcome.ERROR})


def as_lines(report: ContractReport) -> Iterator[str]:
    """Yield the summary of a run, a line at a time, without colour."""
    for model in report.models:
        yield from _model_lines(model)


def _model_lines(model: ModelReport) -> Iterator[str]:
    requests = sum(check.requests for check in model.checks)
    accepted = sum(check.accepted for check in model.checks)
    yield f"{model.uri}: {model.verdict.value}   {_counts(model)}; {requests} requests, {accepted} predicted"
    if described := _served(model):
        yield f"  {described}"
    if model.latency:
        yield f"  latency {model.latency}"
    if model.deselected:
        yield f"  not run: {', '.join(model.deselected[:MAX_ADVICE])}{_more(len(model.deselected))}"
    for check in model.checks:
        if check.reason and (check.outcome in UNPROVEN or (check.outcome is Outcome.SKIPPED and check.applies)):
            yield f"  {check.outcome.value}  {check.name}: {check.reason}"
    yield from _deviation_lines(model)
    yield from _advice_lines(model)


def _counts(model: ModelReport) -> str:
    counts = [(outcome, sum(check.outcome is outcome for check in model.checks)) for outcome in Outcome]
    return ", ".join(f"{count} {outcome.value}" for outcome, count in counts if count) or "no check ran"


def _served(model: ModelReport) -> str:
    environment, server = model.environment, model.server
    if url := server.get("url"):
        origin = server.get("signature_from")
        told = f"; its model known by {origin} alone, without an input example" if origin else ""
        return f"{server.get('backend')} server at {url}{told}"
    if not environment:
        return ""
    version = f" {server['version']}" if server.get("version") and not server.get("is_ours") else ""
    origin = "cached" if environment.get("cached") else f"built in {environment.get('seconds', 0):.0f} s"
    start = f", ready in {server.get('cold_start_s', 0):.1f} s" if server else ""
    python = f"Python {environment.get('python')} by {environment.get('manager')}"
    return f"{server.get('backend', 'no')}{version} server{start}; {python}, {origin}"


def _deviation_lines(model: ModelReport) -> Iterator[str]:
    """Yield each known deviation of the server once, however many checks met it."""
    met: dict[str, tuple[ShownDeviation, list[str]]] = {}
    for check in model.checks:
        for deviation in check.deviations:
            met.setdefault(deviation.id, (deviation, []))[1].append(check.name)
    if met:
        version = f" {model.server['version']}" if model.server.get("version") else ""
        yield f"  {len(met)} known deviations of {model.server.get('backend', 'the server')}{version}, no failures:"
    for deviation, checks in met.values():
        yield f"    {deviation.id}: {deviation.what} ({checks[0]}{_others(len(checks) - 1)})"


def _others(count: int) -> str:
    return f" and {count} more" if count else ""


def _advice_lines(model: ModelReport) -> Iterator[str]:
    """Yield each piece of advice once, however many checks and envelopes met it, and the domain that settles it."""
    found: dict[tuple[str, str], tuple[str, Advice]] = {}
    for check in model.checks:
        for advice in check.advice:
            found.setdefault((advice.column, advice.kind if advice.column else advice.text), (check.name, advice))
    for name, advice in tuple(found.values())[:MAX_ADVICE]:
        yield f"  advice  {name}: {advice.text}"
    if len(found) > MAX_ADVICE:
        yield f"  advice {_more(len(found))}, in the JSON report"
    lines: dict[str, str] = {}
    for _, advice in found.values():
        if advice.domain:
            lines.setdefault(advice.column, advice.domain)  # a column twice would be no TOML
    if lines:
        yield "  settled by [tool.modelserve.domain]:"
        yield from (f"    {line}" for line in lines.values())


def _more(count: int) -> str:
    return f" and {count - MAX_ADVICE} more" if count > MAX_ADVICE else ""
