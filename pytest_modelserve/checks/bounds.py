"""Whether the same request, again and again, costs a server anything that it does not give back.

Source: `CONTRACT` section 4, "Bounded". One warm request only: a cache may grow on distinct ones.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil

from ..client.bare import BareConnection
from ..results import CheckResult, Judges, Outcome, as_duration
from ..server.family import Held, family_of, holdings
from .budget import ran_out
from .conclusion import left_out
from .context import CheckContext, PrivateServed
from .evidence import Evidence, as_failure_of, end_of, log_of, name_of
from .exchanges import SHORTEST_TIMEOUT_S
from .good_request import NO_REQUEST, NOT_PREDICTED, GoodRequest, good_request_of
from .slopes import Limit, is_growing, slope_of

NAME: Final = "bounded"
READINGS: Final = 12
WARM_UP: Final = 40  # each of the threads that predict has had its turn some times
WARM_UP_S: Final = 0.5  # or as many as this time allows, but three
FEWEST_WARM_UP: Final = 3
MOST: Final = 300  # requests of one run of readings
ENOUGH: Final = 150  # among which 100 kB a request stand out from what allocators do
FEWEST: Final = 11  # one between two readings
RUN_S: Final = 0.8  # for as many as that time allows
ENOUGH_S: Final = 5.0  # or longer, up to that time, until they are enough: a busy machine must not hide growth
FULL_FACTOR: Final = 5  # longer in the preset full
CONFIRM_FACTOR: Final = 2  # a run that confirms is so much longer
LEAST_BYTES: Final = 8 * 1024  # a request: what allocators round up to shows as less over some hundred requests
NOISE_BYTES: Final = 3 * 1024 * 1024  # in all: allocators take and give back memory in pieces of about 1 MiB
NOISE_COUNT: Final = 4  # threads or descriptors: a pool that is still filling
LEAST_COUNT: Final = 0.05  # of them a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the processes of a server hold after so many requests.

    Attributes:
        requests: So many.
        held: By PID.
        files: How many files stand in the temporary directory.
    """

    requests: int
    held: Mapping[int, Held]
    files: int

    def of(self, kind: str) -> float:
        """Return one kind of what is held, by all processes together."""
        return KINDS[kind](self)


KINDS: Final[Mapping[str, Callable[[Reading], float]]] = {
    "threads": lambda reading: sum(held.threads for held in reading.held.values()),
    "file descriptors": lambda reading: sum(held.descriptors for held in reading.held.values()),
    "processes": lambda reading: len(reading.held),
    "temporary files": lambda reading: reading.files,
    "memory": lambda reading: sum(held.memory_bytes for held in reading.held.values()),
}
"""The causes first: what is kept takes memory, too."""


def bounded(context: CheckContext, _: str) -> CheckResult:
    """Send one warm request some hundred times, and look at what the processes of a server of its own hold."""
    started = time.monotonic()
    good = good_request_of(context)
    if good is None:
        return left_out(NAME, Judges.MODEL, NO_REQUEST)
    served = context.served.private()
    if served.is_worn:
        served.restart()  # the memory that large requests have left free would take in what is kept now
    timeout_s = context.settings.request_timeout_s or context.history.timeout_s or SHORTEST_TIMEOUT_S * 6
    url = served.server.base_url
    with BareConnection(url, good.body, good.content_type, timeout_s=timeout_s) as connection:
        wear = _Wear(connection=connection, served=served)
        usual_s = wear.warm_up()
        longer = FULL_FACTOR if "full" in context.settings.checks else 1
        n_requests = run_length(usual_s, longer)
        needed = f"before {n_requests} requests, of {as_duration(usual_s)} each"
        too_slow = "" if n_requests * usual_s <= context.left_s else ran_out(context, needed)
        readings = [] if too_slow else wear.read(n_requests)
        suspects = growing(readings)
        if suspects:
            readings = wear.read(CONFIRM_FACTOR * n_requests)
            suspects = tuple(kind for kind in growing(readings) if kind in suspects)
    lost = wear.requests if wear.is_lost else 0
    found = (
        [_lost(context, served, good, lost)]
        if lost
        else [_evidence(context, kind, readings, good) for kind in suspects]
    )
    failure = as_failure_of(context, NAME, found)
    reason = "" if failure else too_slow if wear.accepted else NOT_PREDICTED
    return CheckResult(
        name=NAME,
        judges=Judges.MODEL,
        outcome=Outcome.FAILED if failure else Outcome.INCONCLUSIVE if reason else Outcome.PASSED,
        reason=reason,
        requests=wear.requests,
        accepted=wear.accepted,
        elapsed_s=time.monotonic() - started,
        failure=failure,
    )


