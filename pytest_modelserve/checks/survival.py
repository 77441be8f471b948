"""Whether a server goes on as before, whatever its clients do to it.

Source: `CONTRACT` section 4, "Survives".
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from ..client.raw import RawReply, held, send_raw
from ..errors import ServerError
from ..results import CheckResult, Judges, Outcome, notes
from ..server.backends import ServeSettings
from ..server.deviations import Asked, Seen
from .budget import ran_out
from .conclusion import left_out
from .context import CheckContext, PrivateServed
from .evidence import Evidence, as_failure_of, end_of, log_of, name_of
from .good_request import NO_REQUEST, QUOTED, GoodRequest, Health, good_request_of
from .ordeals import Ordeal, head_of, ordeals
from .outcome import RequestOutcome
from .samples import any_edges

MOST_BREACHES: Final = 3  # each costs a restart
ANSWER_S: Final = 10.0  # for an answer to a broken request, which costs no prediction
NEAR_PART: Final = 4  # of the limit; a body as long as may be takes more than a second on the way
READ_BYTES_A_SECOND: Final = 4 << 20  # that a server reads and parses on a busy machine, whatever a usual request takes
FAULTS: Final = frozenset({500, 502, 503, 504})  # 501 and 505 say that a server does not know such requests
MOST_EDGES: Final = 100
FEW_EDGES: Final = 5  # of a slow model
HELD: Final = 3  # connections that are half sent at the same time
MOST_LATE: Final = 2  # requests without an answer, each of which costs the whole time; one of a model known to hang
QUICK_S: Final = 0.1  # a good request that takes longer is not sent after each ordeal
EACH: Final = 6  # then it is sent after so many
MOST_UNSENT: Final = 3  # kinds of requests that are named of those that were not sent
NAME: Final = "survives"


def survives(context: CheckContext, _: str) -> CheckResult:
    """Do to a server of its own what clients do, and ask it after each for its health and the good request."""
    started = time.monotonic()
    good = good_request_of(context)
    if good is None:
        return left_out(NAME, Judges.SERVER, NO_REQUEST)
    served = context.served.private()
    trial = _Trial(context=context, served=served, health=Health(context, served, good))
    try:
        is_ill = bool(trial.health.ailment(is_brief=True))
        if not is_ill:
            trial.run(good)
    finally:
        served.is_worn = True
        trial.health.close()
    failure = as_failure_of(context, NAME, trial.found)
    reason = "the good request itself costs the server its health" if is_ill else trial.doubt
    return CheckResult(
        name=NAME,
        judges=Judges.SERVER,
        outcome=Outcome.FAILED if failure else Outcome.INCONCLUSIVE if reason else Outcome.PASSED,
        reason="" if failure else reason,
        requests=trial.requests + trial.health.requests,
        accepted=trial.health.accepted,
        elapsed_s=time.monotonic() - started,
        advice=notes(trial.notes),
        failure=failure,
    )


@dataclass(slots=True, kw_only=True)
class _Trial:
    context: CheckContext
    served: PrivateServed
    health: Health
    requests: int = 0
    found: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubt: str = ""
    _since: list[str] = field(default_factory=list)
    _n_late: int = 0

    def run(self, good: GoodRequest) -> None:
        now_s = self.context.history.now_s
        ends_s = now_s() + self.context.left_s
        most = ServeSettings().max_body_bytes
        near = most if "full" in self.context.settings.checks else most // NEAR_PART
        whole = [*ordeals(good, max_body_bytes=most, near_bytes=near)]
        self._since.append("half sent, and held open")
        if not self._is_well(self._blocked(good)):
            self._tell_unsent([one.name for one in whole])
            return
        for at, ordeal in enumerate(whole):
            if now_s() > ends_s:
                self.doubt = ran_out(self.context, f"after {at} of {len(whole)} kinds of requests")
                return
            self._since.append(ordeal.name)
            breach = self._go_through(ordeal)
            is_due = self.health.usual_s <= QUICK_S or at % EACH == 0 or at == len(whole) - 1
            if not self._is_well(breach, is_brief=not is_due) or self._n_late >= self._most_late:
                self._tell_unsent([one.name for one in whole[at + 1 :]])
                return
        for case in any_edges(self.context, MOST_EDGES if self.health.usual_s <= QUICK_S else FEW_EDGES):
            if now_s() > ends_s:
                self.doubt = ran_out(self.context, "before the model got its boundary values")
                return
            self.requests += 1
            reply = self.health.client.invoke(case)
            if reply.is_success:
                continue
            self._since.append(name_of(self.context, case))
            if not self._is_well(None):
                self._tell_unsent([])
                return

    def _tell_unsent(self, names: Sequence[str]) -> None:
        """Note what was not sent any more, since nothing is known of it: what is found is not all that there may be."""
        why = "no other server got ready"
        if len(self.found) >= MOST_BREACHES:
            why = f"{len(self.found)} failures are found"
        elif self._n_late >= self._most_late:
            is_known = self._is_known_to_hang
            why = "the model is known to hang" if is_known else f"{self._n_late} kinds of requests got no answer"
        shown = ", ".join(names[:MOST_UNSENT])
        more = f" and {len(names) - MOST_UNSENT} more kinds of requests" if len(names) > MOST_UNSENT else ""
        rest = f"{shown}{more}, and the boundary values" if names else "the rest of the boundary values"
        self.notes.append(f"not sent any more: {rest}, since {why}; run it again once that is mended")

    def _is_well(self, breach: Evidence | None, *, is_brief: bool = False) -> bool:
        """Look after the server, start another where it is ill, and tell whether it is worth going on."""
        ailment = self.health.ailment(is_brief=is_brief)
        if ailment:
            self.found.append(self._lasting(ailment))
        elif breach is not None:
            self.found.append(breach)
        if not is_brief or ailment:
            self._since.clear()
        if len(self.found) >= MOST_BREACHES:
            return False
        if ailment:
            try:
                self.served.restart()
            except ServerError as error:
                self.notes.append(f"no other server got ready after it: {error.happened}")
                return False
            self.health.reconnect()
        return True

    def _lasting(self, ailment: str) -> Evidence:
        *before, last = self._since
        more = f" (or one of the {len(before)} kinds before it)" if before else ""
        is_dead = not self.served.server.is_alive()
        what = "the server ended" if is_dead else "the server is no longer as before"
        return Evidence(
            title=f"{what} after a request: {last}{more}",
            rule="survives",
            expected="/ping and the good request are answered as before",
            received=ailment,
            request=", ".join((*before, last)),
            quoted=self.health.quoted,
            facts=end_of(self.served),
            log=log_of(self.served),
        )

    def _go_through(self, ordeal: Ordeal) -> Evidence | None:
        url = self.served.server.base_url
        timeout_s = self.health.timeout_s if self._is_known_to_hang else self._answer_s + self.health.timeout_s
        timeout_s += sum(map(len, ordeal.request.chunks)) / READ_BYTES_A_SECOND
        reply: RawReply | None = None
        try:
            for _ in range(ordeal.times):
                self.requests += 1
                reply = send_raw(url, ordeal.request, timeout_s=timeout_s)
        except OSError as error:
            return self._breach(ordeal.name, "no connection can be made", "a connection", str(error))
        return self._judged(ordeal, reply) if reply is not None and ordeal.is_answered else None

    def _is_known(self, ordeal: Ordeal, reply: RawReply) -> bool:
        """Tell whether the server is known to answer so."""
        status, data = reply.status, reply.data[:QUOTED].decode("utf-8", "replace")
        fault = Seen(kind=RequestOutcome.SERVER_ERROR.value, answer=f"{status} {data}")
        seen = fault if status in FAULTS else None
        return self.context.deviations.explains(Asked(rule=NAME, label=ordeal.name), seen)

    def _blocked(self, good: GoodRequest) -> Evidence | None:
        """Ask for health while requests of others are half sent."""
        half = head_of(good) + good.body[: len(good.body) // 2]
        with ExitStack() as stack:
            for _ in range(HELD):
                self.requests += 1
                stack.enter_context(held(self.served.server.base_url, half, timeout_s=self._answer_s))
            with self.served.connect(timeout_s=self._answer_s) as client:
                is_blocked = not client.ping()
            ailment = "/ping is not answered" if is_blocked else self.health.ailment()
        if not ailment:
            return None
        expected = "others are answered meanwhile"
        return self._breach("half sent, and held open", "others are not answered", expected, ailment)

    def _judged(self, ordeal: Ordeal, reply: RawReply) -> Evidence | None:
        if reply.is_late:
            self._n_late += 1
            received = f"nothing in {reply.elapsed_s:.0f} s"
            return self._breach(ordeal.name, "the server neither answers nor closes", "an answer, or the end", received)
        if self._is_known(ordeal, reply):
            return None
        if reply.status in FAULTS - {self.health.usual_status}:  # the good request is in many of them
            expected = "4xx, a prediction, or the end of the connection"
            breach = self._breach(ordeal.name, f"the server answers {reply.status}", expected, str(reply.status))
            return replace(breach, quoted=reply.data.decode("utf-8", "replace")[:QUOTED])
        return None

    @property
    def _is_known_to_hang(self) -> bool:
        """Tell whether a request was proven before to hang: another then need not be waited for beyond the contract."""
        return self.context.history.has_lost(RequestOutcome.TIMED_OUT)

    @property
    def _most_late(self) -> int:
        return 1 if self._is_known_to_hang else MOST_LATE

    @property
    def _answer_s(self) -> float:
        return min(ANSWER_S, self.context.settings.request_timeout_s or ANSWER_S)

    def _breach(self, name: str, what: str, expected: str, received: str) -> Evidence:
        return Evidence(
            title=f"{what} on a request: {name}",
            rule="survives",
            expected=expected,
            received=received,
            request=name,
            facts=end_of(self.served),
            log=log_of(self.served),
        )
