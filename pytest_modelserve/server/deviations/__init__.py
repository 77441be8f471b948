"""In what the servers of others are known to depart from the contract, as data that any process can read."""

from __future__ import annotations

from typing import Final

from .deviation import Asked, Cells, Deviation, Example, Seen
from .mlflow_bytes_and_instants import MLFLOW_BYTES_AND_INSTANTS
from .mlflow_flask import MLFLOW_FLASK
from .mlflow_protocol import MLFLOW_PROTOCOL
from .mlflow_values import MLFLOW_VALUES
from .mlserver_invocations import MLSERVER_INVOCATIONS
from .mlserver_v2 import MLSERVER_V2

__all__ = ["DEVIATIONS", "Asked", "Cells", "Deviation", "Example", "Seen", "deviations_of"]

DEVIATIONS: Final = (
    *(*MLFLOW_VALUES, *MLFLOW_BYTES_AND_INSTANTS, *MLFLOW_PROTOCOL, *MLFLOW_FLASK),
    *(*MLSERVER_INVOCATIONS, *MLSERVER_V2),
)
"""All of them, by server and in the order of the contract."""


def deviations_of(server: str, version: str) -> tuple[Deviation, ...]:
    """Return the known deviations of one version of a server; none of one whose version is not told."""
    return tuple(one for one in DEVIATIONS if one.server == server and one.is_of(version))