def run_length(usual_s: float, longer: int = 1) -> int:
    """Return how many requests of so many seconds each one run of readings takes, `longer` times its usual length."""
    usual = max(int(RUN_S / usual_s), min(ENOUGH, int(ENOUGH_S / usual_s)))
    return max(longer * min(usual, MOST), FEWEST)


def growing(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return the kinds of what is held that grow with the requests."""
    requests = [reading.requests for reading in readings]
    if len(requests) < FEWEST:
        return ()
    n_requests = requests[-1] - requests[0]
    memory = Limit(a_request=max(LEAST_BYTES, NOISE_BYTES / n_requests), in_all=NOISE_BYTES)
    count = Limit(a_request=LEAST_COUNT, in_all=NOISE_COUNT)
    return tuple(
        kind
        for kind in KINDS
        if is_growing(requests, [each.of(kind) for each in readings], memory if kind == "memory" else count)
    )


@dataclass(slots=True, kw_only=True)
class _Wear:
    """Sends the request, and reads what is held between."""

    connection: BareConnection
    served: PrivateServed
    requests: int = 0
    accepted: int = 0
    is_lost: bool = False
    _family: list[psutil.Process] = field(default_factory=list)

    def warm_up(self) -> float:
        """Return how long a warm request takes, in seconds."""
        seconds: list[float] = []
        started = time.monotonic()
        while len(seconds) < FEWEST_WARM_UP or (len(seconds) < WARM_UP and time.monotonic() - started < WARM_UP_S):
            begun = time.perf_counter()
            if not self._send():
                break
            seconds.append(time.perf_counter() - begun)
        return statistics.median(seconds) if seconds else RUN_S

    def read(self, n_requests: int) -> list[Reading]:
        """Send requests and return readings, evenly spread."""
        return [*self._readings(n_requests)]

    def _readings(self, n_requests: int) -> Iterator[Reading]:
        sent = 0
        yield self._reading(sent)
        for at in range(1, READINGS):
            upto = n_requests * at // (READINGS - 1)
            while sent < upto:
                if not self._send():
                    return
                sent += 1
            yield self._reading(sent)

    def _reading(self, sent: int) -> Reading:
        files = len(self.served.temporary_files())
        return Reading(requests=sent, held=holdings(family_of(self.served.server)), files=files)

    def _send(self) -> bool:
        if self.is_lost:
            return False
        self.requests += 1
        status = self.connection.send()
        self.is_lost = status is None
        self.accepted += status == 200
        return not self.is_lost


def _evidence(context: CheckContext, kind: str, readings: Sequence[Reading], good: GoodRequest) -> Evidence:
    requests = [reading.requests for reading in readings]
    values = [reading.of(kind) for reading in readings]
    slope = slope_of(requests, values)
    each = _shown(kind, slope)
    return Evidence(
        title=f"{kind} grow{'s' if kind == 'memory' else ''} by {each} with each request",
        rule=NAME,
        expected=f"as much after {requests[-1]} equal requests as before them",
        received=f"{_shown(kind, values[0])} before, {_shown(kind, values[-1])} after",
        request=f"{name_of(context, good.case)}, {requests[-1]} times",
        facts={"readings": ", ".join(_shown(kind, value) for value in values), "grows in": _where(kind, readings)},
    )


def _where(kind: str, readings: Sequence[Reading]) -> str:
    """Return which process grew the most, in words."""
    first, last = readings[0].held, readings[-1].held
    if kind not in {"memory", "threads", "file descriptors"}:
        return "all processes together"
    alone = {
        pid: Reading(requests=0, held={pid: held}, files=0).of(kind)
        - (Reading(requests=0, held={pid: first[pid]}, files=0).of(kind) if pid in first else 0)
        for pid, held in last.items()
    }
    pid = max(alone, key=lambda each: alone[each])
    try:
        return f"process {pid}: {' '.join(psutil.Process(pid).cmdline())[:120]}"
    except psutil.Error:
        return f"process {pid}"


def _lost(context: CheckContext, served: PrivateServed, good: GoodRequest, at: int) -> Evidence:
    return Evidence(
        title=f"the server was lost by the request number {at} of a kind that it had answered",
        rule=NAME,
        expected="an answer, as before",
        received="none",
        request=name_of(context, good.case),
        facts=end_of(served),
        log=log_of(served),
    )


def _shown(kind: str, value: float) -> str:
    if kind != "memory":
        return f"{value:.3g}"
    return f"{value / 2**20:.1f} MiB" if value >= 2**20 else f"{value / 2**10:.1f} kiB"
