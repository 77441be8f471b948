"""Whether a server is ready when it says so, has loaded its model once, and goes when it is told to.

Source: `CONTRACT` section 4, "Starts and stops". It stops the private server, so it comes last.
"""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Iterator
from typing import Final

from ..results import CheckResult, Judges, Outcome, as_duration, notes
from ..server.deviations import Asked, Seen
from ..server.family import Ending
from ..server.state import Server
from .conclusion import left_out
from .context import CheckContext, PrivateServed
from .deviations import DeviationWatch
from .evidence import Evidence, as_failure_of, log_of
from .good_request import NO_REQUEST, QUOTED, GoodRequest, good_request_of
from .loads import Loads, data_files, loaded_late, loaded_twice, main_files, read_loads

NAME: Final = "starts_and_stops"
LATER: Final = 5  # good requests that show whether what the first one did was done once
LATER_S: Final = 5.0  # or as many as that time allows, but two
FEWEST_LATER: Final = 2
SLOW_FIRST: Final = 10.0  # times as long as later ones
SLOW_FIRST_S: Final = 0.5  # and longer by this: what is shorter no client notices
QUICK_STOP_S: Final = 5.0  # what is longer is worth a word
_CLEAN: Final = (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def starts_and_stops(context: CheckContext, _: str) -> CheckResult:
    """Look at how a server of its own got ready and what it loaded, then stop it and look at what is left."""
    started = time.monotonic()
    good = good_request_of(context)
    if good is None:
        return left_out(NAME, Judges.SERVER, NO_REQUEST)
    served = context.served.private()
    server = served.server
    later = [*_answers_to(served, good)]
    loads = read_loads(served.loads_path)
    found = [*_start(served, context.deviations), *_loading(context, loads, has_later=bool(later))]
    advice = [*_slow_first(server, later), *_reopened(context, loads)]
    ending = served.stop()
    if ending is not None:
        found += _stop(ending, served)
        advice += _left_behind(ending, served)
    failure = as_failure_of(context, NAME, found)
    return CheckResult(
        name=NAME,
        judges=Judges.SERVER,
        outcome=Outcome.FAILED if failure else Outcome.PASSED,
        requests=len(later),
        accepted=len(later),
        elapsed_s=time.monotonic() - started,
        advice=notes(advice),
        failure=failure,
    )


def _answers_to(served: PrivateServed, good: GoodRequest) -> Iterator[float]:
    """Send the good request a few times more and yield how long each took, in seconds."""
    ends = time.monotonic() + LATER_S
    for at in range(LATER):
        if at >= FEWEST_LATER and time.monotonic() > ends:
            return
        invocation = served.client.invoke(good.case)
        if invocation.is_success:
            yield invocation.elapsed_s


def _start(served: PrivateServed, deviations: DeviationWatch) -> Iterator[Evidence]:
    """Yield what was wrong before the server was ready, and just after it said so."""
    server = served.server
    for early in server.early_answers:
        if early.request.startswith("POST") and early.status != 503 and early.status >= 400:
            seen = Seen(kind="rejected", answer=f"{early.status} ")
            if deviations.explains(Asked(rule=NAME, label="before it is ready"), seen):
                continue
            yield Evidence(
                title=f"a server that is not ready answers {early.status} to a prediction",
                rule="not_ready",
                expected="503, upon which clients try again",
                received=f"{early.status} to {early.request}, {early.elapsed_s:.1f} s after the start",
            )
            break
    first = server.first_answer
    if first is not None and first.status in {502, 503, 504}:
        yield Evidence(
            title=f"the server said that it was ready and answered {first.status} to its first prediction",
            rule="ready",
            expected="a prediction, or what the model raised",
            received=str(first.status),
            quoted=first.body.decode("utf-8", "replace")[:QUOTED],
            log=log_of(served),
        )


def _loading(context: CheckContext, loads: Loads, *, has_later: bool) -> Iterator[Evidence]:
    """Yield what was loaded more than once, or only by the first prediction, where there were later ones to tell."""
    if loads.n_loaded > 1:
        yield Evidence(
            title=f"the server loaded the model {loads.n_loaded} times",
            rule="loaded_once",
            expected="the model is loaded once: each loading takes its time and its memory",
            received=f"{loads.n_loaded} loadings in one process",
        )
    sizes = data_files(context.model.path)
    main = main_files(sizes, (opening.file for opening in loads.openings))
    for file, by, count in loaded_twice(loads, main):
        yield Evidence(
            title=f"{file} was loaded {count} times before the model was ready",
            rule="loaded_once",
            expected="the model is loaded once: each loading takes its time and its memory",
            received=f"{file} ({sizes[file]:,} bytes) was opened {count} times",
            facts={"opened by": by},
        )
    for file, by, calls in loaded_late(loads, main):
        if has_later and _is_lazy(calls):
            yield Evidence(
                title=f"{file} was loaded by the first prediction, after the server had said that it was ready",
                rule="loaded_before_ready",
                expected="ready means loaded: the first client does not wait for the model",
                received=f"{file} ({sizes[file]:,} bytes) was opened in call {calls[0]}, and not again",
                facts={"opened by": by},
            )


def _is_lazy(calls: tuple[int, ...]) -> bool:
    return calls == (1,)


def _reopened(context: CheckContext, loads: Loads) -> Iterator[str]:
    main = main_files(data_files(context.model.path), (opening.file for opening in loads.openings))
    for file, _by, calls in loaded_late(loads, main):
        if not _is_lazy(calls):
            yield f"{file} is opened by predictions: in {len(calls)} calls, the first of them number {calls[0]}"


def _slow_first(server: Server, later: list[float]) -> Iterator[str]:
    """Yield a word on a first prediction that was slow although nothing was loaded: imports, compilers, caches."""
    if server.first_answer is None or not later:
        return
    first_s, usual_s = server.first_answer.elapsed_s, statistics.median(later)
    if first_s > SLOW_FIRST * usual_s and first_s - usual_s > SLOW_FIRST_S:
        yield (
            f"the first prediction took {as_duration(first_s)}, later ones {as_duration(usual_s)}: let the model "
            "predict once while it is loaded"
        )


def _stop(ending: Ending, served: PrivateServed) -> Iterator[Evidence]:
    """Yield what was wrong with the end of the server."""
    expected = f"it ends within {ending.allowed_s:g} s of SIGTERM, and leaves nothing"
    if ending.was_killed:
        received = f"it had to be killed after {ending.elapsed_s:.1f} s"
        yield Evidence(
            title="the server did not stop on SIGTERM", rule="stops", expected=expected, received=received,
            log=log_of(served),
        )  # fmt: skip
    elif ending.returncode not in _CLEAN:
        received = f"exit code {ending.returncode} after {ending.elapsed_s:.1f} s"
        yield Evidence(
            title=f"the server ended with exit code {ending.returncode} on SIGTERM", rule="stops", expected=expected,
            received=received, log=log_of(served),
        )  # fmt: skip
    if ending.left:
        yield Evidence(
            title=f"the server left {len(ending.left)} process{'es' if len(ending.left) > 1 else ''} behind",
            rule="stops",
            expected=expected,
            received="\n".join(ending.left),
        )
    if not ending.is_port_free:
        yield Evidence(
            title="the port of the server is still taken after it stopped",
            rule="stops",
            expected=expected,
            received=f"{served.server.base_url} takes connections",
        )


def _left_behind(ending: Ending, served: PrivateServed) -> Iterator[str]:
    if not ending.was_killed and ending.elapsed_s > QUICK_STOP_S:
        yield f"the server took {ending.elapsed_s:.1f} s to stop on SIGTERM"
    if files := served.temporary_files():
        shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
        yield f"the server left {len(files)} temporary file{'s' if len(files) > 1 else ''} behind: {shown}"
