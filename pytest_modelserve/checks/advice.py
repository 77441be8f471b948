"""What is no breach, grouped by column and kind, each with the line of a domain that settles it.

Source: `CONTRACT` section 0, the cells that say "advice".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from ..domain import ColumnDomain, Domain, Origin, as_toml
from ..results import Advice
from .columns import ABSENT, NULL, Cells, ColumnNotes, Name, Suspicion
from .coverage import is_categorical, is_formatted, shown
from .judge import Exchange, said_by
from .outcome import RequestOutcome

REFUSED: Final = "refused"
OVERFLOW: Final = "overflow"
NO_PREDICTION: Final = "no_prediction"
LEFT_OUT: Final = "left_out"

_VERBS: Final = {REFUSED: "refuses", OVERFLOW: "overflows on", NO_PREDICTION: "predicts nothing for"}
_WHERE: Final = " by --model-domain, in pyproject.toml or in the model's metadata"
_MESSAGE: Final = 100  # characters of what the model said


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
            yield from _of_column(notes, kind, name, suspicions, domain_line(notes, name, guilty[name]))
        closed = {name for name in columns if kind == REFUSED and is_categorical(notes, name)}
        left = [one for one in rest if not closed & one.cells.keys()]  # an unseen category explains a refusal
        for suspicion in {one.judgement.key: one for one in reversed(left)}.values():
            yield Advice(text=suspicion.judgement.title, kind=kind)


def kind_of(exchange: Exchange) -> str:
    """Return what went wrong with an exchange, in one word."""
    if exchange.outcome is RequestOutcome.MODEL_REFUSED:
        return REFUSED
    return OVERFLOW if exchange.outcome is RequestOutcome.MODEL_CRASHED else NO_PREDICTION


def _cells(name: Name, suspicions: list[Suspicion]) -> dict[Hashable, object]:
    return {key: value for one in suspicions for key, value in one.cells[name].items()}


def _of_column(notes: ColumnNotes, kind: str, name: Name, suspicions: list[Suspicion], line: str) -> Iterator[Advice]:
    column = "0" if name is None else str(name)
    left_out = [one for one in suspicions if one.cells[name].keys() == {ABSENT}]
    if left_out:
        yield Advice(
            text=f'column "{column}" may be left out, as the signature says, but the model {_VERBS[kind]} that'
            f"{_because(left_out[0])}; declare it required in the signature, or fill it in the model",
            column=column,
            kind=LEFT_OUT,
        )
    others = [one for one in suspicions if one not in left_out]
    if others:
        yield Advice(
            text=f'column "{column}" {_VERBS[kind]} {shown(list(_cells(name, others).values()))}'
            f"{_because(others[0])}; {_todo(notes, kind, name)}{'' if line else _WHERE}",
            column=column,
            kind=kind,
            domain=line,
        )


def _todo(notes: ColumnNotes, kind: str, name: Name) -> str:
    if kind == REFUSED and is_categorical(notes, name):
        return "it is taken for categorical: declare its values"
    if kind == REFUSED and is_formatted(notes, name):
        return "its bytes are taken to be of one format: send more of it by --model-data, or declare its values"
    return "declare which values it takes"


def _because(suspicion: Suspicion) -> str:
    exception = suspicion.judgement.exchange.exception
    if exception is None:
        return ""
    message = " ".join(said_by(exception).split()).removesuffix(".")
    return f" ({exception.type}: {message if len(message) <= _MESSAGE else f'{message[: _MESSAGE - 1]}…'})"


def domain_line(notes: ColumnNotes, name: Name, guilty: Mapping[Hashable, object]) -> str:
    """Return the line of a domain, as TOML, that leaves the guilty values out; empty where none does."""
    fine = [value for key, value in notes.cleared[name].items() if key not in {NULL, ABSENT}]
    fine += [value for key, value in notes.known.get(name, {}).items() if key not in {NULL, *notes.cleared[name]}]
    bad = [value for key, value in guilty.items() if key not in {NULL, ABSENT}]
    said: dict[str, Any] = {"nullable": False} if NULL in guilty else {}
    if bad and fine:
        is_closed = is_categorical(notes, name) or isinstance(fine[0], bool)
        said |= {"values": tuple(fine)} if is_closed else _limits(fine, bad, list(notes.known.get(name, {}).values()))
    column = ColumnDomain(**said)
    if not said or any(column.contains(value) for value in bad):
        return ""
    key = "0" if name is None else str(name)
    header, *settings = as_toml(Domain(columns={key: column}, origins={key: Origin.FILE})).splitlines()
    return f"{header[1:-1]} = {{ {', '.join(settings)} }}"


def _limits(fine: list[object], bad: list[object], known: Sequence[object]) -> Mapping[str, Any]:
    if all(isinstance(value, str | bytes | list) for value in (*fine, *bad)):
        return {"max_length": max(len(value) for value in fine if isinstance(value, str | bytes | list))}
    orders = ((int, float), (np.datetime64,))
    if not any(all(isinstance(value, order) for value in (*fine, *bad)) for order in orders):
        return {}
    numbers: list[Any] = fine
    least, most = min(numbers), max(numbers)
    others: list[Any] = bad
    below, above = any(value < least for value in others), any(value > most for value in others)
    return ({"min": _plain(least, known, sign=-1)} if below else {}) | (
        {"max": _plain(most, known, sign=1)} if above else {}
    )


def _plain(limit: object, known: Sequence[object], *, sign: int) -> object:
    """Return a limit with one digit that counts, nearer to zero, unless that is outward or leaves the example out."""
    if not isinstance(limit, int | float) or limit * sign <= 0:
        return limit
    exact = Decimal(repr(limit))
    plain = type(limit)(Decimal((int(exact.is_signed()), exact.as_tuple().digits[:1], exact.adjusted())))
    numbers = [value for value in known if isinstance(value, int | float)]
    return plain if all(value * sign <= plain * sign for value in numbers) else limit
