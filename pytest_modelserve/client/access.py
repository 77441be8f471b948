"""How a server that is not ours is reached: what requests say of their sender, whose certificates count, how often."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import httpx

from ..errors import SettingError

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
AUTHORIZATION: Final = "Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a server is reached; nothing is ever sent twice of itself.

    Attributes:
        headers: Sent with every request; never shown, where they carry a secret.
        ca_file: The certificates that count, in PEM; None takes the usual ones.
        is_insecure: Whether any certificate counts.
        rate: How many requests are sent a second at the most; None is no limit.
    """

    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    ca_file: Path | None = None
    is_insecure: bool = False
    rate: float | None = None

    def transport(self) -> httpx.BaseTransport:
        """Return what carries the requests of a client.

        Raises:
            SettingError: The file of certificates cannot be read.
        """
        return PacedTransport(httpx.HTTPTransport(verify=self._verified_by()), Pace(self.rate))

    def async_transport(self) -> httpx.AsyncBaseTransport:
        """Return what carries the requests of an asynchronous client, which keeps no connection.

        Raises:
            SettingError: The file of certificates cannot be read.
        """
        not_kept = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        return AsyncPacedTransport(
            httpx.AsyncHTTPTransport(verify=self._verified_by(), limits=not_kept), Pace(self.rate)
        )

    def _verified_by(self) -> ssl.SSLContext | bool:
        if self.is_insecure or self.ca_file is None:
            return not self.is_insecure
        try:
            return ssl.create_default_context(cafile=str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise SettingError(
                f"the certificates cannot be read: {error}",
                facts={"file": self.ca_file},
                fix="Name a file of certificates in PEM.",
            ) from error


def bearer(environ: Mapping[str, str], variable: str) -> Mapping[str, str]:
    """Return the header that carries a token, which stands in an environment variable so that no command line has it.

    Raises:
        SettingError: The variable is not set, or empty.
    """
    token = environ.get(variable, "").strip()
    if not token:
        raise SettingError(
            f"the environment variable {variable!r}, which is to hold the bearer token, is not set",
            fix=f"Run: export {variable}=…",
        )
    return {AUTHORIZATION: f"Bearer {token}"}


class Pace:
    """Tells each request how long it has to wait, so that no more than so many a second are sent.

    Args:
        rate: How many; None is no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._interval_s = 1 / rate if rate else 0.0
        self._next_s = 0.0
        self._lock = threading.Lock()

    def wait_s(self, now_s: float) -> float:
        """Take the next place, and return how long it is until then, in seconds."""
        with self._lock:
            at_s = max(now_s, self._next_s)
            self._next_s = at_s + self._interval_s
        return at_s - now_s


class PacedTransport(httpx.BaseTransport):
    """Carries requests as another transport does, none sooner than its pace allows."""

    def __init__(self, inner: httpx.BaseTransport, pace: Pace) -> None:
        self._inner = inner
        self._pace = pace

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request when it is due."""
        time.sleep(self._pace.wait_s(time.monotonic()))
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


class AsyncPacedTransport(httpx.AsyncBaseTransport):
    """Carries requests as another transport does, none sooner than its pace allows."""

    def __init__(self, inner: httpx.AsyncBaseTransport, pace: Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request when it is due."""
        await asyncio.sleep(self._pace.wait_s(time.monotonic()))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
