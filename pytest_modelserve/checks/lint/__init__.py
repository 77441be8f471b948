"""What can be said of a signature and its example without sending anything: rules in a table, a function each."""

from __future__ import annotations

from .check import signature_lint
from .table import LINT_RULES

__all__ = ["LINT_RULES", "signature_lint"]
