"""What checking a model came to: frozen, JSON-ready, and small enough to travel between processes."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any


class Outcome(enum.Enum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"


class Judges(enum.Enum):
    """Whom a check speaks about."""

    MODEL = "model"
    ENVIRONMENT = "environment"
    SERVER = "server"
    SIGNATURE = "signature"


class Verdict(enum.Enum):
    """What all checks of a model together mean."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureDetail:
    """One breach of the contract, complete enough to be read and repeated on another machine.

    Attributes:
        title: One line that stands alone.
        rule: The rule's id.
        expected: What the contract wants.
        received: What came.
        request: The smallest request found, for reading.
        response: The answer, for reading.
        curl: A command line that shows it against `modelserve serve URI`.
        seed: The seed of the search that found it.
        text: The whole message as the terminal shows it.
        case: The id of the stored case, for `modelserve replay`; empty where none was stored.
        is_redacted: Whether it was written without any value of a row.
    """

    title: str
    rule: str
    expected: str = ""
    received: str = ""
    request: str = ""
    response: str = ""
    curl: str = ""
    seed: str = ""
    text: str = ""
    case: str = ""
    is_redacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is no breach but worth knowing.

    Attributes:
        text: A sentence that stands alone.
        column: The column, tensor or parameter that it is about; empty where it is about none.
        kind: `refused`, `overflow` or `no_prediction` of values; a rule's id of `signature_lint`; `note` of anything
            else.
        domain: The line of a domain, as TOML, that settles it; empty where none does.
    """

    text: str
    column: str = ""
    kind: str = "note"
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDeviation:
    """A known departure of the server from the contract, which a check has met as expected.

    Attributes:
        id: Its name.
        server: The backend that has it.
        versions: Of that server, as pip writes ranges.
        rule: The rule of the contract that the request exercised.
        what: What happens, in one sentence.
        link: An issue, the documentation, or the code that does it.
        request: A command line that shows it; empty where it is too long, or may not be told.
    """

    id: str
    server: str
    versions: str
    rule: str
    what: str
    link: str
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownHazard:
    """A known departure of a server from the contract that can show in columns of the model, but did not in the run.

    Attributes:
        id: Its name.
        server: The backend that has it.
        versions: Of that server, as pip writes ranges.
        columns: The columns, tensors or params; those without a name by their number.
        what: What happens, in one sentence.
        link: An issue, the documentation, or the code that does it.
    """

    id: str
    server: str
    versions: str
    columns: tuple[str | int, ...]
    what: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAnswers:
    """What became of the same requests on each of several servers.

    Attributes:
        rule: The rule that the requests exercise.
        fates: What became of them, by server: the outcome, with a note where the server is known for it.
        requests: How many there were.
        is_agreed: Whether every server made the same of them.
    """

    rule: str
    fates: Mapping[str, str]
    requests: int
    is_agreed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyBucket:
    """One bar of a histogram.

    Attributes:
        upto_s: The longest latency that counts here, in seconds; the shortest is that of the bar before.
        count: How many requests.
    """

    upto_s: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long requests took that arrived at a fixed rate, each counted from the moment at which it was due.

    Attributes:
        n: How many were sent.
        n_failed: How many of them were not answered, or by an error.
        rate: Arrivals a second.
        p50_s: The median, in seconds.
        p95_s: The 95th percentile.
        p99_s: The 99th percentile.
        max_s: The longest.
        buckets: The histogram, from the shortest on; bars without requests are left out.
    """

    n: int
    n_failed: int
    rate: float
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float
    buckets: tuple[LatencyBucket, ...] = ()

    def __str__(self) -> str:
        named = (("p50", self.p50_s), ("p95", self.p95_s), ("p99", self.p99_s), ("max", self.max_s))
        shown = ", ".join(f"{name} {as_duration(seconds)}" for name, seconds in named)
        failed = f", {self.n_failed} of them failed" if self.n_failed else ""
        return f"{shown} ({self.n} requests at {self.rate:.3g} a second{failed})"


