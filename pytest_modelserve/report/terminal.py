"""Renders the report as the last lines of a terminal run: a line a model, and the advice that is due."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from ..results import Advice, CheckResult, ContractReport, ModelReport, Outcome, ShownDeviation

MAX_ANSWERS: Final = 20  # lines of what servers are not at one on
MAX_NAMES: Final = 3  # of checks with one reason
MAX_ADVICE: Final = 12  # lines of advice a model; the JSON report has all
MAX_HAZARDS: Final = 6  # lines of what other servers would make of its columns
MAX_COLUMNS: Final = 3  # named in such a line
UNPROVEN: Final = frozenset({Outcome.INCONCLUSIVE, Outcome.ERROR})


def as_lines(report: ContractReport) -> Iterator[str]:
    """Yield the summary of a run, a line at a time, without colour."""
    n_servers = Counter(model.uri for model in report.models)
    for model in report.models:
        yield from _model_lines(model, f" on {model.backend}" if n_servers[model.uri] > 1 else "")


def _model_lines(model: ModelReport, place: str) -> Iterator[str]:
    requests = sum(check.requests for check in model.checks)
    accepted = sum(check.accepted for check in model.checks)
    yield f"{model.uri}{place}: {model.verdict.value}   {_counts(model)}; {requests} requests, {accepted} predicted"
    if described := _served(model):
        yield f"  {described}"
    if model.latency:
        yield f"  latency {model.latency}"
    if model.deselected:
        yield f"  not run: {', '.join(model.deselected[:MAX_ADVICE])}{_more(len(model.deselected))}"
    yield from _unproven_lines(model)
    for check in model.checks:
        yield from _answer_lines(check)
    yield from _deviation_lines(model)
    yield from _advice_lines(model)
    yield from _hazard_lines(model)


def _unproven_lines(model: ModelReport) -> Iterator[str]:
    """Yield why checks have proven nothing, a line for each reason."""
    named: dict[tuple[Outcome, str], list[str]] = {}
    for check in model.checks:
        if check.reason and (check.outcome in UNPROVEN or (check.outcome is Outcome.SKIPPED and check.applies)):
            named.setdefault((check.outcome, check.reason), []).append(check.name)
    for (outcome, reason), names in named.items():
        yield f"  {outcome.value}  {', '.join(names[:MAX_NAMES])}{_others(len(names) - MAX_NAMES)}: {reason}"


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
    start = f", {_start(server)}" if server else ""
    python = f"Python {environment.get('python')} by {environment.get('manager')}"
    added = environment.get("added")
    beside = f" with {', '.join(map(str, added))}" if isinstance(added, list | tuple) and added else ""
    return f"{server.get('backend', 'no')}{version} server{start}; {python}{beside}, {origin}"


def _start(server: Mapping[str, object]) -> str:
    return "kept by an earlier run" if server.get("kept") else f"ready in {server.get('cold_start_s', 0):.1f} s"


def _answer_lines(check: CheckResult) -> Iterator[str]:
    """Yield what the servers made of the requests on which they are not at one, a line for each way of it."""
    if not check.answers:
        return
    apart = [one for one in check.answers if not one.is_agreed]
    n_requests, n_apart = (sum(one.requests for one in some) for some in (check.answers, apart))
    yield f"  {', '.join(check.answers[0].fates)}: alike on {n_requests - n_apart} of {n_requests} requests"
    shown = [(f"{one.requests} {one.rule}", *one.fates.values()) for one in apart[:MAX_ANSWERS]]
    if not shown:
        return
    rows = [("requests", *check.answers[0].fates), *shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(apart) > MAX_ANSWERS:
        yield f"    and {len(apart) - MAX_ANSWERS} more, in the JSON report"


def _deviation_lines(model: ModelReport) -> Iterator[str]:
    """Yield each known deviation of the server once, however many checks met it."""
    met: dict[str, tuple[ShownDeviation, list[str]]] = {}
    for check in model.checks:
        for deviation in check.deviations:
            met.setdefault(deviation.id, (deviation, []))[1].append(check.name)
    if met:
        servers = dict.fromkeys(_with_version(model, deviation.server) for deviation, _ in met.values())
        yield f"  {len(met)} known deviations of {', '.join(servers)}, no failures:"
    for deviation, checks in met.values():
        yield f"    {deviation.id}: {deviation.what} ({checks[0]}{_others(len(checks) - 1)})"


def _with_version(model: ModelReport, server: str) -> str:
    is_its = model.server.get("backend") == server and model.server.get("version")
    return f"{server} {model.server['version']}" if is_its else server


def _others(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


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


def _hazard_lines(model: ModelReport) -> Iterator[str]:
    """Yield what servers are known to make of columns, a line for all that make the same of the same columns."""
    servers: dict[tuple[tuple[str | int, ...], str], list[str]] = {}
    for one in model.hazards:
        servers.setdefault((one.columns, one.what), []).append(one.server)
    if servers:
        yield "  hazards of its columns, known of other servers, no failures:"
    for (columns, what), names in tuple(servers.items())[:MAX_HAZARDS]:
        told = ", ".join(str(column) for column in columns[:MAX_COLUMNS])
        yield f"    {told}{_others(len(columns) - MAX_COLUMNS)}: {what} ({', '.join(names)})"
    if len(servers) > MAX_HAZARDS:
        uri = shlex.quote(model.uri)
        yield f"    ... and {len(servers) - MAX_HAZARDS} more: modelserve hazards {uri}"


def _more(count: int) -> str:
    return f" and {count - MAX_ADVICE} more" if count > MAX_ADVICE else ""
