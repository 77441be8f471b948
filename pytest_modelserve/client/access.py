"""How a server that is not ours is reached: what requests say of their sender, whose certificates count, how often."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import SettingError
from ..settings import NO_HEADERS

AUTHORIZATION: Final = "Authorization"
FIRST_PRINTED: Final = 0x20


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


AT_ONCE: Final = Pace(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a server is reached; nothing is ever sent twice of itself.

    Attributes:
        headers: Sent with every request; their values are never shown.
        ca_file: The certificates that count, in PEM; None takes the usual ones.
        is_insecure: Whether any certificate counts.
        pace: Of all clients together that reach it so.
    """

    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)
    ca_file: Path | None = None
    is_insecure: bool = False
    pace: Pace = field(default_factory=lambda: AT_ONCE)

    def verify(self) -> ssl.SSLContext | bool:
        """Return which certificates count, as httpx takes it.

        Raises:
            SettingError: The file of certificates cannot be read.
        """
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
        SettingError: The variable is not set, or holds no token.
    """
    token = environ.get(variable, "").strip()
    if any(ord(char) < FIRST_PRINTED for char in token):
        raise SettingError(
            f"the environment variable {variable!r}, which is to hold the bearer token, holds more than one line",
            fix="Set it to the token alone.",
        )
    if not token:
        raise SettingError(
            f"the environment variable {variable!r}, which is to hold the bearer token, is not set",
            fix=f"Run: export {variable}=…",
        )
    return {AUTHORIZATION: f"Bearer {token}"}