def as_duration(seconds: float) -> str:
    """Return a duration for reading, to three digits."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check of one model ended.

    Attributes:
        name: The check's name, with its variant in brackets where it has one: `rejects_invalid[missing_column]`.
        judges: Whom it speaks about.
        outcome: How it ended.
        requests: How many requests it sent.
        accepted: How many of them were answered with a prediction.
        elapsed_s: How long it took, in seconds.
        reason: Why it was skipped, is inconclusive or went wrong; empty otherwise.
        advice: What is no breach but worth knowing, one for each column and kind.
        failure: The breach, where it failed.
        applies: Whether it can say anything about this model; a skipped check that applies was not run.
        latency: What it measured, where it measures latency.
        deviations: The known deviations of the server that it met; they are no failures.
        answers: What became of its requests on each server, where it compares servers.
    """

    name: str
    judges: Judges
    outcome: Outcome
    requests: int = 0
    accepted: int = 0
    elapsed_s: float = 0.0
    reason: str = ""
    advice: tuple[Advice, ...] = ()
    failure: FailureDetail | None = None
    applies: bool = True
    latency: Latency | None = None
    deviations: tuple[ShownDeviation, ...] = ()
    answers: tuple[ServerAnswers, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """All that is known of one model on one server at the end of a run; the mappings are JSON-ready facts.

    Attributes:
        uri: As the user gave it.
        backend: The server that was asked for; those that were compared, joined by `+`.
        resolved: The directory or version that it meant.
        digest: The content digest of the model directory.
        verdict: What its checks mean together.
        signature: As MLflow prints it.
        environment: manager, python, digest, cached, seconds, freeze.
        server: backend, version, is_ours (whether it is of this package), cold_start_s; of one that an earlier run has
            kept `kept` in place of that.
        checks: In the order they ran.
        deselected: Names of checks that the user left out of this run.
        latency: As the check of that name measured it.
        hazards: What servers that nobody asked for are known to make of its columns; nothing of it counts.
    """

    uri: str
    backend: str
    resolved: str
    digest: str
    verdict: Verdict
    signature: str = ""
    environment: Mapping[str, object] = field(default_factory=dict)
    server: Mapping[str, object] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    deselected: tuple[str, ...] = ()
    latency: Latency | None = None
    hazards: tuple[ShownHazard, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReport:
    """The result of a whole run.

    Attributes:
        verdict: The worst of the models' verdicts.
        models: One report a model and server.
        seed: The seed of every search.
        versions: Of this plugin, Python, pytest and Hypothesis.
    """

    verdict: Verdict
    models: tuple[ModelReport, ...] = ()
    seed: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def notes(texts: Iterable[str]) -> tuple[Advice, ...]:
    """Return sentences as advice about the model as a whole."""
    return tuple(Advice(text=text) for text in texts)


def as_document(value: object) -> object:
    """Return a result as plain JSON data: enums by value, dataclasses as objects, tuples as lists."""
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value):
        return {spec.name: as_document(getattr(value, spec.name)) for spec in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_document(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_document(item) for item in value]
    return value


def check_result_from(document: Mapping[str, Any]) -> CheckResult:
    """Return the check result that `as_document` wrote."""
    failure = document["failure"]
    return CheckResult(
        name=document["name"],
        judges=Judges(document["judges"]),
        outcome=Outcome(document["outcome"]),
        requests=document["requests"],
        accepted=document["accepted"],
        elapsed_s=document["elapsed_s"],
        reason=document["reason"],
        advice=tuple(Advice(**item) for item in document["advice"]),
        failure=None if failure is None else FailureDetail(**failure),
        applies=document["applies"],
        latency=_latency_from(document["latency"]),
        deviations=tuple(ShownDeviation(**item) for item in document["deviations"]),
        answers=tuple(ServerAnswers(**item) for item in document["answers"]),
    )


def _latency_from(document: Mapping[str, Any] | None) -> Latency | None:
    if document is None:
        return None
    return Latency(**{**document, "buckets": tuple(LatencyBucket(**bucket) for bucket in document["buckets"])})
