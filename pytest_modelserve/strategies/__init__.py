"""Hypothesis strategies for all that a model's signature allows, and the cases that the suite sends."""

from __future__ import annotations

from .carriers import envelopes_for
from .columns import cells, values
from .edge_cases import Batch, as_batches, edge_cases
from .edges import Edge, edges
from .invalid import invalid_cases
from .mutations import mutations
from .nested import chat_messages
from .params import params_from_signature
from .payloads import cases
from .protocol import protocol_cases
from .rules import RULES, Rule, rule, rules_for
from .tables import from_signature, tables
from .tensors import elements, tensors

__all__ = [
    "RULES",
    "Batch",
    "Edge",
    "Rule",
    "as_batches",
    "cases",
    "cells",
    "chat_messages",
    "edge_cases",
    "edges",
    "elements",
    "envelopes_for",
    "from_signature",
    "invalid_cases",
    "mutations",
    "params_from_signature",
    "protocol_cases",
    "rule",
    "rules_for",
    "tables",
    "tensors",
    "values",
]
