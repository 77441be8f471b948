"""What both clients are without asking the server: where it is, what types the data, and how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from typing_extensions import Self

from ..cases import Case, Envelope
from ..settings import V2_NAME
from ..signature.specs import Signature
from .access import Access
from .exchange import Exchanges
from .inference import Inferences

DEFAULT_TIMEOUT_S: Final = 60.0  # what MLflow's server gives a prediction

C = TypeVar("C", bound="BaseClient")


class BaseClient:
    """A client but for the connections, and for the waiting on them."""

    @classmethod
    def reaching(
        cls,
        base_url: str,
        access: Access,
        *,
        signature: Signature | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        v2_name: str = V2_NAME,
    ) -> Self:
        """Return a client of a server that is not ours, reached as it asks for.

        Raises:
            RequestError: `base_url` is no http or https URL.
            SettingError: The file of certificates cannot be read.
        """
        client = cls.__new__(cls)
        client._open(Exchanges(base_url, signature, access, timeout_s))  # noqa: SLF001 # of this very class
        client._inferences.name = v2_name  # noqa: SLF001
        return client

    def _open(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._inferences = Inferences(exchanges)

    @property
    def base_url(self) -> str:
        """Return the server's address."""
        return self._exchanges.base_url

    @property
    def signature(self) -> Signature | None:
        """Return the signature by which data is typed."""
        return self._exchanges.signature

    def as_case(
        self, data: object, *, params: Mapping[str, object] | None = None, envelope: Envelope | None = None
    ) -> Case:
        """Return the request that `predict` would send for the same arguments, as a case.

        Raises:
            EncodeError: The data has no reading under the signature, or the envelope cannot carry it.
        """
        return self._exchanges.as_case(data, params, envelope)

    def move_to(self, base_url: str) -> None:
        """Send to another server from now on, such as one started in place of one that died.

        Raises:
            RequestError: `base_url` is no http or https URL.
        """
        self._exchanges.move_to(base_url)
