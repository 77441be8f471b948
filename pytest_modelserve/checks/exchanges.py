"""Sends cases to a served model and tells what became of each, over the server's deaths and hangs."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final

from ..cases import Case
from ..client import Invocation
from ..errors import ServerError
from .calls import CallLog
from .context import CheckContext, Served
from .history import History, is_same_request
from .judge import Exchange, Judgement
from .outcome import RequestOutcome, classify
from .told import told_call

DOUBT_PART: Final = 0.2  # of the time of a request: for its second try, where requests are known to hang
SHORTEST_TIMEOUT_S: Final = 10.0  # a request is not called hanging before this
TIMEOUT_FACTOR: Final = 50.0  # nor before so many times the median of the input example
DEFAULT_TIMEOUT_S: Final = 60.0  # where there is no example to measure by
TIMED: Final = 3  # requests whose median counts
COSTLY_TRIES: Final = 3  # to make the first lost request small; each costs a restart, one that hangs its whole time


class Exchanges:
    """Sends cases one after the other, and counts them; use it as a context.

    A server that died or hangs is restarted and the case sent once more, so that a case is blamed only for what it
    does to a fresh server. The same request is not sent again after that. Of a model that is known to hang the next one
    that hangs is to cost little beyond its full time: where its server was well right before, it is believed; else the
    fresh server has a part of that time to answer it, should it be innocent.

    Args:
        served: The model behind its server.
        example: A known-good case, by which it is told how long a request may take.
        timeout_s: How long a request may take, where the user has said so.
        history: What is known of the model from its checks before.
        on_exchange: Told of each exchange, as it ends.

    Attributes:
        cut: What the time did not do for, in a sentence, or nothing.

    Raises:
        TooManyLost: So many requests have cost a server before that more of them prove nothing.
    """

    def __init__(
        self,
        served: Served,
        example: Case | None = None,
        *,
        timeout_s: float | None = None,
        history: History | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self._served = served
        self._on_exchange = on_exchange
        self._history = history or History()
        self._history.require_hope()
        self._timeout_s = timeout_s or self._history.timeout_s or DEFAULT_TIMEOUT_S
        self._connect(self._timeout_s)
        self._is_fresh = False  # whether its server was sent nothing yet
        self.requests: int = 0
        self.accepted: int = 0
        self.lost_once: int = 0
        self.cut: str = ""
        self._n_lost: int = 0
        if timeout_s is None and self._history.timeout_s is None and example is not None:
            self._settle_timeout(example)

    @classmethod
    def of(cls, context: CheckContext, example: Case | None = None) -> Exchanges:
        """Return the exchanges of one check of a model."""
        timeout_s = context.settings.request_timeout_s
        return cls(
            context.served,
            example,
            timeout_s=timeout_s,
            history=context.history,
            on_exchange=context.on_exchange,
        )

    @classmethod
    def of_private(cls, context: CheckContext) -> Exchanges:
        """Return the exchanges with the server that nobody else uses.

        Raises:
            ServerError: That server did not get ready.
        """
        timeout_s = context.settings.request_timeout_s
        served = context.served.private()
        return cls(served, timeout_s=timeout_s, history=context.history, on_exchange=context.on_exchange)

    def count_in(self, others: Exchanges) -> None:
        """Count the requests of other exchanges of the same check, too."""
        self.requests += others.requests
        self.accepted += others.accepted
        self.lost_once += others.lost_once
        self.cut = self.cut or others.cut

    def send(self, case: Case) -> Exchange:
        """Send a case and return what became of it.

        Raises:
            TooManyLost: So many requests have cost a server that more of them prove nothing.
        """
        if known := self._history.find_loss(case):
            return known
        self._history.require_hope(lost_here=self._n_lost)
        was_well = self._is_well()
        exchange = self._sent(case)
        if not is_lost(exchange):
            return exchange
        is_known = exchange.outcome is RequestOutcome.TIMED_OUT and self._history.has_lost(RequestOutcome.TIMED_OUT)
        if self._has_restarted() and not (is_known and was_well):
            again = self._sent_in(self._timeout_s * DOUBT_PART, case) if is_known else self._sent(case)
            if not is_lost(again):
                self.lost_once += 1  # nobody is to blame for certain, and yet it is not to be passed over
                return again
            exchange = exchange if is_known else again  # the one that had its full time
            self._has_restarted()
        self._history.note_loss(exchange)
        self._n_lost += 1
        return exchange

    def last_prediction(self, case: Case) -> Exchange | None:
        """Return what the same request got just before, with nothing sent since; None where it got no prediction."""
        last = self._predicted_last()
        return last if last is not None and is_same_request(last.case, case) else None

    def send_together(self, lanes: Sequence[Sequence[Case]]) -> list[list[Exchange]]:
        """Send the cases of each lane one after the other, all lanes at the same time, over a connection each.

        Where that costs the server, all is sent once more to a fresh one.
        """
        found = self._sent_together(lanes)
        if not _has_loss(found) or not self._has_restarted():
            return found
        again = self._sent_together(lanes)
        if _has_loss(again):
            self._has_restarted()
        else:
            self.lost_once += 1
        return again

    @property
    def doubt(self) -> str:
        """Return why nothing is proven although nothing failed, or nothing."""
        if not self.lost_once:
            return ""
        times = "once, by" if self.lost_once == 1 else f"{self.lost_once} times, each by"
        return f"the server was lost {times} a request that a fresh server answered"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Exchanges:  # noqa: PYI034 # typing.Self is younger than Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def _predicted_last(self) -> Exchange | None:
        """Return the last exchange, where this server answered it with a prediction."""
        last = self._history.last
        if last is None or last.outcome is not RequestOutcome.PREDICTED:
            return None
        return last if last.invocation.request.url.startswith(f"{self._client.base_url}/") else None

    def _is_well(self) -> bool:
        """Tell whether nothing can have made the server ill: it has just started, or just predicted."""
        return self._is_fresh or self._predicted_last() is not None

    def _sent(self, case: Case) -> Exchange:
        return self._told(case, self._client.invoke(case))

    def _sent_in(self, timeout_s: float, case: Case) -> Exchange:
        """Send a case that is to be answered sooner than others."""
        self._reconnect(timeout_s)
        try:
            return self._sent(case)
        finally:
            self._reconnect(self._timeout_s)

    def _sent_together(self, lanes: Sequence[Sequence[Case]]) -> list[list[Exchange]]:
        start = threading.Barrier(len(lanes))

        def sent(lane: Sequence[Case]) -> list[Invocation]:
            start.wait()
            return [self._client.invoke(case) for case in lane]

        with ThreadPoolExecutor(len(lanes)) as threads:
            invocations = list(threads.map(sent, lanes))
        return [
            [self._told(case, invocation) for case, invocation in zip(lane, answers, strict=True)]
            for lane, answers in zip(lanes, invocations, strict=True)
        ]

    def _told(self, case: Case, invocation: Invocation) -> Exchange:
        self.requests += 1
        self._is_fresh = False
        call = self._calls.find(invocation.request_id) if self._calls else told_call(invocation)
        outcome = classify(invocation, call)
        self.accepted += outcome is RequestOutcome.PREDICTED
        if outcome is RequestOutcome.PREDICTED:
            self._history.n_predicted += 1
            self._history.note_time(invocation.elapsed_s)
        exchange = Exchange(case=case, invocation=invocation, outcome=outcome, call=call)
        self._history.last = exchange
        if self._on_exchange is not None:
            self._on_exchange(exchange)
        return exchange

    def _settle_timeout(self, example: Case) -> None:
        seconds: list[float] = []
        for _ in range(TIMED):
            invocation = self._client.invoke(example)
            if invocation.error is not None:
                break  # the example itself is lost, which the check that sends it tells
            seconds.append(invocation.elapsed_s)
            self._history.note_time(invocation.elapsed_s)
        usual_s = statistics.median(seconds) if seconds else 0.0
        self._timeout_s = self._history.timeout_s = max(SHORTEST_TIMEOUT_S, TIMEOUT_FACTOR * usual_s)
        self._reconnect(self._timeout_s)

    def _has_restarted(self) -> bool:
        """Start another server; where none gets ready the lost request is evidence enough, and the next check tells."""
        self._client.close()
        try:
            self._served.restart()
        except ServerError:
            return False
        self._connect(self._timeout_s)
        self._is_fresh = True
        return True

    def _reconnect(self, timeout_s: float) -> None:
        self._client.close()
        self._connect(timeout_s)

    def _connect(self, timeout_s: float) -> None:
        self._client = self._served.connect(timeout_s=timeout_s)
        self._calls = CallLog(self._served.calls_path, is_from_now=True) if self._served.has_spy else None


def _has_loss(lanes: Sequence[Sequence[Exchange]]) -> bool:
    return any(is_lost(exchange) for lane in lanes for exchange in lane)


def has_cost_a_server(judgement: Judgement) -> bool:
    """Tell whether a judgement is about a request that cost its server."""
    return is_lost(judgement.exchange)


def is_lost(exchange: Exchange) -> bool:
    """Tell whether a request cost its server, or left it unable to answer the next one."""
    return exchange.is_lost
