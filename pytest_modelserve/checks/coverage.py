"""Whether each column was really tested: a model that refuses all but its example has proven nothing.

Source: `CONTRACT` section 0, "Refusal is no free pass".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from ..cases import Case, Table
from ..domain import Domain
from ..signature import ColumnSchema, ColumnSpec, DataType, Signature
from ..wire.values import show_value
from .judge import Exchange
from .outcome import RequestOutcome

CATEGORICAL: Final = frozenset({DataType.STRING, DataType.INTEGER, DataType.LONG})
SHOWN: Final = 3  # refused values that a line names


class ColumnCoverage:
    """Notes which values of which column were accepted.

    Args:
        signature: The model's; a model without columns is not judged here.
        example: Its input example, whose values prove least.
        domain: Declared values count as proof.
    """

    def __init__(self, signature: Signature | None, example: Case | None, domain: Domain) -> None:
        inputs = signature.inputs if signature else None
        self._specs = dict(zip(inputs.names, inputs.columns, strict=True)) if isinstance(inputs, ColumnSchema) else {}
        self._domain = domain
        self._known = _values_of(example.payload) if example and isinstance(example.payload, Table) else {}
        self._accepted: dict[str | int, set[str]] = defaultdict(set)
        self._refused: dict[str | int, dict[str, None]] = defaultdict(dict)

    def note(self, exchange: Exchange) -> None:
        """Take in what became of a request."""
        payload = exchange.case.payload
        if not isinstance(payload, Table):
            return
        if exchange.outcome is RequestOutcome.PREDICTED:
            for name, values in _values_of(payload).items():
                self._accepted[name] |= values
        elif exchange.outcome is RequestOutcome.MODEL_REFUSED:
            for name, values in _values_of(payload).items():
                self._refused[name].update(dict.fromkeys(sorted(values - self._known.get(name, set()))))

    def untested(self) -> tuple[str, ...]:
        """Return a sentence for each column that was only tested on its example."""
        return tuple(
            f"column {show_value(name)} was only tested on {', '.join(sorted(self._accepted[name])) or 'nothing'}"
            f"{self._refusals(name)}"
            for name, spec in self._specs.items()
            if not self._is_tested(name, spec)
        )

    def categorical(self) -> tuple[str, ...]:
        """Return a sentence for each column whose unseen values are all refused, with what settles it."""
        return tuple(self._advice())

    def _advice(self) -> Iterator[str]:
        for name, spec in self._specs.items():
            seen = self._accepted[name] - {"null"}
            if spec.type in CATEGORICAL and self._refused[name] and seen and seen <= self._known.get(name, set()):
                levels = ", ".join(sorted(seen))
                yield (
                    f"column {show_value(name)} is taken for categorical{self._refusals(name)}; "
                    f"declare its levels: {show_value(name)} = {{ values = [{levels}] }}"
                )

    def _is_tested(self, name: str | int, spec: ColumnSpec) -> bool:
        accepted = self._accepted[name] - {"null"}
        beyond = accepted - self._known.get(name, set())
        if spec.type is DataType.BOOLEAN or beyond or not isinstance(spec.type, DataType):
            return bool(beyond) or len(accepted) > 1 or (not self._known.get(name) and bool(accepted))
        declared = self._domain.of(name)
        if declared is not None and declared.values is not None:
            return len(accepted) >= min(2, len(declared.values))
        return spec.type in CATEGORICAL and len(accepted) > 1

    def _refusals(self, name: str | int) -> str:
        refused = list(self._refused[name])
        if not refused:
            return ""
        more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        return f" (refused: {', '.join(refused[:SHOWN])}{more})"


def _values_of(table: Table) -> dict[str | int, set[str]]:
    values: dict[str | int, set[str]] = {name: set() for name in table.columns}
    for row in table.rows:
        for name, cell in zip(table.columns, row, strict=False):
            values[name].add(show_value(cell))
    return values
