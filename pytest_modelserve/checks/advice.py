"""What is no breach, grouped by column and kind, each with the line of a domain that settles it.

Source: `CONTRACT` section 0, the cells that say "advice".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from ..domain import ColumnDomain, Domain, Origin, as_toml
from ..results import Advice
from .columns import ABSENT, NULL, Cells, ColumnNotes, Name, Suspicion
from .coverage import is_categorical, shown
from .judge import Exchange
from .outcome import RequestOutcome

REFUSED: Final = "refused"
OVERFLOW: Final = "overflow"
NO_PREDICTION: Final = "no_prediction"

_VERBS: Final = {REFUSED: "refuses", OVERFLOW: "overflows on", NO_PREDICTION: "predicts nothing for"}
_HOW: Final = "declare which values it takes by --model-domain, in pyproject.toml or in the model's metadata"


def as_advice(notes: ColumnNotes) -> Iterator[Advice]:
    """Yield one piece of advice for each column and kind, then those that no single column explains."""
    blamed = {
        kind: notes.blamed([one for one in notes.suspicions if kind_of(one.judgement.exchange) == kind])
        for kind in _VERBS
    }
    guilty: Cells = defaultdict(dict)
    for columns, _rest in blamed.values():
        for name, suspicions in columns.items():
            guilty[name] |= _cells(name, suspicions)
    for kind, (columns, rest) in blamed.items():
        for name, suspicions in columns.items():
            yield _of_column(notes, kind, name, suspicions, domain_line(notes, name, guilty[name]))
        for suspicion in {one.judgement.key: one for one in reversed(rest)}.values():
            yield Advice(text=suspicion.judgement.title, kind=kind)


def kind_of(exchange: Exchange) -> str:
    """Return what went wrong with an exchange, in one word."""
    if exchange.outcome is RequestOutcome.MODEL_REFUSED:
        return REFUSED
    return OVERFLOW if exchange.outcome is RequestOutcome.MODEL_CRASHED else NO_PREDICTION


def _cells(name: Name, suspicions: list[Suspicion]) -> dict[Hashable, object]:
    return {key: value for one in suspicions for key, value in one.cells[name].items()}


def _of_column(notes: ColumnNotes, kind: str, name: Name, suspicions: list[Suspicion], line: str) -> Advice:
    guilty = _cells(name, suspicions)
    column = "0" if name is None else str(name)
    exception = suspicions[0].judgement.exchange.exception
    because = f" ({exception.type}: {' '.join(exception.message.split())[:100]})" if exception else ""
    taken = "; it is taken for categorical" if kind == REFUSED and is_categorical(notes, name) else ""
    return Advice(
        text=f'column "{column}" {_VERBS[kind]} {shown(list(guilty.values()))}{because}{taken}; {_HOW}',
        column=column,
        kind=kind,
        domain=line,
    )


def domain_line(notes: ColumnNotes, name: Name, guilty: Mapping[Hashable, object]) -> str:
    """Return the line of a domain, as TOML, that leaves the guilty values out; empty where none does."""
    fine = [value for key, value in notes.cleared[name].items() if key not in {NULL, ABSENT}]
    fine += [value for key, value in notes.known.get(name, {}).items() if key not in {NULL, *notes.cleared[name]}]
    bad = [value for key, value in guilty.items() if key not in {NULL, ABSENT}]
    said: dict[str, Any] = {"nullable": False} if NULL in guilty else {}
    if bad and fine:
        is_closed = is_categorical(notes, name) or isinstance(fine[0], bool)
        said |= {"values": tuple(fine)} if is_closed else _limits(fine, bad)
    column = ColumnDomain(**said)
    if not said or any(column.contains(value) for value in bad):
        return ""
    key = "0" if name is None else str(name)
    header, *settings = as_toml(Domain(columns={key: column}, origins={key: Origin.FILE})).splitlines()
    return f"{header[1:-1]} = {{ {', '.join(settings)} }}"


def _limits(fine: list[object], bad: list[object]) -> Mapping[str, Any]:
    if all(isinstance(value, str | bytes | list) for value in (*fine, *bad)):
        return {"max_length": max(len(value) for value in fine if isinstance(value, str | bytes | list))}
    orders = ((int, float), (np.datetime64,))
    if not any(all(isinstance(value, order) for value in (*fine, *bad)) for order in orders):
        return {}
    numbers: list[Any] = fine
    least, most = min(numbers), max(numbers)
    others: list[Any] = bad
    below, above = any(value < least for value in others), any(value > most for value in others)
    return ({"min": least} if below else {}) | ({"max": most} if above else {})
