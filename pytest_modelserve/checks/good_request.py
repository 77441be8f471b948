"""The one good request of a check: the input example, how it was answered before, and whether it still is."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Final

from ..cases import Case
from ..client import Invocation, ModelClient
from ..model.mlmodel import Model
from ..wire.envelopes import encode
from .agreement import Agreement
from .answers import Answer, answer_to
from .context import CheckContext, Served
from .exchanges import SHORTEST_TIMEOUT_S, TIMEOUT_FACTOR
from .searches import good_case

TIMED: Final = 3  # requests whose median counts
FIRST_TIMEOUT_S: Final = 60.0
QUOTED: Final = 300  # characters of an answer: enough to tell it from others
NO_REQUEST: Final = "no good request is known: the model was saved without a signature and an input example"
NOT_PREDICTED: Final = "the good request is not predicted: predicts_input_example or accepts_valid tells why"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodRequest:
    """A good request as bytes.

    Attributes:
        case: What it was made from.
        body: Its body.
        content_type: Of the body.
    """

    case: Case
    body: bytes
    content_type: str | None


def why_no_request(model: Model) -> str:
    """Return why no good request is known of a model, or nothing."""
    has_inputs = model.signature is not None and model.signature.inputs is not None
    return "" if model.example_info or has_inputs else NO_REQUEST


def good_request_of(context: CheckContext) -> GoodRequest | None:
    """Return the input example, else the first request that the signature allows; None where there is neither."""
    case = good_case(context)
    if case is None:
        return None
    body, content_type = encode(case.payload, case.envelope, case.params, signature=context.model.signature)
    return GoodRequest(case=case, body=body, content_type=content_type)


class Health:
    """Whether a server answers a good request as it did when this object was made; use `close` at the end.

    Attributes:
        usual_s: How long the answer usually takes.
        usual_status: How it is answered; None where it is not.
        timeout_s: How long an answer may take.
        requests: How many were sent.
        accepted: How many of them were predicted.
        quoted: The beginning of the last answer to the good request.
    """

    def __init__(self, context: CheckContext, served: Served, good: GoodRequest) -> None:
        outputs = context.model.signature.outputs if context.model.signature else None
        self._served = served
        self._case = good.case
        self._agreement = Agreement.of(outputs, context.settings)
        self.requests: int = 0
        self.accepted: int = 0
        self.quoted: str = ""
        self.timeout_s: float = context.settings.request_timeout_s or FIRST_TIMEOUT_S
        self.client: ModelClient = served.connect(timeout_s=self.timeout_s)
        first = [self._sent() for _ in range(TIMED)]
        self.usual_s: float = statistics.median(invocation.elapsed_s for invocation in first)
        self.timeout_s = context.settings.request_timeout_s or max(SHORTEST_TIMEOUT_S, TIMEOUT_FACTOR * self.usual_s)
        self.usual_status: int | None = first[-1].status
        self._answer = self._read(first[-1])
        self._is_steady = all(self._agrees(self._read(invocation)) for invocation in first)
        self.reconnect()

    @property
    def is_predicted(self) -> bool:
        """Tell whether the good request was answered with a prediction at the beginning."""
        return self._answer is not None

    def ailment(self, *, is_brief: bool = False) -> str:
        """Return what is wrong with the server now, in words, or nothing.

        Args:
            is_brief: Ask for `/ping` alone.
        """
        self.requests += 1
        if not self.client.ping():
            return "/ping no longer answers 200"
        if is_brief:
            return ""
        after = self._sent()
        self.quoted = after.body.decode("utf-8", "replace")[:QUOTED]
        if after.error is not None:
            return f"the good request gets no answer: {after.error.text}"
        if after.status != self.usual_status:
            return f"the good request is answered {after.status}, {self.usual_status} before"
        if self._is_steady and not self._agrees(self._read(after)):
            return "the good request is answered differently"
        return ""

    def reconnect(self) -> None:
        """Send to the server that runs now."""
        self.client.close()
        self.client = self._served.connect(timeout_s=self.timeout_s)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _sent(self) -> Invocation:
        self.requests += 1
        invocation = self.client.invoke(self._case)
        self.accepted += invocation.is_success
        return invocation

    def _read(self, invocation: Invocation) -> Answer | None:
        return answer_to(invocation, self._agreement.outputs)

    def _agrees(self, answer: Answer | None) -> bool:
        if answer is None or self._answer is None:
            return answer is self._answer
        return self._agreement.agree(self._answer, answer)
