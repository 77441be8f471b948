"""What the sync and the async client share: every step of an exchange but the waiting."""

from __future__ import annotations

import itertools
import ssl
import time
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypedDict, TypeVar

import httpx

from ..cases import Case, Envelope, RawBody
from ..errors import EncodeError, RequestError
from ..signature.specs import Signature
from ..wire.capacity import can_carry, obstacle
from ..wire.envelopes import encode
from ..wire.payloads import Table
from ..wire.predictions import Predictions
from ..wire.tables import as_payload
from ..wire.values import show_value
from .access import Access
from .curl import MASK, shown_url, without_secrets
from .invocation import ErrorKind, ExchangeError, Invocation, Request

REQUEST_ID_HEADER: Final = "X-Modelserve-Request-Id"
PREDICT_PATH: Final = "/invocations"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_KEEPALIVE_S: Final = 2.0  # below the 5 s after which uvicorn closes an idle connection, so that the two never cross
_OWN_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "pytest-modelserve"}

T = TypeVar("T")
Flow: TypeAlias = "Generator[Sending, Invocation, T]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One request on its way; a flow yields it and gets the invocation back.

    Attributes:
        request: What to send.
        http: The same, for httpx.
        request_id: Unique.
        case: What it was made from.
    """

    request: Request
    http: httpx.Request
    request_id: str
    case: Case | None = None


class HttpSettings(TypedDict):
    """What both kinds of httpx client are opened with."""

    trust_env: bool
    verify: bool | ssl.SSLContext
    limits: httpx.Limits


class Reading:
    """The reply of one exchange, while it comes in.

    The client feeds it chunks until it wants no more, then asks for the invocation.
    """

    def __init__(self, sending: Sending, timeout_s: float) -> None:
        self._sending = sending
        self._timeout_s = timeout_s
        self._started = time.perf_counter()
        self._response: httpx.Response | None = None
        self._chunks: list[bytes] = []
        self._left: int | None = None

    def start(self, response: httpx.Response) -> bool:
        """Take the status line and headers and tell whether a body is to come.

        MLflow's server closes the connection after a 500 without saying so, and the next request on it would be
        lost. A 5xx of known length is therefore read to its last byte but not to its end: httpcore then drops the
        connection instead of keeping it.
        """
        self._response = response
        if response.status_code >= 500:
            length = response.headers.get("content-length", "")
            self._left = int(length) if length.isdecimal() else None
        if response.is_stream_consumed:  # a transport of the tests' own, which has the body at hand
            self._chunks.append(response.content)
        return not response.is_stream_consumed

    def feed(self, chunk: bytes) -> bool:
        """Take a part of the body and tell whether more is wanted.

        Raises:
            httpx.ReadTimeout: The exchange as a whole took longer than its time.
        """
        self._chunks.append(chunk)
        if self._elapsed_s() > self._timeout_s:  # a server that trickles never runs into httpx's own limit
            raise httpx.ReadTimeout(f"the answer was not complete after {self._timeout_s:g} s")
        if self._left is not None:
            self._left -= len(chunk)
            return self._left > 0
        return True

    def done(self) -> Invocation:
        """Return the complete exchange."""
        response = self._response
        return self._invocation(
            status=None if response is None else response.status_code,
            headers={} if response is None else dict(response.headers),
        )

    def failed(self, error: httpx.TransportError) -> Invocation:
        """Return the exchange that ended in an error of the connection.

        Raises:
            RequestError: The request itself cannot be sent.
        """
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
            raise RequestError(  # without what it says, which quotes the header
                f"the request cannot be sent: its URL or a header is not as HTTP has it ({type(error).__name__})",
                facts={
                    "url": self._sending.request.url,
                    "headers": show_value(without_secrets(self._sending.request.headers)),
                },
                fix="Correct the URL or the header.",
            ) from None
        kind = next((kind for kinds, kind in _ERROR_KINDS if isinstance(error, kinds)), ErrorKind.DISCONNECTED)
        if isinstance(error, httpx.RemoteProtocolError) and not _is_end(str(error)):
            kind = ErrorKind.UNREADABLE
        return self._invocation(error=ExchangeError(kind=kind, text=f"{type(error).__name__}: {error}".rstrip(": ")))

    def _invocation(
        self,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        error: ExchangeError | None = None,
    ) -> Invocation:
        return Invocation(
            request=self._sending.request,
            request_id=self._sending.request_id,
            case=self._sending.case,
            status=status,
            headers=headers or {},
            body=b"".join(self._chunks),
            elapsed_s=self._elapsed_s(),
            error=error,
        )

    def _elapsed_s(self) -> float:
        return time.perf_counter() - self._started


class Exchanges:
    """The requests that a client can make of one server, as flows that leave the waiting to it.

    Args:
        base_url: Scheme, host and path prefix.
        signature: The model's; None types nothing.
        access: What every request says of its sender, and which certificates count.
        timeout_s: For a connection, and for the whole answer.

    Raises:
        RequestError: `base_url` is no http or https URL.
    """

    def __init__(self, base_url: str, signature: Signature | None, access: Access, timeout_s: float) -> None:
        url = self.move_to(base_url)
        self.signature = signature
        self.timeout_s = timeout_s
        self.pace: Final = access.pace
        self._headers = dict(access.headers)
        self._numbers = itertools.count(1)
        self._timeouts = httpx.Timeout(timeout_s).as_dict()
        # A proxy of the environment cannot reach our own machine's loopback.
        self.settings: Final = HttpSettings(
            trust_env=url.host not in LOOPBACK,
            verify=access.verify() if url.scheme == "https" else False,  # loading certificates takes 25 ms
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEPALIVE_S),
        )

    def move_to(self, base_url: str) -> httpx.URL:
        """Send to another server from now on.

        Raises:
            RequestError: `base_url` is no http or https URL.
        """
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL as broken:
            raise _not_http(base_url) from broken
        if url.scheme not in {"http", "https"} or not url.host:
            raise _not_http(base_url)
        self.base_url: str = base_url.rstrip("/")
        return url

    def next_number(self) -> int:
        """Return a number that this client has not given before, whatever its threads."""
        return next(self._numbers)

    def predict(
        self, data: object, params: Mapping[str, object] | None, envelope: Envelope | None
    ) -> Flow[Predictions]:
        """Send data as the signature takes it and return the typed predictions.

        Raises:
            EncodeError: The envelope cannot carry the data.
        """
        invocation = yield from self.invoke(self.as_case(data, params, envelope))
        return invocation.predictions(None if self.signature is None else self.signature.outputs)

    def as_case(self, data: object, params: Mapping[str, object] | None, envelope: Envelope | None) -> Case:
        """Return data as the case that `predict` sends.

        Raises:
            EncodeError: The envelope cannot carry the data.
        """
        payload = as_payload(data, self.signature)
        chosen = envelope or self._usual_envelope(payload)
        reason = obstacle(payload, chosen, self.signature, has_params=bool(params))
        if reason:
            able = [each for each in Envelope if can_carry(payload, each, self.signature, has_params=bool(params))]
            raise EncodeError(
                f"the envelope {chosen.value} cannot carry this data: {reason}",
                facts={"can carry": ", ".join(each.value for each in able) or "none"},
                fix=f"Use envelope=Envelope.{able[0].name}." if able else "Change the data; no envelope carries it.",
            )
        return Case(payload=payload, envelope=chosen, params=params or {})

    def invoke(self, case: Case) -> Flow[Invocation]:
        """Send a case."""
        body, content_type = encode(case.payload, case.envelope, case.params, signature=self.signature)
        headers = {} if content_type is None else {"Content-Type": content_type}
        method, path = "POST", PREDICT_PATH
        if isinstance(case.payload, RawBody):
            method, path = case.payload.method, case.payload.path
        return (yield self.sending(method, path, headers, body, case=case))

    def send(self, body: bytes, headers: Mapping[str, str], method: str, path: str) -> Flow[Invocation]:
        """Send bytes as they are."""
        return (yield self.sending(method, path, headers, body))

    def ping(self) -> Flow[bool]:
        """Ask whether the server is ready."""
        invocation = yield self.sending("GET", "/ping", {}, b"")
        return invocation.status == 200

    def version(self) -> Flow[str]:
        """Ask for the server's version; MLflow's answers bare text, others a JSON string."""
        invocation = yield self.sending("GET", "/version", {}, b"")
        if not invocation.is_success:
            invocation.predictions()  # raises what went wrong
        return invocation.body.decode("utf-8", "replace").strip().strip('"')

    def sending(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, case: Case | None = None
    ) -> Sending:
        """Return a request with its own id.

        Raises:
            RequestError: The path or a header cannot stand in an HTTP request.
        """
        request_id = uuid.uuid4().hex
        own = {**headers, REQUEST_ID_HEADER: request_id}
        sent, shown = {**self._headers, **own}, {**dict.fromkeys(self._headers, MASK), **own}
        try:
            http = httpx.Request(
                method,
                self.base_url + path,
                headers={**_OWN_HEADERS, **sent},
                content=body,
                extensions={"timeout": self._timeouts},
            )
        except (httpx.InvalidURL, UnicodeEncodeError) as broken:
            raise RequestError(
                f"the request cannot be sent: {broken}",
                facts={
                    "url": show_value(shown_url(self.base_url) + path),
                    "headers": show_value(without_secrets(shown)),
                },
                fix="Correct the path or the header.",
            ) from broken
        request = Request(method=method, url=shown_url(str(http.url)), headers=shown, body=body)
        return Sending(request=request, http=http, request_id=request_id, case=case)

    def _usual_envelope(self, payload: object) -> Envelope:
        from_type_hint = self.signature is not None and self.signature.is_from_type_hint
        return Envelope.DATAFRAME_SPLIT if isinstance(payload, Table) and not from_type_hint else Envelope.INPUTS


def _is_end(text: str) -> bool:
    # httpcore has one class for a lost connection and for broken HTTP; only its words tell them apart.
    return "disconnected" in text or "peer closed" in text


def _not_http(base_url: str) -> RequestError:
    return RequestError(
        f"{show_value(shown_url(base_url))} is no http or https URL",
        fix="Give the server's address, such as http://127.0.0.1:5000.",
    )


_ERROR_KINDS: Final = (
    ((httpx.ConnectTimeout, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout), ErrorKind.TIMEOUT),
    ((httpx.ConnectError, httpx.ProxyError), ErrorKind.REFUSED),
)
