"""Hypothesis strategies for all that a model's signature allows, and the cases that the suite sends."""

from __future__ import annotations

from .carriers import envelopes_for
from .columns import cells, values
from .edge_cases import as_batches, edge_cases
from .edges import Edge, edges
from .nested import chat_messages
from .params import params_from_signature
from .payloads import cases
from .tables import from_signature, tables
from .tensors import elements, tensors

__all__ = [
    "Edge",
    "as_batches",
    "cases",
    "cells",
    "chat_messages",
    "edge_cases",
    "edges",
    "elements",
    "envelopes_for",
    "from_signature",
    "params_from_signature",
    "tables",
    "tensors",
    "values",
]
