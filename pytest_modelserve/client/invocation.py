"""One exchange with a server: what was sent, and what came back or went wrong."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..cases import Case, Envelope
from ..errors import RequestError, ResponseError
from ..signature.specs import Schema
from ..wire.inferred import Inference, read_inference
from ..wire.json_text import parse_json
from ..wire.predictions import Predictions, as_predictions
from ..wire.values import show_value
from .curl import as_curl

_BODY_SHOWN = 600  # characters of an error body: MLflow's messages stand in its first lines


class ErrorKind(enum.Enum):
    """Why an exchange ended without an answer."""

    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"  # connected, then lost before the answer was complete
    REFUSED = "refused"  # no connection could be made
    UNREADABLE = "unreadable"  # what came is no HTTP


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, complete.

    Attributes:
        method: The HTTP method.
        url: The whole URL.
        headers: As sent, without those that the connection adds.
        body: The bytes.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeError:
    """Why no answer came.

    Attributes:
        kind: In one word.
        text: What the connection said.
    """

    kind: ErrorKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A case sent, with its reply.

    Attributes:
        request: What was sent.
        request_id: The id under which the server's worker records the call; unique.
        case: What the request was made from; None where bytes were sent.
        status: The HTTP status; None where no answer came.
        headers: The reply's headers by lower-case name.
        body: The reply's body.
        elapsed_s: From the first byte sent to the last received or to the error, in seconds.
        error: Why no answer came; None where one did.
    """

    request: Request
    request_id: str
    case: Case | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    elapsed_s: float = 0.0
    error: ExchangeError | None = None

    @property
    def is_success(self) -> bool:
        """Tell whether an answer came with a 2xx status."""
        return self.status is not None and 200 <= self.status < 300

    def json(self) -> object:
        """Return the decoded body.

        Raises:
            DecodeError: It is not strict JSON.
            RequestError: No answer came.
        """
        self._require_answer()
        return parse_json(self.body)

    def predictions(self, schema: Schema | None = None) -> Predictions:
        """Return the predictions, typed by an output schema.

        Raises:
            DecodeError: The answer is not strict JSON with `predictions`.
            RequestError: No answer came.
            ResponseError: The answer is an error.
        """
        self.require_success()
        is_bare = self.case is not None and self.case.envelope is Envelope.UNIFIED
        return as_predictions(parse_json(self.body), schema, is_bare=is_bare)

    def inference(self) -> Inference:
        """Return the answer as the Open Inference Protocol (V2) has it.

        Raises:
            DecodeError: The answer is not of the protocol.
            RequestError: No answer came.
            ResponseError: The answer is an error.
        """
        self.require_success()
        return read_inference(parse_json(self.body))

    def require_success(self) -> None:
        """Pass an answer with a 2xx status.

        Raises:
            RequestError: No answer came.
            ResponseError: The answer is an error.
        """
        self._require_answer()
        if not self.is_success:
            raise ResponseError(
                f"the server answered {self.status}: {show_value(self.body.decode('utf-8', 'replace'))}",
                facts={"sent": self._sent(), "body": self.body.decode("utf-8", "replace")[:_BODY_SHOWN]},
                fix=f"Repeat it: {self.as_curl()}",
                status=self.status or 0,
                body=self.body,
                curl=self.as_curl(),
            )

    def as_curl(
        self,
        *,
        base_url: str | None = None,
        body_file: str | Path | None = None,
        max_time_s: float | None = None,
    ) -> str:
        """Return a shell line that sends the same request with curl.

        Args:
            base_url: Another server to send it to, such as that of `modelserve serve`.
            body_file: Where the caller has written, or will write, the body; used when it is long or not plain text.
                Without it such a body is piped in with printf.
            max_time_s: After how long curl gives up; it waits for ever by default.
        """
        return as_curl(
            self.request.method,
            self.request.url,
            self.request.headers,
            self.request.body,
            base_url=base_url,
            body_file=body_file,
            max_time_s=max_time_s,
        )

    def _require_answer(self) -> None:
        if self.error is not None:
            raise RequestError(
                f"no answer from {self.request.url} after {self.elapsed_s:.1f} s: {self.error.kind.value}",
                facts={"error": self.error.text, "sent": self._sent(), "id": self.request_id},
                fix=f"Look into the server's log, then repeat it: {self.as_curl()}",
            )

    def _sent(self) -> str:
        return f"{self.request.method} {len(self.request.body):,} bytes: {show_value(self.request.body)}"
